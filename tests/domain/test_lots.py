"""Taking units from lots: in which order, and never more than there is."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet_api.domain import lots
from wallet_api.domain.state import Lot, Take

MARCH, APRIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
JUNE, JULY = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
SALE, OTHER_SALE = UUID(int=901), UUID(int=902)


def lot(
    number: int, *, left: int, expires: datetime | None = None, earned: datetime = MARCH, source: UUID | None = None
) -> Lot:
    """A lot with so much left."""
    return Lot(
        id=UUID(int=number),
        unit="points",
        amount=left,
        left=left,
        earned_at=earned,
        expires_at=expires,
        source_id=source,
    )


def test_the_lots_that_expire_first_go_first_then_the_oldest_and_those_without_end_last() -> None:
    endless, july, june_late, june_early = (
        lot(1, left=1),
        lot(2, left=1, expires=JULY),
        lot(3, left=1, expires=JUNE, earned=APRIL),
        lot(4, left=1, expires=JUNE, earned=MARCH),
    )

    ordered = lots.in_spending_order([endless, july, june_late, june_early])

    assert ordered == [june_early, june_late, july, endless]


def test_what_a_sale_earned_is_taken_back_from_its_own_lots_first() -> None:
    first, own = lot(1, left=10, expires=JUNE, source=OTHER_SALE), lot(2, left=10, expires=JULY, source=SALE)

    ordered = lots.own_first([first, own], SALE)

    assert ordered == [own, first]


def test_taking_empties_one_lot_before_the_next() -> None:
    june, july = lot(1, left=30), lot(2, left=50)

    takes = lots.take([june, july], 40)

    assert takes == [Take(lot_id=june.id, amount=30), Take(lot_id=july.id, amount=10)]


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 500))
def test_as_much_as_there_is_is_taken_and_never_more(left: list[int], need: int) -> None:
    given_lots = [lot(number, left=amount) for number, amount in enumerate(left)]
    by_id = {each.id: each for each in given_lots}

    takes = lots.take(given_lots, need)

    assert sum(take.amount for take in takes) == min(need, sum(left))
    assert all(0 < take.amount <= by_id[take.lot_id].left for take in takes)


@pytest.mark.parametrize("left", [-1, 11])
def test_a_lot_holds_neither_less_than_nothing_nor_more_than_it_was(left: int) -> None:
    with pytest.raises(AssertionError):
        Lot(id=UUID(int=1), unit="points", amount=10, left=left, earned_at=MARCH, expires_at=None, source_id=None)
