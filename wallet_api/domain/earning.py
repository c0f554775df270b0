"""How many units an event earns, rule by rule, with the reason for each figure.

Rates are applied to the base first, then one floor per rule (PROGRAMS.md, "Rounding"). The base of a sale is what the
member pays for merchandise: after discounts and vouchers, without lines tagged `gift-card`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from wallet_api.domain.decision import Earned
from wallet_api.domain.definition import (
    Cap,
    Condition,
    Definition,
    EarningRule,
    EventKind,
    Flat,
)
from wallet_api.domain.events import Line
from wallet_api.domain.state import Count

GIFT_CARD = "gift-card"


@dataclass(frozen=True, kw_only=True)
class Basket:
    """What a sale's rules look at: its lines, what each costs after discounts, and the part of each still kept."""

    lines: Sequence[Line]
    net: Sequence[int]
    kept: Sequence[Fraction]

    def base(self, where: Condition) -> Fraction:
        """The money, in minor units, that the lines which meet a condition bring."""
        return sum(
            (net * kept for line, net, kept in self._rows() if _counts(line, where)),
            Fraction(),
        )

    def excluded(self, where: Condition) -> dict[str, int]:
        """The money left out of the base, by the tag that left it out (an empty tag: no wanted tag was there)."""
        left_out: dict[str, int] = {}
        for line, net, _ in self._rows():
            if not _counts(line, where):
                tag = next(iter(sorted(line.tags & (where.not_tags | {GIFT_CARD}))), "")
                left_out[tag] = left_out.get(tag, 0) + net
        return left_out

    @property
    def merchandise(self) -> Fraction:
        """What counts as spend, in minor units."""
        return self.base(Condition())

    def _rows(self) -> Iterator[tuple[Line, int, Fraction]]:
        return zip(self.lines, self.net, self.kept, strict=True)


def rules_for(
    definition: Definition, on: EventKind, *, tier: str | None, location: str | None
) -> Iterator[EarningRule]:
    """The rules that an event of this kind can meet for a member of this tier, in the file's order."""
    for rule in definition.earning:
        where = rule.where
        if (
            rule.on is on
            and (not where.tiers or tier in where.tiers)
            and (not where.locations or location in where.locations)
        ):
            yield rule


def for_sale(definition: Definition, basket: Basket, *, tier: str | None, location: str | None) -> list[Earned]:
    """What each rule gives for a basket, before caps; a rule that matches no line is silent."""
    earned = []
    for rule in rules_for(definition, EventKind.SALE, tier=tier, location=location):
        base = basket.base(rule.where)
        why: dict[str, object] = {"base": floor(base)}
        if left_out := basket.excluded(rule.where):
            why["excluded"] = left_out
        if base < rule.where.minimum:
            earned.append(
                Earned(
                    rule=rule.id,
                    unit=rule.unit,
                    amount=0,
                    why={**why, "minimum": rule.where.minimum},
                )
            )
        elif isinstance(rule.amount, Flat):
            if base > 0:
                earned.append(Earned(rule=rule.id, unit=rule.unit, amount=rule.amount.earn, why=why))
        elif base > 0 or not rule.where.tags:
            exact = rule.amount.exact(1) * base
            why |= {
                "earn": rule.amount.earn,
                "per": rule.amount.per,
                "exact": f"{float(exact):.4f}",
            }
            earned.append(Earned(rule=rule.id, unit=rule.unit, amount=floor(exact), why=why))
    return earned


def for_visit(definition: Definition, on: EventKind, *, tier: str | None, location: str | None) -> list[Earned]:
    """What each rule gives for an event without money (joining, a check-in), before caps."""
    return [
        Earned(rule=rule.id, unit=rule.unit, amount=rule.amount.earn, why={})
        for rule in rules_for(definition, on, tier=tier, location=location)
        if isinstance(rule.amount, Flat)
    ]


def under_cap(earned: Earned, cap: Cap, so_far: Count) -> Earned:
    """Cut an earning down to what its cap leaves; beyond it nothing is earned."""
    room = earned.amount
    if cap.times is not None and so_far.times >= cap.times:
        room = 0
    if cap.units is not None:
        room = min(room, max(0, cap.units - so_far.units))
    if room == earned.amount:
        return earned
    limit = {"per": cap.per.value, "times": cap.times, "units": cap.units}
    return Earned(
        rule=earned.rule,
        unit=earned.unit,
        amount=room,
        why={**earned.why, "cap": limit},
    )


def _counts(line: Line, where: Condition) -> bool:
    return (
        GIFT_CARD not in line.tags
        and (not where.tags or bool(where.tags & line.tags))
        and not (where.not_tags & line.tags)
    )
