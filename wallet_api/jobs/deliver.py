"""Delivering: lease, commit, send with no transaction open, mark."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from notifications.backoff import next_try
from wallet_api.jobs.senders import Result, Sender
from wallet_api.services.app import App
from wallet_api.store import deliveries
from wallet_api.store.deliveries import Delivery

log = structlog.get_logger(__name__)

ALARM_PAUSE = timedelta(minutes=5)
"""How long a channel rests whose keys or settings are refused: the queue is kept, not burnt."""


async def deliver(app: App, channel: str, sender: Sender, *, limit: int = 200) -> int:
    """Send the deliveries of one channel that are due; how many there were."""
    now = app.clock.now()
    leased = await asyncio.to_thread(_lease, app, channel, now, limit)
    if leased:
        results = await sender.send(leased, now=now)
        await asyncio.to_thread(_mark, app, sender, leased, results)
    return len(leased)


def _lease(app: App, channel: str, now: datetime, limit: int) -> list[Delivery]:
    with app.db.begin() as tx:
        return deliveries.lease(tx, channel, now=now, limit=limit)


def _mark(app: App, sender: Sender, leased: Sequence[Delivery], results: Sequence[Result]) -> None:
    now = app.clock.now()
    with app.db.begin() as tx:
        for delivery, result in zip(leased, results, strict=True):
            if result.outcome == "gone":
                sender.forget(tx, delivery, result, now=now)
            status, again = _verdict(delivery, result, now=now)
            deliveries.mark(
                tx,
                delivery,
                status=status,
                now=now,
                next_try_at=again,
                provider_id=result.provider_id,
                detail=result.detail or None,
            )


def _verdict(delivery: Delivery, result: Result, *, now: datetime) -> tuple[str, datetime | None]:
    """The delivery's next status, and when it is tried again."""
    match result.outcome:
        case "accepted" | "gone":
            return result.outcome, None
        case "rejected":
            log.warning("dead letter", delivery=str(delivery.id), kind=delivery.kind, why=result.detail)
            return "dead", None
        case "misconfigured":
            log.error("channel refused our keys or settings", delivery=str(delivery.id), why=result.detail)
            again = now + ALARM_PAUSE
        case _:
            again = next_try(delivery.attempts, now=now, retry_after=result.retry_after, random=random.random)
    return ("late", None) if again >= delivery.expires_at else ("waiting", again)
