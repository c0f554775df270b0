"""Taking goods back: all of a sale, some of its lines, or an amount."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain import errors, merging
from wallet_api.domain.decision import Decision, EntryKind
from wallet_api.domain.events import Line, Return
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.identify import Till
from wallet_api.services.load_member import Loaded
from wallet_api.services.present import Json
from wallet_api.services.record_sale import check_time
from wallet_api.store import merges, transactions
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx, json_text


@dataclass(frozen=True, kw_only=True)
class ReturnSale:
    """A return as a till reports it; without lines and amount, everything that is left of the sale."""

    sale_id: UUID
    external_id: str
    occurred_at: datetime
    lines: tuple[Line, ...] = ()
    amount: int | None = None
    is_worn: bool = False


def return_sale(app: App, tx: Tx, till: Till, wish: ReturnSale) -> Json:
    """Record a return: take back what its goods earned, give back what they cost."""
    now = app.clock.now()
    check_time(wish.occurred_at, now=now)
    row = transactions.sale_row(tx, wish.sale_id, program_id=till.program)
    if row is None:
        raise errors.NotFound(what="sale")
    place = app.location(tx, till.location_id or row.location_id, program=till.program).id
    return_id = new_id()
    contents = _contents(wish)
    known = transactions.claim_receipt(
        tx,
        place,
        wish.external_id,
        transaction_id=return_id,
        contents=contents,
    )
    if known is not None:
        if bytes(known.contents) != contents:
            raise errors.DuplicateReceipt(external_id=wish.external_id)
        return dict(known.answer)
    member = _buyer(app, tx, row, program=till.program, now=now)
    sale = transactions.recorded_sale(
        tx,
        row,
        definition=app.definition(tx, till.program, row.definition_version),
        location=app.location(tx, row.location_id, program=till.program).code,
    )
    event = Return(
        id=return_id,
        occurred_at=wish.occurred_at,
        sale=sale,
        lines=wish.lines,
        amount=wish.amount,
        is_worn=wish.is_worn,
    )
    decision = load_member.post(tx, member, event, now=now, key_id=till.key_id)
    answer = _answer(member, event, decision)
    transactions.add(
        tx,
        id=return_id,
        program_id=till.program,
        member_id=member.row.id,
        type="return",
        location_id=place,
        external_id=wish.external_id,
        occurred_at=wish.occurred_at,
        recorded_at=now,
        currency=row.currency,
        amount=decision.refund,
        paid=decision.refund,
        lines=[transactions.line_json(line) for line in wish.lines],
        net=list(decision.net),
        kept=[str(part) for part in decision.kept],
        voucher_ids=[],
        tier=row.tier,
        membership=sale.membership,
        by_units=list(decision.by_units),
        free=list(decision.free),
        definition_version=member.row.version,
        sale_id=row.id,
        key_id=till.key_id,
        tender=None,
        answer=answer,
    )
    return answer


def _buyer(app: App, tx: Tx, row: Row[Any], *, program: str, now: datetime) -> Loaded:
    """Whoever bought it: the member, or the one into whom they were merged since, with the lots that paid for it."""
    survivor = merges.survivor(tx, row.member_id, program_id=program)
    if survivor is None:
        raise errors.NotFound(what="sale")
    member = load_member.locked(app, tx, survivor, at=row.occurred_at, now=now, also=[*row.voucher_ids, row.id])
    if survivor == row.member_id:
        return member
    former = {lot.id: lot for lot in merges.lots_spent_on(tx, row.id)}
    return replace(member, state=merging.lots_of_former_selves(member.state, former))


def _answer(member: Loaded, event: Return, decision: Decision) -> Json:
    definition, words = (
        member.definition,
        Explainer(member.definition, member.row.locale),
    )
    given_back = [
        voucher for voucher in decision.after.vouchers.values() if decision.before.vouchers.get(voucher.id) != voucher
    ]
    return {
        "id": event.id,
        "type": "return",
        "sale_id": event.sale.id,
        "refund": decision.refund,
        "currency": definition.currency,
        "reversed": [
            {
                "unit": entry.unit,
                "amount": -entry.amount,
                "rule": entry.rule,
                "why": words.entry(
                    kind=entry.kind.value,
                    rule=entry.rule,
                    unit=entry.unit,
                    amount=entry.amount,
                    why=entry.why,
                ),
            }
            for entry in decision.entries
            if entry.kind is EntryKind.REVERSAL
        ],
        "given_back": [present.voucher(voucher, words) for voucher in given_back],
        "balances": present.balances(definition, decision.after),
        "tier": present.tier_after(definition, decision, at=event.occurred_at),
    }


def _contents(wish: ReturnSale) -> bytes:
    said = json_text(
        {
            "occurred_at": wish.occurred_at,
            "lines": [transactions.line_json(line) for line in wish.lines],
            "amount": wish.amount,
            **({"worn": True} if wish.is_worn else {}),
        }
    )
    return hashlib.sha256(wish.sale_id.bytes + said.encode()).digest()
