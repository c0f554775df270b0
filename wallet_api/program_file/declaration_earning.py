"""How units come in: the keys of `earning`, `promotions`, `credits` and `choices`."""

# ruff: noqa: RUF009 -- `required`, `optional` and `essential` make a field, as dataclasses.field does

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from wallet_api.domain.definition import DayRange, EventKind, MonthDay, NthWeekday, Period, Rounding, Span

from .parts import (
    FIELD,
    FIELD_VALUES,
    IDS,
    KIND,
    REWARD_ID,
    TAGS,
    TIER_ID,
    UNIT_ID,
    FieldValues,
    LinesWritten,
    WhenWritten,
    Words,
    words,
)
from .phrases import CAP, DAYS, DAYS_AFTER, HOURS, MONTH_DAY, NTH_WEEKDAY, PRICE, YES, Amount, Limit
from .shapes import (
    MONEY,
    At,
    Choice,
    DecimalNumber,
    Either,
    FirstOf,
    ListOf,
    MapOf,
    Record,
    Shape,
    Text,
    Written,
    essential,
    identifier,
    optional,
    required,
)

EVENTS: Final = {kind.value: kind for kind in EventKind}
ROUNDINGS: Final = {"down": Rounding.DOWN, "half up": Rounding.HALF_UP, "up": Rounding.UP}

ByTier: TypeAlias = tuple[tuple[At[str], At[Decimal] | None], ...]
Earn: TypeAlias = At[Decimal] | ByTier

EARN: Final[Shape[Earn]] = Either(
    DecimalNumber(), MapOf(TIER_ID, DecimalNumber(), most=20, wanted="one number for each tier")
)


@dataclass(frozen=True, kw_only=True)
class BandWritten(Written):
    """What purchases up to a size give."""

    up_to: At[Decimal] | None = optional(MONEY, says="Up to this much, this included; without end where left out.")
    earn: At[Decimal] | None = essential(DecimalNumber(), says="How many units.")


@dataclass(frozen=True, kw_only=True)
class ByFieldWritten(Written):
    """What each value of a field gives."""

    field: At[str] | None = essential(FIELD, says="Which field of the activity.")
    table: tuple[tuple[At[str], At[Decimal] | None], ...] | None = essential(
        MapOf(Text(64), DecimalNumber(), most=IDS, wanted="one number for each value"),
        says="How many units each of its values gives; another value gives nothing.",
    )


@dataclass(frozen=True, kw_only=True)
class SizeWritten(Written):
    """What an activity of at least a size gives."""

    from_: At[Decimal] | None = essential(DecimalNumber(), says="From this size on, this included.")
    earn: At[Decimal] | None = essential(DecimalNumber(), says="How many units.")


@dataclass(frozen=True, kw_only=True)
class BySizeWritten(Written):
    """What an activity gives by its size."""

    field: At[str] | None = optional(FIELD, says="Which number of the activity; its `quantity` where left out.")
    steps: tuple[SizeWritten, ...] | None = essential(
        ListOf(Record(SizeWritten, "a step with `from` and `earn`"), most=50),
        says="The steps, from the smallest on; below the first there is nothing.",
    )


@dataclass(frozen=True, kw_only=True)
class FeeWritten(Written):
    """What a rule keeps back."""

    units: At[Decimal] | None = essential(DecimalNumber(), says="So many units are kept back …")
    fields: FieldValues | None = essential(FIELD_VALUES, says="… where these fields of the activity have these values.")


@dataclass(frozen=True, kw_only=True)
class EarningWritten(LinesWritten):
    """One way to earn."""

    id: At[str] = required(identifier(), says="The rule's id; the history of every member names it.")
    on: At[EventKind] | None = essential(
        Choice(EVENTS, "events"), says="What earns: a sale, a visit (check_in), an activity, or joining."
    )
    kind: At[str] | None = optional(KIND, says="Which kind of activity.")
    earn: Earn | None = optional(EARN, says="How many units; or how many in each tier.")
    bands: tuple[BandWritten, ...] | None = optional(
        ListOf(Record(BandWritten, "a band with `up_to` and `earn`"), most=50, least=2),
        says="How many units by the size of the purchase, from the smallest band on; the last has no `up_to`.",
    )
    by_streak: tuple[At[Decimal], ...] | None = optional(
        ListOf(DecimalNumber(), most=366),
        says="How many units on the first day of visits in a row, on the second, and so on; the last number stays.",
    )
    by: ByFieldWritten | None = optional(
        Record(ByFieldWritten, "`field` and `table`"), says="How many units by a field of the activity."
    )
    by_size: BySizeWritten | None = optional(
        Record(BySizeWritten, "`steps`"), says="How many units by the size of the activity."
    )
    unit: At[str] | None = optional(UNIT_ID, says="Of which unit; may be left out where there is one.")
    reward: At[str] | None = optional(
        REWARD_ID, says="Vouchers for this reward are given in place of units, as many as the numbers say."
    )
    per: At[Decimal] | None = optional(
        MONEY, says="For each so much of the sale's amount; where left out, once for the whole sale."
    )
    adds: At[bool] | None = optional(
        YES, says="With `per`: it comes on top of the rules before it that a line meets as well."
    )
    each: At[str] | None = optional(
        identifier("`item`, or a number that the activity brings, such as `quantity`"),
        says="For each item of a sale (`item`), or for each 1 of a number that the activity brings (`quantity`).",
    )
    every: At[Decimal] | None = optional(
        DecimalNumber(), says="With `each`: for each full so many of the number, such as 5."
    )
    rounding: At[Rounding] | None = optional(
        Choice(ROUNDINGS, "roundings"), says="How parts become whole: `down` where left out, `half up` or `up`."
    )
    rest: At[bool] | None = optional(
        Choice({"carried on": True, "lost": False}, "ends"),
        says="What rounding down leaves is carried on to the next sale, or lost, as where left out.",
    )
    fee: FeeWritten | None = optional(Record(FeeWritten, "`units` and `fields`"), says="What is kept back, and when.")
    minimum: At[Decimal] | None = optional(MONEY, says="Only if the sale's amount that counts is at least this.")
    quantity_from: At[Decimal] | None = optional(
        DecimalNumber(), says="Only if the activity's quantity is at least this."
    )
    fields: FieldValues | None = optional(FIELD_VALUES, says="Only if these fields of the activity have these values.")
    days: tuple[At[DayRange], ...] | None = optional(ListOf(DAYS, most=IDS), says="Only on these days.")
    again_after: At[int] | None = optional(HOURS, says="Not again until so long after it gave last: `4 hours`.")
    at_most: At[Limit] | None = optional(CAP, says="The most that the rule gives: `1 per day`.")
    shared: At[str] | None = optional(
        identifier("a name for the limit"), says="Rules with the same name here share their limit."
    )
    beyond: At[bool] | None = optional(
        Choice({"refused": True}, "answers"),
        says="What is beyond the limit is refused; where left out, it is recorded and earns nothing.",
    )
    name: Words | None = optional(words(), says="What the member's history calls it.")


