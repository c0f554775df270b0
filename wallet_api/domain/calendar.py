"""Program-local days and the periods made of them.

A day begins at 00:00 in the program's time zone; where summer time skips or repeats that moment, at its first instant.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from wallet_api.domain.definition import Period, Span

IN_EVERY_MONTH = 28
"""Every month has this day; the length of a month need not be looked up for it."""


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The program-local day in which an aware instant lies."""
    return instant.astimezone(zone).date()


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a program-local day, in UTC."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The first instant after a program-local day, in UTC."""
    return start_of(day + timedelta(days=1), zone)


def add(day: date, span: Span) -> date:
    """The day a span later; the last day of the month where the month is shorter (31 January + 1 month)."""
    months = day.year * 12 + day.month - 1 + span.months
    year, month = divmod(months, 12)
    in_month = day.day if day.day <= IN_EVERY_MONTH else min(day.day, calendar.monthrange(year, month + 1)[1])
    return date(year, month + 1, in_month) + timedelta(days=span.days)


def last_valid(day: date, span: Span) -> date:
    """The last day of what is valid for a span: day + N for N days, the day before the same day for months (PROGRAMS.md)."""
    end = add(day, span)
    return end - timedelta(days=1) if span.months else end


def period_key(period: Period, day: date) -> str:
    """The name of the period in which a day lies, such as `2026-W07`; the same for all its days and no other's."""
    match period:
        case Period.DAY:
            return day.isoformat()
        case Period.WEEK:
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02d}"
        case Period.MONTH:
            return f"{day:%Y-%m}"
        case Period.YEAR:
            return f"{day:%Y}"
        case Period.LIFETIME:
            return "lifetime"
        case Period.TRANSACTION | Period.WINDOW:
            raise ValueError(period)  # these do not depend on the day alone


def streak(days: Mapping[date, int], *, today: date) -> int:
    """How many days in a row, up to today, have a value above zero."""
    length = 0
    while days.get(today - timedelta(days=length), 0) > 0:
        length += 1
    return length
