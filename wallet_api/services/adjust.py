"""A manager adds or takes units, for a reason that the member reads."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from wallet_api.domain import errors
from wallet_api.domain.events import Adjust
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.find_member import member_now
from wallet_api.services.present import Json
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Adjustment:
    """So many smallest steps of a unit more, or less (below zero)."""

    unit: str
    amount: int
    reason: str


def adjust(app: App, tx: Tx, member_id: UUID, wish: Adjustment, *, program: str) -> Json:
    """Enter it in the ledger; taking more than there is leaves a balance below zero. Raises NotFound."""
    now = app.clock.now()
    member = load_member.locked(app, tx, member_now(tx, member_id, program=program), at=now, now=now)
    if wish.unit not in member.definition.units:
        raise errors.NotFound(what="unit")
    event = Adjust(id=new_id(), occurred_at=now, unit=wish.unit, amount=wish.amount, reason=wish.reason)
    decision = load_member.post(tx, member, event, now=now)
    return {
        "id": event.id,
        "member": present.who(member.row),
        "unit": wish.unit,
        "amount": wish.amount,
        "reason": wish.reason,
        "balances": present.balances(member.definition, decision.after),
    }
