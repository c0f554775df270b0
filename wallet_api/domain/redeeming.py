"""Rewards: who may have one, exchanging units for it, its voucher, and giving both back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from wallet_api.domain import calendar, errors
from wallet_api.domain.decision import Earned, EntryKind
from wallet_api.domain.definition import Definition, Limit, PercentOff, Period, Price, Reward, Units
from wallet_api.domain.events import Capture, Hold, Redeem, Release
from wallet_api.domain.posting import Outcome, Posting
from wallet_api.domain.seasons import open_days
from wallet_api.domain.state import MemberState, Redemption, RedemptionStatus, Voucher, VoucherStatus
from wallet_api.domain.voucher_code import voucher_code

NO_UNIT = ""
"""The unit of what costs nothing in a program without units."""


def redeem(posting: Posting, event: Redeem) -> Outcome:
    """The member exchanges units for a reward, or takes a gift; a gift that has been issued by itself is that voucher."""
    reward = reward_of(posting.definition, event.reward)
    if (waiting := _unclaimed(posting, reward, at=event.occurred_at)) is not None and event.quantity == 1:
        return Outcome(voucher_id=waiting.id)
    check(posting, reward, quantity=event.quantity, at=event.occurred_at)
    redemption = _exchange(posting, reward, event, kind=EntryKind.REDEEM)
    posting.set_redemption(replace(redemption, status=RedemptionStatus.CAPTURED))
    if not reward.has_voucher:
        _put_on_card(posting, reward, redemption, at=event.occurred_at)
    status = VoucherStatus.ISSUED if reward.has_voucher else VoucherStatus.REDEEMED
    _issue_vouchers(posting, reward, redemption, code=event.voucher_code, status=status)
    tell_of_redemption(posting, redemption)
    return Outcome(voucher_id=redemption.id)


def hold(posting: Posting, event: Hold) -> Outcome:
    """A till reserves a reward."""
    reward = reward_of(posting.definition, event.reward)
    check(posting, reward, quantity=event.quantity, at=event.occurred_at)
    redemption = _exchange(posting, reward, event, kind=EntryKind.HOLD)
    posting.set_redemption(replace(redemption, hold_expires_at=event.expires_at))
    _issue_vouchers(posting, reward, redemption, code=event.voucher_code, status=VoucherStatus.RESERVED)
    posting.tell("card_changed")
    return Outcome(voucher_id=redemption.id)


def capture(posting: Posting, event: Capture) -> Outcome:
    """The till hands a held reward over; twice is once."""
    redemption = posting.state.redemptions[event.redemption_id]
    if redemption.status is RedemptionStatus.CAPTURED:
        return Outcome()
    if redemption.status is not RedemptionStatus.HELD:
        raise (errors.HoldExpired() if redemption.status is RedemptionStatus.EXPIRED else errors.AlreadyReleased())
    posting.settle(redemption, at=event.occurred_at)
    reward = posting.definition.rewards.get(redemption.reward)
    if reward and not reward.has_voucher:
        _put_on_card(posting, reward, redemption, at=event.occurred_at)
    posting.set_redemption(replace(redemption, status=RedemptionStatus.CAPTURED))
    for voucher in posting.state.vouchers.values():
        if voucher.redemption_id == redemption.id:
            posting.set_voucher(replace(voucher, status=VoucherStatus.REDEEMED))
    tell_of_redemption(posting, redemption)
    return Outcome()


def release(posting: Posting, event: Release) -> Outcome:
    """The till gives held units back; twice is once."""
    redemption = posting.state.redemptions[event.redemption_id]
    if redemption.status in {RedemptionStatus.RELEASED, RedemptionStatus.EXPIRED}:
        return Outcome()
    if redemption.status is RedemptionStatus.CAPTURED:
        raise errors.AlreadyCaptured()
    give_back(posting, redemption, at=event.occurred_at, status=RedemptionStatus.RELEASED)
    posting.tell("card_changed")
    return Outcome()


def give_back(posting: Posting, redemption: Redemption, *, at: datetime, status: RedemptionStatus) -> None:
    """Undo a hold: its units, its place in the stock and in the limits, its voucher."""
    if redemption.amount:
        posting.give_back(redemption, at=at)
    reward = posting.definition.rewards.get(redemption.reward)
    if reward:
        day = calendar.local_day(redemption.made_at, posting.definition.time_zone)
        for limit in reward.limits:
            key = limit_key(reward, limit, counted_day(posting, reward, day))
            if key in posting.state.counts:  # else that period is over, and nobody asks any more
                posting.count(*key, units=-redemption.amount, times=-redemption.quantity)
        posting.take_from_stock(reward.id, -redemption.quantity)
    posting.set_redemption(replace(redemption, status=status))
    for voucher in posting.state.vouchers.values():
        if voucher.redemption_id == redemption.id:
            posting.set_voucher(replace(voucher, status=VoucherStatus.CANCELLED))


def issue(
    posting: Posting,
    reward: Reward,
    *,
    at: datetime,
    quantity: int = 1,
    price: Price | None = None,
    valid_from: date | None = None,
) -> Voucher | None:
    """Give a voucher without being asked: a gift (free), or what units turn into (for their price).

    None where the reward is limited and none is left: the member is told, and units stay what they are.
    """
    if reward.stock is not None and posting.state.stock.get(reward.id, reward.stock) < quantity:
        posting.tell("reward_gone", reward=reward.id)
        return None
    redemption_id = posting.next_id()
    event = Redeem(
        id=redemption_id,
        occurred_at=at,
        reward=reward.id,
        quantity=quantity,
        voucher_code=voucher_code(redemption_id),
    )
    redemption = _exchange(posting, replace(reward, price=price), event, kind=EntryKind.REDEEM)
    posting.set_redemption(replace(redemption, status=RedemptionStatus.CAPTURED))
    voucher = _voucher(posting, reward, redemption, code=event.voucher_code, valid_from=valid_from)
    posting.set_voucher(voucher)
    if not reward.has_voucher:
        _put_on_card(posting, reward, redemption, at=at)
        voucher = replace(voucher, status=VoucherStatus.REDEEMED)
        posting.set_voucher(voucher)
    if price is None:
        posting.tell("reward_given", reward=reward.id)
    else:
        tell_of_redemption(posting, redemption)
    return voucher


def claim(posting: Posting, reward_id: str, *, at: datetime) -> Voucher | None:
    """A gift that is asked for where it is used: its voucher, if this member may have it now; None for no gift."""
    reward = posting.definition.rewards.get(reward_id)
    if reward is None or not reward.is_gift or not reward.has_voucher:
        return None
    check(posting, reward, quantity=1, at=at)
    return issue(posting, reward, at=at)


def check(posting: Posting, reward: Reward, *, quantity: int, at: datetime) -> None:
    """Refuse what this member may not have now; of several reasons the first of PROGRAMS.md's order."""
    state, day = posting.state, calendar.local_day(at, posting.definition.time_zone)
    if reward.season and not open_days(posting.definition, state, reward.season, day):
        raise errors.OutOfSeason()
    if reward.only_given or not is_eligible(reward, state):
        raise errors.NotEligible()
    if (limit := reached_limit(posting, reward, quantity=quantity, day=day)) is not None:
        raise errors.LimitReached(limit=limit)
    if reward.price is None:
        return
    have, need = state.available(reward.price.unit), reward.price.amount * quantity
    if have < need:
        raise errors.InsufficientBalance(unit=reward.price.unit, have=have, need=need)


