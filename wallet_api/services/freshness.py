"""How fresh the passes on phones are, for managers and for whoever watches the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from wallet_api.services.present import Json
from wallet_api.store import pass_freshness
from wallet_api.store.pass_freshness import BOUNDS_SECONDS, Count
from wallet_api.store.session import Tx

__all__ = ["BOUNDS_SECONDS", "Count", "Freshness", "freshness_of", "late_passes", "overall"]

LATE_AFTER = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """Of all programs: every fetch of a change there has been, and how many passes are late by an hour."""

    fetches: Count
    late: int


def overall(tx: Tx, *, now: datetime) -> Freshness:
    """What Prometheus reads."""
    return Freshness(
        fetches=pass_freshness.count_all(tx), late=pass_freshness.count_late(tx, late_before=now - LATE_AFTER)
    )


def freshness_of(tx: Tx, program: str, *, late_after: timedelta, now: datetime) -> Json:
    """A program's passes on devices, how long changes took to come there in the last day and week, and how many are late."""
    held = pass_freshness.held(tx, program, late_before=now - late_after)
    return {
        "passes": held.passes,
        "devices": held.devices,
        "late_passes": held.late,
        "day": pass_freshness.fetches_since(tx, program, now - DAY),
        "week": pass_freshness.fetches_since(tx, program, now - WEEK),
    }


def late_passes(
    tx: Tx, program: str, *, late_after: timedelta, before: UUID | None, limit: int, now: datetime
) -> list[Json]:
    """The passes that changed so long ago, and that devices have not fetched since: those of the newest cards first."""
    rows = pass_freshness.late(tx, program, late_before=now - late_after, before=before, limit=limit)
    return [
        {
            "card_id": row.card_id,
            "member_id": row.member_id,
            "platform": "apple",
            "devices": row.devices,
            "stale_since": row.since,
            "pushed_at": row.pushed_at,
        }
        for row in rows
    ]
