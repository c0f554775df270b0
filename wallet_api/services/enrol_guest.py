"""Enrolling a guest at the till: a member with a card and no way to sign in yet."""

from __future__ import annotations

from dataclasses import dataclass

from wallet_api.domain import card_code
from wallet_api.services import present, show_card
from wallet_api.services.app import App
from wallet_api.services.enrol import Consents, enrol
from wallet_api.services.identify import Till
from wallet_api.services.load_member import as_of_now
from wallet_api.services.present import Json
from wallet_api.store.members import NewMember
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Guest:
    """What a cashier asks a new customer."""

    given_name: str
    terms: bool
    family_name: str | None = None
    locale: str | None = None


def enrol_guest(app: App, tx: Tx, till: Till, guest: Guest) -> Json:
    """Make a guest a member at once; they claim the card in the app later."""
    now = app.clock.now()
    definition = app.current_definition(tx, till.program)
    newcomer = NewMember(
        program_id=till.program,
        joined_at=now,
        given_name=guest.given_name,
        family_name=guest.family_name,
        locale=guest.locale or definition.languages[0],
        status="guest",
    )
    member_id = enrol(app, tx, newcomer, Consents(terms=guest.terms, channel="till"), now=now)
    member, card = as_of_now(app, tx, member_id, now=now), show_card.card_of(tx, member_id)
    return {
        **present.who(member.row),
        "card": {"number": card.number, "status": card.status},
        "static_code": card_code.static_code(card.number, show_card.key_of(app, card)),
        "balances": present.balances(member.definition, member.state),
    }
