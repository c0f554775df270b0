"""Passes that show something else: noted in the feed of changes, and the devices that hold them woken.

Whoever finds it first notes it: the worker after an event, the job that walks through a program's passes when a day or a
version changes, or the web service when it is asked for a pass. So what is served is what the feed says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row

from passes.face import CardFace
from wallet_api.services import card_face
from wallet_api.services.app import App
from wallet_api.store import cards, deliveries, locks, passes
from wallet_api.store.cards import Card
from wallet_api.store.deliveries import NewDelivery
from wallet_api.store.passes import Pass
from wallet_api.store.session import Tx, is_passing

log = structlog.get_logger(__name__)

PASS_UPDATE = "pass_update"
PASS_UPDATE_IS_WORTH = timedelta(days=1)
_NO_TEXT = "en"
"""A push to a wallet has no text: its language does not matter."""


def current(app: App, tx: Tx, card: Card, *, now: datetime) -> tuple[CardFace, Pass]:
    """What a card's pass shows now, and the pass that is followed; a change that nobody has noted is noted here."""
    face = card_face.face_of(app, tx, card, now=now)
    fingerprint = face.fingerprint()
    followed = passes.issue(
        tx, card.id, program_id=card.program_id, member_id=card.member_id, fingerprint=fingerprint, now=now
    )
    if followed.fingerprint == fingerprint:
        return face, followed
    note(app, tx, locks.passes(tx, [card.id]), {card.id: now}, now=now)
    noted = passes.of_card(tx, card.id)
    assert noted is not None
    return card_face.face_of(app, tx, card, now=now), noted


def note(app: App, tx: Tx, locked: Iterable[UUID], causes: Mapping[UUID, datetime], *, now: datetime) -> int:
    """Note which of these cards' passes show something else than they did, and wake their holders; how many do.

    The passes are locked, and the feed's lock is taken last and once: its tag is for all of them. `causes`: what
    brought the change to each, for those that have any. A pass that cannot be made is logged and left as it is.
    """
    changed: dict[UUID, tuple[Card, str]] = {}
    for card_id in locked:
        followed, card = passes.of_card(tx, card_id), cards.by_id(tx, card_id)
        assert followed is not None
        assert card is not None
        fingerprint = _fingerprint(app, tx, card, now=now)
        if fingerprint not in (None, followed.fingerprint):
            changed[card_id] = card, fingerprint
    if not changed:
        return 0
    tag = locks.pass_feed(tx)
    passes.change(tx, {card_id: fingerprint for card_id, (_, fingerprint) in changed.items()}, tag=tag, now=now)
    caused = {card_id: causes.get(card_id, now) for card_id in changed}
    holders = passes.make_stale(tx, caused, tag=tag)
    wake(app, tx, holders, {card_id: card for card_id, (card, _) in changed.items()}, caused, now=now)
    if app.google is not None:
        for card_id, (card, _) in changed.items():
            tell_google(tx, card, caused_at=caused[card_id], now=now)
    return len(changed)


def wake(
    app: App,
    tx: Tx,
    holders: Sequence[Row[Any]],
    held: Mapping[UUID, Card],
    causes: Mapping[UUID, datetime],
    *,
    now: datetime,
) -> None:
    """Push to devices: at once, but no sooner than a pause after the last push; one that waits already says it all.

    A push carries nothing but "ask again". Under the feed's lock, so that two never file one push each.
    """
    pause = timedelta(seconds=app.settings.apple_push_pause_seconds)
    waiting = passes.pushes_waiting(tx, {holder.device_id for holder in holders}, kind=PASS_UPDATE)
    for holder in holders:
        device = holder.device_id, holder.pass_type_id
        if device in waiting:
            continue
        waiting.add(device)
        card = held[holder.card_id]
        push = _update(card, "apple", holder.device_id, caused_at=causes[card.id], now=now)
        push = replace(push, data={"pass_type_id": holder.pass_type_id})
        deliveries.add(tx, push, now=max(now, holder.pushed_at + pause) if holder.pushed_at else now)


def tell_google(tx: Tx, card: Card, *, caused_at: datetime, now: datetime) -> None:
    """Have the card's object at Google brought up to date, or made; an update that waits already says it all."""
    target = str(card.id)
    if not deliveries.is_waiting(tx, channel="google", target=target, kind=PASS_UPDATE):
        deliveries.add(tx, _update(card, "google", target, caused_at=caused_at, now=now), now=now)


def _fingerprint(app: App, tx: Tx, card: Card, *, now: datetime) -> str | None:
    try:
        return card_face.face_of(app, tx, card, now=now).fingerprint()
    except Exception as fault:
        if is_passing(fault):
            raise
        log.error("pass cannot be made", card=str(card.id), fault=type(fault).__name__)  # noqa: TRY400 the message may hold names
        return None


def _update(card: Card, channel: str, target: str, *, caused_at: datetime, now: datetime) -> NewDelivery:
    return NewDelivery(
        program_id=card.program_id,
        member_id=card.member_id,
        cause_id=card.id,
        kind=PASS_UPDATE,
        channel=channel,
        target=target,
        locale=_NO_TEXT,
        collapse_key=PASS_UPDATE,
        caused_at=caused_at,
        expires_at=now + PASS_UPDATE_IS_WORTH,
    )
