"""The jobs of recommendations: what is bought together, every hour, and what that means for each member, every night."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import procrastinate
import structlog

from wallet_api.jobs.going_on import defer_once
from wallet_api.services.app import App
from wallet_api.services.recommend import MEMBERS_A_BATCH, all_programs, keep_for_members, work_out_items

log = structlog.get_logger(__name__)


def add_recommendation_jobs(
    jobs: procrastinate.App, app: App, *, run_seconds: float, batch: int = MEMBERS_A_BATCH
) -> None:
    """Add them to the jobs of a worker; the nightly one works so long at the most and goes on as another one."""

    @jobs.periodic(cron="40 * * * *")
    @jobs.task(queueing_lock="work_out_items", lock="work_out_items", name="work_out_items")
    async def work_out(timestamp: int) -> None:
        """Work out what is bought together and what is popular; one program after the other, each in one go."""
        for program in await asyncio.to_thread(all_programs, app):
            start = time.monotonic()
            members = await asyncio.to_thread(work_out_items, app, program)
            log.info(
                "items are worked out", program=program, members=members, seconds=round(time.monotonic() - start, 1)
            )

    @jobs.periodic(cron="10 2 * * *")
    @jobs.task(queueing_lock="recommend", lock="recommend", name="recommend")
    async def recommend(timestamp: int, program: str = "", after: str | None = None) -> None:
        """Keep for segments what members are recommended; goes on as another job, after the last member, in time."""
        end = time.monotonic() + run_seconds
        for each in await asyncio.to_thread(all_programs, app):
            if each < program:
                continue
            begin = UUID(after) if after and each == program else None
            left = max(end - time.monotonic(), 0)
            reached = await asyncio.to_thread(keep_for_members, app, each, after=begin, seconds=left, batch=batch)
            if reached is not None:
                going_on = recommend.configure(queueing_lock="recommend goes on")
                await defer_once(going_on, timestamp=timestamp, program=each, after=str(reached))
                return
        log.info("members have their recommendations")
