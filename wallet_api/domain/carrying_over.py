"""What a new version of a definition makes of what members have, by the rules that its file states.

Entries keep the version under which they were made. A tier goes over by its id, or by the one that the file says takes
its place; one that has no successor becomes what the member has earned. Open lots keep their end, or are dated anew.
"""

from __future__ import annotations

from dataclasses import replace

from wallet_api.domain import calendar, gifts, standing, tiers
from wallet_api.domain.events import NewRules
from wallet_api.domain.posting import Outcome, Posting
from wallet_api.domain.state import Standing


def carry_over(posting: Posting, event: NewRules) -> Outcome:
    """Post what the new rules change for a member, at the instant from which on they hold."""
    at, definition = event.occurred_at, posting.definition
    _carry_tier(posting, event)
    if not definition.carry_over.lots_keep_expiry:
        posting.date_lots_by_the_rules(calendar.local_day(at, definition.time_zone))
    gifts.give_open(posting, at=at)
    return Outcome()


def _carry_tier(posting: Posting, event: NewRules) -> None:
    scheme, held, at = posting.definition.tiers, posting.state.standing, event.occurred_at
    if scheme is None:
        return  # a tier of before ends with its validity
    if held is None:
        standing.begin(posting, at=at)
        return
    heir = posting.definition.carry_over.tiers.get(held.tier, held.tier)
    if heir == held.tier and scheme.rank(heir) >= 0:
        return
    today = calendar.local_day(at, posting.definition.time_zone)
    if scheme.rank(heir) >= 0:
        carried = replace(held, tier=heir, floor=_heir_of_floor(posting, held))
    else:
        earned = tiers.earned_now(posting.definition, posting.state, today=today)
        carried = Standing(tier=earned.level.id, since=today, until=earned.until, counted_from=today)
    posting.stand(carried, at=at, reason={"because": "new_rules", "previous": held.tier})


def _heir_of_floor(posting: Posting, held: Standing) -> str | None:
    return None if held.floor is None else posting.definition.carry_over.tiers.get(held.floor, held.floor)
