"""What a member is, and what that changes: the keys of `tiers`, `segments`, `benefits`, `membership`, `carry_over`."""

# ruff: noqa: RUF009 -- `required`, `optional` and `essential` make a field, as dataclasses.field does

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from wallet_api.domain.definition import Downgrade, Span, YearKind

from .parts import MEASURE, SHARE, TAGS, TIER_ID, TIERS, AudienceWritten, Measure, Share, Words, words
from .phrases import DAY_COUNT, DAY_OF_NEXT, DAYS_BEFORE, LAST, SPAN, TIMES, YES, Limit
from .shapes import (
    MONEY,
    At,
    Choice,
    ChoiceOr,
    DecimalNumber,
    ListOf,
    MapOf,
    Record,
    Shape,
    Whole,
    Written,
    essential,
    identifier,
    optional,
    required,
)

# ── Tiers ────────────────────────────────────────────────────────────────────────────────────────────────────────

ANY_PURCHASE: Final = "any purchase"
AS_LONG_AS_REACHED: Final = "as long as it is reached"
REST_OF_YEAR: Final = {"rest of the year": 0, "rest of the year and the next": 1}

From: TypeAlias = At[str] | At[Decimal]
TierPeriod: TypeAlias = At[YearKind] | At[Span]
TierValid: TypeAlias = At[str] | At[Span]

FROM: Final[Shape[From]] = ChoiceOr(Choice({ANY_PURCHASE: ANY_PURCHASE}, "thresholds"), DecimalNumber())
TIER_PERIOD: Final[Shape[TierPeriod]] = ChoiceOr(Choice({kind.value: kind for kind in YearKind}, "periods"), LAST)
TIER_VALID: Final[Shape[TierValid]] = ChoiceOr(
    Choice({words: words for words in (*REST_OF_YEAR, AS_LONG_AS_REACHED)}, "validities"), SPAN
)


@dataclass(frozen=True, kw_only=True)
class LevelWritten(Written):
    """One tier."""

    id: At[str] = required(identifier(), says="The tier's id.")
    name: Words | None = optional(words(40), says="Its name; made from the id where left out.")
    from_: From | None = optional(
        FROM, says="Reached from this much on, exactly this included; or by `any purchase` at all."
    )
    by: At[str] | None = optional(
        Choice({"invitation": "invitation"}, "ways"), says="`invitation`: it is only given by hand."
    )


@dataclass(frozen=True, kw_only=True)
class TiersWritten(Written):
    """How tiers are reached and kept."""

    measure: Measure | None = essential(
        MEASURE,
        says="What counts: `spend`, `orders`, `visits`, the id of a unit that was earned, or `{usable: points}`.",
    )
    period: TierPeriod | None = essential(
        TIER_PERIOD, says="The time over which it is counted: `calendar year`, `membership year`, `last 12 months`."
    )
    valid: TierValid | None = optional(TIER_VALID, says="How long a tier is kept once it is reached.")
    worked_out: At[str] | None = optional(
        Choice({"at the end of the month": "month"}, "times"),
        says="In place of `valid`: tiers are worked out on the last day of every month …",
    )
    in_force_from: At[int] | None = optional(
        DAY_OF_NEXT, says="… and are in force from this day of the next month, up and down: `day 8 of the next`."
    )
    grace: At[Span] | None = optional(SPAN, says="So long after its end a tier is still held, and can still be kept.")
    then: At[Downgrade] | None = optional(
        Choice(
            {
                "as earned": Downgrade.AS_EARNED,
                "as earned in the last period": Downgrade.AS_EARNED,
                "one down": Downgrade.ONE_DOWN,
                "kept": Downgrade.NONE,
            },
            "endings",
        ),
        says="Which tier follows when one ends: `as earned`, as where left out, `one down`, or `kept`: it never falls.",
    )
    levels: tuple[LevelWritten, ...] | None = essential(
        ListOf(Record(LevelWritten, "a tier with `id` and `from`", one_of=("from", "by")), most=20),
        says="The tiers, from the lowest (from 0) to the highest; those by invitation stand last.",
    )


