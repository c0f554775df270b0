"""The nightly check of the ledger, a part at a time: it goes on where it stopped, and holds up no other job for long."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from wallet_api.services.app import App
from wallet_api.services.verify_ledger import MEMBERS_AT_A_TIME, Difference, verify_in_batches

log = structlog.get_logger(__name__)

DIFFERENCES_LOGGED_MAX = 100
"""Of one check; `carnet ledger verify` lists them all."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """How far a check has come: `after` is the last member who was checked, `ended_at` when it was complete."""

    members: int = 0
    differences: int = 0
    after: UUID | None = None
    ended_at: datetime | None = None

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Check:
        """A check that was put down."""
        after, ended_at = value["after"], value["ended_at"]
        return cls(
            members=value["members"],
            differences=value["differences"],
            after=UUID(after) if after else None,
            ended_at=datetime.fromisoformat(ended_at) if ended_at else None,
        )

    def as_json(self) -> dict[str, int | str | None]:
        """To be put down, and to go on from."""
        return {
            "members": self.members,
            "differences": self.differences,
            "after": str(self.after) if self.after else None,
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
        }


def check_ledger(
    app: App, so_far: Check | None = None, *, seconds: float | None = None, batch_size: int = MEMBERS_AT_A_TIME
) -> Check:
    """Check the ledgers of all members, or of as many more as these seconds are enough for; how far it came.

    Each difference is logged as an error, with the ids and the law. Raises Busy where the database is away.
    """
    start = time.monotonic()
    check = so_far or Check()
    for batch in verify_in_batches(app, after=check.after, limit=batch_size):
        for number, difference in enumerate(batch.differences, check.differences + 1):
            _alarm(difference, number=number)
        check = replace(
            check,
            members=check.members + batch.members,
            differences=check.differences + len(batch.differences),
            after=batch.last,
            ended_at=None if batch.last else app.clock.now(),
        )
        if check.ended_at is None and seconds is not None and time.monotonic() >= start + seconds:
            break
    log.info(
        "ledger checked", members=check.members, differences=check.differences, complete=check.ended_at is not None
    )
    return check


def _alarm(difference: Difference, *, number: int) -> None:
    if number <= DIFFERENCES_LOGGED_MAX:
        member = str(difference.member_id) if difference.member_id else None
        log.error("the ledger does not agree", member=member, law=difference.law, detail=difference.detail)
    elif number == DIFFERENCES_LOGGED_MAX + 1:
        log.error("more differences than are logged; `carnet ledger verify` lists them all")
