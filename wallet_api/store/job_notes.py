"""What jobs note of their work in their own rows, so that every process can tell how they are doing.

A note lives as long as its job does: three days after it has ended (`remove_old_jobs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wallet_api.store import sql
from wallet_api.store.session import Tx, json_text


def note(tx: Tx, job_id: int, facts: Mapping[str, object]) -> None:
    """Note how far a job has come, in place of what it noted before; a job that runs again finds its arguments as they were."""
    sql.run(
        tx,
        "UPDATE procrastinate_jobs SET args = args || jsonb_build_object('noted', CAST(:facts AS jsonb)) WHERE id = :id",
        facts=json_text(facts),
        id=job_id,
    )


def of_runs(tx: Tx, task: str) -> list[Mapping[str, Any]]:
    """What the jobs of a task noted that run now; where none runs, what the last one did."""
    rows = sql.every(
        tx,
        """
        SELECT args -> 'noted' AS noted FROM procrastinate_jobs
        WHERE task_name = :task AND args ? 'noted' AND (status = 'doing' OR id = (
          SELECT max(id) FROM procrastinate_jobs WHERE task_name = :task AND args ? 'noted'
          AND NOT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = :task AND args ? 'noted' AND status = 'doing')))
        """,
        task=task,
    )
    return [row.noted for row in rows]


def last(tx: Tx, task: str) -> Mapping[str, Any] | None:
    """What a job of a task noted last."""
    row = sql.first(
        tx,
        """
        SELECT args -> 'noted' AS noted FROM procrastinate_jobs WHERE task_name = :task AND args ? 'noted'
        ORDER BY id DESC LIMIT 1
        """,
        task=task,
    )
    return row.noted if row else None
