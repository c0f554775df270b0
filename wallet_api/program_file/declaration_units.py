"""What is counted: the keys of `units`."""

# ruff: noqa: RUF009 -- `required`, `optional` and `essential` make a field, as dataclasses.field does

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeAlias

from wallet_api.domain.definition import Expiry, ExpiryAnchor, MonthDay, Span

from .parts import REWARD_ID, TIERS, in_languages
from .phrases import AFTER_A_SALE, MONTH_DAY, MONTHS_OF_YEAR, PERCENT, SPAN, TIMES, YES, YES_OR_NO, Limit
from .shapes import (
    MONEY,
    At,
    Choice,
    DecimalNumber,
    Either,
    ListOf,
    OneOrMore,
    Record,
    Shape,
    Text,
    Whole,
    Written,
    optional,
    required,
)


@dataclass(frozen=True, kw_only=True)
class OneAndOther(Written):
    """A unit's name for one and for many."""

    one: At[str] = required(Text(40), says="The name of one: point.")
    other: At[str] = required(Text(40), says="The name of many: points.")


UnitWord: TypeAlias = At[str] | OneAndOther
UnitName: TypeAlias = At[str] | tuple[tuple[At[str], UnitWord | None], ...]

UNIT_WORD: Final[Shape[UnitWord]] = Either(Text(40), Record(OneAndOther, "`one` and `other`"))
UNIT_NAME: Final[Shape[UnitName]] = Either(Text(40), in_languages(UNIT_WORD))


@dataclass(frozen=True, kw_only=True)
class ExpiryWritten(Written):
    """When units expire: one of `after`, `after_end_of_month`, `after_end_of_year`, `after_inactivity` and `on`."""

    after: At[Span] | None = optional(SPAN, says="So long after they were earned, each lot on its own.")
    after_end_of_month: At[Span] | None = optional(
        SPAN, says="So long after the end of the month in which they were earned."
    )
    after_end_of_year: At[Span] | None = optional(
        SPAN, says="So long after the end of the year in which they were earned; 31 December is the last day."
    )
    after_inactivity: At[Span] | None = optional(
        SPAN, says="All together, so long after the last time that the member earned or spent."
    )
    on: At[MonthDay] | None = optional(MONTH_DAY, says="On a day of the year, which is the last one: `3 January`.")
    years_after: At[int] | None = optional(
        Whole(1, 10), says="With `on`: so many years after the one in which they were earned; else the next such day."
    )
    extended_by_activity: At[Span] | None = optional(
        SPAN, says="Any activity in a month moves what would expire at its end by so much."
    )
    tiers: tuple[At[str], ...] | None = optional(
        TIERS, says="Only what members of these tiers hold expires; in every tier where left out."
    )


ExpiryWords: TypeAlias = At[Expiry] | ExpiryWritten

EXPIRY_KEYS: Final = ("after", "after_end_of_month", "after_end_of_year", "after_inactivity", "on")
EXPIRES: Final[Shape[ExpiryWords]] = Either(
    Choice(
        {
            "same day": Expiry(after=Span()),
            "end of month": Expiry(after=Span(), anchor=ExpiryAnchor.END_OF_MONTH),
            "end of year": Expiry(after=Span(), anchor=ExpiryAnchor.END_OF_YEAR),
        },
        "ends",
    ),
    Record(ExpiryWritten, "one of `after`, `after_end_of_month` and so on", one_of=EXPIRY_KEYS),
)


@dataclass(frozen=True, kw_only=True)
class WindowWritten(Written):
    """A stretch of months, every year, at whose end units are turned."""

    months: At[tuple[int, int]] = required(MONTHS_OF_YEAR, says="Its months: `February to May`.")
    issued: At[MonthDay] = required(MONTH_DAY, says="The day on which the voucher can be used first: `15 June`.")


@dataclass(frozen=True, kw_only=True)
class TurnsIntoWritten(Written):
    """What a full number of units becomes by itself."""

    reward: At[str] = required(REWARD_ID, says="The reward that a voucher is issued for.")
    every: At[Decimal] = required(DecimalNumber(), says="How many units become one.")
    windows: tuple[WindowWritten, ...] | None = optional(
        ListOf(Record(WindowWritten, "a window with `months` and `issued`"), most=12),
        says="At the end of each of these, all into one voucher; where left out, at once and one by one.",
    )
    at_most: tuple[At[Limit], ...] | None = optional(
        OneOrMore(TIMES, most=2), says="How often at most: `[5 per window, 15 per year]`; the rest is carried on."
    )


@dataclass(frozen=True, kw_only=True)
class PaysWritten(Written):
    """What units pay for at the till."""

    units: At[Decimal] = required(DecimalNumber(), says="So many units …")
    money: At[Decimal] = required(MONEY, says="… pay so much money.")
    at_most: At[Fraction] | None = optional(PERCENT, says="At most this share of a purchase; all of it where left out.")
    multiples_of: At[Decimal] | None = optional(DecimalNumber(), says="Only such multiples can be paid with.")
    from_balance: At[Decimal] | None = optional(DecimalNumber(), says="Only from such a balance on.")
    given_back: At[bool] | None = optional(YES_OR_NO, says="`no`: a return does not give them back.")


@dataclass(frozen=True, kw_only=True)
class UnitWritten(Written):
    """What is counted."""

    name: UnitName | None = optional(
        UNIT_NAME,
        says="Its name: one text, or one for each language, with the words for one and for many.",
    )
    decimals: At[int] | None = optional(Whole(0, 4), says="Decimal places that are kept; 0 where left out.")
    counter: At[bool] | None = optional(YES, says="It only counts, for tiers or challenges, and cannot be spent.")
    expires: ExpiryWords | None = optional(EXPIRES, says="When it expires; never where left out.")
    pending: At[Span] | None = optional(
        AFTER_A_SALE, says="What a sale earns can be used once this is over: `30 days after a sale`."
    )
    pays: PaysWritten | None = optional(
        Record(PaysWritten, "`units` and `money`"), says="What it pays for; nothing where left out."
    )
    turns_into: TurnsIntoWritten | None = optional(
        Record(TurnsIntoWritten, "`reward` and `every`"), says="Which reward so many turn into by themselves."
    )
    returns_count: At[bool] | None = optional(
        Choice({"on the day of the sale": False, "on the day of the return": True}, "days"),
        says="On which day a return lowers what counts towards tiers; that of the sale where left out.",
    )


UNIT: Final = Record(UnitWritten, "name, decimals, expires and so on")
