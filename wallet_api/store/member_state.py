"""Reading members' states: everything that decisions on them need, in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain.state import (
    Account,
    Count,
    Lot,
    MemberState,
    Redemption,
    RedemptionStatus,
    Standing,
    Take,
    Voucher,
    VoucherStatus,
)
from wallet_api.store import memberships, sql
from wallet_api.store.locks import MemberRow
from wallet_api.store.session import Tx, json_text

_STATES = """
SELECT a.id,
  (SELECT jsonb_agg(jsonb_build_array(unit, debt, lifetime, expires_at)) FROM accounts WHERE member_id = a.id) AS accounts,
  (SELECT jsonb_agg(jsonb_build_array(id, unit, amount, remaining, earned_at, expires_at, source_id, usable_at))
    FROM lots
    WHERE member_id = a.id AND (remaining > 0 OR id IN (
      SELECT (taken ->> 'lot_id')::uuid FROM redemptions r, jsonb_array_elements(r.takes) taken
      WHERE r.member_id = a.id AND r.status = 'held'){also_lots})) AS lots,
  (SELECT jsonb_agg(jsonb_build_array(measure, day, value)) FROM day_measures
    WHERE member_id = a.id AND day >= a.since) AS measures,
  (SELECT jsonb_agg(jsonb_build_array(rule, period, times, units)) FROM rule_counts
    WHERE member_id = a.id AND period = ANY(a.periods)) AS counts,
  (SELECT jsonb_agg(jsonb_build_array(id, code, reward, quantity, status, issued_at, valid_until, redemption_id,
    valid_from))
    FROM vouchers WHERE member_id = a.id AND (status IN ('issued', 'reserved'){also_vouchers})) AS vouchers,
  (SELECT jsonb_agg(jsonb_build_array(id, reward, quantity, unit, amount, takes, status, made_at, hold_expires_at))
    FROM redemptions WHERE member_id = a.id AND (status = 'held'{also})) AS redemptions,
  (SELECT jsonb_object_agg(badge, day) FROM badges WHERE member_id = a.id) AS badges{stock}
FROM jsonb_to_recordset(CAST(:asked AS jsonb))
  AS a(id uuid, since date, periods text[], also uuid[], program_id text, limited text[])
"""
_ALSO = " OR id = ANY(a.also)"
_ALSO_VOUCHERS = " OR id = ANY(a.also) OR redemption_id = ANY(a.also)"
_ALSO_LOTS = """ OR id IN (
      SELECT (taken ->> 'lot_id')::uuid FROM redemptions r, jsonb_array_elements(r.takes) taken
      WHERE r.member_id = a.id AND r.id = ANY(a.also)) OR id IN (
      SELECT (taken ->> 'lot_id')::uuid FROM entries e, jsonb_array_elements(e.takes) taken
      WHERE e.source_id = ANY(a.also) AND e.member_id = a.id AND e.kind = 'redeem')"""
_STOCK = """,
  (SELECT jsonb_object_agg(reward, taken) FROM reward_stock
    WHERE program_id = a.program_id AND reward = ANY(a.limited)) AS taken"""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a decision needs to know of a member: measures from a day on, counts of these periods, and what `also` names.

    `also`: vouchers, redemptions with their vouchers and lots, whatever their status, and sales: of those the lots that
    paid for a part of them are there, empty or not. `stock`: how many there are in all of the rewards that are limited.
    """

    member: MemberRow
    since: date
    periods: Sequence[str] = ()
    also: Sequence[UUID] = ()
    stock: Mapping[str, int] = field(default_factory=dict)


def load(tx: Tx, asked: Asked) -> MemberState:
    """One member's state."""
    return load_all(tx, [asked])[0]


def load_all(tx: Tx, asked: Sequence[Asked]) -> list[MemberState]:
    """The states of some members, in their order."""
    statement = _statement(with_also=any(one.also for one in asked), with_stock=any(one.stock for one in asked))
    rows = {row.id: row for row in sql.every(tx, statement, asked=json_text([_json(one) for one in asked]))}
    return [_state(one, rows[one.member.id]) for one in asked]


