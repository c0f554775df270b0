"""Memberships that are paid for, or proved."""

from __future__ import annotations

from dataclasses import dataclass

from wallet_api.domain.definition.basics import Localised, Span


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A paid membership: `fee` in minor units, once for life where there is no `period`, else for each."""

    id: str
    name: Localised
    fee: int
    period: Span | None = None


@dataclass(frozen=True, kw_only=True)
class PlanTerms:
    """What holds for every plan with a period.

    `trial_days`: a first start opens so many days for nothing (the day of the start is the first). `grace_days`: after a
    charge that failed, benefits rest for so many days (the day of the failure is the first), then the membership ends.
    `refund_business_days`: who cancels so many business days after the first charge, the day of which is day 0, gets
    the fee back less `worth_of_shipping` for each free shipping used.
    """

    trial_days: int = 0
    grace_days: int = 0
    refund_business_days: int = 0
    worth_of_shipping: int = 0


@dataclass(frozen=True, kw_only=True)
class Verification:
    """A membership by proof (a profession, a group): valid `days` (day of approval + days - 1 is the last), else for ever.

    Members are reminded `reminder_days` before it lapses.
    """

    id: str
    name: Localised
    days: int | None = None
    reminder_days: int | None = None
