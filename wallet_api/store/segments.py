"""The segments that programs have saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from wallet_api.domain import errors
from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx, json_text


def add(tx: Tx, program_id: str, *, name: str, rule: Mapping[str, object], now: datetime) -> Row[Any] | None:
    """Save a segment; None where the program has one of this name."""
    return sql.first(
        tx,
        """
        INSERT INTO segments (id, program_id, name, rule, created_at, updated_at)
        VALUES (:id, :program, :name, CAST(:rule AS jsonb), :now, :now)
        ON CONFLICT (program_id, lower(name)) DO NOTHING RETURNING id, name, rule, created_at, updated_at
        """,
        id=new_id(),
        program=program_id,
        name=name,
        rule=json_text(rule),
        now=now,
    )


def change(
    tx: Tx, segment_id: UUID, *, program_id: str, name: str, rule: Mapping[str, object], now: datetime
) -> Row[Any] | None:
    """Change a segment; None where the program has no such one. Raises NameTaken where another has its name.

    The index says so, which sees what others are writing; a look of our own would not.
    """
    try:
        with tx.begin_nested():
            return sql.first(
                tx,
                """
                UPDATE segments SET name = :name, rule = CAST(:rule AS jsonb), updated_at = :now
                WHERE id = :id AND program_id = :program RETURNING id, name, rule, created_at, updated_at
                """,
                id=segment_id,
                program=program_id,
                name=name,
                rule=json_text(rule),
                now=now,
            )
    except IntegrityError as taken:
        raise errors.NameTaken() from taken


def remove(tx: Tx, segment_id: UUID, *, program_id: str) -> bool:
    """Delete a segment; False where the program has no such one."""
    gone = sql.first(
        tx,
        "DELETE FROM segments WHERE id = :id AND program_id = :program RETURNING id",
        id=segment_id,
        program=program_id,
    )
    return gone is not None


def one(tx: Tx, segment_id: UUID, *, program_id: str) -> Row[Any] | None:
    """A segment of this program."""
    return sql.first(
        tx,
        "SELECT id, name, rule, created_at, updated_at FROM segments WHERE id = :id AND program_id = :program",
        id=segment_id,
        program=program_id,
    )


def of_program(tx: Tx, program_id: str, *, before: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """A program's segments, the newest first."""
    return sql.every(
        tx,
        """
        SELECT id, name, rule, created_at, updated_at FROM segments
        WHERE program_id = :program AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit
        """,
        program=program_id,
        before=before,
        limit=limit,
    )
