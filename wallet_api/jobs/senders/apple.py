"""Waking the devices that hold a pass in Apple Wallet."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

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
        # The token that APNs refused: the device may have registered with another one since.
        self._refused: dict[UUID, str] = {}

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        """Tell each device to ask what has changed; one that has unregistered meanwhile needs no push."""
        tokens = await asyncio.to_thread(self._wake, leased, now)
        awake = [token for token in tokens if token is not None]
        answers = iter(await self._client.push(awake, now=now))
        results = [Result(outcome="gone") if token is None else wallet_result(next(answers)) for token in tokens]
        self._refused = {
            delivery.id: token
            for delivery, token, result in zip(leased, tokens, results, strict=True)
            if token is not None and result.outcome == "gone"
        }
        return results

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        """The device is gone, unless it has registered anew since."""
        token = self._refused.get(delivery.id)
        if token is not None:
            passes.forget_apple_device(
                tx,
                device_id=delivery.target,
                pass_type_id=delivery.data["pass_type_id"],
                push_token=token,
                gone_since=result.gone_since,
            )

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    def _wake(self, leased: Sequence[Delivery], now: datetime) -> list[str | None]:
        """Where to wake each device; from now on the next push to it waits, whatever becomes of this one."""
        devices = [(delivery.target, delivery.data["pass_type_id"]) for delivery in leased]
        with self._app.db.begin() as tx:
            tokens = passes.wake(tx, devices, now=now)
        return [tokens.get(device) for device in devices]
