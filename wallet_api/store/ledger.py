"""Reading whole ledgers to check them or to go back in time: for some members at a time, everything on record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain.decision import Entry, EntryKind
from wallet_api.domain.state import Take
from wallet_api.store import sql
from wallet_api.store.session import Tx

Rows: TypeAlias = Sequence[Row[Any]]

_MEMBERS = """
SELECT m.id, m.program_id, m.version, m.status, m.merged_into, m.merged_first_into, m.joined_at, m.birth_date, m.referred_by, m.settled_at,
       m.tier, m.tier_since, m.tier_until, m.membership, m.ledger_position, m.ledger_head
FROM members m
"""
_FORMER_SELVES = """
WITH RECURSIVE selves (member, former) AS (
  SELECT m.merged_first_into, m.id FROM members m WHERE m.merged_first_into = ANY(:ids)
  UNION ALL
  SELECT s.member, m.id FROM selves s JOIN members m ON m.merged_first_into = s.former)
SELECT member, former FROM selves ORDER BY former
"""
_NEXT = """
WHERE (CAST(:program AS text) IS NULL OR m.program_id = :program)
  AND (CAST(:after AS uuid) IS NULL OR m.id > :after)
ORDER BY m.id LIMIT :limit
"""

_PARTS = {
    "entries": """
        SELECT member_id, id, position, unit, kind, amount, occurred_at, recorded_at, source_id, rule,
               definition_version, reverses, takes, why, expires_at, usable_at, hash
        FROM entries WHERE member_id = ANY(:ids) ORDER BY member_id, position, id
    """,
    "accounts": "SELECT member_id, unit, available, pending, lifetime, debt FROM accounts WHERE member_id = ANY(:ids)",
    "lots": """
        SELECT member_id, id, unit, amount, remaining, earned_at, expires_at, usable_at, source_id
        FROM lots WHERE member_id = ANY(:ids) ORDER BY id
    """,
    "lot_dates": """
        SELECT member_id, lot_id, position, previous, expires_at, recorded_at
        FROM lot_dates WHERE member_id = ANY(:ids) ORDER BY id
    """,
    "measures": "SELECT member_id, measure, day, value FROM day_measures WHERE member_id = ANY(:ids)",
    "counts": "SELECT member_id, rule, period, times, units FROM rule_counts WHERE member_id = ANY(:ids)",
    "transactions": """
        SELECT t.member_id, t.id, t.type, t.occurred_at, t.recorded_at, t.lines, t.net, t.kept, t.by_units, t.free,
               t.tier, t.membership, t.definition_version, t.sale_id, l.code AS location
        FROM transactions t LEFT JOIN locations l ON l.id = t.location_id WHERE t.member_id = ANY(:ids) ORDER BY t.id
    """,
    "check_ins": "SELECT member_id, occurred_at, recorded_at FROM check_ins WHERE member_id = ANY(:ids)",
    "activities": "SELECT member_id, kind, occurred_at, recorded_at FROM activities WHERE member_id = ANY(:ids)",
    "redemptions": """
        SELECT coalesce(first_member_id, member_id) AS member_id, id, reward, quantity, unit, amount, takes, status, made_at, hold_expires_at,
               coalesce(recorded_at, made_at) AS recorded_at
        FROM redemptions
        WHERE first_member_id = ANY(:ids) OR (member_id = ANY(:ids) AND first_member_id IS NULL) ORDER BY id
    """,
    # Rows of before the column `recorded_at` was there tell by their ids when they were written.
    "tier_changes": """
        SELECT member_id, previous, tier, since, until, counted_from, uncounted, floor, floor_until,
               coalesce(recorded_at, uuid_time(id)) AS recorded_at
        FROM tier_changes WHERE member_id = ANY(:ids) ORDER BY id
    """,
    "membership_changes": """
        SELECT member_id, membership, recorded_at FROM membership_changes WHERE member_id = ANY(:ids) ORDER BY id
    """,
    "badges": "SELECT member_id, badge, day FROM badges WHERE member_id = ANY(:ids) ORDER BY badge",
}


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Everything that is on record of one member, as rows, the oldest first; `former`: who were merged into them."""

    member: Row[Any]
    entries: Rows
    accounts: Rows
    lots: Rows
    lot_dates: Rows
    measures: Rows
    counts: Rows
    transactions: Rows
    check_ins: Rows
    activities: Rows
    redemptions: Rows
    tier_changes: Rows
    membership_changes: Rows
    badges: Rows
    former: tuple[Ledger, ...] = ()

    @property
    def selves(self) -> tuple[Ledger, ...]:
        """The member, and who they were before."""
        return (self, *self.former)


