"""What goes out: outbox rows become deliveries, deliveries are leased, sent and marked.

An outbox row is deleted in the transaction that writes its deliveries, so each event is worked on once. A delivery
is sent with no transaction open; a worker that died in between leaves a lease that runs out, and the next try carries
the same message id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx, json_text

LEASE = timedelta(seconds=60)

# ── The outbox ───────────────────────────────────────────────────────────────────────────────────────────────────


def add_event(tx: Tx, program_id: str, member_id: UUID, *, kind: str, now: datetime) -> None:
    """Tell the worker of something that is no decision; whatever it is, it brings the member's passes up to date."""
    sql.run(
        tx,
        """
        INSERT INTO outbox (id, program_id, member_id, notices, created_at)
        VALUES (:id, :program, :member, CAST(:notices AS jsonb), :now)
        """,
        id=new_id(),
        program=program_id,
        member=member_id,
        notices=json_text([{"kind": kind}]),
        now=now,
    )


def take_events(tx: Tx, *, limit: int) -> Sequence[Row[Any]]:
    """Take events out of the outbox; they are gone with the commit. Other workers take other rows."""
    return sql.every(
        tx,
        """
        WITH oldest AS MATERIALIZED (
            SELECT id FROM outbox WHERE failed IS NULL ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
        DELETE FROM outbox WHERE id = ANY(ARRAY(SELECT id FROM oldest))
        RETURNING id, program_id, member_id, notices, created_at
        """,
        limit=limit,
    )


def put_aside(tx: Tx, event: Row[Any], *, why: str) -> None:
    """Keep an event that cannot be worked on, with the reason."""
    sql.run(
        tx,
        """
        INSERT INTO outbox (id, program_id, member_id, notices, created_at, failed)
        VALUES (:id, :program, :member, CAST(:notices AS jsonb), :created, :why)
        """,
        id=event.id,
        program=event.program_id,
        member=event.member_id,
        notices=json_text(event.notices),
        created=event.created_at,
        why=why,
    )


