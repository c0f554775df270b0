"""Changing a member's tier: reached by an event, reviewed by time, given by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from wallet_api.domain import calendar, errors, gifts, tiers
from wallet_api.domain.definition import Occasion
from wallet_api.domain.events import Invite, RecordedSale
from wallet_api.domain.posting import Outcome, Posting
from wallet_api.domain.state import MemberState, Standing
from wallet_api.domain.tiers import Earned


def begin(posting: Posting, *, at: datetime) -> None:
    """A newcomer stands on the first level."""
    if posting.definition.tiers:
        today = calendar.local_day(at, posting.definition.time_zone)
        posting.stand(tiers.starting(posting.definition, today=today), at=at, reason={"because": "joined"})


def promote(posting: Posting, *, at: datetime, now: datetime) -> None:
    """A threshold reached is reached at the moment of the event; time alone lowers a tier.

    What counts are the days still valid now: an event of long ago gives no tier that has ended since.
    """
    definition, scheme, held = posting.definition, posting.definition.tiers, posting.state.standing
    if scheme is None or scheme.effective_day is not None:
        return
    zone = definition.time_zone
    earned = tiers.earned_now(definition, posting.state, today=calendar.local_day(max(at, now), zone))
    if tiers.is_above(scheme, earned.level, held):
        day = calendar.local_day(at, zone)
        standing = Standing(
            tier=earned.level.id,
            since=day,
            until=calendar.last_valid(day, scheme.valid) if scheme.valid and earned.until else earned.until,
            counted_from=day,
            uncounted=posting.state.total(scheme.measure, first=day, last=day),
            floor=held.floor if held else None,
            floor_until=held.floor_until if held else None,
        )
        _move(posting, standing, earned, at=at, because="reached")
    elif held and tiers.is_continuous(scheme) and earned.level.id != held.tier:
        _review(posting, earned, at=at)
    elif held and (until := tiers.other_end(scheme, earned, held)):
        _move(posting, replace(held, until=until), earned, at=at, because="kept")


def review(posting: Posting, at: datetime) -> None:
    """A validity has ended, or days have stopped counting: the tier is kept, or becomes what was earned."""
    scheme, held = posting.definition.tiers, posting.state.standing
    assert held is not None
    if scheme is None:
        posting.stand(_without_end(held), at=at, reason={"because": "no_tiers"})
        return
    today = calendar.local_day(at, posting.definition.time_zone)
    earned = tiers.earned_at_review(posting.definition, posting.state, today=today)
    is_same = earned.level.id == held.tier and held.until is None and not tiers.is_end_of_floor(held, today)
    if tiers.is_continuous(scheme) and is_same:
        return  # looked at because a day stopped counting; nothing has changed
    _review(posting, earned, at=at)


def count_what_is_left(posting: Posting, sale: RecordedSale, day: date, *, at: datetime, before: MemberState) -> None:
    """After a return of what lifted the member: that much less of that day is left out when the tier is earned again."""
    scheme, held = posting.definition.tiers, posting.state.standing
    if scheme is None or held is None or held.counted_from != day or not held.uncounted:
        return
    if scheme.rank(sale.tier) >= scheme.rank(held.tier):
        return  # bought in the tier itself, after it was reached: it counts
    lost = before.total(scheme.measure, first=day, last=day) - posting.state.total(scheme.measure, first=day, last=day)
    if lost > 0:
        earned = tiers.earned_now(posting.definition, posting.state, today=day)
        _move(posting, replace(held, uncounted=max(0, held.uncounted - lost)), earned, at=at, because="kept")


def invite(posting: Posting, event: Invite) -> Outcome:
    """A tier given by hand: the member does not fall below it while it lasts."""
    scheme, held = posting.definition.tiers, posting.state.standing
    if scheme is None or scheme.rank(event.tier) < 0:
        raise errors.NotFound(what="tier")
    day = calendar.local_day(event.occurred_at, posting.definition.time_zone)
    previous = held.tier if held else None
    if scheme.rank(event.tier) < scheme.rank(previous):
        raise errors.NotEligible()  # a floor under the tier held would change nothing that anybody sees
    # Worked out at months' ends, it is looked at then, so that whoever is invited can rise.
    until = tiers.starting(posting.definition, today=day).until or event.until
    standing = Standing(
        tier=event.tier, since=day, until=until, counted_from=day, floor=event.tier, floor_until=event.until
    )
    posting.stand(standing, at=event.occurred_at, reason={"because": "invited", "reason": event.reason})
    if event.tier != previous:
        _tell(posting, previous, event.tier, at=event.occurred_at)
    return Outcome()


def _review(posting: Posting, earned: Earned, *, at: datetime) -> None:
    held = posting.state.standing
    assert held is not None
    today = calendar.local_day(at, posting.definition.time_zone)
    standing = tiers.after_review(posting.definition, posting.state, earned, today=today)
    scheme = posting.definition.tiers
    if scheme is not None and tiers.is_continuous(scheme) and replace(standing, counted_from=held.counted_from) == held:
        return  # what the measure does not lower is no change
    because = "kept" if standing.tier == held.tier else "review"
    _move(posting, standing, earned, at=at, because=because)


def _move(posting: Posting, standing: Standing, earned: Earned, *, at: datetime, because: str) -> None:
    scheme, previous = posting.definition.tiers, posting.state.tier
    assert scheme is not None
    reason = {
        "because": because,
        "measure": scheme.measure,
        "value": earned.value,
        "year": earned.first.year,
        "first": earned.first.isoformat(),
        "last": earned.last.isoformat(),
    }
    posting.stand(standing, at=at, reason=reason)
    if standing.tier != previous:
        _tell(posting, previous, standing.tier, at=at)


def _tell(posting: Posting, previous: str | None, tier: str, *, at: datetime) -> None:
    """Tell of a change; a tier reached brings its gifts, and any change may open what was closed."""
    scheme = posting.definition.tiers
    assert scheme is not None
    if scheme.rank(tier) > scheme.rank(previous):
        posting.tell("tier_upgraded", previous=previous, tier=tier)
        gifts.give_on(posting, Occasion.TIER, at=at)
    else:
        posting.tell("tier_downgraded", previous=previous, tier=tier)
    gifts.give_open(posting, at=at)


def _without_end(held: Standing) -> Standing:
    return Standing(tier=held.tier, since=held.since, until=None)
