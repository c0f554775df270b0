"""Who takes part in a contest, and how they stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.session import Tx

_RANKED = """
WITH ranked AS (
SELECT e.member_id, e.alias, coalesce(sum(d.value), 0)::bigint AS value, e.joined_at,
       rank() OVER (ORDER BY coalesce(sum(d.value), 0) DESC, e.joined_at, e.member_id) AS place
FROM contest_entrants e
JOIN members m ON m.id = e.member_id AND m.status <> 'erased'
LEFT JOIN day_measures d ON d.member_id = e.member_id AND d.measure = :measure AND d.day BETWEEN :first AND :last
WHERE e.program_id = :program AND e.contest = :contest
GROUP BY e.member_id, e.alias, e.joined_at)
SELECT member_id, alias, value, place FROM ranked
WHERE place <= :places OR member_id = CAST(:member AS uuid) ORDER BY place
"""


def enter(tx: Tx, program_id: str, contest: str, member_id: UUID, *, alias: str, now: datetime) -> bool:
    """Take part under a name, or take another one; False where somebody else has that name. The contest is locked."""
    taken = sql.first(
        tx,
        """
        SELECT 1 FROM contest_entrants WHERE program_id = :program AND contest = :contest
        AND lower(alias) = lower(:alias) AND member_id <> :member
        """,
        program=program_id,
        contest=contest,
        alias=alias,
        member=member_id,
    )
    if taken is not None:
        return False
    sql.run(
        tx,
        """
        INSERT INTO contest_entrants (program_id, member_id, contest, alias, joined_at)
        VALUES (:program, :member, :contest, :alias, :now)
        ON CONFLICT (member_id, contest) DO UPDATE SET alias = excluded.alias
        """,
        program=program_id,
        member=member_id,
        contest=contest,
        alias=alias,
        now=now,
    )
    return True


def leave(tx: Tx, contest: str, member_id: UUID) -> None:
    """Take part no longer; who does not is content."""
    sql.run(
        tx,
        "DELETE FROM contest_entrants WHERE contest = :contest AND member_id = :member",
        contest=contest,
        member=member_id,
    )


def ranking(
    tx: Tx,
    program_id: str,
    contest: str,
    *,
    measure: str,
    first: date,
    last: date,
    places: int,
    member_id: UUID | None = None,
) -> Sequence[Row[Any]]:
    """The first places, and this member's wherever it is: member_id, alias, value, place.

    Of equals the one who entered first stands before.
    """
    return sql.every(
        tx,
        _RANKED,
        program=program_id,
        contest=contest,
        measure=measure,
        first=first,
        last=last,
        places=places,
        member=member_id,
    )


# ── Prizes ───────────────────────────────────────────────────────────────────────────────────────────────────────


def claim(tx: Tx, program_id: str, contest: str, *, first: date, now: datetime) -> bool:
    """Decide a contest, by its first day, in this transaction; False where that has been done, or another one does it."""
    claimed = sql.first(
        tx,
        """
        INSERT INTO contest_results (program_id, contest, first, decided_at) VALUES (:program, :contest, :first, :now)
        ON CONFLICT DO NOTHING RETURNING contest
        """,
        program=program_id,
        contest=contest,
        first=first,
        now=now,
    )
    return claimed is not None


def add_prize(tx: Tx, program_id: str, contest: str, *, first: date, place: int, member_id: UUID, reward: str) -> None:
    """Note who has won a contest's prize, which is to be given."""
    sql.run(
        tx,
        """
        INSERT INTO contest_prizes (program_id, contest, first, place, member_id, reward)
        VALUES (:program, :contest, :first, :place, :member, :reward)
        """,
        program=program_id,
        contest=contest,
        first=first,
        place=place,
        member=member_id,
        reward=reward,
    )


def prizes_to_give(tx: Tx) -> Sequence[Row[Any]]:
    """The prizes that have been won and not been given, of all programs."""
    return sql.every(
        tx,
        """
        SELECT program_id, contest, first, place, member_id, reward FROM contest_prizes
        WHERE given_at IS NULL ORDER BY program_id, contest, first, place
        """,
    )


def mark_given(tx: Tx, prize: Row[Any], *, now: datetime) -> None:
    """A prize has been given."""
    sql.run(
        tx,
        """
        UPDATE contest_prizes SET given_at = :now
        WHERE program_id = :program AND contest = :contest AND first = :first AND place = :place
        """,
        program=prize.program_id,
        contest=prize.contest,
        first=prize.first,
        place=prize.place,
        now=now,
    )
