"""What can happen to a member. Times are aware, money is minor units, `id` is what the store files it under."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from wallet_api.domain.definition import Definition
from wallet_api.domain.state import Take


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a receipt; `amount` is the line's total before order-wide discounts."""

    sku: str
    amount: int
    quantity: int = 1
    name: str | None = None
    category: str | None = None
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Join:
    """A person became a member; `plan`: the paid membership bought with it."""

    id: UUID
    occurred_at: datetime
    plan: str | None = None


@dataclass(frozen=True, kw_only=True)
class Sale:
    """A purchase; `vouchers` are the codes of the member's vouchers used on it, `location` a location's code.

    A gift may be used by its reward's id, before it is issued. `pay_with` are units (and how many smallest steps of
    each) that the customer wants to pay a part with. `is_quote`: nothing will be recorded, so what the member has no
    access to is said and not refused.
    """

    id: UUID
    occurred_at: datetime
    location: str | None
    lines: tuple[Line, ...]
    vouchers: tuple[str, ...] = ()
    pay_with: tuple[tuple[str, int], ...] = ()
    is_quote: bool = False

    @property
    def amount(self) -> int:
        """The sum of the lines, before discounts."""
        return sum(line.amount for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class EarnedEntry:
    """An earn of a recorded sale: what is left of it after the returns so far, and the promotions in it."""

    entry_id: UUID
    rule: str
    unit: str
    left: int
    promotions: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class SpentEntry:
    """Units that paid for a part of a recorded sale: `amount` smallest steps, `takes` out of which lots.

    `left` is what returns have not given back so far; the takes are those less what went back into their lots.
    """

    entry_id: UUID
    unit: str
    amount: int
    left: int
    takes: tuple[Take, ...]


@dataclass(frozen=True, kw_only=True)
class RecordedSale:
    """A sale as it was decided: what a return undoes.

    `definition`, `tier` and `membership` are those of its moment; `net` is what was paid for each line in money, after
    discounts and units; `by_units` what units paid of it; `free` how many pieces of it were a reward; `kept` is the
    part of each line that earlier returns left (1: all of it); `refunded` is what they gave back.
    """

    id: UUID
    occurred_at: datetime
    location: str | None
    lines: tuple[Line, ...]
    net: tuple[int, ...]
    kept: tuple[Fraction, ...]
    paid: int
    refunded: int
    tier: str | None
    definition: Definition
    earned: tuple[EarnedEntry, ...]
    voucher_ids: tuple[UUID, ...] = ()
    by_units: tuple[int, ...] = ()
    free: tuple[int, ...] = ()
    membership: str = "none"
    spent: tuple[SpentEntry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Return:
    """Goods brought back: `lines` (quantity or amount of each sku), or an `amount` in the sale's own prices, or all.

    `is_worn`: they have been used.
    """

    id: UUID
    occurred_at: datetime
    sale: RecordedSale
    lines: tuple[Line, ...] = ()
    amount: int | None = None
    is_worn: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckIn:
    """A visit of the member to a location."""

    id: UUID
    occurred_at: datetime
    location: str


@dataclass(frozen=True, kw_only=True)
class Activity:
    """Any other thing that may earn: a run, a returned pot, a review. `fields` are what it brings, its `quantity` too."""

    id: UUID
    occurred_at: datetime
    kind: str
    fields: Mapping[str, Fraction | str | bool]


@dataclass(frozen=True, kw_only=True)
class Redeem:
    """The member exchanges units for a reward at once and gets a voucher with this code."""

    id: UUID
    occurred_at: datetime
    reward: str
    quantity: int
    voucher_code: str


@dataclass(frozen=True, kw_only=True)
class Hold:
    """A till reserves a reward; it is captured or released before `expires_at`, else released by time."""

    id: UUID
    occurred_at: datetime
    reward: str
    quantity: int
    voucher_code: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Capture:
    """The till hands the held reward over."""

    redemption_id: UUID
    occurred_at: datetime


@dataclass(frozen=True, kw_only=True)
class Release:
    """The till gives the held units back."""

    redemption_id: UUID
    occurred_at: datetime


@dataclass(frozen=True, kw_only=True)
class Adjust:
    """A manager adds or takes units, for a reason."""

    id: UUID
    occurred_at: datetime
    unit: str
    amount: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Invite:
    """A manager gives a tier by hand, as a floor, until a program-local day (its last; None: without end)."""

    id: UUID
    occurred_at: datetime
    tier: str
    until: date | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Award:
    """A reward is given without being asked for: the prize of a contest. The same `cause` gives it once only."""

    id: UUID
    occurred_at: datetime
    reward: str
    cause: str


class PlanAction(enum.StrEnum):
    """What happens to a paid membership."""

    START = "start"
    CANCEL = "cancel"
    PAYMENT_SUCCEEDED = "payment_succeeded"
    PAYMENT_FAILED = "payment_failed"


@dataclass(frozen=True, kw_only=True)
class PlanEvent:
    """The member starts or cancels a plan, or the payment provider gives word of a charge."""

    id: UUID
    occurred_at: datetime
    action: PlanAction
    plan: str | None = None


class VerificationAction(enum.StrEnum):
    """What happens to a membership by proof."""

    APPLY = "apply"
    APPROVE = "approve"
    REVOKE = "revoke"
    RENEW = "renew"


@dataclass(frozen=True, kw_only=True)
class VerificationEvent:
    """A member applies with a proof, or the shop approves, revokes or renews."""

    id: UUID
    occurred_at: datetime
    action: VerificationAction


@dataclass(frozen=True, kw_only=True)
class NewRules:
    """Another version of the program's definition came into force: what the member has is carried over into it."""

    occurred_at: datetime


@dataclass(frozen=True, kw_only=True)
class TimePasses:
    """Nothing but the clock moved."""

    occurred_at: datetime


Event = (
    Join
    | Sale
    | Return
    | CheckIn
    | Activity
    | Redeem
    | Hold
    | Capture
    | Release
    | Adjust
    | Invite
    | Award
    | PlanEvent
    | VerificationEvent
    | NewRules
    | TimePasses
)
Why = Mapping[str, object]
