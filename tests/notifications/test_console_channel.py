import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import pytest

from notifications import Message, Outcome
from notifications.channels import Channel
from notifications.channels.console import ConsoleChannel


def test_the_console_records_and_accepts_everything(message: Callable[..., Message], now: datetime) -> None:
    recorded: list[Message] = []
    channel: Channel = ConsoleChannel(recorded.extend)
    sent = [message("alices-phone"), message("bob@example.test")]

    results = asyncio.run(channel.send(sent, now=now))

    assert recorded == sent
    assert [result.outcome for result in results] == [Outcome.ACCEPTED, Outcome.ACCEPTED]
    assert [result.provider_id for result in results] == [str(each.id) for each in sent]


def test_a_record_that_fails_reaches_the_caller(message: Callable[..., Message], now: datetime) -> None:
    def full_disk(_messages: Sequence[Message]) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        asyncio.run(ConsoleChannel(full_disk).send([message("alices-phone")], now=now))
