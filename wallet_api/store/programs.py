"""Programs, the versions of their definitions, and their locations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wallet_api.domain.definition import DayRange
from wallet_api.store import sql
from wallet_api.store.session import Tx, json_text


@dataclass(frozen=True, kw_only=True)
class Location:
    """A shop of a program; `code` is what rules call it."""

    id: UUID
    program_id: str
    code: str
    name: str
    latitude: float | None
    longitude: float | None


def latest_version(tx: Tx, program_id: str) -> int | None:
    """The version that was published last, in force or not yet; None where there is no such program."""
    row = sql.first(tx, "SELECT version FROM programs WHERE id = :id", id=program_id)
    return None if row is None else int(row.version)


def versions(tx: Tx, program_id: str) -> list[tuple[int, datetime]]:
    """All versions, the oldest first, and the instant from which on each is in force, unless a later one is too."""
    rows = sql.every(
        tx, "SELECT version, valid_from FROM program_versions WHERE program_id = :id ORDER BY version", id=program_id
    )
    return [(int(row.version), row.valid_from) for row in rows]


def revision(tx: Tx, program_id: str) -> int:
    """How often promotions of the program have been started."""
    return int(sql.one(tx, "SELECT revision FROM programs WHERE id = :id", id=program_id).revision)


def start_promotion(tx: Tx, program_id: str, promotion: str, *, days: DayRange) -> None:
    """Turn a promotion on for some days; the same days twice are the same as once."""
    sql.run(
        tx,
        """
        INSERT INTO promotion_days (program_id, promotion, first, last)
        VALUES (:program, :promotion, :first, :last) ON CONFLICT (program_id, promotion, first)
        DO UPDATE SET last = greatest(promotion_days.last, excluded.last)
        """,
        program=program_id,
        promotion=promotion,
        first=days.first,
        last=days.last,
    )
    sql.run(tx, "UPDATE programs SET revision = revision + 1 WHERE id = :id", id=program_id)


def stop_promotions(tx: Tx, program_id: str) -> None:
    """Take back every start of a promotion. What sales have earned stays: a return reckons with what its sale had."""
    sql.run(tx, "DELETE FROM promotion_days WHERE program_id = :id", id=program_id)
    sql.run(tx, "UPDATE programs SET revision = revision + 1 WHERE id = :id", id=program_id)


def promotion_days(tx: Tx, program_id: str) -> dict[str, tuple[DayRange, ...]]:
    """On which days each promotion has been started."""
    days: dict[str, tuple[DayRange, ...]] = {}
    for row in sql.every(
        tx, "SELECT promotion, first, last FROM promotion_days WHERE program_id = :id ORDER BY first", id=program_id
    ):
        days[row.promotion] = (*days.get(row.promotion, ()), DayRange(first=row.first, last=row.last))
    return days


def source(tx: Tx, program_id: str, version: int) -> tuple[str, dict[str, str]]:
    """A version's file, and the files it names (their content in base64)."""
    row = sql.one(
        tx,
        "SELECT source, files FROM program_versions WHERE program_id = :id AND version = :version",
        id=program_id,
        version=version,
    )
    return row.source, row.files


def publish(
    tx: Tx, program_id: str, text: str, files: Mapping[str, str], *, now: datetime, valid_from: datetime
) -> int:
    """File a new version that is in force from an instant on; the number of the version.

    No member is touched: whoever was settled under an older version is due from that instant on (`members.claim_due`).
    """
    row = sql.one(
        tx,
        """
        INSERT INTO programs (id, version, created_at) VALUES (:id, 1, :now)
        ON CONFLICT (id) DO UPDATE SET version = programs.version + 1
        RETURNING version
        """,
        id=program_id,
        now=now,
    )
    sql.run(
        tx,
        """
        INSERT INTO program_versions (program_id, version, source, files, created_at, valid_from)
        VALUES (:id, :version, :text, CAST(:files AS jsonb), :now, :valid_from)
        """,
        id=program_id,
        version=row.version,
        text=text,
        files=json_text(dict(files)),
        now=now,
        valid_from=valid_from,
    )
    return int(row.version)


def program_ids(tx: Tx) -> list[str]:
    """All programs."""
    return [row.id for row in sql.every(tx, "SELECT id FROM programs ORDER BY id")]


_LOCATION = "SELECT id, program_id, code, name, latitude, longitude FROM locations "


def locations(tx: Tx, program_id: str) -> list[Location]:
    """A program's shops, by code."""
    rows = sql.every(tx, _LOCATION + "WHERE program_id = :id ORDER BY code", id=program_id)
    return [Location(**row._mapping) for row in rows]


def places(tx: Tx, program_id: str, *, most: int) -> list[Location]:
    """So many of a program's shops whose place on earth is known, by code."""
    rows = sql.every(
        tx,
        _LOCATION
        + "WHERE program_id = :id AND latitude IS NOT NULL AND longitude IS NOT NULL ORDER BY code LIMIT :most",
        id=program_id,
        most=most,
    )
    return [Location(**row._mapping) for row in rows]


def nearest(tx: Tx, program_id: str, place: Location, *, most: int) -> list[Location]:
    """So many of a program's shops whose place is known, the nearest to one of them first: itself.

    Degrees of longitude are as long as they are at its latitude, which is right to a few per cent for a whole country.
    """
    rows = sql.every(
        tx,
        _LOCATION
        + """
        WHERE program_id = :id AND latitude IS NOT NULL AND longitude IS NOT NULL
        ORDER BY power(latitude - :latitude, 2) + power(
            least(abs(longitude - :longitude), 360 - abs(longitude - :longitude)) * cos(radians(:latitude)), 2), code
        LIMIT :most
        """,
        id=program_id,
        latitude=place.latitude,
        longitude=place.longitude,
        most=most,
    )
    return [Location(**row._mapping) for row in rows]


def location(tx: Tx, location_id: UUID) -> Location | None:
    """One shop."""
    row = sql.first(tx, _LOCATION + "WHERE id = :id", id=location_id)
    return Location(**row._mapping) if row else None


def add_location(tx: Tx, location: Location) -> Location:
    """Add a shop, or change the one with its code; the shop as it stands then."""
    row = sql.one(
        tx,
        """
        INSERT INTO locations (id, program_id, code, name, latitude, longitude)
        VALUES (:id, :program_id, :code, :name, :latitude, :longitude)
        ON CONFLICT (program_id, code) DO UPDATE
        SET name = excluded.name, latitude = excluded.latitude, longitude = excluded.longitude
        RETURNING id, program_id, code, name, latitude, longitude
        """,
        **location.__dict__,
    )
    return Location(**row._mapping)
