"""Push messages, e-mail and text messages; what has no provider is kept by the console channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from notifications.channels import Channel
from notifications.channels.console import ConsoleChannel
from notifications.message import Message
from wallet_api.jobs.senders.sender import Result
from wallet_api.services.app import App
from wallet_api.store import deliveries
from wallet_api.store.deliveries import Delivery
from wallet_api.store.session import Tx


def console(app: App, channel: str) -> ConsoleChannel:
    """The channel that keeps what would have gone out, for the demo's outbox."""

    def record(messages: Sequence[Message]) -> None:
        kept = [
            {
                "id": message.id,
                "channel": channel,
                "recipient": message.to,
                "title": message.title,
                "body": message.body,
                "code": message.data.get("code"),
            }
            for message in messages
        ]
        with app.db.begin() as tx:
            deliveries.add_console_messages(tx, kept, now=app.clock.now())

    return ConsoleChannel(record)


class MessageSender:
    """Push messages and e-mail."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        """Send what a member reads."""
        results = await self._channel.send([_message(delivery) for delivery in leased], now=now)
        return [
            Result(
                outcome=result.outcome.value,
                detail=result.detail,
                provider_id=result.provider_id,
                retry_after=result.retry_after,
            )
            for result in results
        ]

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        """The app is gone from this phone."""
        if delivery.device_id is not None:
            deliveries.forget_device(tx, delivery.device_id, now=now)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


def _message(delivery: Delivery) -> Message:
    return Message(
        id=delivery.message_id,
        kind=delivery.kind,
        to=delivery.target,
        title=delivery.title or "",
        body=delivery.body or "",
        locale=delivery.locale,
        collapse_key=delivery.collapse_key,
        expires_at=delivery.expires_at,
        data=delivery.data,
    )
