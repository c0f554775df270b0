"""Builders and servers that the channels' tests share."""

import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from notifications import Message
from standins.fcm import FcmStandIn
from standins.smtp import SmtpStandIn

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

BuildMessage = Callable[..., Message]


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def message() -> BuildMessage:
    def build(
        to: str,
        *,
        title: str = "Bienvenue chez Léa\u202f!",
        body: str = "Votre carte est prête.",
        locale: str = "fr",
        collapse_key: str = "welcome",
        ends_in: timedelta = timedelta(hours=1),
        data: Mapping[str, str] | None = None,
    ) -> Message:
        return Message(
            id=uuid4(),
            kind="welcome",
            to=to,
            title=title,
            body=body,
            locale=locale,
            collapse_key=collapse_key,
            expires_at=NOW + ends_in,
            data=data or {},
        )

    return build


@pytest.fixture
def fcm() -> Iterator[FcmStandIn]:
    with FcmStandIn(slow_s=5.0) as server:
        yield server


@pytest.fixture
def credentials_file(fcm: FcmStandIn, tmp_path: Path) -> Path:
    return fcm.service_account_file(tmp_path / "firebase.json")


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def mail() -> Iterator[SmtpStandIn]:
    with SmtpStandIn() as server:
        yield server
