"""Two or more real threads that start at the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from wallet_api.domain.errors import Refusal
from wallet_api.store import sql
from wallet_api.store.session import Database

T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | Refusal]:
    """What each call gave or was refused with; anything else that goes wrong is raised."""
    start = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | Refusal:
        start.wait(timeout=10)
        try:
            return call()
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return [future.result(timeout=30) for future in [pool.submit(run, call) for call in calls]]


def wait_for_a_lock(db: Database) -> None:
    """Until a transaction on this database waits for a lock of another one."""
    waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while True:
        with db.read() as tx:
            if sql.first(tx, waits) is not None:
                return
        time.sleep(0.01)
