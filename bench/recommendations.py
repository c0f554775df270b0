"""How good recommendations are and what they cost, beside what is popular, other methods, and the same in plain SQL.

`BENCH_RECOMMEND_MEMBERS` members of the data set of `bench/baskets.py` with `BENCH_RECOMMEND_ARTICLES` things; the last
basket of each is held out, and a hit is a member of whom something in it is among the ten recommended. The library
`implicit` (cosines, and matrix factorisation by alternating least squares) is given the same purchases.
"""

from __future__ import annotations

import os
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from importlib import import_module
from typing import Any

import numpy as np
from scipy import sparse

from bench.baskets import DAYS, Basket, baskets, hit_rate
from bench.peers import peers
from bench.world import ROOT, Bench, open_bench
from wallet_api.clock import FixedClock
from wallet_api.services.recommend import keep_for_members, work_out_items
from wallet_api.store import recommendations, sql
from wallet_api.store.session import json_text

MEMBERS = int(os.environ.get("BENCH_RECOMMEND_MEMBERS", "10000"))
ARTICLES = int(os.environ.get("BENCH_RECOMMEND_ARTICLES", "1000"))
SEED = 20_260_310
SHOWN = 10
ASKED_AT_ONCE = 500
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
TODAY = (NOW.date() - date(1970, 1, 1)).days
PROGRAM = ROOT / "programs" / "points-tiers.yaml"

_PUT_IN = """
WITH lives AS (
  SELECT * FROM jsonb_to_recordset(CAST(:lives AS jsonb)) AS l(n int, id uuid, skus jsonb)),
joined AS (
  INSERT INTO members (id, program_id, email, locale, joined_at)
  SELECT id, :program, 'n' || n || '@example.org', 'en', :now FROM lives),
agreed AS (
  INSERT INTO consents (id, member_id, kind, granted, terms_version, channel, at)
  SELECT id, id, 'profiling', true, '1', 'app', :now FROM lives)
INSERT INTO purchased_items (member_id, categories, skus, locations) SELECT id, '{}', skus, '{}' FROM lives
"""

# The same scores without a library: what SciPy does by a product is a join of purchases with themselves here.
_IN_SQL = """
WITH bought AS MATERIALIZED (
  SELECT m.id, e.key AS sku, (e.value ->> 1)::int > 1 AS again FROM members m JOIN purchased_items i ON i.member_id = m.id
  CROSS JOIN LATERAL jsonb_each(i.skus) e WHERE m.program_id = :program),
sizes AS MATERIALIZED (SELECT sku, count(*) AS members, count(*) FILTER (WHERE again) AS again FROM bought GROUP BY sku),
shared AS (
  SELECT a.sku, b.sku AS other, count(*) AS members FROM bought a JOIN bought b ON b.id = a.id AND b.sku <> a.sku
  GROUP BY a.sku, b.sku HAVING count(*) >= 3),
scored AS (
  SELECT w.sku, w.other, w.members / sqrt(a.members::float8 * b.members) * w.members / (w.members + 5) AS score
  FROM shared w JOIN sizes a ON a.sku = w.sku JOIN sizes b ON b.sku = w.other
  UNION ALL SELECT sku, sku, 4 * (again + 0.2) / (members + 2) FROM sizes)
SELECT count(*) AS pairs, sum(score) AS score FROM (
  SELECT score, row_number() OVER (PARTITION BY sku ORDER BY score DESC, other) AS place FROM scored) AS ranked
WHERE place <= 30
"""


def run() -> None:
    """Measure and print."""
    with open_bench(members=0, program=PROGRAM, clock=FixedClock(NOW)) as bench, peers():
        start = time.monotonic()
        lives = baskets(MEMBERS, ARTICLES, seed=SEED)
        before, last = [life[:-1] for life in lives], [life[-1] for life in lives]
        members = _put_in(bench, before)
        things = sum(len({article for basket in life for article in basket.articles}) for life in before)
        print(
            f"Recommendations (BENCH_RECOMMEND_MEMBERS={MEMBERS}, BENCH_RECOMMEND_ARTICLES={ARTICLES}; {things} things"
            f" bought; made in {time.monotonic() - start:.0f} s)"
        )
        start = time.monotonic()
        work_out_items(bench.app, bench.location.program_id)
        worked = time.monotonic() - start
        own, popular, asked = _recommended(bench, members)
        had = [[article for article, _ in _history(life).most_common(SHOWN)] for life in before]
        history = [(items + [item for item in popular if item not in items])[:SHOWN] for items in had]
        rows = {
            "what is popular": [popular] * MEMBERS,
            "what the member buys most, then popular": history,
            "Carnet": own,
            **_implicit(before),
        }
        for name, items in rows.items():
            new = [
                [item for item in some if item not in _history(life)] for some, life in zip(items, before, strict=True)
            ]
            fresh = [
                Basket(day=each.day, articles=tuple(set(each.articles) - set(_history(life))))
                for each, life in zip(last, before, strict=True)
            ]
            some_new = [place for place, each in enumerate(fresh) if each.articles]
            of_new = hit_rate([fresh[place] for place in some_new], [new[place] for place in some_new])
            print(f"  {name:42} hits at 10: {hit_rate(last, items):5.1%}  something new to the member: {of_new:5.1%}")
        start = time.monotonic()
        pairs, score, in_sql = _in_sql(bench)
        print(f"  bought together, worked out:     {worked:6.1f} s  by SciPy, with reading and writing")
        print(f"  the same scores in SQL:          {in_sql:6.1f} s  without writing; {pairs:,} pairs, sum {score:.1f}")
        kept = _kept(bench)
        print(f"                      by SciPy:             {kept[0]:,} pairs, sum {kept[1]:.1f}")
        print(f"  asked for {ASKED_AT_ONCE} members at once:    {MEMBERS / asked:6.0f} members/s")
        start = time.monotonic()
        for member in members[:ASKED_AT_ONCE]:
            with bench.app.db.read() as tx:
                recommendations.personal(tx, bench.location.program_id, [member], today=NOW.date(), limit=SHOWN)
        print(f"  asked for one member:            {(time.monotonic() - start) / ASKED_AT_ONCE * 1_000:6.1f} ms")
        start = time.monotonic()
        keep_for_members(bench.app, bench.location.program_id)
        print(f"  kept for segments:               {MEMBERS / (time.monotonic() - start):6.0f} members/s")


