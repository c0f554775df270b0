"""What every event that earns has in common: the scene that rules look at, caps, cooldowns, and telling of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from wallet_api.domain import calendar, earning, errors
from wallet_api.domain.decision import Earned
from wallet_api.domain.definition import Cap, EarningRule, EventKind, Period, Segment, Span
from wallet_api.domain.earning import Fields, Scene
from wallet_api.domain.posting import Posting
from wallet_api.domain.redeeming import issue

ONE_DAY = timedelta(days=1)
SECONDS_AN_HOUR = 3600
LIFETIME = "lifetime"
PURCHASES = ("count:purchases", LIFETIME)
"""Under what the purchases of a whole life are counted, apart from rules: the first one is told by it."""


def scene_of(posting: Posting, at: datetime, *, location: str | None = None, fields: Fields | None = None) -> Scene:
    """What the conditions of rules look at for an event of this member now."""
    definition, state = posting.definition, posting.state
    day = calendar.local_day(at, definition.time_zone)
    return Scene(
        day=day,
        tier=state.tier,
        location=location,
        birth_date=state.birth_date,
        is_first_in_month=state.total("orders", first=day.replace(day=1), last=day) == 0,
        is_first_ever=state.counted(*PURCHASES).times == 0,
        fields=fields or {},
        streak=calendar.streak(state.measures.get("visits", {}), today=day - ONE_DAY) + 1,
        membership=state.membership.status.value,
        partner=definition.partner_at(location),
        segments=frozenset(name for name, segment in definition.segments.items() if _is_in(posting, segment, day)),
        carried={
            rule.id: state.counted(f"carry:{rule.id}", LIFETIME).units for rule in definition.earning if rule.carries
        },
    )


def earn(posting: Posting, earned: Earned, *, at: datetime, source_id: UUID, day: date) -> None:
    """Post what a rule gives, under its cap and cooldown: units (pending, where a sale's wait), or vouchers."""
    rule = earning.rule_of(posting.definition, earned.rule)
    if rule.carries and "carried_on" in earned.why:
        carried = posting.state.counted(f"carry:{rule.id}", LIFETIME).units
        posting.count(f"carry:{rule.id}", LIFETIME, units=_whole(earned.why["carried_on"]) - carried, times=0)
    earned = _after_cooldown(posting, rule, _under_cap(posting, rule, earned, day), at=at)
    if rule.reward is not None:
        for _ in range(earned.amount):
            issue(posting, posting.definition.rewards[rule.reward], at=at)
        return
    posting.earn(earned, at=at, source_id=source_id, usable_at=_usable_at(posting, rule, day))


def keep_alive(posting: Posting, day: date) -> None:
    """A purchase, a visit or an activity moves what any activity extends, whatever it earned."""
    for unit in posting.definition.units.values():
        if unit.expires and unit.expires.extended_by:
            posting.touch(unit.id, day)


def tell_of_earnings(posting: Posting, *, source_id: UUID) -> None:
    """Note what an event has brought, unit by unit."""
    totals: dict[str, int] = {}
    for earned in posting.earned:
        totals[earned.unit] = totals.get(earned.unit, 0) + earned.amount
    for unit, amount in totals.items():
        if amount:
            balance = posting.state.available(unit)
            posting.tell("points_earned", unit=unit, amount=amount, balance=balance, source=str(source_id))


def cap_period(rule: EarningRule, cap: Cap, day: date) -> str:
    """In which period a day's earnings count towards a cap."""
    if cap.per is Period.WINDOW:
        window = next(days for days in rule.where.days or () if day in days)
        return f"{window.first}..{window.last}"
    return calendar.period_key(cap.per, day)


def _under_cap(posting: Posting, rule: EarningRule, earned: Earned, day: date) -> Earned:
    cap = rule.cap
    if cap is None:
        return earned
    if cap.per is Period.TRANSACTION:
        return earning.under_cap(earned, cap, posting.state.counted("", ""))
    name, period = cap.name or rule.id, cap_period(rule, cap, day)
    capped = earning.under_cap(earned, cap, posting.state.counted(name, period))
    if rule.refuses and "cap" in capped.why:
        raise errors.AlreadyCheckedIn() if rule.on is EventKind.CHECK_IN else errors.LimitReached(limit=cap.times)
    if capped.amount:
        posting.count(name, period, units=capped.amount)
    return capped


def _after_cooldown(posting: Posting, rule: EarningRule, earned: Earned, *, at: datetime) -> Earned:
    """Nothing where the rule gave something less than its cooldown ago."""
    if not rule.cooldown_hours or not earned.amount:
        return earned
    hour, key = int(at.timestamp()) // SECONDS_AN_HOUR, (f"cooldown:{rule.id}", LIFETIME)
    last = posting.state.counted(*key)
    if last.times and hour - last.units < rule.cooldown_hours:
        return replace(earned, amount=0, why={**earned.why, "cooldown_hours": rule.cooldown_hours})
    posting.count(*key, units=hour - last.units)
    return earned


def _usable_at(posting: Posting, rule: EarningRule, day: date) -> datetime | None:
    """When what a sale earns can be used: after the last day of waiting."""
    waits = posting.definition.units[rule.unit].pending
    if waits is None or rule.on is not EventKind.SALE:
        return None
    return calendar.end_of(calendar.add(day, waits), posting.definition.time_zone)


def _is_in(posting: Posting, segment: Segment, day: date) -> bool:
    state = posting.state
    if segment.tiers and state.tier not in segment.tiers:
        return False
    if segment.measure is None:
        return True
    first = calendar.add(day + ONE_DAY, Span(months=-segment.over.months, days=-segment.over.days))
    value = state.total(segment.measure, first=first, last=day)
    return (segment.at_least is None or value >= segment.at_least) and (
        segment.at_most is None or value <= segment.at_most
    )


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
