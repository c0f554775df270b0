"""Idempotency keys: the row is written in the same transaction as the effect, with the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg
from sqlalchemy.exc import OperationalError

from wallet_api.domain.errors import InProgress
from wallet_api.store import sql
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call under an idempotency key: whose, on which route, and the fingerprint of what was asked."""

    program_id: str
    caller: UUID
    route: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The first answer to a call."""

    fingerprint: bytes
    status: int
    body: bytes


def claim(tx: Tx, call: Call, *, now: datetime) -> Answered | None:
    """Claim the key, or give the first answer.

    While another transaction holds the same key this waits, two seconds at most (`lock_timeout`), for its outcome.
    """
    try:
        claimed = sql.first(
            tx,
            """
            INSERT INTO idempotency_keys (program_id, caller, route, key, fingerprint, created_at)
            VALUES (:program_id, :caller, :route, :key, :fingerprint, :now) ON CONFLICT DO NOTHING RETURNING key
            """,
            **call.__dict__,
            now=now,
        )
    except OperationalError as waited:
        if isinstance(waited.orig, psycopg.errors.LockNotAvailable):
            raise InProgress() from waited
        raise
    if claimed:
        return None
    row = sql.one(
        tx,
        """
        SELECT fingerprint, status, body FROM idempotency_keys
        WHERE program_id = :program_id AND caller = :caller AND route = :route AND key = :key
        """,
        program_id=call.program_id,
        caller=call.caller,
        route=call.route,
        key=call.key,
    )
    return Answered(fingerprint=bytes(row.fingerprint), status=row.status, body=bytes(row.body))


def answer(tx: Tx, call: Call, *, status: int, body: bytes) -> None:
    """Keep the answer for whoever asks again."""
    sql.run(
        tx,
        """
        UPDATE idempotency_keys SET status = :status, body = :body
        WHERE program_id = :program_id AND caller = :caller AND route = :route AND key = :key
        """,
        status=status,
        body=body,
        program_id=call.program_id,
        caller=call.caller,
        route=call.route,
        key=call.key,
    )


def forget(tx: Tx, *, before: datetime) -> int:
    """Drop the keys of calls made before then; how many."""
    rows = sql.every(tx, "DELETE FROM idempotency_keys WHERE created_at < :before RETURNING 1", before=before)
    return len(rows)
