"""What time alone brings: holds that ran out, lots and balances that expire, vouchers that end, tiers to review.

Each is posted at its own instant, in the order of the instants, so that it makes no difference when somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from wallet_api.domain import calendar, tiers
from wallet_api.domain.definition import Definition, Limit, Reward
from wallet_api.domain.posting import Posting
from wallet_api.domain.state import (
    Lot,
    MemberState,
    Redemption,
    RedemptionStatus,
    Standing,
    Voucher,
    VoucherStatus,
)


@dataclass(frozen=True, kw_only=True)
class Due:
    """Something that time brings at an instant."""

    at: datetime
    post: Callable[[Posting, datetime], None]


def post_due(posting: Posting, *, now: datetime) -> None:
    """Post everything whose instant has come, the earliest first; nothing is due any more afterwards."""
    while (due := _first(posting.definition, posting.state)) and due.at <= now:
        due.post(posting, due.at)


def next_due(definition: Definition, state: MemberState) -> datetime | None:
    """The next instant at which time will change something for this member, or None."""
    due = _first(definition, state)
    return due.at if due else None


def release(posting: Posting, redemption: Redemption, *, at: datetime, status: RedemptionStatus) -> None:
    """Give a hold's units back and cancel its voucher."""
    if redemption.amount:
        posting.give_back(redemption, at=at)
    _give_limit_back(posting, redemption)
    posting.set_redemption(replace(redemption, status=status))
    for voucher in posting.state.vouchers.values():
        if voucher.redemption_id == redemption.id:
            posting.set_voucher(replace(voucher, status=VoucherStatus.CANCELLED))


def limit_key(reward: Reward, limit: Limit, day: date) -> tuple[str, str]:
    """Under which name, and in which period, a reward's limit is counted; apart from what rules are counted under."""
    return f"reward:{limit.name or reward.id}", calendar.period_key(limit.per, day)


def _give_limit_back(posting: Posting, redemption: Redemption) -> None:
    reward = posting.definition.rewards.get(redemption.reward)
    if reward and reward.limit:
        day = calendar.local_day(redemption.made_at, posting.definition.time_zone)
        key = limit_key(reward, reward.limit, day)
        if key in posting.state.counts:  # else that period is over, and nobody asks any more
            posting.count(*key, units=-redemption.amount, times=-redemption.quantity)


def _first(definition: Definition, state: MemberState) -> Due | None:
    # min() keeps the first of several at one instant: holds come back before their lots expire, and lots expire
    # before the tier is looked at.
    return min(_all(definition, state), key=lambda due: due.at, default=None)


def _all(definition: Definition, state: MemberState) -> Iterator[Due]:
    zone = definition.time_zone
    for redemption in state.redemptions.values():
        if redemption.status is RedemptionStatus.HELD and redemption.hold_expires_at:
            yield Due(at=redemption.hold_expires_at, post=partial(_end_hold, redemption))
    for lot in state.lots.values():
        if lot.left and lot.expires_at:
            yield Due(at=lot.expires_at, post=partial(_expire_lots, lot.unit))
    for account in state.accounts.values():
        if account.expires_at:
            yield Due(at=account.expires_at, post=partial(_expire_balance, account.unit))
    for voucher in state.vouchers.values():
        if voucher.status is VoucherStatus.ISSUED and voucher.valid_until:
            yield Due(
                at=calendar.end_of(voucher.valid_until, zone),
                post=partial(_end_voucher, voucher),
            )
    if state.standing and state.standing.until:
        yield Due(at=calendar.end_of(state.standing.until, zone), post=_review_tier)


def _end_hold(redemption: Redemption, posting: Posting, at: datetime) -> None:
    release(posting, redemption, at=at, status=RedemptionStatus.EXPIRED)


def _expire_lots(unit: str, posting: Posting, at: datetime) -> None:
    expired = [
        lot
        for lot in posting.state.lots.values()
        if lot.unit == unit and lot.left and lot.expires_at and lot.expires_at <= at
    ]
    _expire(unit, posting, at, expired)


def _expire_balance(unit: str, posting: Posting, at: datetime) -> None:
    _expire(
        unit,
        posting,
        at,
        [lot for lot in posting.state.lots.values() if lot.unit == unit and lot.left],
    )
    posting.clear_expiry(unit)


def _expire(unit: str, posting: Posting, at: datetime, expired: list[Lot]) -> None:
    posting.expire(unit, expired, at=at)
    if amount := sum(lot.left for lot in expired):
        posting.tell(
            "points_expired",
            unit=unit,
            amount=amount,
            balance=posting.state.available(unit),
        )


def _end_voucher(voucher: Voucher, posting: Posting, at: datetime) -> None:
    posting.set_voucher(replace(voucher, status=VoucherStatus.EXPIRED))


def _review_tier(posting: Posting, at: datetime) -> None:
    """The validity has ended: the tier becomes what the last period earned (kept, or lower)."""
    scheme, held = posting.definition.tiers, posting.state.standing
    assert held is not None
    today = calendar.local_day(at, posting.definition.time_zone)
    if scheme is None:
        posting.stand(replace(held, until=None), at=at, reason={"because": "no_tiers"})
        return
    earned = tiers.earned_by(scheme, posting.state, today=today, closed_years_only=True)
    kept = earned.level.id == held.tier
    standing = Standing(tier=earned.level.id, since=held.since if kept else today, until=earned.until)
    reason = {
        "because": "kept" if kept else "review",
        "measure": scheme.measure,
        "value": earned.value,
        "year": earned.year,
    }
    previous = held.tier
    posting.stand(standing, at=at, reason=reason)
    if not kept:
        posting.tell("tier_downgraded", previous=previous, tier=earned.level.id)
