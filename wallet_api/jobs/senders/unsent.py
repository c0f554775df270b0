"""Where updates go for a wallet's account that its maker does not know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wallet_api.jobs.senders.sender import Result
from wallet_api.store.deliveries import Delivery
from wallet_api.store.session import Tx


class Unsent:
    """Takes every delivery and sends none: the account is one for development."""

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        """Say of each that it was taken."""
        return [Result(outcome="accepted", detail="development")] * len(leased)

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        """Nobody is ever gone."""

    async def close(self) -> None:
        """There is nothing to close."""
