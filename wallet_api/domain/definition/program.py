"""One version of a program: all of its rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from zoneinfo import ZoneInfo

from wallet_api.domain.definition.basics import DayRange, Localised
from wallet_api.domain.definition.benefits import Benefits
from wallet_api.domain.definition.brand import Brand, MessageText
from wallet_api.domain.definition.community import Challenge, Contest, Partner, Segment
from wallet_api.domain.definition.earning import Choice, Credit, EarningRule, Promotion
from wallet_api.domain.definition.membership import Plan, PlanTerms, Verification
from wallet_api.domain.definition.rewards import Gift, Reward
from wallet_api.domain.definition.sending import Reminders, Sending
from wallet_api.domain.definition.tiers import TierScheme
from wallet_api.domain.definition.units import Unit


@dataclass(frozen=True, kw_only=True)
class CarryOver:
    """What a new version makes of what members have.

    `tiers`: by ids of the old version, the ids of the new one that take their place. `lots_keep_expiry`: open lots keep
    the expiry they had; else they are dated by the new rules from the day on which they were earned.
    """

    tiers: Mapping[str, str] = field(default_factory=dict)
    lots_keep_expiry: bool = True


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One version of a program's rules."""

    program: str
    name: Localised
    currency: str
    currency_decimals: int
    time_zone: ZoneInfo
    languages: tuple[str, ...]
    brand: Brand
    units: Mapping[str, Unit]
    earning: tuple[EarningRule, ...]
    tiers: TierScheme | None
    rewards: Mapping[str, Reward]
    promotions: tuple[Promotion, ...] = ()
    messages: Mapping[str, Mapping[str, MessageText]] = field(default_factory=dict)
    sending: Sending = field(default_factory=Sending)
    reminders: Reminders = field(default_factory=Reminders)
    terms_version: str = "1"
    choices: tuple[Choice, ...] = ()
    credits: tuple[Credit, ...] = ()
    gifts: tuple[Gift, ...] = ()
    benefits: Benefits = field(default_factory=Benefits)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    plan_terms: PlanTerms = field(default_factory=PlanTerms)
    verification: Verification | None = None
    challenges: tuple[Challenge, ...] = ()
    contests: tuple[Contest, ...] = ()
    partners: Mapping[str, Partner] = field(default_factory=dict)
    causes: Mapping[str, Localised] = field(default_factory=dict)
    segments: Mapping[str, Segment] = field(default_factory=dict)
    carry_over: CarryOver = field(default_factory=CarryOver)

    @cached_property
    def measured(self) -> frozenset[str]:
        """The measures that tiers, segments, challenges and contests look at."""
        looked_at = [self.tiers.measure] if self.tiers else []
        looked_at += [segment.measure for segment in self.segments.values() if segment.measure]
        looked_at += [challenge.measure for challenge in self.challenges]
        looked_at += [contest.measure for contest in self.contests]
        return frozenset(looked_at)

    def partner_at(self, location: str | None) -> str | None:
        """The partner at whose location something happened, if it was one's."""
        return next((partner.id for partner in self.partners.values() if location in partner.locations), None)


def with_days(definition: Definition, started: Mapping[str, tuple[DayRange, ...]]) -> Definition:
    """The definition with more days on which its promotions are on: those for which they have been started."""
    promotions = tuple(
        replace(promotion, where=replace(promotion.where, days=(*promotion.where.days, *started.get(promotion.id, ()))))
        if promotion.where.days is not None
        else promotion
        for promotion in definition.promotions
    )
    return replace(definition, promotions=promotions)
