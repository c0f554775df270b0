"""The stand-in for push and e-mail where neither is configured: messages are shown, never lost."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from notifications.message import Message, Outcome, SendResult


class ConsoleChannel:
    """Hands messages to `record`, which keeps them where people can look, and accepts them all.

    `record` may block (it writes to a table), so it runs in a thread. What it raises is not a message's
    fault and reaches the caller. Expired messages are recorded as well: the page is for finding out.
    """

    name = "console"

    def __init__(self, record: Callable[[Sequence[Message]], None]) -> None:
        self._record = record

    async def send(self, messages: Sequence[Message], *, now: datetime) -> list[SendResult]:
        if messages:
            await asyncio.to_thread(self._record, messages)
        return [SendResult(outcome=Outcome.ACCEPTED, provider_id=str(each.id)) for each in messages]

    async def close(self) -> None:
        pass
