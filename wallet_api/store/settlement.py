"""What members earned and spent at partners' locations, and what they gave to good causes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from wallet_api.store import sql
from wallet_api.store.session import Tx


def by_location(
    tx: Tx,
    program_id: str,
    *,
    codes: Collection[str],
    start: datetime,
    end: datetime,
    at_once: Collection[str],
    credits_of_periods: Collection[str],
) -> Sequence[Row[Any]]:
    """Per unit: earned (less what returns took back) and spent (less what returns gave back) at these locations.

    From `start` on and before `end`, by when it happened; amounts are smallest steps. Earned is what sales and visits
    there brought, without what a period brings as a whole (`credits_of_periods`). Spent is what paid for sales there,
    what the vouchers used on them had cost, and what tills of these locations alone held and handed over; without
    rewards that happen `at_once`, for which nobody hands anything over. A return counts where its sale was.
    """
    return sql.every(
        tx,
        """
        WITH places AS (SELECT id FROM locations WHERE program_id = :program AND code = ANY(:codes)),
        tills AS (
          SELECT k.id FROM keys k WHERE k.program_id = :program AND cardinality(k.location_ids) > 0
          AND NOT EXISTS (SELECT 1 FROM unnest(k.location_ids) at WHERE at NOT IN (SELECT id FROM places))
        ),
        sales AS (
          SELECT t.id, t.type, t.occurred_at, coalesce(s.voucher_ids, t.voucher_ids) AS voucher_ids,
                 NOT EXISTS (SELECT 1 FROM jsonb_array_elements_text(t.kept) AS part WHERE part <> '0') AS is_all_back
          FROM transactions t LEFT JOIN transactions s ON s.id = t.sale_id
          WHERE t.program_id = :program AND coalesce(s.location_id, t.location_id) IN (SELECT id FROM places)
        ),
        there AS (
          SELECT e.unit, e.kind, e.amount FROM entries e
          WHERE e.program_id = :program AND e.occurred_at >= :start AND e.occurred_at < :end
          AND (e.rule IS NULL OR e.rule <> ALL(:credits))
          AND (e.source_id IN (SELECT id FROM sales)
               OR e.source_id IN (SELECT id FROM check_ins WHERE program_id = :program AND location_id IN (SELECT id FROM places)))
          UNION ALL
          SELECT e.unit, e.kind, e.amount FROM entries e JOIN redemptions r ON r.id = e.source_id
          WHERE e.program_id = :program AND e.kind = 'redeem' AND e.occurred_at >= :start AND e.occurred_at < :end
          AND r.key_id IN (SELECT id FROM tills) AND r.hold_expires_at IS NOT NULL AND r.reward <> ALL(:at_once)
          UNION ALL
          SELECT r.unit, 'redeem', CASE t.type WHEN 'sale' THEN -1 ELSE 1 END * (r.amount * v.quantity / r.quantity)
          FROM sales t CROSS JOIN unnest(t.voucher_ids) AS used(id)
          JOIN vouchers v ON v.id = used.id JOIN redemptions r ON r.id = v.redemption_id
          WHERE t.occurred_at >= :start AND t.occurred_at < :end AND (t.type = 'sale' OR t.is_all_back)
        )
        SELECT unit,
          coalesce(sum(amount) FILTER (WHERE kind = 'earn' OR (kind = 'reversal' AND amount < 0)), 0)::bigint AS earned,
          coalesce(-sum(amount) FILTER (WHERE kind = 'redeem' OR (kind = 'reversal' AND amount > 0)), 0)::bigint AS spent
        FROM there GROUP BY unit ORDER BY unit
        """,
        program=program_id,
        codes=sorted(codes),
        start=start,
        end=end,
        at_once=sorted(at_once),
        credits=sorted(credits_of_periods),
    )


def by_reward(
    tx: Tx, program_id: str, *, rewards: Collection[str], start: datetime, end: datetime
) -> Sequence[Row[Any]]:
    """Per reward and unit: for how many smallest steps it was redeemed; what a till held, when it was handed over."""
    return sql.every(
        tx,
        """
        SELECT r.reward, e.unit, -sum(e.amount)::bigint AS amount FROM redemptions r JOIN entries e ON e.source_id = r.id
        WHERE r.program_id = :program AND r.reward = ANY(:rewards) AND e.kind = 'redeem'
        AND e.occurred_at >= :start AND e.occurred_at < :end
        GROUP BY r.reward, e.unit ORDER BY r.reward, e.unit
        """,
        program=program_id,
        rewards=sorted(rewards),
        start=start,
        end=end,
    )
