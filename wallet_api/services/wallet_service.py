"""What Apple Wallet asks of us: registrations, what has changed, the newest pass (WALLETS.md 1.4)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from wallet_api.services import pass_changes, show_pass
from wallet_api.services.app import App
from wallet_api.services.show_pass import ShownPass
from wallet_api.store import locks, pass_freshness, passes
from wallet_api.store.passes import Held


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
    """A device wants to hear of a pass's changes: True if that is new, None if the token or pass is wrong.

    Nobody knows which copy of the pass it holds. So the pass counts as changed for it, whatever tag it has; where the
    pass has changed since it was first made, the device is woken to ask.
    """
    now = app.clock.now()
    with app.db.begin() as tx:
        card = show_pass.card_for_pass(app, tx, uuid_of(serial), token)
        if card is None or not is_ours(app, pass_type_id):
            return None
        if passes.of_card(tx, card.id) is None:  # it was made before the database was restored from a copy
            pass_changes.current(app, tx, card, now=now)
        held = Held(device_id=device_id, pass_type_id=pass_type_id, card_id=card.id)
        is_new = passes.register(tx, held, push_token=push_token, now=now)
        if is_new:
            passes.tell_of_registration(tx, held, tag=locks.pass_feed(tx))
            # Read again under the feed's lock: a change that the worker is noting has it already, or finds this device.
            followed, holder = passes.of_card(tx, card.id), passes.holder(tx, held)
            if followed and followed.tag and holder:
                pass_changes.wake(app, tx, [holder], {card.id: card}, {card.id: now}, now=now)
        return is_new


def unregister(app: App, *, device_id: str, pass_type_id: str, serial: str, token: str) -> bool:
    """A device has thrown a pass away; False if the token or pass is wrong."""
    with app.db.begin() as tx:
        card = show_pass.card_for_pass(app, tx, uuid_of(serial), token)
        if card is None or not is_ours(app, pass_type_id):
            return False
        locks.apple_device(tx, device_id, pass_type_id)
        passes.unregister(tx, Held(device_id=device_id, pass_type_id=pass_type_id, card_id=card.id))
        return True


def changes(app: App, *, device_id: str, pass_type_id: str, since: str | None) -> Changes | None:
    """What changed for a device since a tag; None if nothing did. A tag that is not ours asks for everything."""
    tag = int(since) if since and since.isascii() and since.isdigit() and len(since) < 19 else None
    with app.db.begin() as tx:
        asked = passes.changed_since(tx, device_id=device_id, pass_type_id=pass_type_id, tag=tag)
        if asked and asked.is_stale:
            passes.told(tx, device_id=device_id, pass_type_id=pass_type_id, tag=asked.since, now=app.clock.now())
    if asked is None or not asked.changed:
        return None
    return Changes(serials=tuple(str(card_id) for card_id in asked.changed), tag=str(asked.newest))


def newest_pass(app: App, *, pass_type_id: str, serial: str, token: str) -> ShownPass | None:
    """What a pass shows now; None for a wrong token or pass."""
    with app.db.begin() as tx:
        card = show_pass.card_for_pass(app, tx, uuid_of(serial), token)
        if card is None or not is_ours(app, pass_type_id):
            return None
        return show_pass.shown_pass(app, tx, card)


def note_fetch(app: App, shown: ShownPass) -> None:
    """A device has the pass as it is shown now: how long that took since its cause is kept.

    Apple gives this call no device: it is put down to the one that was told last and has not fetched since.
    """
    with app.db.begin() as tx:
        pass_freshness.fetched(tx, shown.card.id, tag=shown.tag, program_id=shown.card.program_id, now=app.clock.now())


def is_ours(app: App, pass_type_id: str) -> bool:
    """Whether this is the type of the passes that we sign."""
    return app.apple is not None and app.apple.pass_type_id == pass_type_id


def uuid_of(serial: str) -> UUID:
    """A serial as the card id that it is; one that is none leads to a card that does not exist."""
    try:
        return UUID(serial)
    except ValueError:
        return UUID(int=0)
