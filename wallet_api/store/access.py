"""Who may call: sign-in codes, sessions, staff, keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx, json_text

# ── Sign-in codes ────────────────────────────────────────────────────────────────────────────────────────────────


def codes_since(tx: Tx, program_id: str, address: str, since: datetime) -> Sequence[Row[Any]]:
    """When codes were asked for with an address since then, the newest first."""
    return sql.every(
        tx,
        """
        SELECT created_at FROM sign_in_codes
        WHERE program_id = :program AND address = :address AND created_at > :since ORDER BY created_at DESC
        """,
        program=program_id,
        address=address,
        since=since,
    )


def add_code(
    tx: Tx,
    program_id: str,
    address: str,
    *,
    code_hash: bytes,
    joining: dict[str, object] | None,
    tries: int,
    now: datetime,
    expires_at: datetime,
) -> None:
    """File a code that is about to be sent."""
    sql.run(
        tx,
        """
        INSERT INTO sign_in_codes (id, program_id, address, code_hash, joining, tries_left, created_at, expires_at)
        VALUES (:id, :program, :address, :hash, CAST(:joining AS jsonb), :tries, :now, :expires)
        """,
        id=new_id(),
        program=program_id,
        address=address,
        hash=code_hash,
        joining=json_text(joining) if joining else None,
        tries=tries,
        now=now,
        expires=expires_at,
    )


def add_code_for_nobody(tx: Tx, program_id: str, address: str, *, now: datetime) -> None:
    """Note that a code was asked for where nobody can sign in: it counts like any other, and opens nothing."""
    add_code(tx, program_id, address, code_hash=b"", joining=None, tries=0, now=now, expires_at=now)


def try_code(tx: Tx, program_id: str, address: str, *, now: datetime) -> Row[Any] | None:
    """Spend one try of the newest code of an address; None if there is no live one."""
    return sql.first(
        tx,
        """
        UPDATE sign_in_codes SET tries_left = tries_left - 1
        WHERE id = (SELECT id FROM sign_in_codes
                    WHERE program_id = :program AND address = :address AND code_hash <> ''
                    ORDER BY created_at DESC, id DESC LIMIT 1 FOR UPDATE)
          AND tries_left > 0 AND used_at IS NULL AND expires_at > :now
        RETURNING id, code_hash, joining
        """,
        program=program_id,
        address=address,
        now=now,
    )


def use_code(tx: Tx, code_id: UUID, *, now: datetime) -> bool:
    """Use a code up; False if another call was faster."""
    row = sql.first(
        tx,
        "UPDATE sign_in_codes SET used_at = :now WHERE id = :id AND used_at IS NULL RETURNING id",
        id=code_id,
        now=now,
    )
    return row is not None


# ── Sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def add_session(
    tx: Tx,
    program_id: str,
    *,
    member_id: UUID | None = None,
    staff_id: UUID | None = None,
    now: datetime,
) -> UUID:
    """Open a session."""
    session_id = new_id()
    sql.run(
        tx,
        """
        INSERT INTO sessions (id, program_id, member_id, staff_id, created_at, used_at)
        VALUES (:id, :program, :member, :staff, :now, :now)
        """,
        id=session_id,
        program=program_id,
        member=member_id,
        staff=staff_id,
        now=now,
    )
    return session_id


def add_refresh_token(tx: Tx, session_id: UUID, token_hash: bytes, *, now: datetime) -> None:
    """File a refresh token; only its hash is kept."""
    sql.run(
        tx,
        "INSERT INTO refresh_tokens (hash, session_id, issued_at) VALUES (:hash, :session, :now)",
        hash=token_hash,
        session=session_id,
        now=now,
    )


def refresh_token(tx: Tx, token_hash: bytes) -> Row[Any] | None:
    """Lock a refresh token and its session; None for an unknown one, and for staff who may no longer sign in.

    Both, because after a wait only what is locked is seen as it stands then.
    """
    return sql.first(
        tx,
        """
        SELECT r.used_at, r.used_under, s.id AS session_id, s.program_id, s.member_id, s.staff_id, s.created_at AS opened_at,
               s.used_at AS last_used_at, s.ended_at, t.role
        FROM refresh_tokens r JOIN sessions s ON s.id = r.session_id LEFT JOIN staff t ON t.id = s.staff_id
        WHERE r.hash = :hash AND t.disabled_at IS NULL FOR UPDATE OF r, s
        """,
        hash=token_hash,
    )


def use_refresh_token(tx: Tx, token_hash: bytes, session_id: UUID, *, under: bytes | None, now: datetime) -> None:
    """Mark a token as used, and under which key."""
    sql.run(
        tx,
        "UPDATE refresh_tokens SET used_at = :now, used_under = :under WHERE hash = :hash",
        hash=token_hash,
        under=under,
        now=now,
    )
    sql.run(tx, "UPDATE sessions SET used_at = :now WHERE id = :id", id=session_id, now=now)


def touch_session(tx: Tx, session_id: UUID, *, now: datetime) -> None:
    """Note that a session was used: it ends when that is too long ago."""
    sql.run(tx, "UPDATE sessions SET used_at = :now WHERE id = :id", id=session_id, now=now)


def end_session(tx: Tx, session_id: UUID, *, because: str, now: datetime) -> None:
    """End a session; its refresh tokens are worth nothing any more."""
    sql.run(
        tx,
        "UPDATE sessions SET ended_at = :now, ended_because = :because WHERE id = :id AND ended_at IS NULL",
        id=session_id,
        because=because,
        now=now,
    )


def session_is_open(tx: Tx, session_id: UUID) -> bool:
    """Whether a session has not been ended, and its owner may still sign in."""
    row = sql.first(
        tx,
        """
        SELECT 1 FROM sessions s LEFT JOIN members m ON m.id = s.member_id LEFT JOIN staff t ON t.id = s.staff_id
        WHERE s.id = :id AND s.ended_at IS NULL AND t.disabled_at IS NULL AND m.status IS DISTINCT FROM 'erased'
        """,
        id=session_id,
    )
    return row is not None


# ── Staff and keys ───────────────────────────────────────────────────────────────────────────────────────────────


def staff_by_email(tx: Tx, email: str) -> Row[Any] | None:
    """A staff member who may sign in."""
    return sql.first(
        tx,
        "SELECT id, program_id, email, password_hash, role, totp_secret FROM staff WHERE email = :email AND disabled_at IS NULL",
        email=email,
    )


def add_staff(tx: Tx, program_id: str, *, email: str, password_hash: str, role: str) -> UUID | None:
    """Add a staff member; None if the address is taken."""
    row = sql.first(
        tx,
        """
        INSERT INTO staff (id, program_id, email, password_hash, role) VALUES (:id, :program, :email, :hash, :role)
        ON CONFLICT DO NOTHING RETURNING id
        """,
        id=new_id(),
        program=program_id,
        email=email,
        hash=password_hash,
        role=role,
    )
    return row.id if row else None


def set_staff_password(tx: Tx, email: str, password_hash: str) -> None:
    """Replace a password's hash."""
    sql.run(
        tx,
        "UPDATE staff SET password_hash = :hash WHERE email = :email",
        email=email,
        hash=password_hash,
    )


def add_key(
    tx: Tx,
    program_id: str,
    *,
    name: str,
    key_hash: bytes,
    scopes: Sequence[str],
    location_ids: Sequence[UUID],
) -> UUID:
    """Add a key of a till or a POS; only its hash is kept. No locations means all of the program's."""
    key_id = new_id()
    sql.run(
        tx,
        """
        INSERT INTO keys (id, program_id, name, hash, scopes, location_ids)
        VALUES (:id, :program, :name, :hash, :scopes, :locations)
        """,
        id=key_id,
        program=program_id,
        name=name,
        hash=key_hash,
        scopes=list(scopes),
        locations=list(location_ids),
    )
    return key_id


def key_by_hash(tx: Tx, key_hash: bytes) -> Row[Any] | None:
    """A key that has not been revoked."""
    return sql.first(
        tx,
        "SELECT id, program_id, scopes, location_ids FROM keys WHERE hash = :hash AND revoked_at IS NULL",
        hash=key_hash,
    )
