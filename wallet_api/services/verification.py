"""A membership by proof: the member applies, the shop approves, revokes or renews."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from wallet_api.domain import errors
from wallet_api.domain.events import VerificationAction, VerificationEvent
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.find_member import member_now
from wallet_api.services.present import Json
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class VerificationWish:
    """What happens to a membership by proof."""

    action: VerificationAction


def verify(
    app: App, tx: Tx, member_id: UUID, wish: VerificationWish, *, program: str, key_id: UUID | None = None
) -> Json:
    """Apply, approve, revoke or renew. The proof itself stays with the shop: Carnet keeps that there was one."""
    now = app.clock.now()
    member = load_member.locked(app, tx, member_now(tx, member_id, program=program), at=now, now=now)
    if member.definition.verification is None:
        raise errors.NotFound(what="verification")
    event = VerificationEvent(id=new_id(), occurred_at=now, action=wish.action)
    decision = load_member.post(tx, member, event, now=now, key_id=key_id)
    words = Explainer(member.definition, member.row.locale)
    return {"id": event.id, "membership": present.membership(member.definition, decision.after, words)}
