"""Passes follow what happens: after an event, after a change of what all of a program's passes depend on, after joining."""

from __future__ import annotations

import hashlib
import time
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from passes.face import LAYOUT
from wallet_api.domain import calendar
from wallet_api.services import card_face, pass_changes
from wallet_api.services.app import App
from wallet_api.store import cards, locks, pass_walks, passes, programs
from wallet_api.store.locks import MemberRow
from wallet_api.store.session import Tx

PASSES_A_BATCH = 50
"""The feed waits for the last part of a batch, and so does every other change of a pass."""

ENDED_A_BATCH = 500


def refresh(app: App, *, limit: int = PASSES_A_BATCH) -> int:
    """Look at passes that may show something else, and wake whoever holds those that do; how many were looked at.

    A transaction of its own: what it takes holds up no till that serves one of the members.
    """
    now = app.clock.now()

    def work(tx: Tx) -> int:
        found = locks.passes_to_look_at(tx, limit=limit)
        if found:
            passes.looked_at(tx, found)
            pass_changes.note(app, tx, found, found, now=now)
        return len(found)

    return app.db.run(work)


def take_off_ended_messages(app: App, *, seconds: float) -> bool:
    """Take messages that are over off the passes; False if the time was too short."""
    end = time.monotonic() + seconds

    def work(tx: Tx) -> bool:
        now = app.clock.now()
        found = passes.with_ended_messages(tx, now=now, limit=ENDED_A_BATCH)
        passes.take_off_ended(tx, locks.passes(tx, found), now=now)
        return len(found) == ENDED_A_BATCH

    while app.db.run(work):
        if time.monotonic() >= end:
            return False
    return True


def refresh_all(app: App, *, seconds: float, batch: int = PASSES_A_BATCH) -> bool:
    """Look at all passes of programs where something has changed that all depend on; False if the time was too short.

    That is the day, since promotions and what is said of expiry change with it; the version in force and its promotions;
    the locations; the layout, after an update of Carnet. Where it stopped stands in the database.
    """
    end = time.monotonic() + seconds
    with app.db.read() as tx:
        program_ids = pass_walks.programs_with_passes(tx)
    for program_id in program_ids:
        while _refresh_batch(app, program_id, limit=batch):
            if time.monotonic() >= end:
                return False
    return True


def _refresh_batch(app: App, program_id: str, *, limit: int) -> bool:
    """Look at some more passes of a program; whether there may be more."""
    now = app.clock.now()

    def work(tx: Tx) -> bool:
        walk = pass_walks.go_on(tx, program_id, shown=_what_all_depend_on(app, tx, program_id, now=now), now=now)
        if walk is None:
            return False
        found = pass_walks.next_passes(
            tx, program_id, after=walk.done_to, in_google=app.google is not None, limit=limit
        )
        locked = locks.passes(tx, found)
        pass_changes.note(app, tx, locked, dict.fromkeys(locked, walk.noticed_at), now=now)
        pass_walks.done(tx, program_id, done_to=found[-1] if len(found) == limit else None)
        return len(found) == limit

    return app.db.run(work)


def _what_all_depend_on(app: App, tx: Tx, program_id: str, *, now: datetime) -> str:
    definition = app.current_definition(tx, program_id)
    parts = (
        LAYOUT,
        app.settings.base_url,
        app.current_version(tx, program_id),
        programs.revision(tx, program_id),
        calendar.local_day(now, definition.time_zone),
        programs.locations(tx, program_id),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def follow_in_google(app: App, tx: Tx, row: MemberRow, event: Row[Any], *, now: datetime) -> None:
    """Make the Google object before anybody asks for its link, so that the link can carry nothing but its id."""
    card = cards.of_member(tx, row.id)
    assert card is not None
    face = card_face.face_of(app, tx, card, now=now)
    passes.issue(tx, card.id, program_id=row.program_id, member_id=row.id, fingerprint=face.fingerprint(), now=now)
    pass_changes.tell_google(tx, card, caused_at=event.created_at, now=now)
