"""The jobs of segments and campaigns: counting what was bought, and sending."""

from __future__ import annotations

import asyncio
import time
from threading import Event, Lock

import procrastinate
import structlog

from wallet_api.jobs.going_on import defer_once
from wallet_api.services.app import App
from wallet_api.services.campaigns import WALK
from wallet_api.services.count_purchases import count_purchases
from wallet_api.services.walk_campaigns import walk_campaigns

log = structlog.get_logger(__name__)


def add_campaign_jobs(jobs: procrastinate.App, app: App, *, run_seconds: float) -> None:
    """Add them to the jobs of a worker; one works so long at the most and goes on as another one."""
    walking, wanted = Lock(), Event()

    @jobs.periodic(cron="* * * * *")
    @jobs.task(name=WALK)
    async def walk(timestamp: int) -> None:
        """Send the campaigns that run; begun every minute, and at once when a manager sends one.

        Several workers share a campaign. One that was killed is not missed: what it held is free, and in a minute's
        time at the latest another run goes on.
        """
        wanted.set()
        if not walking.acquire(blocking=False):
            return  # the run that is under way looks again; the worker's other places stay free
        is_done = True
        try:
            while is_done and wanted.is_set():
                wanted.clear()
                is_done = await asyncio.to_thread(walk_campaigns, app, seconds=run_seconds)
        finally:
            walking.release()
        if not is_done:
            await defer_once(walk, timestamp=timestamp)

    @jobs.periodic(cron="* * * * *")
    @jobs.task(queueing_lock="count_purchases", lock="count_purchases", name="count_purchases")
    async def count(timestamp: int) -> None:
        """Bring up to date what segments know of purchases."""
        start = time.monotonic()
        if members := await asyncio.to_thread(count_purchases, app, seconds=run_seconds):
            log.info("purchases are counted", members=members)
        if time.monotonic() >= start + run_seconds:
            await defer_once(count, timestamp=timestamp)
