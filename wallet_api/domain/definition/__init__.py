"""A program's definition: its rules, as frozen values.

`wallet_api/program_file` reads them from the shop's YAML file; nothing here knows YAML. Money is an `int` of the
currency's minor units, amounts of units are an `int` of the unit's smallest step, days are program-local. The parts
stand in a module each; all are imported from here.
"""

from __future__ import annotations

from wallet_api.domain.definition.basics import DayRange, EventKind, Localised, MonthDay, NthWeekday, Period, Span
from wallet_api.domain.definition.benefits import Access, Audience, Benefits, MemberPrice, ReturnTerms, Shipping
from wallet_api.domain.definition.brand import Brand, BrandLink, Colours, MessageText
from wallet_api.domain.definition.community import Challenge, Contest, Partner, Segment
from wallet_api.domain.definition.earning import (
    Amount,
    Bands,
    ByField,
    BySize,
    ByStreak,
    Cap,
    Choice,
    Condition,
    Credit,
    EarningRule,
    Fee,
    Flat,
    PerItem,
    PerQuantity,
    Promotion,
    Rate,
    RateByTier,
    Rounding,
)
from wallet_api.domain.definition.membership import Plan, PlanTerms, Verification
from wallet_api.domain.definition.program import CarryOver, Definition, with_days
from wallet_api.domain.definition.rewards import (
    Donation,
    FreeItem,
    Gift,
    Limit,
    MoneyOff,
    Occasion,
    PercentOff,
    Price,
    Reward,
    Season,
    Units,
)
from wallet_api.domain.definition.tiers import Downgrade, TierLevel, TierScheme, YearKind
from wallet_api.domain.definition.units import Conversion, Expiry, ExpiryAnchor, Unit, Window, Worth

__all__ = [
    "Access",
    "Amount",
    "Audience",
    "Bands",
    "Benefits",
    "Brand",
    "BrandLink",
    "ByField",
    "BySize",
    "ByStreak",
    "Cap",
    "CarryOver",
    "Challenge",
    "Choice",
    "Colours",
    "Condition",
    "Contest",
    "Conversion",
    "Credit",
    "DayRange",
    "Definition",
    "Donation",
    "Downgrade",
    "EarningRule",
    "EventKind",
    "Expiry",
    "ExpiryAnchor",
    "Fee",
    "Flat",
    "FreeItem",
    "Gift",
    "Limit",
    "Localised",
    "MemberPrice",
    "MessageText",
    "MoneyOff",
    "MonthDay",
    "NthWeekday",
    "Occasion",
    "Partner",
    "PerItem",
    "PerQuantity",
    "PercentOff",
    "Period",
    "Plan",
    "PlanTerms",
    "Price",
    "Promotion",
    "Rate",
    "RateByTier",
    "ReturnTerms",
    "Reward",
    "Rounding",
    "Season",
    "Segment",
    "Shipping",
    "Span",
    "TierLevel",
    "TierScheme",
    "Unit",
    "Units",
    "Verification",
    "Window",
    "Worth",
    "YearKind",
    "with_days",
]
