"""Any sequence of steps keeps the laws where tiers are held by years; see `laws/lives.py`."""

from __future__ import annotations

import pytest

from tests.services.laws.lives import live
from wallet_api.clock import FixedClock
from wallet_api.store.session import Database


@pytest.mark.parametrize("number", range(1, 6))
@pytest.mark.parametrize("tiers", ["years"])
def test_any_sequence_of_steps_keeps_the_laws(db: Database, clock: FixedClock, tiers: str, number: int) -> None:
    tally = live(db, clock, tiers=tiers, number=number, steps=1_000)

    assert tally.steps >= 1_000
