"""Reading what members did, to be replayed: for some members at a time, everything on record that earns or spends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.session import Tx

Rows: TypeAlias = Sequence[Row[Any]]

_MEMBERS = """
SELECT id, joined_at, birth_date, referred_by FROM members
WHERE program_id = :program AND merged_into IS NULL AND (CAST(:after AS uuid) IS NULL OR id > :after)
ORDER BY id LIMIT :limit
"""

# Those who were merged into others, whose past is a part of theirs; never more than one step away.
_FORMER = "SELECT id, merged_into, joined_at FROM members WHERE merged_into = ANY(:ids)"

_PARTS = {
    "transactions": """
        SELECT member_id, id, type, location_id, occurred_at, lines, kept, voucher_ids, sale_id
        FROM transactions WHERE member_id = ANY(:ids) AND occurred_at < :until ORDER BY id
    """,
    "vouchers": "SELECT member_id, id, reward, redemption_id FROM vouchers WHERE member_id = ANY(:ids)",
    "check_ins": """
        SELECT member_id, id, location_id, occurred_at
        FROM check_ins WHERE member_id = ANY(:ids) AND occurred_at < :until ORDER BY id
    """,
    "activities": """
        SELECT member_id, id, kind, fields, occurred_at
        FROM activities WHERE member_id = ANY(:ids) AND occurred_at < :until ORDER BY id
    """,
    # A hold that is still open, or was given back, has taken nothing.
    "redemptions": """
        SELECT member_id, id, reward, quantity, unit, made_at
        FROM redemptions WHERE member_id = ANY(:ids) AND made_at < :until AND status = 'captured' AND amount > 0
        ORDER BY id
    """,
    "memberships": """
        SELECT member_id, id, membership, recorded_at
        FROM membership_changes WHERE member_id = ANY(:ids) AND recorded_at < :until ORDER BY id
    """,
    # What units paid of a sale stands under the sale; what they bought as a reward stands under its redemption.
    "entries": """
        SELECT member_id, id, unit, kind, amount, source_id, why, occurred_at
        FROM entries WHERE member_id = ANY(:ids) AND occurred_at < :until AND kind IN ('adjust', 'redeem')
          AND NOT why ?| ARRAY['merged_into', 'merged_from']
        ORDER BY member_id, position
    """,
}


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """When a program's first and last transaction happened, how many there are, and in which currencies."""

    first: datetime
    last: datetime
    transactions: int
    currencies: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class PastRows:
    """What one member did, as rows; `former` are the members who were merged into this one."""

    member: Row[Any]
    former: Rows
    transactions: Rows
    vouchers: Rows
    check_ins: Rows
    activities: Rows
    redemptions: Rows
    memberships: Rows
    entries: Rows


def bounds(tx: Tx, program: str, *, until: datetime | None = None) -> Bounds | None:
    """Over which time a program's transactions (before `until`) extend; None where there are none."""
    row = sql.one(
        tx,
        """
        SELECT min(occurred_at) AS first, max(occurred_at) AS last, count(*) AS n,
               coalesce(array_agg(DISTINCT currency), '{}') AS currencies
        FROM transactions
        WHERE program_id = :program AND (CAST(:until AS timestamptz) IS NULL OR occurred_at < :until)
        """,
        program=program,
        until=until,
    )
    if row.first is None:
        return None
    return Bounds(first=row.first, last=row.last, transactions=row.n, currencies=frozenset(row.currencies))


def pasts(tx: Tx, program: str, *, until: datetime, after: UUID | None, limit: int) -> list[PastRows]:
    """What the next members did before `until`, in the order of their ids, all as of one moment."""
    tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    members = sql.every(tx, _MEMBERS, program=program, after=after, limit=limit)
    former = sql.every(tx, _FORMER, ids=[row.id for row in members])
    person = {row.id: row.id for row in members} | {row.id: row.merged_into for row in former}
    parts = {
        name: _by_person(sql.every(tx, query, ids=list(person), until=until), person) for name, query in _PARTS.items()
    }
    return [
        PastRows(
            member=row,
            former=[other for other in former if other.merged_into == row.id],
            **{name: part.get(row.id, []) for name, part in parts.items()},
        )
        for row in members
    ]


def _by_person(rows: Rows, person: Mapping[UUID, UUID]) -> Mapping[UUID, Rows]:
    groups: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[person[row.member_id]].append(row)
    return groups
