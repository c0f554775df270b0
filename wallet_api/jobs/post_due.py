"""Writing what time has brought: units that expire, tiers to review, gifts, whatever `domain/due.py` knows.

A batch of members is one transaction, so that each of them is done or is not, however a worker ends. Whoever was not done
is still due, and that is all there is to going on: the next run, or another worker at the same time, takes them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog

from wallet_api.services import load_member
from wallet_api.services.app import App
from wallet_api.store import history, members

log = structlog.get_logger(__name__)

MEMBERS_A_BATCH = 100
"""A till that serves one of them waits until the batch is written: a tenth of a second, of the two that it would wait."""

MUCH = 5_000
"""For more members than this one worker needs several seconds."""

TOLD_EVERY_SECONDS = 10.0
FAILURES_MAX = 1_000
"""With so many the fault lies with all of them: a run that goes on would only fill the log."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run has come: members done, members who failed, who are still due, and the seconds that it took.

    `is_cut_short`: it stopped because its time was over.
    """

    members: int = 0
    failed: int = 0
    due: int = 0
    seconds: float = 0.0
    is_cut_short: bool = False

    @property
    def rate(self) -> float:
        """Members a second."""
        return self.members / self.seconds if self.seconds else 0.0


def post_all_due(
    app: App,
    *,
    batch: int = MEMBERS_A_BATCH,
    seconds: float | None = None,
    tell: Callable[[Progress], None] = lambda _: None,
) -> Progress:
    """Write what is due for every member, or for as many as these seconds are enough for; how far it came.

    A member whose posting fails is logged, left as they were, and tried again by the next run. `tell` hears of the
    progress at the start, every ten seconds, and at the end. Raises Busy where the database is away.
    """
    start = told = time.monotonic()
    progress = _count(app, Progress())
    failed: list[UUID] = []
    tell(progress)
    while True:
        now = app.clock.now()
        taken, lost = _post_batch(app, now=now, limit=batch, but=failed)
        failed += lost
        took = time.monotonic() - start
        is_at_its_end = taken == 0 or len(failed) >= FAILURES_MAX
        progress = replace(
            progress,
            members=progress.members + taken - len(lost),
            failed=len(failed),
            seconds=took,
            is_cut_short=not is_at_its_end and seconds is not None and took >= seconds,
        )
        is_over = is_at_its_end or progress.is_cut_short
        if is_over or time.monotonic() >= told + TOLD_EVERY_SECONDS:
            told = time.monotonic()
            progress = _count(app, progress)
            tell(progress)
        if is_over:
            return progress


def is_much_due(app: App, *, much: int = MUCH) -> bool:
    """Whether several workers get done sooner than one."""
    return _count(app, Progress()).due > much


def _count(app: App, progress: Progress) -> Progress:
    with app.db.read() as tx:
        due, _ = members.count_due(tx, now=app.clock.now())
    return replace(progress, due=due)


def _post_batch(app: App, *, now: datetime, limit: int, but: Sequence[UUID]) -> tuple[int, list[UUID]]:
    """Post some members together; how many there were, and who of them is not done."""
    claimed: list[UUID] = []
    try:
        with app.db.begin() as tx:
            history.commit_later(tx)
            claimed = members.claim_due(tx, now=now, limit=limit, but=but)
            load_member.post_time(app, tx, claimed, now=now)
            stuck = members.still_due(tx, claimed, now=now)
    except Exception as fault:
        if not claimed:
            raise
        log.warning("members posted one by one", members=len(claimed), fault=type(fault).__name__)
        return len(claimed), [member_id for member_id in claimed if not _is_posted(app, member_id, now=now)]
    for member_id in stuck:
        log.error("member is due again at once", member=str(member_id))
    return len(claimed), stuck


def _is_posted(app: App, member_id: UUID, *, now: datetime) -> bool:
    """Post one member alone; whether it went well, or somebody else has done it or is about to."""
    try:
        with app.db.begin() as tx:
            history.commit_later(tx)
            if members.claim_if_due(tx, member_id, now=now):
                load_member.post_time(app, tx, [member_id], now=now)
                return not members.still_due(tx, [member_id], now=now)
    except Exception as fault:  # noqa: BLE001 whatever it is, the others must not wait for this one
        log.error("posting failed", member=str(member_id), fault=type(fault).__name__)  # noqa: TRY400 the message may hold names
        return False
    return True
