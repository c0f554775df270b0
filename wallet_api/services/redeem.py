"""Exchanging units for a reward: by the member at once, or held at a till, then captured or released."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from wallet_api.domain import errors
from wallet_api.domain.decision import Decision
from wallet_api.domain.events import Capture, Hold, Redeem, Release
from wallet_api.domain.state import RedemptionStatus
from wallet_api.domain.voucher_code import voucher_code
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.identify import Till, Who, identify
from wallet_api.services.load_member import Loaded
from wallet_api.services.present import Json
from wallet_api.store import transactions
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx

HOLD_LASTS = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """So many of a reward."""

    reward: str
    quantity: int = 1


def redeem_reward(app: App, tx: Tx, member_id: UUID, wish: Wish) -> Json:
    """The member takes a reward in the app; the voucher is used later."""
    now = app.clock.now()
    member = load_member.locked(app, tx, member_id, at=now, now=now, rewards=[wish.reward])
    redemption_id = new_id()
    event = Redeem(
        id=redemption_id,
        occurred_at=now,
        reward=wish.reward,
        quantity=wish.quantity,
        voucher_code=voucher_code(redemption_id),
    )
    decision = load_member.post(tx, member, event, now=now)
    assert decision.voucher_id is not None
    voucher = decision.after.vouchers[decision.voucher_id]
    words = Explainer(member.definition, member.row.locale)
    return {**present.voucher(voucher, words), "codes": present.codes(decision.after, voucher.redemption_id)}


def hold_reward(app: App, tx: Tx, till: Till, who: Who, wish: Wish) -> Json:
    """A till reserves a reward for ten minutes; the units are out of the balance at once."""
    now = app.clock.now()
    customer = identify(app, tx, till, who, now=now)
    if not customer.fresh and who.member_id is None:
        raise errors.FreshCodeRequired()
    member = load_member.locked(app, tx, customer.member_id, at=now, now=now, rewards=[wish.reward])
    redemption_id = new_id()
    event = Hold(
        id=redemption_id,
        occurred_at=now,
        reward=wish.reward,
        quantity=wish.quantity,
        voucher_code=voucher_code(redemption_id),
        expires_at=now + HOLD_LASTS,
    )
    decision = load_member.post(tx, member, event, now=now, key_id=till.key_id)
    return _answer(member, event.id, decision)


def capture_reward(app: App, tx: Tx, till: Till, redemption_id: UUID) -> Json:
    """The till hands the reward over; twice is the same as once."""
    now = app.clock.now()
    member = _with_redemption(app, tx, till, redemption_id)
    event = Capture(redemption_id=redemption_id, occurred_at=now)
    decision = load_member.post(tx, member, event, now=now, key_id=till.key_id)
    return _answer(member, redemption_id, decision)


def release_reward(app: App, tx: Tx, till: Till, redemption_id: UUID) -> Json:
    """The till gives the held units back; twice is the same as once."""
    now = app.clock.now()
    member = _with_redemption(app, tx, till, redemption_id)
    event = Release(redemption_id=redemption_id, occurred_at=now)
    decision = load_member.post(tx, member, event, now=now, key_id=till.key_id)
    return _answer(member, redemption_id, decision)


def _with_redemption(app: App, tx: Tx, till: Till, redemption_id: UUID) -> Loaded:
    row = transactions.redemption_row(tx, redemption_id, program_id=till.program)
    if row is None:
        raise errors.NotFound(what="redemption")
    now = app.clock.now()
    return load_member.locked(app, tx, row.member_id, at=now, now=now, also=[redemption_id])


def _answer(member: Loaded, redemption_id: UUID, decision: Decision) -> Json:
    redemption = decision.after.redemptions[redemption_id]
    held = redemption.status is RedemptionStatus.HELD
    words = Explainer(member.definition, member.row.locale)
    return {
        "id": redemption.id,
        "status": redemption.status.value,
        "reward": redemption.reward,
        "quantity": redemption.quantity,
        "expires_at": redemption.hold_expires_at if held else None,
        "voucher": present.voucher(decision.after.vouchers[redemption_id], words),
        "codes": present.codes(decision.after, redemption_id),
        "balances": present.balances(member.definition, decision.after),
    }
