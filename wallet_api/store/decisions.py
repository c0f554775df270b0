"""Writing a decision: everything it changes, in one statement; what changes seldom, in another one beside it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from wallet_api.domain import chain, errors
from wallet_api.domain.decision import Decision, Entry
from wallet_api.domain.definition import Definition
from wallet_api.domain.due import next_due
from wallet_api.domain.state import Membership, MemberState, Redemption, Take, Voucher
from wallet_api.store import locks, memberships, sql
from wallet_api.store.ids import new_id
from wallet_api.store.locks import MemberRow
from wallet_api.store.session import Tx, json_text

_WRITE = """
WITH d AS (SELECT CAST(:decision AS jsonb) AS j, CAST(:member_id AS uuid) AS member, :program_id AS program,
                  :version AS version, CAST(:now AS timestamptz) AS at),
wrote_entries AS (
  INSERT INTO entries (id, program_id, member_id, position, unit, kind, amount, occurred_at, recorded_at, source_id,
                       rule, definition_version, reverses, takes, why, expires_at, usable_at, hash)
  SELECT x.id, program, member, x.position, x.unit, x.kind, x.amount, x.occurred_at, at, x.source_id, x.rule,
         version, x.reverses, x.takes, x.why, x.expires_at, x.usable_at, decode(x.hash, 'hex')
  FROM d, jsonb_to_recordset(j -> 'entries') AS x(id uuid, position int, unit text, kind text, amount bigint,
       occurred_at timestamptz, source_id uuid, rule text, reverses uuid, takes jsonb, why jsonb,
       expires_at timestamptz, usable_at timestamptz, hash text)
),
wrote_lots AS (
  INSERT INTO lots (member_id, id, unit, amount, remaining, earned_at, expires_at, usable_at, source_id)
  SELECT member, x.*
  FROM d, jsonb_to_recordset(j -> 'lots') AS x(id uuid, unit text, amount bigint, remaining bigint,
       earned_at timestamptz, expires_at timestamptz, usable_at timestamptz, source_id uuid)
  ON CONFLICT (member_id, id) DO UPDATE
  SET remaining = excluded.remaining, expires_at = excluded.expires_at, usable_at = excluded.usable_at
),
wrote_accounts AS (
  INSERT INTO accounts (member_id, unit, available, pending, lifetime, debt, expires_at)
  SELECT member, x.*
  FROM d, jsonb_to_recordset(j -> 'accounts') AS x(unit text, available bigint, pending bigint, lifetime bigint,
       debt bigint, expires_at timestamptz)
  ON CONFLICT (member_id, unit) DO UPDATE
  SET available = excluded.available, pending = excluded.pending, lifetime = excluded.lifetime,
      debt = excluded.debt, expires_at = excluded.expires_at
),
wrote_measures AS (
  INSERT INTO day_measures (member_id, measure, day, value)
  SELECT member, x.* FROM d, jsonb_to_recordset(j -> 'measures') AS x(measure text, day date, value bigint)
  ON CONFLICT (member_id, measure, day) DO UPDATE SET value = day_measures.value + excluded.value
),
wrote_counts AS (
  INSERT INTO rule_counts (member_id, rule, period, times, units)
  SELECT member, x.* FROM d, jsonb_to_recordset(j -> 'counts') AS x(rule text, period text, times bigint, units bigint)
  ON CONFLICT (member_id, rule, period) DO UPDATE
  SET times = rule_counts.times + excluded.times, units = rule_counts.units + excluded.units
),
wrote_redemptions AS (
  INSERT INTO redemptions (program_id, member_id, key_id, recorded_at, id, reward, quantity, unit, amount, takes, status,
                           made_at, hold_expires_at)
  SELECT program, member, CAST(:key_id AS uuid), at, x.*
  FROM d, jsonb_to_recordset(j -> 'redemptions') AS x(id uuid, reward text, quantity int, unit text, amount bigint,
       takes jsonb, status text, made_at timestamptz, hold_expires_at timestamptz)
  ON CONFLICT (id) DO UPDATE SET status = excluded.status
),
wrote_vouchers AS (
  INSERT INTO vouchers (program_id, member_id, id, code, reward, quantity, status, issued_at, valid_from, valid_until,
                        redemption_id)
  SELECT program, member, x.*
  FROM d, jsonb_to_recordset(j -> 'vouchers') AS x(id uuid, code text, reward text, quantity int, status text,
       issued_at timestamptz, valid_from date, valid_until date, redemption_id uuid)
  ON CONFLICT (id) DO UPDATE SET status = excluded.status
),
wrote_outbox AS (
  INSERT INTO outbox (id, program_id, member_id, notices, created_at)
  SELECT (j ->> 'outbox_id')::uuid, program, member, j -> 'notices', at
  FROM d WHERE jsonb_array_length(j -> 'notices') > 0
)
UPDATE members
SET tier = :tier, tier_since = :since, tier_until = :until, tier_counted_from = :counted_from,
    tier_uncounted = :uncounted, tier_floor = :floor, tier_floor_until = :floor_until, membership = CAST(:membership AS jsonb),
    settled_at = coalesce(:settled_at, settled_at), next_due = :next_due, ledger_position = :position,
    ledger_head = :head, version = :version
