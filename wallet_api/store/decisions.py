"""Writing decisions: everything they change, in one statement; what changes seldom, in another one beside it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeAlias
from uuid import UUID

from wallet_api.domain import chain, errors
from wallet_api.domain.decision import Decision
from wallet_api.domain.definition import Definition
from wallet_api.domain.due import next_due
from wallet_api.domain.state import Membership, Take
from wallet_api.store import locks, memberships, sql
from wallet_api.store.ids import new_id
from wallet_api.store.locks import MemberRow
from wallet_api.store.session import Tx, json_text

Row: TypeAlias = Mapping[str, object]
"""What is written of a row, by the names that the statement has for it."""

# Each table's rows come as JSON. Members are found by `ids`: the planner knows that these are few, and would otherwise
# read through a small table from end to end.
_WRITE = """
WITH wrote_entries AS (
  INSERT INTO entries (recorded_at, id, program_id, member_id, position, unit, kind, amount, occurred_at, source_id, rule,
                       definition_version, reverses, takes, why, expires_at, usable_at, hash)
  SELECT :now, x.*
  FROM jsonb_to_recordset(CAST(:entries AS jsonb)) AS x(id uuid, program_id text, member_id uuid, position int,
       unit text, kind text, amount bigint, occurred_at timestamptz, source_id uuid, rule text, version int,
       reverses uuid, takes jsonb, why jsonb, expires_at timestamptz, usable_at timestamptz, hash bytea)
),
wrote_lots AS (
  INSERT INTO lots (member_id, id, unit, amount, remaining, earned_at, expires_at, usable_at, source_id)
  SELECT x.*
  FROM jsonb_to_recordset(CAST(:lots AS jsonb)) AS x(member_id uuid, id uuid, unit text, amount bigint,
       remaining bigint, earned_at timestamptz, expires_at timestamptz, usable_at timestamptz, source_id uuid)
  ON CONFLICT (member_id, id) DO UPDATE
  SET remaining = excluded.remaining, expires_at = excluded.expires_at, usable_at = excluded.usable_at
),
wrote_accounts AS (
  INSERT INTO accounts (member_id, unit, available, pending, lifetime, debt, expires_at)
  SELECT x.*
  FROM jsonb_to_recordset(CAST(:accounts AS jsonb)) AS x(member_id uuid, unit text, available bigint, pending bigint,
       lifetime bigint, debt bigint, expires_at timestamptz)
  ON CONFLICT (member_id, unit) DO UPDATE
  SET available = excluded.available, pending = excluded.pending, lifetime = excluded.lifetime,
      debt = excluded.debt, expires_at = excluded.expires_at
),
wrote_measures AS (
  INSERT INTO day_measures (member_id, measure, day, value)
  SELECT x.*
  FROM jsonb_to_recordset(CAST(:measures AS jsonb)) AS x(member_id uuid, measure text, day date, value bigint)
  ON CONFLICT (member_id, measure, day) DO UPDATE SET value = day_measures.value + excluded.value
),
wrote_counts AS (
  INSERT INTO rule_counts (member_id, rule, period, times, units)
  SELECT x.*
  FROM jsonb_to_recordset(CAST(:counts AS jsonb)) AS x(member_id uuid, rule text, period text, times bigint,
       units bigint)
  ON CONFLICT (member_id, rule, period) DO UPDATE
  SET times = rule_counts.times + excluded.times, units = rule_counts.units + excluded.units
),
wrote_redemptions AS (
  INSERT INTO redemptions (key_id, recorded_at, id, program_id, member_id, reward, quantity, unit, amount, takes, status,
                           made_at, hold_expires_at)
  SELECT CAST(:key_id AS uuid), :now, x.*
  FROM jsonb_to_recordset(CAST(:redemptions AS jsonb)) AS x(id uuid, program_id text, member_id uuid, reward text,
       quantity int, unit text, amount bigint, takes jsonb, status text, made_at timestamptz,
       hold_expires_at timestamptz)
  ON CONFLICT (id) DO UPDATE SET status = excluded.status
),
wrote_vouchers AS (
  INSERT INTO vouchers (id, program_id, member_id, code, reward, quantity, status, issued_at, valid_from, valid_until,
                        redemption_id)
  SELECT x.*
  FROM jsonb_to_recordset(CAST(:vouchers AS jsonb)) AS x(id uuid, program_id text, member_id uuid, code text,
       reward text, quantity int, status text, issued_at timestamptz, valid_from date, valid_until date,
       redemption_id uuid)
  ON CONFLICT (id) DO UPDATE SET status = excluded.status
),
wrote_outbox AS (
  INSERT INTO outbox (created_at, id, program_id, member_id, notices)
  SELECT :now, x.*
  FROM jsonb_to_recordset(CAST(:outbox AS jsonb)) AS x(id uuid, program_id text, member_id uuid, notices jsonb)
)
UPDATE members m
SET tier = x.tier, tier_since = x.since, tier_until = x.until, tier_counted_from = x.counted_from,
    tier_uncounted = x.uncounted, tier_floor = x.floor, tier_floor_until = x.floor_until, membership = x.membership,
    settled_at = coalesce(x.settled_at, m.settled_at), next_due = x.next_due, ledger_position = x.position,
    ledger_head = x.head, version = x.version
