"""Members' cards on paper or plastic: as many as are asked for in one PDF, or the member's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from passes.face import BrandFace
from passes.printed import PrintedCard, cards_pdf, sheet_pdf
from wallet_api.domain import card_code, errors
from wallet_api.services import card_face, show_card
from wallet_api.services.app import App
from wallet_api.store import cards, members, merges
from wallet_api.store.cards import Card
from wallet_api.store.session import Tx

Layout = Literal["sheet", "cards", "cards_with_bleed"]


@dataclass(frozen=True, kw_only=True)
class PrintWish:
    """Whose cards, in this order, on what; a member may be named twice, for a second card of the same number."""

    member_ids: tuple[UUID, ...]
    layout: Layout = "sheet"
    with_names: bool = True


def print_cards(app: App, wish: PrintWish, *, program: str) -> bytes:
    """A PDF of these members' cards; who was merged has the other one's. NotFound names a member without a card to print."""
    with app.db.read() as tx:
        brand = _brand(app, tx, program)
        found = [_card(tx, member_id, program=program) for member_id in wish.member_ids]
        printed = [_printed(app, tx, card, with_name=wish.with_names) for card in found]
    if wish.layout == "sheet":
        return sheet_pdf(brand, printed, now=app.clock.now())
    return cards_pdf(brand, printed, now=app.clock.now(), with_bleed=wish.layout == "cards_with_bleed")


def print_own_card(app: App, member_id: UUID) -> bytes:
    """A PDF of the card that this member carries; CardBlocked where it would be of no use."""
    with app.db.read() as tx:
        card = show_card.card_of(tx, member_id)
        if card.status != "active":
            raise errors.CardBlocked
        brand, printed = _brand(app, tx, card.program_id), _printed(app, tx, card, with_name=True)
    return cards_pdf(brand, [printed], now=app.clock.now())


def _brand(app: App, tx: Tx, program: str) -> BrandFace:
    return card_face.brand_face(app.current_definition(tx, program), [])


def _card(tx: Tx, member_id: UUID, *, program: str) -> Card:
    now = merges.survivor(tx, member_id, program_id=program)
    card = cards.of_member(tx, now) if now else None
    if card is None or card.status != "active":
        raise errors.NotFound(what=f"active card of member {member_id}")
    return card


def _printed(app: App, tx: Tx, card: Card, *, with_name: bool) -> PrintedCard:
    person = members.profile(tx, card.member_id)
    name = " ".join(filter(None, (person.given_name, person.family_name)))
    return PrintedCard(
        card_number=card.number,
        static_code=card_code.static_code(card.number, show_card.key_of(app, card)),
        language="fr" if person.locale.startswith("fr") else "en",
        holder=name if with_name else None,
    )
