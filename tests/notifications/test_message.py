from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from notifications import Message


def test_a_message_never_shows_its_address_or_text_in_a_log(message: Callable[..., Message]) -> None:
    welcome = message("alice@example.test", title="Your code: 123456", body="Enter 123456")

    shown = repr(welcome)

    assert "alice" not in shown
    assert "123456" not in shown
    assert str(welcome.id) in shown


def test_a_naive_end_is_refused(message: Callable[..., Message]) -> None:
    with pytest.raises(ValueError, match="aware"):
        replace(message("alices-phone"), expires_at=datetime(2026, 5, 4))


@pytest.mark.parametrize("key", ["", "x" * 65, "é" * 33])
def test_a_collapse_key_outside_apples_limit_is_refused(message: Callable[..., Message], key: str) -> None:
    with pytest.raises(ValueError, match="collapse_key"):
        message("alices-phone", collapse_key=key)


def test_a_collapse_key_at_apples_limit_is_taken(message: Callable[..., Message]) -> None:
    assert message("alices-phone", collapse_key="é" * 32).collapse_key == "é" * 32


@pytest.mark.parametrize("key", ["mid", "kind", "from", "message_type", "google.x", "gcm.y"])
def test_data_keys_that_carnet_or_fcm_use_are_refused(message: Callable[..., Message], key: str) -> None:
    with pytest.raises(ValueError, match="reserved"):
        message("alices-phone", data={key: "x"})


def test_the_time_to_live_runs_down_to_nothing(message: Callable[..., Message], now: datetime) -> None:
    welcome = message("alices-phone", ends_in=timedelta(minutes=10))

    early = welcome.ttl(now=now + timedelta(minutes=4))
    late = welcome.ttl(now=now + timedelta(minutes=11))

    assert early == timedelta(minutes=6)
    assert late == timedelta(0)
    assert welcome.has_expired(now=now + timedelta(minutes=10))
    assert not welcome.has_expired(now=now + timedelta(minutes=9, seconds=59))