def notifications(tx: Tx, member_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """A member's messages, the newest first, each with what became of it by each channel."""
    return sql.every(
        tx,
        """
        SELECT n.id, n.kind, n.class, n.title, n.body, n.created_at, n.withheld, n.opened_at,
               coalesce((
                 SELECT jsonb_agg(jsonb_build_object('channel', d.channel, 'status', d.status, 'reason', d.reason,
                                                     'at', d.accepted_at, 'next_try_at', d.next_try_at) ORDER BY d.id)
                 FROM deliveries d WHERE d.member_id = n.member_id AND d.notification_id = n.id), '[]') AS deliveries
        FROM notifications n
        WHERE n.member_id = :member AND (CAST(:before AS uuid) IS NULL OR n.id < :before) ORDER BY n.id DESC LIMIT :limit
        """,
        member=member_id,
        before=before,
        limit=limit,
    )


# ── Deliveries ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class NewDelivery:
    """One message to one device or mailbox, or one update of a wallet's pass."""

    program_id: str
    member_id: UUID | None
    cause_id: UUID
    kind: str
    channel: str
    target: str
    locale: str
    collapse_key: str
    caused_at: datetime
    expires_at: datetime
    device_id: UUID | None = None
    title: str | None = None
    body: str | None = None
    data: dict[str, str] | None = None
    message_class: str = "service"

    @property
    def message_id(self) -> UUID:
        """The same on every try and in every worker: made of the cause and the target."""
        return uuid5(self.cause_id, f"{self.channel}:{self.target}")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A delivery that this worker holds until its lease runs out."""

    id: UUID
    message_id: UUID
    program_id: str
    member_id: UUID | None
    kind: str
    target: str
    device_id: UUID | None
    title: str | None
    body: str | None
    data: dict[str, str]
    locale: str
    collapse_key: str
    attempts: int
    lease: int
    caused_at: datetime
    expires_at: datetime
    message_class: str
    quiet: str | None
    next_try_at: datetime
    is_device_gone: bool
    is_mailbox_dead: bool
    is_unwanted: bool


@dataclass(frozen=True, kw_only=True)
class Marked:
    """What became of a delivery; `next_try_at` where it waits for another try, `frees` the device it was held for.

    `is_try`: whether anything was sent; a delivery that was put back has used up no attempt.
    """

    delivery: Delivery
    status: str
    next_try_at: datetime | None = None
    provider_id: str | None = None
    detail: str | None = None
    reason: str | None = None
    is_try: bool = True


def add(tx: Tx, delivery: NewDelivery, *, now: datetime) -> None:
    """File a delivery for the next free worker."""
    sql.run(
        tx,
        """
        INSERT INTO deliveries (id, message_id, program_id, member_id, kind, channel, target, device_id, title, body,
                                data, locale, collapse_key, next_try_at, caused_at, expires_at, class)
        VALUES (:id, :message_id, :program_id, :member_id, :kind, :channel, :target, :device_id, :title, :body,
                CAST(:data AS jsonb), :locale, :collapse_key, :now, :caused_at, :expires_at, :class)
        """,
        id=new_id(),
        message_id=delivery.message_id,
        program_id=delivery.program_id,
        member_id=delivery.member_id,
        kind=delivery.kind,
        channel=delivery.channel,
        target=delivery.target,
        device_id=delivery.device_id,
        title=delivery.title,
        body=delivery.body,
        data=json_text(delivery.data or {}),
        locale=delivery.locale,
        collapse_key=delivery.collapse_key,
        caused_at=delivery.caused_at,
        expires_at=delivery.expires_at,
        now=now,
        **{"class": delivery.message_class},
    )


def add_sign_in_code(
    tx: Tx,
    program_id: str,
    address: str,
    *,
    title: str,
    body: str,
    code: str,
    locale: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """File the message that carries a sign-in code; the code is wiped once the message is out."""
    cause = new_id()
    delivery = NewDelivery(
        program_id=program_id,
        member_id=None,
        cause_id=cause,
        kind="sign_in_code",
        channel="email" if "@" in address else "sms",
        target=address,
        locale=locale,
        collapse_key="sign-in-code",
        caused_at=now,
        expires_at=expires_at,
        title=title,
        body=body,
        data={"code": code},
        message_class="code",
    )
    add(tx, delivery, now=now)


def is_waiting(tx: Tx, *, channel: str, target: str, kind: str) -> bool:
    """Whether the same update of a pass is already waiting for a worker that has not taken it yet."""
    row = sql.first(
        tx,
        """
        SELECT 1 FROM deliveries
        WHERE status = 'waiting' AND channel = :channel AND channel IN ('apple', 'google') AND target = :target
          AND kind = :kind AND lease_until IS NULL
        LIMIT 1
        """,
        channel=channel,
        target=target,
        kind=kind,
    )
    return row is not None


# `= ANY(ARRAY(…))`, also beside a join, and a phone's `busy_until` asked for as a value: else a plan that is kept from when the
# tables were small, or one for many rows, reads all deliveries or all phones for each batch, a thousand times for a million.
_LEASE = """
WITH due AS MATERIALIZED (
  SELECT d.id, d.device_id FROM deliveries d
  WHERE d.status = 'waiting' AND d.channel = :channel AND d.next_try_at <= :now
    AND (d.lease_until IS NULL OR d.lease_until < :now)
    AND coalesce((SELECT v.busy_until FROM devices v WHERE v.id = d.device_id) < :now, true)
  ORDER BY d.next_try_at LIMIT :limit FOR UPDATE OF d SKIP LOCKED),
phones AS MATERIALIZED (
  SELECT v.id, v.member_id, v.forgotten_at FROM devices v
  WHERE v.id = ANY(ARRAY(SELECT device_id FROM due)) AND (v.busy_until IS NULL OR v.busy_until < :now)
  FOR UPDATE SKIP LOCKED),
held AS (UPDATE devices SET busy_until = :until WHERE id = ANY(ARRAY(SELECT id FROM phones)))
UPDATE deliveries d SET lease_until = :until, lease = lease + 1, attempts = attempts + 1
FROM due LEFT JOIN phones ON phones.id = due.device_id
WHERE d.id = ANY(ARRAY(SELECT id FROM due)) AND d.id = due.id AND (due.device_id IS NULL OR phones.id IS NOT NULL
  OR (SELECT v.id FROM devices v WHERE v.id = due.device_id) IS NULL)
RETURNING d.id, d.message_id, d.program_id, d.member_id, d.kind, d.target, d.device_id, d.title, d.body, d.data, d.locale,
          d.collapse_key, d.attempts, d.lease, d.caused_at, d.expires_at, d.class AS message_class, d.quiet, d.next_try_at,
          d.device_id IS NOT NULL AND (phones.id IS NULL OR phones.forgotten_at IS NOT NULL
            OR phones.member_id <> d.member_id) AS is_device_gone,
          d.channel = 'email' AND d.class <> 'code' AND EXISTS (
            SELECT FROM dead_addresses a WHERE a.program_id = d.program_id AND a.address = d.target) AS is_mailbox_dead,
          d.class = 'marketing' AND NOT coalesce((
            SELECT c.granted FROM consents c WHERE c.member_id = d.member_id AND c.kind = 'marketing'
            ORDER BY c.id DESC LIMIT 1), false) AS is_unwanted
"""


def lease(tx: Tx, channel: str, *, now: datetime, limit: int) -> list[Delivery]:
    """Take deliveries that are due, in the order in which they are; nobody else sends to the same devices meanwhile.

    So no message is on its way to a device that has just answered that it is gone.
    """
    rows = sql.every(tx, _LEASE, channel=channel, now=now, until=now + LEASE, limit=limit)
    leased = [Delivery(**row._mapping) for row in rows]
    return sorted(leased, key=lambda delivery: (delivery.next_try_at, delivery.id))


_MARK = """
WITH r AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(CAST(:results AS jsonb)) AS r (
    id uuid, lease bigint, status text, again timestamptz, provider_id text, detail text, reason text, is_try boolean)),
