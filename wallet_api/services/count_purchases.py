"""Bringing up to date what is kept of purchases for segments."""

from __future__ import annotations

import time

from wallet_api.services.app import App
from wallet_api.store import history, programs, purchases

MEMBERS_A_BATCH = 1_000


def count_purchases(app: App, *, seconds: float | None = None, batch: int = MEMBERS_A_BATCH) -> int:
    """Count the purchases of all who have bought or returned something since; how many members that were.

    After so many seconds the rest waits for the next run.
    """
    start, members = time.monotonic(), 0
    with app.db.begin() as tx:
        purchases.note_news(tx)
    with app.db.read() as tx:
        zones = {program: app.current_definition(tx, program).time_zone for program in programs.program_ids(tx)}
    while seconds is None or time.monotonic() < start + seconds:
        with app.db.begin() as tx:
            history.commit_later(tx)
            taken = purchases.take(tx, limit=batch)
            if taken:
                purchases.count(tx, taken, zones=zones)
        members += len(taken)
        if len(taken) < batch:
            break
    return members
