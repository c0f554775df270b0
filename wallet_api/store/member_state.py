"""Reading a member's state: everything that a decision needs, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
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
from wallet_api.store import sql
from wallet_api.store.locks import MemberRow
from wallet_api.store.session import Tx

_STATE = """
SELECT
  (SELECT jsonb_agg(jsonb_build_array(unit, debt, lifetime, expires_at)) FROM accounts WHERE member_id = :id) AS accounts,
  (SELECT jsonb_agg(jsonb_build_array(id, unit, amount, remaining, earned_at, expires_at, source_id)) FROM lots
    WHERE member_id = :id AND (remaining > 0 OR id IN (
      SELECT (taken ->> 'lot_id')::uuid FROM redemptions r, jsonb_array_elements(r.takes) taken
      WHERE r.member_id = :id AND r.status = 'held'))) AS lots,
  (SELECT jsonb_agg(jsonb_build_array(measure, day, value)) FROM day_measures
    WHERE member_id = :id AND day >= :since) AS measures,
  (SELECT jsonb_agg(jsonb_build_array(rule, period, times, units)) FROM rule_counts
    WHERE member_id = :id AND period = ANY(:periods)) AS counts,
  (SELECT jsonb_agg(jsonb_build_array(id, code, reward, quantity, status, issued_at, valid_until, redemption_id))
    FROM vouchers WHERE member_id = :id
    AND (status IN ('issued', 'reserved') OR id = ANY(:also))) AS vouchers,
  (SELECT jsonb_agg(jsonb_build_array(id, reward, quantity, unit, amount, takes, status, made_at, hold_expires_at))
    FROM redemptions WHERE member_id = :id AND (status = 'held' OR id = ANY(:also))) AS redemptions
"""


def load(
    tx: Tx,
    member: MemberRow,
    *,
    since: date,
    periods: Sequence[str] = (),
    also: Sequence[UUID] = (),
) -> MemberState:
    """The member's state: measures from a day on, counts of these periods, and these vouchers and redemptions too."""
    row = sql.one(tx, _STATE, id=member.id, since=since, periods=list(periods), also=list(also))
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
    )


def _standing(member: MemberRow) -> Standing | None:
    if member.tier is None:
        return None
    assert member.tier_since is not None
    return Standing(tier=member.tier, since=member.tier_since, until=member.tier_until)


def _lot(values: Sequence[Any]) -> Lot:
    lot_id, unit, amount, left, earned_at, expires_at, source_id = values
    return Lot(
        id=UUID(lot_id),
        unit=unit,
        amount=amount,
        left=left,
        earned_at=datetime.fromisoformat(earned_at),
        expires_at=_instant(expires_at),
        source_id=UUID(source_id) if source_id else None,
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
