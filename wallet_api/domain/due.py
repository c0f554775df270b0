"""What time alone brings: what runs out, what becomes usable, what is reviewed, credited, turned into rewards or given.

Each is posted at its own instant, in the order of the instants, so that it makes no difference when somebody looks.
What hangs on a thing (a lot, a voucher) is due for as long as the thing says so. What comes on a schedule is due once:
`MemberState.settled_at` says up to which instant all schedules have been posted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeVar

from wallet_api.domain import calendar, conversions, crediting, gifts, membership, standing, tiers
from wallet_api.domain.consequences import follow
from wallet_api.domain.definition import Definition
from wallet_api.domain.posting import Posting
from wallet_api.domain.redeeming import give_back
from wallet_api.domain.state import (
    Lot,
    MembershipStatus,
    MemberState,
    Redemption,
    RedemptionStatus,
    Voucher,
    VoucherStatus,
)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Due:
    """Something that time brings at an instant."""

    at: datetime
    post: Callable[[Posting, datetime], None]


def post_due(posting: Posting, *, now: datetime) -> None:
    """Post everything whose instant has come, the earliest first; nothing is due any more afterwards."""
    while (instant := next_due(posting.definition, posting.state)) is not None and instant <= now:
        while (due := _first_of_things(posting)) is not None and due.at <= instant:
            due.post(posting, due.at)
            follow(posting, at=due.at, now=due.at)
        scheduled = [due for due in _on_schedule(posting.definition, posting.state) if due.at <= instant]
        posting.settle_until(instant)
        for due in scheduled:
            due.post(posting, due.at)
            follow(posting, at=due.at, now=due.at)
    posting.settle_until(now)


def next_due(definition: Definition, state: MemberState) -> datetime | None:
    """The next instant at which time will change something for this member, or None."""
    things = (due.at for due in _of_things(definition, state))
    scheduled = (due.at for due in _on_schedule(definition, state))
    return min((*things, *scheduled), default=None)


def _first_of_things(posting: Posting) -> Due | None:
    # min() keeps the first of several at one instant: holds come back before their lots expire, and lots expire
    # before the tier is looked at.
    return min(_of_things(posting.definition, posting.state), key=lambda due: due.at, default=None)


def _of_things(definition: Definition, state: MemberState) -> Iterator[Due]:
    """What hangs on things that the member has, in the order in which it is posted at one instant."""
    zone = definition.time_zone
    for redemption in state.redemptions.values():
        if redemption.status is RedemptionStatus.HELD and redemption.hold_expires_at:
            yield Due(at=redemption.hold_expires_at, post=partial(_end_hold, redemption))
    yield from _of_units(state)
    for voucher in state.vouchers.values():
        if voucher.status is VoucherStatus.ISSUED and voucher.valid_until:
            yield Due(at=calendar.end_of(voucher.valid_until, zone), post=partial(_end_voucher, voucher))
    if (day := membership.next_day(definition, state.membership)) is not None:
        yield Due(at=calendar.start_of(day, zone), post=_alter_membership)
    if (day := _review_day(definition, state)) is not None:
        yield Due(at=calendar.start_of(day, zone), post=standing.review)


def _of_units(state: MemberState) -> Iterator[Due]:
    """Lots that become usable, lots that end, balances that end."""
    for lot in state.lots.values():
        if lot.usable_at:
            yield Due(at=lot.usable_at, post=partial(_mature, lot))
    for lot in state.lots.values():
        if lot.left and lot.expires_at:
            yield Due(at=lot.expires_at, post=partial(_expire_lots, lot.unit))
    for account in state.accounts.values():
        if account.expires_at:
            yield Due(at=account.expires_at, post=partial(_expire_balance, account.unit))


def _on_schedule(definition: Definition, state: MemberState) -> Iterator[Due]:
    """What comes by the calendar, after what has been settled."""
    if state.settled_at is None:
        return
    settled = state.settled_at
    for window in conversions.next_due(definition, after=settled):
        yield Due(at=window.at, post=_posting(conversions.post, window))
    for period in crediting.next_due(definition, state, after=settled):
        yield Due(at=period.at, post=_posting(crediting.post, period))
    for gift in gifts.next_due(definition, state, after=settled):
        yield Due(at=gift.at, post=_posting(gifts.post, gift))
    today = calendar.local_day(settled, definition.time_zone)
    if (day := tiers.next_loss(definition, state, after=today)) is not None:
        yield Due(at=calendar.start_of(day, definition.time_zone), post=standing.review)


def _posting(post: Callable[[Posting, T], None], what: T) -> Callable[[Posting, datetime], None]:
    return lambda posting, _: post(posting, what)


def _review_day(definition: Definition, state: MemberState) -> date | None:
    held = state.standing
    if held is None or held.until is None:
        return None
    if definition.tiers is None:
        return held.until + timedelta(days=1)
    return tiers.review_day(definition.tiers, held)


def _end_hold(redemption: Redemption, posting: Posting, at: datetime) -> None:
    give_back(posting, redemption, at=at, status=RedemptionStatus.EXPIRED)


def _mature(lot: Lot, posting: Posting, at: datetime) -> None:
    """What waited for the end of the return period can be used, and may lift the member."""
    posting.mature(lot)
    if lot.left:
        posting.tell("points_usable", unit=lot.unit, amount=lot.left, balance=posting.state.available(lot.unit))


def _expire_lots(unit: str, posting: Posting, at: datetime) -> None:
    expired = [
        lot
        for lot in posting.state.lots.values()
        if lot.unit == unit and lot.left and lot.expires_at and lot.expires_at <= at
    ]
    _expire(unit, posting, at, expired)


def _expire_balance(unit: str, posting: Posting, at: datetime) -> None:
    _expire(unit, posting, at, [lot for lot in posting.state.lots.values() if lot.unit == unit and lot.left])
    posting.clear_expiry(unit)


def _expire(unit: str, posting: Posting, at: datetime, expired: list[Lot]) -> None:
    posting.expire(unit, expired, at=at)
    if amount := sum(lot.left for lot in expired):
        posting.tell("points_expired", unit=unit, amount=amount, balance=posting.state.available(unit))


def _end_voucher(voucher: Voucher, posting: Posting, at: datetime) -> None:
    posting.set_voucher(replace(voucher, status=VoucherStatus.EXPIRED))


def _alter_membership(posting: Posting, at: datetime) -> None:
    held = posting.state.membership
    day = calendar.local_day(at, posting.definition.time_zone)
    after = membership.at_beginning_of(posting.definition, held, day)
    posting.join(after)
    if after.status is held.status:
        posting.tell("membership_ends_soon", until=str(held.until))
    elif after.status is not MembershipStatus.NONE:
        posting.tell("membership_changed", previous=held.status.value, status=after.status.value)
