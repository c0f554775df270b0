"""Writing messages and their deliveries down, a batch at a time; ending those that are no longer to be said."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx, json_text


@dataclass(frozen=True, kw_only=True)
class NewMessage:
    """A message for a member; `deliveries` are channel, target, device and the moment of the first try."""

    id: UUID
    program_id: str
    member_id: UUID
    kind: str
    message_class: str
    title: str
    body: str
    locale: str
    about: str | None
    facts: Mapping[str, Any]
    withheld: Mapping[str, str]
    goes_at: datetime | None
    caused_at: datetime
    expires_at: datetime
    campaign_id: UUID | None
    collapse_key: str
    quiet: str | None
    data: Mapping[str, str]
    deliveries: Sequence[tuple[str, str, str | None, datetime]]
    created_at: datetime


_ADD = """
WITH d AS (SELECT CAST(:batch AS jsonb) AS j),
messages AS (
  INSERT INTO notifications (id, program_id, member_id, kind, class, title, body, about, facts, withheld, goes_at,
                             expires_at, campaign_id, created_at)
  SELECT m.id, m.program_id, m.member_id, m.kind, m.class, m.title, m.body, m.about, m.facts, m.withheld, m.goes_at,
         m.expires_at, m.campaign_id, :now
  FROM d, jsonb_to_recordset(d.j -> 'messages') AS m (
    id uuid, program_id text, member_id uuid, kind text, class text, title text, body text, about text, facts jsonb,
    withheld jsonb, goes_at timestamptz, expires_at timestamptz, campaign_id uuid)
  ON CONFLICT DO NOTHING RETURNING id),
sent AS (
  INSERT INTO deliveries (id, message_id, notification_id, program_id, member_id, kind, class, channel, target,
                          device_id, title, body, data, locale, collapse_key, quiet, next_try_at, caused_at, expires_at,
                          campaign_id)
  SELECT s.id, s.message_id, m.id, m.program_id, m.member_id, m.kind, m.class, s.channel, s.target, s.device_id,
         m.title, m.body, m.data, m.locale, m.collapse_key, m.quiet, s.at, m.caused_at, m.expires_at, m.campaign_id
  FROM d, jsonb_to_recordset(d.j -> 'deliveries') AS s (
    id uuid, message_id uuid, notification_id uuid, channel text, target text, device_id uuid, at timestamptz),
  jsonb_to_recordset(d.j -> 'messages') AS m (
    id uuid, program_id text, member_id uuid, kind text, class text, title text, body text, data jsonb, locale text,
    collapse_key text, quiet text, caused_at timestamptz, expires_at timestamptz, campaign_id uuid)
  WHERE m.id = s.notification_id AND m.id IN (SELECT id FROM messages))
SELECT id FROM messages
"""


def add(tx: Tx, messages: Sequence[NewMessage], *, now: datetime) -> set[UUID]:
    """File messages for the next free worker; those of them that are new: what has an `about` is said once."""
    if not messages:
        return set()
    # In the order of the members, whose rows each insert locks for a moment: two batches then cannot wait in a ring.
    in_order = sorted(messages, key=lambda message: message.member_id)
    batch = {
        "messages": [_message(message) for message in in_order],
        "deliveries": [each for message in in_order for each in _deliveries(message)],
    }
    return {row.id for row in sql.every(tx, _ADD, batch=json_text(batch), now=now)}


def _message(message: NewMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "program_id": message.program_id,
        "member_id": message.member_id,
        "kind": message.kind,
        "class": message.message_class,
        "title": message.title,
        "body": message.body,
        "locale": message.locale,
        "about": message.about,
        "facts": message.facts,
        "withheld": message.withheld,
        "goes_at": message.goes_at,
        "caused_at": message.caused_at,
        "expires_at": message.expires_at,
        "campaign_id": message.campaign_id,
        "collapse_key": message.collapse_key,
        "quiet": message.quiet,
        "data": message.data,
    }


def _deliveries(message: NewMessage) -> list[dict[str, Any]]:
    return [
        {
            "id": new_id(),
            # The same on every try and in every worker: made of the cause and the target.
            "message_id": uuid5(message.id, f"{channel}:{target}"),
            "notification_id": message.id,
            "channel": channel,
            "target": target,
            "device_id": device_id,
            "at": at,
        }
        for channel, target, device_id, at in message.deliveries
    ]


def waiting(tx: Tx, member_ids: Collection[UUID], *, now: datetime) -> Sequence[Row[Any]]:
    """The messages of some members of which something waits, the oldest first; and whether nothing is out yet."""
    return sql.every(
        tx,
        """
        SELECT n.id, n.member_id, n.kind, n.facts, w.is_unsent
        FROM (SELECT notification_id, bool_and(status = 'waiting' AND attempts = 0) AS is_unsent FROM deliveries
              WHERE member_id = ANY(:ids) AND notification_id IS NOT NULL AND expires_at > :now
              GROUP BY notification_id
              HAVING bool_or(status = 'waiting' AND (lease_until IS NULL OR lease_until < :now))) w
        JOIN notifications n ON n.id = w.notification_id ORDER BY n.id
        """,
        ids=list(member_ids),
        now=now,
    )


def end(tx: Tx, reasons: Mapping[UUID, str], *, now: datetime) -> None:
    """Send no more of these messages, and note why; what a worker holds at this moment still goes out."""
    sql.run(
        tx,
        """
        WITH r AS (SELECT key::uuid AS id, value AS reason FROM jsonb_each_text(CAST(:reasons AS jsonb))),
        ended AS (
          UPDATE deliveries d SET status = 'replaced', reason = r.reason FROM r, notifications n
          WHERE n.id = r.id AND d.member_id = n.member_id AND d.notification_id = r.id AND d.status = 'waiting'
            AND (d.lease_until IS NULL OR d.lease_until < :now)
          RETURNING d.notification_id, d.attempts)
        UPDATE notifications SET goes_at = NULL
        WHERE id IN (SELECT notification_id FROM ended GROUP BY notification_id HAVING max(attempts) = 0)
        """,
        reasons=json_text({str(message): reason for message, reason in reasons.items()}),
        now=now,
    )
