"""Units for a whole period: dividends and campaigns, credited after it, and worked out again when something changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.domain.club import PURCHASE, Life, club, named, points
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import (
    Condition,
    Credit,
    DayRange,
    MonthDay,
    NthWeekday,
    Rate,
    Rounding,
    Span,
    Unit,
    Worth,
)
from wallet_api.domain.events import Line

DIVIDEND = Credit(
    id="dividend",
    unit="dividend",
    rate=Rate(earn=10, per=1_00),  # a tenth, in cents
    where=Condition(not_tags=frozenset({"sale"})),
    on=NthWeekday(n=1, weekday=0, month=3),
    minimum=10_00,
    join_year_is_exempt=True,
    rounding=Rounding.HALF_UP,
    counts_units=True,
)
CAMPAIGN = Credit(
    id="spring",
    unit="points",
    rate=Rate(earn=3, per=1_00),
    days=DayRange(first=date(2026, 3, 15), last=date(2026, 3, 31)),
    after=Span(days=28),
    minimum=600_00,
    most=3_000,
)
NO_POINTS = replace(PURCHASE, where=Condition(tags=frozenset({"never"})))
CENTS = Unit(id="dividend", name=named("dividend"), one=named("dividend"), decimals=2)


def cooperative(credit: Credit = DIVIDEND) -> Life:
    """Alice, who joined on 10 March 2026, in a program with a dividend."""
    definition = club(unit=replace(points(), worth=Worth(units=1, money=1_00)), other_units=(CENTS,), tiers=None)
    return Life(replace(definition, credits=(credit,)))


def campaign(credit: Credit = CAMPAIGN) -> Life:
    """Alice, on the first day of a campaign; nothing else earns points."""
    alice = Life(replace(club(NO_POINTS), credits=(credit,)))
    alice.wait(on=date(2026, 3, 15))
    return alice


def line(amount: int, *tags: str) -> Line:
    return Line(sku="tent", amount=amount, tags=frozenset(tags))


# ── Dividend ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dividend_comes_as_the_first_monday_of_march_begins() -> None:
    alice = cooperative()
    alice.sell(120_00)

    alice.wait_for_the_end_of(date(2027, 2, 28))
    before = alice.has("dividend")
    alice.wait_for_the_beginning_of(date(2027, 3, 1))

    assert (before, alice.has("dividend")) == (0, 12_00)
    assert alice.entries[-1].occurred_at == datetime(2027, 2, 28, 23, tzinfo=UTC)


def test_only_what_counts_brings_a_dividend() -> None:
    alice = cooperative()
    alice.sell(lines=(line(100_00), line(50_00, "sale"), line(30_00, "gift-card")))

    alice.wait(on=date(2027, 3, 1))

    assert alice.has("dividend") == 10_00


def test_it_is_rounded_half_up_once_for_the_whole_year() -> None:
    alice = cooperative()
    for _ in range(2):
        alice.sell(5_05)  # 50.5 cents each

    alice.wait(on=date(2027, 3, 1))

    assert alice.has("dividend") == 1_01


def test_a_half_cent_of_the_whole_year_goes_up() -> None:
    alice = cooperative()
    alice.sell(15_05)

    alice.wait(on=date(2027, 3, 1))

    assert alice.has("dividend") == 1_51


@pytest.mark.parametrize(("amount", "dividend"), [(9_99, 0), (10_00, 1_00)])
def test_below_the_minimum_of_a_year_there_is_none(amount: int, dividend: int) -> None:
    alice = cooperative()
    alice.wait(on=date(2027, 6, 1))
    alice.sell(amount)

    alice.wait(on=date(2028, 3, 6))  # the first Monday

    assert alice.has("dividend") == dividend


def test_the_year_of_joining_needs_no_minimum() -> None:
    alice = cooperative()
    alice.sell(4_00)

    alice.wait(on=date(2027, 3, 1))

    assert alice.has("dividend") == 40


def test_the_year_of_joining_needs_it_where_it_is_not_exempt() -> None:
    alice = cooperative(replace(DIVIDEND, join_year_is_exempt=False))
    alice.sell(4_00)

    alice.wait(on=date(2027, 3, 1))

    assert alice.has("dividend") == 0


@pytest.mark.parametrize(("counts_units", "dividend"), [(True, 5_00), (False, 3_00)])
def test_what_was_paid_with_units_counts_where_the_program_says_so(counts_units: bool, dividend: int) -> None:
    alice = cooperative(replace(DIVIDEND, counts_units=counts_units))
    alice.adjust(20)
    alice.sell(50_00, pay_with=(("points", 20),))

    alice.wait(on=date(2027, 3, 1))

    assert alice.has("dividend") == dividend


def test_each_year_has_its_own_dividend_on_its_own_day() -> None:
    alice = cooperative()
    alice.sell(100_00)
    alice.wait(on=date(2027, 2, 1))
    alice.sell(200_00)

    alice.wait(on=date(2028, 12, 31))

    assert alice.amounts(EntryKind.BONUS) == [10_00, 20_00]
    assert [entry.occurred_at.date() for entry in alice.entries if entry.kind is EntryKind.BONUS] == [
        date(2027, 2, 28),  # midnight in Paris
        date(2028, 3, 5),
    ]


def test_a_day_of_every_year_may_be_named_instead() -> None:
    alice = cooperative(replace(DIVIDEND, on=MonthDay(month=3, day=15)))
    alice.sell(100_00)

    alice.wait_for_the_end_of(date(2027, 3, 14))
    before = alice.has("dividend")
    alice.wait_for_the_beginning_of(date(2027, 3, 15))

    assert (before, alice.has("dividend")) == (0, 10_00)


def test_a_return_before_the_dividend_lowers_it_and_one_after_takes_the_difference_back() -> None:
    alice = cooperative()
    sale = alice.sell(100_00)
    alice.bring_back(sale, amount=20_00)
    alice.wait(on=date(2027, 3, 1))
    credited = alice.has("dividend")

    alice.bring_back(sale, amount=30_00)

    assert (credited, alice.has("dividend")) == (8_00, 5_00)


def test_a_return_after_the_dividend_that_leaves_less_than_the_minimum_takes_all_of_it_back() -> None:
    alice = cooperative(replace(DIVIDEND, join_year_is_exempt=False))
    sale = alice.sell(15_00)
    alice.wait(on=date(2027, 3, 1))
    credited = alice.has("dividend")

    alice.bring_back(sale, amount=5_01)

    assert (credited, alice.has("dividend")) == (1_50, 0)


def test_a_dividend_spent_already_is_owed() -> None:
    alice = cooperative()
    sale = alice.sell(100_00)
    alice.wait(on=date(2027, 3, 1))
    alice.adjust(-10_00, unit="dividend")

    alice.bring_back(sale)

    assert alice.has("dividend") == -10_00


def test_a_purchase_of_the_new_year_does_not_wait_for_the_day_of_the_old_one() -> None:
    alice = cooperative()
    alice.sell(100_00)
    alice.wait(on=date(2027, 1, 15))
    sale = alice.sell(50_00)
    alice.wait(on=date(2027, 3, 1))

    alice.bring_back(sale)

    assert alice.has("dividend") == 10_00


# ── Campaign ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("amount", "bonus"), [(599_99, 0), (600_00, 1_800), (999_99, 2_999), (1000_00, 3_000), (5000_00, 3_000)]
)
def test_a_campaign_gives_from_its_minimum_on_up_to_its_most(amount: int, bonus: int) -> None:
    alice = campaign()
    alice.sell(amount)

    alice.wait(on=date(2026, 4, 28))

    assert alice.balance == bonus


def test_it_is_credited_28_days_after_its_last_day_and_not_before() -> None:
    alice = campaign()
    alice.sell(700_00)

    alice.wait_for_the_end_of(date(2026, 4, 27))
    before = alice.balance
    alice.wait_for_the_beginning_of(date(2026, 4, 28))

    assert (before, alice.balance) == (0, 2_100)


def test_purchases_of_the_period_add_up_and_others_do_not() -> None:
    alice = Life(replace(club(NO_POINTS), credits=(CAMPAIGN,)))
    alice.sell(1000_00)  # before it
    alice.wait(on=date(2026, 3, 31))
    alice.sell(300_00)
    alice.sell(300_00)
    alice.wait(on=date(2026, 4, 1))
    alice.sell(1000_00)  # after it

    alice.wait(on=date(2026, 5, 1))

    assert alice.balance == 1_800


def test_a_return_before_it_is_credited_may_leave_less_than_the_minimum() -> None:
    alice = campaign()
    sale = alice.sell(600_00)
    alice.wait(on=date(2026, 4, 15))

    alice.bring_back(sale, amount=1)
    alice.wait(on=date(2026, 5, 1))

    assert alice.balance == 0


def test_a_return_after_it_was_credited_takes_the_difference_and_below_the_minimum_all() -> None:
    alice = campaign()
    sale = alice.sell(700_00)
    alice.wait(on=date(2026, 5, 1))
    balances = [alice.balance]

    for amount in (50_00, 50_00, 1_00, 1_00):
        alice.bring_back(sale, amount=amount)
        balances.append(alice.balance)

    assert balances == [2_100, 1_950, 1_800, 0, 0]


def test_a_return_that_leaves_enough_for_the_most_takes_nothing() -> None:
    alice = campaign()
    sale = alice.sell(1200_00)
    alice.wait(on=date(2026, 5, 1))

    alice.bring_back(sale, amount=200_00)
    still = alice.balance
    alice.bring_back(sale, amount=100_00)

    assert (still, alice.balance) == (3_000, 2_700)


def test_a_sale_that_is_reported_after_it_was_credited_still_counts() -> None:
    alice = campaign()
    bought_at = alice.now
    alice.sell(500_00)
    alice.wait(on=date(2026, 5, 1))
    before = alice.balance

    late = alice.sell(200_00, at=bought_at)
    after = alice.balance
    alice.bring_back(late)

    assert (before, after, alice.balance) == (0, 2_100, 0)


def test_what_is_credited_counts_as_earned_and_says_why() -> None:
    alice = campaign()
    alice.sell(700_00)

    alice.wait(on=date(2026, 5, 1))

    assert alice.state.lifetime("points") == 2_100
    assert alice.entries[-1].why["base"] == 700_00


def test_looking_often_credits_once() -> None:
    alice = campaign()
    alice.sell(700_00)

    for _ in range(60):
        alice.wait(days=1)

    assert alice.amounts(EntryKind.BONUS) == [2_100]
