"""Surveys, and what members have answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain.survey import Answer, Option, Question, QuestionKind
from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx, json_text

_COLUMNS = "key, id, title, questions, segment_id, rule, opens_at, closes_at, created_at, updated_at"


@dataclass(frozen=True, kw_only=True)
class NewSurvey:
    """A survey as a manager wrote it; `title`, `questions` and `rule` are JSON values."""

    title: Mapping[str, str]
    questions: Sequence[Mapping[str, object]]
    segment_id: UUID | None
    rule: Mapping[str, object] | None
    opens_at: datetime
    closes_at: datetime | None


def add(tx: Tx, program_id: str, survey_id: str, survey: NewSurvey, *, now: datetime) -> Row[Any] | None:
    """File a survey; None where the program has one of this id."""
    return sql.first(
        tx,
        f"""
        INSERT INTO surveys (key, program_id, id, title, questions, segment_id, rule, opens_at, closes_at, created_at,
                             updated_at)
        VALUES (:key, :program, :id, CAST(:title AS jsonb), CAST(:questions AS jsonb), :segment_id,
                CAST(:rule AS jsonb), :opens_at, :closes_at, :now, :now)
        ON CONFLICT (program_id, id) DO NOTHING RETURNING {_COLUMNS}
        """,  # noqa: S608 names of our own
        key=new_id(),
        program=program_id,
        id=survey_id,
        now=now,
        **_values(survey),
    )


def change(tx: Tx, key: UUID, survey: NewSurvey, *, now: datetime) -> Row[Any]:
    """Write a survey, which is locked, anew."""
    return sql.one(
        tx,
        f"""
        UPDATE surveys
        SET title = CAST(:title AS jsonb), questions = CAST(:questions AS jsonb), segment_id = :segment_id,
            rule = CAST(:rule AS jsonb), opens_at = :opens_at, closes_at = :closes_at, updated_at = :now
        WHERE key = :key RETURNING {_COLUMNS}
        """,  # noqa: S608 names of our own
        key=key,
        now=now,
        **_values(survey),
    )


def _values(survey: NewSurvey) -> dict[str, object]:
    return {
        **asdict(survey),
        "title": json_text(survey.title),
        "questions": json_text(survey.questions),
        "rule": None if survey.rule is None else json_text(survey.rule),
    }


def close(tx: Tx, key: UUID, *, now: datetime) -> Row[Any]:
    """End a survey now; one that has ended stays as it is."""
    return sql.one(
        tx,
        f"UPDATE surveys SET closes_at = least(closes_at, :now) WHERE key = :key RETURNING {_COLUMNS}",  # noqa: S608 names of our own
        key=key,
        now=now,
    )


def one(tx: Tx, survey_id: str, *, program_id: str) -> Row[Any] | None:
    """A survey of this program."""
    return sql.first(
        tx,
        f"SELECT {_COLUMNS} FROM surveys WHERE program_id = :program AND id = :id",  # noqa: S608 names of our own
        program=program_id,
        id=survey_id,
    )


def of_program(tx: Tx, program_id: str, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """A program's surveys, the newest first."""
    return sql.every(
        tx,
        f"""
        SELECT {_COLUMNS} FROM surveys
        WHERE program_id = :program AND (CAST(:before AS uuid) IS NULL OR key < :before) ORDER BY key DESC LIMIT :limit
        """,  # noqa: S608 names of our own
        program=program_id,
        before=before,
        limit=limit,
    )


def questions_by_survey(tx: Tx, program_id: str) -> dict[str, tuple[Question, ...]]:
    """What each of a program's surveys asks."""
    rows = sql.every(
        tx, "SELECT id, questions FROM surveys WHERE program_id = :program ORDER BY id", program=program_id
    )
    return {row.id: questions_of(row.questions) for row in rows}


