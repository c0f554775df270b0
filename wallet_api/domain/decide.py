"""`decide`: everything that a program can do to a member goes through this one function.

It is pure and total: the same definition, state, event, time and ids give the same decision, or the same refusal.
A preview is `decide` without the write; an import is `decide` over a member's history; a journey is `decide` with a
clock that moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from wallet_api.domain import calendar, earning, gifts, membership, standing
from wallet_api.domain.carrying_over import carry_over
from wallet_api.domain.consequences import follow
from wallet_api.domain.decision import Decision, EntryKind
from wallet_api.domain.definition import Choice, Definition, EventKind, Occasion, Period
from wallet_api.domain.due import post_due
from wallet_api.domain.earning import Fields
from wallet_api.domain.events import (
    Activity,
    Adjust,
    Award,
    Capture,
    CheckIn,
    Event,
    Hold,
    Invite,
    Join,
    NewRules,
    PlanEvent,
    Redeem,
    Release,
    Return,
    Sale,
    TimePasses,
    VerificationEvent,
)
from wallet_api.domain.occasions import earn, keep_alive, scene_of, tell_of_earnings
from wallet_api.domain.posting import Outcome, Posting
from wallet_api.domain.redeeming import capture, hold, issue, redeem, release, reward_of
from wallet_api.domain.returning import take_back
from wallet_api.domain.selling import sell
from wallet_api.domain.state import MemberState


def decide(
    definition: Definition,
    state: MemberState,
    event: Event,
    *,
    now: datetime,
    ids: Iterator[UUID],
) -> Decision:
    """What this event does to this member, after everything that time has brought by `now`.

    Raises a `Refusal` if the program does not allow it; then nothing is to be written.
    """
    posting = Posting(definition, state, ids)
    post_due(posting, now=now)
    outcome = _outcome(posting, event)
    if not isinstance(event, TimePasses):
        follow(posting, at=event.occurred_at, now=now)
    # What an event of the past brings may be over by now: a lot that has expired, a voucher given back too late.
    post_due(posting, now=now)
    return posting.decision(outcome)


def _outcome(posting: Posting, event: Event) -> Outcome:  # noqa: C901, PLR0912 one case for each kind of event
    match event:
        case TimePasses():
            return Outcome()
        case NewRules():
            return carry_over(posting, event)
        case Join():
            return _join(posting, event)
        case Sale():
            return sell(posting, event)
        case Return():
            return take_back(posting, event)
        case CheckIn():
            return _check_in(posting, event)
        case Activity():
            return _activity(posting, event)
        case Redeem():
            return redeem(posting, event)
        case Hold():
            return hold(posting, event)
        case Capture():
            return capture(posting, event)
        case Release():
            return release(posting, event)
        case Adjust():
            return _adjust(posting, event)
        case Invite():
            return standing.invite(posting, event)
        case Award():
            return _award(posting, event)
        case PlanEvent():
            return _plan(posting, event)
        case VerificationEvent():
            return _verification(posting, event)


def _join(posting: Posting, event: Join) -> Outcome:
    at = event.occurred_at
    posting.settle_until(at)
    standing.begin(posting, at=at)
    charge = None
    if event.plan is not None:
        day = calendar.local_day(at, posting.definition.time_zone)
        change = membership.start(posting.definition, posting.state.membership, event.plan, today=day)
        posting.join(change.membership)
        charge = change.charge
    for earned in earning.for_event(posting.definition, EventKind.JOIN, scene_of(posting, at)):
        posting.earn(earned, at=at, source_id=event.id, kind=EntryKind.BONUS)
    gifts.give_on(posting, Occasion.JOIN, at=at)
    gifts.give_open(posting, at=at)
    posting.tell("welcome")
    return Outcome(charge=charge)


def _check_in(posting: Posting, event: CheckIn) -> Outcome:
    day = calendar.local_day(event.occurred_at, posting.definition.time_zone)
    scene = scene_of(posting, event.occurred_at, location=event.location)
    for earned in earning.for_event(posting.definition, EventKind.CHECK_IN, scene):
        earn(posting, earned, at=event.occurred_at, source_id=event.id, day=day)
    posting.measure("visits", day, 1)
    keep_alive(posting, day)
    tell_of_earnings(posting, source_id=event.id)
    return Outcome()


def _activity(posting: Posting, event: Activity) -> Outcome:
    definition = posting.definition
    day = calendar.local_day(event.occurred_at, definition.time_zone)
    fields, other = _with_choice(posting, event)
    scene = scene_of(posting, event.occurred_at, fields=fields)
    for earned in earning.for_event(definition, EventKind.ACTIVITY, scene, kind=event.kind):
        if other is not None:
            posting.earn(replace(earned, amount=0, why={"choice": other}), at=event.occurred_at, source_id=event.id)
        else:
            earn(posting, earned, at=event.occurred_at, source_id=event.id, day=day)
    posting.measure(f"activity:{event.kind}", day, 1)
    keep_alive(posting, day)
    tell_of_earnings(posting, source_id=event.id)
    return Outcome()


def _with_choice(posting: Posting, event: Activity) -> tuple[Fields, str | None]:
    """The activity's fields with a choice that was left out; and the period's choice where it was another one."""
    choice = next((each for each in posting.definition.choices if each.kind == event.kind), None)
    if choice is None:
        return event.fields, None
    made = earning.text_of(event.fields.get(choice.field)) or choice.options[0]
    day = calendar.local_day(event.occurred_at, posting.definition.time_zone)
    period = calendar.period_key(choice.per, day)
    fields = {**event.fields, choice.field: made}
    for other in choice.options:
        if other != made and posting.state.counted(_chosen(choice, other), period).times:
            return fields, other
    posting.count(_chosen(choice, made), period, units=0)
    return fields, None


def _chosen(choice: Choice, option: str) -> str:
    return f"choice:{choice.kind}:{choice.field}:{option}"


def _adjust(posting: Posting, event: Adjust) -> Outcome:
    posting.adjust(
        event.unit,
        event.amount,
        at=event.occurred_at,
        source_id=event.id,
        reason=event.reason,
    )
    posting.tell("card_changed")
    return Outcome()


def _award(posting: Posting, event: Award) -> Outcome:
    key = (f"award:{event.cause}", calendar.period_key(Period.LIFETIME, event.occurred_at.date()))
    if posting.state.counted(*key).times:
        return Outcome()
    posting.count(*key, units=0)
    voucher = issue(posting, reward_of(posting.definition, event.reward), at=event.occurred_at)
    return Outcome(voucher_id=voucher.id if voucher else None)


def _plan(posting: Posting, event: PlanEvent) -> Outcome:
    day = calendar.local_day(event.occurred_at, posting.definition.time_zone)
    held = posting.state.membership
    change = membership.by_plan(posting.definition, held, event.action, plan=event.plan, today=day)
    posting.join(change.membership)
    if change.membership.status is not held.status:
        posting.tell("membership_changed", previous=held.status.value, status=change.membership.status.value)
    return Outcome(charge=change.charge, refund=change.refund)


def _verification(posting: Posting, event: VerificationEvent) -> Outcome:
    day = calendar.local_day(event.occurred_at, posting.definition.time_zone)
    held = posting.state.membership
    after = membership.by_verification(posting.definition, held, event.action, today=day)
    posting.join(after)
    if after.status is not held.status:
        posting.tell("membership_changed", previous=held.status.value, status=after.status.value)
    return Outcome()
