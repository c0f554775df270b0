"""A program's definition: its rules, as frozen values.

`wallet_api/program_file` reads them from the shop's YAML file; nothing here knows YAML. Money is an `int` of the
currency's minor units, amounts of units are an `int` of the unit's smallest step, days are program-local.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cached_property
from zoneinfo import ZoneInfo


class EventKind(enum.StrEnum):
    """What can happen to a member."""

    JOIN = "join"
    SALE = "sale"
    CHECK_IN = "check_in"
    ACTIVITY = "activity"


class Period(enum.StrEnum):
    """A stretch of program-local days over which something is counted; weeks run Monday to Sunday."""

    TRANSACTION = "transaction"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    WINDOW = "window"  # the dated range of a rule's own days in which the event lies
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


@dataclass(frozen=True, kw_only=True)
class MonthDay:
    """A day of the calendar without its year; 29 February is the 28th where there is none."""

    month: int
    day: int

    def in_year(self, year: int) -> date:
        """This day of a year."""
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return date(year, self.month, 28)

    def on_or_after(self, day: date) -> date:
        """The first such day from a day on, itself included."""
        this = self.in_year(day.year)
        return this if this >= day else self.in_year(day.year + 1)


@dataclass(frozen=True, kw_only=True)
class NthWeekday:
    """Such as the first Monday of March: `n` counts from 1, `weekday` from Monday, 0."""

    n: int
    weekday: int
    month: int

    def in_year(self, year: int) -> date:
        """This day of a year."""
        first = date(year, self.month, 1)
        return first + timedelta(days=(self.weekday - first.weekday()) % 7 + 7 * (self.n - 1))


class ExpiryAnchor(enum.StrEnum):
    """From when a lot's life counts."""

    EARNED = "earned"
    END_OF_MONTH = "end_of_month"
    END_OF_YEAR = "end_of_year"
    FIXED_DAY = "fixed_day"
    LAST_ACTIVITY = "last_activity"


@dataclass(frozen=True, kw_only=True)
class Expiry:
    """When units expire: `after` a span from an anchor.

    From the day on which they were earned (an empty span: at the end of that day); from the end of the month or the
    year in which they were earned; on the fixed day `on` (its last valid day) `years_after` the year in which they were
    earned, the next such day where that is 0; or all together from the last earning or spending.

    `extended_by`: any activity in a month moves the lots that are due at its end by so much. `tiers`: only what
    members of these tiers hold expires; who leaves them holds lots without an end, who comes back has them dated as if
    they had been earned then. Empty: in every tier.
    """

    after: Span = Span()
    anchor: ExpiryAnchor = ExpiryAnchor.EARNED
    on: MonthDay | None = None
    years_after: int = 0
    extended_by: Span | None = None
    tiers: frozenset[str] = frozenset()

    def applies_to(self, tier: str | None) -> bool:
        """Whether what a member of this tier holds expires."""
        return not self.tiers or tier in self.tiers


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of whole months, every year: from `first` to `last` (1 to 12; 10 to 1 crosses the year).

    What is worked out at its end is handed out on the next day `issued`.
    """

    first: int
    last: int
    issued: MonthDay

    def end_after(self, day: date) -> date:
        """The first end of this window (the first day that is no longer in it) after a day."""
        end_month = self.last % 12 + 1
        end = date(day.year, end_month, 1)
        return end if end > day else date(day.year + 1, end_month, 1)


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """Every full `every` smallest steps turn by themselves into the reward `into`.

    Without windows at once, each block into a voucher of its own. With windows at the end of each, all blocks into one
    voucher; at most so many blocks a window and a calendar year, the rest is carried on.
    """

    every: int
    into: str
    windows: tuple[Window, ...] = ()
    blocks_per_window: int | None = None
    blocks_per_year: int | None = None


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What units pay for at the till: `units` smallest steps are worth `money` minor units.

    `multiples_of`: only such multiples can be paid with; `share`: at most this share of the purchase;
    `from_balance`: only from such a balance on; `given_back`: whether a return gives them back.
    """

    units: int
    money: int
    multiples_of: int = 1
    share: Fraction = Fraction(1)
    from_balance: int = 0
    given_back: bool = True

    def value(self, amount: int) -> int:
        """What so many smallest steps pay, in minor units."""
        return amount * self.money // self.units


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What is counted: its id, name (one and many) and number of decimals; how it expires.

    `is_counter`: it only counts (for tiers, for challenges) and can be neither spent nor expire. `pending`: what a sale
    earns can be used from the day after this span has passed (day + span is the last day of waiting). `converts`: into
    which reward it turns by itself. `worth`: what it pays for. `taken_back_on_return_day`: a return lowers what counts
    towards tiers on its own day, not on the day of the sale.
    """

    id: str
    name: Localised
    one: Localised
    decimals: int = 0
    expires: Expiry | None = None
    converts: Conversion | None = None
    is_counter: bool = False
    pending: Span | None = None
    worth: Worth | None = None
    taken_back_on_return_day: bool = False


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
    after: Span = Span()
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


@dataclass(frozen=True, kw_only=True)
class TierLevel:
    """A tier: it is reached when the measure reaches `threshold` (minor units of money, or smallest steps).

    Without a threshold it is given by invitation only.
    """

    id: str
    name: Localised
    threshold: int | None


class YearKind(enum.StrEnum):
    """Which years a tier is counted over: those of the calendar, or those since the member joined."""

    CALENDAR = "calendar year"
    MEMBERSHIP = "membership year"


class Downgrade(enum.StrEnum):
    """Which tier follows when one ends."""

    AS_EARNED = "as earned"
    ONE_DOWN = "one down"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class TierScheme:
    """How tiers are reached and kept.

    `measure` is `spend`, `visits`, `orders`, `earned:<unit>`, or `usable:<unit>` (what became usable, by the day on
    which it was earned). It is counted over `years`, or over the last months that `rolling` says.

    A tier lasts in one of four ways. `years_after`: the rest of the year that reached it and so many more; then the last
    year's measure decides. `valid`: so long from the day on which it was reached; it is kept by reaching the same number
    again within that time (what lifted the member does not count). `effective_day`: worked out on the last day of every
    month, in force from that day of the next, up and down. None of them: for as long as the measure reaches it.

    `grace`: so long after its end it is still held, and can still be kept. `then`: what follows. `levels` rise, the
    first starts at 0; those by invitation stand at the end.
    """

    measure: str
    levels: tuple[TierLevel, ...]
    years: YearKind | None = YearKind.CALENDAR
    rolling: Span | None = None
    years_after: int | None = 1
    valid: Span | None = None
    effective_day: int | None = None
    grace: Span | None = None
    then: Downgrade = Downgrade.AS_EARNED

    def level(self, tier: str) -> TierLevel:
        """The level with this id; KeyError if there is none."""
        for level in self.levels:
            if level.id == tier:
                return level
        raise KeyError(tier)

    def rank(self, tier: str | None) -> int:
        """How high a tier stands, the first at 0; -1 for one that is not (or no longer) known."""
        return next((place for place, level in enumerate(self.levels) if level.id == tier), -1)

    def earned_by(self, value: int) -> TierLevel:
        """The highest level whose threshold the value reaches; reached exactly is reached."""
        reached = [level for level in self.levels if level.threshold is not None and level.threshold <= value]
        return reached[-1] if reached else self.levels[0]

    def below(self, tier: str) -> TierLevel:
        """The level under this one; the first has none under it but itself."""
        return self.levels[max(0, self.rank(tier) - 1)]

    def next_after(self, tier: str) -> TierLevel | None:
        """The next level above this one that can be reached, or None at the top; above an unknown one, the first."""
        above = self.levels[self.rank(tier) + 1 :]
        return next((level for level in above if level.threshold is not None), None)


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


# ── Benefits: what a status changes on a sale ────────────────────────────────────────────────────────────────────


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


# ── Membership ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A paid membership: `fee` in minor units, once for life where there is no `period`, else for each."""

    id: str
    name: Localised
    fee: int
    period: Span | None = None


