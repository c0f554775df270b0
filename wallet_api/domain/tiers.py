"""Which tier a member has earned, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from wallet_api.domain.definition import TierLevel, TierScheme
from wallet_api.domain.state import MemberState, Standing


@dataclass(frozen=True, kw_only=True)
class Earned:
    """The highest level that the measure reaches, the year that reached it, the value, and the last valid day."""

    level: TierLevel
    year: int
    value: int
    until: date | None


def earned_by(
    scheme: TierScheme,
    state: MemberState,
    *,
    today: date,
    closed_years_only: bool = False,
) -> Earned:
    """The best level among the calendar years whose result is still valid today.

    A year's level is valid for its rest and `years_after` more. With `closed_years_only` the current year does not
    count: so a review at the end of a validity looks at what the last period earned.
    """
    last = today.year - 1 if closed_years_only else today.year
    base = scheme.levels[0]
    best = Earned(level=base, year=last, value=_total(scheme, state, last), until=None)
    for year in range(today.year - scheme.years_after, last + 1):
        value = _total(scheme, state, year)
        level = scheme.earned_by(max(value, 0))
        until = None if level == base else date(year + scheme.years_after, 12, 31)
        if (level.threshold, year) >= (best.level.threshold, best.year):
            best = Earned(level=level, year=year, value=value, until=until)
    return best


def starting(scheme: TierScheme, *, today: date) -> Standing:
    """Where a new member stands: on the first level, without an end."""
    return Standing(tier=scheme.levels[0].id, since=today, until=None)


def is_above(scheme: TierScheme, level: TierLevel, standing: Standing | None) -> bool:
    """Whether a level is higher than the one held; any is where the program no longer knows the one held."""
    held = next((known for known in scheme.levels if standing and known.id == standing.tier), None)
    return held is None or level.threshold > held.threshold


def _total(scheme: TierScheme, state: MemberState, year: int) -> int:
    return state.total(scheme.measure, first=date(year, 1, 1), last=date(year, 12, 31))
