"""What is on record of a member, and what is shown of it, as values that can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from wallet_api.domain.state import MemberState
from wallet_api.store import sql
from wallet_api.store.session import Tx

Seen: TypeAlias = Mapping[str, object]
"""What somebody was shown of a member, part by part."""

_FIGURES = """
SELECT
  (SELECT jsonb_object_agg(unit, jsonb_build_array(available + pending, lifetime, debt)) FROM accounts
    WHERE member_id = :id) AS balances,
  (SELECT jsonb_object_agg(id, jsonb_build_array(unit, remaining)) FROM lots WHERE member_id = :id) AS lots,
  (SELECT jsonb_object_agg(measure || ' ' || day, value) FROM day_measures WHERE member_id = :id) AS measures,
  (SELECT jsonb_object_agg(rule || ' ' || period, jsonb_build_array(times, units)) FROM rule_counts
    WHERE member_id = :id) AS counts,
  (SELECT jsonb_object_agg(id, jsonb_build_array(reward, status)) FROM vouchers WHERE member_id = :id) AS vouchers,
  (SELECT jsonb_agg(jsonb_build_array(e.unit, e.kind, e.rule, e.amount, e.source_id) ORDER BY e.position)
    FROM entries e WHERE member_id = :id) AS entries,
  (SELECT jsonb_build_array(tier, tier_since, tier_until, tier_counted_from, tier_uncounted, tier_floor, membership)
    FROM members WHERE id = :id) AS standing,
  (SELECT count(*) FROM outbox WHERE member_id = :id) AS told
"""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Everything that a decision changes, as the database has it; nothing and zero are the same."""

    balances: Mapping[str, list[int]]
    lots: Mapping[str, list[Any]]
    measures: Mapping[str, int]
    counts: Mapping[str, list[int]]
    vouchers: Mapping[str, list[str]]
    entries: list[list[Any]]
    standing: list[Any]
    told: int

    def check_restored(self, before: Figures, sold: Figures, *, tier_falls_at_once: bool) -> None:
        """Assert that a sale that was returned at once has left nothing behind.

        What is not undone: a tier that was reached with its gifts, a challenge that was won, a conversion.
        """
        new = sold.entries[len(before.entries) :]
        kept = {unit for unit, kind, *_ in new if kind == "bonus"}
        kept |= {unit for unit, kind, _, _, source in new if kind == "redeem" and not self._is_paid_back(source)}
        check_same(before._balances(kept), self._balances(kept))
        check_same(before._lots(kept), self._lots(kept))
        check_same(before._measures(kept), self._measures(kept))
        check_same(before._counts(), self._counts())
        check_same(before.vouchers, {key: self.vouchers[key] for key in before.vouchers})
        assert self.standing[0] == (before if tier_falls_at_once else sold).standing[0]

    def _is_paid_back(self, source: str) -> bool:
        """Whether units that went were payment for the sale, not the price of what they turned into."""
        paid = sum(amount for _, kind, _, amount, of in self.entries if kind == "redeem" and of == source)
        return paid < 0 and source not in self.vouchers

    def _balances(self, but: set[str]) -> dict[str, list[int]]:
        return {unit: figures for unit, figures in self.balances.items() if unit not in but and any(figures)}

    def _lots(self, but: set[str]) -> dict[str, list[Any]]:
        return {lot: [unit, left] for lot, (unit, left) in self.lots.items() if unit not in but and left}

    def _measures(self, but: set[str]) -> dict[str, int]:
        """By day; but of miles in all, since a return lowers those of its own day."""
        found: Counter[str] = Counter()
        for key, value in self.measures.items():
            name, _, _ = key.partition(" ")
            if name.partition(":")[2] not in but:
                found[name if name == "earned:miles" else key] += value
        return {key: value for key, value in found.items() if value}

    def _counts(self) -> dict[str, list[int]]:
        """What counts towards limits, and what roundings leave; a gift that came with a tier stays given."""
        stays = ("gift:", "challenge:", "convert:", "reward:")
        return {key: figures for key, figures in self.counts.items() if any(figures) and not key.startswith(stays)}


def figures_of(tx: Tx, member_id: UUID) -> Figures:
    """What is on record of a member."""
    row = sql.one(tx, _FIGURES, id=member_id)
    return Figures(
        balances=row.balances or {},
        lots=row.lots or {},
        measures=row.measures or {},
        counts=row.counts or {},
        vouchers=row.vouchers or {},
        entries=row.entries or [],
        standing=row.standing,
        told=row.told,
    )


def codes_of(tx: Tx, member_id: UUID) -> list[str]:
    """The codes of a member's vouchers that nobody has used, the oldest first."""
    rows = sql.every(
        tx, "SELECT code FROM vouchers WHERE member_id = :id AND status = 'issued' ORDER BY id", id=member_id
    )
    return [row.code for row in rows]


def what_is_seen(state: MemberState) -> Seen:
    """What a member is shown of units, tier and membership; without the ids of what nobody has written yet."""
    units = sorted({*state.accounts, *(lot.unit for lot in state.lots.values())})
    figures = {unit: (state.available(unit), state.pending(unit), state.lifetime(unit)) for unit in units}
    ends = {unit: state.next_expiry(unit) for unit in units}
    return {
        "figures": {unit: each for unit, each in figures.items() if any(each)},
        "lots": sorted(
            (lot.unit, lot.earned_at, lot.left, str(lot.expires_at), str(lot.usable_at))
            for lot in state.lots.values()
            if lot.left
        ),
        "ends": {unit: end for unit, end in ends.items() if end},
        "standing": state.standing,
        "membership": state.membership,
    }


def check_same(one: Mapping[str, object], other: Mapping[str, object], *, what: object = "") -> None:
    """Assert that two of these are the same, or say where they are not."""
    found = {key: (one.get(key), other.get(key)) for key in sorted({*one, *other}) if one.get(key) != other.get(key)}
    assert not found, (what, found)