def _json(asked: Asked) -> dict[str, object]:
    return {
        "id": asked.member.id,
        "since": asked.since,
        "periods": asked.periods,
        "also": asked.also,
        "program_id": asked.member.program_id,
        "limited": list(asked.stock),
    }


@cache
def _statement(*, with_also: bool, with_stock: bool) -> str:
    """What most decisions do not need is left out: each part costs every sale a look into an index."""
    return _STATES.format(
        also=_ALSO if with_also else "",
        also_vouchers=_ALSO_VOUCHERS if with_also else "",
        also_lots=_ALSO_LOTS if with_also else "",
        stock=_STOCK if with_stock else "",
    )


def _state(asked: Asked, row: Row[Any]) -> MemberState:
    member, taken = asked.member, (row.taken or {}) if asked.stock else {}
    return MemberState(
        member_id=member.id,
        joined_at=member.joined_at,
        birth_date=member.birth_date,
        standing=_standing(member),
        accounts={
            unit: Account(unit=unit, debt=debt, lifetime=lifetime, expires_at=_instant(expires))
            for unit, debt, lifetime, expires in row.accounts or ()
        },
        lots={lot.id: lot for lot in map(_lot, row.lots or ())},
        measures=_measures(row.measures or ()),
        counts={(rule, period): Count(times=times, units=units) for rule, period, times, units in row.counts or ()},
        vouchers={voucher.id: voucher for voucher in map(_voucher, row.vouchers or ())},
        redemptions={redemption.id: redemption for redemption in map(_redemption, row.redemptions or ())},
        settled_at=member.settled_at,
        membership=memberships.of_json(member.membership),
        badges={badge: date.fromisoformat(day) for badge, day in (row.badges or {}).items()},
        referred_by=member.referred_by,
        stock={reward: in_all - taken.get(reward, 0) for reward, in_all in asked.stock.items()},
    )


def _standing(member: MemberRow) -> Standing | None:
    if member.tier is None:
        return None
    assert member.tier_since is not None
    return Standing(
        tier=member.tier,
        since=member.tier_since,
        until=member.tier_until,
        counted_from=member.tier_counted_from,
        uncounted=member.tier_uncounted,
        floor=member.tier_floor,
        floor_until=member.tier_floor_until,
    )


def _lot(values: Sequence[Any]) -> Lot:
    lot_id, unit, amount, left, earned_at, expires_at, source_id, usable_at = values
    return Lot(
        id=UUID(lot_id),
        unit=unit,
        amount=amount,
        left=left,
        earned_at=datetime.fromisoformat(earned_at),
        expires_at=_instant(expires_at),
        source_id=UUID(source_id) if source_id else None,
        usable_at=_instant(usable_at),
    )


def _measures(rows: Sequence[Any]) -> dict[str, dict[date, int]]:
    measures: dict[str, dict[date, int]] = {}
    for measure, day, value in rows:
        measures.setdefault(measure, {})[date.fromisoformat(day)] = value
    return measures


def _voucher(values: Sequence[Any]) -> Voucher:
    (
        voucher_id,
        code,
        reward,
        quantity,
        status,
        issued_at,
        valid_until,
        redemption_id,
        valid_from,
    ) = values
    return Voucher(
        id=UUID(voucher_id),
        code=code,
        reward=reward,
        quantity=quantity,
        status=VoucherStatus(status),
        issued_at=datetime.fromisoformat(issued_at),
        valid_until=date.fromisoformat(valid_until) if valid_until else None,
        redemption_id=UUID(redemption_id),
        valid_from=date.fromisoformat(valid_from) if valid_from else None,
    )


def _redemption(values: Sequence[Any]) -> Redemption:
    (
        redemption_id,
        reward,
        quantity,
        unit,
        amount,
        takes,
        status,
        made_at,
        hold_expires_at,
    ) = values
    return Redemption(
        id=UUID(redemption_id),
        reward=reward,
        quantity=quantity,
        unit=unit,
        amount=amount,
        takes=tuple(Take(lot_id=UUID(take["lot_id"]), amount=take["amount"]) for take in takes),
        status=RedemptionStatus(status),
        made_at=datetime.fromisoformat(made_at),
        hold_expires_at=_instant(hold_expires_at),
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
