"""A program's figures at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wallet_api.store import figures as counts
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How many members and sales, the revenue (minor units, less returns), units outstanding, members by tier."""

    members: int
    sales: int
    revenue: int
    outstanding: Mapping[str, int]
    members_by_tier: Mapping[str, int]


def figures(tx: Tx, program: str) -> Figures:
    """Count a program's members, sales and units."""
    sales, revenue = counts.sales(tx, program)
    by_tier = counts.members_by_tier(tx, program)
    return Figures(
        members=sum(by_tier.values()),
        sales=sales,
        revenue=revenue,
        outstanding=counts.outstanding(tx, program),
        members_by_tier=by_tier,
    )
