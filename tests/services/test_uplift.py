"""Uplift: what it says of simulated experiments whose truth is known, and of examples that were published."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from wallet_api.services.uplift import (
    AmountGoal,
    Difference,
    Group,
    RateGoal,
    chance_of_sizes,
    difference_of_means,
    difference_of_rates,
    holm,
    members_needed,
    smallest_effect,
)

RUNS = 2_000
HALF = Fraction(1, 2)


def buyers(members: int, buying: int) -> Group:
    return Group(members=members, buyers=buying, amount=0, squares=0)


def spenders(amounts: NDArray[np.int64]) -> Group:
    """Members who bought for so much each."""
    return Group(
        members=len(amounts),
        buyers=int((amounts > 0).sum()),
        amount=int(amounts.sum()),
        squares=int((amounts * amounts).sum()),
    )


def rates(here: float, there: float, sizes: tuple[int, int]) -> list[Difference | None]:
    """So many experiments whose arms truly buy at these rates."""
    chance = np.random.default_rng(20_260_310)
    drawn = zip(chance.binomial(sizes[0], here, RUNS), chance.binomial(sizes[1], there, RUNS), strict=True)
    return [difference_of_rates(buyers(sizes[0], int(a)), buyers(sizes[1], int(b))) for a, b in drawn]


def amounts(here: float, there: float, sizes: tuple[int, int]) -> tuple[list[Difference | None], float]:
    """The same of amounts, and the true difference: few buy, some of them much."""
    chance = np.random.default_rng(20_260_311)
    found = []
    for _ in range(RUNS):
        groups = (
            ((chance.random(size) < rate) * chance.lognormal(7.5, 0.8, size)).astype(np.int64)
            for rate, size in zip((here, there), sizes, strict=True)
        )
        found.append(difference_of_means(*(spenders(group) for group in groups)))
    return found, (here - there) * float(np.exp(7.5 + 0.8**2 / 2))


def covering(found: list[Difference | None], truth: float) -> float:
    return sum(each is not None and each.low <= truth <= each.high for each in found) / len(found)


def alarming(found: list[Difference | None]) -> float:
    return sum(each is not None and each.p_value < 0.05 for each in found) / len(found)


# ── What is known to be true ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("here", "there", "sizes"),
    [(0.12, 0.10, (2_000, 2_000)), (0.04, 0.03, (9_000, 1_000)), (0.55, 0.50, (300, 300))],
)
def test_the_interval_covers_a_known_effect_on_rates(here: float, there: float, sizes: tuple[int, int]) -> None:
    assert 0.93 <= covering(rates(here, there, sizes), here - there) <= 0.97


@pytest.mark.parametrize(
    ("rate", "sizes"), [(0.10, (2_000, 2_000)), (0.03, (9_000, 1_000)), (0.02, (300, 300)), (0.50, (300, 300))]
)
def test_where_there_is_no_effect_on_rates_false_alarms_are_rare(rate: float, sizes: tuple[int, int]) -> None:
    assert alarming(rates(rate, rate, sizes)) < 0.06


@pytest.mark.parametrize("sizes", [(1_000, 1_000), (2_000, 1_000)])
def test_the_interval_covers_a_known_effect_on_amounts_and_false_alarms_are_rare(sizes: tuple[int, int]) -> None:
    found, truth = amounts(0.25, 0.20, sizes)
    none, _ = amounts(0.20, 0.20, sizes)

    assert 0.93 <= covering(found, truth) <= 0.97
    assert 0.93 <= covering(none, 0.0) <= 0.97
    assert alarming(none) < 0.06


def test_with_three_arms_that_do_nothing_false_alarms_stay_as_rare_over_all_of_them() -> None:
    chance = np.random.default_rng(20_260_312)
    alarms = {"one by one": 0, "corrected": 0}
    for drawn in chance.binomial(2_000, 0.1, (RUNS, 4)):
        found = [difference_of_rates(buyers(2_000, int(arm)), buyers(2_000, int(drawn[3]))) for arm in drawn[:3]]
        chances = [each.p_value for each in found if each]
        alarms["one by one"] += min(chances) < 0.05
        alarms["corrected"] += min(holm(chances)) < 0.05

    assert alarms["one by one"] / RUNS > 0.09
    assert alarms["corrected"] / RUNS < 0.06


def test_so_many_members_as_are_said_to_be_needed_show_the_effect_as_often_as_was_asked() -> None:
    shares = {"arms": [Fraction(4, 5)], "reference": Fraction(1, 5)}
    needed = members_needed(RateGoal(base=0.10, effect=0.03), **shares, power=0.8)  # type: ignore[arg-type]  # by name

    found = rates(0.13, 0.10, (round(needed * 0.8), round(needed * 0.2)))

    assert 0.77 <= alarming(found) <= 0.83


# ── What was published, and what SciPy says ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("here", "there", "low", "high"),
    [  # Newcombe 1998, table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0000),
    ],
)
def test_intervals_of_rates_are_newcombes(
    here: tuple[int, int], there: tuple[int, int], low: float, high: float
) -> None:
    found = difference_of_rates(buyers(here[1], here[0]), buyers(there[1], there[0]))

    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=6e-5)


def test_tests_are_those_of_scipy() -> None:
    chance = np.random.default_rng(1)
    here, there = (chance.integers(0, most, size) for most, size in ((5_000, 40), (4_000, 60)))

    rate = difference_of_rates(buyers(400, 60), buyers(500, 50))
    mean = difference_of_means(spenders(here), spenders(there))
    welch = stats.ttest_ind(here, there, equal_var=False)
    between = welch.confidence_interval()

    assert rate is not None
    assert mean is not None
    pearson = stats.chi2_contingency([[60, 340], [50, 450]], correction=False)
    assert rate.p_value == pytest.approx(pearson.pvalue)
    assert (mean.value, mean.p_value) == pytest.approx((here.mean() - there.mean(), welch.pvalue))
    assert (mean.low, mean.high) == pytest.approx((between.low, between.high))


def test_the_number_of_members_is_that_of_the_tables() -> None:
    # R: power.prop.test(p1=.10, p2=.12, power=.8) 3840.847; power.t.test(delta=1, sd=5, power=.8) 393.4 with t for z
    rate, amount = RateGoal(base=0.10, effect=0.02), AmountGoal(deviation=5, effect=1)

    assert members_needed(rate, arms=[HALF], reference=HALF) == 7_682
    assert members_needed(amount, arms=[HALF], reference=HALF) == 785
    assert smallest_effect(rate, arms=[HALF], reference=HALF, members=7_682) == pytest.approx(0.02, abs=1e-5)
    assert smallest_effect(amount, arms=[HALF], reference=HALF, members=785) == pytest.approx(1, abs=1e-3)
    assert smallest_effect(rate, arms=[HALF], reference=HALF, members=4) is None
    # Two comparisons need more than one.
    third = Fraction(1, 3)
    assert members_needed(rate, arms=[third, third], reference=third) > 1.5 * 7_682


def test_holms_correction() -> None:
    assert holm([0.03, 0.005, 0.04, 0.01]) == pytest.approx([0.06, 0.02, 0.06, 0.03])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_of_nobody_and_of_nothing_no_difference_is_told() -> None:
    nobody, nothing = buyers(0, 0), buyers(50, 0)
    twice = spenders(np.array([500, 500]))

    assert difference_of_rates(nobody, nothing) is None
    assert difference_of_means(nobody, nothing) is None
    assert difference_of_means(twice, nothing) is None  # nothing scatters: no bounds
    same = difference_of_means(nothing, nothing)
    assert same == Difference(value=0.0, low=0.0, high=0.0, p_value=1.0)
    rate = difference_of_rates(nothing, nothing)
    assert rate is not None
    assert (rate.value, rate.p_value) == (0.0, 1.0)


def test_sizes_that_chance_does_not_make_are_found() -> None:
    shares = {"a": Fraction(9, 10), "control": Fraction(1, 10)}

    assert chance_of_sizes({"a": 9_020, "control": 980}, shares) > 0.1
    assert chance_of_sizes({"a": 9_000, "control": 800}, shares) < 1e-6
    assert chance_of_sizes({}, shares) == 1.0
