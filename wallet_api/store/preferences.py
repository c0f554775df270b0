"""What members do not want, when they sleep, and which mailboxes are dead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.session import Tx, json_text


def of_member(tx: Tx, member_id: UUID) -> Row[Any] | None:
    """A member's preferences; None where they never said any."""
    return sql.first(
        tx, "SELECT unwanted, quiet_from, quiet_until FROM preferences WHERE member_id = :member", member=member_id
    )


def put(
    tx: Tx,
    member_id: UUID,
    *,
    unwanted: Mapping[str, Sequence[str]],
    quiet: tuple[time, time] | None,
    now: datetime,
) -> None:
    """Replace a member's preferences; the member is locked."""
    sql.run(
        tx,
        """
        INSERT INTO preferences (member_id, unwanted, quiet_from, quiet_until, changed_at)
        VALUES (:member, CAST(:unwanted AS jsonb), :begin, :end, :now)
        ON CONFLICT (member_id) DO UPDATE
        SET unwanted = excluded.unwanted, quiet_from = excluded.quiet_from, quiet_until = excluded.quiet_until,
            changed_at = excluded.changed_at
        """,
        member=member_id,
        unwanted=json_text(unwanted),
        begin=quiet[0] if quiet else None,
        end=quiet[1] if quiet else None,
        now=now,
    )


def end_unwanted(tx: Tx, member_id: UUID, unwanted: Mapping[str, Sequence[str]]) -> None:
    """Send no more of what waits and is not wanted any longer."""
    sql.run(
        tx,
        """
        UPDATE deliveries SET status = 'withheld', reason = 'not_wanted'
        WHERE member_id = :member AND status = 'waiting' AND lease_until IS NULL
          AND CAST(:unwanted AS jsonb) -> kind ? channel
        """,
        member=member_id,
        unwanted=json_text(unwanted),
    )


def bury(tx: Tx, program_id: str, address: str, *, reason: str, now: datetime) -> None:
    """Send no more mail to an address; the first reason stays."""
    sql.run(
        tx,
        """
        INSERT INTO dead_addresses (program_id, address, reason, since) VALUES (:program, :address, :reason, :now)
        ON CONFLICT DO NOTHING
        """,
        program=program_id,
        address=address,
        reason=reason,
        now=now,
    )


def revive(tx: Tx, program_id: str, address: str) -> None:
    """Somebody has read mail there: it can be sent to again."""
    sql.run(
        tx,
        "DELETE FROM dead_addresses WHERE program_id = :program AND address = :address",
        program=program_id,
        address=address,
    )