FROM jsonb_to_recordset(CAST(:members AS jsonb)) AS x(id uuid, tier text, since date, until date, counted_from date,
     uncounted bigint, floor text, floor_until date, membership jsonb, settled_at timestamptz, next_due timestamptz,
     position int, head bytea, version int)
WHERE m.id = ANY(:ids) AND m.id = x.id
"""

_WRITE_THE_REST = """
WITH wrote_tiers AS (
  INSERT INTO tier_changes (recorded_at, id, member_id, definition_version, previous, tier, since, until, at, reason,
                            counted_from, uncounted, floor, floor_until)
  SELECT :now, x.*
  FROM jsonb_to_recordset(CAST(:tier_changes AS jsonb)) AS x(id uuid, member_id uuid, version int, previous text,
       tier text, since date, until date, at timestamptz, reason jsonb, counted_from date, uncounted bigint,
       floor text, floor_until date)
),
wrote_memberships AS (
  INSERT INTO membership_changes (recorded_at, id, member_id, membership)
  SELECT :now, x.*
  FROM jsonb_to_recordset(CAST(:memberships AS jsonb)) AS x(id uuid, member_id uuid, membership jsonb)
),
wrote_badges AS (
  INSERT INTO badges (member_id, badge, day)
  SELECT x.* FROM jsonb_to_recordset(CAST(:badges AS jsonb)) AS x(member_id uuid, badge text, day date)
  ON CONFLICT (member_id, badge) DO UPDATE SET day = excluded.day
)
INSERT INTO lot_dates (recorded_at, id, member_id, position, lot_id, previous, expires_at)
SELECT :now, x.*
FROM jsonb_to_recordset(CAST(:lot_dates AS jsonb)) AS x(id uuid, member_id uuid, position int, lot_id uuid,
     previous timestamptz, expires_at timestamptz)
"""

# Of those whom nobody is told of; most have no pass, and what a sale brings is mostly told.
_HAVE_PASSES_LOOKED_AT = """
INSERT INTO outbox (created_at, id, program_id, member_id, notices)
SELECT :now, x.*
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x(id uuid, program_id text, member_id uuid, notices jsonb)
WHERE x.member_id IN (SELECT member_id FROM passes WHERE member_id = ANY(:ids))
"""

_TAKE_FROM_STOCK = """
UPDATE reward_stock s SET taken = s.taken + x.taken
FROM jsonb_to_recordset(CAST(:changes AS jsonb)) AS x(reward text, taken bigint, most bigint)
WHERE s.program_id = :program_id AND s.reward = x.reward
  AND (x.taken < 0 OR x.most IS NULL OR s.taken + x.taken <= x.most)
