"""Goals over what a member does: reached, they give a badge, and perhaps units or vouchers, once a period."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from wallet_api.domain import calendar
from wallet_api.domain.decision import Earned, EntryKind
from wallet_api.domain.definition import Challenge, DayRange, Definition, Period, Span
from wallet_api.domain.posting import Posting
from wallet_api.domain.redeeming import issue
from wallet_api.domain.state import MemberState

EARNED = "earned:"


def check(posting: Posting, *, at: datetime) -> None:
    """Award what has been reached by now and was not awarded before."""
    definition = posting.definition
    day = calendar.local_day(at, definition.time_zone)
    for challenge in definition.challenges:
        key = (f"challenge:{challenge.id}", calendar.period_key(challenge.per, day))
        if (
            posting.state.counted(*key).times
            or value_of(definition, posting.state, challenge, day=day) < challenge.goal
        ):
            continue
        posting.count(*key, units=0)
        _award(posting, challenge, at=at, day=day)


def value_of(definition: Definition, state: MemberState, challenge: Challenge, *, day: date) -> int:
    """How far a member is on a day."""
    days = _days(challenge, day)
    if days is None:
        return state.lifetime(challenge.measure.removeprefix(EARNED))
    if challenge.days is not None and day not in challenge.days:
        return 0
    return state.total(challenge.measure, first=days.first, last=days.last)


def _days(challenge: Challenge, day: date) -> DayRange | None:
    """The days that count: the challenge's own, else the period's in which the day lies; None for a whole life."""
    if challenge.days is not None:
        return challenge.days
    match challenge.per:
        case Period.DAY:
            return DayRange(first=day, last=day)
        case Period.WEEK:
            monday = day - timedelta(days=day.weekday())
            return DayRange(first=monday, last=monday + timedelta(days=6))
        case Period.MONTH:
            first = day.replace(day=1)
            return DayRange(first=first, last=calendar.add(first, Span(months=1)) - timedelta(days=1))
        case Period.YEAR:
            return DayRange(first=date(day.year, 1, 1), last=date(day.year, 12, 31))
        case _:
            return None


def _award(posting: Posting, challenge: Challenge, *, at: datetime, day: date) -> None:
    if challenge.badge is not None:
        posting.award_badge(challenge.badge, day)
        posting.tell("badge_earned", badge=challenge.badge, challenge=challenge.id)
    if challenge.units is not None:
        earned = Earned(
            rule=challenge.id,
            unit=challenge.units.unit,
            amount=challenge.units.amount,
            why={"challenge": challenge.id, "goal": challenge.goal},
        )
        posting.earn(earned, at=at, source_id=posting.next_id(), kind=EntryKind.BONUS)
    for reward in challenge.rewards:
        issue(posting, posting.definition.rewards[reward], at=at)