WHERE id = :member_id
"""

_WRITE_THE_REST = """
WITH d AS (SELECT CAST(:decision AS jsonb) AS j, CAST(:member_id AS uuid) AS member, CAST(:now AS timestamptz) AS at),
wrote_tiers AS (
  INSERT INTO tier_changes (member_id, definition_version, recorded_at, id, previous, tier, since, until, at, reason,
                            counted_from, uncounted, floor, floor_until)
  SELECT member, :version, d.at, x.*
  FROM d, jsonb_to_recordset(j -> 'tier_changes') AS x(id uuid, previous text, tier text, since date, until date,
       at timestamptz, reason jsonb, counted_from date, uncounted bigint, floor text, floor_until date)
),
wrote_membership AS (
  INSERT INTO membership_changes (member_id, recorded_at, id, membership)
  SELECT member, at, x.* FROM d, jsonb_to_recordset(j -> 'memberships') AS x(id uuid, membership jsonb)
),
wrote_badges AS (
  INSERT INTO badges (member_id, badge, day)
  SELECT member, x.* FROM d, jsonb_to_recordset(j -> 'badges') AS x(badge text, day date)
  ON CONFLICT (member_id, badge) DO UPDATE SET day = excluded.day
)
INSERT INTO lot_dates (member_id, position, recorded_at, id, lot_id, previous, expires_at)
SELECT member, :position, at, x.*
FROM d, jsonb_to_recordset(j -> 'lot_dates') AS x(id uuid, lot_id uuid, previous timestamptz, expires_at timestamptz)
"""

_TAKE_FROM_STOCK = """
UPDATE reward_stock s SET taken = s.taken + x.taken
FROM jsonb_to_recordset(CAST(:changes AS jsonb)) AS x(reward text, taken bigint, most bigint)
WHERE s.program_id = :program_id AND s.reward = x.reward
  AND (x.taken < 0 OR x.most IS NULL OR s.taken + x.taken <= x.most)
