"""The time as a value that is handed down: read once per use case, never inside the domain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Says what time it is, as an aware time in UTC."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that stands still until it is moved, for tests, journeys and simulations."""

    def __init__(self, now: datetime) -> None:
        self.set(now)

    def now(self) -> datetime:
        """The moment that was set last, aware and in UTC."""
        return self._now

    def set(self, now: datetime) -> None:
        """Move to this moment. Refuses a naive time with ValueError."""
        if now.tzinfo is None:
            raise ValueError(f"A clock needs an aware time, not {now.isoformat()}.")
        self._now = now.astimezone(UTC)

    def advance(self, by: timedelta) -> datetime:
        """Move on by this much, and say what time it is then."""
        self._now += by
        return self._now
