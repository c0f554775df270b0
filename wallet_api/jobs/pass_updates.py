"""Passes that show something else: noted in the feed of changes, and their holders woken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.services import card_face
from wallet_api.services.app import App
from wallet_api.store import cards, deliveries, locks, passes
from wallet_api.store.deliveries import NewDelivery
from wallet_api.store.locks import MemberRow
from wallet_api.store.session import Tx

PASS_UPDATE = "pass_update"
PASS_UPDATE_IS_WORTH = timedelta(days=1)


def refresh(app: App, tx: Tx, touched: Mapping[UUID, datetime], *, now: datetime) -> None:
    """Note which followed passes show something else now, and wake the devices that hold them.

    The feed's lock is taken last and once: its tag is for all of them.
    """
    changed = []
    for member_id, caused_at in touched.items():
        card = cards.of_member(tx, member_id)
        followed = passes.of_card(tx, card.id) if card else None
        if card and followed:
            fingerprint = card_face.face_of(app, tx, card, now=now).fingerprint()
            if fingerprint != followed.fingerprint:
                changed.append((card, fingerprint, caused_at))
    if not changed:
        return
    tag = locks.pass_feed(tx)
    for card, fingerprint, caused_at in changed:
        passes.change(tx, card.id, fingerprint=fingerprint, tag=tag, now=now)
        locale = locks.member_unlocked(tx, card.member_id).locale
        for channel, target, data in _holders(app, tx, card.id):
            # A push to a wallet carries nothing but "ask again", so one that waits already says it all.
            if not deliveries.is_waiting(tx, channel=channel, target=target, kind=PASS_UPDATE):
                update = NewDelivery(
                    program_id=card.program_id,
                    member_id=card.member_id,
                    cause_id=card.id,
                    kind=PASS_UPDATE,
                    channel=channel,
                    target=target,
                    locale=locale,
                    collapse_key=PASS_UPDATE,
                    caused_at=caused_at,
                    expires_at=now + PASS_UPDATE_IS_WORTH,
                    data=data,
                )
                deliveries.add(tx, update, now=now)


def _holders(app: App, tx: Tx, card_id: UUID) -> Sequence[tuple[str, str, dict[str, str]]]:
    holders = [
        ("apple", device.id, {"pass_type_id": device.pass_type_id}) for device in passes.apple_devices(tx, card_id)
    ]
    if app.google is not None:
        holders.append(("google", str(card_id), {}))
    return holders


def follow_in_google(app: App, tx: Tx, row: MemberRow, event: Row[Any], *, now: datetime) -> None:
    """Make the Google object before anybody asks for its link, so that the link can carry nothing but its id."""
    card = cards.of_member(tx, row.id)
    assert card is not None
    face = card_face.face_of(app, tx, card, now=now)
    passes.issue(tx, card.id, program_id=row.program_id, member_id=row.id, fingerprint=face.fingerprint(), now=now)
    deliveries.add(
        tx,
        NewDelivery(
            program_id=row.program_id,
            member_id=row.id,
            cause_id=event.id,
            kind=PASS_UPDATE,
            channel="google",
            target=str(card.id),
            locale=row.locale,
            collapse_key=PASS_UPDATE,
            caused_at=event.created_at,
            expires_at=now + PASS_UPDATE_IS_WORTH,
        ),
        now=now,
    )
