"""The ledger's laws over what stands in the database, in SQL and without the engine's help."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.session import Database, Tx

_BALANCES = """
SELECT a.unit, a.available, a.lifetime, a.debt,
       coalesce((SELECT sum(e.amount) FROM entries e WHERE e.member_id = a.member_id AND e.unit = a.unit), 0) AS entered,
       coalesce((SELECT sum(e.amount) FROM entries e WHERE e.member_id = a.member_id AND e.unit = a.unit
                 AND e.kind IN ('earn', 'bonus', 'reversal')), 0) AS earned,
       coalesce((SELECT sum(l.remaining) FROM lots l WHERE l.member_id = a.member_id AND l.unit = a.unit), 0) AS left_over
FROM accounts a WHERE a.member_id = :id
"""


def check_ledger(db: Database, member_id: UUID) -> None:
    """Assert every law for one member."""
    with db.read() as tx:
        for account in sql.every(tx, _BALANCES, id=member_id):
            assert account.available == account.entered == account.left_over - account.debt, account
            assert account.lifetime == account.earned, account
            assert account.debt == 0 or account.left_over == 0, account
        _check_lots(tx, member_id)
        _check_reversals(tx, member_id)
        _check_holds(tx, member_id)
        _check_chain(tx, member_id)
        _check_tier(tx, member_id)


def entries_of(db: Database, member_id: UUID) -> list[Row[Any]]:
    """A member's ledger in the order in which it was written."""
    with db.read() as tx:
        return list(sql.every(tx, "SELECT * FROM entries WHERE member_id = :id ORDER BY position", id=member_id))


def available(db: Database, member_id: UUID) -> int:
    """The balance of points as the account caches it."""
    with db.read() as tx:
        row = sql.first(tx, "SELECT available FROM accounts WHERE member_id = :id AND unit = 'points'", id=member_id)
    return row.available if row else 0


def count(db: Database, table: str) -> int:
    """How many rows a table has."""
    with db.read() as tx:
        return int(sql.one(tx, f"SELECT count(*) AS n FROM {table}").n)


def _check_lots(tx: Tx, member_id: UUID) -> None:
    """Each lot is what its entry added; what went out of it and came back is what its entries' takes say."""
    rows = sql.every(
        tx,
        """
        SELECT l.id, l.amount, l.remaining, e.amount AS added FROM lots l
        LEFT JOIN entries e ON e.id = l.id WHERE l.member_id = :id
        """,
        id=member_id,
    )
    for lot in rows:
        assert lot.amount == lot.added
        assert 0 <= lot.remaining <= lot.amount


def _check_reversals(tx: Tx, member_id: UUID) -> None:
    rows = sql.every(
        tx,
        """
        SELECT e.amount, -sum(r.amount) AS taken FROM entries r JOIN entries e ON e.id = r.reverses
        WHERE r.member_id = :id GROUP BY e.id, e.amount
        """,
        id=member_id,
    )
    assert all(0 < row.taken <= row.amount for row in rows)


def _check_holds(tx: Tx, member_id: UUID) -> None:
    rows = sql.every(
        tx,
        """
        SELECT r.status, r.amount, coalesce((SELECT -sum(e.amount) FROM entries e
               WHERE e.source_id = r.id AND e.kind IN ('hold', 'release')), 0) AS held, v.status AS voucher
        FROM redemptions r JOIN vouchers v ON v.redemption_id = r.id WHERE r.member_id = :id
        """,
        id=member_id,
    )
    for row in rows:
        assert row.held == (row.amount if row.status == "held" else 0), row
        assert (row.voucher == "reserved") is (row.status == "held"), row
        assert (row.voucher == "cancelled") is (row.status in ("released", "expired")), row


def _check_chain(tx: Tx, member_id: UUID) -> None:
    """The chain, written here a second time."""
    head = b""
    rows = sql.every(tx, "SELECT * FROM entries WHERE member_id = :id ORDER BY position", id=member_id)
    for position, row in enumerate(rows, start=1):
        assert row.position == position
        facts = [
            position,
            str(row.id),
            row.unit,
            row.kind,
            row.amount,
            row.occurred_at.astimezone(UTC).isoformat(timespec="microseconds"),
            None if row.source_id is None else str(row.source_id),
            row.rule,
            None if row.reverses is None else str(row.reverses),
            [[take["lot_id"], take["amount"]] for take in row.takes],
        ]
        head = hashlib.sha256(head + json.dumps(facts, separators=(",", ":")).encode()).digest()
        assert bytes(row.hash) == head, row
    member = sql.one(tx, "SELECT ledger_position, ledger_head FROM members WHERE id = :id", id=member_id)
    assert (member.ledger_position, bytes(member.ledger_head)) == (len(rows), head)


def _check_tier(tx: Tx, member_id: UUID) -> None:
    """The member's tier is the one of the last change."""
    member = sql.one(tx, "SELECT tier, tier_since, tier_until FROM members WHERE id = :id", id=member_id)
    last = sql.first(
        tx,
        "SELECT tier, since, until FROM tier_changes WHERE member_id = :id ORDER BY id DESC LIMIT 1",
        id=member_id,
    )
    assert last is None or tuple(last) == tuple(member)
