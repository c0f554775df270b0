"""Messages on wallet passes, where the lock screen shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from wallet_api.jobs.senders.sender import Result, Sender
from wallet_api.services.app import App
from wallet_api.store import locks, passes
from wallet_api.store.deliveries import Delivery
from wallet_api.store.passes import NewPassMessage, Put
from wallet_api.store.session import Tx

APPLE, GOOGLE = "apple", "google"
NO_GOOGLE = Result(outcome="later", detail="Google Wallet is not set up")


class WalletSender:
    """Puts a message on a pass: a delivery's target is the wallet and the card, `apple:…` or `google:…`.

    Apple's pass carries the text itself, and its phones are woken as by any other change of the pass. Google is sent the
    message, by the sender of its objects.
    """

    def __init__(self, app: App, google: Sender | None) -> None:
        self._app, self._google = app, google

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        """One result a message; Apple's is accepted once it stands on the pass."""
        on = {wallet: [each for each in leased if _wallet(each) == wallet] for wallet in (APPLE, GOOGLE)}
        done = await asyncio.gather(
            asyncio.to_thread(self._put, on[APPLE], now), self._tell_google(on[GOOGLE], now=now)
        )
        of = {
            each.id: result
            for deliveries, results in zip(on.values(), done, strict=True)
            for each, result in zip(deliveries, results, strict=True)
        }
        return [of[each.id] for each in leased]

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        """Who has thrown the pass away has said so to the web service, or to Google."""

    async def close(self) -> None:
        """The connections are those of the senders of updates."""

    def _put(self, deliveries: Sequence[Delivery], now: datetime) -> list[Result]:
        if not deliveries:
            return []
        if self._app.apple is None or self._app.apple.at(now) is None:
            return [Result(outcome="misconfigured", detail="no pass certificate is valid")] * len(deliveries)
        # A push may wait for the pause after the one before, and the phone wants time to fetch.
        pause = 2 * timedelta(seconds=self._app.settings.apple_push_pause_seconds)
        first: dict[UUID, Delivery] = {}  # of several for one pass, the others come after a pause
        for delivery in deliveries:
            first.setdefault(_card(delivery), delivery)
        new = [
            NewPassMessage(card_id=card, notification_id=UUID(each.data["message"]), until=each.expires_at)
            for card, each in first.items()
        ]
        with self._app.db.begin() as tx:
            locks.passes(tx, first)
            put = passes.put_messages(tx, new, pause=pause, now=now)
        later = Result(outcome="later", detail="another message has just come", retry_after=int(pause.total_seconds()))
        return [_result(put[_card(each)], later=later) if first[_card(each)] is each else later for each in deliveries]

    async def _tell_google(self, deliveries: Sequence[Delivery], *, now: datetime) -> list[Result]:
        if not deliveries or self._google is None:
            return [NO_GOOGLE] * len(deliveries)
        return await self._google.send([replace(each, target=str(_card(each))) for each in deliveries], now=now)


def _wallet(delivery: Delivery) -> str:
    return delivery.target.partition(":")[0]


def _card(delivery: Delivery) -> UUID:
    return UUID(delivery.target.partition(":")[2])


def _result(put: Put, *, later: Result) -> Result:
    if put.is_there:
        return Result(outcome="accepted")
    return later if put.is_held else Result(outcome="gone", detail="no device holds the pass")
