"""Surveys: managers write them, close them, and see what members have answered."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain import errors, segment, survey
from wallet_api.domain.errors import Invalid
from wallet_api.domain.segment_reading import read_rule
from wallet_api.domain.survey import SCORE_MAX, Answer, Question, QuestionKind
from wallet_api.services.app import App
from wallet_api.services.present import Json
from wallet_api.services.segments import asked_segment
from wallet_api.store import locks, surveys
from wallet_api.store.session import Tx
from wallet_api.store.surveys import NewSurvey, questions_of

OPTIONS_MIN = 2

Text = str | Mapping[str, str]
"""One text, or one for each language."""


@dataclass(frozen=True, kw_only=True)
class SurveyWish:
    """A survey as a manager describes it; without `opens_at` it opens at once, or stays as it is."""

    title: Text
    questions: Sequence[Mapping[str, Any]]
    segment: UUID | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def create_survey(app: App, tx: Tx, survey_id: str, wish: SurveyWish, *, program: str) -> Json:
    """File a survey under a name of its own. Raises NameTaken, and Invalid with all that is wrong."""
    now = app.clock.now()
    new = _checked(app, tx, wish, program=program, opens_at=wish.opens_at or now)
    row = surveys.add(tx, program, survey_id, new, now=now)
    if row is None:
        raise errors.NameTaken()
    return _shown_whole(tx, row, now=now)


def change_survey(app: App, tx: Tx, survey_id: str, wish: SurveyWish, *, program: str) -> Json:
    """Write a survey anew; its questions only while nobody has answered. Raises NotFound, SurveyHasAnswers, Invalid."""
    locks.survey_to_change(tx, one_survey(tx, survey_id, program=program).key)
    known = one_survey(tx, survey_id, program=program)
    new = _checked(app, tx, wish, program=program, opens_at=wish.opens_at or known.opens_at)
    if list(new.questions) != known.questions and surveys.has_answers(tx, known.key):
        raise errors.SurveyHasAnswers()
    now = app.clock.now()
    return _shown_whole(tx, surveys.change(tx, known.key, new, now=now), now=now)


def close_survey(app: App, tx: Tx, survey_id: str, *, program: str) -> Json:
    """Take no more answers; asked for again it is as it was. Raises NotFound."""
    now = app.clock.now()
    row = surveys.close(tx, one_survey(tx, survey_id, program=program).key, now=now)
    return _shown_whole(tx, row, now=now)


def _checked(app: App, tx: Tx, wish: SurveyWish, *, program: str, opens_at: datetime) -> NewSurvey:
    first = app.current_definition(tx, program).languages[0]
    rule = None
    faults = list(_faults(wish, first, opens_at=opens_at))
    if wish.segment is not None:
        try:
            rule = _rule(tx, wish.segment, program=program)
        except Invalid as fault:
            faults.append(fault)
    if faults:
        raise Invalid.of_all(faults)
    return NewSurvey(
        title=_by_language(wish.title, first),
        questions=[_question_json(question, first) for question in wish.questions],
        segment_id=wish.segment,
        rule=rule,
        opens_at=opens_at,
        closes_at=wish.closes_at,
    )


def _rule(tx: Tx, segment_id: UUID, *, program: str) -> Mapping[str, object]:
    """The segment's rule, which is asked of one member at a time. Raises Invalid."""
    rule: Mapping[str, object] = asked_segment(tx, segment_id, program=program).rule
    if any(isinstance(each, segment.Rfm) for each in segment.conditions(read_rule(rule, None))):
        # A class is a rank among all members: each look at a member's list would rank everybody.
        raise Invalid(
            pointer="#/segment", detail="It asks for rfm, which compares all members: send them a campaign instead."
        )
    return rule


def _faults(wish: SurveyWish, first: str, *, opens_at: datetime) -> Iterator[Invalid]:
    if wish.closes_at is not None and wish.closes_at <= opens_at:
        yield Invalid(pointer="#/closes_at", detail="It would close before it opens.")
    yield from _text_faults(wish.title, first, pointer="#/title")
    yield from _taken(wish.questions, pointer="#/questions")
    for place, question in enumerate(wish.questions):
        pointer = f"#/questions/{place}"
        yield from _text_faults(question["text"], first, pointer=f"{pointer}/text")
        yield from _option_faults(question, first, pointer=pointer)


