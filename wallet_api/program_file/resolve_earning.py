"""Earning rules and promotions as they are written → as the engine reckons with them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from wallet_api.domain.definition import (
    Amount,
    Bands,
    ByField,
    ByStreak,
    Cap,
    Condition,
    DayRange,
    EarningRule,
    EventKind,
    Flat,
    PerItem,
    PerQuantity,
    Promotion,
    Rate,
    RateByTier,
)

from .declaration import BandWritten, EarningWritten, GiftWritten, PromotionWritten
from .faults import Place, shown
from .lookup import Lookup, values
from .shapes import At, Limit, Written

WELCOME: Final = "welcome"
NEVER_EARNS: Final = "gift-card"
ITEM: Final = "item"
EVENTS: Final = {
    EventKind.SALE: "a sale",
    EventKind.CHECK_IN: "a visit",
    EventKind.ACTIVITY: "an activity",
    EventKind.JOIN: "a member who joins",
}
NEEDS: Final = {
    "kind": (EventKind.ACTIVITY,),
    "bands": (EventKind.SALE,),
    "by_streak": (EventKind.CHECK_IN,),
    "by": (EventKind.ACTIVITY,),
    "per": (EventKind.SALE,),
    "each": (EventKind.SALE, EventKind.ACTIVITY),
    "tags": (EventKind.SALE,),
    "not_tags": (EventKind.SALE,),
    "locations": (EventKind.SALE, EventKind.CHECK_IN),
    "minimum": (EventKind.SALE,),
    "quantity_from": (EventKind.ACTIVITY,),
    "fields": (EventKind.ACTIVITY,),
    "first_in_month": (EventKind.SALE,),
    "beyond": (EventKind.CHECK_IN, EventKind.ACTIVITY),  # a sale is made, whatever it earns
}


class EarningReader(Lookup):
    """Makes earning rules and promotions out of a file's parts."""

    def earning(self) -> list[EarningRule]:
        written = self.file.earning or ()
        gift = self.file.gifts.welcome if self.file.gifts else None
        welcome = [At(value=WELCOME, place=gift.place)] if gift else []
        self.once([*(rule.id for rule in written), *welcome], what="rule")
        self.same_limit((rule.shared, rule.at_most) for rule in written)
        rules = [rule for each in written if (rule := self.earning_rule(each)) is not None]
        return [*rules, self.welcome(gift)] if gift else rules

    def welcome(self, gift: GiftWritten) -> EarningRule:
        price = self.units_of(gift.earn)
        return EarningRule(
            id=WELCOME,
            on=EventKind.JOIN,
            unit=price.unit,
            amount=Flat(earn=price.amount),
            name=self.words(gift.name) if gift.name else None,
        )

    def earning_rule(self, rule: EarningWritten) -> EarningRule | None:
        self.fits_its_event(rule)
        self.fits_its_amount(rule)
        where = self.condition(rule)
        name = self.words(rule.name) if rule.name else None
        unit = self.the_unit(rule.unit, of=rule.place, what=f"the rule {shown(rule.id.value)}")
        amount = self.amount(rule, unit or "")
        if unit is None or amount is None or rule.on is None:
            return None
        return EarningRule(
            id=rule.id.value,
            on=rule.on.value,
            unit=unit,
            amount=amount,
            where=where,
            cap=self.cap(rule, rule.at_most, unit) if rule.at_most else None,
            name=name,
            kind=rule.kind.value if rule.kind else None,
            refuses=rule.beyond is not None,
        )

    # ── What goes together ───────────────────────────────────────────────────────────────────────────────────────

    def fits_its_event(self, rule: EarningWritten) -> None:
        if rule.on is None:
            return
        on = rule.on.value
        for key, events in NEEDS.items():
            written = _place_of(getattr(rule, key))
            if written and on not in events:
                needed = " or ".join(EVENTS[event] for event in events)
                right = " or ".join(f"`on: {event}`" for event in events)
                self.report.add(
                    written,
                    f"`{key}` needs {needed}, and this rule is on `{on}`",
                    f"leave out `{key}`, or write {right}",
                )
        if on is EventKind.ACTIVITY and rule.kind is None and not self.has_fault(rule.place, "kind"):
            self.report.add(
                rule.place, "which kind of activity does not stand here", "write it, such as `kind: workout`"
            )
        if on is EventKind.SALE and rule.each and rule.each.value != ITEM:
            self.report.add(rule.each.place, f"a sale brings no {shown(rule.each.value)}", "write `each: item`")

    def fits_its_amount(self, rule: EarningWritten) -> None:
        is_plain = isinstance(rule.earn, At)
        for key, part in (("per", rule.per), ("each", rule.each)):
            if part and _place_of((rule.bands, rule.by_streak, rule.by)):
                self.report.add(part.place, f"`{key}` goes with `earn`", f"leave out `{key}`")
        if rule.each and (rule.per or (rule.earn and not is_plain)):
            self.report.add(
                rule.each.place, "`each` goes with one number in `earn`, and without `per`", "keep one of the ways"
            )
        elif rule.earn and not is_plain and rule.per is None and not self.has_fault(rule.place, "per"):
            self.report.add(rule.place, "numbers by tier are rates, and `per` is missing", "write `per: 1.00`")
        if rule.at_most is None and not self.has_fault(rule.place, "at_most"):
            for key, place in (("shared", _place_of(rule.shared)), ("beyond", _place_of(rule.beyond))):
                if place:
                    self.report.add(place, f"`{key}` is about a limit", "write `at_most` too")
        if rule.beyond and rule.at_most and rule.at_most.value.unit:
            self.report.add(
                rule.beyond.place, "only a limit of times can refuse", "count times in `at_most`: `1 per day`"
            )

    # ── How much ─────────────────────────────────────────────────────────────────────────────────────────────────

    def amount(self, rule: EarningWritten, unit: str) -> Amount | None:
        if rule.bands:
            return self.bands(rule.bands, unit)
        if rule.by_streak:
            return ByStreak(steps=tuple(self.given(number, unit) for number in rule.by_streak))
        if rule.by:
            table = {value.value: self.given(number, unit) for value, number in rule.by.table or () if number}
            return ByField(field=rule.by.field.value, table=table) if rule.by.field else None
        per = self.per(rule)
        if rule.earn is None:
            return None
        if not isinstance(rule.earn, At):
            self.known_tiers([tier for tier, _ in rule.earn])
            rates = {tier.value: self.given(number, unit) for tier, number in rule.earn if number}
            return RateByTier(rates={tier: Rate(earn=earn, per=per or 1) for tier, earn in rates.items()})
        earn = self.given(rule.earn, unit)
        if rule.each:
            return PerItem(earn=earn) if rule.each.value == ITEM else PerQuantity(earn=earn, field=rule.each.value)
        return Flat(earn=earn) if per is None else Rate(earn=earn, per=per)

    def bands(self, bands: tuple[BandWritten, ...], unit: str) -> Bands:
        read: list[tuple[int | None, int]] = []
        for band in bands:
            most = self.minor_units(band.up_to) if band.up_to else None
            earn = self.steps(band.earn, unit=unit) if band.earn else 0
            if band.up_to and read and read[-1][0] is not None and most is not None and most <= read[-1][0]:
                self.report.add(band.up_to.place, f"{band.up_to.value} is not above the band before", "the bands rise")
            if band is not bands[-1] and most is None and not self.has_fault(band.place, "up_to"):
                self.report.add(band.place, "a band without `up_to` has no end, and more follow", "put it last")
            if band is bands[-1] and band.up_to:
                self.report.add(
                    band.up_to.place, "the last band ends here, and a larger sale has none", "leave out its `up_to`"
                )
            read.append((most, earn))
        return Bands(bands=tuple(read))

    def given(self, number: At[Decimal], unit: str) -> int:
        self.positive(number, what="what the rule gives")
        return self.steps(number, unit=unit)

    def per(self, rule: EarningWritten) -> int | None:
        if rule.per is None:
            return None
        self.positive(rule.per, what="`per`")
        return self.minor_units(rule.per)

    def cap(self, rule: EarningWritten, limit: At[Limit], unit: str) -> Cap | None:
        name = rule.shared.value if rule.shared else None
        self.positive(At(value=limit.value.number, place=limit.place), what="the limit")
        if limit.value.unit is None:
            return Cap(per=limit.value.per, times=int(limit.value.number), name=name)
        if not self.known_unit(limit.value.unit, limit.place):
            return None
        if limit.value.unit != unit:
            self.report.add(
                limit.place, f"the limit counts {limit.value.unit}, and the rule gives {unit}", f"count {unit} here"
            )
        number = At(value=limit.value.number, place=limit.place)
        return Cap(per=limit.value.per, units=self.steps(number, unit=limit.value.unit), name=name)

    # ── When ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def condition(self, rule: EarningWritten) -> Condition:
        not_tags = values(rule.not_tags)
        for tag in rule.tags or ():
            if tag.value in not_tags and tag.value != NEVER_EARNS:
                self.report.add(
                    tag.place, f"{shown(tag.value)} stands in `tags` and in `not_tags`", "keep one of the two"
                )
        if rule.quantity_from:
            self.positive(rule.quantity_from, what="`quantity_from`")
        return Condition(
            tags=self.earning_tags(rule.tags),
            not_tags=not_tags,
            tiers=self.known_tiers(rule.tiers),
            locations=values(rule.locations),
            minimum=self.minor_units(rule.minimum) if rule.minimum else 0,
            quantity_from=Fraction(rule.quantity_from.value) if rule.quantity_from else None,
            fields={name.value: value.value for name, value in rule.fields or () if value},
            days=self.days(rule.days),
            birthday_month=rule.birthday_month is not None,
            first_in_month=rule.first_in_month is not None,
        )

    def earning_tags(self, tags: tuple[At[str], ...] | None) -> frozenset[str]:
        for tag in tags or ():
            if tag.value == NEVER_EARNS:
                self.report.add(tag.place, f"lines tagged `{NEVER_EARNS}` never earn", "choose other tags")
        return values(tags)

    def days(self, days: tuple[At[DayRange], ...] | None) -> tuple[DayRange, ...] | None:
        for range_ in days or ():
            if range_.value.last < range_.value.first:
                self.report.add(
                    range_.place,
                    f"{range_.value.last} is before {range_.value.first}",
                    "write the first day, then the last",
                )
        return None if days is None else tuple(range_.value for range_ in days)

    # ── Promotions ───────────────────────────────────────────────────────────────────────────────────────────────

    def promotions(self) -> list[Promotion]:
        written = self.file.promotions or ()
        self.once((promotion.id for promotion in written), what="promotion")
        rules = {rule.id.value: rule.id.place.line for rule in self.file.earning or ()}
        for each in written:
            if line := rules.get(each.id.value):
                self.report.add(
                    each.id.place,
                    f"{shown(each.id.value)} is the rule in line {line}",
                    "a member's history names both, so choose another id",
                )
        return [promotion for each in written if (promotion := self.promotion(each)) is not None]

    def promotion(self, promotion: PromotionWritten) -> Promotion | None:
        name = self.words(promotion.name) if promotion.name else None
        unit = self.the_unit(promotion.unit, of=promotion.place, what=f"the promotion {shown(promotion.id.value)}")
        where = Condition(
            tags=self.earning_tags(promotion.tags),
            tiers=self.known_tiers(promotion.tiers),
            days=self.days(promotion.days),
            birthday_month=promotion.birthday_month is not None,
            first_in_month=promotion.first_in_month is not None,
        )
        if unit:
            self.is_multiplied(promotion, unit)
        if promotion.multiply and promotion.multiply.value <= 1:
            self.report.add(
                promotion.multiply.place,
                f"times {promotion.multiply.value} gives nothing more",
                "write a number above 1, such as `multiply: 2`",
            )
        if unit is None or promotion.multiply is None:
            return None
        multiply = Fraction(promotion.multiply.value)
        return Promotion(id=promotion.id.value, unit=unit, multiply=multiply, where=where, name=name)

    def is_multiplied(self, promotion: PromotionWritten, unit: str) -> None:
        """A promotion multiplies what rules with a rate give on sales; without such a rule it would never do a thing."""
        if not self.all_units_read or any(fault.path.startswith("earning") for fault in self.report.faults):
            return
        rules = [rule for rule in self.file.earning or () if rule.per]
        if not any((rule.unit.value if rule.unit else next(iter(self.units))) == unit for rule in rules):
            self.report.add(
                promotion.unit.place if promotion.unit else promotion.place,
                f"no rule gives {unit} at a rate, so nothing is multiplied",
                "add a rule on `sale` with `per`, or multiply another unit",
            )


def _place_of(part: object) -> Place | None:
    """Where a part that is written stands, or its first; None where it is left out."""
    match part:
        case At(place=place) | Written(place=place):
            return place
        case tuple():
            return next((first for each in part if (first := _place_of(each))), None)
        case _:
            return None
