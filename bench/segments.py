"""Previews of segments over many members and purchases, beside the same question asked of the purchases themselves.

`BENCH_SEGMENT_MEMBERS` members with `BENCH_SEGMENT_PURCHASES` purchases over two years, a few members buying much and
most little; what is kept of purchases is counted by the worker's own job first, and that is timed too. `BENCH_PLAN=1`
prints the plan of the largest rule.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from bench.world import ROOT, Bench, open_bench
from wallet_api.clock import FixedClock
from wallet_api.services.count_purchases import count_purchases
from wallet_api.services.segments import SAMPLE_MEMBERS, rule_of, select
from wallet_api.store import segment_query, sql
from wallet_api.store.segment_query import Selection
from wallet_api.store.session import Tx

MEMBERS = int(os.environ.get("BENCH_SEGMENT_MEMBERS", "50000"))
PURCHASES = int(os.environ.get("BENCH_SEGMENT_PURCHASES", str(10 * MEMBERS)))
PURCHASES_A_COMMIT = 500_000
TRIES = 3
FIRST, NOW = datetime(2024, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 12, tzinfo=UTC)
PROGRAM = ROOT / "programs" / "points-tiers.yaml"

_MEMBERS = """
INSERT INTO members (id, program_id, email, given_name, birth_date, locale, joined_at, tier)
SELECT id_at(:first + n * interval '1 second', n), :program, 'm' || n || '@example.org', 'M' || n,
       date '1950-01-01' + (n::bigint * 7919 % 20000)::int, (ARRAY['fr', 'en', 'fr-CH', 'de'])[1 + n % 4], :first,
       (ARRAY['bronze', 'bronze', 'bronze', 'silver', 'gold'])[1 + n % 5]
FROM generate_series(1, :members) n
"""

_PURCHASES = """
INSERT INTO transactions (id, program_id, member_id, type, location_id, external_id, occurred_at, currency, amount, paid,
                          lines, net, kept, definition_version)
SELECT id_at(b.at, b.n), :program, p.id, 'sale', :location, b.n::text, b.at, 'EUR', sum(l.price), sum(l.price),
       jsonb_agg(jsonb_build_object('sku', 'sku-' || l.sku, 'category', 'category-' || l.sku % 12, 'amount', l.price,
                                    'quantity', 1, 'name', 'Article ' || l.sku, 'tags', '[]'::jsonb)),
       jsonb_agg(l.price), jsonb_agg('1'::text), 1
FROM (SELECT n, :first + (:now - :first) * (n::float8 / :purchases) AS at, 1 + floor(:members * random() ^ 2)::int AS who,
             1 + (random() * 2)::int AS lines
      FROM generate_series(:from, :until) n OFFSET 0) b
JOIN people p ON p.n = b.who
CROSS JOIN LATERAL (SELECT floor(5000 * random() ^ 2)::int + b.n * 0 AS sku, 100 + (random() * 4900)::int AS price
                    FROM generate_series(1, b.lines)) l
GROUP BY b.n, b.at, p.id ORDER BY b.n
"""

_MEASURES = """
INSERT INTO day_measures (member_id, measure, day, value)
SELECT t.member_id, x.measure, (t.occurred_at AT TIME ZONE 'Europe/Paris')::date AS day, sum(x.value)
FROM transactions t CROSS JOIN LATERAL (VALUES ('orders', 1), ('spend', t.paid), ('earned:points', t.paid / 100)) x(measure, value)
WHERE t.id >= uuid_floor(:after) AND t.id < uuid_floor(:before)
GROUP BY t.member_id, x.measure, day ORDER BY day
ON CONFLICT (member_id, measure, day) DO UPDATE SET value = day_measures.value + excluded.value
"""

_THE_REST = (
    "INSERT INTO accounts SELECT id, 'points', n % 900, 0, n % 5000, 0 FROM people",
    """
    INSERT INTO consents (id, member_id, kind, granted, terms_version, channel, at)
    SELECT gen_random_uuid(), id, 'marketing', n % 5 > 1, '1', 'app', :first FROM people
    """,
    """
    INSERT INTO devices (id, program_id, member_id, fcm_token, platform, created_at)
    SELECT gen_random_uuid(), :program, id, 'token-' || n, 'android', :first FROM people WHERE n % 10 < 7
    """,
)

RULES: Mapping[str, dict[str, Any]] = {
    "tier and language": {"all": [{"tier": {"any_of": ["gold"]}}, {"language": {"any_of": ["fr"]}}]},
    "balance of 500 points": {"balance": {"unit": "points", "at_least": 500}},
    "not seen for 60 days": {"days_since_purchase": {"at_least": 60, "at_most": 365}},
    "100.00 in 90 days": {"spend": {"within_days": 90, "at_least": 100_00}},
    "bought a category in 60 days": {"bought": {"categories": ["category-3"], "last_within_days": 60, "at_least": 3}},
    "bought one of two articles": {"bought": {"skus": ["sku-7", "sku-4000"]}},
    "agreed and has the app": {
        "all": [{"consent": {"kind": "marketing", "granted": True}}, {"has": {"any_of": ["app"]}}]
    },
    "champions": {"rfm": {"any_of": ["champions"]}},
    "everybody": {"all": []},
}
LARGEST = "five of these at once"
TOGETHER = ("balance of 500 points", "100.00 in 90 days", "bought a category in 60 days", "agreed and has the app")
_FROM_PURCHASES = """
SELECT count(*) FROM (
  SELECT t.member_id FROM transactions t, jsonb_array_elements(t.lines) line
  WHERE t.program_id = :program AND t.type = 'sale' AND line ->> 'category' = 'category-3'
  GROUP BY t.member_id HAVING count(DISTINCT t.id) >= 3
    AND (max(t.occurred_at) AT TIME ZONE 'Europe/Paris')::date > CAST(:now AS date) - 60) found
