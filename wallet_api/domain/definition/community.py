"""Challenges, contests, partners and segments."""

from __future__ import annotations

from dataclasses import dataclass, field

from wallet_api.domain.definition.basics import DayRange, Localised, Period, Span
from wallet_api.domain.definition.rewards import Units


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """A goal over a measure in a period; reached, it gives a badge, and perhaps units or vouchers.

    `measure` as in tiers, or `activity:<kind>`; over `per` (LIFETIME only for `earned:<unit>`) and, where there are
    `days`, only on those.
    """

    id: str
    name: Localised
    measure: str
    goal: int
    per: Period = Period.LIFETIME
    days: DayRange | None = None
    badge: str | None = None
    units: Units | None = None
    rewards: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Contest:
    """A ranking of the members who take part by a measure over some days; `prizes` are rewards by place from the first."""

    id: str
    name: Localised
    measure: str
    days: DayRange
    prizes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Partner:
    """Another brand at whose locations members earn and redeem.

    It pays `pays` minor units for each `per` smallest steps that members earn there, and gets as much for those they
    spend there.
    """

    id: str
    name: Localised
    locations: frozenset[str]
    pays: int
    per: int
    unit: str


@dataclass(frozen=True, kw_only=True)
class Segment:
    """Members with at least (and at most) so much of a measure over the last `over`, in one of these tiers."""

    id: str
    measure: str | None = None
    over: Span = field(default_factory=lambda: Span(months=12))
    at_least: int | None = None
    at_most: int | None = None
    tiers: frozenset[str] = frozenset()
