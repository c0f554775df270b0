"""Which tier a member has earned, over which days, and until when.

`today` is always a program-local day. The four ways in which a tier lasts are told in `definition.TierScheme`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from wallet_api.domain import calendar
from wallet_api.domain.definition import Definition, Downgrade, MonthDay, Span, TierLevel, TierScheme, YearKind
from wallet_api.domain.state import MemberState, Standing

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Earned:
    """The highest level that the measure reaches: its value, the days it was counted over, and the last valid day."""

    level: TierLevel
    value: int
    first: date
    last: date
    until: date | None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a member stands: the measure over the days that count now, the next level, and what is missing for it.

    `until`: by when (None: the window moves with time). `to_keep`: what is still missing to keep the tier that is held,
    None where nothing has to be done for it.
    """

    value: int
    first: date
    last: date
    next: TierLevel | None
    missing: int
    until: date | None
    to_keep: int | None


def starting(definition: Definition, *, today: date) -> Standing:
    """Where a new member stands: on the first level, without an end."""
    scheme = _scheme(definition)
    return Standing(tier=scheme.levels[0].id, since=today, until=_next_effective_end(scheme, today), counted_from=today)


def earned_now(definition: Definition, state: MemberState, *, today: date) -> Earned:
    """The best level whose result is still valid today."""
    scheme = _scheme(definition)
    if scheme.years is None or scheme.years_after is None:
        first, last = window(definition, state, today=today)
        return _by_value(scheme, state, first, last, until=_until(scheme, today))
    return _best_year(definition, state, today=today, closed_only=False)


def reviewed(definition: Definition, state: MemberState, *, today: date) -> Standing:
    """What follows when a validity has ended the day before today: kept, lower, or what a month's end worked out."""
    return after_review(definition, state, earned_at_review(definition, state, today=today), today=today)


def earned_at_review(definition: Definition, state: MemberState, *, today: date) -> Earned:
    """What the period that a review looks at has earned; where a floor has ended, what has been earned by now."""
    scheme, held = _scheme(definition), state.standing
    assert held is not None
    if scheme.effective_day is not None:
        last = today.replace(day=1) - ONE_DAY
        first, _ = window(definition, state, today=last)
        return _by_value(scheme, state, first, last, until=_next_effective_end(scheme, today))
    if is_end_of_floor(held, today):
        return earned_now(definition, state, today=today)
    if scheme.valid is not None:
        first, last = held.counted_from or held.since, today - ONE_DAY
        less = uncounted(scheme, state, held)
        return _by_value(scheme, state, first, last, until=_until(scheme, today), less=less)
    if scheme.years is None or scheme.years_after is None:
        return earned_now(definition, state, today=today)
    return _best_year(definition, state, today=today, closed_only=scheme.grace is None)


def after_review(definition: Definition, state: MemberState, earned: Earned, *, today: date) -> Standing:
    """Where the member stands after a review: never below the floor, never lower than the scheme lets a tier fall."""
    scheme, held = _scheme(definition), state.standing
    assert held is not None
    kept = _without_floor(held) if is_end_of_floor(held, today) else held
    if kept is not held and held.tier != held.floor:
        return kept  # held by what was earned: the floor that has ended was not needed
    level, until = earned.level, earned.until
    was_earned = kept is held
    if was_earned and scheme.then is Downgrade.NONE and scheme.rank(level.id) < scheme.rank(held.tier):
        level, until = scheme.level(held.tier), _next_effective_end(scheme, today)
    elif was_earned and scheme.then is Downgrade.ONE_DOWN and scheme.rank(level.id) < scheme.rank(held.tier) - 1:
        level = scheme.below(held.tier)
        until = _until_after_falling(definition, state, today)
    if kept.floor is not None and scheme.rank(level.id) < scheme.rank(kept.floor):
        level, until = scheme.level(kept.floor), _next_effective_end(scheme, today) or kept.floor_until
    return replace(
        kept,
        tier=level.id,
        since=held.since if level.id == held.tier else today,
        until=until,
        counted_from=today,
        uncounted=0,
    )


