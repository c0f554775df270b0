"""Paid plans and verified professions: what happens to a membership, and what time does to it.

Every function takes a membership and gives the next one; days are program-local, money is minor units. The rules are
those of docs/program-format.md, "membership".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from wallet_api.domain import calendar, errors
from wallet_api.domain.definition import Definition, Plan, Span
from wallet_api.domain.events import PlanAction, VerificationAction
from wallet_api.domain.state import Membership, MembershipStatus

ONE_DAY = timedelta(days=1)
SATURDAY = 5


@dataclass(frozen=True, kw_only=True)
class Change:
    """The membership after an event: what the member is charged, or gets back."""

    membership: Membership
    charge: int | None = None
    refund: int = 0


def start(definition: Definition, held: Membership, plan_id: str, *, today: date) -> Change:
    """Start a plan: paid at once where it is for life, else a trial, else a charge that is due today."""
    plan = definition.plans.get(plan_id)
    if plan is None:
        raise errors.NotFound(what="plan")
    running = definition.plans.get(held.plan or "") if held.has_benefits else None
    if running and (running.period is None or (running == plan and held.next_plan is None and not held.is_cancelled)):
        raise errors.NotEligible()  # it runs already, or for life
    if plan.period is None:
        paid = replace(
            held,
            status=MembershipStatus.PAID,
            plan=plan.id,
            until=None,
            charge_on=None,
            is_cancelled=False,
            charged_on=today,
            charges=held.charges + 1,
        )
        return Change(membership=paid, charge=plan.fee)
    if running:
        # What has been paid for runs on; the plan takes over, or goes on, with the next charge.
        charge_on = held.until + ONE_DAY if held.until else None
        other = plan.id if plan != running else None
        return Change(membership=replace(held, next_plan=other, charge_on=charge_on, is_cancelled=False), charge=0)
    if definition.plan_terms.trial_days and not held.had_trial:
        last = today + timedelta(days=definition.plan_terms.trial_days - 1)
        trial = replace(
            held,
            status=MembershipStatus.TRIAL,
            plan=plan.id,
            until=last,
            charge_on=last + ONE_DAY,
            anchor=last + ONE_DAY,
            charges=0,
            is_cancelled=False,
            free_shippings=0,
            had_trial=True,
            next_plan=None,
        )
        return Change(membership=trial, charge=0)
    due = replace(
        held,
        plan=plan.id,
        next_plan=None,
        charge_on=today,
        anchor=today,
        charges=0,
        is_cancelled=False,
        free_shippings=0,
    )
    return Change(membership=due, charge=plan.fee)


def cancel(definition: Definition, held: Membership, *, today: date) -> Change:
    """End a plan: with its trial, with its period, or now with the fee given back, as the terms have it."""
    plan = _plan(definition, held)
    ended = replace(held, status=MembershipStatus.ENDED, until=None, charge_on=None, next_plan=None, is_cancelled=True)
    match held.status:
        case MembershipStatus.TRIAL:
            return Change(membership=replace(held, charge_on=None, next_plan=None, is_cancelled=True))
        case MembershipStatus.GRACE:
            return Change(membership=ended)
        case MembershipStatus.PAID if plan.period is not None and held.charged_on is not None:
            terms = definition.plan_terms
            if held.charges == 1 and _business_days(held.charged_on, today) <= terms.refund_business_days:
                used = held.free_shippings * terms.worth_of_shipping
                return Change(membership=ended, refund=max(0, plan.fee - used))
            if held.free_shippings == 0:
                return Change(membership=ended, refund=plan.fee)
            return Change(membership=replace(held, charge_on=None, next_plan=None, is_cancelled=True))
        case _ if held.charge_on is not None:  # started, never paid
            return Change(membership=replace(held, charge_on=None, is_cancelled=True))
        case _:
            raise errors.NotEligible()


def payment_succeeded(definition: Definition, held: Membership, *, today: date) -> Change:
    """The provider has the money: the period runs from the day on which the charge was due."""
    held = _with_next_plan(definition, held)
    plan = _plan(definition, held)
    if plan.period is None or held.is_cancelled or held.anchor is None:
        raise errors.NotEligible()
    first = held.anchor if held.charges == 0 else _renewal(held.anchor, plan.period, held.charges)
    is_early = held.status is MembershipStatus.PAID and held.charge_on is not None and held.charge_on > today
    # A plan that was started and never paid for waits for its first payment, however late it comes.
    waits = held.charges == 0 and held.status in {MembershipStatus.NONE, MembershipStatus.ENDED}
    if is_early or (held.charge_on is None and held.status is not MembershipStatus.GRACE and not waits):
        raise errors.NotEligible()  # nothing is due
    charges = held.charges + 1
    following = _renewal(held.anchor, plan.period, charges)
    paid = replace(
        held,
        status=MembershipStatus.PAID,
        until=following - ONE_DAY,
        charge_on=following,
        charges=charges,
        charged_on=max(today, first),
        free_shippings=0,
    )
    return Change(membership=paid, charge=plan.fee)


def payment_failed(definition: Definition, held: Membership, *, today: date) -> Change:
    """The charge was refused: grace from today on, or, where nothing was running yet, things stay as they were."""
    _plan(definition, held)
    if held.charge_on is None and held.status is MembershipStatus.GRACE:
        return Change(membership=held)
    if held.charge_on is None or held.charge_on > today:
        raise errors.NotEligible()
    if held.has_benefits:
        return Change(membership=in_grace(definition, held, first=today))
    return Change(membership=replace(held, charge_on=None))


def by_plan(definition: Definition, held: Membership, action: PlanAction, *, plan: str | None, today: date) -> Change:
    """What a plan event does; NotEligible for one that does not fit the state."""
    match action:
        case PlanAction.START:
            return start(definition, held, plan or held.plan or "", today=today)
        case PlanAction.CANCEL:
            return cancel(definition, held, today=today)
        case PlanAction.PAYMENT_SUCCEEDED:
            return payment_succeeded(definition, held, today=today)
        case PlanAction.PAYMENT_FAILED:
            return payment_failed(definition, held, today=today)


def by_verification(definition: Definition, held: Membership, action: VerificationAction, *, today: date) -> Membership:
    """What an application, an approval, a revocation or a renewal does; NotEligible where it does not fit the state."""
    terms, status = definition.verification, held.status
    if terms is None:
        raise errors.NotEligible()
    match action:
        case VerificationAction.APPLY if status not in {MembershipStatus.VERIFIED, MembershipStatus.PENDING}:
            return replace(held, status=MembershipStatus.PENDING, until=None)
        case VerificationAction.APPROVE if status is MembershipStatus.PENDING:
            until = today + timedelta(days=terms.days - 1) if terms.days else None
            return replace(held, status=MembershipStatus.VERIFIED, until=until, reminded=False)
        case VerificationAction.RENEW if status is MembershipStatus.VERIFIED:
            until = held.until + timedelta(days=terms.days) if held.until and terms.days else None
            return replace(held, until=until, reminded=False)
        case VerificationAction.RENEW if status is MembershipStatus.LAPSED and held.until and terms.days:
            # It lapsed by itself, and the renewal comes late: it runs on from the old end all the same.
            until = held.until + timedelta(days=terms.days)
            if until < today:
                raise errors.NotEligible()
            return replace(held, status=MembershipStatus.VERIFIED, until=until, reminded=False)
        case VerificationAction.REVOKE if status in {MembershipStatus.VERIFIED, MembershipStatus.PENDING}:
            return replace(held, status=MembershipStatus.LAPSED, until=None)
        case _:
            raise errors.NotEligible()


def next_day(definition: Definition, held: Membership) -> date | None:
    """The day at whose beginning time changes this membership, if it does."""
    days = []
    if held.charge_on is not None and held.status is not MembershipStatus.GRACE:
        days.append(held.charge_on + ONE_DAY)  # no word by the end of that day counts as a failed charge
    ends = held.status in {MembershipStatus.GRACE, MembershipStatus.VERIFIED} or held.is_cancelled
    if held.until is not None and ends and held.status is not MembershipStatus.ENDED:
        days.append(held.until + ONE_DAY)
    if (reminder := _reminder(definition, held)) is not None:
        days.append(reminder)
    return min(days, default=None)


def at_beginning_of(definition: Definition, held: Membership, day: date) -> Membership:
    """What the beginning of a day makes of a membership whose `next_day` it is."""
    if _reminder(definition, held) == day:
        return replace(held, reminded=True)
    if held.charge_on is not None and held.status is not MembershipStatus.GRACE and day > held.charge_on:
        if held.has_benefits:
            return in_grace(definition, held, first=held.charge_on)
        return replace(held, charge_on=None)
    if held.status is MembershipStatus.VERIFIED:
        return replace(held, status=MembershipStatus.LAPSED)  # its old end stays, for a renewal that comes late
    return replace(held, status=MembershipStatus.ENDED, until=None, charge_on=None, anchor=None)


def in_grace(definition: Definition, held: Membership, *, first: date) -> Membership:
    """Without benefits for the days of grace, `first` being the first of them; or ended where there are none."""
    days = definition.plan_terms.grace_days
    if not days:
        return replace(held, status=MembershipStatus.ENDED, until=None, charge_on=None, anchor=None)
    return replace(held, status=MembershipStatus.GRACE, until=first + timedelta(days=days - 1), charge_on=None)


def _reminder(definition: Definition, held: Membership) -> date | None:
    terms = definition.verification
    if terms is None or terms.reminder_days is None or held.reminded or held.until is None:
        return None
    if held.status is not MembershipStatus.VERIFIED:
        return None
    return held.until - timedelta(days=terms.reminder_days)


def _plan(definition: Definition, held: Membership) -> Plan:
    if held.plan is None or held.plan not in definition.plans:
        raise errors.NotEligible()
    return definition.plans[held.plan]


def _with_next_plan(definition: Definition, held: Membership) -> Membership:
    """The plan that takes over with this charge: its renewals are counted from the day on which the charge was due."""
    if held.next_plan is None:
        return held
    plan = _plan(definition, held)
    first = held.anchor
    if held.anchor is not None and plan.period is not None and held.charges:
        first = _renewal(held.anchor, plan.period, held.charges)
    return replace(held, plan=held.next_plan, next_plan=None, anchor=first, charges=0)


def _renewal(anchor: date, period: Span, charges: int) -> date:
    """The day of the renewal after so many charges, always counted from the first one."""
    return calendar.add(anchor, Span(months=period.months * charges, days=period.days * charges))


def _business_days(first: date, last: date) -> int:
    """How many business days (Monday to Friday) come after a day, up to another one."""
    days = (last - first).days
    return sum((first + timedelta(days=number)).weekday() < SATURDAY for number in range(1, days + 1))