EARNS: Final = ("earn", "bands", "by_streak", "by", "by_size")
EARNING: Final = ListOf(Record(EarningWritten, "a rule with `id`, `on` and `earn`", one_of=EARNS), most=500)


@dataclass(frozen=True, kw_only=True)
class PromotionWritten(WhenWritten):
    """Days or members for which sales, or activities of a kind, earn a multiple."""

    id: At[str] = required(identifier(), says="The promotion's id.")
    multiply: At[Decimal] | None = optional(DecimalNumber(), says="What is earned is multiplied by this.")
    extra: At[Decimal] | None = optional(
        DecimalNumber(), says="So many times the rate is added, after all that multiply."
    )
    unit: At[str] | None = optional(UNIT_ID, says="Which unit; may be left out where there is one.")
    on: At[EventKind] | None = optional(
        Choice({kind.value: kind for kind in (EventKind.SALE, EventKind.ACTIVITY)}, "events"),
        says="What earns the multiple: a sale, as where left out, or an activity.",
    )
    kind: At[str] | None = optional(KIND, says="Which kind of activity.")
    tags: tuple[At[str], ...] | None = optional(TAGS, says="Only lines with one of these tags are multiplied.")
    days: tuple[At[DayRange], ...] | None = optional(
        ListOf(DAYS, most=IDS, least=0),
        says="Only on these days; always where left out, and with an empty list only when it is started.",
    )
    name: Words | None = optional(words(), says="What the member's history calls it.")


PROMOTIONS: Final = ListOf(
    Record(PromotionWritten, "a promotion with `id` and `multiply`", one_of=("multiply", "extra")), most=500
)

Credited: TypeAlias = At[Span] | At[NthWeekday] | At[MonthDay]

CREDITED: Final[Shape[Credited]] = FirstOf((DAYS_AFTER, NTH_WEEKDAY, MONTH_DAY))


@dataclass(frozen=True, kw_only=True)
class CreditWritten(LinesWritten):
    """Units for the purchases of a whole period, credited after it."""

    id: At[str] = required(identifier(), says="The credit's id; the history of every member names it.")
    unit: At[str] | None = optional(UNIT_ID, says="Which unit; may be left out where there is one.")
    earn: At[Decimal] | None = essential(DecimalNumber(), says="How many units …")
    per: At[Decimal] | None = essential(MONEY, says="… for each so much of what was bought in the period.")
    period: At[bool] | None = optional(
        Choice({"calendar year": True}, "periods"), says="Each calendar year is a period of its own."
    )
    days: At[DayRange] | None = optional(DAYS, says="These days are the only period.")
    minimum: At[Decimal] | None = optional(MONEY, says="Nothing where the period brought less than this.")
    join_year: At[bool] | None = optional(
        Choice({"exempt": True}, "answers"), says="`exempt`: the minimum does not hold in the year of joining."
    )
    at_most: At[Amount] | None = optional(PRICE, says="At most so many for a period: `3000 points`.")
    rounding: At[Rounding] | None = optional(
        Choice(ROUNDINGS, "roundings"), says="How parts become whole: `down` where left out, `half up` or `up`."
    )
    counts_units: At[bool] | None = optional(YES, says="What was paid with units counts too.")
    credited: Credited | None = essential(
        CREDITED, says="When: `28 days after` the period, or on a day of the next year such as `first Monday of March`."
    )
    name: Words | None = optional(words(), says="What the member's history calls it.")


CREDITS: Final = ListOf(
    Record(CreditWritten, "a credit with `id`, `earn`, `per` and `credited`", one_of=("period", "days")), most=100
)


@dataclass(frozen=True, kw_only=True)
class ChoiceWritten(Written):
    """A field of an activity that is a choice."""

    kind: At[str] = required(KIND, says="Which kind of activity.")
    field: At[str] = required(FIELD, says="Which of its fields.")
    options: tuple[At[str], ...] | None = essential(
        ListOf(identifier("a value of the field"), most=20, least=2),
        says="Its values; the first one is meant where the field is left out.",
    )
    per: At[Period] | None = optional(
        Choice({period.value: period for period in (Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR)}, "periods"),
        says="The first choice of a `day` (where left out), `week`, `month` or `year` is the only one that earns.",
    )


CHOICES: Final = ListOf(Record(ChoiceWritten, "a choice with `kind`, `field` and `options`"), most=20)