@dataclass(frozen=True, kw_only=True)
class PlanTerms:
    """What holds for every plan with a period.

    `trial_days`: a first start opens so many days for nothing (the day of the start is the first). `grace_days`: after a
    charge that failed, benefits rest for so many days (the day of the failure is the first), then the membership ends.
    `refund_business_days`: who cancels so many business days after the first charge, the day of which is day 0, gets
    the fee back less `worth_of_shipping` for each free shipping used.
    """

    trial_days: int = 0
    grace_days: int = 0
    refund_business_days: int = 0
    worth_of_shipping: int = 0


@dataclass(frozen=True, kw_only=True)
class Verification:
    """A membership by proof (a profession, a group): valid `days` (day of approval + days - 1 is the last), else for ever.

    Members are reminded `reminder_days` before it lapses.
    """

    id: str
    name: Localised
    days: int | None = None
    reminder_days: int | None = None


# ── Gamification, partners, segments ─────────────────────────────────────────────────────────────────────────────


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
    over: Span = Span(months=12)
    at_least: int | None = None
    at_most: int | None = None
    tiers: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class CarryOver:
    """What a new version makes of what members have.

    `tiers`: by ids of the old version, the ids of the new one that take their place. `lots_keep_expiry`: open lots keep
    the expiry they had; else they are dated by the new rules from the day on which they were earned.
    """

    tiers: Mapping[str, str] = field(default_factory=dict)
    lots_keep_expiry: bool = True


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
    choices: tuple[Choice, ...] = ()
    credits: tuple[Credit, ...] = ()
    gifts: tuple[Gift, ...] = ()
    benefits: Benefits = field(default_factory=Benefits)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    plan_terms: PlanTerms = field(default_factory=PlanTerms)
    verification: Verification | None = None
    challenges: tuple[Challenge, ...] = ()
    contests: tuple[Contest, ...] = ()
    partners: Mapping[str, Partner] = field(default_factory=dict)
    causes: Mapping[str, Localised] = field(default_factory=dict)
    segments: Mapping[str, Segment] = field(default_factory=dict)
    carry_over: CarryOver = field(default_factory=CarryOver)

    @cached_property
    def measured(self) -> frozenset[str]:
        """The measures that tiers, segments, challenges and contests look at."""
        looked_at = [self.tiers.measure] if self.tiers else []
        looked_at += [segment.measure for segment in self.segments.values() if segment.measure]
        looked_at += [challenge.measure for challenge in self.challenges]
        looked_at += [contest.measure for contest in self.contests]
        return frozenset(looked_at)

    def partner_at(self, location: str | None) -> str | None:
        """The partner at whose location something happened, if it was one's."""
        return next((partner.id for partner in self.partners.values() if location in partner.locations), None)


def with_days(definition: Definition, started: Mapping[str, tuple[DayRange, ...]]) -> Definition:
    """The definition with more days on which its promotions are on: those for which they have been started."""
    promotions = tuple(
        replace(promotion, where=replace(promotion.where, days=(*promotion.where.days, *started.get(promotion.id, ()))))
        if promotion.where.days is not None
        else promotion
        for promotion in definition.promotions
    )
    return replace(definition, promotions=promotions)
