"""A manager gives a tier by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from wallet_api.domain import calendar, errors
from wallet_api.domain.events import Invite
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.find_member import member_now
from wallet_api.services.present import Json
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """Which tier, until which day (its last; None: without end), and why."""

    tier: str
    reason: str
    until: date | None = None


def invite(app: App, tx: Tx, member_id: UUID, wish: Invitation, *, program: str) -> Json:
    """The member holds this tier at least, while it lasts. Raises NotFound, NotEligible (a lower tier), Invalid."""
    now = app.clock.now()
    member = load_member.locked(app, tx, member_now(tx, member_id, program=program), at=now, now=now)
    if wish.until is not None and wish.until < calendar.local_day(now, member.definition.time_zone):
        raise errors.Invalid(pointer="#/until", detail="Lies in the past.")
    event = Invite(id=new_id(), occurred_at=now, tier=wish.tier, until=wish.until, reason=wish.reason)
    decision = load_member.post(tx, member, event, now=now)
    words = Explainer(member.definition, member.row.locale)
    return {
        "id": event.id,
        "member": present.who(member.row),
        "tier": present.tier(member.definition, decision.after, words),
    }
