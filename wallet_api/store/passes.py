"""Wallet passes: what each shows, its tag in the feed of changes, and the devices that hold it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Pass:
    """The pass of a card: the fingerprint of what it shows, the tag and time of its last change."""

    card_id: UUID
    fingerprint: str
    tag: int
    updated_at: datetime
    google_fingerprint: str | None


_PASS = "SELECT card_id, fingerprint, tag, updated_at, google_fingerprint FROM passes WHERE card_id = :card"


def of_card(tx: Tx, card_id: UUID) -> Pass | None:
    """The pass made from a card, if one was ever made."""
    row = sql.first(tx, _PASS, card=card_id)
    return Pass(**row._mapping) if row else None


def issue(
    tx: Tx,
    card_id: UUID,
    *,
    program_id: str,
    member_id: UUID,
    fingerprint: str,
    now: datetime,
) -> Pass:
    """Start following a card's pass; the pass as it stands if it is followed already."""
    sql.run(
        tx,
        """
        INSERT INTO passes (card_id, program_id, member_id, fingerprint, tag, updated_at)
        VALUES (:card, :program, :member, :fingerprint, 0, date_trunc('second', CAST(:now AS timestamptz)))
        ON CONFLICT DO NOTHING
        """,
        card=card_id,
        program=program_id,
        member=member_id,
        fingerprint=fingerprint,
        now=now,
    )
    row = sql.one(tx, _PASS, card=card_id)
    return Pass(**row._mapping)


def change(tx: Tx, card_id: UUID, *, fingerprint: str, tag: int, now: datetime) -> None:
    """A pass shows something else from now on.

    `Last-Modified` has whole seconds, so two changes within one are a second apart.
    """
    sql.run(
        tx,
        """
        UPDATE passes
        SET fingerprint = :fingerprint, tag = :tag,
            updated_at = greatest(date_trunc('second', CAST(:now AS timestamptz)), updated_at + interval '1 second')
        WHERE card_id = :card
        """,
        card=card_id,
        fingerprint=fingerprint,
        tag=tag,
        now=now,
    )


def saved_by_google(tx: Tx, card_id: UUID, fingerprint: str) -> None:
    """Google Wallet has this state of the pass."""
    sql.run(
        tx,
        "UPDATE passes SET google_fingerprint = :f WHERE card_id = :card",
        card=card_id,
        f=fingerprint,
    )


# ── Apple devices ────────────────────────────────────────────────────────────────────────────────────────────────


def register(
    tx: Tx,
    *,
    device_id: str,
    pass_type_id: str,
    card_id: UUID,
    push_token: str,
    now: datetime,
) -> bool:
    """A device holds a pass and wants to be told of changes; True if that is new."""
    sql.run(
        tx,
        """
        INSERT INTO apple_devices (id, pass_type_id, push_token, registered_at)
        VALUES (:device, :type, :token, :now)
        ON CONFLICT (id, pass_type_id) DO UPDATE
        SET push_token = excluded.push_token, registered_at = excluded.registered_at
        """,
        device=device_id,
        type=pass_type_id,
        token=push_token,
        now=now,
    )
    row = sql.first(
        tx,
        """
        INSERT INTO apple_registrations (device_id, pass_type_id, card_id, registered_at)
        VALUES (:device, :type, :card, :now) ON CONFLICT DO NOTHING RETURNING card_id
        """,
        device=device_id,
        type=pass_type_id,
        card=card_id,
        now=now,
    )
    return row is not None


def unregister(tx: Tx, *, device_id: str, pass_type_id: str, card_id: UUID) -> bool:
    """A device has thrown a pass away; the device itself is forgotten with its last pass."""
    row = sql.first(
        tx,
        """
        DELETE FROM apple_registrations
        WHERE device_id = :device AND pass_type_id = :type AND card_id = :card RETURNING card_id
        """,
        device=device_id,
        type=pass_type_id,
        card=card_id,
    )
    sql.run(
        tx,
        """
        DELETE FROM apple_devices d WHERE d.id = :device AND d.pass_type_id = :type AND NOT EXISTS (
            SELECT 1 FROM apple_registrations r WHERE r.device_id = d.id AND r.pass_type_id = d.pass_type_id)
        """,
        device=device_id,
        type=pass_type_id,
    )
    return row is not None


def changed_since(tx: Tx, *, device_id: str, pass_type_id: str, tag: int | None) -> tuple[list[UUID], int] | None:
    """The passes of a device that changed after a tag, and the newest tag among them; None for an unknown device."""
    rows = sql.every(
        tx,
        """
        SELECT p.card_id, p.tag FROM apple_registrations r JOIN passes p ON p.card_id = r.card_id
        WHERE r.device_id = :device AND r.pass_type_id = :type
        """,
        device=device_id,
        type=pass_type_id,
    )
    if not rows:
        return None
    newest = max(row.tag for row in rows)
    return [row.card_id for row in rows if tag is None or row.tag > tag], newest


def apple_devices(tx: Tx, card_id: UUID) -> Sequence[Row[Any]]:
    """The devices to wake when a card's pass changes."""
    return sql.every(
        tx,
        """
        SELECT d.id, d.pass_type_id, d.push_token FROM apple_registrations r
        JOIN apple_devices d ON d.id = r.device_id AND d.pass_type_id = r.pass_type_id
        WHERE r.card_id = :card ORDER BY d.id
        """,
        card=card_id,
    )


def push_token(tx: Tx, *, device_id: str, pass_type_id: str) -> str | None:
    """Where to wake a device now."""
    row = sql.first(
        tx,
        "SELECT push_token FROM apple_devices WHERE id = :device AND pass_type_id = :type",
        device=device_id,
        type=pass_type_id,
    )
    return row.push_token if row else None


def forget_apple_device(
    tx: Tx,
    *,
    device_id: str,
    pass_type_id: str,
    push_token: str,
    gone_since: datetime | None,
) -> None:
    """APNs no longer knows a device; forgotten unless it registered anew, or after APNs lost it."""
    sql.run(
        tx,
        """
        DELETE FROM apple_devices WHERE id = :device AND pass_type_id = :type AND push_token = :token
          AND (CAST(:since AS timestamptz) IS NULL OR registered_at < :since)
        """,
        device=device_id,
        type=pass_type_id,
        token=push_token,
        since=gone_since,
    )
