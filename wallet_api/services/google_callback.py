"""What Google Wallet tells of a pass: that a holder has saved it, or thrown it away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import structlog

from passes.google.callback import SENDER, Callback, CallbackRefused, verify
from passes.google.root_keys import RootKeys, RootsUnavailable
from wallet_api.domain import errors
from wallet_api.services.app import App
from wallet_api.services.show_pass import is_class_of
from wallet_api.store import cards, deliveries, google_wallet
from wallet_api.store.cards import Card
from wallet_api.store.session import Tx

log = structlog.get_logger(__name__)

EVENTS = {"save": "pass.installed", "del": "pass.removed"}
"""What Google calls it, and what the outbox does."""


def receive(app: App, body: Mapping[str, object], *, roots: RootKeys) -> None:
    """Note what Google says of a pass; what it says again changes nothing.

    Raises ForgedCallback for what Google did not sign for us, NotFound for what is no pass of ours (or where Google
    Wallet is off), Busy where Google's keys cannot be had.
    """
    if app.google is None or app.google.is_development:
        raise errors.NotFound(what="google wallet")
    issuer_id, now = app.google.issuer_id, app.clock.now()
    sender = app.settings.google_wallet_callback_sender or SENDER
    try:
        told = roots.verified(
            lambda known: verify(body, roots=known, issuer_id=issuer_id, now=now, sender=sender), now=now
        )
    except CallbackRefused as refused:
        log.warning("google callback refused", why=str(refused))
        raise errors.ForgedCallback from refused
    except RootsUnavailable as away:
        log.error("google's root keys cannot be fetched")  # noqa: TRY400 where it happened says nothing
        raise errors.Busy(retry_after=60) from away
    app.db.run(lambda tx: _note(app, tx, told, issuer_id=issuer_id, now=now))


def _note(app: App, tx: Tx, told: Callback, *, issuer_id: str, now: datetime) -> None:
    card = _card(tx, told, issuer_id=issuer_id)
    if card is None:
        raise errors.NotFound(what="pass")
    if not google_wallet.is_new(tx, told.nonce, expires_at=told.expires_at, now=now):
        return
    note = google_wallet.saved if told.event == "save" else google_wallet.removed
    note(tx, card.id, now=now)
    deliveries.add_event(tx, card.program_id, card.member_id, kind=EVENTS[told.event], now=now)


def _card(tx: Tx, told: Callback, *, issuer_id: str) -> Card | None:
    """The card that the object is of; None unless the class is one of its program's."""
    try:
        card = cards.by_id(tx, UUID(told.object_id.removeprefix(f"{issuer_id}.")))
    except ValueError:
        return None
    if card is None or not is_class_of(card.program_id, told.class_id.removeprefix(f"{issuer_id}.")):
        return None
    return card
