"""How units are earned: rules, promotions, and what a whole period brings."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from wallet_api.domain.definition.basics import DayRange, EventKind, Localised, MonthDay, NthWeekday, Period, Span


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
    """By a field of the activity: a table from its value to smallest steps; another value gives nothing.

    `technical shell`, `technical-shell` and `Technical_Shell` are one value. It is given once for each piece: the
    activity's `quantity`, 1 where it brings none.
    """

    field: str
    table: Mapping[str, int]

    def of(self, value: str) -> int:
        """What this value gives."""
        by_word = {_one_word(known): earn for known, earn in self.table.items()}
        return by_word.get(_one_word(value), 0)


@dataclass(frozen=True, kw_only=True)
class BySize:
    """By a number that the activity brings: what the highest step gives that it reaches; nothing below the first."""

    steps: tuple[tuple[Fraction, int], ...]
    field: str = "quantity"

    def of(self, size: Fraction) -> int:
        """What a number of this size gives."""
        return max(((start, earn) for start, earn in self.steps if start <= size), default=(Fraction(), 0))[1]


@dataclass(frozen=True, kw_only=True)
class PerQuantity:
    """`earn` smallest steps for each full `every` of a number that the activity brings (a field of its own).

    With `every` 1 parts count too, and the whole is rounded.
    """

    earn: int
    field: str = "quantity"
    every: int = 1


@dataclass(frozen=True, kw_only=True)
class PerItem:
    """`earn` smallest steps for each item of the lines that count."""

    earn: int


@dataclass(frozen=True, kw_only=True)
class RateByTier:
    """A rate for each tier; a tier that is not named earns nothing."""

    rates: Mapping[str, Rate]


Amount = Rate | RateByTier | Flat | Bands | ByStreak | ByField | BySize | PerQuantity | PerItem


class Rounding(enum.StrEnum):
    """How what a rule gives becomes whole smallest steps."""

    DOWN = "down"
    HALF_UP = "half_up"
    UP = "up"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When a rule applies. Empty fields ask for nothing.

    `tags`: only lines with one of them count; `not_tags`: lines with one of them do not; `tiers`: the member's tier
    is one of them; `locations`: it happened at one of them (their codes); `minimum`: the base is at least this much;
    `quantity_from`: the activity's quantity is at least this; `fields`: the activity's fields have these values;
    `days`: the day is in one of these ranges; `weekdays`: it is one of these (Monday is 0); `birthday_month`: it is the
    month of the member's birthday; `first_in_month`: the member has had no such event in this month before;
    `first_ever`: the member's first purchase; `categories`: only lines of one of them count; `partners`: it happened at
    one of these partners (without them a rule does not apply at partners'); `memberships`: the member's paid or verified
    membership stands so; `segments`: the member is in one of these.
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
    first_ever: bool = False
    weekdays: frozenset[int] = frozenset()
    categories: frozenset[str] = frozenset()
    partners: frozenset[str] = frozenset()
    memberships: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()


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
class Fee:
    """What a rule keeps back, in smallest steps, where the activity's fields have these values."""

    units: int
    fields: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class EarningRule:
    """How units are earned: on an event, under a condition, an amount of a unit, under a cap.

    `refuses`: an event beyond the cap is refused instead of earning nothing. `reward`: vouchers for this reward are
    given instead of units, as many as the amount says. `cooldown`: so much must have passed since the rule gave last
    (in whole hours). `carries`: what rounding leaves of a rate is carried on to the next sale. `fee`: what is kept back.
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
    reward: str | None = None
    rounding: Rounding = Rounding.DOWN
    cooldown_hours: int = 0
    carries: bool = False
    fee: Fee | None = None

    @property
    def cooldown_seconds(self) -> int:
        """How long the rule gives nothing after it has given."""
        return self.cooldown_hours * 3600


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A field of an activity that is a choice: the first option where it is left out, one option a period.

    An activity with another option than the period's first is recorded and earns nothing.
    """

    kind: str
    field: str
    options: tuple[str, ...]
    per: Period = Period.DAY


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """A rule limited in time or audience that multiplies what sales earn in a unit.

    With tags in its condition only those lines are multiplied. `where.days` are the days on which it is on; an empty
    tuple: only on those for which it is started. `is_extra`: the multiple comes on top (2 adds twice the rate) and is
    added after all that multiply. `on` and `kind`: which events, sales where nothing is said.
    """

    id: str
    unit: str
    multiply: Fraction
    where: Condition = field(default_factory=Condition)
    name: Localised | None = None
    is_extra: bool = False
    on: EventKind = EventKind.SALE
    kind: str | None = None


@dataclass(frozen=True, kw_only=True)
class Credit:
    """Units worked out from the purchases of a whole period and credited after it: a dividend, a campaign.

    `rate` of what counted in the period (dated `days`, else each calendar year); nothing where that is below `minimum`
    (minor units; in the year of joining too, unless `join_year_is_exempt`), at most `most` smallest steps. Credited
    `after` the period's last day, or on the day `on` of the next year. `counts_units`: what was paid with units counts
    as well. A return, or a sale that comes late, has it worked out again.
    """

    id: str
    unit: str
    rate: Rate
    where: Condition = field(default_factory=Condition)
    days: DayRange | None = None
    after: Span = field(default_factory=Span)
    on: NthWeekday | MonthDay | None = None
    minimum: int = 0
    join_year_is_exempt: bool = False
    most: int | None = None
    rounding: Rounding = Rounding.DOWN
    counts_units: bool = False
    name: Localised | None = None

    @property
    def measure(self) -> str:
        """Under which name what counts is kept per day."""
        return f"credit:{self.id}"

    def period_of(self, day: date) -> DayRange | None:
        """The period in which a day lies, if it lies in one."""
        if self.days is None:
            return DayRange(first=date(day.year, 1, 1), last=date(day.year, 12, 31))
        return self.days if day in self.days else None

    def credited_on(self, period: DayRange) -> date:
        """The day on which a period's units are credited."""
        if self.on is not None:
            return self.on.in_year(period.last.year + 1)
        return _later(period.last, self.after)

    def periods_credited_after(self, day: date) -> Iterator[DayRange]:
        """The next periods to be credited after a day: the first is credited first."""
        if self.days is not None:
            if self.credited_on(self.days) > day:
                yield self.days
            return
        for year in range(day.year - 1, day.year + 2):
            period = DayRange(first=date(year, 1, 1), last=date(year, 12, 31))
            if self.credited_on(period) > day:
                yield period


def _one_word(text: str) -> str:
    return text.casefold().replace("-", " ").replace("_", " ")


def _later(day: date, span: Span) -> date:
    """A day so many days later; credits count in days, as `28 days after the period`."""
    return day + timedelta(days=span.days)
