"""What members earned and spent at partners' locations, and what they gave to good causes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.session import Tx


def by_location(tx: Tx, program_id: str, *, codes: Sequence[str], start: datetime, end: datetime) -> Sequence[Row[Any]]:
    """Per unit: earned (less what returns took back) and spent (less what returns gave back) at these locations.

    Entries count by the time at which they happened, from `start` on and before `end`; amounts are smallest steps. What
    a till of these locations only held and captured counts as spent.
    """
    return sql.every(
        tx,
        """
        WITH places AS (SELECT id FROM locations WHERE program_id = :program AND code = ANY(:codes)),
        tills AS (
          SELECT k.id FROM keys k WHERE k.program_id = :program AND cardinality(k.location_ids) > 0
          AND NOT EXISTS (SELECT 1 FROM unnest(k.location_ids) at WHERE at NOT IN (SELECT id FROM places))
        ),
        there AS (
          SELECT e.unit, e.kind, e.amount FROM entries e JOIN transactions t ON t.id = e.source_id
          WHERE e.program_id = :program AND t.location_id IN (SELECT id FROM places)
          AND e.occurred_at >= :start AND e.occurred_at < :end
          UNION ALL
          SELECT e.unit, e.kind, e.amount FROM entries e JOIN redemptions r ON r.id = e.source_id
          WHERE e.program_id = :program AND r.key_id IN (SELECT id FROM tills) AND e.kind = 'redeem'
          AND e.occurred_at >= :start AND e.occurred_at < :end
        )
        SELECT unit,
          coalesce(sum(amount) FILTER (WHERE kind IN ('earn', 'bonus') OR (kind = 'reversal' AND amount < 0)), 0)::bigint
            AS earned,
          coalesce(-sum(amount) FILTER (WHERE kind = 'redeem' OR (kind = 'reversal' AND amount > 0)), 0)::bigint AS spent
        FROM there GROUP BY unit ORDER BY unit
        """,
        program=program_id,
        codes=list(codes),
        start=start,
        end=end,
    )


def by_reward(tx: Tx, program_id: str, *, rewards: Sequence[str], start: datetime, end: datetime) -> Sequence[Row[Any]]:
    """Per reward and unit: how often it was redeemed, and for how many smallest steps."""
    return sql.every(
        tx,
        """
        SELECT reward, unit, sum(quantity)::bigint AS times, sum(amount)::bigint AS amount FROM redemptions
        WHERE program_id = :program AND reward = ANY(:rewards) AND status = 'captured'
        AND made_at >= :start AND made_at < :end
        GROUP BY reward, unit ORDER BY reward, unit
        """,
        program=program_id,
        rewards=list(rewards),
        start=start,
        end=end,
    )
