"""What runs by the clock: Procrastinate jobs, with PostgreSQL as their broker."""

from __future__ import annotations

from datetime import timedelta

import procrastinate
import structlog
from procrastinate import builtin_tasks

from wallet_api.jobs.post_due import post_all_due
from wallet_api.services.app import App
from wallet_api.store import idempotency, sql

log = structlog.get_logger(__name__)

STALLED_AFTER_SECONDS = 60
KEYS_ARE_KEPT = timedelta(days=7)
"""An offline till may come back with a key this old."""
CODES_ARE_KEPT = timedelta(days=1)
ALARM_BEFORE = timedelta(days=30)


def job_app(app: App, database_url: str) -> procrastinate.App:
    """The jobs of a running Carnet."""
    conninfo = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    jobs = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo))

    @jobs.periodic(cron="* * * * *")
    @jobs.task(queueing_lock="post_due", lock="post_due")
    def post_due(timestamp: int) -> None:
        """Write what time has brought, member by member."""
        post_all_due(app)

    @jobs.periodic(cron="*/10 * * * *")
    @jobs.task(queueing_lock="forget", lock="forget")
    def forget(timestamp: int) -> None:
        """Drop what has been kept long enough."""
        now = app.clock.now()
        with app.db.begin() as tx:
            idempotency.forget(tx, before=now - KEYS_ARE_KEPT)
            sql.run(tx, "DELETE FROM wrong_codes WHERE at < :before", before=now - CODES_ARE_KEPT)
            sql.run(tx, "DELETE FROM sign_in_codes WHERE created_at < :before", before=now - CODES_ARE_KEPT)

    @jobs.periodic(cron="0 3 * * *")
    @jobs.task(queueing_lock="make_partitions")
    def make_partitions(timestamp: int) -> None:
        """Have a year of monthly partitions ahead."""
        with app.db.begin() as tx:
            sql.run(tx, "SELECT make_partitions(CAST(:today AS date), 13)", today=app.clock.now().date())

    @jobs.periodic(cron="0 8 * * *")
    @jobs.task(queueing_lock="watch_certificate")
    def watch_certificate(timestamp: int) -> None:
        """Alarm while there is time to order a new pass certificate: without one, passes no longer change."""
        if app.apple and app.apple.expires_at < app.clock.now() + ALARM_BEFORE:
            log.error("the pass certificate ends soon", expires_at=app.apple.expires_at.isoformat())

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