def is_eligible(reward: Reward, state: MemberState) -> bool:
    """Whether this member's tier includes a reward."""
    if isinstance(reward.gives, PercentOff) and reward.gives.by_tier and state.tier not in reward.gives.by_tier:
        return False
    return not reward.tiers or state.tier in reward.tiers


def reached_limit(posting: Posting, reward: Reward, *, quantity: int, day: date) -> int | None:
    """The limit that so many more would pass, or how many there were of a reward whose stock does not suffice."""
    for limit in reward.limits:
        key = limit_key(reward, limit, counted_day(posting, reward, day))
        if posting.state.counted(*key).times + quantity > limit.times:
            return limit.times
    if reward.stock is not None and posting.state.stock.get(reward.id, reward.stock) < quantity:
        return reward.stock
    return None


def counted_day(posting: Posting, reward: Reward, day: date) -> date:
    """The day whose periods a reward is counted in: the first of its season, which may lie in the year before."""
    days = open_days(posting.definition, posting.state, reward.season, day) if reward.season else None
    return days.first if days else day


def limit_key(reward: Reward, limit: Limit, day: date) -> tuple[str, str]:
    """Under which name, and in which period, a reward's limit is counted; apart from what rules are counted under."""
    return f"reward:{limit.name or reward.id}", calendar.period_key(limit.per, day)


