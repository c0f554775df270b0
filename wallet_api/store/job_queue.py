"""Putting a job into Procrastinate's queue with the transaction that it belongs to: both are there, or neither."""

from __future__ import annotations

from collections.abc import Mapping

from wallet_api.store import sql
from wallet_api.store.session import Tx, json_text


def defer(tx: Tx, task: str, arguments: Mapping[str, object]) -> None:
    """Have a worker run a task once this is committed. It wakes the workers, so no till's transaction does it."""
    sql.run(
        tx,
        """
        SELECT procrastinate_defer_jobs_v1(ARRAY[
          ROW('default', :task, 0, NULL, NULL, CAST(:arguments AS jsonb), NULL)]::procrastinate_job_to_defer_v1[])
        """,
        task=task,
        arguments=json_text(dict(arguments)),
    )
