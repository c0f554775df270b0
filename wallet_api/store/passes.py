"""Wallet passes: what each shows, its tag in the feed of changes, and the devices that hold it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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


_PASS = "SELECT card_id, fingerprint, tag, updated_at FROM passes WHERE card_id = :card"


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
    if (known := of_card(tx, card_id)) is not None:
        return known
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


def look_at(tx: Tx, since: Mapping[UUID, datetime]) -> None:
    """These members' passes may show something else, since then; a worker looks at them in a transaction of its own."""
    sql.run(
        tx,
        """
        WITH touched AS (
            SELECT p.card_id, t.since
            FROM passes p JOIN unnest(CAST(:members AS uuid[]), CAST(:since AS timestamptz[])) AS t(member_id, since)
                ON p.member_id = t.member_id
            ORDER BY p.card_id FOR NO KEY UPDATE OF p)
        UPDATE passes p SET look_since = least(p.look_since, t.since) FROM touched t WHERE p.card_id = t.card_id
        """,
        members=list(since),
        since=list(since.values()),
    )


def looked_at(tx: Tx, card_ids: Collection[UUID]) -> None:
    """These passes have been looked at, under their locks."""
    sql.run(tx, "UPDATE passes SET look_since = NULL WHERE card_id = ANY(:cards)", cards=list(card_ids))


def change(tx: Tx, fingerprints: Mapping[UUID, str], *, tag: int, now: datetime) -> None:
    """The passes of these cards show something else from now on.

    `Last-Modified` has whole seconds, so two changes within one are a second apart.
    """
    sql.run(
        tx,
        """
        UPDATE passes p
        SET fingerprint = c.fingerprint, tag = :tag,
            updated_at = greatest(date_trunc('second', CAST(:now AS timestamptz)), p.updated_at + interval '1 second')
        FROM unnest(CAST(:cards AS uuid[]), CAST(:fingerprints AS text[])) AS c(card_id, fingerprint)
        WHERE p.card_id = c.card_id
        """,
        cards=list(fingerprints),
        fingerprints=list(fingerprints.values()),
        tag=tag,
        now=now,
    )


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class NewPassMessage:
    """A message for a card's Apple pass, until its end."""

    card_id: UUID
    notification_id: UUID
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Put:
    """Whether a message is on the pass now; else, whether a device holds the pass at all, which was given another just now."""

    is_there: bool
    is_held: bool


def put_messages(tx: Tx, messages: Sequence[NewPassMessage], *, pause: timedelta, now: datetime) -> Mapping[UUID, Put]:
    """Put a message on each of these passes, which are locked, and have them looked at; by card what became of it.

    A message that is there stays as it is. None comes within a pause after another one, so that a phone shows both.
    """
    rows = sql.every(
        tx,
        """
        WITH seen AS MATERIALIZED (
            SELECT m.card_id, m.notification_id, m.until,
                   EXISTS (SELECT FROM apple_registrations r WHERE r.card_id = m.card_id) AS is_held,
                   EXISTS (SELECT FROM pass_messages o
                           WHERE o.card_id = m.card_id AND o.notification_id = m.notification_id) AS was_there,
                   EXISTS (SELECT FROM pass_messages o WHERE o.card_id = m.card_id AND o.put_at > :since) AS is_busy
            FROM unnest(CAST(:cards AS uuid[]), CAST(:messages AS uuid[]), CAST(:ends AS timestamptz[]))
                AS m(card_id, notification_id, until)),
        put AS (
            INSERT INTO pass_messages (card_id, notification_id, put_at, until)
            SELECT card_id, notification_id, :now, until FROM seen WHERE is_held AND NOT was_there AND NOT is_busy
            RETURNING card_id, notification_id),
        noted AS (
            UPDATE passes p SET last_message_id = put.notification_id, look_since = least(p.look_since, :now)
            FROM put WHERE p.card_id = put.card_id)
        SELECT card_id, is_held, was_there OR (is_held AND NOT is_busy) AS is_there FROM seen
        """,
        cards=[message.card_id for message in messages],
        messages=[message.notification_id for message in messages],
        ends=[message.until for message in messages],
        since=now - pause,
        now=now,
    )
    return {row.card_id: Put(is_there=row.is_there, is_held=row.is_held) for row in rows}


