"""Whom there is something to remind of: looked for among some members at a time, and how far each walk has come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.session import Tx, json_text

# ── The walk ─────────────────────────────────────────────────────────────────────────────────────────────────────


def begin(tx: Tx, program_id: str, kind: str, *, day: date) -> None:
    """Begin a day's walk, unless it has begun; one of an earlier day that was not ended is begun anew."""
    sql.run(
        tx,
        """
        INSERT INTO reminder_walks (program_id, kind, day) VALUES (:program, :kind, :day)
        ON CONFLICT (program_id, kind) DO UPDATE SET day = excluded.day, after = NULL, ended_at = NULL
        WHERE reminder_walks.day < excluded.day
        """,
        program=program_id,
        kind=kind,
        day=day,
    )


def go_on(tx: Tx, program_id: str, kind: str, *, limit: int) -> list[UUID] | None:
    """The members who are next on a walk; None where it has ended or another worker is on it."""
    walk = sql.first(
        tx,
        """
        SELECT after FROM reminder_walks WHERE program_id = :program AND kind = :kind AND ended_at IS NULL
        FOR UPDATE SKIP LOCKED
        """,
        program=program_id,
        kind=kind,
    )
    if walk is None:
        return None
    rows = sql.every(
        tx,
        """
        SELECT id FROM members WHERE program_id = :program AND status IN ('active', 'guest')
          AND (CAST(:after AS uuid) IS NULL OR id > :after) ORDER BY id LIMIT :limit
        """,
        program=program_id,
        after=walk.after,
        limit=limit,
    )
    return [row.id for row in rows]


def done(tx: Tx, program_id: str, kind: str, *, after: UUID | None, ended_at: datetime | None) -> None:
    """Note how far the walk has come, in the transaction that writes its reminders."""
    sql.run(
        tx,
        """
        UPDATE reminder_walks SET after = coalesce(:after, after), ended_at = :ended_at
        WHERE program_id = :program AND kind = :kind
        """,
        program=program_id,
        kind=kind,
        after=after,
        ended_at=ended_at,
    )


def reminded(tx: Tx, kind: str, abouts: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Which of these members have been reminded of these things already."""
    rows = sql.every(
        tx,
        """
        SELECT n.member_id, n.about FROM jsonb_to_recordset(CAST(:abouts AS jsonb)) AS a (member_id uuid, about text)
        JOIN notifications n ON n.member_id = a.member_id AND n.kind = :kind AND n.about = a.about
        """,
        kind=kind,
        abouts=json_text([{"member_id": member, "about": about} for member, about in abouts]),
    )
    return {(row.member_id, row.about) for row in rows}


# ── What ends ────────────────────────────────────────────────────────────────────────────────────────────────────


def units_ending(tx: Tx, member_ids: Collection[UUID], *, now: datetime, until: datetime) -> Sequence[Row[Any]]:
    """Of each unit what ends first: how much, when, and the whole balance; lots, and balances that end as a whole."""
    return sql.every(
        tx,
        """
        WITH ending AS (
          SELECT member_id, unit, expires_at, sum(remaining) AS amount FROM lots
          WHERE member_id = ANY(:ids) AND remaining > 0 AND expires_at > :now AND expires_at <= :until
          GROUP BY member_id, unit, expires_at
          UNION ALL
          SELECT member_id, unit, expires_at, available FROM accounts
          WHERE member_id = ANY(:ids) AND available > 0 AND expires_at > :now AND expires_at <= :until)
        SELECT DISTINCT ON (e.member_id, e.unit) e.member_id, e.unit, e.expires_at, e.amount::bigint AS amount,
               a.available AS balance
        FROM ending e JOIN accounts a ON a.member_id = e.member_id AND a.unit = e.unit
        ORDER BY e.member_id, e.unit, e.expires_at
        """,
        ids=list(member_ids),
        now=now,
        until=until,
    )


def vouchers_ending(tx: Tx, member_ids: Collection[UUID], *, first: date, last: date) -> Sequence[Row[Any]]:
    """Vouchers that nobody has used and whose last day lies in these days."""
    return sql.every(
        tx,
        """
        SELECT id, member_id, reward, valid_until FROM vouchers
        WHERE member_id = ANY(:ids) AND status = 'issued' AND valid_until BETWEEN :first AND :last ORDER BY id
        """,
        ids=list(member_ids),
        first=first,
        last=last,
    )


def tiers_ending(tx: Tx, member_ids: Collection[UUID], *, first: date, last: date) -> Sequence[Row[Any]]:
    """Members whose tier has its last day in these days."""
    return sql.every(
        tx,
        "SELECT id AS member_id, tier, tier_until FROM members WHERE id = ANY(:ids) AND tier_until BETWEEN :first AND :last",
        ids=list(member_ids),
        first=first,
        last=last,
    )


# ── Birthdays and absences ───────────────────────────────────────────────────────────────────────────────────────


def born_on(tx: Tx, member_ids: Collection[UUID], *, month_days: Collection[str]) -> list[UUID]:
    """Members with a birthday on one of these days of a year, `MM-DD`."""
    rows = sql.every(
        tx,
        "SELECT id FROM members WHERE id = ANY(:ids) AND to_char(birth_date, 'MM-DD') = ANY(:days) ORDER BY id",
        ids=list(member_ids),
        days=list(month_days),
    )
    return [row.id for row in rows]


def absent_since(tx: Tx, member_ids: Collection[UUID], *, first: datetime, before: datetime) -> Sequence[Row[Any]]:
    """Members who bought or checked in last between two moments, and when."""
    return sql.every(
        tx,
        """
        SELECT m.id AS member_id, last.at FROM unnest(CAST(:ids AS uuid[])) AS m(id), LATERAL (
          SELECT greatest(
            (SELECT max(t.occurred_at) FROM transactions t WHERE t.member_id = m.id AND t.type = 'sale'),
            (SELECT max(c.occurred_at) FROM check_ins c WHERE c.member_id = m.id)) AS at) AS last
        WHERE last.at >= :first AND last.at < :before
        """,
        ids=list(member_ids),
        first=first,
        before=before,
    )


def balances(tx: Tx, member_ids: Collection[UUID], unit: str) -> dict[UUID, int]:
    """What each of these members has of a unit."""
    rows = sql.every(
        tx,
        "SELECT member_id, available FROM accounts WHERE member_id = ANY(:ids) AND unit = :unit",
        ids=list(member_ids),
        unit=unit,
    )
    return {row.member_id: row.available for row in rows}
