"""How far the passes of a program have been looked at since what all of them depend on has changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wallet_api.store import sql
from wallet_api.store.session import Tx

_START = UUID(int=0)


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A walk that is under way: when its reason was noticed, and the last card that is done."""

    noticed_at: datetime
    done_to: UUID


def programs_with_passes(tx: Tx) -> list[str]:
    """The programs of which passes are followed."""
    rows = sql.every(
        tx, "SELECT id FROM programs p WHERE EXISTS (SELECT FROM passes WHERE program_id = p.id) ORDER BY id"
    )
    return [row.id for row in rows]


def go_on(tx: Tx, program_id: str, *, shown: str, now: datetime) -> Walk | None:
    """The walk through a program's passes, locked; None if all are done for what they depend on now, `shown`.

    Where that has changed meanwhile, the walk begins anew.
    """
    row = sql.one(
        tx,
        """
        INSERT INTO pass_walks (program_id, shown, noticed_at, done_to) VALUES (:program, :shown, :now, :start)
        ON CONFLICT (program_id) DO UPDATE
        SET shown = excluded.shown,
            noticed_at = CASE WHEN pass_walks.shown = :shown THEN pass_walks.noticed_at ELSE excluded.noticed_at END,
            done_to = CASE WHEN pass_walks.shown = :shown THEN pass_walks.done_to ELSE excluded.done_to END
        RETURNING noticed_at, done_to
        """,
        program=program_id,
        shown=shown,
        now=now,
        start=_START,
    )
    return Walk(noticed_at=row.noticed_at, done_to=row.done_to) if row.done_to is not None else None


def next_passes(tx: Tx, program_id: str, *, after: UUID, in_google: bool, limit: int) -> list[UUID]:
    """The cards of the next passes that somebody holds; where passes are in Google Wallet, that may be all of them."""
    rows = sql.every(
        tx,
        """
        SELECT p.card_id FROM passes p
        WHERE p.program_id = :program AND p.card_id > :after
          AND (:in_google OR EXISTS (SELECT FROM apple_registrations r WHERE r.card_id = p.card_id))
        ORDER BY p.card_id LIMIT :limit
        """,
        program=program_id,
        after=after,
        in_google=in_google,
        limit=limit,
    )
    return [row.card_id for row in rows]


def done(tx: Tx, program_id: str, *, done_to: UUID | None) -> None:
    """The walk has come to this card, or to its end."""
    sql.run(tx, "UPDATE pass_walks SET done_to = :card WHERE program_id = :program", card=done_to, program=program_id)
