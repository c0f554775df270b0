"""Any sequence of steps keeps the laws where tiers are held for some months, with grace: 5,000 steps of 20,000; see `laws/lives.py`."""

from __future__ import annotations

import pytest

from tests.services.laws.lives import live
from wallet_api.clock import FixedClock
from wallet_api.store.session import Database


@pytest.mark.timeout(900)  # a failure is made small first
@pytest.mark.parametrize("number", [1, 2])
def test_any_sequence_of_steps_keeps_the_laws(db: Database, clock: FixedClock, number: int) -> None:
    steps = live(db, clock, tiers="valid", number=number, steps=2_500)

    assert steps >= 2_500
