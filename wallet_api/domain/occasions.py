"""What every event that earns has in common: the scene that rules look at, caps, cooldowns, and telling of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from wallet_api.domain import calendar, earning, errors
from wallet_api.domain.decision import Earned
from wallet_api.domain.definition import Cap, EarningRule, EventKind, Period, Rate, Segment, Span
from wallet_api.domain.earning import Fields, Scene
from wallet_api.domain.posting import Posting
from wallet_api.domain.redeeming import issue
from wallet_api.domain.state import MemberState

ONE_DAY = timedelta(days=1)
LIFETIME = "lifetime"


def purchases(partner: str | None) -> tuple[str, str]:
    """Under what the purchases of a whole life at one's own locations, or at a partner's, are counted, apart from rules."""
    return "count:purchases" if partner is None else f"count:purchases:{partner}", LIFETIME


def scene_of(posting: Posting, at: datetime, *, location: str | None = None, fields: Fields | None = None) -> Scene:
    """What the conditions of rules look at for an event of this member now."""
    definition, state = posting.definition, posting.state
    day, partner = calendar.local_day(at, definition.time_zone), definition.partner_at(location)
    return Scene(
        day=day,
        tier=state.tier,
        location=location,
        birth_date=state.birth_date,
        is_first_in_month=_orders_in_month(state, day) == 0,
        is_first_ever=state.counted(*purchases(partner)).times == 0,
        fields=fields or {},
        streak=calendar.streak(state.measures.get("visits", {}), today=day - ONE_DAY) + 1,
        membership=state.membership.status.value,
        partner=partner,
        segments=frozenset(name for name, segment in definition.segments.items() if _is_in(posting, segment, day)),
        carried={rule.id: state.counted(*carry_key(rule)).units for rule in definition.earning if rule.carries},
    )


def earn(posting: Posting, earned: Earned, *, at: datetime, source_id: UUID, day: date) -> None:
    """Post what a rule gives, under its cap and cooldown: units (pending, where a sale's wait), or vouchers."""
    rule = earning.rule_of(posting.definition, earned.rule)
    if rule.carries and "carried_parts" in earned.why:
        key = carry_key(rule)
        posting.count(*key, units=_whole(earned.why["carried_parts"]) - posting.state.counted(*key).units, times=0)
    earned = _under_cap(posting, rule, _after_cooldown(posting, rule, earned, at=at), day)
    if rule.cooldown_seconds and earned.amount:
        _begin_cooldown(posting, rule, at=at)
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
        tell_of_unlocked(posting, unit, before=posting.before.available(unit))


def tell_of_unlocked(posting: Posting, unit: str, *, before: int) -> None:
    """Note the dearest reward that a balance has come to be enough for; those below it say nothing new."""
    balance = posting.state.available(unit)
    unlocked = [
        (reward.price.amount, reward.id)
        for reward in posting.definition.rewards.values()
        if reward.price
        and reward.price.unit == unit
        and before < reward.price.amount <= balance
        and not reward.only_given
        and (not reward.tiers or posting.state.tier in reward.tiers)
    ]
    if unlocked:
        posting.tell("reward_unlocked", reward=max(unlocked)[1], unit=unit, balance=balance)


def carry_key(rule: EarningRule) -> tuple[str, str]:
    """Under what a rule's rest is kept; a rate that counts in other portions begins anew."""
    per = rule.amount.per if isinstance(rule.amount, Rate) else 0
    return f"carry:{rule.id}:{per}", LIFETIME


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
    """Nothing where the rule gave something less than its cooldown before."""
    last = posting.state.counted(f"cooldown:{rule.id}", LIFETIME)
    since = int(at.timestamp()) - last.units
    if not last.times or not earned.amount or not 0 <= since < rule.cooldown_seconds:
        return earned
    return replace(earned, amount=0, why={**earned.why, "cooldown_hours": rule.cooldown_hours})


def _begin_cooldown(posting: Posting, rule: EarningRule, *, at: datetime) -> None:
    key = (f"cooldown:{rule.id}", LIFETIME)
    last = posting.state.counted(*key).units
    posting.count(*key, units=max(0, int(at.timestamp()) - last))


def _orders_in_month(state: MemberState, day: date) -> int:
    """How many purchases the whole month has, later days too: a receipt that comes late is not the first."""
    first = day.replace(day=1)
    return state.total("orders", first=first, last=calendar.add(first, Span(months=1)) - ONE_DAY)


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
