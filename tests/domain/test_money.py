"""Splitting a total: nothing is lost, nobody gets more than their share and a cent."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet_api.domain.money import half_up, split

WEIGHTS = st.lists(st.integers(0, 100_000), max_size=12)


@given(st.integers(0, 1_000_000), WEIGHTS)
def test_the_parts_add_up_to_the_total(total: int, weights: list[int]) -> None:
    parts = split(total, weights)

    assert len(parts) == len(weights)
    assert sum(parts) == (total if sum(weights) else 0)


@given(st.integers(0, 1_000_000), WEIGHTS.filter(any))
def test_each_part_is_its_share_rounded_down_or_up(total: int, weights: list[int]) -> None:
    parts = split(total, weights)

    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


@given(WEIGHTS.filter(any), st.data())
def test_a_discount_never_exceeds_its_line(weights: list[int], draw: st.DataObject) -> None:
    total = draw.draw(st.integers(0, sum(weights)))

    parts = split(total, weights)

    assert all(0 <= part <= weight for part, weight in zip(parts, weights, strict=True))


@pytest.mark.parametrize(
    ("total", "weights", "parts", "why"),
    [
        (100, [1, 1, 1], [34, 33, 33], "of equal remainders the first is served"),
        (5, [70, 20, 10], [4, 1, 0], "the largest remainders get what is left over"),
        (500, [1999, 0], [500, 0], "what weighs nothing gets nothing"),
        (7, [0, 0], [0, 0], "without weights there is nothing to split over"),
        (7, [], [], "nor without parts"),
    ],
)
def test_what_rounding_leaves_over_goes_to_the_largest_remainders(
    total: int, weights: list[int], parts: list[int], why: str
) -> None:
    assert split(total, weights) == parts, why


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(Fraction(1, 2), 1), (Fraction(49, 100), 0), (Fraction(3, 2), 2), (Fraction(5, 2), 3), (Fraction(7), 7)],
)
def test_a_half_goes_up(value: Fraction, rounded: int) -> None:
    assert half_up(value) == rounded