def review_day(scheme: TierScheme, standing: Standing) -> date | None:
    """The day at whose beginning a tier is looked at again, if there is one."""
    days = []
    if standing.until is not None:
        is_by_hand = standing.tier == standing.floor and standing.until == standing.floor_until
        end = calendar.add(standing.until, scheme.grace) if scheme.grace and not is_by_hand else standing.until
        days.append(end + ONE_DAY)
    if standing.floor_until is not None:
        days.append(standing.floor_until + ONE_DAY)
    return min(days, default=None)


def is_end_of_floor(held: Standing, today: date) -> bool:
    """Whether a tier given by hand has ended the day before today, or earlier."""
    return held.floor is not None and held.floor_until is not None and held.floor_until < today


def _without_floor(held: Standing) -> Standing:
    return replace(held, floor=None, floor_until=None)


def is_above(scheme: TierScheme, level: TierLevel, standing: Standing | None) -> bool:
    """Whether a level is higher than the one held; any is where the program no longer knows the one held."""
    return scheme.rank(level.id) > scheme.rank(standing.tier if standing else None)


def other_end(scheme: TierScheme, earned: Earned, held: Standing) -> date | None:
    """Where years earn the held tier until another day than it is held: that day.

    A later one, when a new year has reached it again; an earlier one, when a return has undone that.
    """
    if scheme.years_after is None or earned.level.id != held.tier or held.until is None:
        return None
    return earned.until if earned.until != held.until else None


def is_continuous(scheme: TierScheme) -> bool:
    """Whether a tier is held for just as long as the measure reaches it."""
    return scheme.years_after is None and scheme.valid is None and scheme.effective_day is None


def next_loss(definition: Definition, state: MemberState, *, after: date) -> date | None:
    """Where tiers are held only while the measure reaches them: the next day on which an old day stops counting."""
    scheme = definition.tiers
    if scheme is None or not is_continuous(scheme):
        return None
    counted = [day for day, value in state.measures.get(scheme.measure, {}).items() if value]
    if scheme.rolling is not None:
        days = (calendar.add(day, scheme.rolling) for day in counted)
    else:
        days = (_year(definition, state, day)[1] + ONE_DAY for day in counted)
    return min((day for day in days if day > after), default=None)


def window(definition: Definition, state: MemberState, *, today: date) -> tuple[date, date]:
    """The days that count towards a tier today: the current year, or the last months up to today.

    A day counts for as long as what was earned on it would live: until that day plus the months has come.
    """
    scheme = _scheme(definition)
    if scheme.years is not None:
        return _year(definition, state, today)
    rolling = scheme.rolling or Span(months=12)
    first = calendar.add(today, Span(months=-rolling.months, days=-rolling.days)) - timedelta(days=3)
    while calendar.add(first, rolling) <= today:
        first += ONE_DAY
    return first, today


def uncounted(scheme: TierScheme, state: MemberState, held: Standing) -> int:
    """What of the first day's measure lifted the member, and so does not count towards keeping the tier."""
    first = held.counted_from or held.since
    return min(held.uncounted, max(0, state.total(scheme.measure, first=first, last=first)))


def progress(definition: Definition, state: MemberState, *, today: date) -> Progress | None:
    """Where the member stands on the way to the next tier; None in a program without tiers."""
    scheme, held = definition.tiers, state.standing
    if scheme is None or held is None:
        return None
    first, last = window(definition, state, today=today)
    value = state.total(scheme.measure, first=first, last=last)
    above = scheme.next_after(held.tier)
    return Progress(
        value=value,
        first=first,
        last=last,
        next=above,
        missing=max(0, (above.threshold or 0) - value) if above else 0,
        until=last if scheme.years is not None else None,
        to_keep=_to_keep(definition, state, held, today=today),
    )