def messages_on(tx: Tx, card_id: UUID, *, now: datetime, most: int) -> Sequence[Row[Any]]:
    """The messages that a pass carries now, the newest first; `is_last`: the one that the lock screen was given last."""
    return sql.every(
        tx,
        """
        SELECT n.title, n.body, m.notification_id = p.last_message_id AS is_last
        FROM pass_messages m JOIN passes p ON p.card_id = m.card_id JOIN notifications n ON n.id = m.notification_id
        WHERE m.card_id = :card AND m.until > :now ORDER BY m.put_at DESC, m.notification_id DESC LIMIT :most
        """,
        card=card_id,
        now=now,
        most=most,
    )


def with_ended_messages(tx: Tx, *, now: datetime, limit: int) -> list[UUID]:
    """Cards whose passes carry messages that are over."""
    rows = sql.every(
        tx, "SELECT card_id FROM pass_messages WHERE until <= :now ORDER BY until LIMIT :limit", now=now, limit=limit
    )
    return [row.card_id for row in rows]


def take_off_ended(tx: Tx, card_ids: Collection[UUID], *, now: datetime) -> None:
    """Take the messages that are over off these passes, which are locked, and have them looked at."""
    sql.run(
        tx,
        """
        WITH ended AS (DELETE FROM pass_messages WHERE card_id = ANY(:cards) AND until <= :now RETURNING card_id, until)
        UPDATE passes p SET look_since = least(p.look_since, e.since)
        FROM (SELECT card_id, min(until) AS since FROM ended GROUP BY card_id) e WHERE p.card_id = e.card_id
        """,
        cards=list(card_ids),
        now=now,
    )


# ── Apple devices ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Held:
    """A card's pass on a device."""

    device_id: str
    pass_type_id: str
    card_id: UUID


def register(tx: Tx, held: Held, *, push_token: str, now: datetime) -> bool:
    """A device holds a pass and wants to be told of changes; True if that is new."""
    sql.run(
        tx,
        """
        INSERT INTO apple_devices (id, pass_type_id, push_token, registered_at)
        VALUES (:device, :type, :token, :now)
        ON CONFLICT (id, pass_type_id) DO UPDATE
        SET push_token = excluded.push_token, registered_at = excluded.registered_at
        """,
        device=held.device_id,
        type=held.pass_type_id,
        token=push_token,
        now=now,
    )
    row = sql.first(
        tx,
        """
        INSERT INTO apple_registrations (device_id, pass_type_id, card_id, registered_at)
        VALUES (:device, :type, :card, :now) ON CONFLICT DO NOTHING RETURNING card_id
        """,
        device=held.device_id,
        type=held.pass_type_id,
        card=held.card_id,
        now=now,
    )
    return row is not None


def tell_of_registration(tx: Tx, held: Held, *, tag: int) -> None:
    """Have a device that asks with any tag before this one be told of the pass that it has registered."""
    sql.run(
        tx,
        "UPDATE apple_registrations SET tag = :tag WHERE device_id = :device AND pass_type_id = :type AND card_id = :card",
        device=held.device_id,
        type=held.pass_type_id,
        card=held.card_id,
        tag=tag,
    )


def unregister(tx: Tx, held: Held) -> None:
    """A device, whose row is locked, has thrown a pass away; the device itself is forgotten with its last pass."""
    sql.run(
        tx,
        "DELETE FROM apple_registrations WHERE device_id = :device AND pass_type_id = :type AND card_id = :card",
        device=held.device_id,
        type=held.pass_type_id,
        card=held.card_id,
    )
    sql.run(
        tx,
        """
        DELETE FROM apple_devices d WHERE d.id = :device AND d.pass_type_id = :type AND NOT EXISTS (
            SELECT 1 FROM apple_registrations r WHERE r.device_id = d.id AND r.pass_type_id = d.pass_type_id)
        """,
        device=held.device_id,
        type=held.pass_type_id,
    )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a device has of one type: the cards of passes newer than its tag, and the newest tag.

    `since`: its tag, None where that is none of ours; `is_stale`: whether it has something to fetch.
    """

    since: int | None
    changed: tuple[UUID, ...]
    newest: int
    is_stale: bool


def changed_since(tx: Tx, *, device_id: str, pass_type_id: str, tag: int | None) -> Asked | None:
    """What changed for a device after a tag; None for an unknown device.

    A tag that the feed has not reached is none that this database has given: everything has changed since.
    """
    rows = sql.every(
        tx,
        """
        SELECT r.card_id, greatest(r.tag, p.tag) AS tag, r.stale_since IS NOT NULL AS is_stale, f.tag AS feed
        FROM apple_registrations r JOIN passes p ON p.card_id = r.card_id CROSS JOIN pass_feed f
        WHERE r.device_id = :device AND r.pass_type_id = :type ORDER BY r.card_id
        """,
        device=device_id,
        type=pass_type_id,
    )
    if not rows:
        return None
    since = None if tag is None or tag > rows[0].feed else tag
    return Asked(
        since=since,
        changed=tuple(row.card_id for row in rows if since is None or row.tag > since),
        newest=max(row.tag for row in rows),
        is_stale=any(row.is_stale for row in rows),
    )


def told(tx: Tx, *, device_id: str, pass_type_id: str, tag: int | None, now: datetime) -> None:
    """A device hears what it has to fetch; what is no newer than its tag it has, whoever's fetch that was put down to."""
    sql.run(
        tx,
        """
        UPDATE apple_registrations
        SET told_at = :now, stale_since = CASE WHEN tag > coalesce(CAST(:tag AS bigint), -1) THEN stale_since END
        WHERE device_id = :device AND pass_type_id = :type AND stale_since IS NOT NULL
        """,
        device=device_id,
        type=pass_type_id,
        tag=tag,
        now=now,
    )


