"""What a decision needs to know of a member, as one frozen value."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Lot:
    """The part of an earn that is still unspent (`left` smallest steps), and the instant at which it expires.

    `usable_at`: it is pending until then; None once it can be spent.
    """

    id: UUID
    unit: str
    amount: int
    left: int
    earned_at: datetime
    expires_at: datetime | None
    source_id: UUID | None
    usable_at: datetime | None = None

    def __post_init__(self) -> None:
        assert 0 <= self.left <= self.amount, self


@dataclass(frozen=True, kw_only=True)
class Account:
    """One unit's figures beside its lots.

    `debt` is what a return or an adjustment took beyond the lots; the next earn repays it. `expires_at` is when the
    whole balance goes, in units that expire by inactivity.
    """

    unit: str
    debt: int = 0
    lifetime: int = 0
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The tier that a member holds: since and until which program-local day (`until` is its last; None: no end).

    `counted_from`: the day from which on it is earned again; `uncounted`: how much of that day's measure lifted the
    member, and so does not count. `floor`: the tier below which the member does not
    fall, given by hand, up to the day `floor_until` (None: without end).
    """

    tier: str
    since: date
    until: date | None
    counted_from: date | None = None
    uncounted: int = 0
    floor: str | None = None
    floor_until: date | None = None


class MembershipStatus(enum.StrEnum):
    """Where a paid or verified membership stands."""

    NONE = "none"
    TRIAL = "trial"
    PAID = "paid"
    GRACE = "grace"
    ENDED = "ended"
    PENDING = "pending"
    VERIFIED = "verified"
    LAPSED = "lapsed"


@dataclass(frozen=True, kw_only=True)
class Membership:
    """A paid plan, or a verified profession; days are program-local.

    `until`: the last day of the trial, the paid period, the grace or the verification; None: no end. `charge_on`: the
    day on which a charge is due and no word of the provider has come yet. `anchor`: the day of the first charge, from
    which all renewals are counted, `charges` how many there were; `charged_on`: the day of the last. `is_cancelled`: it
    ends with `until`. `next_plan`: another plan that takes over with the next charge. `free_shippings`: how many since the last charge. `had_trial`: there is no second one.
    """

    status: MembershipStatus = MembershipStatus.NONE
    plan: str | None = None
    until: date | None = None
    charge_on: date | None = None
    anchor: date | None = None
    charges: int = 0
    charged_on: date | None = None
    is_cancelled: bool = False
    free_shippings: int = 0
    had_trial: bool = False
    next_plan: str | None = None
    reminded: bool = False

    @property
    def has_benefits(self) -> bool:
        """Whether its benefits are there now."""
        return self.status in {MembershipStatus.TRIAL, MembershipStatus.PAID, MembershipStatus.VERIFIED}


class VoucherStatus(enum.StrEnum):
    """Where a voucher stands."""

    ISSUED = "issued"
    RESERVED = "reserved"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class RedemptionStatus(enum.StrEnum):
    """Where a redemption stands: held until it is captured, released or its time is up."""

    HELD = "held"
    CAPTURED = "captured"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class Take:
    """So many smallest steps out of one lot."""

    lot_id: UUID
    amount: int


@dataclass(frozen=True, kw_only=True)
class Voucher:
    """The code issued for one redemption; `valid_until` is its last program-local day, None for ever.

    `valid_from`: its first, where it is issued ahead of that day; None: at once.
    """

    id: UUID
    code: str
    reward: str
    quantity: int
    status: VoucherStatus
    issued_at: datetime
    valid_until: date | None
    redemption_id: UUID
    valid_from: date | None = None

    def is_usable(self, today: date) -> bool:
        """Whether it can be used on this day."""
        return self.status is VoucherStatus.ISSUED and (self.valid_from is None or self.valid_from <= today)


@dataclass(frozen=True, kw_only=True)
class Redemption:
    """Units exchanged for a reward; `takes` name the lots, so that a release puts them back where they were."""

    id: UUID
    reward: str
    quantity: int
    unit: str
    amount: int
    takes: tuple[Take, ...]
    status: RedemptionStatus
    made_at: datetime
    hold_expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Count:
    """How often a rule gave something in a period, and how much (smallest steps)."""

    times: int = 0
    units: int = 0


@dataclass(frozen=True, kw_only=True)
class MemberState:
    """A member between two events.

    `lots` are the live ones (something left); `measures` give for each measure its value per program-local day;
    `counts` are keyed by rule and period; `vouchers` and `redemptions` are the open ones. `settled_at`: whatever time
    brings on a schedule is posted up to then. `badges`: since which day. `referred_by`: who invited the member. `stock`:
    how many are left of the rewards that are limited, where somebody asked.
    """

    member_id: UUID
    joined_at: datetime
    birth_date: date | None
    standing: Standing | None
    accounts: Mapping[str, Account] = field(default_factory=dict)
    lots: Mapping[UUID, Lot] = field(default_factory=dict)
    measures: Mapping[str, Mapping[date, int]] = field(default_factory=dict)
    counts: Mapping[tuple[str, str], Count] = field(default_factory=dict)
    vouchers: Mapping[UUID, Voucher] = field(default_factory=dict)
    redemptions: Mapping[UUID, Redemption] = field(default_factory=dict)
    settled_at: datetime | None = None
    membership: Membership = field(default_factory=Membership)
    badges: Mapping[str, date] = field(default_factory=dict)
    referred_by: UUID | None = None
    stock: Mapping[str, int] = field(default_factory=dict)

    @property
    def tier(self) -> str | None:
        """The id of the tier held."""
        return self.standing.tier if self.standing else None

    def available(self, unit: str) -> int:
        """Spendable now, in smallest steps; below zero when a return took more than there was."""
        debt = self.accounts[unit].debt if unit in self.accounts else 0
        return sum(lot.left for lot in self.lots.values() if lot.unit == unit and lot.usable_at is None) - debt

    def pending(self, unit: str) -> int:
        """Earned but not yet usable, in smallest steps."""
        return sum(lot.left for lot in self.lots.values() if lot.unit == unit and lot.usable_at is not None)

    def counted(self, rule: str, period: str) -> Count:
        """What has been counted under a name in a period."""
        return self.counts.get((rule, period), Count())

    def lifetime(self, unit: str) -> int:
        """Ever earned, less what returns took back, in smallest steps."""
        return self.accounts[unit].lifetime if unit in self.accounts else 0

    def next_expiry(self, unit: str) -> tuple[datetime, int] | None:
        """When units of this kind expire next, and how many."""
        account = self.accounts.get(unit)
        if account and account.expires_at and (available := self.available(unit)) > 0:
            return account.expires_at, available
        dated = [lot for lot in self.lots.values() if lot.unit == unit and lot.left and lot.expires_at is not None]
        if not dated:
            return None
        first = min(lot.expires_at for lot in dated if lot.expires_at is not None)
        return first, sum(lot.left for lot in dated if lot.expires_at == first)

    def total(self, measure: str, *, first: date, last: date) -> int:
        """A measure over the days from first to last, both included."""
        days = self.measures.get(measure, {})
        return sum(value for day, value in days.items() if first <= day <= last)
