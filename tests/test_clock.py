"""The clock that tests and journeys move by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from wallet_api.clock import FixedClock, SystemClock

MAY = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_a_fixed_clock_stands_still_until_it_is_moved() -> None:
    clock = FixedClock(MAY)

    assert clock.now() == clock.now() == MAY
    assert clock.advance(timedelta(hours=2)) == clock.now() == MAY + timedelta(hours=2)


def test_a_fixed_clock_tells_utc_wherever_it_was_set() -> None:
    clock = FixedClock(datetime(2026, 5, 1, 14, tzinfo=timezone(timedelta(hours=2))))

    assert clock.now() == MAY
    assert clock.now().tzinfo is UTC


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        FixedClock(datetime(2026, 5, 1))


def test_the_system_clock_is_aware_and_in_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
