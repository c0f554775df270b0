"""Surveys as a member sees them: those that are open to them, and answering one, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain import errors, survey
from wallet_api.domain.definition import Definition
from wallet_api.domain.segment_reading import read_rule
from wallet_api.domain.survey import Given, Status, Texts
from wallet_api.services.app import App
from wallet_api.services.identify import Who
from wallet_api.services.present import Json
from wallet_api.services.record_activity import RecordActivity, post_activity
from wallet_api.services.segments import select
from wallet_api.services.surveys import one_survey
from wallet_api.store import filing, locks, segment_query, surveys
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx

SHOWN_MAX = 20
"""Each may have a segment that is looked at for the member."""

KIND = "survey"
"""The activity that an answer is, where the program has a rule for it or counts it."""


def surveys_of(app: App, tx: Tx, member_id: UUID, *, program: str) -> list[Json]:
    """The open surveys that a member is asked and has not answered, in their language; those that opened last first."""
    definition, locale = app.current_definition(tx, program), locks.member_unlocked(tx, member_id).locale
    found = surveys.open_to(tx, member_id, program_id=program, now=app.clock.now(), limit=SHOWN_MAX)
    first = definition.languages[0]
    return [_shown(row, locale, first) for row in found if _asks(app, tx, row, member_id, program=program)]


def answer_survey(app: App, tx: Tx, member_id: UUID, survey_id: str, given: Sequence[Given], *, program: str) -> Json:
    """Note what a member answers, and record it as an activity where the program earns by it or counts it.

    Raises NotFound for a survey that the member is not asked, AlreadyAnswered, SurveyNotOpen, and Invalid with all that
    is wrong with the answers.
    """
    now = app.clock.now()
    if locks.member(tx, member_id).status == "merged":
        raise errors.Busy()  # while we waited for the lock
    locks.survey_to_answer(tx, one_survey(tx, survey_id, program=program).key)
    row = one_survey(tx, survey_id, program=program)
    if surveys.answered_by(tx, row.key, [member_id]):
        raise errors.AlreadyAnswered()
    _check_open(row, now=now)
    if not _asks(app, tx, row, member_id, program=program):
        raise errors.NotFound(what="survey")
    answers = survey.answers_of(surveys.questions_of(row.questions), given)
    answer_id = new_id()
    surveys.answer(tx, row.key, member_id, answer_id=answer_id, answers=answers, now=now)
    asked = surveys.unsent_invitations(tx, survey_id, member_id, program_id=program)
    filing.end(tx, dict.fromkeys(asked, "answered"), now=now)
    return {
        "id": answer_id,
        "survey": survey_id,
        "answered_at": now,
        "earned": _earned(app, tx, member_id, survey_id, answer_id, program=program),
    }


def _check_open(row: Row[Any], *, now: datetime) -> None:
    status = survey.status(opens_at=row.opens_at, closes_at=row.closes_at, now=now)
    if status is not Status.OPEN:
        raise errors.SurveyNotOpen(status=status.value)


def _asks(app: App, tx: Tx, row: Row[Any], member_id: UUID, *, program: str) -> bool:
    """Whether a survey is for this member now."""
    if row.rule is None:
        return True
    # What the rule named when it was saved may be gone by now.
    return segment_query.selects(tx, select(app, tx, read_rule(row.rule, None), program=program), member_id)


def _earned(app: App, tx: Tx, member_id: UUID, survey_id: str, answer_id: UUID, *, program: str) -> object:
    """What the answer earns; a rule may ask which survey it was."""
    if not _counts(app.current_definition(tx, program)):
        return []
    wish = RecordActivity(
        who=Who(member_id=member_id),
        kind=KIND,
        external_id=str(answer_id),
        occurred_at=app.clock.now(),
        fields={"survey": survey_id},
    )
    return post_activity(app, tx, member_id, wish, program=program, key_id=None)["earned"]


def _counts(definition: Definition) -> bool:
    return f"activity:{KIND}" in definition.measured or any(rule.kind == KIND for rule in definition.earning)


def _shown(row: Row[Any], locale: str, first: str) -> Json:
    def said(texts: Texts) -> str:
        return survey.said(texts, locale=locale, first=first)

    def question(asked: Mapping[str, Any]) -> Json:
        options = [{"id": option["id"], "text": said(option["text"])} for option in asked["options"]]
        return {**asked, "text": said(asked["text"]), "options": options}

    return {
        "id": row.id,
        "title": said(row.title),
        "questions": [question(asked) for asked in row.questions],
        "closes_at": row.closes_at,
    }