def questions_of(said: Sequence[Mapping[str, Any]]) -> tuple[Question, ...]:
    """Questions out of a row's JSON."""
    return tuple(
        Question(
            id=each["id"],
            kind=QuestionKind(each["kind"]),
            text=each["text"],
            options=tuple(Option(id=option["id"], text=option["text"]) for option in each["options"]),
            several=each["several"],
        )
        for each in said
    )


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def open_to(tx: Tx, member_id: UUID, *, program_id: str, now: datetime, limit: int) -> Sequence[Row[Any]]:
    """The surveys that are open and that a member has not answered, those that opened last first."""
    return sql.every(
        tx,
        f"""
        SELECT {_COLUMNS} FROM surveys s
        WHERE program_id = :program AND opens_at <= :now AND (closes_at IS NULL OR closes_at > :now)
          AND NOT EXISTS (SELECT FROM survey_answers a WHERE a.survey = s.key AND a.member_id = :member)
        ORDER BY opens_at DESC, key LIMIT :limit
        """,  # noqa: S608 names of our own
        program=program_id,
        member=member_id,
        now=now,
        limit=limit,
    )


def answer(
    tx: Tx, key: UUID, member_id: UUID, *, answer_id: UUID, answers: Mapping[str, Answer], now: datetime
) -> None:
    """Note what a member, who is locked and has not answered before, has answered."""
    sql.run(
        tx,
        """
        INSERT INTO survey_answers (id, survey, member_id, answers, answered_at)
        VALUES (:id, :survey, :member, CAST(:answers AS jsonb), :now)
        """,
        id=answer_id,
        survey=key,
        member=member_id,
        answers=json_text(answers),
        now=now,
    )


def has_answers(tx: Tx, key: UUID) -> bool:
    """Whether anybody has answered a survey."""
    return sql.first(tx, "SELECT 1 FROM survey_answers WHERE survey = :survey LIMIT 1", survey=key) is not None


def answered_by(tx: Tx, key: UUID, member_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these members have answered a survey."""
    rows = sql.every(
        tx,
        "SELECT member_id FROM survey_answers WHERE survey = :survey AND member_id = ANY(:members)",
        survey=key,
        members=list(member_ids),
    )
    return {row.member_id for row in rows}


def answers(tx: Tx, key: UUID, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Who has answered what, the newest first."""
    return sql.every(
        tx,
        """
        SELECT id, member_id, answers, answered_at FROM survey_answers
        WHERE survey = :survey AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
        """,
        survey=key,
        before=before,
        limit=limit,
    )


def answered(tx: Tx, key: UUID) -> int:
    """How many members have answered a survey."""
    return int(sql.one(tx, "SELECT count(*) AS members FROM survey_answers WHERE survey = :survey", survey=key).members)


def distribution(tx: Tx, key: UUID) -> Sequence[Row[Any]]:
    """By question how many members gave each score and chose each option; `said` is None for all who answered it."""
    return sql.every(
        tx,
        """
        SELECT q.key AS question, s.said, count(*) AS members
        FROM survey_answers a, jsonb_each(a.answers) q, LATERAL (
          SELECT NULL AS said
          UNION ALL SELECT q.value #>> '{}' WHERE jsonb_typeof(q.value) = 'number'
          UNION ALL SELECT jsonb_array_elements_text(q.value) WHERE jsonb_typeof(q.value) = 'array') s
        WHERE a.survey = :survey GROUP BY q.key, s.said
        """,
        survey=key,
    )


def unsent_invitations(tx: Tx, survey_id: str, member_id: UUID, *, program_id: str) -> list[UUID]:
    """The messages of campaigns that ask a member to answer a survey, and of which something waits to be sent."""
    rows = sql.every(
        tx,
        """
        SELECT DISTINCT d.notification_id FROM deliveries d JOIN campaigns c ON c.id = d.campaign_id
        WHERE d.member_id = :member AND d.status = 'waiting' AND c.program_id = :program AND c.survey = :survey
        """,
        member=member_id,
        program=program_id,
        survey=survey_id,
    )
    return [row.notification_id for row in rows]
