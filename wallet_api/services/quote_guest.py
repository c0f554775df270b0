"""What somebody who is no member would pay."""

from __future__ import annotations

from wallet_api.domain import benefits, errors
from wallet_api.services import present
from wallet_api.services.app import App
from wallet_api.services.identify import Till
from wallet_api.services.present import Json
from wallet_api.services.record_sale import RecordSale, check_currency, check_time
from wallet_api.store.session import Tx


def quote_guest(app: App, tx: Tx, till: Till, wish: RecordSale) -> Json:
    """Answer as a preview for a member does; a guest has neither vouchers nor units."""
    check_time(wish.occurred_at, now=app.clock.now())
    app.location(tx, till.place, program=till.program)  # another program's is not found
    definition = app.current_definition(tx, till.program)
    check_currency(definition, wish)
    for voucher in wish.vouchers:
        raise errors.VoucherNotFound(voucher=voucher)
    for unit, amount in wish.pay_with:
        raise errors.InsufficientBalance(unit=unit, have=0, need=amount)
    quote = benefits.quote_for_guest(definition, wish.lines, at=wish.occurred_at)
    discounts = benefits.priced(definition, wish.lines, benefits.GUEST).discounts
    return {
        "id": None,
        "type": "sale",
        "member": None,
        "amount": sum(line.amount for line in wish.lines),
        "paid": quote.pay,
        "shipping": quote.shipping,
        "currency": definition.currency,
        "units_paid": [],
        "discounts": present.discounts(discounts),
        "earned": [],
        "balances": {},
        "tier": None,
        "rewards_unlocked": [],
        "allowed": quote.is_allowed,
    }
