"""What follows from what has been posted: a tier reached, blocks that are full, goals that are met.

Each may bring the next (a challenge's units fill a card, its gift lifts a tier), so they are looked at until nothing
follows any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from wallet_api.domain import challenges, conversions, standing
from wallet_api.domain.posting import Posting

MOST_ROUNDS: Final = 20
"""A program whose gifts reach the goal that gives them would go on for ever; its definition is refused, and this holds."""


def follow(posting: Posting, *, at: datetime, now: datetime) -> None:
    """Post what follows at the instant of an event, as tiers stand now."""
    for _ in range(MOST_ROUNDS):
        before = posting.state
        standing.promote(posting, at=at, now=now)
        conversions.convert_at_once(posting, at=at)
        challenges.check(posting, at=at)
        if posting.state is before:
            return
