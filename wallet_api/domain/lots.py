"""Taking units from lots."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import accumulate
from uuid import UUID

from wallet_api.domain.state import Lot, Take

_NEVER = datetime.max.replace(tzinfo=UTC)


def in_spending_order(lots: Iterable[Lot]) -> list[Lot]:
    """The lots that expire first go first, then the oldest."""
    return sorted(lots, key=lambda lot: (lot.expires_at or _NEVER, lot.earned_at, lot.id))


def take(lots: Iterable[Lot], need: int) -> list[Take]:
    """Take up to `need` smallest steps, in the order in which the lots are given."""
    given = list(lots)
    starts = accumulate((lot.left for lot in given), initial=0)
    takes = ((lot.id, min(lot.left, need - start)) for lot, start in zip(given, starts, strict=False))
    return [Take(lot_id=lot_id, amount=amount) for lot_id, amount in takes if amount > 0]


def own_first(lots: Iterable[Lot], source_id: UUID) -> list[Lot]:
    """What is left of one event's own lots, then the others in spending order."""
    return sorted(in_spending_order(lots), key=lambda lot: lot.source_id != source_id)