RETURNING s.reward
"""


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
    """Write a decision on a locked member; `quiet` leaves the outbox alone (history that nobody is to be told of).

    Raises LimitReached where somebody else has taken the last of a limited reward meanwhile.
    """
    before, after = decision.before, decision.after
    _take_from_stock(tx, member, definition, decision)
    position, head = member.ledger_position, bytes(member.ledger_head)
    entries = []
    for entry in decision.entries:
        position += 1
        head = chain.link(head, entry, position=position)
        entries.append(_entry(entry, position=position, link=head))
    standing = after.standing
    sql.run(
        tx,
        _WRITE,
        decision=json_text(
            {
                "entries": entries,
                "lots": _changed_lots(before, after),
                "accounts": _changed_accounts(decision),
                "measures": _measure_changes(before, after),
                "counts": _count_changes(before, after),
                "redemptions": [
                    _redemption(redemption)
                    for redemption in after.redemptions.values()
                    if before.redemptions.get(redemption.id) != redemption
                ],
                "vouchers": [
                    _voucher(voucher)
                    for voucher in after.vouchers.values()
                    if before.vouchers.get(voucher.id) != voucher
                ],
                "outbox_id": new_id(),
                "notices": [] if quiet else [{"kind": notice.kind, **notice.facts} for notice in decision.notices],
            }
        ),
        member_id=member.id,
        program_id=member.program_id,
        version=member.version,
        key_id=key_id,
        now=now,
        tier=standing.tier if standing else None,
        since=standing.since if standing else None,
        until=standing.until if standing else None,
        counted_from=standing.counted_from if standing else None,
        uncounted=standing.uncounted if standing else 0,
        floor=standing.floor if standing else None,
        floor_until=standing.floor_until if standing else None,
        membership=None if after.membership == Membership() else json_text(memberships.as_json(after.membership)),
        settled_at=after.settled_at,
        next_due=min(filter(None, (next_due(definition, after), member.next_rules_at)), default=None),
        position=position,
        head=head,
    )
    rest = {
        "tier_changes": _tier_changes(decision),
        "memberships": _membership_change(before, after),
        "badges": [
            {"badge": badge, "day": day} for badge, day in after.badges.items() if before.badges.get(badge) != day
        ],
        "lot_dates": _lot_dates(decision),
    }
    if any(rest.values()):
        sql.run(
            tx,
            _WRITE_THE_REST,
            decision=json_text(rest),
            member_id=member.id,
            version=member.version,
            position=position,
            now=now,
        )


def _take_from_stock(tx: Tx, member: MemberRow, definition: Definition, decision: Decision) -> None:
    """Count what is gone of limited rewards; before the redemptions are written, so that a first count has none of them."""
    before, after = decision.before.stock, decision.after.stock
    taken = {reward: before[reward] - left for reward, left in after.items() if before[reward] != left}
    if not taken:
        return
    locks.stock(tx, member.program_id, taken)
    most = {reward: definition.rewards[reward].stock if reward in definition.rewards else None for reward in taken}
    changes = [{"reward": reward, "taken": amount, "most": most[reward]} for reward, amount in taken.items()]
    rows = sql.every(tx, _TAKE_FROM_STOCK, changes=json_text(changes), program_id=member.program_id)
    for reward in sorted(set(taken) - {row.reward for row in rows}):
        raise errors.LimitReached(limit=most[reward])


def _entry(entry: Entry, *, position: int, link: bytes) -> dict[str, object]:
    return {
        "id": entry.id,
        "position": position,
        "unit": entry.unit,
        "kind": entry.kind.value,
        "amount": entry.amount,
        "occurred_at": entry.occurred_at,
        "source_id": entry.source_id,
        "rule": entry.rule,
        "reverses": entry.reverses,
        "takes": _takes(entry.takes),
        "why": entry.why,
        "expires_at": entry.expires_at,
        "usable_at": entry.usable_at,
        "hash": link.hex(),
    }


def _changed_lots(before: MemberState, after: MemberState) -> list[dict[str, object]]:
    return [
        {
            "id": lot.id,
            "unit": lot.unit,
            "amount": lot.amount,
            "remaining": lot.left,
            "earned_at": lot.earned_at,
            "expires_at": lot.expires_at,
            "usable_at": lot.usable_at,
            "source_id": lot.source_id,
        }
        for lot in after.lots.values()
        if before.lots.get(lot.id) is not lot
    ]


def _changed_accounts(decision: Decision) -> list[dict[str, object]]:
    """The accounts of every unit that an entry, an expiry or the end of a wait touched."""
    before, after = decision.before, decision.after
    touched = {entry.unit for entry in decision.entries}
    touched |= {unit for unit, account in after.accounts.items() if before.accounts.get(unit) is not account}
    touched |= {lot.unit for lot in after.lots.values() if before.lots.get(lot.id) is not lot}
    return [
        {
            "unit": unit,
            "available": after.available(unit),
            "pending": after.pending(unit),
            "lifetime": after.lifetime(unit),
            "debt": after.accounts[unit].debt if unit in after.accounts else 0,
            "expires_at": after.accounts[unit].expires_at if unit in after.accounts else None,
        }
        for unit in sorted(touched)
    ]


def _measure_changes(before: MemberState, after: MemberState) -> list[dict[str, object]]:
    changes = []
    for measure, days in after.measures.items():
        known = before.measures.get(measure, {})
        if known is not days:
            for day, value in days.items():
                if change := value - known.get(day, 0):
                    changes.append({"measure": measure, "day": day, "value": change})
    return changes


def _count_changes(before: MemberState, after: MemberState) -> list[dict[str, object]]:
    """By how much counts have changed: a period that was not loaded is added to, never overwritten."""
    changes = []
    for (rule, period), count in after.counts.items():
        known = before.counted(rule, period)
        if count != known:
            changes.append(
                {
                    "rule": rule,
                    "period": period,
                    "times": count.times - known.times,
                    "units": count.units - known.units,
                }
            )
    return changes


def _tier_changes(decision: Decision) -> list[dict[str, object]]:
    """The changes in their order; the last one led to where the member stands, and so tells all of that."""
    changes: list[dict[str, object]] = [
        {
            "id": new_id(),
            "previous": change.previous,
            "tier": change.tier,
            "since": change.since,
            "until": change.until,
            "at": change.at,
            "reason": change.reason,
            "counted_from": None,
            "uncounted": 0,
            "floor": None,
            "floor_until": None,
        }
        for change in decision.tier_changes
    ]
    if changes and (standing := decision.after.standing):
        changes[-1] |= {
            "counted_from": standing.counted_from,
            "uncounted": standing.uncounted,
            "floor": standing.floor,
            "floor_until": standing.floor_until,
        }
    return changes


def _membership_change(before: MemberState, after: MemberState) -> list[dict[str, object]]:
    if before.membership == after.membership:
        return []
    return [{"id": new_id(), "membership": memberships.as_json(after.membership)}]


def _lot_dates(decision: Decision) -> list[dict[str, object]]:
    """The lots that end at another time than they did before, or than their new entries say."""
    ends = {entry.id: entry.expires_at for entry in decision.entries}
    ends |= {lot.id: lot.expires_at for lot in decision.before.lots.values()}
    return [
        {"id": new_id(), "lot_id": lot.id, "previous": ends[lot.id], "expires_at": lot.expires_at}
        for lot in decision.after.lots.values()
        if lot.expires_at != ends.get(lot.id, lot.expires_at)
    ]


def _redemption(redemption: Redemption) -> dict[str, object]:
    return {
        "id": redemption.id,
        "reward": redemption.reward,
        "quantity": redemption.quantity,
        "unit": redemption.unit,
        "amount": redemption.amount,
        "takes": _takes(redemption.takes),
        "status": redemption.status.value,
        "made_at": redemption.made_at,
        "hold_expires_at": redemption.hold_expires_at,
    }


def _voucher(voucher: Voucher) -> dict[str, object]:
    return {
        "id": voucher.id,
        "code": voucher.code,
        "reward": voucher.reward,
        "quantity": voucher.quantity,
        "status": voucher.status.value,
        "issued_at": voucher.issued_at,
        "valid_from": voucher.valid_from,
        "valid_until": voucher.valid_until,
        "redemption_id": voucher.redemption_id,
    }


def _takes(takes: Iterable[Take]) -> list[dict[str, object]]:
    return [{"lot_id": take.lot_id, "amount": take.amount} for take in takes]
