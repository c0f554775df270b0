"""What came of holding members out of marketing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from wallet_api.store import segment_query, sql
from wallet_api.store.session import Tx

# Whether somebody had agreed before does not depend on what they were sent: without consent nobody is sent anything.
# Whether they still do would, so a consent that was withdrawn since is not asked about.
_HOLD_OUT = """
WITH people AS (
  SELECT m.id, substr(sha256(convert_to(:text || m.id, 'UTF8')), 1, 8) < :end AS is_held_out FROM members m
  WHERE m.program_id = :program AND m.status <> 'merged' AND EXISTS (
    SELECT FROM consents c WHERE c.member_id = m.id AND c.kind = 'marketing' AND c.granted AND c.at < :since)),
bought AS (
  SELECT d.member_id, sum(d.value) FILTER (WHERE d.measure = 'orders') AS orders,
         sum(d.value) FILTER (WHERE d.measure = 'spend') AS spend
  FROM day_measures d
  WHERE d.measure IN ('orders', 'spend') AND d.day BETWEEN :first AND :last
  GROUP BY d.member_id)
SELECT p.is_held_out, count(*) AS members, count(*) FILTER (WHERE b.orders > 0) AS buyers,
       coalesce(sum(b.spend), 0)::bigint AS amount, coalesce(sum(b.spend::numeric * b.spend), 0) AS squares
FROM people p LEFT JOIN bought b ON b.member_id = p.id GROUP BY p.is_held_out
"""


def hold_out(
    tx: Tx, program_id: str, *, text: str, end: bytes, since: datetime, first: date, last: date
) -> Sequence[Row[Any]]:
    """What was bought in these days by those who are held out and by the others: members, buyers, sum, and of squares.

    Counted is whoever agreed to marketing before these days began (`since`). Held out is whose id, after `text`, has a
    digest that begins with less than `end`; see `domain/experiment.py`.
    """
    segment_query.prepare(tx)
    return sql.every(tx, _HOLD_OUT, program=program_id, text=text, end=end, since=since, first=first, last=last)
