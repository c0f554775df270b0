"""The wallet passes of a card: what they show, the signed file, the links that put them into a wallet."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256

from passes.apple.package import BrandAssets, build_pass
from passes.face import BrandFace, CardFace
from passes.google.objects import wallet_id
from passes.google.save_link import save_link
from wallet_api.domain import errors
from wallet_api.services import pass_changes
from wallet_api.services.app import App
from wallet_api.services.kept_bytes import KeptBytes
from wallet_api.services.present import Json
from wallet_api.store import cards, deliveries, google_wallet
from wallet_api.store.cards import Card
from wallet_api.store.session import Tx

GOOGLE_WANTED = "google_wanted"
"""The event that asks the worker for a card's Google object."""

SIGNED_BYTES_MAX = 64 * 1024 * 1024
"""A thousand passes of the usual 60 KB, in each process of the server."""

_SIGNED = KeptBytes(at_most=SIGNED_BYTES_MAX)


def apple_link(app: App) -> Json | None:
    """Where the member's app gets the Apple pass; None where no certificate is set up, or none is valid."""
    return {"url": f"{app.settings.base_url}/v1/me/card/apple.pkpass"} if app.signer else None


def google_link(app: App, tx: Tx, card: Card) -> Json | None:
    """The link that saves the pass to Google Wallet; None until Google has the object, or without an account of Google's."""
    if app.google is None or app.google.is_development:
        return None
    issuer = app.google.issuer_id
    object_id = wallet_id(issuer, str(card.id))
    class_id = google_wallet.class_of(tx, object_id)
    if class_id is None:
        # Who joined before Google Wallet was set up gets an object now; the link is there a moment later.
        deliveries.add_event(tx, card.program_id, card.member_id, kind=GOOGLE_WANTED, now=app.clock.now())
        return None
    link = save_link(object_id, class_id, credentials=app.google.credentials, now=app.clock.now())
    return {"save_url": link}


def class_suffix(program_id: str, tier: str | None) -> str:
    """Google's name for the class of a program's cards of one tier, behind the issuer's number."""
    return f"program-{program_id}.{tier}" if tier else f"program-{program_id}"


def is_class_of(program_id: str, suffix: str) -> bool:
    """Whether a class is one of this program's, of whatever tier."""
    # A dot is no part of an id, so no other program's name begins like this.
    return suffix == class_suffix(program_id, None) or suffix.startswith(f"{class_suffix(program_id, None)}.")


@dataclass(frozen=True, kw_only=True)
class ShownPass:
    """What a card's Apple pass shows now: its ETag, the tag and whole second of its last change."""

    card: Card
    face: CardFace = field(repr=False)
    etag: str
    tag: int
    updated_at: datetime


def shown_pass(app: App, tx: Tx, card: Card) -> ShownPass:
    """What a card's Apple pass shows now, without signing it; NotFound where no certificate is set up."""
    if app.apple is None:
        raise errors.NotFound(what="apple pass")
    now = app.clock.now()
    face, followed = pass_changes.current(app, tx, card, now=now)
    signer = (app.apple.at(now) or app.apple).identity.certificate.fingerprint(SHA256()).hex()
    shown = hashlib.sha256(f"{followed.fingerprint} {signer} {face.authentication_token}".encode()).hexdigest()
    return ShownPass(card=card, face=face, etag=shown, tag=followed.tag, updated_at=followed.updated_at)


def signed(app: App, shown: ShownPass) -> bytes:
    """The signed .pkpass; signed once for as long as this process remembers it, and with no transaction open."""
    assert app.apple is not None
    content = _SIGNED.get(shown.etag)
    if content is None:
        assets = _assets(shown.face.brand)
        content = build_pass(shown.face, assets=assets, signer=app.apple, now=app.clock.now())
        _SIGNED.put(shown.etag, content)
    return content


def card_for_pass(app: App, tx: Tx, serial: UUID, token: str) -> Card | None:
    """The card whose pass shows this token; the same None for a wrong token and for no such pass."""
    expected = app.pass_token(serial)
    card = cards.by_id(tx, serial)
    return card if hmac.compare_digest(expected.encode(), token.encode("utf-8", "replace")) and card else None


@lru_cache(maxsize=64)
def _assets(brand: BrandFace) -> BrandAssets:
    return BrandAssets.of(brand)