marked AS (
  UPDATE deliveries d
  SET status = r.status, next_try_at = coalesce(r.again, d.next_try_at), lease_until = NULL,
      attempts = CASE WHEN r.is_try THEN d.attempts ELSE d.attempts - 1 END,
      provider_id = r.provider_id, detail = r.detail, reason = r.reason,
      accepted_at = CASE WHEN r.status = 'accepted' THEN CAST(:now AS timestamptz) END,
      body = CASE WHEN r.status <> 'waiting' AND d.kind = 'sign_in_code' THEN NULL ELSE d.body END,
      title = CASE WHEN r.status <> 'waiting' AND d.kind = 'sign_in_code' THEN NULL ELSE d.title END,
      data = CASE WHEN r.status <> 'waiting' AND d.kind = 'sign_in_code' THEN '{}' ELSE d.data END
  FROM r WHERE d.id = ANY(ARRAY(SELECT id FROM r)) AND d.id = r.id AND d.lease = r.lease
  RETURNING d.id, d.device_id),
freed AS (
  UPDATE devices SET busy_until = NULL WHERE id IN (SELECT device_id FROM marked WHERE device_id IS NOT NULL))
SELECT id FROM marked
"""


def mark(tx: Tx, results: Sequence[Marked], *, now: datetime) -> set[UUID]:
    """Write what became of deliveries; those whose lease ran out, and which another worker has now, are left out.

    What is over is stripped of a sign-in code.
    """
    rows = [
        {
            "id": each.delivery.id,
            "lease": each.delivery.lease,
            "status": each.status,
            "again": each.next_try_at,
            "provider_id": each.provider_id,
            "detail": each.detail,
            "reason": each.reason,
            "is_try": each.is_try,
        }
        for each in results
    ]
    return {row.id for row in sql.every(tx, _MARK, results=json_text(rows), now=now)}


def forget_device(tx: Tx, device_id: UUID, *, now: datetime) -> None:
    """The phone has thrown the app away: no message goes there again until it registers anew."""
    sql.run(
        tx,
        "UPDATE devices SET forgotten_at = :now WHERE id = :id",
        id=device_id,
        now=now,
    )


def counts(tx: Tx) -> dict[str, int]:
    """How many events and deliveries wait or have failed, for metrics and health."""
    row = sql.one(
        tx,
        """
        SELECT (SELECT count(*) FROM outbox WHERE failed IS NULL) AS events_waiting,
               (SELECT count(*) FROM outbox WHERE failed IS NOT NULL) AS events_failed,
               (SELECT count(*) FROM deliveries WHERE status = 'waiting') AS deliveries_waiting,
               (SELECT count(*) FROM deliveries WHERE status = 'dead') AS deliveries_dead
        """,
    )
    return {name: int(value) for name, value in row._mapping.items()}


# ── The console channel ──────────────────────────────────────────────────────────────────────────────────────────


def add_console_messages(tx: Tx, messages: Sequence[Mapping[str, object]], *, now: datetime) -> None:
    """Keep messages that would have gone out, each once: id, channel, recipient, title, body, code."""
    sql.run(
        tx,
        """
        INSERT INTO console_messages (id, channel, recipient, title, body, code, sent_at)
        SELECT id, channel, recipient, title, body, code, :now
        FROM jsonb_to_recordset(CAST(:messages AS jsonb)) AS m (
          id uuid, channel text, recipient text, title text, body text, code text)
        ON CONFLICT DO NOTHING
        """,
        messages=json_text(list(messages)),
        now=now,
    )


def console_messages(tx: Tx, *, limit: int) -> Sequence[Row[Any]]:
    """The newest messages of the console channel."""
    return sql.every(
        tx,
        """
        SELECT channel, recipient, title, body, code, sent_at FROM console_messages
        ORDER BY sent_at DESC, id DESC LIMIT :limit
        """,
        limit=limit,
    )
