"""A member's messages, with what became of each: sent by which way, or why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.services.find_member import member_now
from wallet_api.services.present import Json
from wallet_api.services.reasons import why
from wallet_api.store import deliveries
from wallet_api.store.locks import member_unlocked
from wallet_api.store.session import Tx

SENT, WAITING, NOT_SENT = "sent", "waiting", "not_sent"
_STATUS = {"accepted": SENT, "waiting": WAITING}


def messages_of(tx: Tx, member_id: UUID, *, before: UUID | None, limit: int, language: str | None = None) -> list[Json]:
    """The member's messages, the newest first; reasons in their language, or in the one that is asked for."""
    said_in = language or member_unlocked(tx, member_id).locale
    rows = deliveries.notifications(tx, member_id, before=before, limit=limit)
    return [_message(row, language=said_in) for row in rows]


def messages_for_manager(
    tx: Tx, member_id: UUID, *, program: str, before: UUID | None, limit: int, language: str
) -> list[Json]:
    """The same for a manager of the program; NotFound for another one's member."""
    return messages_of(tx, member_now(tx, member_id, program=program), before=before, limit=limit, language=language)


def channel_line(channel: str, status: str, reason: str | None, *, language: str, at: datetime | None = None) -> Json:
    """What became of a message by one channel, or would: when, or why not in a sentence."""
    sentence = why(reason, locale=language) if reason else None
    return {"channel": channel, "status": status, "reason": reason, "why": sentence, "at": at}


def _message(row: Row[Any], *, language: str) -> Json:
    channels = list(_channels(row, language=language))
    statuses = {channel["status"] for channel in channels}
    return {
        "id": row.id,
        "kind": row.kind,
        "class": row._mapping["class"],
        "title": row.title,
        "body": row.body,
        "created_at": row.created_at,
        # What was written before deliveries were kept with it has gone out.
        "status": next((each for each in (SENT, WAITING, NOT_SENT) if each in statuses), SENT),
        "channels": channels,
        "opened_at": row.opened_at,
    }


def _channels(row: Row[Any], *, language: str) -> Iterator[Json]:
    """One line a channel, whatever the number of devices: sent if it was to any of them."""
    by_channel: dict[str, list[dict[str, Any]]] = {}
    for delivery in row.deliveries:
        by_channel.setdefault(delivery["channel"], []).append(delivery)
    for channel, made in by_channel.items():
        yield _line(channel, made, language=language)
    for channel, reason in row.withheld.items():
        yield channel_line(channel, NOT_SENT, reason, language=language)


def _line(channel: str, made: Sequence[dict[str, Any]], *, language: str) -> Json:
    for status in ("accepted", "waiting"):
        if found := [each for each in made if each["status"] == status]:
            at = found[0]["at"] if status == "accepted" else found[0]["next_try_at"]
            return channel_line(channel, _STATUS[status], None, language=language, at=datetime.fromisoformat(at))
    return channel_line(channel, NOT_SENT, made[0]["reason"], language=language)