TIERS_PART: Final = Record(TiersWritten, "measure, period, valid, then and levels", one_of=("valid", "worked_out"))


@dataclass(frozen=True, kw_only=True)
class SegmentWritten(Written):
    """A choice of members."""

    measure: Measure | None = optional(
        MEASURE, says="What is looked at: `spend`, `orders`, `visits`, a unit, `{activity: run}`."
    )
    over: At[Span] | None = optional(LAST, says="Over which time: `last 12 months`, as where left out.")
    at_least: At[Decimal] | None = optional(DecimalNumber(), says="Members who have at least this much of it.")
    at_most: At[Decimal] | None = optional(DecimalNumber(), says="Members who have at most this much of it.")
    tiers: tuple[At[str], ...] | None = optional(TIERS, says="Only members in one of these tiers.")


SEGMENTS: Final = MapOf(
    identifier("the id of a segment"),
    Record(SegmentWritten, "measure, at_least and at_most, or tiers"),
    most=100,
    wanted="segments by their ids",
)


@dataclass(frozen=True, kw_only=True)
class CarryOverWritten(Written):
    """What a new version of the rules makes of what members have."""

    tiers: tuple[tuple[At[str], At[str] | None], ...] | None = optional(
        MapOf(
            identifier("the id of a tier of the old version"), TIER_ID, most=20, wanted="old tiers and their new ids"
        ),
        says="Which tier takes the place of one that is gone: `{old: new}`.",
    )
    lots: At[bool] | None = optional(
        Choice({"keep their expiry": True, "by the new rules": False}, "answers"),
        says="Whether units that members have keep the expiry they had, as where left out, or follow the new rules.",
    )


CARRY_OVER: Final = Record(CarryOverWritten, "`tiers` or `lots`")

# ── Benefits ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class ShippingWritten(AudienceWritten):
    """What shipping costs some people."""

    fee: At[Decimal] | None = essential(MONEY, says="What it costs.")
    free_from: At[Decimal] | None = optional(MONEY, says="Nothing from a purchase of this much on.")


@dataclass(frozen=True, kw_only=True)
class PriceWritten(AudienceWritten):
    """A price that some people have."""

    id: At[str] = required(identifier(), says="The price's id; the receipt names it.")
    percent_off: Share | None = essential(SHARE, says="Such a share off: `10 %`; or one for each tier.")
    tags: tuple[At[str], ...] | None = optional(TAGS, says="Only on lines with one of these tags.")
    not_tags: tuple[At[str], ...] | None = optional(TAGS, says="Not on lines with one of these tags.")
    on_top: At[bool] | None = optional(
        YES, says="It comes on top of the others; where left out, only the best of them counts."
    )
    most_of_order: At[Decimal] | None = optional(MONEY, says="An order that costs more after it is refused.")
    most_of_sku: At[int] | None = optional(
        Whole(1, 100_000), says="An order with more pieces of one article is refused."
    )
    name: Words | None = optional(words(), says="What the receipt calls it.")


@dataclass(frozen=True, kw_only=True)
class WornWritten(Written):
    """How worn goods are taken back."""

    days: At[int] | None = essential(Whole(1, 3660), says="Within so many days of the sale.")
    at_most: At[Limit] | None = essential(TIMES, says="So many pieces: `2 per year`.")


@dataclass(frozen=True, kw_only=True)
class ReturnsWritten(AudienceWritten):
    """How long some people may bring goods back."""

    days: At[int] | None = optional(Whole(1, 36600), says="So many days after the sale; without end where left out.")
    refused: At[bool] | None = optional(YES, says="Nothing is taken back.")
    worn: WornWritten | None = optional(
        Record(WornWritten, "`days` and `at_most`"), says="Worn goods too; where left out, they are refused."
    )


