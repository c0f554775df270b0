"""Delivering: lease, commit, send with no transaction open, mark."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import structlog

from notifications.backoff import next_try
from wallet_api.domain.governor import Quiet, Reason
from wallet_api.jobs.senders import Result, Sender
from wallet_api.services.app import App
from wallet_api.store import deliveries
from wallet_api.store.deliveries import LEASE, Delivery, Marked

log = structlog.get_logger(__name__)

ALARM_PAUSE = timedelta(minutes=5)
"""How long a channel rests whose keys or settings are refused: the queue is kept, not burnt."""

DELIVERIES_A_BATCH = 500
ZONES_KEPT = 10_000


@dataclass(kw_only=True)
class Line:
    """One channel as this worker works it; until `rests_until` it sends nothing, because its keys were refused."""

    channel: str
    sender: Sender
    rests_until: datetime | None = None


async def deliver(app: App, line: Line, *, limit: int = DELIVERIES_A_BATCH) -> int:
    """Send the deliveries of one channel that are due; how many there were."""
    now = app.clock.now()
    if line.rests_until is not None and now < line.rests_until:
        return 0
    leased, put_off = await asyncio.to_thread(_lease, app, line.channel, now, limit)
    if leased:
        results = await line.sender.send(leased, now=now)
        if _is_refused_altogether(results):
            line.rests_until = app.clock.now() + ALARM_PAUSE
            log.error("channel rests: it refuses our keys or settings", channel=line.channel, why=results[0].detail)
        await asyncio.to_thread(_mark, app, line.sender, leased, results)
    return len(leased) + put_off


def _lease(app: App, channel: str, now: datetime, limit: int) -> tuple[list[Delivery], int]:
    """Deliveries to send now, and how many others were put off or ended."""
    with app.db.begin() as tx:
        taken = deliveries.lease(tx, channel, now=now, limit=limit)
        others = [marked for delivery in taken if (marked := _not_now(delivery, now=now))]
        if others:
            deliveries.mark(tx, others, now=now)
    ids = {marked.delivery.id for marked in others}
    return [delivery for delivery in taken if delivery.id not in ids], len(others)


def _not_now(delivery: Delivery, *, now: datetime) -> Marked | None:
    """The last look before sending: what has changed since the message was filed ends it or puts it off."""
    if delivery.is_device_gone:
        return Marked(delivery=delivery, status="gone", reason=Reason.DEVICE_GONE, is_try=False)
    if delivery.is_mailbox_dead:
        return Marked(delivery=delivery, status="gone", reason=Reason.NO_ADDRESS, is_try=False)
    if delivery.is_unwanted:
        return Marked(delivery=delivery, status="withheld", reason=Reason.NO_CONSENT, is_try=False)
    if delivery.expires_at <= now:
        return Marked(delivery=delivery, status="late", reason=Reason.EXPIRED, is_try=False)
    # What is leased may be sent at any time of the lease.
    at = _outside_quiet_hours(delivery, now, margin=LEASE)
    if at == now:
        return None
    if at >= delivery.expires_at:
        return Marked(delivery=delivery, status="withheld", reason=Reason.QUIET_HOURS_PAST_ITS_END, is_try=False)
    return Marked(delivery=delivery, status="waiting", next_try_at=at, is_try=False)


def _outside_quiet_hours(delivery: Delivery, at: datetime, *, margin: timedelta) -> datetime:
    return at if delivery.quiet is None else _quiet(delivery.quiet).after(at, margin=margin)


@lru_cache(maxsize=ZONES_KEPT)
def _quiet(text: str) -> Quiet:
    return Quiet.read(text)


def _is_refused_altogether(results: Sequence[Result]) -> bool:
    outcomes = {result.outcome for result in results}
    return "misconfigured" in outcomes and "accepted" not in outcomes


def _mark(app: App, sender: Sender, leased: Sequence[Delivery], results: Sequence[Result]) -> None:
    now = app.clock.now()
    marked = [_verdict(delivery, result, now=now) for delivery, result in zip(leased, results, strict=True)]
    with app.db.begin() as tx:
        for delivery, result in zip(leased, results, strict=True):
            if result.outcome == "gone":
                sender.forget(tx, delivery, result, now=now)
        deliveries.mark(tx, marked, now=now)


def _verdict(delivery: Delivery, result: Result, *, now: datetime) -> Marked:
    """The delivery's next status, and when it is tried again."""
    status, again, reason, is_try = "waiting", None, None, True
    match result.outcome:
        case "accepted":
            status = "accepted"
        case "gone":
            status, reason = "gone", Reason.DEVICE_GONE
        case "rejected":
            log.warning("dead letter", delivery=str(delivery.id), kind=delivery.kind, why=result.detail)
            status, reason = "dead", Reason.REFUSED
        case "misconfigured":
            log.error("channel refused our keys or settings", delivery=str(delivery.id), why=result.detail)
            again, is_try = now + ALARM_PAUSE, False
        case _:
            again = next_try(delivery.attempts, now=now, retry_after=result.retry_after, random=random.random)
    if again is not None:
        again = _outside_quiet_hours(delivery, again, margin=LEASE)
        if again >= delivery.expires_at:
            status, again, reason = "late", None, Reason.EXPIRED
    return Marked(
        delivery=delivery,
        status=status,
        next_try_at=again,
        provider_id=result.provider_id,
        detail=result.detail or None,
        reason=reason,
        is_try=is_try,
    )
