"""What a status changes on a sale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wallet_api.domain.definition.basics import Localised
from wallet_api.domain.definition.rewards import PercentOff


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who has a benefit: everybody who is not excluded. Empty fields ask for nothing.

    `guests`: None asks nothing, True wants people who are no members, False members. `memberships`: members whose paid
    or verified membership stands so (`paid`, `trial`, `verified`).
    """

    guests: bool | None = None
    tiers: frozenset[str] = frozenset()
    memberships: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Shipping:
    """What shipping costs these people, in minor units: `fee`, nothing from a purchase of `free_from` on."""

    who: Audience
    fee: int
    free_from: int | None = None

    def of(self, merchandise: int) -> int:
        """What shipping costs for so much merchandise."""
        return 0 if self.free_from is not None and merchandise >= self.free_from else self.fee


@dataclass(frozen=True, kw_only=True)
class MemberPrice:
    """A discount on the lines with these tags (all lines where there are none) and without those.

    `share` off, or by tier. Of several that meet a line the best one counts; `stacks`: this one comes on top.
    `most_of_order`: an order that costs more after it is refused (minor units); `most_of_sku`: so is one with more
    pieces of one article.
    """

    id: str
    who: Audience
    share: PercentOff
    tags: frozenset[str] = frozenset()
    not_tags: frozenset[str] = frozenset()
    stacks: bool = False
    most_of_order: int | None = None
    most_of_sku: int | None = None
    name: Localised | None = None


@dataclass(frozen=True, kw_only=True)
class ReturnTerms:
    """How long these people may bring goods back: day of the sale + `days` is the last; None: for ever.

    `is_refused`: nothing is taken back. `worn_days` and `worn_items_per_year`: worn goods are taken back within so many
    days, so many pieces a calendar year; never where it is None.
    """

    who: Audience
    days: int | None = None
    is_refused: bool = False
    worn_days: int | None = None
    worn_items_per_year: int = 0


@dataclass(frozen=True, kw_only=True)
class Access:
    """Items with these tags are for these people only; or open to them `minutes_earlier` than to everybody else."""

    who: Audience
    tags: frozenset[str]
    minutes_earlier: int | None = None


@dataclass(frozen=True, kw_only=True)
class Benefits:
    """All that a status changes on a sale; of several that could apply, the first one whose audience fits does."""

    shipping: tuple[Shipping, ...] = ()
    prices: tuple[MemberPrice, ...] = ()
    returns: tuple[ReturnTerms, ...] = ()
    access: tuple[Access, ...] = ()
    others: Mapping[str, Localised] = field(default_factory=dict)  # told to members, worked by people
