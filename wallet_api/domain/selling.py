"""A sale: its price for this member, what pays for it, and what it earns.

The order is always the same: member prices line by line, then vouchers in the order in which they are given (free items
on their lines, then money and shares off the whole), then units. What is left is paid in money, and is the base of all
that is earned (PROGRAMS.md, "Base").
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from math import floor

from wallet_api.domain import benefits, calendar, crediting, earning, errors, gifts
from wallet_api.domain.benefits import GIFT_CARD, Status
from wallet_api.domain.decision import Discount, EntryKind
from wallet_api.domain.definition import FreeItem, MoneyOff, Occasion, PercentOff, Reward, Unit
from wallet_api.domain.earning import Basket
from wallet_api.domain.events import Line, Sale
from wallet_api.domain.money import half_up, split
from wallet_api.domain.occasions import earn, keep_alive, purchases, scene_of, tell_of_earnings
from wallet_api.domain.posting import Outcome, Posting
from wallet_api.domain.redeeming import claim, reward_of
from wallet_api.domain.state import Voucher, VoucherStatus


def sell(posting: Posting, event: Sale) -> Outcome:
    """Price a sale, take vouchers and units, and post what it earns."""
    definition, state = posting.definition, posting.state
    status, day = benefits.status_of(state), calendar.local_day(event.occurred_at, definition.time_zone)
    tags = frozenset[str]().union(*(line.tags for line in event.lines))
    is_allowed = benefits.is_open(definition, tags, status, at=event.occurred_at)
    if not is_allowed and not event.is_quote:
        raise errors.NotEligible()
    bill = _Bill.at_member_prices(posting, event, status)
    bill.use_vouchers(posting, event, day)
    shipping = benefits.shipping_of(definition, bill.merchandise, status)
    ships_free = benefits.is_free_shipping_a_benefit(definition, bill.merchandise, status)
    by_units = _pay_with_units(posting, event, bill)
    net = [amount - units for amount, units in zip(bill.amounts, by_units, strict=True)]
    basket = Basket(lines=event.lines, net=net, kept=[Fraction(1)] * len(net), by_units=by_units, free=bill.free)
    _earn(posting, event, basket, day)
    if ships_free:
        membership = posting.state.membership
        posting.join(replace(membership, free_shippings=membership.free_shippings + 1))
    keep_alive(posting, day)
    tell_of_earnings(posting, source_id=event.id)
    return Outcome(
        net=tuple(net),
        kept=(Fraction(1),) * len(net),
        paid=sum(net),
        tier=status.tier,
        membership=status.membership,
        by_units=tuple(by_units),
        free=tuple(bill.free),
        shipping=shipping,
        is_allowed=is_allowed,
    )


def _earn(posting: Posting, event: Sale, basket: Basket, day: date) -> None:
    definition, at = posting.definition, event.occurred_at
    scene = scene_of(posting, at, location=event.location)
    for earned in earning.for_sale(definition, basket, scene):
        earn(posting, earned, at=at, source_id=event.id, day=day)
    if scene.partner is None:
        posting.measure("spend", day, floor(basket.merchandise))
        posting.measure("orders", day, 1)
    for credit in definition.credits:
        posting.measure(credit.measure, day, floor(crediting.counted(credit, basket, scene)))
    if basket.merchandise > 0:
        posting.count(*purchases(scene.partner), units=0)
        if scene.is_first_ever and scene.partner is None and posting.state.referred_by:
            gifts.give_on(posting, Occasion.REFERRED, at=at)
            posting.tell("friend_bought", referrer=str(posting.state.referred_by), friend=str(posting.state.member_id))
    crediting.reckon_again(posting, day, at=at, source_id=event.id)


# ── The price ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True)
class _Bill:
    """What each line costs so far, and how many pieces of it are a reward."""

    lines: tuple[Line, ...]
    amounts: list[int]
    free: list[int]

    @classmethod
    def at_member_prices(cls, posting: Posting, event: Sale, status: Status) -> _Bill:
        """The lines at the prices of the member's status."""
        priced = benefits.priced(posting.definition, event.lines, status)
        for discount in priced.discounts:
            posting.discount(discount)
        return cls(lines=event.lines, amounts=list(priced.amounts), free=[0] * len(event.lines))

    @property
    def merchandise(self) -> int:
        """What the goods cost, without gift cards."""
        return sum(self._goods())

    def use_vouchers(self, posting: Posting, event: Sale, day: date) -> None:
        """Redeem the vouchers used on a sale; each takes its part off what the ones before it left."""
        vouchers = [_voucher(posting, code, day, at=event.occurred_at) for code in event.vouchers]
        if len({voucher.id for voucher in vouchers}) < len(vouchers):
            raise errors.VoucherNotFound(voucher=", ".join(event.vouchers))  # a voucher is used once
        used = Counter(voucher.reward for voucher in vouchers)
        rewards = {reward_id: reward_of(posting.definition, reward_id) for reward_id in used}
        for reward in rewards.values():
            if reward.per_sale is not None and used[reward.id] > reward.per_sale:
                raise errors.LimitReached(limit=reward.per_sale)
        for reward in rewards.values():
            if self.merchandise < reward.needs_purchase_of:
                raise errors.MinimumNotReached(minimum=reward.needs_purchase_of, have=self.merchandise)
        for voucher in vouchers:
            off = self.take_off(rewards[voucher.reward], voucher.quantity, tier=posting.state.tier)
            posting.discount(Discount(voucher_id=voucher.id, reward=voucher.reward, amount=off))
            posting.set_voucher(replace(voucher, status=VoucherStatus.REDEEMED))

    def take_off(self, reward: Reward, quantity: int, *, tier: str | None) -> int:
        """Take off what a voucher for so many of a reward gives; how much that was, in minor units."""
        match reward.gives:
            case MoneyOff(amount=amount):
                return self._off_the_whole(amount * quantity)
            case PercentOff() as percent:
                return self._off_the_whole(half_up(self.merchandise * percent.of(tier)) * quantity)
            case FreeItem(tags=tags) if tags:
                return sum(self._one_free(tags) for _ in range(quantity))
            case _:
                return 0

    def _off_the_whole(self, off: int) -> int:
        goods = self._goods()
        off = min(off, sum(goods))
        self.amounts = [amount - part for amount, part in zip(self.amounts, split(off, goods), strict=True)]
        return off

    def _one_free(self, tags: frozenset[str]) -> int:
        """The cheapest item with one of these tags costs nothing; where there is none, it is handed over beside."""
        places = [
            place
            for place, line in enumerate(self.lines)
            if tags & line.tags and line.quantity > self.free[place] and self.amounts[place]
        ]
        if not places:
            return 0
        cheapest = min(places, key=self._of_one)
        off = half_up(self._of_one(cheapest))
        self.free[cheapest] += 1
        self.amounts[cheapest] -= off
        return off

    def _of_one(self, place: int) -> Fraction:
        return Fraction(self.amounts[place], self.lines[place].quantity - self.free[place])

    def _goods(self) -> list[int]:
        return [0 if GIFT_CARD in line.tags else amount for line, amount in zip(self.lines, self.amounts, strict=True)]

    def pay(self, value: int) -> list[int]:
        """How so much payment is spread over the goods."""
        return split(value, self._goods())


