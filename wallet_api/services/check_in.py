"""Recording a member's visit to a location."""

from __future__ import annotations

from datetime import datetime

from wallet_api.domain import calendar
from wallet_api.domain.events import CheckIn
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.identify import Till, Who, identify
from wallet_api.services.present import Json
from wallet_api.services.record_sale import check_time
from wallet_api.store import transactions
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx


def check_in(app: App, tx: Tx, till: Till, who: Who, *, occurred_at: datetime) -> Json:
    """Record a visit; beyond a rule's limit it is recorded and earns nothing."""
    now = app.clock.now()
    check_time(occurred_at, now=now)
    customer = identify(app, tx, till, who, now=now)
    location = app.location(tx, till.place, program=till.program)
    member = load_member.locked(app, tx, customer.member_id, at=occurred_at, now=now)
    event = CheckIn(id=new_id(), occurred_at=occurred_at, location=location.code)
    decision = load_member.post(tx, member, event, now=now, key_id=till.key_id)
    transactions.add_check_in(
        tx,
        event.id,
        program_id=till.program,
        member_id=member.row.id,
        location_id=location.id,
        key_id=till.key_id,
        occurred_at=occurred_at,
        recorded_at=now,
    )
    words = Explainer(member.definition, member.row.locale)
    return {
        "id": event.id,
        "member": present.who(member.row),
        "earned": present.earned(decision, words),
        "balances": present.balances(member.definition, decision.after),
        "streak": calendar.streak(
            decision.after.measures.get("visits", {}),
            today=calendar.local_day(occurred_at, member.definition.time_zone),
        ),
        "tier": present.tier_after(member.definition, decision, at=occurred_at),
    }
