"""When, how often and by which way messages go out, and what members are reminded of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from fractions import Fraction

from wallet_api.domain.definition.basics import Span


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """The hours of a local day in which nothing is sent, from the first to the second; over midnight if that is earlier."""

    begin: time
    end: time


@dataclass(frozen=True, kw_only=True)
class Sending:
    """How messages go out: `channels` by kind (none: that kind is off), the most marketing a day and a week.

    `hold_out`: the share of members who get no marketing at all, so that its worth can be told.
    """

    quiet_hours: QuietHours | None = None
    per_day: int | None = None
    per_week: int | None = None
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hold_out: Fraction = Fraction(0)


@dataclass(frozen=True, kw_only=True)
class Reminders:
    """What members are reminded of, and how long before (or after); None: they are not."""

    points_expiring: Span | None = None
    voucher_expiring: Span | None = None
    tier_ending: Span | None = None
    birthday: Span | None = None
    win_back: Span | None = None
