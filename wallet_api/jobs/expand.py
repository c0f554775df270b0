"""Turning events of the outbox into messages and pass updates.

One transaction takes a batch of events out and writes what follows from them; no network in it. So each event leads
to its deliveries exactly once, however often a worker is killed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row

from notifications.render import Value
from wallet_api.domain.definition import Definition
from wallet_api.jobs import pass_updates
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.messages import quantity, say
from wallet_api.services.referral import reward_referrer
from wallet_api.services.show_pass import GOOGLE_WANTED
from wallet_api.store import deliveries, locks, members
from wallet_api.store.deliveries import NewDelivery
from wallet_api.store.locks import MemberRow
from wallet_api.store.session import Tx, is_passing

log = structlog.get_logger(__name__)

FRIEND_BOUGHT = "friend_bought"
"""The event of a newcomer's first purchase, where somebody had invited them."""

MESSAGE_IS_WORTH: Mapping[str, timedelta] = {
    "welcome": timedelta(days=3),
    "points_earned": timedelta(days=1),
    "points_returned": timedelta(days=1),
    "reward_redeemed": timedelta(days=1),
    "tier_upgraded": timedelta(days=7),
    "tier_downgraded": timedelta(days=7),
}
"""The kinds that a member hears of, and for how long each is worth hearing."""

COLLAPSES: Mapping[str, str] = {"tier_upgraded": "tier", "tier_downgraded": "tier"}
"""Of several messages under one key a phone that was away shows the last."""

BY_MAIL_WITHOUT_A_PHONE = frozenset({"welcome", "tier_upgraded", "tier_downgraded"})


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Who is told, in which words."""

    row: MemberRow
    definition: Definition
    words: Explainer


def expand(app: App, *, limit: int = 100) -> int:
    """Work on the oldest events; how many there were. One that cannot be worked on is put aside, not in the way.

    Raises Busy where the database is busy or away: that is no fault of an event, and all of them wait for the next run.
    """
    now = app.clock.now()

    def work(tx: Tx) -> int:
        events = deliveries.take_events(tx, limit=limit)
        _lock_referrers(tx, events)
        touched: dict[UUID, datetime] = {}
        for event in events:
            try:
                with tx.begin_nested():
                    _tell(app, tx, event, now=now)
            except Exception as fault:  # whatever it is, the events behind it must not wait for it
                if is_passing(fault):
                    raise
                log.error("event put aside", outbox_id=str(event.id), fault=type(fault).__name__)  # noqa: TRY400 the message may hold names
                deliveries.put_aside(tx, event, why=f"{type(fault).__name__}: {fault}"[:500])
            touched.setdefault(event.member_id, event.created_at)
        pass_updates.refresh(app, tx, touched, now=now)
        return len(events)

    return app.db.run(work)


def _lock_referrers(tx: Tx, events: Sequence[Row[Any]]) -> None:
    """Lock those who get something for a friend's purchase, by id: several workers then queue and never wait in a ring."""
    found = {
        UUID(notice["referrer"]) for event in events for notice in event.notices if notice["kind"] == FRIEND_BOUGHT
    }
    for referrer in sorted(found):
        locks.member(tx, referrer)


def _tell(app: App, tx: Tx, event: Row[Any], *, now: datetime) -> None:
    row = app.in_force(tx, locks.member_unlocked(tx, event.member_id), at=now)
    definition = app.definition(tx, row.program_id, row.version, revision=row.revision)
    reader = _Reader(row=row, definition=definition, words=Explainer(definition, row.locale))
    for number, notice in enumerate(event.notices):
        if notice["kind"] in MESSAGE_IS_WORTH:
            _notify(app, tx, reader, notice, event, number=number, now=now)
        if notice["kind"] == FRIEND_BOUGHT:
            reward_referrer(
                app,
                tx,
                UUID(notice["referrer"]),
                friend=str(notice["friend"]),
                program=row.program_id,
                at=event.created_at,
            )
        if notice["kind"] in {"welcome", GOOGLE_WANTED} and app.google is not None:
            pass_updates.follow_in_google(app, tx, row, event, now=now)


def _notify(
    app: App, tx: Tx, reader: _Reader, notice: Mapping[str, Any], event: Row[Any], *, number: int, now: datetime
) -> None:
    kind, row = str(notice["kind"]), reader.row
    text = say(reader.definition, kind, locale=row.locale, **_values(reader, notice))
    notification_id = deliveries.add_notification(
        tx, row.program_id, row.id, kind=kind, title=text.title, body=text.body, now=now
    )
    for channel, target, device_id in _targets(app, tx, row.id, kind):
        deliveries.add(
            tx,
            NewDelivery(
                program_id=row.program_id,
                member_id=row.id,
                cause_id=notification_id,
                kind=kind,
                channel=channel,
                target=target,
                device_id=device_id,
                locale=row.locale,
                collapse_key=COLLAPSES.get(kind, f"{event.id}-{number}"),
                caused_at=event.created_at,
                expires_at=event.created_at + MESSAGE_IS_WORTH[kind],
                title=text.title,
                body=text.body,
                data={"program": row.program_id},
            ),
            now=now,
        )


def _targets(app: App, tx: Tx, member_id: UUID, kind: str) -> list[tuple[str, str, UUID | None]]:
    """Every phone of the member; without one, what matters goes by e-mail (and the console shows what would go)."""
    phones = deliveries.push_devices(tx, member_id)
    if phones:
        return [("push", phone.fcm_token, phone.id) for phone in phones]
    if app.settings.missing_for_firebase:
        return [("push", f"member {member_id}", None)]
    email = members.profile(tx, member_id).email
    return [("email", email, None)] if email and kind in BY_MAIL_WITHOUT_A_PHONE else []


def _values(reader: _Reader, notice: Mapping[str, Any]) -> dict[str, Value]:
    """What the placeholders of a message stand for."""
    values: dict[str, Value] = {"given_name": reader.row.given_name or ""}
    if "unit" in notice:
        values["points"] = quantity(reader.definition, notice["unit"], notice["amount"])
        values["balance"] = quantity(reader.definition, notice["unit"], notice["balance"])
    if "tier" in notice:
        values["tier"] = reader.words.tier(notice["tier"])
    if "reward" in notice:
        values["reward"] = reader.words.reward(notice["reward"])
    return values
