"""What is bought together, what is popular, and what a member is likely to buy next.

Of whom nothing may be concluded (no consent to profiling, or none any more), nothing is: neither what others are
recommended comes out of their purchases, nor is anything recommended to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.session import Tx, json_text

HISTORY_ITEMS_MAX = 50
"""So many of the things that a member bought last count; who buys for a restaurant would else outweigh hundreds."""

HALF_LIFE_DAYS = 180
"""What was bought so long ago counts half."""

LIKED = 0.2
POPULAR_MAX = 50
"""What is most popular counts as much as a purchase with which it goes so well; the next ones less, up to so many."""

EPOCH = date(1970, 1, 1)

_AGREED = """
coalesce((SELECT c.granted FROM consents c WHERE c.member_id = m.id AND c.kind = 'profiling' ORDER BY c.id DESC LIMIT 1), false)
"""

_PERSONAL = f"""
WITH agreed AS MATERIALIZED (
  SELECT m.id FROM members m WHERE m.id = ANY(:ids) AND m.program_id = :program AND m.status = 'active' AND {_AGREED}),
had AS MATERIALIZED (
  SELECT a.id, s.sku, power(0.5, greatest(:today - s.last, 0) / CAST(:half_life AS float8)) * (1 + ln(s.times)) AS weight
  FROM agreed a JOIN purchased_items i ON i.member_id = a.id
  CROSS JOIN LATERAL (SELECT key AS sku, (value ->> 0)::int AS last, (value ->> 1)::int AS times FROM jsonb_each(i.skus)
                      ORDER BY 2 DESC, 1 LIMIT :most) s),
liked AS MATERIALIZED (
  SELECT sku, :liked * popularity / max(popularity) OVER () AS score FROM (
    SELECT sku, popularity FROM sold_items WHERE program_id = :program AND popularity > 0
    ORDER BY popularity DESC, sku LIMIT :popular) s),
pulls AS (
  SELECT h.id, h.sku AS because, o.other, h.weight * o.score AS score
  FROM had h JOIN bought_together b ON b.program_id = :program AND b.sku = h.sku
  CROSS JOIN LATERAL unnest(b.others, b.scores) AS o(other, score)
  UNION ALL SELECT a.id, NULL, l.sku, l.score FROM agreed a CROSS JOIN liked l),
summed AS (
  SELECT id, other, sum(score) AS score,
         (array_agg(because ORDER BY because IS NULL, score DESC, because))[1] AS because
  FROM pulls GROUP BY id, other),
ranked AS (
  SELECT id, other, score, because, row_number() OVER (PARTITION BY id ORDER BY score DESC, other) AS place FROM summed)