def reward_of(definition: Definition, reward_id: str) -> Reward:
    """The reward with this id; RewardNotFound."""
    if reward_id not in definition.rewards:
        raise errors.RewardNotFound(reward=reward_id)
    return definition.rewards[reward_id]


def tell_of_redemption(posting: Posting, redemption: Redemption) -> None:
    """Note that a reward has been redeemed."""
    if redemption.unit == NO_UNIT:
        posting.tell("reward_given", reward=redemption.reward)
        return
    posting.tell(
        "reward_redeemed",
        reward=redemption.reward,
        unit=redemption.unit,
        amount=redemption.amount,
        balance=posting.state.available(redemption.unit),
    )


def _unclaimed(posting: Posting, reward: Reward, *, at: datetime) -> Voucher | None:
    """The voucher of a gift that came by itself and that nobody has asked for yet; asking claims it, once."""
    day = calendar.local_day(at, posting.definition.time_zone)
    if not reward.by_itself:
        return None
    waiting = [
        voucher for voucher in posting.state.vouchers.values() if voucher.reward == reward.id and voucher.is_usable(day)
    ]
    key = (f"claimed:{reward.id}", calendar.period_key(Period.YEAR, counted_day(posting, reward, day)))
    if not waiting or posting.state.counted(*key).times:
        return None
    posting.count(*key, units=0)
    return waiting[0]


def _put_on_card(posting: Posting, reward: Reward, redemption: Redemption, *, at: datetime) -> None:
    """Give what needs no voucher: units; a donation has been given by taking its price."""
    if isinstance(reward.gives, Units):
        amount = reward.gives.amount * redemption.quantity
        given = Earned(rule=reward.id, unit=reward.gives.unit, amount=amount, why={})
        posting.earn(given, at=at, source_id=redemption.id, kind=EntryKind.BONUS)


def _exchange(posting: Posting, reward: Reward, event: Redeem | Hold, *, kind: EntryKind) -> Redemption:
    """Take the price out of the lots, a place of each limit, and the stock; the redemption is held."""
    at, price = event.occurred_at, reward.price or Price(unit=NO_UNIT, amount=0)
    amount = price.amount * event.quantity
    why = {"reward": reward.id, "quantity": event.quantity}
    takes = posting.spend(price.unit, amount, kind=kind, at=at, source_id=event.id, why=why) if amount else ()
    day = calendar.local_day(at, posting.definition.time_zone)
    for limit in reward.limits:
        key = limit_key(reward, limit, counted_day(posting, reward, day))
        posting.count(*key, units=amount, times=event.quantity)
    posting.take_from_stock(reward.id, event.quantity)
    return Redemption(
        id=event.id,
        reward=reward.id,
        quantity=event.quantity,
        unit=price.unit,
        amount=amount,
        takes=takes,
        status=RedemptionStatus.HELD,
        made_at=at,
        hold_expires_at=None,
    )


def _issue_vouchers(
    posting: Posting, reward: Reward, redemption: Redemption, *, code: str, status: VoucherStatus
) -> None:
    """One voucher for each piece, so that each can be used on its own; the first has the redemption's id and code.

    What happens at once, and is never used, is one record of all its pieces.
    """
    first = replace(_voucher(posting, reward, redemption, code=code), status=status)
    pieces = redemption.quantity if reward.has_voucher else 1
    if reward.has_voucher:
        first = replace(first, quantity=1)
    posting.set_voucher(first)
    for _ in range(pieces - 1):
        voucher_id = posting.next_id()
        posting.set_voucher(replace(first, id=voucher_id, code=voucher_code(voucher_id)))


def _voucher(
    posting: Posting, reward: Reward, redemption: Redemption, *, code: str, valid_from: date | None = None
) -> Voucher:
    return Voucher(
        id=redemption.id,
        code=code,
        reward=reward.id,
        quantity=redemption.quantity,
        status=VoucherStatus.ISSUED,
        issued_at=redemption.made_at,
        valid_until=_valid_until(posting, reward, redemption, valid_from=valid_from),
        redemption_id=redemption.id,
        valid_from=valid_from,
    )


def _valid_until(posting: Posting, reward: Reward, redemption: Redemption, *, valid_from: date | None) -> date | None:
    day = valid_from or calendar.local_day(redemption.made_at, posting.definition.time_zone)
    if reward.valid_in_season and reward.season:
        open_now = open_days(posting.definition, posting.state, reward.season, day)
        return open_now.last if open_now else day
    return calendar.last_valid(day, reward.valid) if reward.valid else None
