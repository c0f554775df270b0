"""The port that every way to a member stands behind."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from notifications.message import Message, SendResult


class Channel(Protocol):
    """One way to reach members. An instance belongs to the event loop that first sends through it."""

    @property
    def name(self) -> str: ...

    async def send(self, messages: Sequence[Message], *, now: datetime) -> list[SendResult]:
        """Try each message once; the results stand in the order of the messages.

        Never raises for one message's fault, and never tries again by itself: who calls has the outbox
        and its backoff. An expired message is not sent.
        """

    async def close(self) -> None:
        """Give up connections; messages under way are not waited for."""
