"""How fresh the passes on phones are: how long changes took until they were fetched, and who has not fetched theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.session import Tx

BOUNDS_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0)
"""What Prometheus counts by: another choice begins a new count, by a migration."""

_SETTLED = timedelta(minutes=5)
"""No transaction lasts longer: of what was fetched before, nothing more comes."""


def fetched(tx: Tx, card_id: UUID, *, tag: int, program_id: str, now: datetime) -> None:
    """A device has fetched a card's pass as of this tag; nothing is noted where none waited for it, or it changed again."""
    sql.run(
        tx,
        """
        WITH waited AS (
            SELECT device_id, pass_type_id, stale_since FROM apple_registrations
            WHERE card_id = :card AND stale_since IS NOT NULL AND tag <= :tag
            ORDER BY told_at DESC NULLS LAST, device_id LIMIT 1 FOR UPDATE),
        has AS (
            UPDATE apple_registrations r SET stale_since = NULL, fetched_at = :now FROM waited w
            WHERE r.card_id = :card AND r.device_id = w.device_id AND r.pass_type_id = w.pass_type_id)
        INSERT INTO pass_fetches (program_id, fetched_at, seconds)
        SELECT :program, :now, greatest(0, extract(epoch FROM :now - stale_since)) FROM waited
        """,
        card=card_id,
        tag=tag,
        program=program_id,
        now=now,
    )


@dataclass(frozen=True, kw_only=True)
class Fetches:
    """The changes that devices have fetched within some time, and how many seconds after their causes."""

    fetches: int
    median_seconds: float | None
    p95_seconds: float | None
    worst_seconds: float | None


def fetches_since(tx: Tx, program_id: str, since: datetime) -> Fetches:
    """How long changes took that have been fetched since an instant."""
    row = sql.one(
        tx,
        """
        SELECT count(*) AS fetches, percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds) AS median_seconds,
               percentile_disc(0.95) WITHIN GROUP (ORDER BY seconds) AS p95_seconds, max(seconds) AS worst_seconds
        FROM pass_fetches WHERE program_id = :program AND fetched_at > :since
        """,
        program=program_id,
        since=since,
    )
    return Fetches(**row._mapping)


@dataclass(frozen=True, kw_only=True)
class Held:
    """How many passes of a program are held by devices, by how many, and how many show something old for too long."""

    passes: int
    devices: int
    late: int


def held(tx: Tx, program_id: str, *, late_before: datetime) -> Held:
    """What devices hold of a program's passes; late is what has waited to be fetched since before an instant."""
    row = sql.one(
        tx,
        """
        SELECT count(DISTINCT r.card_id) AS passes, count(DISTINCT (r.device_id, r.pass_type_id)) AS devices,
               count(DISTINCT r.card_id) FILTER (WHERE r.stale_since < :late) AS late
        FROM apple_registrations r JOIN passes p ON p.card_id = r.card_id WHERE p.program_id = :program
        """,
        program=program_id,
        late=late_before,
    )
    return Held(**row._mapping)


def count_late(tx: Tx, *, late_before: datetime) -> int:
    """How many passes of all programs have waited to be fetched since before an instant."""
    row = sql.one(
        tx,
        "SELECT count(DISTINCT card_id) AS n FROM apple_registrations WHERE stale_since < :late",
        late=late_before,
    )
    return int(row.n)


def late(tx: Tx, program_id: str, *, late_before: datetime, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """The passes that devices have not fetched though they changed before an instant; those of the newest cards first."""
    return sql.every(
        tx,
        """
        SELECT r.card_id, p.member_id, min(r.stale_since) AS since, count(*) AS devices, max(d.pushed_at) AS pushed_at
        FROM apple_registrations r JOIN passes p ON p.card_id = r.card_id
            JOIN apple_devices d ON d.id = r.device_id AND d.pass_type_id = r.pass_type_id
        WHERE r.stale_since < :late AND p.program_id = :program
          AND (CAST(:before AS uuid) IS NULL OR r.card_id < :before)
        GROUP BY r.card_id, p.member_id ORDER BY r.card_id DESC LIMIT :limit
        """,
        late=late_before,
        program=program_id,
        before=before,
        limit=limit,
    )


@dataclass(frozen=True, kw_only=True)
class Count:
    """All fetches there have been: how many took no longer than each of the bounds, how many in all, their seconds in all."""

    below: tuple[int, ...]
    fetches: int
    seconds: float


def count_all(tx: Tx) -> Count:
    """All fetches there have been, of all programs, those forgotten since included."""
    row = sql.one(
        tx,
        f"""
        SELECT {_BELOW}, count(f.seconds) + coalesce(max(c.fetches), 0) AS fetches,
               coalesce(sum(f.seconds), 0) + coalesce(max(c.seconds), 0) AS seconds
        FROM (SELECT 1) AS one LEFT JOIN pass_fetches_counted c ON true
            LEFT JOIN pass_fetches f ON f.fetched_at > coalesce(c.up_to, '-infinity')
        """,  # noqa: S608 numbers of our own
    )
    return Count(below=tuple(row.below), fetches=row.fetches, seconds=row.seconds)


_BELOW = "ARRAY[{}] AS below".format(
    ", ".join(
        f"count(*) FILTER (WHERE f.seconds <= {bound}) + coalesce(max(c.below[{number}]), 0)"
        for number, bound in enumerate(BOUNDS_SECONDS, start=1)
    )
)


def count_up(tx: Tx, *, now: datetime) -> None:
    """Add what has been fetched to what is counted, once for each fetch."""
    sql.run(
        tx,
        f"""
        INSERT INTO pass_fetches_counted (up_to, below, fetches, seconds)
        SELECT :up_to, {_BELOW}, count(f.seconds) + coalesce(max(c.fetches), 0),
               coalesce(sum(f.seconds), 0) + coalesce(max(c.seconds), 0)
        FROM (SELECT 1) AS one LEFT JOIN pass_fetches_counted c ON true
            LEFT JOIN pass_fetches f ON f.fetched_at > coalesce(c.up_to, '-infinity') AND f.fetched_at <= :up_to
        ON CONFLICT (one) DO UPDATE SET up_to = excluded.up_to, below = excluded.below, fetches = excluded.fetches,
            seconds = excluded.seconds
        WHERE pass_fetches_counted.up_to < excluded.up_to
        """,  # noqa: S608 numbers of our own
        up_to=now - _SETTLED,
    )


def forget(tx: Tx, *, before: datetime) -> None:
    """Drop the fetches before an instant, which are counted."""
    sql.run(tx, "DELETE FROM pass_fetches WHERE fetched_at < :before", before=before)
