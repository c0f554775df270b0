"""Turning events of the outbox into messages and pass updates.

One transaction takes a batch of events out and writes what follows from them; no network in it. So each event leads
to its deliveries exactly once, however often a worker is killed. Nothing is asked or written event by event: a batch
takes a handful of statements, whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row

from notifications.render import Value
from wallet_api.domain.errors import NotFound
from wallet_api.domain.messages import KINDS, NOTICED_AS
from wallet_api.jobs import pass_updates
from wallet_api.services.app import App
from wallet_api.services.messages import Words
from wallet_api.services.notify import Recipients, Wish, file_messages, recipients_of
from wallet_api.services.referral import KIND as REFERRAL
from wallet_api.services.referral import reward_referrer
from wallet_api.services.show_pass import GOOGLE_WANTED
from wallet_api.store import deliveries, locks, passes
from wallet_api.store.session import Tx, is_passing

log = structlog.get_logger(__name__)

FRIEND_BOUGHT = "friend_bought"
"""The event of a newcomer's first purchase, where somebody had invited them."""

EVENTS_A_BATCH = 500

Event = Row[Any]
Notice = Mapping[str, Any]


def expand(app: App, *, limit: int = EVENTS_A_BATCH) -> int:
    """Work on the oldest events, then look at passes that events may have changed; how many events or else passes.

    An event that cannot be worked on is put aside, not in the way.
    Raises Busy where the database is busy or away: that is no fault of an event, and all of them wait for the next run.
    """
    now = app.clock.now()

    def work(tx: Tx) -> int:
        events = deliveries.take_events(tx, limit=limit)
        if not events:
            return 0
        _lock_referrers(tx, events)
        try:
            with tx.begin_nested():
                _work_on(app, tx, events, now=now)
        except Exception as fault:
            if is_passing(fault):
                raise
            _work_on_each(app, tx, events, now=now)
        touched: dict[UUID, datetime] = {}
        for event in events:
            touched.setdefault(event.member_id, event.created_at)
        passes.look_at(tx, touched)
        return len(events)

    events, looked_at = app.db.run(work), pass_updates.refresh(app)
    return events or looked_at


def _lock_referrers(tx: Tx, events: Sequence[Event]) -> None:
    """Lock those who get something for a friend's purchase, by id: several workers then queue and never wait in a ring."""
    for referrer in sorted(_referrers(events)):
        locks.member(tx, referrer)


def _referrers(events: Sequence[Event]) -> set[UUID]:
    """Those who had invited somebody who has now bought."""
    return {UUID(notice["referrer"]) for event in events for notice in event.notices if notice["kind"] == FRIEND_BOUGHT}


def _work_on_each(app: App, tx: Tx, events: Sequence[Event], *, now: datetime) -> None:
    """One of these events cannot be worked on: find out which by working on each alone, and put it aside."""
    for event in events:
        try:
            with tx.begin_nested():
                _work_on(app, tx, [event], now=now)
        except Exception as fault:  # whatever it is, the events behind it must not wait for it
            if is_passing(fault):
                raise
            log.error("event put aside", outbox_id=str(event.id), fault=type(fault).__name__)  # noqa: TRY400 the message may hold names
            deliveries.put_aside(tx, event, why=f"{type(fault).__name__}: {fault}"[:500])


def _work_on(app: App, tx: Tx, events: Sequence[Event], *, now: datetime) -> None:
    _do_what_follows(app, tx, events, now=now)
    readers = recipients_of(app, tx, {event.member_id for event in events} | _referrers(events), now=now)
    wishes = [wish for event in events for wish in _wishes(readers, event)]
    file_messages(app, tx, wishes, readers, now=now)


def _do_what_follows(app: App, tx: Tx, events: Sequence[Event], *, now: datetime) -> None:
    """What an event leads to beside messages: a reward for bringing a friend, an object in Google Wallet."""
    for event in events:
        for notice in event.notices:
            if notice["kind"] == FRIEND_BOUGHT:
                reward_referrer(
                    app,
                    tx,
                    UUID(notice["referrer"]),
                    friend=str(notice["friend"]),
                    program=event.program_id,
                    at=event.created_at,
                )
            if notice["kind"] in {"welcome", GOOGLE_WANTED} and app.google is not None:
                row = app.in_force(tx, locks.member_unlocked(tx, event.member_id), at=now)
                pass_updates.follow_in_google(app, tx, row, event, now=now)


def _wishes(readers: Recipients, event: Event) -> Iterator[Wish]:
    """The messages that an event's notices ask for."""
    if event.member_id not in readers:
        raise NotFound(what="member")
    words = readers.words(event.member_id)
    for notice in event.notices:
        kind = NOTICED_AS.get(notice["kind"], notice["kind"])
        if kind == FRIEND_BOUGHT:
            yield from _thanks(readers, event, UUID(notice["referrer"]))
        elif kind in KINDS:
            yield Wish(
                member_id=event.member_id,
                kind=kind,
                caused_at=event.created_at,
                expires_at=event.created_at + KINDS[kind].is_worth,
                facts={name: value for name, value in notice.items() if name != "kind"},
                values=values_of(words, notice),
            )


def _thanks(readers: Recipients, event: Event, referrer: UUID) -> Iterator[Wish]:
    """Whoever brought a friend hears of it where the program rewards that."""
    if referrer in readers and any(rule.kind == REFERRAL for rule in readers.definition(referrer).earning):
        yield Wish(
            member_id=referrer,
            kind="referral_done",
            caused_at=event.created_at,
            expires_at=event.created_at + KINDS["referral_done"].is_worth,
        )


def values_of(words: Words, notice: Notice) -> dict[str, Value]:
    """What the placeholders of a message stand for."""
    values: dict[str, Value] = {}
    if "unit" in notice:
        if "amount" in notice:
            values["points"] = words.quantity(notice["unit"], notice["amount"])
        values["balance"] = words.quantity(notice["unit"], notice["balance"])
    if "tier" in notice:
        values["tier"] = words.explain.tier(notice["tier"])
    if "reward" in notice:
        values["reward"] = words.explain.reward(notice["reward"])
    if "challenge" in notice:
        values["challenge"] = words.explain.rule(notice["challenge"])
    if "status" in notice:
        values["status"] = str(notice["status"])
    if "until" in notice:
        values["day"] = date.fromisoformat(notice["until"])
    return values
