"""Recording a sale at a till, or previewing one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from wallet_api.domain import errors
from wallet_api.domain.decide import decide
from wallet_api.domain.decision import Decision
from wallet_api.domain.definition import Definition
from wallet_api.domain.events import Line, Sale
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.identify import Till, Who, identify
from wallet_api.services.load_member import Loaded
from wallet_api.services.present import Json
from wallet_api.store import merges, transactions
from wallet_api.store.ids import fresh_ids, new_id
from wallet_api.store.session import Tx, json_text

CLOCKS_MAY_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class RecordSale:
    """A sale as a till or POS reports it."""

    who: Who
    external_id: str
    occurred_at: datetime
    currency: str
    lines: tuple[Line, ...]
    vouchers: tuple[str, ...] = ()
    pay_with: tuple[tuple[str, int], ...] = ()
    tender: str | None = None


def record_sale(app: App, tx: Tx, till: Till, wish: RecordSale) -> Json:
    """Record a sale: units by the program's rules, tier, answer. A receipt number that is known answers as before."""
    now = app.clock.now()
    customer = identify(app, tx, till, wish.who, now=now)
    sale = _event(app, tx, till, wish, now=now)
    contents = receipt_contents(customer.member_id, wish)
    known = transactions.claim_receipt(
        tx,
        till.place,
        wish.external_id,
        transaction_id=sale.id,
        contents=contents,
    )
    if known is not None:
        selves = merges.selves(tx, customer.member_id)  # it may have been sent before two members became one
        if bytes(known.contents) not in {receipt_contents(each, wish) for each in selves}:
            raise errors.DuplicateReceipt(external_id=wish.external_id)
        return dict(known.answer)
    member = _locked(app, tx, customer.member_id, wish, now=now)
    check_currency(member.definition, wish)
    decision = load_member.post(tx, member, sale, now=now, key_id=till.key_id)
    answer = answer_of(member, sale, decision)
    transactions.add(
        tx,
        id=sale.id,
        program_id=till.program,
        member_id=member.row.id,
        type="sale",
        location_id=till.place,
        external_id=wish.external_id,
        occurred_at=wish.occurred_at,
        recorded_at=now,
        currency=wish.currency,
        amount=sale.amount,
        paid=decision.paid,
        lines=[transactions.line_json(line) for line in sale.lines],
        net=list(decision.net),
        kept=[str(part) for part in decision.kept],
        voucher_ids=[discount.voucher_id for discount in decision.discounts if discount.voucher_id is not None],
        tier=decision.tier,
        membership=decision.membership,
        by_units=list(decision.by_units),
        free=list(decision.free),
        definition_version=member.row.version,
        sale_id=None,
        key_id=till.key_id,
        tender=wish.tender,
        answer=answer,
    )
    return answer


def preview_sale(app: App, tx: Tx, till: Till, wish: RecordSale) -> Json:
    """What a sale would bring, and whether the member may buy all of it; nothing is recorded, and no code is used up."""
    now = app.clock.now()
    customer = identify(app, tx, till, wish.who, now=now)
    sale = replace(_event(app, tx, till, wish, now=now), is_quote=True)
    member = _locked(app, tx, customer.member_id, wish, now=now)
    check_currency(member.definition, wish)
    decision = decide(member.definition, member.state, sale, now=now, ids=fresh_ids())
    return {**answer_of(member, sale, decision), "allowed": decision.is_allowed}


def _locked(app: App, tx: Tx, member_id: UUID, wish: RecordSale, *, now: datetime) -> Loaded:
    """The member, and the stock of gifts that are claimed on the sale by their reward's id."""
    return load_member.locked(app, tx, member_id, at=wish.occurred_at, now=now, rewards=wish.vouchers)


def check_time(occurred_at: datetime, *, now: datetime) -> None:
    """A till's clock may be a little ahead; what lies further in the future has not happened."""
    if occurred_at > now + CLOCKS_MAY_DIFFER:
        raise errors.InTheFuture(occurred_at=occurred_at, now=now)


def check_currency(definition: Definition, wish: RecordSale) -> None:
    """A program counts in one currency."""
    if wish.currency != definition.currency:
        raise errors.WrongCurrency(expected=definition.currency, given=wish.currency)


def _event(app: App, tx: Tx, till: Till, wish: RecordSale, *, now: datetime) -> Sale:
    check_time(wish.occurred_at, now=now)
    return Sale(
        id=new_id(),
        occurred_at=wish.occurred_at,
        location=app.location(tx, till.place, program=till.program).code,
        lines=wish.lines,
        vouchers=wish.vouchers,
        pay_with=wish.pay_with,
    )


def answer_of(member: Loaded, sale: Sale, decision: Decision) -> Json:
    """What a till is told of a sale."""
    definition, words = (
        member.definition,
        Explainer(member.definition, member.row.locale),
    )
    return {
        "id": sale.id,
        "type": "sale",
        "member": present.who(member.row),
        "amount": sale.amount,
        "paid": decision.paid,
        "shipping": decision.shipping,
        "currency": definition.currency,
        "units_paid": present.units_paid(definition, sale.pay_with),
        "discounts": present.discounts(decision.discounts),
        "earned": present.earned(decision, words),
        "balances": present.balances(definition, decision.after),
        "tier": present.tier_after(definition, decision, at=sale.occurred_at),
        "rewards_unlocked": present.unlocked(definition, decision),
    }


def receipt_contents(member_id: UUID, wish: RecordSale) -> bytes:
    """A digest of what a receipt says, whoever sends it again and however the customer was recognised."""
    said = json_text(
        {
            "occurred_at": wish.occurred_at,
            "currency": wish.currency,
            "lines": [transactions.line_json(line) for line in wish.lines],
            "vouchers": sorted(wish.vouchers),
            "pay_with": sorted(wish.pay_with),
        }
    )
    return hashlib.sha256(member_id.bytes + said.encode()).digest()
