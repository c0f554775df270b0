"""What each member has bought, kept for segments: counted anew from the member's transactions, never added up.

A worker looks through what has been written since it last did, notes whose purchases those are, and counts them in
batches. To be counted twice changes nothing, so returns, merges and late commits need no care of their own.
What the things are called that were sold is noted on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

from wallet_api.store import sql
from wallet_api.store.session import Tx, json_text

# A database that was restored counts its transactions from anywhere: where that is behind what has been seen, all
# members are counted anew.
_NOTE_NEWS = """
WITH up_to AS (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS here),
noted AS (
  INSERT INTO purchases_to_count
  SELECT coalesce(m.merged_into, m.id) FROM up_to, transactions t JOIN members m ON m.id = t.member_id
  WHERE t.written_in >= :seen AND t.written_in < up_to.here
  UNION SELECT m.id FROM up_to, members m WHERE :seen > up_to.here AND m.status <> 'merged'
  ON CONFLICT DO NOTHING
)
UPDATE purchases_seen SET written_in = up_to.here FROM up_to
"""

_TAKE = """
DELETE FROM purchases_to_count WHERE member_id IN (
  SELECT member_id FROM purchases_to_count LIMIT :limit FOR UPDATE SKIP LOCKED)
RETURNING member_id
"""

_COUNT = """
WITH asked AS (SELECT DISTINCT unnest(CAST(:ids AS uuid[])) AS member_id),
selves AS (SELECT member_id, member_id AS self FROM asked
           UNION ALL SELECT a.member_id, m.id FROM asked a JOIN members m ON m.merged_into = a.member_id),
recorded AS MATERIALIZED (
  SELECT s.member_id, t.program_id, t.id, t.type, t.sale_id, t.location_id, t.lines, t.net, t.kept,
         (t.occurred_at AT TIME ZONE (CAST(:zones AS jsonb) ->> t.program_id))::date AS day
  FROM selves s JOIN transactions t ON t.member_id = s.self),
back AS (
  SELECT r.sale_id, k.place, min(split_part(k.part, '/', 1)::numeric
                                 / coalesce(nullif(split_part(k.part, '/', 2), ''), '1')::numeric) AS kept
  FROM recorded r, jsonb_array_elements_text(r.kept) WITH ORDINALITY AS k(part, place)
  WHERE r.type = 'return' GROUP BY r.sale_id, k.place),
lines AS (
  SELECT r.member_id, r.program_id, r.id, r.day, r.location_id, l.line, coalesce(b.kept, 1) * (r.net ->> (l.place - 1)::int)::bigint AS paid
  FROM recorded r CROSS JOIN jsonb_array_elements(r.lines) WITH ORDINALITY AS l(line, place)
  LEFT JOIN back b ON b.sale_id = r.id AND b.place = l.place
  WHERE r.type = 'sale' AND coalesce(b.kept, 1) > 0),
named AS (
  SELECT member_id, id, day, paid, 'categories' AS what, line ->> 'category' AS name FROM lines
  UNION ALL SELECT member_id, id, day, paid, 'skus', line ->> 'sku' FROM lines
  UNION ALL SELECT l.member_id, l.id, l.day, l.paid, 'locations', o.code
            FROM lines l JOIN locations o ON o.id = l.location_id),
items AS (
  SELECT member_id, what, name,
         jsonb_build_array(max(day) - date '1970-01-01', count(DISTINCT id), floor(sum(paid))::bigint) AS item
  FROM named WHERE name <> '' GROUP BY member_id, what, name),
sold AS (
  SELECT DISTINCT ON (program_id, line ->> 'sku') program_id, line ->> 'sku' AS sku, coalesce(line ->> 'name', '') AS name,
         coalesce(line ->> 'category', '') AS category, day
  FROM lines WHERE line ->> 'sku' <> ''
  ORDER BY program_id, line ->> 'sku', coalesce(line ->> 'name', '') = '', day DESC, id DESC),
wrote_names AS (
  INSERT INTO sold_items AS i (program_id, sku, name, category, named_on)
  SELECT s.* FROM sold s LEFT JOIN sold_items k ON k.program_id = s.program_id AND k.sku = s.sku
  WHERE k.sku IS NULL OR (s.day >= k.named_on AND (s.name NOT IN ('', k.name) OR s.category NOT IN ('', k.category)))
  ORDER BY s.program_id, s.sku
  ON CONFLICT (program_id, sku) DO UPDATE
  SET name = coalesce(nullif(excluded.name, ''), i.name), category = coalesce(nullif(excluded.category, ''), i.category),
      named_on = excluded.named_on
  WHERE i.named_on <= excluded.named_on),
wrote_items AS (
  INSERT INTO purchased_items (member_id, categories, skus, locations)
  SELECT a.member_id, coalesce(jsonb_object_agg(name, item) FILTER (WHERE what = 'categories'), '{}'),
         coalesce(jsonb_object_agg(name, item) FILTER (WHERE what = 'skus'), '{}'),
         coalesce(jsonb_object_agg(name, item) FILTER (WHERE what = 'locations'), '{}')
  FROM asked a LEFT JOIN items i ON i.member_id = a.member_id GROUP BY a.member_id
  ON CONFLICT (member_id) DO UPDATE
  SET categories = excluded.categories, skus = excluded.skus, locations = excluded.locations),
sales AS (SELECT member_id, id, floor(sum(paid))::bigint AS paid FROM lines GROUP BY member_id, id),
largest AS (SELECT member_id, max(paid) AS paid FROM sales GROUP BY member_id)
INSERT INTO purchase_totals (member_id, last_day, orders, spend, largest)
SELECT a.member_id, d.last_day, d.orders, d.spend, l.paid
FROM asked a LEFT JOIN largest l ON l.member_id = a.member_id CROSS JOIN LATERAL (
  SELECT max(day) FILTER (WHERE measure = 'orders' AND value > 0) AS last_day,
         coalesce(sum(value) FILTER (WHERE measure = 'orders'), 0) AS orders,
         coalesce(sum(value) FILTER (WHERE measure = 'spend'), 0) AS spend
  FROM day_measures WHERE member_id = a.member_id AND measure IN ('orders', 'spend')) AS d
ON CONFLICT (member_id) DO UPDATE
SET last_day = excluded.last_day, orders = excluded.orders, spend = excluded.spend, largest = excluded.largest
"""


def note_news(tx: Tx) -> None:
    """Note whose purchases have changed since this was done last; one worker at a time."""
    # Locked by a statement of its own: the next one sees all that was there when the lock was free.
    seen = sql.one(tx, "SELECT written_in FROM purchases_seen FOR UPDATE").written_in
    sql.run(tx, _NOTE_NEWS, seen=seen)


def take(tx: Tx, *, limit: int) -> list[UUID]:
    """Take members whose purchases are to be counted; they are done with the commit. Other workers take others."""
    return [row.member_id for row in sql.every(tx, _TAKE, limit=limit)]


def count(tx: Tx, member_ids: Sequence[UUID], *, zones: Mapping[str, ZoneInfo]) -> None:
    """Count what these members have bought; `zones` of the programs tell on which day each purchase was."""
    sql.run(tx, _COUNT, ids=list(member_ids), zones=json_text({program: zone.key for program, zone in zones.items()}))


def waiting(tx: Tx) -> int:
    """How many members are to be counted."""
    return int(sql.one(tx, "SELECT count(*) AS members FROM purchases_to_count").members)