SELECT r.id AS member_id, r.other AS sku, k.name, k.category, r.score, r.because, w.name AS because_name
FROM ranked r JOIN sold_items k ON k.program_id = :program AND k.sku = r.other
LEFT JOIN sold_items w ON w.program_id = :program AND w.sku = r.because
WHERE r.place <= :limit ORDER BY r.id, r.place
"""  # noqa: S608 parts of our own


@dataclass(frozen=True, kw_only=True)
class Together:
    """What is bought by those who buy a thing, the likeliest first."""

    sku: str
    others: Sequence[str]
    scores: Sequence[float]


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────────


def personal(
    tx: Tx, program_id: str, member_ids: Sequence[UUID], *, today: date, limit: int
) -> dict[UUID, list[Row[Any]]]:
    """What each of these members is likely to buy next, the likeliest first, and because of what they bought.

    `because` is None for what is popular only. Nothing for those who have not agreed to profiling.
    """
    rows = sql.every(
        tx,
        _PERSONAL,
        program=program_id,
        ids=list(member_ids),
        today=(today - EPOCH).days,
        half_life=HALF_LIFE_DAYS,
        most=HISTORY_ITEMS_MAX,
        liked=LIKED,
        popular=POPULAR_MAX,
        limit=limit,
    )
    found: dict[UUID, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.member_id, []).append(row)
    return found


def popular(tx: Tx, program_id: str, *, limit: int) -> Sequence[Row[Any]]:
    """What most members buy."""
    return sql.every(
        tx,
        """
        SELECT sku, name, category FROM sold_items WHERE program_id = :program AND popularity > 0
        ORDER BY popularity DESC, sku LIMIT :limit
        """,
        program=program_id,
        limit=limit,
    )


def has_agreed(tx: Tx, member_id: UUID) -> bool:
    """Whether the member has agreed to profiling, and not withdrawn it."""
    return bool(sql.one(tx, f"SELECT {_AGREED} AS agreed FROM members m WHERE m.id = :id", id=member_id).agreed)  # noqa: S608 a part of our own


# ── Making ───────────────────────────────────────────────────────────────────────────────────────────────────────


def histories(tx: Tx, program_id: str, *, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """What members have bought, in the order of their ids: by sku the last day, from 1970, and how many times."""
    return sql.every(
        tx,
        f"""
        SELECT m.id, i.skus, {_AGREED} AS agreed FROM members m JOIN purchased_items i ON i.member_id = m.id
        WHERE m.program_id = :program AND m.status = 'active' AND (CAST(:after AS uuid) IS NULL OR m.id > :after)
        ORDER BY m.id LIMIT :limit
        """,  # noqa: S608 a part of our own
        program=program_id,
        after=after,
        limit=limit,
    )


def set_popularity(tx: Tx, program_id: str, popularity: Mapping[str, float]) -> None:
    """Write how popular things are; those that are not named are not any more."""
    sql.run(
        tx,
        """
        UPDATE sold_items i SET popularity = coalesce(d.popularity, 0)
        FROM sold_items k LEFT JOIN jsonb_each_text(CAST(:popularity AS jsonb)) p ON p.key = k.sku
        CROSS JOIN LATERAL (SELECT CAST(p.value AS real) AS popularity) d
        WHERE k.program_id = :program AND i.program_id = k.program_id AND i.sku = k.sku
          AND i.popularity <> coalesce(d.popularity, 0)
        """,
        program=program_id,
        popularity=json_text(popularity),
    )


def forget_together(tx: Tx, program_id: str) -> None:
    """Drop what was bought together; for whoever reads it is there until the commit."""
    sql.run(tx, "DELETE FROM bought_together WHERE program_id = :program", program=program_id)


def add_together(tx: Tx, program_id: str, together: Sequence[Together]) -> None:
    """Write what is bought together with some things."""
    sql.run(
        tx,
        """
        INSERT INTO bought_together (program_id, sku, others, scores)
        SELECT :program, t.sku, t.others, t.scores
        FROM jsonb_to_recordset(CAST(:together AS jsonb)) AS t(sku text, others text[], scores real[])
        """,
        program=program_id,
        together=json_text([{"sku": each.sku, "others": each.others, "scores": each.scores} for each in together]),
    )


def members_after(tx: Tx, program_id: str, *, after: UUID | None, limit: int) -> list[UUID]:
    """Some members who have bought anything, in the order of their ids."""
    rows = sql.every(
        tx,
        """
        SELECT m.id FROM members m JOIN purchased_items i ON i.member_id = m.id
        WHERE m.program_id = :program AND (CAST(:after AS uuid) IS NULL OR m.id > :after) ORDER BY m.id LIMIT :limit
        """,
        program=program_id,
        after=after,
        limit=limit,
    )
    return [row.id for row in rows]


def keep(tx: Tx, member_ids: Sequence[UUID], found: Mapping[UUID, Sequence[Row[Any]]]) -> None:
    """Keep what these members are recommended because of what they bought; the others have nothing kept any more."""
    theirs = {member: [item for item in items if item.because is not None] for member, items in found.items()}
    rows = [
        {
            "member_id": member,
            "skus": [item.sku for item in items],
            "categories": sorted({item.category for item in items if item.category}),
        }
        for member, items in theirs.items()
        if items
    ]
    sql.run(
        tx,
        """
        WITH gone AS (DELETE FROM recommended_items WHERE member_id = ANY(:ids) AND member_id <> ALL(:kept))
        INSERT INTO recommended_items AS r (member_id, skus, categories)
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS d(member_id uuid, skus text[], categories text[])
        ON CONFLICT (member_id) DO UPDATE SET skus = excluded.skus, categories = excluded.categories
        WHERE (r.skus, r.categories) IS DISTINCT FROM (excluded.skus, excluded.categories)
        """,
        ids=list(member_ids),
        kept=[row["member_id"] for row in rows],
        rows=json_text(rows),
    )


def forget(tx: Tx, member_id: UUID) -> None:
    """Keep nothing of what a member is recommended."""
    sql.run(tx, "DELETE FROM recommended_items WHERE member_id = :id", id=member_id)
