"""Gifts on an occasion: when their season is open, and giving them by themselves, each once.

A reward with `by_itself` is issued when its season opens; units and vouchers of `Definition.gifts` are given on their
occasion. What has been given is counted by year, so that a changed birthday brings no second gift.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from wallet_api.domain import calendar
from wallet_api.domain.decision import Earned, EntryKind
from wallet_api.domain.definition import Definition, Gift, Occasion, Period, Reward, Season
from wallet_api.domain.posting import Posting
from wallet_api.domain.redeeming import is_eligible, issue, reached_limit
from wallet_api.domain.seasons import first_day, open_days
from wallet_api.domain.state import MemberState

YEARLY = (Occasion.BIRTHDAY, Occasion.BIRTHDAY_MONTH, Occasion.ANNIVERSARY)


@dataclass(frozen=True, kw_only=True)
class Due:
    """A gift whose occasion comes: `at` is the first instant of its day."""

    at: datetime
    gift: Gift | Reward


def next_due(definition: Definition, state: MemberState, *, after: datetime) -> Iterator[Due]:
    """For each gift that comes every year, its next occasion after an instant."""
    zone = definition.time_zone
    today = calendar.local_day(after, zone)
    for gift in _yearly(definition):
        occasion = occasion_of(gift)
        day = first_day(definition, state, occasion)
        if day is None:
            continue
        for year in (today.year - 1, today.year, today.year + 1):
            at = calendar.start_of(day.in_year(year), zone)
            if at > after:
                yield Due(at=at, gift=gift)
                break


def post(posting: Posting, due: Due) -> None:
    """Give a gift on its day, to whom it is for, once a year."""
    give(posting, due.gift, at=due.at)


def give_open(posting: Posting, *, at: datetime) -> None:
    """Give what is open on a day and has not been given: for a newcomer, or after a tier has changed."""
    day = calendar.local_day(at, posting.definition.time_zone)
    for gift in _yearly(posting.definition):
        season = season_of(gift)
        if open_days(posting.definition, posting.state, season, day):
            give(posting, gift, at=at)


def give_on(posting: Posting, occasion: Occasion, *, at: datetime) -> None:
    """Give the gifts of an occasion that has just come."""
    for gift in posting.definition.gifts:
        if gift.occasion is occasion:
            give(posting, gift, at=at)


def give(posting: Posting, gift: Gift | Reward, *, at: datetime) -> None:
    """Give a gift, unless it is not for this member, or has been given for this occasion already."""
    day = calendar.local_day(at, posting.definition.time_zone)
    open_now = open_days(posting.definition, posting.state, season_of(gift), day) if _is_yearly(gift) else None
    key = (f"gift:{gift.id}", calendar.period_key(_once_per(gift), open_now.first if open_now else day))
    if posting.state.counted(*key).times and occasion_of(gift) is not Occasion.TIER:
        return
    if isinstance(gift, Reward):
        if is_eligible(gift, posting.state) and not reached_limit(posting, gift, quantity=1, day=day):
            posting.count(*key, units=0)
            issue(posting, gift, at=at)
        return
    if gift.tiers and posting.state.tier not in gift.tiers:
        return
    posting.count(*key, units=0)
    if gift.units:
        earned = Earned(
            rule=gift.id, unit=gift.units.unit, amount=gift.units.amount, why={"occasion": gift.occasion.value}
        )
        posting.earn(earned, at=at, source_id=posting.next_id(), kind=EntryKind.BONUS)
        posting.tell(
            "points_earned",
            unit=gift.units.unit,
            amount=gift.units.amount,
            balance=posting.state.available(gift.units.unit),
            source=gift.id,
        )
    if gift.reward:
        issue(posting, posting.definition.rewards[gift.reward], at=at)


def _is_yearly(gift: Gift | Reward) -> bool:
    return occasion_of(gift) in YEARLY


def _once_per(gift: Gift | Reward) -> Period:
    return Period.YEAR if _is_yearly(gift) else Period.LIFETIME


def occasion_of(gift: Gift | Reward) -> Occasion:
    """On which occasion a gift is given."""
    if isinstance(gift, Reward):
        assert gift.season is not None
        return gift.season.occasion
    return gift.occasion


def season_of(gift: Gift | Reward) -> Season:
    """When a gift may be given: a reward's own season, else the one day of its occasion (or the whole month)."""
    if isinstance(gift, Reward):
        assert gift.season is not None
        return gift.season
    return Season(occasion=gift.occasion, days_for_all=None if gift.occasion is Occasion.BIRTHDAY_MONTH else 1)


def _yearly(definition: Definition) -> Iterator[Gift | Reward]:
    for gift in definition.gifts:
        if gift.occasion in YEARLY:
            yield gift
    for reward in definition.rewards.values():
        if reward.by_itself and reward.season is not None:
            yield reward