"""


def run() -> None:
    """Measure and print."""
    with open_bench(members=0, program=PROGRAM, clock=FixedClock(NOW)) as bench:
        start = time.monotonic()
        _fill(bench)
        print(
            f"Segments (BENCH_SEGMENT_MEMBERS={MEMBERS}, BENCH_SEGMENT_PURCHASES={PURCHASES};"
            f" made in {time.monotonic() - start:.0f} s)"
        )
        start = time.monotonic()
        counted = count_purchases(bench.app)
        seconds = time.monotonic() - start
        print(
            f"  what was bought, counted: {counted:9,} members in {seconds:6.1f} s  {counted / seconds:6.0f} members/s"
        )
        _administer(bench, "VACUUM (ANALYZE)")
        largest = {"all": [*(RULES[name] for name in TOGETHER), {"not": RULES["champions"]}]}
        for name, rule in {**RULES, LARGEST: largest}.items():
            size, seconds = _preview(bench, rule)
            print(f"  {name:30} {size:9,} members in {seconds:6.2f} s")
        size, seconds = _asked_of_purchases(bench)
        print(f"  a category, from all purchases {size:8,} members in {seconds:6.2f} s")
        if os.environ.get("BENCH_PLAN"):
            _print_plan(bench, largest)


def _fill(bench: Bench) -> None:
    values = {"program": bench.location.program_id, "first": FIRST, "now": NOW, "members": MEMBERS}
    with bench.app.db.begin() as tx:
        tx.exec_driver_sql("SET LOCAL statement_timeout = 0")
        tx.exec_driver_sql(
            "CREATE FUNCTION id_at(at timestamptz, n bigint) RETURNS uuid LANGUAGE sql AS $$ SELECT"
            " (substr(uuid_floor(at)::text, 1, 14) || '7' || substr(md5(n::text), 1, 3) || '-8' ||"
            " substr(md5(n::text), 4, 3) || '-' || substr(md5(n::text), 7, 12))::uuid $$"
        )
        sql.run(tx, "SELECT make_partitions(CAST(:first AS date), 25)", first=FIRST.date())
        sql.run(tx, _MEMBERS, **values)
        tx.exec_driver_sql(
            "CREATE UNLOGGED TABLE people AS SELECT row_number() OVER (ORDER BY id) AS n, id FROM members"
        )
        tx.exec_driver_sql("ALTER TABLE people ADD PRIMARY KEY (n)")
        for statement in _THE_REST:
            tx.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
        sql.run(tx, "DELETE FROM purchases_to_count")
    for start in range(1, PURCHASES + 1, PURCHASES_A_COMMIT):
        until = min(PURCHASES, start + PURCHASES_A_COMMIT - 1)
        with bench.app.db.begin() as tx:
            tx.exec_driver_sql("SET LOCAL statement_timeout = 0")
            tx.exec_driver_sql("SET LOCAL synchronous_commit = off")
            tx.exec_driver_sql("SET LOCAL work_mem = '256MB'")
            bounds = {"from": start, "until": until, "purchases": PURCHASES, "location": bench.location.id}
            tx.execute(text(_PURCHASES), {**values, **bounds})
            after, before = (FIRST + (NOW - FIRST) * (n / PURCHASES) for n in (start - 0.5, until + 0.5))
            tx.execute(text(_MEASURES), {"after": after, "before": before})
    _administer(bench, "VACUUM (ANALYZE)")


def _preview(bench: Bench, rule: Mapping[str, Any]) -> tuple[int, float]:
    """How many members, and the median of some tries in seconds."""
    times, size = [], 0
    for _ in range(TRIES):
        start = time.monotonic()
        with bench.app.db.read() as tx:
            tx.exec_driver_sql("SET LOCAL statement_timeout = 0")
            size = segment_query.count(tx, _selection(bench, tx, rule), sample=SAMPLE_MEMBERS)[0]
        times.append(time.monotonic() - start)
    return size, statistics.median(times)


def _selection(bench: Bench, tx: Tx, rule: Mapping[str, Any]) -> Selection:
    program = bench.location.program_id
    return select(bench.app, tx, rule_of(bench.app, tx, rule, program=program), program=program)


def _asked_of_purchases(bench: Bench) -> tuple[int, float]:
    start = time.monotonic()
    with bench.app.db.read() as tx:
        segment_query.prepare(tx)
        tx.exec_driver_sql("SET LOCAL statement_timeout = 0")
        found = tx.execute(text(_FROM_PURCHASES), {"program": bench.location.program_id, "now": NOW}).scalar_one()
    return int(found), time.monotonic() - start


def _print_plan(bench: Bench, rule: Mapping[str, Any]) -> None:
    with bench.app.db.read() as tx:
        query = _selection(bench, tx, rule)
        segment_query.prepare(tx)
        tx.exec_driver_sql("SET LOCAL statement_timeout = 0")
        plan = tx.execute(text(f"EXPLAIN (ANALYZE, COSTS OFF) {query.sql}"), query.values)
        print("\n".join(row[0] for row in plan))


def _administer(bench: Bench, statement: str) -> None:
    with bench.app.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql(statement)
        connection.invalidate()  # its settings are not for others