def ledgers(tx: Tx, *, program: str | None, after: UUID | None, limit: int) -> list[Ledger]:
    """The next members' ledgers, in the order of their ids, all as of one moment."""
    tx.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    return _of(tx, sql.every(tx, _MEMBERS + _NEXT, program=program, after=after, limit=limit))


def of_member(tx: Tx, member_id: UUID) -> Ledger | None:
    """One member's ledger."""
    return next(iter(of_members(tx, [member_id])), None)


def of_members(tx: Tx, member_ids: Collection[UUID]) -> list[Ledger]:
    """Some members' ledgers."""
    return _of(tx, sql.every(tx, _MEMBERS + "WHERE m.id = ANY(:ids)", ids=list(member_ids)))


def add_measures(tx: Tx, values: Mapping[tuple[UUID, str, date], int]) -> None:
    """Add day measures of locked members that nobody has kept so far."""
    sql.run(
        tx,
        """
        INSERT INTO day_measures (member_id, measure, day, value)
        SELECT * FROM unnest(CAST(:members AS uuid[]), CAST(:measures AS text[]), CAST(:days AS date[]),
                             CAST(:values AS bigint[]))
        """,
        members=[member_id for member_id, _, _ in values],
        measures=[measure for _, measure, _ in values],
        days=[day for _, _, day in values],
        values=list(values.values()),
    )


def redemptions(tx: Tx, ids: Collection[UUID]) -> Rows:
    """Redemptions by their ids, whoever they belong to now."""
    return sql.every(
        tx,
        """
        SELECT id, reward, quantity, unit, amount, takes, status, made_at, hold_expires_at
        FROM redemptions WHERE id = ANY(:ids) ORDER BY id
        """,
        ids=list(ids),
    )


def stock(tx: Tx, *, program: str | None) -> Rows:
    """How many of each limited reward are said to be taken, and how many have been redeemed or are held."""
    return sql.every(
        tx,
        """
        SELECT s.program_id, s.reward, s.taken, (
          SELECT coalesce(sum(r.quantity), 0) FROM redemptions r
          WHERE r.program_id = s.program_id AND r.reward = s.reward AND r.status IN ('held', 'captured')) AS redeemed
        FROM reward_stock s WHERE CAST(:program AS text) IS NULL OR s.program_id = :program
        ORDER BY s.program_id, s.reward
        """,
        program=program,
    )


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
        why=row.why,
        expires_at=row.expires_at,
        usable_at=row.usable_at,
    )


def _of(tx: Tx, rows: Rows) -> list[Ledger]:
    selves = sql.every(tx, _FORMER_SELVES, ids=[row.id for row in rows])
    former = {
        row.id: row for row in sql.every(tx, _MEMBERS + "WHERE m.id = ANY(:ids)", ids=[each.former for each in selves])
    }
    ids = {*(row.id for row in rows), *former}
    parts = {name: _by_member(sql.every(tx, statement, ids=list(ids))) for name, statement in _PARTS.items()}
    earlier: defaultdict[UUID, list[Ledger]] = defaultdict(list)
    for each in selves:
        earlier[each.member].append(_ledger(former[each.former], parts))
    return [_ledger(row, parts, former=earlier.get(row.id, ())) for row in rows]


def _ledger(row: Row[Any], parts: Mapping[str, Mapping[UUID, Rows]], *, former: Collection[Ledger] = ()) -> Ledger:
    return Ledger(member=row, former=tuple(former), **{name: part.get(row.id, []) for name, part in parts.items()})


def _by_member(rows: Rows) -> Mapping[UUID, Rows]:
    groups: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        groups[row.member_id].append(row)
    return groups
