"""What a sale or a visit earns: rates and their rounding, conditions, caps, and the reason given."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.club import PURCHASE, Life, club
from wallet_api.domain import earning
from wallet_api.domain.decision import Earned
from wallet_api.domain.definition import Cap, Condition, EarningRule, EventKind, Flat, Period, Rate
from wallet_api.domain.earning import Basket, Scene
from wallet_api.domain.events import Line
from wallet_api.domain.state import Count

PER_TEN = replace(PURCHASE, amount=Rate(earn=1, per=1000))
PER_TWO = replace(PURCHASE, id="extra", amount=Rate(earn=1, per=200))
DAY = date(2026, 3, 10)
VISIT = EarningRule(id="visit", on=EventKind.CHECK_IN, unit="points", amount=Flat(earn=5))


def basket(*lines: Line) -> Basket:
    """A basket without discounts."""
    return Basket(lines=lines, net=[line.amount for line in lines], kept=[Fraction(1)] * len(lines))


def line(amount: int, *tags: str) -> Line:
    """A line with tags."""
    return Line(sku="x", amount=amount, tags=frozenset(tags))


def earned(*rules: EarningRule, lines: tuple[Line, ...], tier: str | None = None, at: str | None = None) -> list[int]:
    """What each rule gives for these lines."""
    return [
        item.amount for item in earning.for_sale(club(*rules), basket(*lines), Scene(day=DAY, tier=tier, location=at))
    ]


@pytest.mark.parametrize(
    ("rules", "amount", "expected", "why"),
    [
        ((PER_TEN,), 105_00, [10], "ten whole tens"),
        ((PER_TEN,), 9_99, [0], "a cent is missing for the first"),
        ((PER_TEN,), 10_00, [1], "reached exactly is reached"),
        ((PURCHASE, PER_TWO), 19_99, [19, 9], "each rule is rounded down by itself"),
        ((replace(PURCHASE, amount=Rate(earn=3, per=100)),), 1_50, [4], "the rate first, then the rounding"),
    ],
)
def test_a_rate_is_applied_first_and_rounded_down_once(
    rules: tuple[EarningRule, ...], amount: int, expected: list[int], why: str
) -> None:
    assert earned(*rules, lines=(line(amount),)) == expected, why


def test_a_sale_of_several_lines_is_rounded_once_and_not_line_by_line() -> None:
    assert earned(PURCHASE, lines=(line(50), line(50))) == [1]


@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=6), st.integers(1, 50), st.integers(1, 5_000))
def test_no_rounding_ever_gives_more_than_the_rate(amounts: list[int], earn: int, per: int) -> None:
    rule = replace(PURCHASE, amount=Rate(earn=earn, per=per))

    [amount] = earned(rule, lines=tuple(line(each) for each in amounts))

    assert 0 <= Fraction(sum(amounts) * earn, per) - amount < 1


def test_gift_cards_never_earn() -> None:
    [item] = earning.for_sale(club(), basket(line(20_00), line(50_00, "gift-card")), Scene(day=DAY))

    assert item.amount == 20
    assert item.why["base"] == 20_00
    assert item.why["excluded"] == {"gift-card": 50_00}


@pytest.mark.parametrize(
    ("where", "expected", "why"),
    [
        (Condition(tags=frozenset({"coffee"})), [7], "only lines with the tag"),
        (Condition(not_tags=frozenset({"coffee"})), [20], "only lines without it"),
        (Condition(tags=frozenset({"coffee"}), not_tags=frozenset({"sale"})), [4], "both at once"),
        (Condition(tags=frozenset({"tea"})), [], "a rule that matches no line is silent"),
        (Condition(tiers=frozenset({"gold"})), [27], "the member's tier"),
        (Condition(tiers=frozenset({"silver"})), [], "another tier"),
        (Condition(locations=frozenset({"paris"})), [27], "the location"),
        (Condition(locations=frozenset({"lyon"})), [], "another location"),
        (Condition(minimum=27_00), [27], "a minimum reached exactly"),
        (Condition(minimum=27_01), [0], "a minimum missed by a cent is explained"),
        (Condition(minimum=7_01, tags=frozenset({"coffee"})), [0], "the minimum is that of the lines that count"),
    ],
)
def test_a_rule_applies_where_its_condition_says(where: Condition, expected: list[int], why: str) -> None:
    lines = (line(4_00, "coffee"), line(3_00, "coffee", "sale"), line(20_00))

    assert earned(replace(PURCHASE, where=where), lines=lines, tier="gold", at="paris") == expected, why


def test_a_fixed_amount_is_given_once_a_sale_and_only_for_something_bought() -> None:
    rule = replace(PURCHASE, amount=Flat(earn=7), where=Condition(tags=frozenset({"coffee"})))

    assert earned(rule, lines=(line(1_00, "coffee"), line(2_00, "coffee"))) == [7]
    assert earned(rule, lines=(line(1_00),)) == []


@pytest.mark.parametrize(
    ("cap", "so_far", "left", "why"),
    [
        (Cap(per=Period.DAY, times=1), Count(times=0, units=0), 10, "the first time"),
        (Cap(per=Period.DAY, times=1), Count(times=1, units=10), 0, "the second"),
        (Cap(per=Period.MONTH, units=25), Count(times=2, units=15), 10, "the limit reached exactly"),
        (Cap(per=Period.MONTH, units=25), Count(times=2, units=20), 5, "what is left under the cap"),
        (Cap(per=Period.MONTH, units=25), Count(times=3, units=25), 0, "nothing is left"),
        (Cap(per=Period.MONTH, units=25), Count(times=3, units=30), 0, "nor where a lowered cap was passed before"),
    ],
)
def test_a_cap_leaves_what_is_left_under_it(cap: Cap, so_far: Count, left: int, why: str) -> None:
    wanted = Earned(rule="purchase", unit="points", amount=10, why={})

    capped = earning.under_cap(wanted, cap, so_far)

    assert capped.amount == left, why
    assert ("cap" in capped.why) is (left < 10)


def test_a_visit_beyond_the_limit_of_the_day_is_recorded_and_earns_nothing() -> None:
    alice = Life(club(replace(VISIT, cap=Cap(per=Period.DAY, times=1))))
    alice.visit()

    again = alice.visit()

    assert [item.amount for item in again.earned] == [0]
    assert alice.balance == 5
    assert sum(alice.state.measures["visits"].values()) == 2


def test_the_next_local_day_begins_a_new_count() -> None:
    late = datetime(2026, 3, 10, 22, 59, tzinfo=UTC)  # 23:59 in Paris
    alice = Life(club(replace(VISIT, cap=Cap(per=Period.DAY, times=1))), joined=late)
    alice.visit()

    alice.wait(until=datetime(2026, 3, 10, 23, 0, tzinfo=UTC))
    alice.visit()

    assert alice.balance == 10


def test_a_sale_that_earns_nothing_does_not_use_up_a_limit() -> None:
    alice = Life(club(replace(PURCHASE, cap=Cap(per=Period.DAY, times=1))))
    alice.sell(99)

    alice.sell(10_00)
    alice.sell(10_00)

    assert alice.balance == 10


def test_units_beyond_a_monthly_cap_are_cut() -> None:
    alice = Life(club(replace(PURCHASE, cap=Cap(per=Period.MONTH, units=100))))

    for _ in range(3):
        alice.sell(40_00)

    assert [entry.amount for entry in alice.entries] == [40, 40, 20]


def test_joining_earns_the_welcome_gift() -> None:
    welcome = EarningRule(id="welcome", on=EventKind.JOIN, unit="points", amount=Flat(earn=50))

    alice = Life(club(welcome))

    assert alice.balance == 50
    assert [entry.kind for entry in alice.entries] == ["bonus"]