@dataclass(frozen=True, kw_only=True)
class AccessWritten(AudienceWritten):
    """Who may buy some items, or when."""

    tags: tuple[At[str], ...] | None = essential(TAGS, says="Items with one of these tags …")
    minutes_earlier: At[int] | None = optional(
        Whole(1, 100_000), says="… open so much earlier for these people; where left out, are for them only."
    )


@dataclass(frozen=True, kw_only=True)
class BenefitsWritten(Written):
    """What a status changes; of several that fit somebody, the first one holds."""

    shipping: tuple[ShippingWritten, ...] | None = optional(
        ListOf(Record(ShippingWritten, "for whom, and `fee`"), most=50), says="What shipping costs."
    )
    prices: tuple[PriceWritten, ...] | None = optional(
        ListOf(Record(PriceWritten, "a price with `id` and `percent_off`"), most=100), says="Prices for members."
    )
    returns: tuple[ReturnsWritten, ...] | None = optional(
        ListOf(Record(ReturnsWritten, "for whom, and `days`"), most=50), says="How long goods may be brought back."
    )
    access: tuple[AccessWritten, ...] | None = optional(
        ListOf(Record(AccessWritten, "`tags`, and for whom"), most=100), says="Items that are for some people only."
    )
    others: tuple[tuple[At[str], Words | None], ...] | None = optional(
        MapOf(identifier("an id of the benefit"), words(200), most=50, wanted="benefits by their ids, in words"),
        says="What people do for members, in words; the card shows it.",
    )


BENEFITS: Final = Record(BenefitsWritten, "shipping, prices, returns, access and others")

# ── Membership ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class PlanWritten(Written):
    """A paid membership."""

    name: Words | None = optional(words(60), says="Its name; made from the id where left out.")
    fee: At[Decimal] | None = essential(MONEY, says="What it costs, once or for each period.")
    every: At[Span] | None = optional(SPAN, says="How long it is paid for: `1 month`; for life where left out.")


@dataclass(frozen=True, kw_only=True)
class RefundWritten(Written):
    """When who cancels gets the fee back."""

    business_days: At[int] | None = essential(
        Whole(1, 365), says="Within so many business days of the first charge, whatever was used."
    )
    worth_of_shipping: At[Decimal] | None = optional(
        MONEY, says="So much is kept back for each free shipping that was used."
    )


@dataclass(frozen=True, kw_only=True)
class VerifiedWritten(Written):
    """A membership by proof of a profession or a group."""

    id: At[str] = required(identifier(), says="The id of the profession or group.")
    name: Words | None = optional(words(60), says="Its name; made from the id where left out.")
    days: At[int] | None = optional(
        Whole(1, 36600), says="Good for so many days, that of the approval included; for ever where left out."
    )
    reminder: At[Span] | None = optional(
        DAYS_BEFORE, says="The member is reminded so long before its end: `30 days before`."
    )


@dataclass(frozen=True, kw_only=True)
class MembershipWritten(Written):
    """What members pay for, or prove."""

    plans: tuple[tuple[At[str], PlanWritten | None], ...] | None = optional(
        MapOf(
            identifier("the id of a plan"), Record(PlanWritten, "`fee`, `every`"), most=20, wanted="plans by their ids"
        ),
        says="The paid memberships that there are.",
    )
    trial: At[Span] | None = optional(DAY_COUNT, says="A first start is free for so long: `30 days`.")
    grace: At[Span] | None = optional(
        DAY_COUNT, says="After a charge that failed benefits rest for so long, then the membership ends: `7 days`."
    )
    refund: RefundWritten | None = optional(
        Record(RefundWritten, "`business_days`"), says="When the fee is given back after the first charge."
    )
    verified: VerifiedWritten | None = optional(
        Record(VerifiedWritten, "`id`, `days` and `reminder`"), says="A membership by proof."
    )


MEMBERSHIP: Final = Record(MembershipWritten, "`plans` or `verified`")
