"""Finding a member by what people and other systems call them."""

from __future__ import annotations

from uuid import UUID

from wallet_api.domain import card_code
from wallet_api.domain.errors import NotFound
from wallet_api.services.addresses import canonical_email, canonical_phone
from wallet_api.store import cards, members, merges
from wallet_api.store.session import Tx


def is_address(who: str) -> bool:
    """Whether this is meant as an e-mail address or a phone number."""
    return "@" in who or who.startswith("+")


def canonical(who: str) -> str:
    """As it is stored: addresses in their canonical form, card numbers without spaces."""
    if "@" in who:
        return canonical_email(who)
    if who.startswith("+"):
        return canonical_phone(who) or who
    bare = who.replace(" ", "")
    return bare if card_code.NUMBER.fullmatch(bare) else who


def find_member(tx: Tx, program: str, who: str) -> UUID | None:
    """The member with this address, external reference or card number, as `canonical` writes it."""
    if is_address(who):
        return members.by_address(tx, program, who)
    if member_id := members.by_external_ref(tx, program, who):
        return member_id
    card = cards.by_number(tx, program, who) if card_code.NUMBER.fullmatch(who) else None
    return merges.survivor(tx, card.member_id, program_id=program) if card else None


def member_now(tx: Tx, member_id: UUID, *, program: str) -> UUID:
    """Who a member of this program is now: themself, or whom they were merged into. Raises NotFound for all others."""
    survivor = merges.survivor(tx, member_id, program_id=program)
    if survivor is None:
        raise NotFound(what="member")
    return survivor
