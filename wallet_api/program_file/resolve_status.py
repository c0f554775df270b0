"""Tiers, segments, benefits and memberships as they are written → as the engine reckons with them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Final

from wallet_api.domain.definition import (
    Access,
    Benefits,
    CarryOver,
    Downgrade,
    MemberPrice,
    PercentOff,
    Period,
    Plan,
    PlanTerms,
    ReturnTerms,
    Segment,
    Shipping,
    Span,
    TierLevel,
    TierScheme,
    Verification,
    YearKind,
)

from .declaration_status import (
    AS_LONG_AS_REACHED,
    REST_OF_YEAR,
    AccessWritten,
    BenefitsWritten,
    CarryOverWritten,
    LevelWritten,
    MembershipWritten,
    PlanWritten,
    PriceWritten,
    ReturnsWritten,
    SegmentWritten,
    ShippingWritten,
    TiersWritten,
    VerifiedWritten,
)
from .faults import shown
from .lookup import SPEND, Lookup, Measured, values
from .parts import AudienceWritten
from .shapes import At

WHO: Final = ("guests", "members", "tiers", "memberships")
NOTHING_OFF: Final = PercentOff()
ABOVE_NOTHING: Final = Decimal("0.0001")  # what `any purchase` is, whatever the currency


class StatusReader(Lookup):
    """Makes tiers, segments, benefits and memberships out of a file's parts."""

    # ── Tiers ────────────────────────────────────────────────────────────────────────────────────────────────────

    def tier_scheme(self, tiers: TiersWritten) -> TierScheme | None:
        measured = self.measured(tiers.measure)
        self.once((level.id for level in tiers.levels or ()), what="tier")
        levels = [level for each in tiers.levels or () if (level := self.level(each, measured)) is not None]
        self.thresholds_rise(tiers.levels or ())
        self.validity_fits(tiers)
        period = tiers.period.value if tiers.period else None
        valid = tiers.valid.value if tiers.valid else None
        if measured is None or period is None:
            return None
        return TierScheme(
            measure=measured.name,
            levels=tuple(levels),
            years=period if isinstance(period, YearKind) else None,
            rolling=period if isinstance(period, Span) else None,
            years_after=REST_OF_YEAR.get(valid) if isinstance(valid, str) else None,
            valid=valid if isinstance(valid, Span) else None,
            effective_day=tiers.in_force_from.value if tiers.in_force_from else None,
            grace=tiers.grace.value if tiers.grace else None,
            then=tiers.then.value if tiers.then else Downgrade.AS_EARNED,
        )

    def validity_fits(self, tiers: TiersWritten) -> None:
        """What the period, the validity and the grace say together."""
        is_year = tiers.period is not None and isinstance(tiers.period.value, YearKind)
        valid = tiers.valid.value if tiers.valid else None
        if tiers.valid and tiers.period and valid in REST_OF_YEAR and not is_year:
            self.report.add(
                tiers.valid.place,
                f"{shown(str(valid))} needs a year, and the period is a stretch of time",
                "write `period: calendar year`, or a length of time such as `valid: 12 months`",
            )
        if tiers.valid and valid == AS_LONG_AS_REACHED and is_year:
            self.report.add(
                tiers.valid.place,
                "a year begins anew with nothing, so the tier would be gone on its first day",
                "write `valid: rest of the year`, or a period such as `last 12 months`",
            )
        for key, part, other in (
            ("worked_out", tiers.worked_out, tiers.in_force_from),
            ("in_force_from", tiers.in_force_from, tiers.worked_out),
        ):
            needs = "in_force_from" if key == "worked_out" else "worked_out"
            if part and other is None and not self.has_fault(tiers.place, needs):
                self.report.add(
                    part.place,
                    f"`{key}` goes with `{needs}`",
                    "write both: `worked_out: at the end of the month` and `in_force_from: day 8 of the next`",
                )
        if tiers.grace and (tiers.worked_out or valid == AS_LONG_AS_REACHED):
            self.report.add(
                tiers.grace.place,
                "grace follows the end of a validity, and these tiers have none",
                "leave `grace` out, or write how long a tier is `valid`: `12 months`",
            )

    def level(self, level: LevelWritten, measured: Measured | None) -> TierLevel | None:
        name = self.words_or_id(level.name, level.id.value)
        if level.by:
            return TierLevel(id=level.id.value, name=name, threshold=None)
        if level.from_ is None or measured is None:
            return None
        if isinstance(level.from_.value, str):
            if measured.name not in {SPEND, "orders"}:
                self.report.add(
                    level.from_.place, "a purchase is no measure of these tiers", "write a number, or measure `spend`"
                )
            return TierLevel(id=level.id.value, name=name, threshold=1)
        number = At(value=level.from_.value, place=level.from_.place)
        return TierLevel(id=level.id.value, name=name, threshold=self.of_measure(number, measured))

    def thresholds_rise(self, levels: Sequence[LevelWritten]) -> None:
        if levels and levels[0].by:
            self.report.add(levels[0].by.place, "the first level is where every member starts", "write `from: 0`")
        if levels and (first := levels[0].from_) and first.value != 0:
            self.report.add(
                first.place, f"the first level begins at {first.value}", "begin at 0, where every member starts"
            )
        for before, after in pairwise(levels):
            if after.from_ and before.by:
                self.report.add(
                    after.from_.place, "this level is reached, and the one before is by invitation", "put it before"
                )
            if before.from_ and after.from_ and _threshold(after.from_) <= _threshold(before.from_):
                self.report.add(
                    after.from_.place,
                    f"{after.from_.value} is not above the {before.from_.value} of the level before",
                    "thresholds rise",
                )

    # ── Segments, and what a new version makes of what there is ──────────────────────────────────────────────────

    def segment(self, segment_id: str, segment: SegmentWritten) -> Segment:
        measured = self.measured(segment.measure)
        for key, part in (("over", segment.over), ("at_least", segment.at_least), ("at_most", segment.at_most)):
            if part and segment.measure is None and not self.has_fault(segment.place, "measure"):
                self.report.add(part.place, f"`{key}` of what does not stand here", "write `measure` too")
        limits = (segment.at_least, segment.at_most)
        if segment.measure and not any(limits) and not self.has_faults(segment.place, "at_least", "at_most"):
            self.report.add(
                segment.place, "how much of it members have does not stand here", "write `at_least` or `at_most`"
            )
        if not segment.measure and not segment.tiers and not self.has_faults(segment.place, "measure", "tiers"):
            self.report.add(
                segment.place, f"the segment {shown(segment_id)} takes in everybody", "write a `measure`, or `tiers`"
            )
        if segment.at_least and segment.at_most and segment.at_most.value < segment.at_least.value:
            self.report.add(
                segment.at_most.place,
                f"{segment.at_most.value} is below the {segment.at_least.value} of `at_least`, so nobody is in it",
                "write the smaller number in `at_least`",
            )
        return Segment(
            id=segment_id,
            measure=measured.name if measured else None,
            over=segment.over.value if segment.over else Span(months=12),
            at_least=self.of_measure(segment.at_least, measured) if segment.at_least and measured else None,
            at_most=self.of_measure(segment.at_most, measured) if segment.at_most and measured else None,
            tiers=self.all_known(segment.tiers, "tier"),
        )

    def carry_over(self, written: CarryOverWritten) -> CarryOver:
        self.all_known([new for _, new in written.tiers or () if new], "tier")
        return CarryOver(
            tiers={old.value: new.value for old, new in written.tiers or () if new},
            lots_keep_expiry=written.lots is None or written.lots.value,
        )

    # ── Benefits ─────────────────────────────────────────────────────────────────────────────────────────────────

    def benefits(self, written: BenefitsWritten) -> Benefits:
        self.all_reached(written.shipping or ())
        self.all_reached(written.returns or ())
        self.once((price.id for price in written.prices or ()), what="price")
        return Benefits(
            shipping=tuple(self.shipping(each) for each in written.shipping or ()),
            prices=tuple(self.member_price(each) for each in written.prices or ()),
            returns=tuple(self.return_terms(each) for each in written.returns or ()),
            access=tuple(self.access(each) for each in written.access or ()),
            others={name.value: self.words(text) for name, text in written.others or () if text is not None},
        )

    def all_reached(self, entries: Sequence[AudienceWritten]) -> None:
        """The first entry that fits somebody holds, so one for everybody stands last."""
        for place, entry in enumerate(entries[:-1]):
            if _is_for_all(entry) and not self.has_faults(entry.place, *WHO):
                self.report.add(
                    entries[place + 1].place,
                    f"nobody comes to this entry, because the one of line {entry.place.line} is for everybody",
                    "put the entry for everybody last",
                )
                return

    def shipping(self, written: ShippingWritten) -> Shipping:
        if written.free_from:
            self.positive(written.free_from, what="`free_from`")
            if written.fee and not written.fee.value:
                self.report.add(
                    written.free_from.place, "shipping costs nothing from the first cent on", "leave `free_from` out"
                )
        return Shipping(
            who=self.audience(written),
            fee=self.minor_units(written.fee) if written.fee else 0,
            free_from=self.minor_units(written.free_from) if written.free_from else None,
        )

    def member_price(self, written: PriceWritten) -> MemberPrice:
        not_tags = values(written.not_tags)
        for tag in written.tags or ():
            if tag.value in not_tags:
                self.report.add(
                    tag.place, f"{shown(tag.value)} stands in `tags` and in `not_tags`", "keep one of the two"
                )
        if written.most_of_order:
            self.positive(written.most_of_order, what="`most_of_order`")
        share = self.share(written.percent_off) if written.percent_off else NOTHING_OFF
        return MemberPrice(
            id=written.id.value,
            who=self.audience(written),
            share=share,
            tags=values(written.tags),
            not_tags=not_tags,
            stacks=written.on_top is not None,
            most_of_order=self.minor_units(written.most_of_order) if written.most_of_order else None,
            most_of_sku=written.most_of_sku.value if written.most_of_sku else None,
            name=self.words(written.name) if written.name else None,
        )

    def return_terms(self, written: ReturnsWritten) -> ReturnTerms:
        for part in (written.days, written.worn):
            if part and written.refused:
                self.report.add(
                    written.refused.place, "nothing is taken back, and it is said how", "keep one of the two"
                )
        if not (written.days or written.refused or written.worn) and not self.has_faults(
            written.place, "days", "refused", "worn"
        ):
            self.report.add(
                written.place, "this entry says nothing about returns", "write `days`, `refused: yes` or `worn`"
            )
        worn = written.worn
        if worn and worn.at_most and worn.at_most.value.per is not Period.YEAR:
            self.report.add(
                worn.at_most.place, "worn goods are counted by the year", "write a limit such as `2 per year`"
            )
        return ReturnTerms(
            who=self.audience(written),
            days=written.days.value if written.days else None,
            is_refused=written.refused is not None,
            worn_days=worn.days.value if worn and worn.days else None,
            worn_items_per_year=int(worn.at_most.value.number) if worn and worn.at_most else 0,
        )

    def access(self, written: AccessWritten) -> Access:
        if _is_for_all(written) and not self.has_faults(written.place, *WHO):
            self.report.add(
                written.place, "this is open to everybody", "say to whom: `members: yes`, `tiers` or `memberships`"
            )
        return Access(
            who=self.audience(written),
            tags=values(written.tags),
            minutes_earlier=written.minutes_earlier.value if written.minutes_earlier else None,
        )

    # ── Membership ───────────────────────────────────────────────────────────────────────────────────────────────

    def plans(self, membership: MembershipWritten) -> dict[str, Plan]:
        return {
            plan_id.value: self.plan(plan_id.value, plan)
            for plan_id, plan in membership.plans or ()
            if plan is not None
        }

    def plan(self, plan_id: str, plan: PlanWritten) -> Plan:
        if plan.fee:
            self.positive(plan.fee, what="the fee")
        return Plan(
            id=plan_id,
            name=self.words_or_id(plan.name, plan_id),
            fee=self.minor_units(plan.fee) if plan.fee else 0,
            period=plan.every.value if plan.every else None,
        )

    def plan_terms(self, membership: MembershipWritten) -> PlanTerms:
        """What holds for plans that are paid again and again."""
        if membership.verified and membership.plans:
            self.report.add(
                membership.verified.place,
                "a member has one membership, and here are plans and a proof",
                "keep one of the two",
            )
        is_paid_again = any(plan and plan.every for _, plan in membership.plans or ())
        for key, part in (("trial", membership.trial), ("grace", membership.grace), ("refund", membership.refund)):
            if part and not is_paid_again and "plan" not in self.hidden and not self.every_has_fault():
                self.report.add(
                    part.place,
                    f"`{key}` is about plans that are paid again and again, and there is none",
                    "write how long a plan is paid for: `every: 1 month`",
                )
        refund = membership.refund
        return PlanTerms(
            trial_days=membership.trial.value.days if membership.trial else 0,
            grace_days=membership.grace.value.days if membership.grace else 0,
            refund_business_days=refund.business_days.value if refund and refund.business_days else 0,
            worth_of_shipping=self.minor_units(refund.worth_of_shipping) if refund and refund.worth_of_shipping else 0,
        )

    def every_has_fault(self) -> bool:
        return any(fault.path.startswith("membership.plans") for fault in self.report.faults)

    def verification(self, verified: VerifiedWritten) -> Verification:
        if verified.reminder and not verified.days and not self.has_fault(verified.place, "days"):
            self.report.add(
                verified.reminder.place, "a reminder comes before an end, and there is none", "write `days` too"
            )
        if verified.reminder and verified.days and verified.reminder.value.days >= verified.days.value:
            self.report.add(
                verified.reminder.place,
                f"{verified.reminder.value.days} days before the end is before the beginning",
                f"write less than {verified.days.value}",
            )
        return Verification(
            id=verified.id.value,
            name=self.words_or_id(verified.name, verified.id.value),
            days=verified.days.value if verified.days else None,
            reminder_days=verified.reminder.value.days if verified.reminder else None,
        )


def _is_for_all(entry: AudienceWritten) -> bool:
    return not any(getattr(entry, key) for key in WHO)


def _threshold(from_: At[str] | At[Decimal]) -> Decimal:
    return ABOVE_NOTHING if isinstance(from_.value, str) else from_.value
