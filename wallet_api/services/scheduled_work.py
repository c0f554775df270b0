"""How the scheduled work is doing, for whoever watches: from the database, so that every process tells the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from wallet_api.store import job_notes, members
from wallet_api.store.session import Tx

POST_DUE = "post_due"
CHECK_LEDGER = "check_ledger"
"""The names of the tasks whose notes are read here."""


@dataclass(frozen=True, kw_only=True)
class Posting:
    """What time has brought: who is due and for how long, and what the runs under way, or the last run, have done."""

    due: int
    due_for: timedelta
    members: int
    failed: int
    rate: float


@dataclass(frozen=True, kw_only=True)
class LastCheck:
    """The last complete check of the ledger."""

    members: int
    differences: int
    ended_at: datetime


def posting(tx: Tx, *, now: datetime) -> Posting:
    """How posting what is due is doing."""
    due, since = members.count_due(tx, now=now)
    runs = job_notes.of_runs(tx, POST_DUE)
    return Posting(
        due=due,
        due_for=now - since if since else timedelta(),
        members=sum(run["members"] for run in runs),
        failed=sum(run["failed"] for run in runs),
        rate=sum(run["rate"] for run in runs),
    )


def last_check(tx: Tx) -> LastCheck | None:
    """What the last complete check found; None where there has been none in the last days."""
    noted = job_notes.last(tx, CHECK_LEDGER)
    if noted is None:
        return None
    return LastCheck(
        members=noted["members"],
        differences=noted["differences"],
        ended_at=datetime.fromisoformat(noted["ended_at"]),
    )
