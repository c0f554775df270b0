"""What runs by the clock: Procrastinate jobs, with PostgreSQL as their broker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from threading import Lock
from typing import Any

import procrastinate
import structlog
from procrastinate import builtin_tasks
from procrastinate.jobs import Status

from wallet_api.jobs import pass_updates, post_due, reminders
from wallet_api.jobs.campaigns import add_campaign_jobs
from wallet_api.jobs.certificates import watch_certificate
from wallet_api.jobs.check_ledger import Check, check_ledger
from wallet_api.jobs.going_on import defer_once
from wallet_api.jobs.post_due import Progress
from wallet_api.jobs.recommend import add_recommendation_jobs
from wallet_api.services.app import App
from wallet_api.services.contest import award_prizes
from wallet_api.services.scheduled_work import CHECK_LEDGER, POST_DUE
from wallet_api.store import idempotency, job_notes, pass_freshness, sql

log = structlog.get_logger(__name__)

REMIND = "remind"
STALLED_AFTER_SECONDS = 60
RUN_SECONDS = 50.0
"""Long work stops after so long and goes on as another job: a worker that is told to stop waits for what is under way."""
AFTER_A_MINUTE = procrastinate.RetryStrategy(max_attempts=10, wait=60)
KEYS_ARE_KEPT = timedelta(days=7)
"""An offline till may come back with a key this old."""
CODES_ARE_KEPT = timedelta(days=1)
FETCHES_ARE_KEPT = timedelta(days=8)
"""A manager asks for a week of them."""


def job_app(
    app: App, database_url: str, *, run_seconds: float = RUN_SECONDS, much: int = post_due.MUCH
) -> procrastinate.App:
    """The jobs of a running Carnet: how long one works at the most, and for how many members it calls others."""
    conninfo = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    jobs = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo))

    _post_every_minute(jobs, app, run_seconds=run_seconds, much=much)
    _check_every_night(jobs, app, run_seconds=run_seconds)
    add_campaign_jobs(jobs, app, run_seconds=run_seconds)
    add_recommendation_jobs(jobs, app, run_seconds=run_seconds)
    _keep_passes_fresh(jobs, app, run_seconds=run_seconds)
    _remind(jobs, app, run_seconds=run_seconds)

    @jobs.periodic(cron="*/10 * * * *")
    @jobs.task(queueing_lock="forget", lock="forget")
    def forget(timestamp: int) -> None:
        """Drop what has been kept long enough."""
        now = app.clock.now()
        with app.db.begin() as tx:
            idempotency.forget(tx, before=now - KEYS_ARE_KEPT)
            sql.run(tx, "DELETE FROM wrong_codes WHERE at < :before", before=now - CODES_ARE_KEPT)
            sql.run(tx, "DELETE FROM sign_in_codes WHERE created_at < :before", before=now - CODES_ARE_KEPT)

    @jobs.periodic(cron="*/10 * * * *")
    @jobs.task(queueing_lock="award_prizes", lock="award_prizes", name="award_prizes")
    def award(timestamp: int) -> None:
        """Decide the contests that are over, and give their prizes."""
        if given := award_prizes(app):
            log.info("prizes are given", prizes=given)

    @jobs.periodic(cron="0 3 * * *")
    @jobs.task(queueing_lock="make_partitions")
    def make_partitions(timestamp: int) -> None:
        """Have a year of monthly partitions ahead."""
        with app.db.begin() as tx:
            sql.run(tx, "SELECT make_partitions(CAST(:today AS date), 13)", today=app.clock.now().date())

    @jobs.periodic(cron="0 8 * * *")
    @jobs.task(queueing_lock="watch_certificate", name="watch_certificate")
    def watch(timestamp: int) -> None:
        """Alarm while there is time to order a new pass certificate."""
        watch_certificate(app)

    @jobs.periodic(cron="* * * * *")
    @jobs.task(queueing_lock="retry_stalled", pass_context=True)
    async def retry_stalled(context: procrastinate.JobContext, timestamp: int) -> None:
        """Run a job again whose worker was killed."""
        stalled = await jobs.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS)
        for job in stalled:
            log.warning("job runs again", job=job.id, task=job.task_name)
            await jobs.job_manager.retry_job(job)

    @jobs.periodic(cron="30 3 * * *")
    @jobs.task(queueing_lock="remove_old_jobs", pass_context=True)
    async def remove_old_jobs(context: procrastinate.JobContext, timestamp: int) -> None:
        """Forget finished jobs after three days."""
        await builtin_tasks.remove_old_jobs(context, max_hours=72, remove_failed=True)

    return jobs


def _post_every_minute(jobs: procrastinate.App, app: App, *, run_seconds: float, much: int) -> None:
    posting = Lock()

    @jobs.periodic(cron="* * * * *")
    @jobs.task(name=POST_DUE, queueing_lock=POST_DUE, pass_context=True)
    async def post(context: procrastinate.JobContext, timestamp: int, noted: object = None) -> None:
        """Write what time has brought; where that is much, other workers are called and share it."""
        if not posting.acquire(blocking=False):
            return  # one run keeps this process busy, and the worker's other place free for other jobs
        try:
            if await asyncio.to_thread(post_due.is_much_due, app, much=much):
                await defer_once(post, timestamp=timestamp)
            done = await asyncio.to_thread(
                post_due.post_all_due,
                app,
                seconds=run_seconds,
                tell=lambda progress: _note_posting(app, context, progress),
            )
        finally:
            posting.release()
        if done.is_cut_short:
            await defer_once(post, timestamp=timestamp)


def _keep_passes_fresh(jobs: procrastinate.App, app: App, *, run_seconds: float) -> None:
    @jobs.periodic(cron="* * * * *")
    @jobs.task(queueing_lock="refresh_passes", lock="refresh_passes")
    async def refresh_passes(timestamp: int) -> None:
        """Look at all passes of a program where the day, its version, its promotions or its locations have changed."""
        if not await asyncio.to_thread(pass_updates.refresh_all, app, seconds=run_seconds):
            await defer_once(refresh_passes, timestamp=timestamp)

    @jobs.periodic(cron="* * * * *")
    @jobs.task(queueing_lock="take_off_ended_messages", lock="take_off_ended_messages", name="take_off_ended_messages")
    async def take_off(timestamp: int) -> None:
        """Take messages whose time is over off the passes."""
        if not await asyncio.to_thread(pass_updates.take_off_ended_messages, app, seconds=run_seconds):
            await defer_once(take_off, timestamp=timestamp)

    @jobs.periodic(cron="*/10 * * * *")
    @jobs.task(queueing_lock="count_fetches", lock="count_fetches")
    def count_fetches(timestamp: int) -> None:
        """Count which changes of passes have been fetched, and forget those of more than a week ago."""
        now = app.clock.now()
        with app.db.begin() as tx:
            pass_freshness.count_up(tx, now=now)
            pass_freshness.forget(tx, before=now - FETCHES_ARE_KEPT)


def _remind(jobs: procrastinate.App, app: App, *, run_seconds: float) -> None:
    @jobs.periodic(cron="*/10 * * * *")
    @jobs.task(name=REMIND, queueing_lock=REMIND, lock=REMIND)
    async def remind(timestamp: int) -> None:
        """Remind members of what is to come; where that takes long, another job goes on."""
        if not await asyncio.to_thread(reminders.remind, app, seconds=run_seconds):
            await defer_once(remind.configure(queueing_lock=f"{REMIND} goes on"), timestamp=timestamp)


def _check_every_night(jobs: procrastinate.App, app: App, *, run_seconds: float) -> None:
    @jobs.periodic(cron="0 4 * * *")
    @jobs.task(
        name=CHECK_LEDGER, lock=CHECK_LEDGER, queueing_lock=CHECK_LEDGER, pass_context=True, retry=AFTER_A_MINUTE
    )
    async def verify(
        context: procrastinate.JobContext,
        timestamp: int,
        so_far: dict[str, Any] | None = None,
        noted: object = None,
    ) -> None:
        """Compare whatever is kept twice, for every member."""
        if so_far is None and await _goes_on(jobs, verify.name):
            log.warning("the last check of the ledger is still under way")
            return
        check = await asyncio.to_thread(
            check_ledger, app, Check.of_json(so_far) if so_far else None, seconds=run_seconds
        )
        if check.ended_at is None:
            # Under a lock of its own: the next night's check may wait already.
            going_on = verify.configure(queueing_lock=f"{CHECK_LEDGER} goes on")
            await defer_once(going_on, timestamp=timestamp, so_far=check.as_json())
        else:
            await asyncio.to_thread(_note, app, context, check.as_json())


async def _goes_on(jobs: procrastinate.App, task: str) -> bool:
    """Whether a job of this task waits that another one has put down its work for."""
    waiting = await jobs.job_manager.list_jobs_async(task=task, status=Status.TODO.value)
    return any("so_far" in job.task_kwargs for job in waiting)


def _note_posting(app: App, context: procrastinate.JobContext, progress: Progress) -> None:
    rate = round(progress.rate, 1)
    if progress.members or progress.due:
        log.info(
            "time is written",
            members=progress.members,
            failed=progress.failed,
            due=progress.due,
            seconds=round(progress.seconds, 1),
            rate=rate,
        )
    _note(app, context, {"members": progress.members, "failed": progress.failed, "rate": rate})


def _note(app: App, context: procrastinate.JobContext, facts: Mapping[str, object]) -> None:
    assert context.job.id is not None
    with app.db.begin() as tx:
        job_notes.note(tx, context.job.id, facts)
