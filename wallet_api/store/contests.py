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
LEFT JOIN day_measures d ON d.member_id = e.member_id AND d.measure = :measure AND d.day BETWEEN :first AND :last
WHERE e.program_id = :program AND e.contest = :contest
GROUP BY e.member_id, e.alias, e.joined_at)
SELECT * FROM ranked WHERE CAST(:member AS uuid) IS NULL OR member_id = :member ORDER BY place LIMIT :limit
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
    tx: Tx, program_id: str, contest: str, *, measure: str, first: date, last: date, limit: int
) -> Sequence[Row[Any]]:
    """The first places: member_id, alias, value, place; of equals the one who entered first stands before."""
    return sql.every(
        tx,
        _RANKED,
        program=program_id,
        contest=contest,
        measure=measure,
        first=first,
        last=last,
        member=None,
        limit=limit,
    )


def place_of(
    tx: Tx, program_id: str, contest: str, member_id: UUID, *, measure: str, first: date, last: date
) -> Row[Any] | None:
    """One entrant's place; None for who takes no part."""
    return sql.first(
        tx,
        _RANKED,
        program=program_id,
        contest=contest,
        member=member_id,
        measure=measure,
        first=first,
        last=last,
        limit=1,
    )
