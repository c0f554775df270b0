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
SELECT a.unit, a.available, a.pending, a.lifetime, a.debt,
       coalesce((SELECT sum(e.amount) FROM entries e WHERE e.member_id = a.member_id AND e.unit = a.unit), 0) AS entered,
       coalesce((SELECT sum(e.amount) FROM entries e JOIN members s ON s.id = e.member_id
                 WHERE (s.id = a.member_id OR s.merged_into = a.member_id) AND s.status IS DISTINCT FROM
                       (CASE WHEN s.id = a.member_id THEN 'merged' END)
                 AND e.unit = a.unit
                 AND (e.kind IN ('earn', 'bonus') OR (e.kind = 'reversal' AND e.amount < 0))), 0) AS earned,
       coalesce((SELECT sum(l.remaining) FROM lots l WHERE l.member_id = a.member_id AND l.unit = a.unit
                 AND l.usable_at IS NULL), 0) AS usable,
       coalesce((SELECT sum(l.remaining) FROM lots l WHERE l.member_id = a.member_id AND l.unit = a.unit
                 AND l.usable_at IS NOT NULL), 0) AS waiting
FROM accounts a WHERE a.member_id = :id
"""

_BROKEN = """
WITH people AS (SELECT id, coalesce(merged_into, id) AS self, merged_into IS NOT NULL AS is_gone
                FROM members WHERE program_id = :program),
entered AS (
  SELECT e.member_id, e.unit, sum(e.amount) AS entered FROM entries e JOIN people p ON p.id = e.member_id GROUP BY 1, 2
),
earned AS (
  SELECT p.self AS member_id, e.unit, sum(e.amount) AS earned FROM entries e JOIN people p ON p.id = e.member_id
  WHERE e.kind IN ('earn', 'bonus') OR (e.kind = 'reversal' AND e.amount < 0) GROUP BY 1, 2
),
held AS (
  SELECT l.member_id, l.unit, bool_and(0 <= l.remaining AND l.remaining <= l.amount) AS is_within,
         coalesce(sum(l.remaining) FILTER (WHERE l.usable_at IS NULL), 0) AS usable,
         coalesce(sum(l.remaining) FILTER (WHERE l.usable_at IS NOT NULL), 0) AS waiting
  FROM lots l JOIN people p ON p.id = l.member_id GROUP BY 1, 2
),
reversed AS (
  SELECT e.member_id, e.unit, e.id, e.amount, -sum(r.amount) AS taken
  FROM people p JOIN entries r ON r.member_id = p.id JOIN entries e ON e.id = r.reverses GROUP BY 1, 2, 3, 4
)
SELECT 'balance' AS law, to_jsonb(figures) AS figures FROM (
  SELECT member_id, unit, coalesce(a.available, 0) AS available, coalesce(a.pending, 0) AS pending,
         coalesce(a.lifetime, 0) AS lifetime, coalesce(a.debt, 0) AS debt, coalesce(entered, 0) AS entered,
         coalesce(earned, 0) AS earned, coalesce(usable, 0) AS usable, coalesce(waiting, 0) AS waiting,
         coalesce(is_within, true) AS is_within
  FROM (SELECT a.* FROM accounts a JOIN people p ON p.id = a.member_id) a
  FULL JOIN entered USING (member_id, unit) FULL JOIN earned USING (member_id, unit)
  FULL JOIN held USING (member_id, unit)
) figures
WHERE available + pending <> entered OR available <> usable - debt OR pending <> waiting OR lifetime <> earned
   OR (debt <> 0 AND usable <> 0) OR debt < 0 OR NOT is_within
UNION ALL
SELECT 'reversal', to_jsonb(reversed) FROM reversed
WHERE NOT (amount > 0 AND 0 < taken AND taken <= amount) AND NOT (amount < 0 AND amount <= taken AND taken < 0)
"""


def check_figures(tx: Tx, program: str) -> None:
    """Assert what can be said of all members of a program by one statement: balances, lots, debts, reversals."""
    broken = sql.every(tx, _BROKEN, program=program)
    assert not broken, [(row.law, row.figures) for row in broken]


def check_ledger(db: Database, member_id: UUID) -> None:
    """Assert every law for one member."""
    with db.read() as tx:
        for account in sql.every(tx, _BALANCES, id=member_id):
            assert account.available + account.pending == account.entered, account
            assert account.available == account.usable - account.debt, account
            assert account.pending == account.waiting, account
            assert account.lifetime == account.earned, account
            assert account.debt == 0 or account.usable == 0, account
        _check_lots(tx, member_id)
        _check_reversals(tx, member_id)
        _check_holds(tx, member_id)
        _check_chain(tx, member_id)
        _check_tier(tx, member_id)
        _check_membership(tx, member_id)


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
    """Each lot is what its entry added, and ends when that says, or when it was last moved to."""
    rows = sql.every(
        tx,
        """
        SELECT l.id, l.amount, l.remaining, l.expires_at, e.amount AS added, e.expires_at AS began,
               (SELECT count(*) FROM lot_dates d WHERE d.member_id = l.member_id AND d.lot_id = l.id) AS moves,
               (SELECT d.expires_at FROM lot_dates d WHERE d.member_id = l.member_id AND d.lot_id = l.id
                ORDER BY d.id DESC LIMIT 1) AS moved
        FROM lots l LEFT JOIN entries e ON e.id = l.id WHERE l.member_id = :id
        """,
        id=member_id,
    )
    for lot in rows:
        assert lot.amount == lot.added
        assert 0 <= lot.remaining <= lot.amount
        assert lot.expires_at == (lot.moved if lot.moves else lot.began), lot


def _check_reversals(tx: Tx, member_id: UUID) -> None:
    rows = sql.every(
        tx,
        """
        SELECT e.kind, e.amount, -sum(r.amount) AS taken FROM entries r JOIN entries e ON e.id = r.reverses
        WHERE r.member_id = :id GROUP BY e.id, e.kind, e.amount
        """,
        id=member_id,
    )
    for row in rows:
        if row.kind == "redeem":  # what paid for returned goods is given back
            assert row.amount <= row.taken < 0, row
        else:
            assert 0 < row.taken <= row.amount, row


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


def _check_membership(tx: Tx, member_id: UUID) -> None:
    """The member's membership is the one of the last change; nothing is the same as one of nothing."""
    member = sql.one(tx, "SELECT membership FROM members WHERE id = :id", id=member_id)
    last = sql.first(
        tx, "SELECT membership FROM membership_changes WHERE member_id = :id ORDER BY id DESC LIMIT 1", id=member_id
    )
    have, want = member.membership, last.membership if last else None
    assert have == want or (have is None and want is not None and want["status"] == "none")
