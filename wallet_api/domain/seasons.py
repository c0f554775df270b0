"""When in a member's year something is open: the month of a birthday, some days from it, an anniversary."""

from __future__ import annotations

from datetime import date, timedelta

from wallet_api.domain import calendar
from wallet_api.domain.definition import DayRange, Definition, MonthDay, Occasion, Season, Span
from wallet_api.domain.state import MemberState


def open_days(definition: Definition, state: MemberState, season: Season, day: date) -> DayRange | None:
    """The days of the season that is open on a day for this member, if one is."""
    opening = first_day(definition, state, season.occasion)
    if opening is None:
        return None
    for year in (day.year, day.year - 1):
        first = opening.in_year(year)
        last = _last(season, state, first)
        if _is_before_the_first(definition, state, season, first):
            continue
        if last is not None and first <= day <= last:
            return DayRange(first=first, last=last)
    return None


def first_day(definition: Definition, state: MemberState, occasion: Occasion) -> MonthDay | None:
    """The day of the year on which an occasion comes for this member."""
    if occasion is Occasion.ANNIVERSARY:
        joined = calendar.local_day(state.joined_at, definition.time_zone)
        return MonthDay(month=joined.month, day=joined.day)
    if state.birth_date is None:
        return None
    day = 1 if occasion is Occasion.BIRTHDAY_MONTH else state.birth_date.day
    return MonthDay(month=state.birth_date.month, day=day)


def _last(season: Season, state: MemberState, first: date) -> date | None:
    if season.days or season.days_for_all is not None:
        days = season.days.get(state.tier or "", 0) if season.days else season.days_for_all or 0
        return first + timedelta(days=days - 1) if days else None
    first_of_month = first.replace(day=1)
    return calendar.add(first_of_month, Span(months=1)) - timedelta(days=1)


def _is_before_the_first(definition: Definition, state: MemberState, season: Season, first: date) -> bool:
    """Whether this is the day of joining itself, or one before it: the first anniversary comes a year later."""
    if season.occasion is not Occasion.ANNIVERSARY:
        return False
    return first <= calendar.local_day(state.joined_at, definition.time_zone)
