"""What sends deliveries of one channel, and what it says of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from passes.delivery import PushResult
from wallet_api.store.deliveries import Delivery
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a delivery: `outcome` is accepted, gone, rejected, misconfigured or later."""

    outcome: str
    detail: str = ""
    provider_id: str | None = None
    retry_after: int | None = None
    gone_since: datetime | None = None


class Sender(Protocol):
    """Sends deliveries of one channel, with no transaction open."""

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        """One result a delivery, in their order."""

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        """Drop a target that is gone."""

    async def close(self) -> None:
        """Close the connections."""


def wallet_result(answer: PushResult) -> Result:
    """What a wallet's server answered."""
    return Result(
        outcome=answer.outcome.value,
        detail=answer.reason or "",
        retry_after=answer.retry_after,
        gone_since=answer.gone_since,
    )
