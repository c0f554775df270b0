"""Google Wallet: what it has of our classes and objects, who holds a pass, whom it notified, and turns to call it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from wallet_api.store import sql
from wallet_api.store.session import Tx, json_text

NOTICES_A_DAY = 3
"""Changes and messages together, for one pass; Google sends no more."""

DAY = timedelta(hours=24)
WRITING_LASTS = timedelta(seconds=60)
NONCES_FORGOTTEN_AT_ONCE = 100


# ── What Google has ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Resource:
    """A class or object that this worker alone may write until then; no digests where Google has none yet."""

    id: str
    digests: Mapping[str, str] | None
    until: datetime


def digests_of(tx: Tx, resource_id: str) -> Mapping[str, str] | None:
    """What Google has of a class or object, one digest a field; None where it has none yet."""
    row = sql.first(tx, "SELECT digests FROM google_resources WHERE id = :id", id=resource_id)
    return row.digests if row else None


def claim(tx: Tx, resource_id: str, *, now: datetime) -> Resource | None:
    """Take a class or object for writing; None while another worker writes it."""
    until = now + WRITING_LASTS
    row = sql.first(
        tx,
        """
        INSERT INTO google_resources (id, writing_until) VALUES (:id, :until)
        ON CONFLICT (id) DO UPDATE SET writing_until = excluded.writing_until
        WHERE google_resources.writing_until IS NULL OR google_resources.writing_until <= :now
        RETURNING digests
        """,
        id=resource_id,
        now=now,
        until=until,
    )
    return Resource(id=resource_id, digests=row.digests, until=until) if row else None


def taken(tx: Tx, resource: Resource, digests: Mapping[str, str], *, class_id: str | None = None) -> None:
    """Google has this state now. Nothing is noted if the claim ran out and another worker has it."""
    sql.run(
        tx,
        """
        UPDATE google_resources SET digests = CAST(:digests AS jsonb), class_id = :class, writing_until = NULL
        WHERE id = :id AND writing_until = :until
        """,
        id=resource.id,
        until=resource.until,
        digests=json_text(digests),
        **{"class": class_id},
    )


def let_go(tx: Tx, resource: Resource) -> None:
    """Give up a claim; what Google has is what it had."""
    sql.run(
        tx,
        "UPDATE google_resources SET writing_until = NULL WHERE id = :id AND writing_until = :until",
        id=resource.id,
        until=resource.until,
    )


def forget(tx: Tx, resource_id: str) -> None:
    """Google does not have it, whatever we believed: it is made anew the next time."""
    sql.run(tx, "UPDATE google_resources SET digests = NULL WHERE id = :id", id=resource_id)


def class_of(tx: Tx, object_id: str) -> str | None:
    """The class under which Google has an object; None while it does not have it."""
    row = sql.first(tx, "SELECT class_id FROM google_resources WHERE id = :id AND digests IS NOT NULL", id=object_id)
    return row.class_id if row else None


# ── Holders and notices ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Holding:
    """Who holds a pass, as far as Google has said."""

    holders: int
    saved_at: datetime | None
    removed_at: datetime | None

    @property
    def is_given_up(self) -> bool:
        """Whether somebody had the pass and nobody has it now; callbacks may be off, so silence says nothing."""
        return self.holders == 0 and self.removed_at is not None


def holding(tx: Tx, card_id: UUID) -> Holding:
    """What Google said of a pass's holders."""
    row = sql.first(tx, "SELECT holders, saved_at, removed_at FROM google_passes WHERE card_id = :card", card=card_id)
    return Holding(**row._mapping) if row else Holding(holders=0, saved_at=None, removed_at=None)


def saved(tx: Tx, card_id: UUID, *, now: datetime) -> None:
    """One more holder has the pass."""
    sql.run(
        tx,
        """
        INSERT INTO google_passes (card_id, holders, saved_at) VALUES (:card, 1, :now)
        ON CONFLICT (card_id) DO UPDATE SET holders = google_passes.holders + 1, saved_at = excluded.saved_at
        """,
        card=card_id,
        now=now,
    )


def removed(tx: Tx, card_id: UUID, *, now: datetime) -> None:
    """One holder less has it; never less than none, since a save may have come before callbacks were on."""
    sql.run(
        tx,
        """
        INSERT INTO google_passes (card_id, removed_at) VALUES (:card, :now)
        ON CONFLICT (card_id) DO UPDATE
        SET holders = greatest(0, google_passes.holders - 1), removed_at = excluded.removed_at
        """,
        card=card_id,
        now=now,
    )


def may_notify(tx: Tx, card_id: UUID, delivery_id: UUID, *, now: datetime) -> bool:
    """Whether a delivery may make a phone ring, and then it is counted; the next try of the same is not counted again.

    One statement, so that two workers who ask at once cannot both get the last one: the second waits for the row, and
    the condition is looked at again.
    """
    row = sql.first(
        tx,
        """
        INSERT INTO google_passes (card_id, notices) VALUES (:card, jsonb_build_object(CAST(:delivery AS text), CAST(:now AS timestamptz)))
        ON CONFLICT (card_id) DO UPDATE
        SET notices = excluded.notices || (
            SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(google_passes.notices)
            WHERE CAST(value #>> '{}' AS timestamptz) > :since)
        WHERE jsonb_exists(google_passes.notices, CAST(:delivery AS text)) OR :most > (
            SELECT count(*) FROM jsonb_each(google_passes.notices)
            WHERE CAST(value #>> '{}' AS timestamptz) > :since)
        RETURNING card_id
        """,
        card=card_id,
        delivery=str(delivery_id),
        now=now,
        since=now - DAY,
        most=NOTICES_A_DAY,
    )
    return row is not None


# ── Callbacks ────────────────────────────────────────────────────────────────────────────────────────────────────


def is_new(tx: Tx, nonce: str, *, expires_at: datetime, now: datetime) -> bool:
    """Whether a callback was not seen before, and then it is remembered until it ends."""
    sql.run(
        tx,
        """
        DELETE FROM google_nonces WHERE nonce IN (
            SELECT nonce FROM google_nonces WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit
            FOR UPDATE SKIP LOCKED)
        """,
        now=now,
        limit=NONCES_FORGOTTEN_AT_ONCE,
    )
    row = sql.first(
        tx,
        """
        INSERT INTO google_nonces (nonce, expires_at) VALUES (:nonce, :expires_at)
        ON CONFLICT DO NOTHING RETURNING nonce
        """,
        nonce=nonce,
        expires_at=expires_at,
    )
    return row is not None


# ── Turns ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """Turns for one worker alone, evenly spread: the first at an instant of the database's clock, so long from now."""

    first_at: datetime
    first_in: timedelta


def reserve_turns(tx: Tx, count: int, *, per_second: float) -> Reserved:
    """Take the next turns to call Google, of all workers on all machines; what is not used is lost.

    By the database's clock, because machines differ, and because a simulated clock of ours does not move Google.
    """
    row = sql.one(
        tx,
        """
        UPDATE google_pace
        SET free_at = greatest(free_at, clock_timestamp()) + CAST(:length AS interval)
        RETURNING free_at - CAST(:length AS interval) AS first_at,
                  greatest(free_at - CAST(:length AS interval) - clock_timestamp(), interval '0') AS first_in
        """,
        length=timedelta(seconds=count / per_second),
    )
    return Reserved(first_at=row.first_at, first_in=row.first_in)
