"""Reading whole ledgers to check them: for some members at a time, everything that must agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain.decision import Entry, EntryKind
from wallet_api.domain.state import Take
from wallet_api.store import sql
from wallet_api.store.session import Tx

Rows: TypeAlias = Sequence[Row[Any]]

_MEMBERS = """
SELECT m.id, m.program_id, p.version, m.tier, m.tier_since, m.tier_until, m.ledger_position, m.ledger_head
FROM members m JOIN programs p ON p.id = m.program_id
WHERE (CAST(:program AS text) IS NULL OR m.program_id = :program)
  AND (CAST(:after AS uuid) IS NULL OR m.id > :after)
ORDER BY m.id LIMIT :limit
"""

_PARTS = {
    "entries": """
        SELECT member_id, id, position, unit, kind, amount, occurred_at, source_id, rule, definition_version, reverses,
               takes, hash
        FROM entries WHERE member_id = ANY(:ids) ORDER BY member_id, position, id
    """,
    "accounts": "SELECT member_id, unit, available, lifetime, debt FROM accounts WHERE member_id = ANY(:ids)",
    "lots": "SELECT member_id, id, unit, amount, remaining FROM lots WHERE member_id = ANY(:ids)",
    "measures": "SELECT member_id, measure, day, value FROM day_measures WHERE member_id = ANY(:ids)",
    "transactions": """
        SELECT member_id, id, type, occurred_at, lines, net, kept, definition_version, sale_id
        FROM transactions WHERE member_id = ANY(:ids) ORDER BY id
    """,
    "check_ins": "SELECT member_id, occurred_at FROM check_ins WHERE member_id = ANY(:ids)",
    "activities": "SELECT member_id, kind, occurred_at FROM activities WHERE member_id = ANY(:ids)",
    "redemptions": "SELECT member_id, id, unit, amount, status FROM redemptions WHERE member_id = ANY(:ids)",
    "tier_changes": """
        SELECT DISTINCT ON (member_id) member_id, tier, since, until FROM tier_changes
        WHERE member_id = ANY(:ids) ORDER BY member_id, id DESC
    """,
}


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Everything that is on record of one member, as rows."""

    member: Row[Any]
    entries: Rows
    accounts: Rows
    lots: Rows
    measures: Rows
    transactions: Rows
    check_ins: Rows
    activities: Rows
    redemptions: Rows
    tier_changes: Rows


def ledgers(tx: Tx, *, program: str | None, after: UUID | None, limit: int) -> list[Ledger]:
    """The next members' ledgers, in the order of their ids, all as of one moment."""
    tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    rows = sql.every(tx, _MEMBERS, program=program, after=after, limit=limit)
    ids = [row.id for row in rows]
    parts = {name: _by_member(sql.every(tx, statement, ids=ids)) for name, statement in _PARTS.items()}
    return [Ledger(member=row, **{name: part.get(row.id, []) for name, part in parts.items()}) for row in rows]


def entry_of(row: Row[Any]) -> Entry:
    """An entry as it was when it was linked into the chain."""
    return Entry(
        id=row.id,
        unit=row.unit,
        kind=EntryKind(row.kind),
        amount=row.amount,
        occurred_at=row.occurred_at,
        source_id=row.source_id,
        rule=row.rule,
        reverses=row.reverses,
        takes=tuple(Take(lot_id=UUID(take["lot_id"]), amount=take["amount"]) for take in row.takes),
    )


def _by_member(rows: Rows) -> Mapping[UUID, Rows]:
    groups: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[row.member_id].append(row)
    return groups