def _to_keep(definition: Definition, state: MemberState, held: Standing, *, today: date) -> int | None:
    scheme = _scheme(definition)
    threshold = next((level.threshold for level in scheme.levels if level.id == held.tier), None)
    if held.until is None or not threshold or scheme.effective_day is not None:
        return None
    if scheme.valid is not None:
        first = held.counted_from or held.since
        value = state.total(scheme.measure, first=first, last=today) - uncounted(scheme, state, held)
    else:
        first, last = window(definition, state, today=today)
        value = state.total(scheme.measure, first=first, last=last)
    return max(0, threshold - value)


def _scheme(definition: Definition) -> TierScheme:
    assert definition.tiers is not None
    return definition.tiers


def _by_value(
    scheme: TierScheme, state: MemberState, first: date, last: date, *, until: date | None, less: int = 0
) -> Earned:
    value = state.total(scheme.measure, first=first, last=last) - less
    level = scheme.earned_by(max(value, 0))
    # The first level needs nothing and so has no end, but where every month works the tier out anew.
    is_endless = level == scheme.levels[0] and scheme.effective_day is None
    return Earned(level=level, value=value, first=first, last=last, until=None if is_endless else until)


def _best_year(definition: Definition, state: MemberState, *, today: date, closed_only: bool) -> Earned:
    """The best level among the years whose result is still valid today, the latest of equals.

    With `closed_only` the current year does not count: so a review at the end of a validity looks at what the last
    period earned.
    """
    scheme = _scheme(definition)
    years_after = scheme.years_after or 0
    year = _year(definition, state, today)
    years = [] if closed_only else [year]
    for _ in range(years_after):
        year = _year(definition, state, year[0] - ONE_DAY)
        years.append(year)
    found = [
        _by_value(scheme, state, *days, until=_end_of_year(definition, state, days[1], years_after)) for days in years
    ]
    if found:
        return max(found, key=lambda earned: (scheme.rank(earned.level.id), earned.first))
    first, last = _year(definition, state, year[0] - ONE_DAY)  # of the years gone by none is valid any more
    value = state.total(scheme.measure, first=first, last=last)
    return Earned(level=scheme.levels[0], value=value, first=first, last=last, until=None)


def _end_of_year(definition: Definition, state: MemberState, last: date, years_after: int) -> date:
    """The last day of a year that so many more follow."""
    for _ in range(years_after):
        last = _year(definition, state, last + ONE_DAY)[1]
    return last


def _year(definition: Definition, state: MemberState, day: date) -> tuple[date, date]:
    """The year in which a day lies, of the calendar or since the member joined."""
    scheme = _scheme(definition)
    if scheme.years is not YearKind.MEMBERSHIP:
        return date(day.year, 1, 1), date(day.year, 12, 31)
    joined = calendar.local_day(state.joined_at, definition.time_zone)
    start = MonthDay(month=joined.month, day=joined.day)
    first = start.in_year(day.year)
    if first > day:
        first = start.in_year(day.year - 1)
    return first, start.in_year(first.year + 1) - ONE_DAY


def _until(scheme: TierScheme, today: date) -> date | None:
    """The last day of a tier that is reached today."""
    if scheme.valid is not None:
        return calendar.last_valid(today, scheme.valid)
    if scheme.effective_day is not None:
        return _next_effective_end(scheme, today)
    if scheme.years_after is not None:
        return date(today.year + scheme.years_after, 12, 31)
    return None


def _until_after_falling(definition: Definition, state: MemberState, today: date) -> date | None:
    """The last day of the tier one below the one that was lost today: one more validity."""
    scheme = _scheme(definition)
    if scheme.years is None or scheme.years_after is None:
        return _until(scheme, today)
    return _end_of_year(definition, state, _year(definition, state, today)[1], max(0, scheme.years_after - 1))


def _next_effective_end(scheme: TierScheme, today: date) -> date | None:
    """The last day before what a month's end works out comes into force."""
    if scheme.effective_day is None:
        return None
    this = today.replace(day=scheme.effective_day)
    following = this if this > today else calendar.add(this.replace(day=1), Span(months=1))
    return following.replace(day=scheme.effective_day) - ONE_DAY
