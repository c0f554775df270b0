"""How many units an event earns, rule by rule, with the reason for each figure.

The base of a sale is what the member pays for merchandise: after discounts, vouchers and units, without lines tagged
`gift-card`. The order is always the same: base of the lines that count, times the rate, times the product of all
promotions that multiply, plus the extras that come on top, then one rounding per rule (PROGRAMS.md, "Rounding"), then
the cap. Flat amounts are rules of their own, so they come after all multipliers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from math import ceil, floor, prod

from wallet_api.domain.benefits import GIFT_CARD
from wallet_api.domain.decision import Earned
from wallet_api.domain.definition import (
    Bands,
    ByField,
    BySize,
    ByStreak,
    Cap,
    Condition,
    Definition,
    EarningRule,
    EventKind,
    Flat,
    PerItem,
    PerQuantity,
    Promotion,
    Rate,
    RateByTier,
    Rounding,
)
from wallet_api.domain.events import Line
from wallet_api.domain.money import half_up
from wallet_api.domain.state import Count

PARTS = 10**6
"""What a rule carries on is kept in such parts of a minor unit, so that shares of a line do not round it away."""

Fields = Mapping[str, Fraction | str | bool]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What conditions look at beside the basket: the member's tier and birthday, the place, the day, what went before.

    `fields` are those of an activity, its `quantity` among them; `streak` is the day of the streak that a visit makes;
    `is_first_in_month` and `is_first_ever` say that the member has had no purchase in this month, or none at all, before;
    `partner` is the one at whose location it happened; `segments` are those that the member is in. `carried` is what
    roundings before have left, by rule (in parts of the rate's minor units times what it earns).
    """

    day: date
    tier: str | None = None
    location: str | None = None
    birth_date: date | None = None
    is_first_in_month: bool = True
    fields: Fields = field(default_factory=dict)
    streak: int = 1
    is_first_ever: bool = True
    membership: str = "none"
    partner: str | None = None
    segments: frozenset[str] = frozenset()
    carried: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Basket:
    """What a sale's rules look at: its lines, what is paid in money for each, and the part of each still kept.

    `by_units` is what units pay of each line, `free` how many pieces of it are a reward; nothing where left out.
    """

    lines: Sequence[Line]
    net: Sequence[int]
    kept: Sequence[Fraction]
    by_units: Sequence[int] = ()
    free: Sequence[int] = ()

    def base(self, where: Condition, multipliers: Sequence[Promotion] = ()) -> Fraction:
        """The money, in minor units, that the lines which meet a condition bring; each line with its multipliers."""
        return sum(
            (net * kept * _factor(line, multipliers) for line, net, kept in self._rows() if _counts(line, where)),
            Fraction(),
        )

    def by_units_too(self) -> Basket:
        """The same basket, as if what units pay were paid in money."""
        if not self.by_units:
            return self
        net = [money + units for money, units in zip(self.net, self.by_units, strict=True)]
        return replace(self, net=net, by_units=())

    def items(self, where: Condition) -> Fraction:
        """How many paid items the lines which meet a condition hold; what units pay for is paid, a reward is not."""
        nothing = [0] * len(self.lines)
        paid = zip(self._rows(), self.by_units or nothing, self.free or nothing, strict=True)
        return sum(
            (
                (line.quantity - free) * kept
                for (line, net, kept), units, free in paid
                if net + units > 0 and _counts(line, where)
            ),
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


def for_sale(
    definition: Definition, basket: Basket, scene: Scene, *, promotions: Sequence[Promotion] | None = None
) -> list[Earned]:
    """What each rule gives for a basket, before caps; a rule that matches no line is silent.

    `promotions` are those to apply, where a return reckons again what a sale of another day had; else those that are
    on in the scene.
    """
    active = promotions_on(definition, scene) if promotions is None else promotions
    earned = []
    for rule in _rules(definition, EventKind.SALE, scene):
        multipliers = [promotion for promotion in active if promotion.unit == rule.unit]
        if item := _for_basket(rule, basket, scene, multipliers):
            earned.append(item)
    return earned


def promotions_on(
    definition: Definition, scene: Scene, *, on: EventKind = EventKind.SALE, kind: str | None = None
) -> list[Promotion]:
    """The promotions that an event meets."""
    return [
        promotion
        for promotion in definition.promotions
        if promotion.on is on and promotion.kind in (None, kind) and meets(promotion.where, scene)
    ]


def for_event(definition: Definition, on: EventKind, scene: Scene, *, kind: str | None = None) -> list[Earned]:
    """What each rule gives for an event without money (joining, a check-in, an activity of a kind), before caps."""
    active = promotions_on(definition, scene, on=on, kind=kind)
    return [
        _of_event(rule, scene, [promotion for promotion in active if promotion.unit == rule.unit])
        for rule in _rules(definition, on, scene)
        if rule.kind == kind
    ]


def rule_of(definition: Definition, rule_id: str) -> EarningRule:
    """The rule with this id."""
    return next(rule for rule in definition.earning if rule.id == rule_id)


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
    return Earned(rule=earned.rule, unit=earned.unit, amount=room, why={**earned.why, "cap": limit})


def _rules(definition: Definition, on: EventKind, scene: Scene) -> Iterator[EarningRule]:
    """The rules that an event of this kind meets, in the file's order."""
    return (rule for rule in definition.earning if rule.on is on and meets(rule.where, scene))


def meets(where: Condition, scene: Scene) -> bool:
    quantity = scene.fields.get("quantity", Fraction(1))
    return (
        (not where.tiers or scene.tier in where.tiers)
        and (not where.locations or scene.location in where.locations)
        and (where.days is None or any(scene.day in days for days in where.days))
        and (not where.birthday_month or is_birthday_month(scene.birth_date, scene.day))
        and (not where.first_in_month or scene.is_first_in_month)
        and (not where.first_ever or scene.is_first_ever)
        and (not where.weekdays or scene.day.weekday() in where.weekdays)
        and (not where.memberships or scene.membership in where.memberships)
        and (not where.segments or bool(where.segments & scene.segments))
        and (scene.partner in where.partners if where.partners else scene.partner is None)
        and (where.quantity_from is None or (isinstance(quantity, Fraction) and quantity >= where.quantity_from))
        and all(text_of(scene.fields.get(name)) == value for name, value in where.fields.items())
    )


def is_birthday_month(birth_date: date | None, day: date) -> bool:
    """Whether a day lies in the month of a birthday."""
    return birth_date is not None and birth_date.month == day.month


def _for_basket(rule: EarningRule, basket: Basket, scene: Scene, multipliers: Sequence[Promotion]) -> Earned | None:
    base = basket.base(rule.where)
    why: dict[str, object] = {"base": floor(base)}
    if left_out := basket.excluded(rule.where):
        why["excluded"] = left_out
    if base < rule.where.minimum:
        return Earned(rule=rule.id, unit=rule.unit, amount=0, why={**why, "minimum": rule.where.minimum})
    match rule.amount:
        case Flat(earn=earn) if base > 0:
            return Earned(rule=rule.id, unit=rule.unit, amount=earn, why=why)
        case Bands() as bands if base > 0:
            return Earned(rule=rule.id, unit=rule.unit, amount=bands.of(base), why=why)
        case PerItem(earn=earn) if items := basket.items(rule.where):
            why["items"] = floor(items)
            return Earned(rule=rule.id, unit=rule.unit, amount=rounded(earn * items, rule.rounding), why=why)
        case Rate() | RateByTier() if base > 0 or not (rule.where.tags or rule.where.categories):
            return _at_a_rate(rule, basket, scene, multipliers, why)
    return None


def _at_a_rate(
    rule: EarningRule, basket: Basket, scene: Scene, multipliers: Sequence[Promotion], why: dict[str, object]
) -> Earned | None:
    rate = rule.amount.rates.get(scene.tier or "") if isinstance(rule.amount, RateByTier) else rule.amount
    if not isinstance(rate, Rate):
        return None
    exact = rate.exact(1) * basket.base(rule.where, multipliers)
    why |= {"earn": rate.earn, "per": rate.per, "exact": f"{float(exact):.4f}", "rounding": rule.rounding.value}
    applied = [item for item in multipliers if any(_factor(line, [item]) != 1 for line in basket.lines)]
    if applied:
        why["promotions"] = {item.id: str(item.multiply) for item in applied}
    if extras := [item.id for item in applied if item.is_extra]:
        why["extras"] = extras
    if rule.carries:
        exact += Fraction(scene.carried.get(rule.id, 0), rate.per * PARTS)
        why["carried_on"] = floor((exact - floor(exact)) * rate.per)
        why["carried_parts"] = floor((exact - floor(exact)) * rate.per * PARTS)
    return Earned(rule=rule.id, unit=rule.unit, amount=rounded(exact, rule.rounding), why=why)


def rounded(exact: Fraction, rounding: Rounding) -> int:
    """Whole smallest steps."""
    match rounding:
        case Rounding.DOWN:
            return floor(exact)
        case Rounding.HALF_UP:
            return half_up(exact)
        case Rounding.UP:
            return ceil(exact)


def _of_event(rule: EarningRule, scene: Scene, multipliers: Sequence[Promotion]) -> Earned:
    exact, why = _for_event(rule, scene)
    exact *= _factor_of(multipliers)
    if multipliers:
        why["promotions"] = {promotion.id: str(promotion.multiply) for promotion in multipliers}
    amount = rounded(exact, rule.rounding)
    if rule.fee and all(text_of(scene.fields.get(name)) == value for name, value in rule.fee.fields.items()):
        why["fee"] = min(rule.fee.units, amount)
        amount -= min(rule.fee.units, amount)
    return Earned(rule=rule.id, unit=rule.unit, amount=amount, why=why)


def _for_event(rule: EarningRule, scene: Scene) -> tuple[Fraction, dict[str, object]]:
    match rule.amount:
        case Flat(earn=earn):
            return Fraction(earn), {}
        case ByStreak() as steps:
            return Fraction(steps.of(scene.streak)), {"streak": scene.streak}
        case ByField(field=name) as by_field:
            value = text_of(scene.fields.get(name))
            pieces = _number(scene, "quantity", absent=1)
            return by_field.of(value) * pieces, {"field": name, "value": value}
        case BySize(field=name) as sizes:
            size = _number(scene, name)
            return Fraction(sizes.of(size)), {"quantity": f"{float(size):g}"}
        case PerQuantity(earn=earn, field=name, every=every):
            counted = _number(scene, name)
            blocks = counted if every == 1 else Fraction(floor(counted / every))
            return earn * blocks, {"quantity": f"{float(counted):g}"}
        case _:
            return Fraction(0), {}


def _number(scene: Scene, name: str, *, absent: int = 0) -> Fraction:
    value = scene.fields.get(name, Fraction(absent))
    return value if isinstance(value, Fraction) else Fraction(absent)


def _factor(line: Line, promotions: Sequence[Promotion]) -> Fraction:
    """Multipliers multiply, then extras are added; one with tags leaves the other lines alone."""
    met = [promotion for promotion in promotions if not promotion.where.tags or promotion.where.tags & line.tags]
    return _factor_of(met)


def _factor_of(promotions: Sequence[Promotion]) -> Fraction:
    """The product of all that multiply, and the extras on top."""
    factor = prod((promotion.multiply for promotion in promotions if not promotion.is_extra), start=Fraction(1))
    return factor + sum((promotion.multiply for promotion in promotions if promotion.is_extra), Fraction(0))


def _counts(line: Line, where: Condition) -> bool:
    return (
        GIFT_CARD not in line.tags
        and (not where.tags or bool(where.tags & line.tags))
        and (not where.categories or line.category in where.categories)
        and not (where.not_tags & line.tags)
    )


def text_of(value: Fraction | str | bool | None) -> str:  # noqa: FBT001 whatever a field holds
    """A field as a definition file writes it: `true`, `2.5`, or the text itself."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{float(value):g}" if isinstance(value, Fraction) else value or ""
