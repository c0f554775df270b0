"""What Google Wallet is to have of a card: the class of its brand and tier, and its own object."""

from __future__ import annotations

import hashlib
from datetime import datetime

from passes.face import BrandFace, CardFace, FaceTier
from passes.google.objects import Json, loyalty_class, loyalty_object
from wallet_api.services import card_face, show_card, show_pass
from wallet_api.services.app import App
from wallet_api.store.cards import Card
from wallet_api.store.session import Tx


def class_and_object(
    app: App, tx: Tx, card: Card, *, issuer_id: str, base_url: str, now: datetime
) -> tuple[Json, Json]:
    """The class and the object as they are now; the object holds the card's key. PassRefused where they cannot be.

    `base_url`: where Google finds us, which takes https only.
    """
    face = card_face.face_of(app, tx, card, now=now)
    suffix = show_pass.class_suffix(card.program_id, face.tier.id if face.tier else None)
    loyalty = loyalty_class(
        face.brand,
        issuer_id=issuer_id,
        class_suffix=suffix,
        # Google keeps a picture for as long as its address is the same.
        logo_url=f"{base_url}/v1/programs/{card.program_id}/logo.png?v={_look_of(face.brand)}",
        tier=_tier(app, tx, card, face),
        callback_url=f"{base_url}/passes/google/callback",
    )
    made = loyalty_object(
        face,
        issuer_id=issuer_id,
        class_suffix=suffix,
        totp_key=show_card.key_of(app, card).totp,
        now=now,
    )
    return loyalty, made


def _tier(app: App, tx: Tx, card: Card, face: CardFace) -> FaceTier | None:
    """The tier in the program's first language: the class is for all who have it."""
    definition = app.current_definition(tx, card.program_id)
    if face.tier is None or definition.tiers is None:
        return face.tier
    level = definition.tiers.level(face.tier.id)
    return FaceTier(id=level.id, name=level.name.text(definition.languages[0]))


def _look_of(brand: BrandFace) -> str:
    parts = (brand.logo or b"", brand.organization, brand.colours)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]
