"""Units worked out from a whole period's purchases: dividends, and campaigns that are credited later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from uuid import UUID

from wallet_api.domain import calendar
from wallet_api.domain.decision import Earned, EntryKind
from wallet_api.domain.definition import Credit, DayRange, Definition
from wallet_api.domain.earning import Basket, Scene, meets, rounded
from wallet_api.domain.posting import Posting
from wallet_api.domain.state import MemberState

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Due:
    """A period of a credit whose day has come: `at` is the first instant of that day."""

    at: datetime
    credit: Credit
    period: DayRange


def counted(credit: Credit, basket: Basket, scene: Scene) -> Fraction:
    """The money, in minor units, that a purchase brings to a credit's period."""
    if credit.period_of(scene.day) is None or not meets(credit.where, scene):
        return Fraction(0)
    return (basket.by_units_too() if credit.counts_units else basket).base(credit.where)


def next_due(definition: Definition, state: MemberState, *, after: datetime) -> list[Due]:
    """For each credit the next period whose day comes after an instant."""
    zone = definition.time_zone
    today = calendar.local_day(after, zone)
    found = []
    for credit in definition.credits:
        for period in credit.periods_credited_after(today - ONE_DAY):
            at = calendar.start_of(credit.credited_on(period), zone)
            if at > after:
                found.append(Due(at=at, credit=credit, period=period))
                break
    return found


def post(posting: Posting, due: Due) -> None:
    """Credit a period on its day."""
    _correct(posting, due.credit, due.period, at=due.at, source_id=None)


def reckon_again(posting: Posting, day: date, *, at: datetime, source_id: UUID) -> None:
    """After a purchase of a day has changed: what its periods have credited already is worked out again."""
    zone = posting.definition.time_zone
    for credit in posting.definition.credits:
        period = credit.period_of(day)
        settled = posting.state.settled_at
        credited_at = calendar.start_of(credit.credited_on(period), zone) if period else None
        if period and settled and credited_at and credited_at <= settled:
            # As of its day at the earliest, so that it lives as long as what was credited then.
            _correct(posting, credit, period, at=max(at, credited_at), source_id=source_id)


def amount_of(definition: Definition, state: MemberState, credit: Credit, period: DayRange) -> int:
    """What a period gives as it stands, in smallest steps."""
    value = state.total(credit.measure, first=period.first, last=period.last)
    joined = calendar.local_day(state.joined_at, definition.time_zone)
    is_exempt = credit.join_year_is_exempt and joined in period
    if value <= 0 or (value < credit.minimum and not is_exempt):
        return 0
    amount = rounded(credit.rate.exact(value), credit.rounding)
    return amount if credit.most is None else min(amount, credit.most)


def _correct(posting: Posting, credit: Credit, period: DayRange, *, at: datetime, source_id: UUID | None) -> None:
    """Post the difference between what a period gives and what it has given."""
    state = posting.state
    name = f"{period.first}..{period.last}"
    given = state.counted(credit.measure, period_key(period)).units
    change = amount_of(posting.definition, state, credit, period) - given
    if change == 0:
        return
    value = state.total(credit.measure, first=period.first, last=period.last)
    why = {
        "credit": credit.id,
        "period": name,
        "base": value,
        "earn": credit.rate.earn,
        "per": credit.rate.per,
        "rounding": credit.rounding.value,
        "given": given,
    }
    if credit.most is not None:
        why["most"] = credit.most
    posting.count(credit.measure, period_key(period), units=change, times=0)
    if change > 0:
        # A source of its own: it is not an earning of the sale that had it worked out again.
        source = posting.next_id()
        earned = Earned(rule=credit.id, unit=credit.unit, amount=change, why=why)
        posting.earn(earned, at=at, source_id=source, kind=EntryKind.BONUS)
        posting.tell(
            "points_earned",
            unit=credit.unit,
            amount=change,
            balance=posting.state.available(credit.unit),
            source=str(source),
        )
    else:
        posting.take_back(
            credit.unit,
            -change,
            at=at,
            source_id=source_id or posting.next_id(),
            reverses=None,
            of=posting.state.member_id,
            rule=credit.id,
            why=why,
        )
        posting.measure(f"earned:{credit.unit}", calendar.local_day(at, posting.definition.time_zone), change)


def period_key(period: DayRange) -> str:
    """Under which period a credit's figures are counted: the year in which it ends."""
    return f"{period.last.year}"