def _option_faults(question: Mapping[str, Any], first: str, *, pointer: str) -> Iterator[Invalid]:
    options, kind = question["options"] or [], question["kind"]
    if kind == QuestionKind.CHOICE and len(options) < OPTIONS_MIN:
        yield Invalid(pointer=f"{pointer}/options", detail="A choice needs at least two options.")
    if kind != QuestionKind.CHOICE and options:
        yield Invalid(pointer=f"{pointer}/options", detail="Only a choice has options.")
    if kind != QuestionKind.CHOICE and question["several"]:
        yield Invalid(pointer=f"{pointer}/several", detail="Only of a choice several can be chosen.")
    yield from _taken(options, pointer=f"{pointer}/options")
    for place, option in enumerate(options):
        yield from _text_faults(option["text"], first, pointer=f"{pointer}/options/{place}/text")


def _taken(named: Sequence[Mapping[str, Any]], *, pointer: str) -> Iterator[Invalid]:
    """Each id stands once."""
    ids = Counter(each["id"] for each in named)
    for place, each in enumerate(named):
        if ids[each["id"]] > 1:
            yield Invalid(pointer=f"{pointer}/{place}/id", detail=f"“{each['id']}” is taken.")


def _text_faults(text: Text, first: str, *, pointer: str) -> Iterator[Invalid]:
    if not isinstance(text, str) and first not in text:
        yield Invalid(pointer=pointer, detail=f"It is missing in the program’s first language, {first}.")


def _by_language(text: Text, first: str) -> dict[str, str]:
    return {first: text} if isinstance(text, str) else dict(text)


def _question_json(question: Mapping[str, Any], first: str) -> Json:
    return {
        "id": question["id"],
        "kind": question["kind"],
        "text": _by_language(question["text"], first),
        "options": [
            {"id": option["id"], "text": _by_language(option["text"], first)} for option in question["options"] or ()
        ],
        "several": question["several"],
    }


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def list_surveys(app: App, tx: Tx, *, program: str, before: UUID | None, limit: int) -> list[Json]:
    """A program's surveys, the newest first."""
    now = app.clock.now()
    return [_shown(row, now=now) for row in surveys.of_program(tx, program, before=before, limit=limit)]


def show_survey(app: App, tx: Tx, survey_id: str, *, program: str) -> Json:
    """A survey, and what its answers come to so far. Raises NotFound."""
    return _shown_whole(tx, one_survey(tx, survey_id, program=program), now=app.clock.now())


def list_answers(tx: Tx, survey_id: str, *, program: str, before: UUID | None, limit: int) -> list[Json]:
    """Who has answered what, the newest first. Raises NotFound."""
    key = one_survey(tx, survey_id, program=program).key
    return [
        {
            "id": row.id,
            "member": row.member_id,
            "answered_at": row.answered_at,
            "answers": [_answer(question, answer) for question, answer in row.answers.items()],
        }
        for row in surveys.answers(tx, key, before=before, limit=limit)
    ]


def one_survey(tx: Tx, survey_id: str, *, program: str) -> Row[Any]:
    """A survey's row. Raises NotFound."""
    row = surveys.one(tx, survey_id, program_id=program)
    if row is None:
        raise errors.NotFound(what="survey")
    return row


def _answer(question: str, answer: Answer) -> Json:
    return {
        "question": question,
        "score": answer if isinstance(answer, int) else None,
        "options": answer if isinstance(answer, list) else None,
        "text": answer if isinstance(answer, str) else None,
    }


def _shown(row: Row[Any], *, now: datetime) -> Json:
    return {
        "key": row.key,
        "id": row.id,
        "status": survey.status(opens_at=row.opens_at, closes_at=row.closes_at, now=now).value,
        "title": row.title,
        "questions": row.questions,
        "segment": row.segment_id,
        "rule": row.rule,
        "opens_at": row.opens_at,
        "closes_at": row.closes_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _shown_whole(tx: Tx, row: Row[Any], *, now: datetime) -> Json:
    members: defaultdict[str, dict[str | None, int]] = defaultdict(dict)
    for each in surveys.distribution(tx, row.key):
        members[each.question][each.said] = each.members
    return {
        **_shown(row, now=now),
        "answered": surveys.answered(tx, row.key),
        "results": [_result(question, members[question.id]) for question in questions_of(row.questions)],
    }


def _result(question: Question, members: Mapping[str | None, int]) -> Json:
    """What the answers to a question come to: `members` by score or option, and in all under None."""
    scores = [members.get(str(score), 0) for score in range(SCORE_MAX + 1)]
    is_score, nps = question.kind is QuestionKind.SCORE, survey.net_promoter_score(scores)
    return {
        "question": question.id,
        "kind": question.kind.value,
        "answered": members.get(None, 0),
        "scores": [{"score": score, "members": count} for score, count in enumerate(scores)] if is_score else None,
        "nps": float(round(nps, 1)) if is_score and nps is not None else None,
        "options": [{"option": option.id, "members": members.get(option.id, 0)} for option in question.options]
        if question.kind is QuestionKind.CHOICE
        else None,
    }