def make_stale(tx: Tx, causes: Mapping[UUID, datetime], *, tag: int) -> Sequence[Row[Any]]:
    """The devices that hold these cards' passes have something to fetch, since its cause unless since earlier."""
    return sql.every(
        tx,
        """
        UPDATE apple_registrations r
        SET tag = :tag, stale_since = coalesce(r.stale_since, c.caused_at)
        FROM unnest(CAST(:cards AS uuid[]), CAST(:causes AS timestamptz[])) AS c(card_id, caused_at), apple_devices d
        WHERE r.card_id = c.card_id AND d.id = r.device_id AND d.pass_type_id = r.pass_type_id
        RETURNING r.card_id, d.id AS device_id, d.pass_type_id, d.pushed_at
        """,
        cards=list(causes),
        causes=list(causes.values()),
        tag=tag,
    )


def holder(tx: Tx, held: Held) -> Row[Any] | None:
    """A device that holds a card's pass, as `make_stale` gives it; None if it holds none."""
    return sql.first(
        tx,
        """
        SELECT r.card_id, d.id AS device_id, d.pass_type_id, d.pushed_at
        FROM apple_registrations r JOIN apple_devices d ON d.id = r.device_id AND d.pass_type_id = r.pass_type_id
        WHERE r.card_id = :card AND d.id = :device AND d.pass_type_id = :type
        """,
        card=held.card_id,
        device=held.device_id,
        type=held.pass_type_id,
    )


def pushes_waiting(tx: Tx, devices: Collection[str], *, kind: str) -> set[tuple[str, str]]:
    """For which devices, by id and type of pass, a push waits that no worker has taken; none takes it before the commit.

    One that a worker is just taking or marking does not count: it may be read before what we write is there.
    """
    rows = sql.every(
        tx,
        """
        SELECT target, data ->> 'pass_type_id' AS pass_type_id FROM deliveries
        WHERE status = 'waiting' AND channel = 'apple' AND target = ANY(:devices) AND kind = :kind AND lease_until IS NULL
        FOR UPDATE SKIP LOCKED
        """,
        devices=list(devices),
        kind=kind,
    )
    return {(row.target, row.pass_type_id) for row in rows}


def wake(tx: Tx, devices: Sequence[tuple[str, str]], *, now: datetime) -> dict[tuple[str, str], str]:
    """Where to wake each of these devices (id, type of pass) now, and note that it is; those that are gone are left out."""
    rows = sql.every(
        tx,
        """
        WITH asked AS (
            SELECT d.id, d.pass_type_id
            FROM apple_devices d JOIN unnest(CAST(:ids AS text[]), CAST(:types AS text[])) AS a(id, type)
                ON d.id = a.id AND d.pass_type_id = a.type
            ORDER BY d.id, d.pass_type_id FOR UPDATE OF d)
        UPDATE apple_devices d SET pushed_at = :now FROM asked
        WHERE d.id = asked.id AND d.pass_type_id = asked.pass_type_id
        RETURNING d.id, d.pass_type_id, d.push_token
        """,
        ids=[device for device, _ in devices],
        types=[pass_type for _, pass_type in devices],
        now=now,
    )
    return {(row.id, row.pass_type_id): row.push_token for row in rows}


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
