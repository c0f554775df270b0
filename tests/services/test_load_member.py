"""How far back a decision looks: as far as the definition makes it, and no further."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from tests.store.people import club, text
from wallet_api.domain.definition import (
    ByStreak,
    Challenge,
    Condition,
    Credit,
    DayRange,
    Definition,
    EarningRule,
    EventKind,
    Flat,
    NthWeekday,
    Period,
    Promotion,
    Rate,
    Segment,
    Span,
    TierScheme,
    YearKind,
)
from wallet_api.services.app import measures_since
from wallet_api.services.load_member import periods_needed

TODAY = date(2026, 5, 20)
A_DIVIDEND = Credit(id="dividend", unit="points", rate=Rate(earn=1, per=100), on=NthWeekday(n=1, weekday=0, month=3))
A_CAMPAIGN = Credit(
    id="campaign",
    unit="points",
    rate=Rate(earn=1, per=100),
    days=DayRange(first=date(2026, 4, 25), last=date(2026, 5, 10)),
    after=Span(days=28),
)


def scheme(**facts: object) -> TierScheme:
    """Tiers by spend."""
    return TierScheme(measure="spend", levels=(), **facts)  # type: ignore[arg-type]  # fields by their names


def challenge(per: Period = Period.LIFETIME, days: DayRange | None = None) -> Challenge:
    """Some visits."""
    return Challenge(id="visits", name=text("Visits"), measure="visits", goal=3, per=per, days=days)


def visit(**where: object) -> EarningRule:
    """Something for a visit."""
    condition = Condition(**where)  # type: ignore[arg-type]  # fields by their names
    return EarningRule(id="visit", on=EventKind.CHECK_IN, unit="points", amount=Flat(earn=1), where=condition)


ROLLING = {"years": None, "years_after": None, "rolling": Span(months=12)}


@pytest.mark.parametrize(
    ("definition", "since"),
    [
        pytest.param(club(), TODAY, id="nothing"),
        pytest.param(replace(club(), tiers=scheme()), date(2025, 1, 1), id="this year and the last"),
        pytest.param(replace(club(), tiers=scheme(years_after=0)), date(2025, 1, 1), id="the last, for its review"),
        pytest.param(replace(club(), tiers=scheme(years_after=2)), date(2024, 1, 1), id="two years before"),
        pytest.param(
            replace(club(), tiers=scheme(years=YearKind.MEMBERSHIP)), date(2024, 8, 9), id="years since joining"
        ),
        pytest.param(
            replace(club(), tiers=scheme(years_after=None, valid=Span(months=12))),
            date(2025, 11, 3),
            id="since the tier is counted anew",
        ),
        pytest.param(replace(club(), tiers=scheme(**ROLLING)), date(2025, 5, 21), id="the last twelve months"),
        pytest.param(
            replace(club(), tiers=scheme(**ROLLING, effective_day=8)),
            date(2025, 5, 1),
            id="up to the month's beginning",
        ),
        pytest.param(replace(club(), credits=(A_DIVIDEND,)), date(2026, 1, 1), id="the dividend's year"),
        pytest.param(replace(club(), credits=(A_CAMPAIGN,)), date(2026, 4, 25), id="a campaign not yet credited"),
        pytest.param(replace(club(), challenges=(challenge(Period.WEEK),)), date(2026, 5, 18), id="since Monday"),
        pytest.param(
            replace(club(), challenges=(challenge(Period.MONTH),)), date(2026, 5, 1), id="a month's challenge"
        ),
        pytest.param(replace(club(), challenges=(challenge(Period.YEAR),)), date(2026, 1, 1), id="a year's challenge"),
        pytest.param(replace(club(), challenges=(challenge(Period.DAY),)), TODAY, id="a day's challenge"),
        pytest.param(replace(club(), challenges=(challenge(),)), TODAY, id="a life's challenge"),
        pytest.param(
            replace(club(), challenges=(challenge(days=DayRange(first=date(2026, 2, 3), last=date(2026, 6, 1))),)),
            date(2026, 2, 3),
            id="a dated challenge",
        ),
        pytest.param(
            replace(club(), challenges=(challenge(days=DayRange(first=date(2025, 2, 3), last=date(2025, 6, 1))),)),
            TODAY,
            id="a challenge that is over",
        ),
        pytest.param(replace(club(), earning=(visit(first_in_month=True),)), date(2026, 5, 1), id="first in the month"),
        pytest.param(
            replace(club(), earning=(replace(visit(), amount=ByStreak(steps=(5, 10, 15))),)),
            date(2026, 5, 17),
            id="a streak",
        ),
        pytest.param(
            replace(
                club(),
                segments={"keen": Segment(id="keen", measure="visits", over=Span(months=3))},
                promotions=(
                    Promotion(
                        id="for-the-keen",
                        unit="points",
                        multiply=Fraction(2),
                        where=Condition(segments=frozenset({"keen"})),
                    ),
                ),
            ),
            date(2026, 2, 20),
            id="a segment that a promotion is for",
        ),
        pytest.param(
            replace(club(), segments={"keen": Segment(id="keen", measure="visits")}), TODAY, id="a segment for letters"
        ),
    ],
)
def test_measures_go_back_as_far_as_something_looks(definition: Definition, since: date) -> None:
    found = measures_since(definition, TODAY, joined=date(2019, 8, 9), counted_from=date(2025, 11, 3))

    assert found == since


def test_the_earliest_of_several_days_counts() -> None:
    definition = replace(club(), credits=(A_DIVIDEND,))

    settled_before_the_dividend = measures_since(definition, TODAY, date(2026, 2, 27))
    a_return_of_long_ago = measures_since(definition, date(2024, 7, 1), TODAY)

    assert settled_before_the_dividend == date(2025, 1, 1)
    assert a_return_of_long_ago == date(2024, 1, 1)


def test_counts_of_the_events_day_and_the_years_that_time_looks_at() -> None:
    found = periods_needed(club(), event_day=date(2026, 1, 3), settled_day=date(2025, 12, 30), today=date(2026, 1, 3))

    settled = {"2025-12-30", "2025-12"}  # challenges of then are looked at again with what was due in those days
    assert found == settled | {"2026-01-03", "2026-W01", "2026-01", "lifetime", "2024", "2025", "2026", "2027"}


def test_counts_of_a_late_event_are_those_of_its_own_day_too() -> None:
    found = periods_needed(club(), event_day=date(2025, 12, 31), settled_day=TODAY, today=TODAY)

    assert {"2025-12-31", "2025-12", "2026-W01", "2026-05-20", "2026-05", "2026-W21"} < found


def test_dated_windows_count_while_they_can_be_met() -> None:
    days = (
        DayRange(first=date(2026, 5, 1), last=date(2026, 5, 31)),
        DayRange(first=date(2025, 5, 1), last=date(2025, 5, 31)),
    )
    definition = replace(club(), earning=(visit(days=days),))

    found = periods_needed(definition, event_day=TODAY, settled_day=TODAY, today=TODAY)

    assert "2026-05-01..2026-05-31" in found
    assert "2025-05-01..2025-05-31" not in found
