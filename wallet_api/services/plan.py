"""A paid membership: the member starts or cancels it, the shop's payment provider says whether a charge went through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wallet_api.domain import errors
from wallet_api.domain.events import PlanAction, PlanEvent
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.find_member import member_now
from wallet_api.services.present import Json
from wallet_api.services.record_sale import check_time
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class PlanWish:
    """What happens to the membership, and when it happened (None: now); `plan` says which one is started."""

    action: PlanAction
    plan: str | None = None
    occurred_at: datetime | None = None


def change_plan(app: App, tx: Tx, member_id: UUID, wish: PlanWish, *, program: str, key_id: UUID | None = None) -> Json:
    """Start or cancel a plan, or note a charge; the answer says what is to be charged or given back, in minor units.

    Carnet moves no money: the shop's payment provider charges what falls due, and gives word of it here.
    """
    now = app.clock.now()
    at = wish.occurred_at or now
    check_time(at, now=now)
    member = load_member.locked(app, tx, member_now(tx, member_id, program=program), at=at, now=now)
    if not member.definition.plans or (wish.plan is not None and wish.plan not in member.definition.plans):
        raise errors.NotFound(what="plan")
    event = PlanEvent(id=new_id(), occurred_at=at, action=wish.action, plan=wish.plan)
    decision = load_member.post(tx, member, event, now=now, key_id=key_id)
    words = Explainer(member.definition, member.row.locale)
    return {
        "id": event.id,
        "membership": present.membership(member.definition, decision.after, words),
        "charge": decision.charge,
        "refund": decision.refund,
        "currency": member.definition.currency,
    }
