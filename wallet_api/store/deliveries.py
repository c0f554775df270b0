"""What goes out: outbox rows become deliveries, deliveries are leased, sent and marked.

An outbox row is deleted in the transaction that writes its deliveries, so each event is worked on once. A delivery
is sent with no transaction open; a worker that died in between leaves a lease that runs out, and the next try carries
the same message id.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        DELETE FROM outbox WHERE id IN (
            SELECT id FROM outbox WHERE failed IS NULL ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
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


def add_notification(
    tx: Tx,
    program_id: str,
    member_id: UUID,
    *,
    kind: str,
    title: str,
    body: str,
    now: datetime,
) -> UUID:
    """Add a message to the member's list."""
    notification_id = new_id()
    sql.run(
        tx,
        """
        INSERT INTO notifications (id, program_id, member_id, kind, title, body, created_at)
        VALUES (:id, :program, :member, :kind, :title, :body, :now)
        """,
        id=notification_id,
        program=program_id,
        member=member_id,
        kind=kind,
        title=title,
        body=body,
        now=now,
    )
    return notification_id


def notifications(tx: Tx, member_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """A member's messages, the newest first."""
    return sql.every(
        tx,
        """
        SELECT id, kind, title, body, created_at FROM notifications
        WHERE member_id = :member AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
        """,
        member=member_id,
        before=before,
        limit=limit,
    )


def push_devices(tx: Tx, member_id: UUID) -> Sequence[Row[Any]]:
    """The phones that a member's messages go to."""
    return sql.every(
        tx,
        "SELECT id, fcm_token FROM devices WHERE member_id = :member AND forgotten_at IS NULL ORDER BY id",
        member=member_id,
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


def add(tx: Tx, delivery: NewDelivery, *, now: datetime) -> None:
    """File a delivery for the next free worker."""
    sql.run(
        tx,
        """
        INSERT INTO deliveries (id, message_id, program_id, member_id, kind, channel, target, device_id, title, body,
                                data, locale, collapse_key, next_try_at, caused_at, expires_at)
        VALUES (:id, :message_id, :program_id, :member_id, :kind, :channel, :target, :device_id, :title, :body,
                CAST(:data AS jsonb), :locale, :collapse_key, :now, :caused_at, :expires_at)
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
    )
    add(tx, delivery, now=now)


def is_waiting(tx: Tx, *, channel: str, target: str, kind: str) -> bool:
    """Whether the same update is already waiting for a worker that has not taken it yet."""
    row = sql.first(
        tx,
        """
        SELECT 1 FROM deliveries
        WHERE status = 'waiting' AND channel = :channel AND target = :target AND kind = :kind AND lease_until IS NULL
        LIMIT 1
        """,
        channel=channel,
        target=target,
        kind=kind,
    )
    return row is not None


def lease(tx: Tx, channel: str, *, now: datetime, limit: int) -> list[Delivery]:
    """Take deliveries that are due; nobody else does while the lease lasts."""
    rows = sql.every(
        tx,
        """
        UPDATE deliveries SET lease_until = :until, lease = lease + 1, attempts = attempts + 1
        WHERE id IN (
            SELECT id FROM deliveries
            WHERE status = 'waiting' AND channel = :channel AND next_try_at <= :now
              AND (lease_until IS NULL OR lease_until < :now)
            ORDER BY next_try_at LIMIT :limit FOR UPDATE SKIP LOCKED)
        RETURNING id, message_id, program_id, member_id, kind, target, device_id, title, body, data, locale,
                  collapse_key, attempts, lease, caused_at, expires_at
        """,
        channel=channel,
        now=now,
        until=now + LEASE,
        limit=limit,
    )
    return [Delivery(**row._mapping) for row in rows]


def mark(
    tx: Tx,
    delivery: Delivery,
    *,
    status: str,
    now: datetime,
    next_try_at: datetime | None = None,
    provider_id: str | None = None,
    detail: str | None = None,
) -> bool:
    """Write what became of a delivery; False if its lease ran out and another worker has it now.

    What is over is stripped of a sign-in code.
    """
    over = status != "waiting"
    row = sql.first(
        tx,
        """
        UPDATE deliveries
        SET status = :status, next_try_at = coalesce(:next_try_at, next_try_at), lease_until = NULL,
            provider_id = :provider_id, detail = :detail,
            accepted_at = CASE WHEN :status = 'accepted' THEN CAST(:now AS timestamptz) END,
            body = CASE WHEN :over AND kind = 'sign_in_code' THEN NULL ELSE body END,
            title = CASE WHEN :over AND kind = 'sign_in_code' THEN NULL ELSE title END,
            data = CASE WHEN :over AND kind = 'sign_in_code' THEN '{}' ELSE data END
        WHERE id = :id AND lease = :lease RETURNING id
        """,
        id=delivery.id,
        lease=delivery.lease,
        status=status,
        next_try_at=next_try_at,
        provider_id=provider_id,
        detail=detail,
        now=now,
        over=over,
    )
    return row is not None


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


def add_console_message(
    tx: Tx,
    *,
    message_id: UUID,
    channel: str,
    recipient: str,
    title: str,
    body: str,
    code: str | None,
    now: datetime,
) -> None:
    """Keep a message that would have gone out; the same message twice is kept once."""
    sql.run(
        tx,
        """
        INSERT INTO console_messages (id, channel, recipient, title, body, code, sent_at)
        VALUES (:id, :channel, :recipient, :title, :body, :code, :now) ON CONFLICT DO NOTHING
        """,
        id=message_id,
        channel=channel,
        recipient=recipient,
        title=title,
        body=body,
        code=code,
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
