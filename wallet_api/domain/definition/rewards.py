"""What members get: the reward list and gifts."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from wallet_api.domain.definition.basics import Localised, Period, Span


@dataclass(frozen=True, kw_only=True)
class MoneyOff:
    """So much off the purchase, in minor units."""

    amount: int


@dataclass(frozen=True, kw_only=True)
class PercentOff:
    """So much of the purchase's merchandise off: 0.1 is ten per cent; `by_tier` says it for each tier instead."""

    share: Fraction = Fraction(0)
    by_tier: Mapping[str, Fraction] = field(default_factory=dict)

    def of(self, tier: str | None) -> Fraction:
        """The share for a member of this tier."""
        return self.by_tier.get(tier or "", Fraction(0)) if self.by_tier else self.share


@dataclass(frozen=True, kw_only=True)
class FreeItem:
    """Something handed over: what, in words. With tags, the cheapest item with one of them costs nothing on a sale."""

    item: Localised
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Donation:
    """The units go to a good cause: its id. No voucher is issued."""

    cause: str


@dataclass(frozen=True, kw_only=True)
class Units:
    """Units put on the card at once, in smallest steps; no voucher is issued."""

    unit: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a reward costs, in smallest steps of a unit."""

    unit: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How often a member may have a reward in a period; rewards with the same `name` share one limit (a choice)."""

    times: int
    per: Period
    name: str | None = None


class Occasion(enum.StrEnum):
    """A moment in a member's life with the program."""

    JOIN = "join"
    BIRTHDAY = "birthday"  # the day itself
    BIRTHDAY_MONTH = "birthday_month"  # the first day of its month
    ANNIVERSARY = "anniversary"  # of the day of joining
    TIER = "tier"  # a tier is reached
    REFERRED = "referred"  # the first purchase of a member whom another one invited


@dataclass(frozen=True, kw_only=True)
class Season:
    """When in a member's year a reward may be taken: from an occasion on, for so many days, or its whole month.

    `days` by tier, the first day counted; a tier that is not named has none. Empty: the whole month of the occasion.
    """

    occasion: Occasion = Occasion.BIRTHDAY_MONTH
    days: Mapping[str, int] = field(default_factory=dict)
    days_for_all: int | None = None


@dataclass(frozen=True, kw_only=True)
class Reward:
    """An item of the reward list.

    A price of nothing (or None, where there is no unit) is a gift. `tiers` empty means every tier; `valid` is how long a
    voucher for it lives (the day of issue plus that is its last day), None for ever, or until its season ends where
    `valid_in_season`; `needs_purchase_of` is the least purchase that its money off applies to, in minor units;
    `per_sale` the most of its vouchers that one sale takes; `limits` all hold. `stock`: how many there are in all.
    `by_itself`: a gift that is issued when its season opens, without being asked for. `only_given`: a rule, a gift, a
    challenge, a contest or a window's end gives it, and nobody can ask for it.
    """

    id: str
    name: Localised
    price: Price | None
    gives: MoneyOff | PercentOff | FreeItem | Units | Donation
    tiers: frozenset[str] = frozenset()
    valid: Span | None = None
    needs_purchase_of: int = 0
    limits: tuple[Limit, ...] = ()
    season: Season | None = None
    per_sale: int | None = None
    stock: int | None = None
    by_itself: bool = False
    valid_in_season: bool = False
    only_given: bool = False

    @property
    def is_gift(self) -> bool:
        """Whether it costs nothing."""
        return self.price is None or self.price.amount == 0

    @property
    def has_voucher(self) -> bool:
        """Whether a voucher is issued for it; units and donations happen at once."""
        return not isinstance(self.gives, Units | Donation)


@dataclass(frozen=True, kw_only=True)
class Gift:
    """Units or a voucher for a reward, given by itself on an occasion; `tiers` are those reached, or those held."""

    id: str
    occasion: Occasion
    units: Units | None = None
    reward: str | None = None
    tiers: frozenset[str] = frozenset()
    name: Localised | None = None
