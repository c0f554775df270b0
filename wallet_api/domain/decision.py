"""What a decision says is to be written, and the state after it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from wallet_api.domain.events import Why
from wallet_api.domain.state import MemberState, Take


class EntryKind(enum.StrEnum):
    """The kinds of ledger rows."""

    EARN = "earn"
    BONUS = "bonus"
    REDEEM = "redeem"
    HOLD = "hold"
    RELEASE = "release"
    ADJUST = "adjust"
    EXPIRE = "expire"
    REVERSAL = "reversal"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One immutable ledger row: `amount` smallest steps, signed; `why` holds the facts that explain it.

    An entry that opens a lot says when that expires and until when it is pending.
    """

    id: UUID
    unit: str
    kind: EntryKind
    amount: int
    occurred_at: datetime
    source_id: UUID | None
    rule: str | None = None
    reverses: UUID | None = None
    takes: tuple[Take, ...] = ()
    why: Why = field(default_factory=dict)
    expires_at: datetime | None = None
    usable_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Earned:
    """What one rule gave for an event: perhaps nothing, but always with the reason."""

    rule: str
    unit: str
    amount: int
    why: Why


@dataclass(frozen=True, kw_only=True)
class TierChange:
    """A member's tier went from one to another (or to a later end), and why."""

    previous: str | None
    tier: str
    since: date
    until: date | None
    at: datetime
    reason: Why

    @property
    def is_kept(self) -> bool:
        """Whether only the end has moved."""
        return self.previous == self.tier


@dataclass(frozen=True, kw_only=True)
class Discount:
    """What a voucher for a reward, or a member price (no voucher), took off a sale, in minor units."""

    voucher_id: UUID | None
    reward: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that others are told of after the commit: its kind and its facts (JSON values)."""

    kind: str
    facts: Why


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The outcome of one event: `before` and `after`, the entries between them, and what to tell whom.

    `net` is what is paid in money for each line of a sale, after discounts and units; `by_units` what units pay of each,
    `free` how many pieces of each are a reward; `refund` is what a return or a cancellation gives back, `charge` what a
    plan costs, `shipping` what shipping does (None: the program does not say), in minor units; `kept` is the part of
    each line that returns have left; `tier` and `membership` are those at which a sale earned; `is_allowed`: whether the
    member may buy all of its lines; `voucher_id`: the voucher that a redemption gave.
    """

    before: MemberState
    after: MemberState
    entries: tuple[Entry, ...] = ()
    earned: tuple[Earned, ...] = ()
    tier_changes: tuple[TierChange, ...] = ()
    discounts: tuple[Discount, ...] = ()
    notices: tuple[Notice, ...] = ()
    net: tuple[int, ...] = ()
    kept: tuple[Fraction, ...] = ()
    paid: int = 0
    refund: int = 0
    tier: str | None = None
    membership: str = "none"
    by_units: tuple[int, ...] = ()
    free: tuple[int, ...] = ()
    charge: int | None = None
    shipping: int | None = None
    is_allowed: bool = True
    voucher_id: UUID | None = None
