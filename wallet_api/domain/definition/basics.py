"""What all parts are made of: languages, spans of time, days and periods."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta


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


@dataclass(frozen=True, kw_only=True)
class DayRange:
    """The program-local days from `first` to `last`, both included."""

    first: date
    last: date

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last
