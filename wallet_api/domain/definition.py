"""A program's definition: its rules, as frozen values.

`wallet_api/program_file` reads them from the shop's YAML file; nothing here knows YAML. Money is an `int` of the
currency's minor units, amounts of units are an `int` of the unit's smallest step, days are program-local.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from zoneinfo import ZoneInfo


class EventKind(enum.StrEnum):
    """What can happen to a member."""

    JOIN = "join"
    SALE = "sale"
    CHECK_IN = "check_in"
    ACTIVITY = "activity"


class Period(enum.StrEnum):
    """A stretch of program-local days over which something is counted; weeks run Monday to Sunday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    LIFETIME = "lifetime"


@dataclass(frozen=True, kw_only=True)
class Localised:
    """One text in several languages."""

    by_language: Mapping[str, str]

    def text(self, locale: str) -> str:
        """The text in the locale's language, else in the first language that there is."""
        language = locale.replace("_", "-").split("-")[0].lower()
        return self.by_language.get(language) or next(iter(self.by_language.values()))


@dataclass(frozen=True, kw_only=True)
class Colours:
    """The card's colours as `#rrggbb`."""

    background: str = "#1f2937"
    text: str = "#ffffff"
    label: str = "#d1d5db"


@dataclass(frozen=True, kw_only=True)
class Brand:
    """How the card looks: name, colours, and a PNG logo (its bytes) or none."""

    name: str
    colours: Colours = field(default_factory=Colours)
    logo: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Span:
    """A length of time in calendar months and days: `12 months`, `60 days`."""

    months: int = 0
    days: int = 0


class ExpiryAnchor(enum.StrEnum):
    """From when a lot's life counts."""

    EARNED = "earned"
    LAST_ACTIVITY = "last_activity"


@dataclass(frozen=True, kw_only=True)
class Expiry:
    """When units expire: a span after they were earned, or all together after a span without earning or spending."""

    after: Span
    anchor: ExpiryAnchor = ExpiryAnchor.EARNED


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What is counted: its id, name (one and many) and number of decimals; how it expires."""

    id: str
    name: Localised
    one: Localised
    decimals: int = 0
    expires: Expiry | None = None


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`earn` smallest steps of the unit for each `per` minor units of the base."""

    earn: int
    per: int

    def exact(self, base: int) -> Fraction:
        """Units before rounding, in smallest steps."""
        return Fraction(base * self.earn, self.per)


@dataclass(frozen=True, kw_only=True)
class Flat:
    """A fixed number of smallest steps, whatever the base."""

    earn: int


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When a rule applies. Empty fields ask for nothing.

    `tags`: only lines with one of them count; `not_tags`: lines with one of them do not; `tiers`: the member's tier
    is one of them; `locations`: it happened at one of them (their codes); `minimum`: the base is at least this much.
    """

    tags: frozenset[str] = frozenset()
    not_tags: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    minimum: int = 0


@dataclass(frozen=True, kw_only=True)
class Cap:
    """The most that a rule gives: `times` events or `units` smallest steps, one of the two, per period."""

    per: Period
    times: int | None = None
    units: int | None = None


@dataclass(frozen=True, kw_only=True)
class EarningRule:
    """How units are earned: on an event, under a condition, an amount of a unit, under a cap."""

    id: str
    on: EventKind
    unit: str
    amount: Rate | Flat
    where: Condition = field(default_factory=Condition)
    cap: Cap | None = None
    name: Localised | None = None
    kind: str | None = None  # of the activity, where `on` is ACTIVITY


@dataclass(frozen=True, kw_only=True)
class TierLevel:
    """A tier: it is reached when the measure reaches `threshold` (minor units of money, or smallest steps)."""

    id: str
    name: Localised
    threshold: int


@dataclass(frozen=True, kw_only=True)
class TierScheme:
    """How tiers are reached and kept.

    `measure` is `spend` or `earned:<unit>`, over a calendar year. A tier reached is valid for the rest of that year
    and `years_after` more; then the last year's measure decides. `levels` rise, the first starts at 0.
    """

    measure: str
    levels: tuple[TierLevel, ...]
    years_after: int = 1

    def level(self, tier: str) -> TierLevel:
        """The level with this id; KeyError if there is none."""
        for level in self.levels:
            if level.id == tier:
                return level
        raise KeyError(tier)

    def earned_by(self, value: int) -> TierLevel:
        """The highest level whose threshold the value reaches; reached exactly is reached."""
        return max(
            (level for level in self.levels if level.threshold <= value),
            key=lambda level: level.threshold,
        )

    def next_after(self, tier: str) -> TierLevel | None:
        """The level above this one, or None at the top; above a tier that is no longer known, the first."""
        threshold = next((level.threshold for level in self.levels if level.id == tier), -1)
        return min(
            (level for level in self.levels if level.threshold > threshold),
            key=lambda level: level.threshold,
            default=None,
        )


@dataclass(frozen=True, kw_only=True)
class MoneyOff:
    """So much off the purchase, in minor units."""

    amount: int


@dataclass(frozen=True, kw_only=True)
class FreeItem:
    """Something handed over: what, in words."""

    item: Localised


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a reward costs, in smallest steps of a unit."""

    unit: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Reward:
    """An item of the reward list.

    `tiers` empty means every tier; `valid` is how long a voucher for it lives (its last day is
    `calendar.last_valid` of the day of issue), None for ever; `needs_purchase_of` is the least purchase that its money off applies to, in minor units.
    """

    id: str
    name: Localised
    price: Price
    gives: MoneyOff | FreeItem
    tiers: frozenset[str] = frozenset()
    valid: Span | None = None
    needs_purchase_of: int = 0


@dataclass(frozen=True, kw_only=True)
class MessageText:
    """The title and body of one kind of message in one language, with `{placeholders}`; no title means the default."""

    title: str | None
    body: str


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One version of a program's rules."""

    program: str
    name: Localised
    currency: str
    currency_decimals: int
    time_zone: ZoneInfo
    languages: tuple[str, ...]
    brand: Brand
    units: Mapping[str, Unit]
    earning: tuple[EarningRule, ...]
    tiers: TierScheme | None
    rewards: Mapping[str, Reward]
    messages: Mapping[str, Mapping[str, MessageText]]
    terms_version: str = "1"