def _voucher(posting: Posting, code: str, day: date, *, at: datetime) -> Voucher:
    """The member's voucher with this code; or, by its reward's id, a gift that they may have now."""
    for voucher in posting.state.vouchers.values():
        if voucher.code == code and voucher.is_usable(day):
            return voucher
    if code not in posting.definition.rewards:
        raise errors.VoucherNotFound(voucher=code)
    if (claimed := claim(posting, code, at=at)) is None:
        raise errors.NotEligible()
    return claimed


# ── Units as payment ─────────────────────────────────────────────────────────────────────────────────────────────


def _pay_with_units(posting: Posting, event: Sale, bill: _Bill) -> list[int]:
    """Take the units that pay for a part; what they pay of each line, in minor units."""
    goods = bill.merchandise
    value = 0
    for unit_id, amount in event.pay_with:
        if amount:
            value += _take_units(posting, event, unit_id, amount, goods=goods, paid=value)
    return bill.pay(value)


def _take_units(posting: Posting, event: Sale, unit_id: str, amount: int, *, goods: int, paid: int) -> int:
    unit = posting.definition.units.get(unit_id)
    if unit is None or unit.worth is None:
        raise errors.NotEligible()
    worth, have = unit.worth, posting.state.available(unit_id)
    value = worth.value(amount)
    _check_minimum(unit, amount, have)
    most = min(floor(goods * worth.share), goods - paid)
    if value > most:
        raise errors.ExceedsShare(most=most, asked=value)
    if amount > have:
        raise errors.InsufficientBalance(unit=unit_id, have=have, need=amount)
    posting.spend(
        unit_id,
        amount,
        kind=EntryKind.REDEEM,
        at=event.occurred_at,
        source_id=event.id,
        why={"paid": value},
    )
    return value


def _check_minimum(unit: Unit, amount: int, have: int) -> None:
    assert unit.worth is not None
    if unit.worth.from_balance and have < unit.worth.from_balance:
        raise errors.MinimumNotReached(minimum=unit.worth.from_balance, have=have)
    if amount % unit.worth.multiples_of:
        raise errors.MinimumNotReached(minimum=unit.worth.multiples_of, have=amount)