def _history(life: Sequence[Basket]) -> Counter[int]:
    """How often a member bought each thing, the last one first among equals."""
    return Counter(article for basket in reversed(life) for article in basket.articles)


def _put_in(bench: Bench, lives: Sequence[Sequence[Basket]]) -> list[Any]:
    program, members = bench.location.program_id, []
    with bench.app.db.begin() as tx:
        for start in range(0, len(lives), 1_000):
            rows = []
            for number, life in enumerate(lives[start : start + 1_000], start):
                last = {article: TODAY - DAYS + basket.day for basket in life for article in basket.articles}
                skus = {str(article): [last[article], times, 100] for article, times in _history(life).items()}
                rows.append({"n": number, "id": f"00000000-0000-7000-8000-{number:012x}", "skus": skus})
            sql.run(tx, _PUT_IN, lives=json_text(rows), program=program, now=NOW)
        sql.run(
            tx,
            """
            INSERT INTO sold_items (program_id, sku, name, category, named_on)
            SELECT :program, n, 'Article ' || n, '', CAST(:now AS timestamptz)::date FROM generate_series(0, :articles - 1) n
            """,
            program=program,
            now=NOW,
            articles=ARTICLES,
        )
        rows_of = sql.every(tx, "SELECT id FROM members ORDER BY id")
        members = [row.id for row in rows_of]
    with bench.app.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE)")
    return members


def _recommended(bench: Bench, members: Sequence[Any]) -> tuple[list[list[int]], list[int], float]:
    """What Carnet recommends to each, filled up as members see it; what is popular; and how long asking took."""
    program = bench.location.program_id
    found: dict[Any, list[Any]] = {}
    start = time.monotonic()
    for place in range(0, len(members), ASKED_AT_ONCE):
        with bench.app.db.read() as tx:
            some = members[place : place + ASKED_AT_ONCE]
            found |= recommendations.personal(tx, program, some, today=NOW.date(), limit=SHOWN)
    asked = time.monotonic() - start
    with bench.app.db.read() as tx:
        popular = [int(row.sku) for row in recommendations.popular(tx, program, limit=SHOWN)]
    own = []
    for member in members:
        items = [int(row.sku) for row in found.get(member, ())]
        own.append(items)
    return own, popular, asked


def _implicit(lives: Sequence[Sequence[Basket]]) -> dict[str, list[list[int]]]:
    """What `implicit` recommends, what was bought before included, as Carnet's do."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        factorisation = import_module("implicit.als").AlternatingLeastSquares
        cosines = import_module("implicit.nearest_neighbours").CosineRecommender
        rows = [
            (number, article, times) for number, life in enumerate(lives) for article, times in _history(life).items()
        ]
        people, articles, times = (np.array(each) for each in zip(*rows, strict=True))
        bought = sparse.csr_matrix((times.astype(np.float32), (people, articles)), (len(lives), ARTICLES))
        found = {}
        for name, model in (
            ("implicit, cosines", cosines(K=30)),
            ("implicit, matrix factorisation", factorisation(factors=64, iterations=15, random_state=1)),
        ):
            start = time.monotonic()
            model.fit(bought, show_progress=False)
            items, _ = model.recommend(np.arange(len(lives)), bought, N=SHOWN, filter_already_liked_items=False)
            found[f"{name} ({time.monotonic() - start:.1f} s)"] = items.tolist()
    return found


def _in_sql(bench: Bench) -> tuple[int, float, float]:
    start = time.monotonic()
    with bench.app.db.read() as tx:
        tx.exec_driver_sql("SET LOCAL statement_timeout = 0")
        tx.exec_driver_sql("SET LOCAL work_mem = '256MB'")
        row = sql.one(tx, _IN_SQL, program=bench.location.program_id)
    return int(row.pairs), float(row.score), time.monotonic() - start


def _kept(bench: Bench) -> tuple[int, float]:
    with bench.app.db.read() as tx:
        row = sql.one(tx, "SELECT count(*) AS pairs, sum(s) AS score FROM bought_together, unnest(scores) s")
    return int(row.pairs), float(row.score)
