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
class Outgoing:
    """A message on its way to one device or mailbox; not before `at`."""

    id: UUID
    message_id: UUID
    channel: str
    target: str
    device_id: str | None
    at: datetime

    @classmethod
    def of(cls, message: UUID, channel: str, target: str, *, device_id: str | None, at: datetime) -> Outgoing:
        """The phone's id for the message is the same on every try and in every worker: made of the cause and the target."""
        return cls(
            id=new_id(),
            message_id=uuid5(message, f"{channel}:{target}"),
            channel=channel,
            target=target,
            device_id=device_id,
            at=at,
        )


@dataclass(frozen=True, kw_only=True)
class NewMessage:
    """A message for a member, with what goes out of it; in the words of `_ADD`, which reads it as JSON."""

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
    deliveries: Sequence[Outgoing]


_ADD = """
WITH m AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(CAST(:messages AS jsonb)) AS m (
    id uuid, program_id text, member_id uuid, kind text, message_class text, title text, body text, locale text,
    about text, facts jsonb, withheld jsonb, goes_at timestamptz, caused_at timestamptz, expires_at timestamptz,
    campaign_id uuid, collapse_key text, quiet text, data jsonb, deliveries jsonb)),
written AS (
  INSERT INTO notifications (id, program_id, member_id, kind, class, title, body, about, facts, withheld, goes_at,
                             expires_at, campaign_id, created_at)
  SELECT m.id, m.program_id, m.member_id, m.kind, m.message_class, m.title, m.body, m.about, m.facts, m.withheld, m.goes_at,
         m.expires_at, m.campaign_id, :now
  FROM m ON CONFLICT DO NOTHING RETURNING id),
going AS (
  INSERT INTO deliveries (id, message_id, notification_id, program_id, member_id, kind, class, channel, target,
                          device_id, title, body, data, locale, collapse_key, quiet, next_try_at, caused_at, expires_at,
                          campaign_id)
  SELECT d.id, d.message_id, m.id, m.program_id, m.member_id, m.kind, m.message_class, d.channel, d.target, d.device_id,
         m.title, m.body, m.data, m.locale, m.collapse_key, m.quiet, d.at, m.caused_at, m.expires_at, m.campaign_id
  FROM m JOIN written ON written.id = m.id, jsonb_to_recordset(m.deliveries) AS d (
    id uuid, message_id uuid, channel text, target text, device_id uuid, at timestamptz))
SELECT id FROM written
"""


def add(tx: Tx, messages: Sequence[NewMessage], *, now: datetime) -> set[UUID]:
    """File messages for the next free worker; those of them that are new: what has an `about` is said once."""
    if not messages:
        return set()
    # In the order of the members, whose rows each insert locks for a moment: two batches then cannot wait in a ring.
    in_order = sorted(messages, key=lambda message: message.member_id)
    return {row.id for row in sql.every(tx, _ADD, messages=json_text(in_order), now=now)}


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
