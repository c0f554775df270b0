"""The short texts of a fixed form in a definition file: `500 points`, `12 months`, `1 per day`, `first Monday of March`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

from wallet_api.domain.definition import DayRange, MonthDay, NthWeekday, Period, Span

from .shapes import IDENTIFIER, NUMBER, Choice, Phrase, Schema

SPANS: Final = {"day": Span(days=1), "week": Span(days=7), "month": Span(months=1), "year": Span(months=12)}
MONTHS: Final = {
    name: number
    for number, name in enumerate(
        (
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ),
        start=1,
    )
}
WEEKDAYS: Final = {
    name: number
    for number, name in enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))
}
PLACES: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4}
LEAP_YEAR: Final = 2024  # it has every day that a year can have


@dataclass(frozen=True, kw_only=True)
class Amount:
    """A number of a unit as it is written: `500 points`."""

    number: Decimal
    unit: str


@dataclass(frozen=True, kw_only=True)
class Limit:
    """`1 per day` (no unit: that many times) or `100 points per year`."""

    number: Decimal
    unit: str | None
    per: Period


def _amount(match: re.Match[str]) -> Amount:
    return Amount(number=Decimal(match[1]), unit=match[2])


def _span(match: re.Match[str]) -> Span:
    count, one = int(match[1]), SPANS[match[2]]
    return Span(months=count * one.months, days=count * one.days)


def _limit(match: re.Match[str]) -> Limit | None:
    number, unit = Decimal(match[1]), match[2]
    if unit is None and number % 1:
        return None
    return Limit(number=number, unit=unit, per=Period(match[3]))


def _times(match: re.Match[str]) -> Limit:
    return Limit(number=Decimal(match[1]), unit=None, per=Period(match[2]))


def _days(match: re.Match[str]) -> DayRange | None:
    try:
        first = date.fromisoformat(match[1])
        return DayRange(first=first, last=date.fromisoformat(match[2]) if match[2] else first)
    except ValueError:  # no such day, as 30 February
        return None


def _share(match: re.Match[str]) -> Fraction:
    return Fraction(match[1]) / 100


def _hours(match: re.Match[str]) -> int:
    return int(match[1]) * (24 if match[2] == "day" else 1)


def _month_day(match: re.Match[str]) -> MonthDay | None:
    day = MonthDay(month=MONTHS[match[2]], day=int(match[1]))
    return day if day.in_year(LEAP_YEAR).day == day.day else None


def _months(match: re.Match[str]) -> tuple[int, int]:
    return MONTHS[match[1]], MONTHS[match[2] or match[1]]


def _nth_weekday(match: re.Match[str]) -> NthWeekday:
    return NthWeekday(n=PLACES[match[1]], weekday=WEEKDAYS[match[2]], month=MONTHS[match[3]])


def _day_of_month(match: re.Match[str]) -> int:
    return int(match[1])


A_SPAN: Final = rf"([1-9][0-9]{{0,3}}) ({'|'.join(SPANS)})s?"
A_MONTH: Final = f"({'|'.join(MONTHS)})"
A_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
PERIODS: Final = ", ".join(Period)
TWO_ENDS: Final = "write both the first and the last day, such as `2026-02-01 to 2026-02-28`"

PRICE: Final = Phrase(rf"({NUMBER}) ({IDENTIFIER})", "a number and a unit, such as `500 points`", _amount)
SPAN: Final = Phrase(A_SPAN, "a length of time such as `60 days` or `12 months`", _span)
DAY_COUNT: Final = Phrase(r"([1-9][0-9]{0,3}) (day)s?", "a number of days such as `30 days`", _span)
DAYS_BEFORE: Final = Phrase(r"([1-9][0-9]{0,2}) (day)s? before", "such as `30 days before`", _span)
DAYS_AFTER: Final = Phrase(r"([1-9][0-9]{0,2}) (day)s? after", "such as `28 days after`", _span)
AFTER_A_SALE: Final = Phrase(r"([1-9][0-9]{0,2}) (day)s? after a sale", "such as `30 days after a sale`", _span)
LAST: Final = Phrase(f"last {A_SPAN}", "such as `last 12 months`", _span)
HOURS: Final = Phrase(r"([1-9][0-9]{0,3}) (hour|day)s?", "hours or days such as `4 hours`", _hours)
CAP: Final = Phrase(
    rf"({NUMBER})(?: ({IDENTIFIER}))? per ({'|'.join(Period)})",
    f"a limit such as `1 per day` or `100 points per year` (periods: {PERIODS})",
    _limit,
)
TIMES: Final = Phrase(
    rf"([1-9][0-9]{{0,3}}) per ({'|'.join(Period)})", f"a limit such as `1 per year` (periods: {PERIODS})", _times
)
DAYS: Final = Phrase(
    f"({A_DAY})(?: to ({A_DAY}))?",
    "a day such as `2026-03-28`, or days such as `2026-02-01 to 2026-02-28`",
    _days,
    hints={
        rf"(?:from )?{A_DAY}(?: (?:on|to))?": ("these days have no end", TWO_ENDS),
        rf"(?:to|until) {A_DAY}": ("these days have no beginning", TWO_ENDS),
    },
)
PERCENT: Final = Phrase(rf"({NUMBER}) ?%", "a share such as `10 %`", _share)
MONTH_DAY: Final = Phrase(rf"([1-9]|[12][0-9]|3[01]) {A_MONTH}", "a day of the year such as `15 June`", _month_day)
MONTHS_OF_YEAR: Final = Phrase(
    f"{A_MONTH}(?: to {A_MONTH})?", "months such as `February to May`, by their English names", _months
)
NTH_WEEKDAY: Final = Phrase(
    f"({'|'.join(PLACES)}) ({'|'.join(WEEKDAYS)}) of {A_MONTH}", "such as `first Monday of March`", _nth_weekday
)
DAY_OF_NEXT: Final = Phrase(
    "day ([1-9]|1[0-9]|2[0-8]) of the next", "a day up to 28, such as `day 8 of the next`", _day_of_month
)
YES: Final = Choice({"yes": True}, "answers")
YES_OR_NO: Final = Choice({"yes": True, "no": False}, "answers")


@dataclass(frozen=True)
class FieldValue(Phrase[str]):
    """What a field of an activity holds: `Text` takes `true` and `false` for a slip, here they are meant."""

    def schema(self) -> Schema:
        return {"type": ["string", "number", "boolean"], "pattern": f"^(?:{self.pattern})$"}


FIELD_VALUE: Final = FieldValue(
    r"(?!(?:null|Null|NULL|~)$)\S(?:.{0,62}\S)?", "a word, a number, `true` or `false`", lambda match: match[0]
)