RETURNING s.reward
"""


RowsOf: TypeAlias = "Callable[[Write], Iterator[Row]]"
"""What of a decision becomes rows of one table."""


@dataclass(frozen=True, kw_only=True)
class Write:
    """A decision on a locked member, and the rules under which it was made."""

    member: MemberRow
    definition: Definition
    decision: Decision

    @cached_property
    def links(self) -> list[bytes]:
        """The hash of the member's last entry so far, then those of the new ones."""
        links = [bytes(self.member.ledger_head)]
        for position, entry in enumerate(self.decision.entries, self.member.ledger_position + 1):
            links.append(chain.link(links[-1], entry, position=position))
        return links


def write(
    tx: Tx,
    member: MemberRow,
    definition: Definition,
    decision: Decision,
    *,
    now: datetime,
    key_id: UUID | None = None,
    quiet: bool = False,
) -> None:
    """Write one decision, as `write_all` does."""
    only = Write(member=member, definition=definition, decision=decision)
    write_all(tx, [only], now=now, key_id=key_id, quiet=quiet)


def write_all(
    tx: Tx, writes: Sequence[Write], *, now: datetime, key_id: UUID | None = None, quiet: bool = False
) -> None:
    """Write decisions on locked members, one on each; `quiet`: nobody is told of it (history); passes follow.

    Raises LimitReached where somebody else has taken the last of a limited reward meanwhile.
    """
    if not writes:
        return
    _take_from_stock(tx, writes)
    always, rest = _rows(_ALWAYS, writes), _rows(_SELDOM, writes)
    if quiet:
        always["outbox"] = []
    ids = [write.member.id for write in writes]
    sql.run(tx, _WRITE, ids=ids, now=now, key_id=key_id, **{name: json_text(rows) for name, rows in always.items()})
    if any(rest.values()):
        sql.run(tx, _WRITE_THE_REST, now=now, **{name: json_text(rows) for name, rows in rest.items()})
    if silent := [write for write in writes if quiet or not write.decision.notices]:
        rows = [_outbox_row(write, []) for write in silent]
        sql.run(tx, _HAVE_PASSES_LOOKED_AT, rows=json_text(rows), ids=[write.member.id for write in silent], now=now)


def _take_from_stock(tx: Tx, writes: Iterable[Write]) -> None:
    """Count what is gone of limited rewards; before the redemptions are written, so that a first count has none of them."""
    takers = [(write, taken) for write in writes if (taken := _taken(write.decision))]
    rewards: defaultdict[str, set[str]] = defaultdict(set)
    for write, taken in takers:
        rewards[write.member.program_id].update(taken)
    for program_id in sorted(rewards):
        locks.stock(tx, program_id, rewards[program_id])
    for write, taken in takers:
        known = write.definition.rewards
        most = {reward: known[reward].stock if reward in known else None for reward in taken}
        changes = [{"reward": reward, "taken": amount, "most": most[reward]} for reward, amount in taken.items()]
        rows = sql.every(tx, _TAKE_FROM_STOCK, changes=json_text(changes), program_id=write.member.program_id)
        for reward in sorted(set(taken) - {row.reward for row in rows}):
            raise errors.LimitReached(limit=most[reward])


def _taken(decision: Decision) -> dict[str, int]:
    before, after = decision.before.stock, decision.after.stock
    return {reward: before[reward] - left for reward, left in after.items() if before[reward] != left}


def _rows(tables: Mapping[str, RowsOf], writes: Iterable[Write]) -> dict[str, list[Row]]:
    return {table: [row for write in writes for row in rows_of(write)] for table, rows_of in tables.items()}


