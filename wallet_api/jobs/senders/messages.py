"""Push messages, e-mail and text messages; what has no provider is kept by the console channel."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from notifications.channels import Channel
from notifications.channels.console import ConsoleChannel
from notifications.message import Brand, Message
from wallet_api.domain.messages import MessageClass
from wallet_api.jobs.senders.sender import Result
from wallet_api.services.app import App
from wallet_api.services.unsubscribe import Subscription, link_to_end
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
        results = await self._channel.send(await self._messages(leased), now=now)
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

    async def _messages(self, leased: Sequence[Delivery]) -> list[Message]:
        return [_message(delivery) for delivery in leased]


class MailSender(MessageSender):
    """E-mail, in the program's colours, and with a link that ends it."""

    def __init__(self, app: App, channel: Channel) -> None:
        super().__init__(channel)
        self._app = app

    async def _messages(self, leased: Sequence[Delivery]) -> list[Message]:
        brands = await asyncio.to_thread(self._brands, {delivery.program_id for delivery in leased})
        return [
            replace(
                _message(delivery),
                brand=brands.get(delivery.program_id),
                unsubscribe_url=self._link(delivery),
            )
            for delivery in leased
        ]

    def _brands(self, programs: Collection[str]) -> dict[str, Brand]:
        base = self._app.settings.base_url
        with self._app.db.read() as tx:
            looks = {program: self._app.current_definition(tx, program).brand for program in programs}
        return {
            program: Brand(
                name=brand.name,
                background=brand.colours.background,
                text=brand.colours.text,
                logo_url=f"{base}/v1/programs/{program}/logo.png" if brand.logo else "",
                url=f"{base}/card/{program}",
            )
            for program, brand in looks.items()
        }

    def _link(self, delivery: Delivery) -> str | None:
        """None for sign-in codes, which nobody can do without who asks for one."""
        if delivery.member_id is None or delivery.message_class == MessageClass.CODE:
            return None
        subscription = Subscription(member_id=delivery.member_id, message_class=MessageClass(delivery.message_class))
        return link_to_end(self._app.settings, subscription)


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
