"""Counts over a whole program."""

from __future__ import annotations

from wallet_api.store import sql
from wallet_api.store.session import Tx


def sales(tx: Tx, program_id: str) -> tuple[int, int]:
    """How many sales there are, and what was paid less what was given back, in minor units."""
    row = sql.one(
        tx,
        """
        SELECT count(*) FILTER (WHERE type = 'sale') AS sales,
               coalesce(sum(CASE WHEN type = 'sale' THEN paid ELSE -paid END), 0) AS revenue
        FROM transactions WHERE program_id = :program
        """,
        program=program_id,
    )
    return int(row.sales), int(row.revenue)


def members_by_tier(tx: Tx, program_id: str) -> dict[str, int]:
    """How many members hold each tier; an empty name counts those without one."""
    rows = sql.every(
        tx,
        """
        SELECT coalesce(tier, '') AS tier, count(*) AS n FROM members
        WHERE program_id = :program AND status <> 'erased' GROUP BY 1
        """,
        program=program_id,
    )
    return {row.tier: int(row.n) for row in rows}


def outstanding(tx: Tx, program_id: str) -> dict[str, int]:
    """What members can spend of each unit, in smallest steps."""
    rows = sql.every(
        tx,
        """
        SELECT a.unit, sum(a.available) AS n FROM accounts a JOIN members m ON m.id = a.member_id
        WHERE m.program_id = :program GROUP BY a.unit
        """,
        program=program_id,
    )
    return {row.unit: int(row.n) for row in rows}
