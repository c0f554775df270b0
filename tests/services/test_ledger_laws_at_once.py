"""The order of two writes at the same moment never matters to the laws; see `laws/together.py`."""

from __future__ import annotations

import pytest

from tests.services.laws.together import meet
from wallet_api.clock import FixedClock
from wallet_api.store.session import Database


@pytest.mark.timeout(900)  # a failure is made small first
@pytest.mark.parametrize("number", [1, 2])
def test_whichever_of_two_comes_first_the_laws_hold_and_nothing_is_lost(
    db: Database, clock: FixedClock, number: int
) -> None:
    calls = meet(db, clock, number=number, examples=30)

    assert calls >= 30 * 8
