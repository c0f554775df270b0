"""Cards, scans, and the count of wrong codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Card:
    """A member's credential."""

    id: UUID
    program_id: str
    member_id: UUID
    number: str
    key_version: int
    status: str


_CARD = "SELECT id, program_id, member_id, number, key_version, status FROM cards "


def add(tx: Tx, program_id: str, member_id: UUID, number: str) -> Card | None:
    """Issue a card; None if its number is taken."""
    row = sql.first(
        tx,
        """
        INSERT INTO cards (id, program_id, member_id, number) VALUES (:id, :program, :member, :number)
        ON CONFLICT DO NOTHING RETURNING id, program_id, member_id, number, key_version, status
        """,
        id=new_id(),
        program=program_id,
        member=member_id,
        number=number,
    )
    return Card(**row._mapping) if row else None


def by_number(tx: Tx, program_id: str, number: str) -> Card | None:
    """The card with this number, whatever its status."""
    row = sql.first(
        tx,
        _CARD + "WHERE number = :number AND program_id = :program",
        number=number,
        program=program_id,
    )
    return Card(**row._mapping) if row else None


def by_id(tx: Tx, card_id: UUID) -> Card | None:
    """The card with this id."""
    row = sql.first(tx, _CARD + "WHERE id = :id", id=card_id)
    return Card(**row._mapping) if row else None


def of_member(tx: Tx, member_id: UUID) -> Card | None:
    """The card that a member carries now."""
    row = sql.first(
        tx,
        _CARD + "WHERE member_id = :id AND status <> 'replaced' ORDER BY id DESC LIMIT 1",
        id=member_id,
    )
    return Card(**row._mapping) if row else None


def voucher_by_code(tx: Tx, program_id: str, code: str) -> Row[Any] | None:
    """Whose voucher this is."""
    return sql.first(
        tx,
        "SELECT id, member_id, status FROM vouchers WHERE program_id = :program AND code = :code",
        program=program_id,
        code=code,
    )


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A card read at a till."""

    id: UUID
    member_id: UUID
    key_id: UUID
    fresh: bool
    expires_at: datetime


def add_scan(
    tx: Tx,
    card: Card,
    *,
    key_id: UUID,
    location_id: UUID | None,
    step: int | None,
    now: datetime,
    expires_at: datetime,
) -> Scan | None:
    """Record a scan; None if this rotating code has been used already."""
    row = sql.first(
        tx,
        """
        INSERT INTO scans (id, program_id, card_id, member_id, key_id, location_id, step, fresh, at, expires_at)
        VALUES (:id, :program, :card, :member, :key, :location, :step, :fresh, :now, :expires)
        ON CONFLICT DO NOTHING RETURNING id, member_id, key_id, fresh, expires_at
        """,
        id=new_id(),
        program=card.program_id,
        card=card.id,
        member=card.member_id,
        key=key_id,
        location=location_id,
        step=step,
        fresh=step is not None,
        now=now,
        expires=expires_at,
    )
    return Scan(**row._mapping) if row else None


def scan_of_code(tx: Tx, card: Card, step: int) -> Scan:
    """The scan that used a rotating code."""
    row = sql.one(
        tx,
        "SELECT id, member_id, key_id, fresh, expires_at FROM scans WHERE card_id = :card AND step = :step",
        card=card.id,
        step=step,
    )
    return Scan(**row._mapping)


def scan(tx: Tx, scan_id: UUID, *, program_id: str) -> Scan | None:
    """A scan of this program."""
    row = sql.first(
        tx,
        "SELECT id, member_id, key_id, fresh, expires_at FROM scans WHERE id = :id AND program_id = :program",
        id=scan_id,
        program=program_id,
    )
    return Scan(**row._mapping) if row else None


def wrong_codes(tx: Tx, subject: str, since: datetime) -> int:
    """How many wrong codes a till or a card has had since then."""
    return int(
        sql.one(
            tx,
            "SELECT count(*) AS n FROM wrong_codes WHERE subject = :subject AND at > :since",
            subject=subject,
            since=since,
        ).n
    )


def add_wrong_code(tx: Tx, subject: str, *, reason: str, now: datetime) -> None:
    """Count a wrong code against a till or a card."""
    sql.run(
        tx,
        "INSERT INTO wrong_codes (subject, at, reason) VALUES (:subject, :now, :reason)",
        subject=subject,
        now=now,
        reason=reason,
    )
