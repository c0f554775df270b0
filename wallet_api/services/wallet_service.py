"""What Apple Wallet asks of us: registrations, what has changed, the newest pass (WALLETS.md 1.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wallet_api.services import card_face, show_pass
from wallet_api.services.app import App
from wallet_api.store import passes


@dataclass(frozen=True, kw_only=True)
class PassFile:
    """A signed pass and when what it shows last changed (whole seconds)."""

    content: bytes
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Changes:
    """The passes of a device that changed, and the tag to ask with next time."""

    serials: tuple[str, ...]
    tag: str


def register(
    app: App,
    *,
    device_id: str,
    pass_type_id: str,
    serial: str,
    token: str,
    push_token: str,
) -> bool | None:
    """A device wants to hear of a pass's changes: True if that is new, None if the token or pass is wrong."""
    now = app.clock.now()
    with app.db.begin() as tx:
        card = show_pass.card_for_pass(app, tx, uuid_of(serial), token)
        if card is None or not is_ours(app, pass_type_id):
            return None
        face = card_face.face_of(app, tx, card, now=now)
        passes.issue(
            tx,
            card.id,
            program_id=card.program_id,
            member_id=card.member_id,
            fingerprint=face.fingerprint(),
            now=now,
        )
        return passes.register(
            tx,
            device_id=device_id,
            pass_type_id=pass_type_id,
            card_id=card.id,
            push_token=push_token,
            now=now,
        )


def unregister(app: App, *, device_id: str, pass_type_id: str, serial: str, token: str) -> bool:
    """A device has thrown a pass away; False if the token or pass is wrong."""
    with app.db.begin() as tx:
        card = show_pass.card_for_pass(app, tx, uuid_of(serial), token)
        if card is None or not is_ours(app, pass_type_id):
            return False
        passes.unregister(tx, device_id=device_id, pass_type_id=pass_type_id, card_id=card.id)
        return True


def changes(app: App, *, device_id: str, pass_type_id: str, since: str | None) -> Changes | None:
    """What changed for a device since a tag; None if nothing did. A tag that is not ours asks for everything."""
    tag = int(since) if since and since.isascii() and since.isdigit() and len(since) < 19 else None
    with app.db.read() as tx:
        found = passes.changed_since(tx, device_id=device_id, pass_type_id=pass_type_id, tag=tag)
    if found is None or not found[0]:
        return None
    return Changes(serials=tuple(str(card_id) for card_id in found[0]), tag=str(found[1]))


def newest_pass(
    app: App, *, pass_type_id: str, serial: str, token: str, since: datetime | None
) -> PassFile | datetime | None:
    """The pass; only the time of its last change if the device has that already; None for a wrong token or pass."""
    with app.db.begin() as tx:
        card = show_pass.card_for_pass(app, tx, uuid_of(serial), token)
        if card is None or not is_ours(app, pass_type_id):
            return None
        followed = passes.of_card(tx, card.id)
        if followed and since and followed.updated_at <= since:
            return followed.updated_at
        content, followed = show_pass.apple_pass(app, tx, card)
        return PassFile(content=content, updated_at=followed.updated_at)


def is_ours(app: App, pass_type_id: str) -> bool:
    """Whether this is the type of the passes that we sign."""
    return app.apple is not None and app.apple.pass_type_id == pass_type_id


def uuid_of(serial: str) -> UUID:
    """A serial as the card id that it is; one that is none leads to a card that does not exist."""
    try:
        return UUID(serial)
    except ValueError:
        return UUID(int=0)