def _entries(write: Write) -> Iterator[Row]:
    member = write.member
    for place, entry in enumerate(write.decision.entries, 1):
        yield {
            "id": entry.id,
            "program_id": member.program_id,
            "member_id": member.id,
            "position": member.ledger_position + place,
            "unit": entry.unit,
            "kind": entry.kind.value,
            "amount": entry.amount,
            "occurred_at": entry.occurred_at,
            "source_id": entry.source_id,
            "rule": entry.rule,
            "version": member.version,
            "reverses": entry.reverses,
            "takes": _takes(entry.takes),
            "why": entry.why,
            "expires_at": entry.expires_at,
            "usable_at": entry.usable_at,
            "hash": _bytea(write.links[place]),
        }


def _changed_lots(write: Write) -> Iterator[Row]:
    before = write.decision.before.lots
    for lot in write.decision.after.lots.values():
        if before.get(lot.id) is not lot:
            yield {
                "member_id": write.member.id,
                "id": lot.id,
                "unit": lot.unit,
                "amount": lot.amount,
                "remaining": lot.left,
                "earned_at": lot.earned_at,
                "expires_at": lot.expires_at,
                "usable_at": lot.usable_at,
                "source_id": lot.source_id,
            }


def _changed_accounts(write: Write) -> Iterator[Row]:
    """The accounts of every unit that an entry, an expiry or the end of a wait touched."""
    before, after = write.decision.before, write.decision.after
    touched = {entry.unit for entry in write.decision.entries}
    touched |= {unit for unit, account in after.accounts.items() if before.accounts.get(unit) is not account}
    touched |= {lot.unit for lot in after.lots.values() if before.lots.get(lot.id) is not lot}
    for unit in sorted(touched):
        yield {
            "member_id": write.member.id,
            "unit": unit,
            "available": after.available(unit),
            "pending": after.pending(unit),
            "lifetime": after.lifetime(unit),
            "debt": after.accounts[unit].debt if unit in after.accounts else 0,
            "expires_at": after.accounts[unit].expires_at if unit in after.accounts else None,
        }


def _measure_changes(write: Write) -> Iterator[Row]:
    before, after = write.decision.before.measures, write.decision.after.measures
    for measure, days in after.items():
        known = before.get(measure, {})
        if known is not days:
            for day, value in days.items():
                if change := value - known.get(day, 0):
                    yield {"member_id": write.member.id, "measure": measure, "day": day, "value": change}


def _count_changes(write: Write) -> Iterator[Row]:
    """By how much counts have changed: a period that was not loaded is added to, never overwritten."""
    for (rule, period), count in write.decision.after.counts.items():
        known = write.decision.before.counted(rule, period)
        if count != known:
            yield {
                "member_id": write.member.id,
                "rule": rule,
                "period": period,
                "times": count.times - known.times,
                "units": count.units - known.units,
            }


def _changed_redemptions(write: Write) -> Iterator[Row]:
    before = write.decision.before.redemptions
    for redemption in write.decision.after.redemptions.values():
        if before.get(redemption.id) != redemption:
            yield {
                "id": redemption.id,
                "program_id": write.member.program_id,
                "member_id": write.member.id,
                "reward": redemption.reward,
                "quantity": redemption.quantity,
                "unit": redemption.unit,
                "amount": redemption.amount,
                "takes": _takes(redemption.takes),
                "status": redemption.status.value,
                "made_at": redemption.made_at,
                "hold_expires_at": redemption.hold_expires_at,
            }


def _changed_vouchers(write: Write) -> Iterator[Row]:
    before = write.decision.before.vouchers
    for voucher in write.decision.after.vouchers.values():
        if before.get(voucher.id) != voucher:
            yield {
                "id": voucher.id,
                "program_id": write.member.program_id,
                "member_id": write.member.id,
                "code": voucher.code,
                "reward": voucher.reward,
                "quantity": voucher.quantity,
                "status": voucher.status.value,
                "issued_at": voucher.issued_at,
                "valid_from": voucher.valid_from,
                "valid_until": voucher.valid_until,
                "redemption_id": voucher.redemption_id,
            }


