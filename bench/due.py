"""Expiry and tier review of many members, as `post_due` does it, beside bare SQL that writes the same rows.

Every member has points that have expired and a tier whose year is over: one entry, one lot, one balance, one change of
tier and one event each. The limit writes these rows set by set, in batches of the same size, without knowing any rule.
It works on some of the same members of the same database, and is rolled back before Carnet does its work.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from bench.alone import Measured, alone
from bench.crowd import multiply
from bench.world import CLUB, Bench, open_bench
from wallet_api.clock import FixedClock
from wallet_api.domain.events import Line
from wallet_api.jobs.post_due import MEMBERS_A_BATCH
from wallet_api.services.identify import Who
from wallet_api.services.record_sale import RecordSale, record_sale
from wallet_api.services.verify_ledger import verify_in_batches
from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx

MEMBERS = int(os.environ.get("BENCH_MEMBERS", "100000"))
ORIGINALS = 8
JOINED = datetime(2025, 1, 10, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMIT_MEMBERS_MAX = 10_000
BATCHES_VERIFIED = 5

_SAME_ROWS = """
WITH gone AS (SELECT m.program_id, m.tier, l.* FROM lots l JOIN members m ON m.id = l.member_id
              WHERE l.member_id = ANY(:ids) AND l.remaining > 0),
wrote_entries AS (
  INSERT INTO entries (id, program_id, member_id, position, unit, kind, amount, occurred_at, recorded_at,
                       definition_version, takes, hash)
  SELECT uuidv7(), program_id, member_id, 2, unit, 'expire', -remaining, expires_at, :now, 1,
         jsonb_build_array(jsonb_build_object('lot_id', id, 'amount', remaining)), sha256(id::text::bytea)
  FROM gone),
wrote_lots AS (UPDATE lots l SET remaining = 0 FROM gone WHERE l.member_id = gone.member_id AND l.id = gone.id),
wrote_accounts AS (UPDATE accounts a SET available = 0 FROM gone WHERE a.member_id = gone.member_id),
wrote_tiers AS (
  INSERT INTO tier_changes (id, member_id, previous, tier, since, at, definition_version, reason)
  SELECT uuidv7(), member_id, tier, 'bronze', '2026-02-01', :now, 1, '{}' FROM gone),
wrote_outbox AS (
  INSERT INTO outbox (id, program_id, member_id, notices, created_at)
  SELECT uuidv7(), program_id, member_id, '[{"kind": "points_expired"}, {"kind": "tier_downgraded"}]', :now FROM gone)
UPDATE members SET tier = 'bronze', tier_since = '2026-02-01', tier_until = NULL, settled_at = :now, next_due = NULL,
                   ledger_position = 2, ledger_head = sha256(id::text::bytea)
WHERE id = ANY(:ids)
"""


def run() -> None:
    """Measure and print, for more and more members."""
    print(f"Expiry and tier review (BENCH_MEMBERS={MEMBERS}): batches of {MEMBERS_A_BATCH}, one worker")
    for members in [*(size for size in (10_000, 100_000) if size < MEMBERS), MEMBERS]:
        with open_bench(members=ORIGINALS, program=CLUB, clock=FixedClock(JOINED)) as bench:
            _let_everybody_have_bought(bench, members)
            limit = _bare_sql(bench)
            ours = _ours(bench, members)
            print(
                f"  {members:9,} members: bare SQL, same rows {limit:6.0f}/s   Carnet {ours.rate:6.0f}/s"
                f"   share {ours.rate / limit:.2f}   worker CPU {ours.cpu_seconds / ours.done * 1_000:.2f} ms a member"
                f"   resident {ours.resident_mb:.0f} MB at most"
            )


def _let_everybody_have_bought(bench: Bench, members: int) -> None:
    clock = bench.app.clock
    assert isinstance(clock, FixedClock)
    for number, member in enumerate(bench.members):
        clock.set(JOINED + timedelta(days=2 + number))
        wish = RecordSale(
            who=Who(member_id=member),
            external_id=str(new_id()),
            occurred_at=clock.now(),
            currency="EUR",
            lines=(Line(sku="", amount=150_00 + number * 1_00),),
        )
        with bench.app.db.begin() as tx:
            record_sale(bench.app, tx, bench.till, wish)
    multiply(bench.app, bench.members, members=members)
    clock.set(NOW)


def _bare_sql(bench: Bench) -> float:
    """Members a second."""
    with bench.app.db.engine.connect() as tx:
        ids = [row.id for row in sql.every(tx, "SELECT id FROM members LIMIT :most", most=LIMIT_MEMBERS_MAX)]
        start = time.monotonic()
        for first in range(0, len(ids), MEMBERS_A_BATCH):
            _write_same_rows(tx, ids[first : first + MEMBERS_A_BATCH])
        seconds = time.monotonic() - start
        tx.rollback()
        tx.connection.driver_connection.autocommit = True  # type: ignore[union-attr]  # psycopg's
        sql.run(tx, "VACUUM members, lots, accounts, entries, tier_changes, outbox")  # as it was before
        tx.invalidate()
    return len(ids) / seconds


def _write_same_rows(tx: Tx, ids: list[UUID]) -> None:
    sql.run(tx, _SAME_ROWS, ids=ids, now=NOW)


def _ours(bench: Bench, members: int) -> Measured:
    assert bench.settings.database_url is not None
    measured = alone("post", bench.settings.database_url, now=NOW)
    assert measured.done == members, measured
    for batch in islice(verify_in_batches(bench.app), BATCHES_VERIFIED):
        assert not batch.differences, batch.differences[:3]
    return measured
