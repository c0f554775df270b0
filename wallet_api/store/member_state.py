"""Reading a member's state: everything that a decision needs, in one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

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
from wallet_api.store.session import Tx

_STATE = """
SELECT
  (SELECT jsonb_agg(jsonb_build_array(unit, debt, lifetime, expires_at)) FROM accounts WHERE member_id = :id) AS accounts,
  (SELECT jsonb_agg(jsonb_build_array(id, unit, amount, remaining, earned_at, expires_at, source_id, usable_at))
    FROM lots
    WHERE member_id = :id AND (remaining > 0 OR id IN (
      SELECT (taken ->> 'lot_id')::uuid FROM redemptions r, jsonb_array_elements(r.takes) taken
      WHERE r.member_id = :id AND r.status = 'held'){also_lots})) AS lots,
  (SELECT jsonb_agg(jsonb_build_array(measure, day, value)) FROM day_measures
    WHERE member_id = :id AND day >= :since) AS measures,
  (SELECT jsonb_agg(jsonb_build_array(rule, period, times, units)) FROM rule_counts
    WHERE member_id = :id AND period = ANY(:periods)) AS counts,
  (SELECT jsonb_agg(jsonb_build_array(id, code, reward, quantity, status, issued_at, valid_until, redemption_id,
    valid_from))
    FROM vouchers WHERE member_id = :id AND (status IN ('issued', 'reserved'){also_vouchers})) AS vouchers,
  (SELECT jsonb_agg(jsonb_build_array(id, reward, quantity, unit, amount, takes, status, made_at, hold_expires_at))
    FROM redemptions WHERE member_id = :id AND (status = 'held'{also})) AS redemptions,
  (SELECT jsonb_object_agg(badge, day) FROM badges WHERE member_id = :id) AS badges{stock}
"""
_ALSO = " OR id = ANY(:also)"
_ALSO_VOUCHERS = " OR id = ANY(:also) OR redemption_id = ANY(:also)"
_ALSO_LOTS = """ OR id IN (
      SELECT (taken ->> 'lot_id')::uuid FROM redemptions r, jsonb_array_elements(r.takes) taken
      WHERE r.member_id = :id AND r.id = ANY(:also)) OR id IN (
      SELECT (taken ->> 'lot_id')::uuid FROM entries e, jsonb_array_elements(e.takes) taken
      WHERE e.source_id = ANY(:also) AND e.member_id = :id AND e.kind = 'redeem')"""
_STOCK = """,
  (SELECT jsonb_object_agg(reward, taken) FROM reward_stock
    WHERE program_id = :program AND reward = ANY(:limited)) AS taken"""


def load(
    tx: Tx,
    member: MemberRow,
    *,
    since: date,
    periods: Sequence[str] = (),
    also: Sequence[UUID] = (),
    stock: Mapping[str, int] | None = None,
) -> MemberState:
    """The member's state: measures from a day on, counts of these periods, and what `also` names, whatever its status.

    `also`: vouchers, redemptions with their vouchers and lots, and sales: of those the lots that paid for a part of them
    are there, empty or not. `stock`: how many there are in all of the rewards that are limited.
    """
    values: dict[str, object] = {"id": member.id, "since": since, "periods": list(periods)}
    if also:
        values["also"] = list(also)
    if stock:
        values |= {"program": member.program_id, "limited": list(stock)}
    row = sql.one(tx, _statement(with_also=bool(also), with_stock=bool(stock)), **values)
    taken = (row.taken or {}) if stock else {}
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
        stock={reward: in_all - taken.get(reward, 0) for reward, in_all in (stock or {}).items()},
    )


@cache
def _statement(*, with_also: bool, with_stock: bool) -> str:
    """What most decisions do not need is left out: each part costs every sale a look into an index."""
    return _STATE.format(
        also=_ALSO if with_also else "",
        also_vouchers=_ALSO_VOUCHERS if with_also else "",
        also_lots=_ALSO_LOTS if with_also else "",
        stock=_STOCK if with_stock else "",
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