def _outbox(write: Write) -> Iterator[Row]:
    if notices := write.decision.notices:
        yield _outbox_row(write, [{"kind": notice.kind, **notice.facts} for notice in notices])


def _outbox_row(write: Write, notices: Sequence[Row]) -> Row:
    return {
        "id": new_id(),
        "program_id": write.member.program_id,
        "member_id": write.member.id,
        "notices": notices,
    }


def _member(write: Write) -> Iterator[Row]:
    member, after = write.member, write.decision.after
    standing = after.standing
    yield {
        "id": member.id,
        "tier": standing.tier if standing else None,
        "since": standing.since if standing else None,
        "until": standing.until if standing else None,
        "counted_from": standing.counted_from if standing else None,
        "uncounted": standing.uncounted if standing else 0,
        "floor": standing.floor if standing else None,
        "floor_until": standing.floor_until if standing else None,
        "membership": None if after.membership == Membership() else memberships.as_json(after.membership),
        "settled_at": after.settled_at,
        "next_due": min(filter(None, (next_due(write.definition, after), member.next_rules_at)), default=None),
        "position": member.ledger_position + len(write.decision.entries),
        "head": _bytea(write.links[-1]),
        "version": member.version,
    }


def _tier_changes(write: Write) -> Iterator[Row]:
    """The changes in their order; the last one led to where the member stands, and so tells all of that."""
    changes, standing = write.decision.tier_changes, write.decision.after.standing
    for change in changes:
        told = standing if change is changes[-1] else None
        yield {
            "id": new_id(),
            "member_id": write.member.id,
            "version": write.member.version,
            "previous": change.previous,
            "tier": change.tier,
            "since": change.since,
            "until": change.until,
            "at": change.at,
            "reason": change.reason,
            "counted_from": told.counted_from if told else None,
            "uncounted": told.uncounted if told else 0,
            "floor": told.floor if told else None,
            "floor_until": told.floor_until if told else None,
        }


def _membership_change(write: Write) -> Iterator[Row]:
    after = write.decision.after.membership
    if write.decision.before.membership != after:
        yield {"id": new_id(), "member_id": write.member.id, "membership": memberships.as_json(after)}


def _new_badges(write: Write) -> Iterator[Row]:
    before = write.decision.before.badges
    for badge, day in write.decision.after.badges.items():
        if before.get(badge) != day:
            yield {"member_id": write.member.id, "badge": badge, "day": day}


def _lot_dates(write: Write) -> Iterator[Row]:
    """The lots that end at another time than they did before, or than their new entries say."""
    decision = write.decision
    ends = {entry.id: entry.expires_at for entry in decision.entries}
    ends |= {lot.id: lot.expires_at for lot in decision.before.lots.values()}
    for lot in decision.after.lots.values():
        if lot.expires_at != ends.get(lot.id, lot.expires_at):
            yield {
                "id": new_id(),
                "member_id": write.member.id,
                "position": write.member.ledger_position + len(decision.entries),
                "lot_id": lot.id,
                "previous": ends[lot.id],
                "expires_at": lot.expires_at,
            }


def _takes(takes: Iterable[Take]) -> list[Row]:
    return [{"lot_id": take.lot_id, "amount": take.amount} for take in takes]


def _bytea(value: bytes) -> str:
    r"""Bytes as PostgreSQL writes them: `\x` and hexadecimal digits."""
    return rf"\x{value.hex()}"


_ALWAYS: Mapping[str, RowsOf] = {
    "entries": _entries,
    "lots": _changed_lots,
    "accounts": _changed_accounts,
    "measures": _measure_changes,
    "counts": _count_changes,
    "redemptions": _changed_redemptions,
    "vouchers": _changed_vouchers,
    "outbox": _outbox,
    "members": _member,
}
_SELDOM: Mapping[str, RowsOf] = {
    "tier_changes": _tier_changes,
    "memberships": _membership_change,
    "badges": _new_badges,
    "lot_dates": _lot_dates,
}
"""What the two statements write, by the names of their values."""
