"""Recording anything else that may earn: a run, a returned pot, a review."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from wallet_api.domain import errors
from wallet_api.domain.events import Activity
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.identify import Till, Who, identify
from wallet_api.services.present import Json
from wallet_api.services.record_sale import check_time
from wallet_api.store import merges, transactions
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx, json_text

Value = Decimal | str | bool


@dataclass(frozen=True, kw_only=True)
class RecordActivity:
    """An activity as a till, POS or app reports it; `fields` are what its kind brings beside a quantity."""

    who: Who
    kind: str
    external_id: str
    occurred_at: datetime
    quantity: Decimal | None = None
    fields: Mapping[str, Value] = field(default_factory=dict)

    @property
    def all_fields(self) -> dict[str, Value]:
        """The fields, the quantity among them where there is one."""
        return {**self.fields, **({} if self.quantity is None else {"quantity": self.quantity})}


def record_activity(app: App, tx: Tx, till: Till, wish: RecordActivity) -> Json:
    """Record an activity; beyond a rule's limit it is recorded and earns nothing. A known number answers as before."""
    now = app.clock.now()
    check_time(wish.occurred_at, now=now)
    customer = identify(app, tx, till, wish.who, now=now)
    return post_activity(app, tx, customer.member_id, wish, program=till.program, key_id=till.key_id)


def post_activity(
    app: App, tx: Tx, member_id: UUID, wish: RecordActivity, *, program: str, key_id: UUID | None
) -> Json:
    """The same for a member who is known, without a key where the program itself noticed it."""
    now = app.clock.now()
    activity_id, contents = new_id(), _contents(member_id.bytes, wish)
    known = transactions.claim_activity(
        tx,
        activity_id,
        program_id=program,
        member_id=member_id,
        kind=wish.kind,
        external_id=wish.external_id,
        fields=_plain(wish),
        key_id=key_id,
        occurred_at=wish.occurred_at,
        recorded_at=now,
        contents=contents,
    )
    if known is not None:
        selves = merges.selves(tx, member_id)  # it may have been sent before two members became one
        if bytes(known.contents) not in {_contents(each.bytes, wish) for each in selves}:
            raise errors.DuplicateReceipt(external_id=wish.external_id)
        return dict(known.answer)
    member = load_member.locked(app, tx, member_id, at=wish.occurred_at, now=now)
    event = Activity(
        id=activity_id,
        occurred_at=wish.occurred_at,
        kind=wish.kind,
        fields={
            name: Fraction(value) if isinstance(value, Decimal) else value for name, value in wish.all_fields.items()
        },
    )
    decision = load_member.post(tx, member, event, now=now, key_id=key_id)
    words = Explainer(member.definition, member.row.locale)
    answer: Json = {
        "id": event.id,
        "member": present.who(member.row),
        "earned": present.earned(decision, words),
        "balances": present.balances(member.definition, decision.after),
        "badges": sorted(set(decision.after.badges) - set(decision.before.badges)),
        "tier": present.tier_after(member.definition, decision, at=wish.occurred_at),
    }
    transactions.answer_activity(tx, activity_id, answer)
    return answer


def _plain(wish: RecordActivity) -> dict[str, object]:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in wish.all_fields.items()}


def _contents(member: bytes, wish: RecordActivity) -> bytes:
    said = json_text({"occurred_at": wish.occurred_at, "fields": sorted(_plain(wish).items())})
    return hashlib.sha256(member + said.encode()).digest()
