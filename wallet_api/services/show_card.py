"""The member's card: the code to show now, those for the next ten minutes, and where the wallet passes are."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from wallet_api.domain import card_code, errors
from wallet_api.domain.card_code import STEP_SECONDS, CardKey
from wallet_api.services import show_pass
from wallet_api.services.app import App
from wallet_api.services.present import Json
from wallet_api.store import cards
from wallet_api.store.cards import Card
from wallet_api.store.session import Tx

CODES_AHEAD = 20


def show_card(app: App, tx: Tx, member_id: UUID) -> Json:
    """What the app draws; `codes` keep the card live for ten minutes without a network."""
    now = app.clock.now()
    card = card_of(tx, member_id)
    key = key_of(app, card)
    drawn = [now + timedelta(seconds=STEP_SECONDS * step) for step in range(CODES_AHEAD)]
    return {
        "number": card.number,
        "status": card.status,
        "barcode": {
            "format": "qr",
            "value": card_code.rotating_code(card.number, key, drawn_at=now),
            "valid_until": now + card_code.OLDEST,
            "refresh_after": now + timedelta(seconds=STEP_SECONDS),
            "codes": [
                {
                    "show_at": at,
                    "value": card_code.rotating_code(card.number, key, drawn_at=at),
                }
                for at in drawn
            ],
        },
        "apple": show_pass.apple_link(app),
        "google": show_pass.google_link(app, tx, card),
    }


def code_now(app: App, tx: Tx, member_id: UUID, *, now: datetime) -> str:
    """The rotating code of this moment."""
    card = card_of(tx, member_id)
    return card_code.rotating_code(card.number, key_of(app, card), drawn_at=now)


def card_of(tx: Tx, member_id: UUID) -> Card:
    """The card that a member carries; NotFound if there is none."""
    card = cards.of_member(tx, member_id)
    if card is None:
        raise errors.NotFound(what="card")
    return card


def key_of(app: App, card: Card) -> CardKey:
    """What a card's codes are made from."""
    return CardKey(master=app.card_master, card_id=card.id, key_version=card.key_version)
