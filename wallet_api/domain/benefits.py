"""What a status changes on a sale: member prices, shipping, access, and how long goods may be brought back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wallet_api.domain import errors
from wallet_api.domain.decision import Discount
from wallet_api.domain.definition import Audience, Definition, MemberPrice, ReturnTerms
from wallet_api.domain.events import Line
from wallet_api.domain.money import half_up
from wallet_api.domain.state import MemberState

GIFT_CARD = "gift-card"


@dataclass(frozen=True, kw_only=True)
class Status:
    """Who buys: a guest, or a member with a tier and a membership."""

    is_guest: bool = False
    tier: str | None = None
    membership: str = "none"


GUEST = Status(is_guest=True)


@dataclass(frozen=True, kw_only=True)
class Priced:
    """What each line costs after member prices, in minor units, and what each of those took off."""

    amounts: tuple[int, ...]
    discounts: tuple[Discount, ...]


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What a purchase would cost: goods and shipping (None: the program does not say), and whether it is open at all."""

    pay: int
    shipping: int | None
    is_allowed: bool


def status_of(state: MemberState) -> Status:
    """A member's status now."""
    return Status(tier=state.tier, membership=state.membership.status.value)


def fits(who: Audience, status: Status) -> bool:
    """Whether somebody of this status is meant."""
    return (
        (who.guests is None or who.guests is status.is_guest)
        and (not who.tiers or status.tier in who.tiers)
        and (not who.memberships or status.membership in who.memberships)
    )


def priced(definition: Definition, lines: Sequence[Line], status: Status) -> Priced:
    """Lines at the prices of this status; refuses an order that goes beyond what a price allows (LimitReached)."""
    prices = [price for price in definition.benefits.prices if fits(price.who, status)]
    amounts: list[int] = []
    taken: dict[str, int] = {}
    for line in lines:
        left = line.amount
        for price in _that_apply(prices, line, status):
            off = half_up(left * price.share.of(status.tier))
            taken[price.id] = taken.get(price.id, 0) + off
            left -= off
        amounts.append(left)
    _check_limits(prices, lines, amounts)
    discounts = (Discount(voucher_id=None, reward=price, amount=off) for price, off in taken.items() if off)
    return Priced(amounts=tuple(amounts), discounts=tuple(discounts))


def shipping_of(definition: Definition, merchandise: int, status: Status) -> int | None:
    """What shipping costs for so much merchandise, after discounts and before units; None where nothing is said."""
    return next((rule.of(merchandise) for rule in definition.benefits.shipping if fits(rule.who, status)), None)


def is_free_shipping_a_benefit(definition: Definition, merchandise: int, status: Status) -> bool:
    """Whether this status ships for less than somebody without any membership would."""
    usual = shipping_of(definition, merchandise, Status(is_guest=status.is_guest, tier=status.tier))
    return bool(usual) and shipping_of(definition, merchandise, status) == 0


def is_open(
    definition: Definition,
    tags: Collection[str],
    status: Status,
    *,
    at: datetime,
    opens_at: datetime | None = None,
) -> bool:
    """Whether items with these tags are open to this status; `opens_at` is when they open to everybody."""
    rules = [rule for rule in definition.benefits.access if rule.tags & set(tags)]
    exclusive = [rule for rule in rules if rule.minutes_earlier is None]
    for tag in {tag for rule in exclusive for tag in rule.tags & set(tags)}:
        if not any(tag in rule.tags and fits(rule.who, status) for rule in exclusive):
            return False
    if opens_at is None or at >= opens_at:
        return True
    earlier = (rule.minutes_earlier for rule in rules if rule.minutes_earlier is not None and fits(rule.who, status))
    return at >= opens_at - timedelta(minutes=max(earlier, default=0))


def return_terms(definition: Definition, status: Status) -> ReturnTerms | None:
    """The terms on which somebody of this status brings goods back; None: no limit."""
    return next((terms for terms in definition.benefits.returns if fits(terms.who, status)), None)


def quote_for_guest(definition: Definition, lines: Sequence[Line], *, at: datetime) -> Quote:
    """What somebody who is no member would pay."""
    goods = priced(definition, lines, GUEST).amounts
    pay = sum(goods)
    merchandise = sum(amount for amount, line in zip(goods, lines, strict=True) if GIFT_CARD not in line.tags)
    tags = frozenset[str]().union(*(line.tags for line in lines))
    return Quote(
        pay=pay,
        shipping=shipping_of(definition, merchandise, GUEST),
        is_allowed=is_open(definition, tags, GUEST, at=at),
    )


def _that_apply(prices: Sequence[MemberPrice], line: Line, status: Status) -> list[MemberPrice]:
    """The best of the prices that do not add up, then those that come on top."""
    meeting = [price for price in prices if _meets(price, line)]
    alone = [price for price in meeting if not price.stacks]
    best = max(alone, key=lambda price: price.share.of(status.tier), default=None)
    return [*([best] if best else []), *(price for price in meeting if price.stacks)]


def _meets(price: MemberPrice, line: Line) -> bool:
    return (
        GIFT_CARD not in line.tags
        and (not price.tags or bool(price.tags & line.tags))
        and not price.not_tags & line.tags
    )


def _check_limits(prices: Sequence[MemberPrice], lines: Sequence[Line], amounts: Sequence[int]) -> None:
    pieces = Counter[str]()
    for line in lines:
        pieces[line.sku] += line.quantity
    for price in prices:
        if not any(_meets(price, line) for line in lines):
            continue
        if price.most_of_order is not None and sum(amounts) > price.most_of_order:
            raise errors.LimitReached(limit=price.most_of_order)
        met = {line.sku for line in lines if _meets(price, line)}
        if price.most_of_sku is not None and any(pieces[sku] > price.most_of_sku for sku in met):
            raise errors.LimitReached(limit=price.most_of_sku)
