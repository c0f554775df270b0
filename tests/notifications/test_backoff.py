from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.backoff import next_try

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempt", "ceiling_s"),
    [(1, 10), (2, 20), (3, 40), (9, 2_560), (10, 3_600), (11, 3_600), (10_000, 3_600)],
)
def test_the_ceiling_doubles_from_ten_seconds_to_an_hour(attempt: int, ceiling_s: int) -> None:
    half = next_try(attempt, now=NOW, retry_after=None, random=lambda: 0.5)
    least = next_try(attempt, now=NOW, retry_after=None, random=lambda: 0.0)

    assert half == NOW + timedelta(seconds=ceiling_s / 2)
    assert least == NOW


@given(
    attempt=st.integers(1, 50),
    asked_s=st.integers(0, 86_400),
    chance=st.floats(0, 1, exclude_max=True),
)
def test_what_the_provider_asked_for_is_waited_in_full(attempt: int, asked_s: int, chance: float) -> None:
    at = next_try(attempt, now=NOW, retry_after=asked_s, random=lambda: chance)

    assert NOW + timedelta(seconds=asked_s) <= at <= NOW + timedelta(seconds=asked_s + 3_600)


def test_attempts_count_from_one() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        next_try(0, now=NOW, retry_after=None, random=lambda: 0.5)
