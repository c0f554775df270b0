"""Waking the devices that hold a pass in Apple Wallet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from wallet_api.jobs.senders.apns import Apns
from wallet_api.jobs.senders.sender import Result, wallet_result
from wallet_api.services.app import App
from wallet_api.store import passes
from wallet_api.store.deliveries import Delivery
from wallet_api.store.session import Tx


class AppleSender:
    """Wakes Apple Wallet."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._client = Apns(app)

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        """Tell each device to ask what has changed; one that has unregistered meanwhile needs no push."""
        tokens = await asyncio.to_thread(self._tokens, leased)
        awake = [token for token in tokens if token is not None]
        answers = iter(await self._client.push(awake, now=now))
        return [Result(outcome="gone") if token is None else wallet_result(next(answers)) for token in tokens]

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        """The device is gone, unless it has registered anew since."""
        pass_type_id = delivery.data["pass_type_id"]
        token = passes.push_token(tx, device_id=delivery.target, pass_type_id=pass_type_id)
        if token is not None:
            passes.forget_apple_device(
                tx,
                device_id=delivery.target,
                pass_type_id=pass_type_id,
                push_token=token,
                gone_since=result.gone_since,
            )

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    def _tokens(self, leased: Sequence[Delivery]) -> list[str | None]:
        with self._app.db.read() as tx:
            return [
                passes.push_token(tx, device_id=delivery.target, pass_type_id=delivery.data["pass_type_id"])
                for delivery in leased
            ]
