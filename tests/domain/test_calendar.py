"""Program-local days: summer time, leap days, the ends of months, and the names of periods."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet_api.domain import calendar
from wallet_api.domain.definition import Period, Span

PARIS = ZoneInfo("Europe/Paris")
HAVANA = ZoneInfo("America/Havana")  # turns its clocks at midnight: a day that begins at 01:00, one that begins twice
ZONES = st.sampled_from(
    [PARIS, HAVANA, ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")]
)
DAYS = st.dates(date(1990, 1, 1), date(2099, 12, 30))


@pytest.mark.parametrize(
    ("day", "hours", "why"),
    [
        (date(2026, 3, 29), 23, "summer time begins"),
        (date(2026, 10, 25), 25, "summer time ends, and there are two 2:30s"),
        (date(2026, 7, 1), 24, "any other day"),
    ],
)
def test_a_day_in_paris_is_as_long_as_its_clocks_say(day: date, hours: int, why: str) -> None:
    length = calendar.end_of(day, PARIS) - calendar.start_of(day, PARIS)

    assert length == timedelta(hours=hours), why


@pytest.mark.parametrize("fold", [0, 1])
def test_both_half_past_twos_of_october_lie_in_the_same_day(fold: int) -> None:
    instant = datetime(2026, 10, 25, 2, 30, tzinfo=PARIS, fold=fold).astimezone(UTC)

    assert calendar.local_day(instant, PARIS) == date(2026, 10, 25)


@pytest.mark.parametrize(
    ("day", "first", "why"),
    [
        (date(2026, 3, 8), datetime(2026, 3, 8, 5, 0, tzinfo=UTC), "00:00 is skipped"),
        (date(2026, 11, 1), datetime(2026, 11, 1, 4, 0, tzinfo=UTC), "00:00 comes twice"),
    ],
)
def test_a_day_whose_midnight_is_skipped_or_repeated_begins_at_its_first_instant(
    day: date, first: datetime, why: str
) -> None:
    assert calendar.start_of(day, HAVANA) == first, why
    assert calendar.local_day(first, HAVANA) == day
    assert calendar.local_day(first - timedelta(microseconds=1), HAVANA) == day - timedelta(days=1)


@given(DAYS, ZONES)
def test_the_first_instant_of_a_day_belongs_to_it_and_the_one_before_does_not(day: date, zone: ZoneInfo) -> None:
    start, end = calendar.start_of(day, zone), calendar.end_of(day, zone)

    assert calendar.local_day(start, zone) == day
    assert calendar.local_day(start - timedelta(microseconds=1), zone) == day - timedelta(days=1)
    assert end == calendar.start_of(day + timedelta(days=1), zone)


@pytest.mark.parametrize(
    ("day", "span", "expected", "why"),
    [
        (date(2026, 1, 31), Span(months=1), date(2026, 2, 28), "February is shorter"),
        (date(2028, 1, 31), Span(months=1), date(2028, 2, 29), "in a leap year by one day less"),
        (date(2028, 2, 29), Span(months=12), date(2029, 2, 28), "a leap day has no anniversary"),
        (date(2028, 2, 29), Span(months=48), date(2032, 2, 29), "but every four years"),
        (date(2026, 12, 31), Span(months=2), date(2027, 2, 28), "over the turn of the year"),
        (date(2026, 12, 15), Span(months=12), date(2027, 12, 15), "December stays December"),
        (date(2026, 3, 10), Span(days=60), date(2026, 5, 9), "days are counted"),
        (date(2026, 1, 31), Span(months=1, days=1), date(2026, 3, 1), "months first, then days"),
    ],
)
def test_a_span_later(day: date, span: Span, expected: date, why: str) -> None:
    assert calendar.add(day, span) == expected, why


@pytest.mark.parametrize(
    ("span", "last", "why"),
    [
        (Span(days=60), date(2026, 5, 9), "day + N is the last"),
        (Span(months=11), date(2027, 2, 9), "N months end the day before that day"),
    ],
)
def test_the_last_valid_day(span: Span, last: date, why: str) -> None:
    assert calendar.last_valid(date(2026, 3, 10), span) == last, why


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 12, 31), "2026-W53"),
        (date(2027, 1, 3), "2026-W53"),
        (date(2027, 1, 4), "2027-W01"),
        (date(2024, 12, 30), "2025-W01"),
    ],
)
def test_a_week_belongs_to_the_year_of_its_thursday(day: date, name: str) -> None:
    assert calendar.period_key(Period.WEEK, day) == name


OF_DAYS = [period for period in Period if period not in (Period.TRANSACTION, Period.WINDOW)]


@given(DAYS, st.sampled_from(OF_DAYS))
def test_a_period_has_one_name_that_no_other_has(day: date, period: Period) -> None:
    next_day = day + timedelta(days=1)
    begins_anew = {
        Period.DAY: True,
        Period.WEEK: next_day.weekday() == 0,
        Period.MONTH: next_day.day == 1,
        Period.YEAR: (next_day.month, next_day.day) == (1, 1),
        Period.LIFETIME: False,
    }[period]

    changes = calendar.period_key(period, day) != calendar.period_key(period, next_day)

    assert changes is begins_anew


def test_the_names_of_different_kinds_of_period_do_not_meet() -> None:
    names = {calendar.period_key(period, date(2026, 1, 1)) for period in OF_DAYS}

    assert len(names) == len(OF_DAYS)


@pytest.mark.parametrize(
    ("offsets", "length"),
    [([], 0), ([0], 1), ([0, 1, 2], 3), ([0, 2], 1), ([1, 2], 0)],
    ids=["never", "today", "three in a row", "a gap", "not today"],
)
def test_a_streak_counts_the_days_in_a_row_up_to_today(offsets: list[int], length: int) -> None:
    today = date(2026, 3, 1)
    visits = {today - timedelta(days=offset): 1 for offset in offsets}

    assert calendar.streak(visits, today=today) == length


def test_a_day_whose_visits_were_all_undone_breaks_a_streak() -> None:
    today = date(2026, 3, 1)
    visits = {today: 1, today - timedelta(days=1): 0, today - timedelta(days=2): 1}

    assert calendar.streak(visits, today=today) == 1
