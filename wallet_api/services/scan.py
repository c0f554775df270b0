"""Scanning a card at a till: recognising the member."""

from __future__ import annotations

from wallet_api.domain import calendar
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.identify import Till, read_code
from wallet_api.services.present import Json
from wallet_api.store.session import Tx


def scan_card(app: App, tx: Tx, till: Till, code: str) -> Json:
    """Recognise the member behind a code; the scan is good for ten minutes and any number of calls at this till."""
    now = app.clock.now()
    app.location(tx, till.place, program=till.program)  # another program's is not found
    card, scan = read_code(app, tx, till, code, now=now)
    member = load_member.as_of_now(app, tx, scan.member_id, now=now)
    words = Explainer(member.definition, member.row.locale)
    today = calendar.local_day(now, member.definition.time_zone)
    return {
        "scan_id": scan.id,
        "expires_at": scan.expires_at,
        "fresh": scan.fresh,
        "member": present.customer(member, member.state, words),
        "card": {"number": card.number, "status": card.status},
        "rewards": present.rewards_for(member.definition, member.state, words, now=now),
        "vouchers": present.usable_vouchers(member.state, words, today=today),
    }
