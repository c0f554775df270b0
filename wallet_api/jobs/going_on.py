"""Work that goes on as another job."""

from __future__ import annotations

import contextlib
from typing import Any

from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import JobDeferrer
from procrastinate.tasks import Task


async def defer_once(task: Task[..., Any, Any] | JobDeferrer, **arguments: Any) -> None:
    """Put a job into the queue, unless one like it waits there already."""
    with contextlib.suppress(AlreadyEnqueued):
        await task.defer_async(**arguments)
