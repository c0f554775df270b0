"""A program's definition: its rules, as frozen values.

`wallet_api/program_file` reads them from the shop's YAML file; nothing here knows YAML. Money is an `int` of the
currency's minor units, amounts of units are an `int` of the unit's smallest step, days are program-local.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
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
    END_OF_YEAR = "end_of_year"
    LAST_ACTIVITY = "last_activity"


@dataclass(frozen=True, kw_only=True)
class Expiry:
    """When units expire: `after` a span from an anchor.

    From the day on which they were earned (an empty span: at the end of that day), from the end of the year in which
    they were earned, or all together from the last earning or spending.
    """

    after: Span
    anchor: ExpiryAnchor = ExpiryAnchor.EARNED


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What is counted: its id, name (one and many) and number of decimals; how it expires.

    `converts_every` smallest steps turn by themselves into one voucher for the reward `converts_into`.
    """

    id: str
    name: Localised
    one: Localised
    decimals: int = 0
    expires: Expiry | None = None
    converts_every: int | None = None
    converts_into: str | None = None


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
class Bands:
    """A fixed number of smallest steps by the size of the base: the first band whose `most` the base does not pass.

    The last band has no end (`most` None).
    """

    bands: tuple[tuple[int | None, int], ...]

    def of(self, base: Fraction) -> int:
        """What a base of this size gives."""
        return next(earn for most, earn in self.bands if most is None or base <= most)


@dataclass(frozen=True, kw_only=True)
class ByStreak:
    """By the day of a streak: the first day gives the first number, and so on; the last number stays."""

    steps: tuple[int, ...]

    def of(self, day: int) -> int:
        """What the so-manieth day in a row gives (1 is the first)."""
        return self.steps[min(day, len(self.steps)) - 1]


@dataclass(frozen=True, kw_only=True)
class ByField:
    """By a field of the activity: a table from its value to smallest steps; another value gives nothing."""

    field: str
    table: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class PerQuantity:
    """`earn` smallest steps for each 1 of a number that the activity brings (`quantity`, or a field of its own)."""

    earn: int
    field: str = "quantity"


@dataclass(frozen=True, kw_only=True)
class PerItem:
    """`earn` smallest steps for each item of the lines that count."""

    earn: int


@dataclass(frozen=True, kw_only=True)
class RateByTier:
    """A rate for each tier; a tier that is not named earns nothing."""

    rates: Mapping[str, Rate]


Amount = Rate | RateByTier | Flat | Bands | ByStreak | ByField | PerQuantity | PerItem


@dataclass(frozen=True, kw_only=True)
class DayRange:
    """The program-local days from `first` to `last`, both included."""

    first: date
    last: date

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When a rule applies. Empty fields ask for nothing.

    `tags`: only lines with one of them count; `not_tags`: lines with one of them do not; `tiers`: the member's tier
    is one of them; `locations`: it happened at one of them (their codes); `minimum`: the base is at least this much;
    `quantity_from`: the activity's quantity is at least this; `fields`: the activity's fields have these values;
    `days`: the day is in one of these ranges; `birthday_month`: it is the month of the member's birthday;
    `first_in_month`: the member has had no such event in this month before.
    """

    tags: frozenset[str] = frozenset()
    not_tags: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    minimum: int = 0
    quantity_from: Fraction | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    days: tuple[DayRange, ...] | None = None
    birthday_month: bool = False
    first_in_month: bool = False


@dataclass(frozen=True, kw_only=True)
class Cap:
    """The most that a rule gives: `times` events or `units` smallest steps, one of the two, per period.

    Rules whose caps have the same `name` share one; without a name the cap is the rule's own.
    """

    per: Period
    times: int | None = None
    units: int | None = None
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class EarningRule:
    """How units are earned: on an event, under a condition, an amount of a unit, under a cap.

    `refuses`: an event beyond the cap is refused instead of earning nothing.
    """

    id: str
    on: EventKind
    unit: str
    amount: Amount
    where: Condition = field(default_factory=Condition)
    cap: Cap | None = None
    name: Localised | None = None
    kind: str | None = None  # of the activity, where `on` is ACTIVITY
    refuses: bool = False


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """A rule limited in time or audience that multiplies what sales earn in a unit.

    With tags in its condition only those lines are multiplied. `where.days` are the days on which it is on; an empty
    tuple: only on those for which it is started.
    """

    id: str
    unit: str
    multiply: Fraction
    where: Condition = field(default_factory=Condition)
    name: Localised | None = None


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
class PercentOff:
    """So much of the purchase's merchandise off: 0.1 is ten per cent."""

    share: Fraction


@dataclass(frozen=True, kw_only=True)
class FreeItem:
    """Something handed over: what, in words."""

    item: Localised


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


class Season(enum.StrEnum):
    """When in a member's year a reward may be taken."""

    BIRTHDAY_MONTH = "birthday_month"


@dataclass(frozen=True, kw_only=True)
class Reward:
    """An item of the reward list.

    A price of nothing is a gift. `tiers` empty means every tier; `valid` is how long a voucher for it lives (the day of
    issue plus that is its last day), None for ever; `needs_purchase_of` is the least purchase that its money off
    applies to, in minor units; `per_sale` the most of its vouchers that one sale takes.
    """

    id: str
    name: Localised
    price: Price
    gives: MoneyOff | PercentOff | FreeItem | Units
    tiers: frozenset[str] = frozenset()
    valid: Span | None = None
    needs_purchase_of: int = 0
    limit: Limit | None = None
    season: Season | None = None
    per_sale: int | None = None


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
    promotions: tuple[Promotion, ...] = ()
    messages: Mapping[str, Mapping[str, MessageText]] = field(default_factory=dict)
    terms_version: str = "1"


def with_days(definition: Definition, started: Mapping[str, tuple[DayRange, ...]]) -> Definition:
    """The definition with more days on which its promotions are on: those for which they have been started."""
    promotions = tuple(
        replace(promotion, where=replace(promotion.where, days=(*promotion.where.days, *started.get(promotion.id, ()))))
        if promotion.where.days is not None
        else promotion
        for promotion in definition.promotions
    )
    return replace(definition, promotions=promotions)
