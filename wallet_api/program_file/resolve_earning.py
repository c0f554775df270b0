"""Earning rules, promotions, credits and choices as they are written → as the engine reckons with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from wallet_api.domain.definition import (
    Amount,
    Bands,
    ByField,
    BySize,
    ByStreak,
    Cap,
    Choice,
    Condition,
    Credit,
    DayRange,
    EarningRule,
    EventKind,
    Fee,
    Flat,
    Period,
    PerItem,
    PerQuantity,
    Promotion,
    Rate,
    RateByTier,
    Rounding,
    Span,
)

from .declaration_earning import (
    BandWritten,
    BySizeWritten,
    ChoiceWritten,
    CreditWritten,
    EarningWritten,
    FeeWritten,
    PromotionWritten,
)
from .faults import did_you_mean, shown
from .lookup import Lookup, first_place, values
from .parts import FieldValues, LinesWritten, WhenWritten
from .phrases import Amount as Units
from .phrases import Limit
from .shapes import At

NEVER_EARNS: Final = "gift-card"
NOT_KNOWN_LATER: Final = ("first_in_month", "first_ever", "segments")
"""What was so at a purchase and cannot be told from its record, as a return or a credit would have to."""
ITEM: Final = "item"
NO_UNIT: Final = ""
"""What a rule counts in that gives vouchers."""
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
    "by_size": (EventKind.ACTIVITY,),
    "per": (EventKind.SALE,),
    "each": (EventKind.SALE, EventKind.ACTIVITY),
    "every": (EventKind.ACTIVITY,),
    "rest": (EventKind.SALE,),
    "fee": (EventKind.ACTIVITY,),
    "tags": (EventKind.SALE,),
    "not_tags": (EventKind.SALE,),
    "categories": (EventKind.SALE,),
    "locations": (EventKind.SALE, EventKind.CHECK_IN),
    "partners": (EventKind.SALE, EventKind.CHECK_IN),
    "minimum": (EventKind.SALE,),
    "quantity_from": (EventKind.ACTIVITY,),
    "fields": (EventKind.ACTIVITY,),
    "first_in_month": (EventKind.SALE,),
    "first_ever": (EventKind.SALE,),
    "again_after": (EventKind.SALE, EventKind.CHECK_IN, EventKind.ACTIVITY),
    "beyond": (EventKind.CHECK_IN, EventKind.ACTIVITY),  # a sale is made, whatever it earns
}


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a rule gives: how many decimals it is counted in, and what a fault calls it."""

    of: str
    decimals: int


class EarningReader(Lookup):
    """Makes earning rules, promotions, credits and choices out of a file's parts."""

    def earning(self) -> list[EarningRule]:
        written = self.file.earning or ()
        self.same_limit((rule.shared, rule.at_most) for rule in written)
        self.rates_apart(written)
        return [rule for each in written if (rule := self.earning_rule(each)) is not None]

    def earning_rule(self, rule: EarningWritten) -> EarningRule | None:
        self.fits_its_event(rule.on.value if rule.on else None, rule, "this rule")
        self.fits_its_amount(rule)
        where = self.condition(rule)
        name = self.words(rule.name) if rule.name else None
        given = self.what_is_given(rule)
        amount = self.amount(rule, given)
        fee = self.fee(rule.fee, given) if rule.fee else None
        if given is None or amount is None or rule.on is None:
            return None
        return EarningRule(
            id=rule.id.value,
            on=rule.on.value,
            unit=NO_UNIT if rule.reward else given.of,
            amount=amount,
            where=where,
            cap=self.cap(rule, rule.at_most, given) if rule.at_most else None,
            name=name,
            kind=rule.kind.value if rule.kind else None,
            refuses=rule.beyond is not None,
            reward=rule.reward.value if rule.reward else None,
            rounding=rule.rounding.value if rule.rounding else Rounding.DOWN,
            cooldown_hours=rule.again_after.value if rule.again_after else 0,
            carries=rule.rest is not None and rule.rest.value,
            fee=fee,
        )

    def what_is_given(self, rule: EarningWritten) -> Counted | None:
        """The unit, or vouchers; None where there is no telling."""
        if rule.reward:
            if rule.unit:
                self.report.add(rule.unit.place, "`unit` and `reward` stand here", "keep one of the two")
            known = self.known(rule.reward, "reward")
            return Counted(of="a number of vouchers", decimals=0) if known else None
        unit = self.the_unit(rule.unit, of=rule.place, what=f"the rule {shown(rule.id.value)}")
        return Counted(of=unit, decimals=self.unit_decimals(unit)) if unit else None

    # ── What goes together ───────────────────────────────────────────────────────────────────────────────────────

    def fits_its_event(self, on: EventKind | None, rule: EarningWritten | PromotionWritten, what: str) -> None:
        if on is None:
            return
        for key, events in NEEDS.items():
            written = first_place(getattr(rule, key, None))
            if written and on not in events:
                needed = " or ".join(EVENTS[event] for event in events)
                right = " or ".join(f"`on: {event}`" for event in events)
                self.report.add(
                    written,
                    f"`{key}` needs {needed}, and {what} is on `{on}`",
                    f"leave out `{key}`, or write {right}",
                )
        if on is EventKind.ACTIVITY and rule.kind is None and not self.has_fault(rule.place, "kind"):
            self.report.add(
                rule.place, "which kind of activity does not stand here", "write it, such as `kind: workout`"
            )

    def fits_its_amount(self, rule: EarningWritten) -> None:
        is_plain = isinstance(rule.earn, At)
        if rule.on and rule.on.value is EventKind.SALE and rule.each and rule.each.value != ITEM:
            self.report.add(rule.each.place, f"a sale brings no {shown(rule.each.value)}", "write `each: item`")
        for key, part in (("per", rule.per), ("each", rule.each)):
            if part and first_place((rule.bands, rule.by_streak, rule.by, rule.by_size)):
                self.report.add(part.place, f"`{key}` goes with `earn`", f"leave out `{key}`")
        if rule.each and (rule.per or (rule.earn and not is_plain)):
            self.report.add(
                rule.each.place, "`each` goes with one number in `earn`, and without `per`", "keep one of the ways"
            )
        elif rule.earn and not is_plain and rule.per is None and not self.has_fault(rule.place, "per"):
            self.report.add(rule.place, "numbers by tier are rates, and `per` is missing", "write `per: 1.00`")
        self.goes_with(rule)
        self.rest_is_plain(rule)
        if rule.beyond and rule.at_most and rule.at_most.value.unit:
            self.report.add(
                rule.beyond.place, "only a limit of times can refuse", "count times in `at_most`: `1 per day`"
            )

    def goes_with(self, rule: EarningWritten) -> None:
        """Keys that say more about another one."""
        for key, part, needs, other, example in (
            ("shared", rule.shared, "at_most", rule.at_most, "at_most: 1 per day"),
            ("beyond", rule.beyond, "at_most", rule.at_most, "at_most: 1 per day"),
            ("every", rule.every, "each", rule.each, "each: quantity"),
            ("rest", rule.rest, "per", rule.per, "per: 1.00"),
            ("adds", rule.adds, "per", rule.per, "per: 1.00"),
        ):
            if part and other is None and not self.has_fault(rule.place, needs):
                what = "is about a limit" if needs == "at_most" else f"goes with `{needs}`"
                self.report.add(part.place, f"`{key}` {what}", f"write `{needs}` too, such as `{example}`")

    def rest_is_plain(self, rule: EarningWritten) -> None:
        """What is carried on belongs to all purchases together, so nothing about a single one may decide on it."""
        if rule.rest is None or not rule.rest.value:
            return
        for key in ("at_most", "again_after", "minimum", "reward", "rounding", *NOT_KNOWN_LATER):
            if place := first_place(getattr(rule, key)):
                self.report.add(place, f"`{key}` does not go with `rest: carried on`", "leave one of the two out")
        if rule.earn and not isinstance(rule.earn, At):
            self.report.add(
                rule.rest.place, "what is left at one tier's rate is not carried on to another's", "write one rate"
            )

    def rates_apart(self, written: Sequence[EarningWritten]) -> None:
        """Two rates for the same unit meet the same line only where the later one says that it adds to the other."""
        rates = [rule for rule in written if rule.per and rule.on and rule.on.value is EventKind.SALE]
        for place, later in enumerate(rates):
            met = [rule for rule in rates[:place] if self.same_given(rule, later) and _may_meet(rule, later)]
            if met and not later.adds and not self.has_fault(later.place, "adds"):
                self.report.add(
                    later.place,
                    f"a line may meet {shown(later.id.value)} and {shown(met[0].id.value)} of line"
                    f" {met[0].place.line}, and it is not said whether it earns by both",
                    "write `adds: yes` here if it does, else tell them apart by `tags` and `not_tags`, `tiers` or `days`",
                )
            if later.adds and not met:
                self.report.add(
                    later.adds.place,
                    "no rule with a rate before this one meets the same lines, so there is nothing to add to",
                    "leave `adds` out, or put this rule after the other one",
                )

    def same_given(self, rule: EarningWritten, other: EarningWritten) -> bool:
        """Whether two rules give the same unit, or vouchers for the same reward."""
        return _given(rule, self.units) == _given(other, self.units)

    # ── How much ─────────────────────────────────────────────────────────────────────────────────────────────────

    def amount(self, rule: EarningWritten, what: Counted | None) -> Amount | None:
        what = what or Counted(of="", decimals=4)  # its fault is noted elsewhere
        if rule.bands:
            return self.bands(rule.bands, what)
        if rule.by_streak:
            return ByStreak(steps=tuple(self.given(number, what) for number in rule.by_streak))
        if rule.by:
            table = {value.value: self.given(number, what) for value, number in rule.by.table or () if number}
            return ByField(field=rule.by.field.value, table=table) if rule.by.field else None
        if rule.by_size:
            return self.by_size(rule.by_size, what)
        per = self.per(rule.per) if rule.per else None
        if rule.earn is None:
            return None
        if not isinstance(rule.earn, At):
            self.all_known([tier for tier, _ in rule.earn], "tier")
            rates = {tier.value: self.rate(number, per or 1, what) for tier, number in rule.earn if number}
            return RateByTier(rates=rates)
        if per is not None:
            return self.rate(rule.earn, per, what)
        earn = self.given(rule.earn, what)
        return self.for_each(rule, rule.each, earn) if rule.each else Flat(earn=earn)

    def rate(self, number: At[Decimal], per: int, what: Counted) -> Rate:
        """A rate may have more decimals than the unit: 1.2 points for each 1.00 are 12 for each 10.00."""
        self.positive(number, what="what the rule gives")
        exact = Fraction(number.value.scaleb(what.decimals))
        return Rate(earn=exact.numerator, per=per * exact.denominator)

    def for_each(self, rule: EarningWritten, each: At[str], earn: int) -> Amount:
        if each.value == ITEM:
            return PerItem(earn=earn)
        if rule.every is None:
            return PerQuantity(earn=earn, field=each.value)
        self.positive(rule.every, what="`every`")
        return PerQuantity(
            earn=earn,
            field=each.value,
            every=max(1, self.exact(rule.every, decimals=0, of="a number of pieces")),
        )

    def bands(self, bands: tuple[BandWritten, ...], what: Counted) -> Bands:
        read: list[tuple[int | None, int]] = []
        for band in bands:
            most = self.minor_units(band.up_to) if band.up_to else None
            earn = self.exact(band.earn, decimals=what.decimals, of=what.of) if band.earn else 0
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

    def by_size(self, sizes: BySizeWritten, what: Counted) -> BySize:
        steps: list[tuple[Fraction, int]] = []
        for step in sizes.steps or ():
            if step.from_ is None or step.earn is None:
                continue
            start = Fraction(step.from_.value)
            if steps and start <= steps[-1][0]:
                self.report.add(step.from_.place, f"{step.from_.value} is not above the step before", "the steps rise")
            steps.append((start, self.given(step.earn, what)))
        return BySize(steps=tuple(steps), field=sizes.field.value if sizes.field else "quantity")

    def given(self, number: At[Decimal], what: Counted) -> int:
        self.positive(number, what="what the rule gives")
        return self.exact(number, decimals=what.decimals, of=what.of)

    def per(self, per: At[Decimal]) -> int:
        self.positive(per, what="`per`")
        return max(1, self.minor_units(per))

    def fee(self, fee: FeeWritten, what: Counted | None) -> Fee | None:
        if fee.units is None or fee.fields is None or what is None:
            return None
        self.positive(fee.units, what="what is kept back")
        units = self.exact(fee.units, decimals=what.decimals, of=what.of)
        return Fee(units=units, fields=_fields(fee.fields))

    def cap(self, rule: EarningWritten, limit: At[Limit], what: Counted) -> Cap | None:
        name = rule.shared.value if rule.shared else None
        per = limit.value.per
        self.positive(At(value=limit.value.number, place=limit.place), what="the limit")
        if per is Period.WINDOW and not rule.days and not self.has_fault(rule.place, "days"):
            self.report.add(limit.place, "a window is one of the rule's `days`, and it has none", "write `days` too")
        if limit.value.unit is None:
            if per is Period.TRANSACTION:
                self.report.add(
                    limit.place, "a rule gives only once for one event", "count units: `100 points per transaction`"
                )
            return Cap(per=per, times=int(limit.value.number), name=name)
        if rule.reward:
            self.report.add(limit.place, "this rule gives vouchers, not units", "count times: `1 per day`")
            return None
        if not self.known(At(value=limit.value.unit, place=limit.place), "unit"):
            return None
        if limit.value.unit != what.of:
            self.report.add(
                limit.place,
                f"the limit counts {limit.value.unit}, and the rule gives {what.of}",
                f"count {what.of} here",
            )
        number = At(value=limit.value.number, place=limit.place)
        return Cap(per=per, units=self.steps(number, unit=limit.value.unit), name=name)

    # ── When ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def condition(self, rule: EarningWritten) -> Condition:
        if rule.quantity_from:
            self.positive(rule.quantity_from, what="`quantity_from`")
        return replace(
            self.with_lines(rule),
            minimum=self.minor_units(rule.minimum) if rule.minimum else 0,
            quantity_from=Fraction(rule.quantity_from.value) if rule.quantity_from else None,
            fields=_fields(rule.fields),
            days=self.days(rule.days),
        )

    def with_lines(self, written: LinesWritten) -> Condition:
        """For whom and when, and which lines count."""
        not_tags = values(written.not_tags)
        for tag in written.tags or ():
            if tag.value in not_tags and tag.value != NEVER_EARNS:
                self.report.add(
                    tag.place, f"{shown(tag.value)} stands in `tags` and in `not_tags`", "keep one of the two"
                )
        return replace(
            self.when(written),
            tags=self.earning_tags(written.tags),
            not_tags=not_tags,
            categories=values(written.categories),
        )

    def when(self, written: WhenWritten) -> Condition:
        """For whom, where and when."""
        return Condition(
            tiers=self.all_known(written.tiers, "tier"),
            locations=values(written.locations),
            birthday_month=written.birthday_month is not None,
            first_in_month=written.first_in_month is not None,
            first_ever=written.first_ever is not None,
            weekdays=frozenset(day.value for day in written.weekdays or ()),
            partners=self.all_known(written.partners, "partner"),
            memberships=self.known_memberships(written.memberships),
            segments=self.all_known(written.segments, "segment"),
        )

    def earning_tags(self, tags: tuple[At[str], ...] | None) -> frozenset[str]:
        for tag in tags or ():
            if tag.value == NEVER_EARNS:
                self.report.add(tag.place, f"lines tagged `{NEVER_EARNS}` never earn", "choose other tags")
        return values(tags)

    def days(self, days: tuple[At[DayRange], ...] | None) -> tuple[DayRange, ...] | None:
        return None if days is None else tuple(self.in_order(range_) for range_ in days)

    def in_order(self, days: At[DayRange]) -> DayRange:
        """Days whose first is not after the last."""
        if days.value.last < days.value.first:
            self.report.add(
                days.place,
                f"{days.value.last} is before {days.value.first}",
                "write the first day, then the last",
            )
        return days.value

    # ── Promotions ───────────────────────────────────────────────────────────────────────────────────────────────

    def promotions(self) -> list[Promotion]:
        return [promotion for each in self.file.promotions or () if (promotion := self.promotion(each)) is not None]

    def promotion(self, promotion: PromotionWritten) -> Promotion | None:
        name = self.words(promotion.name) if promotion.name else None
        unit = self.the_unit(promotion.unit, of=promotion.place, what=f"the promotion {shown(promotion.id.value)}")
        on = promotion.on.value if promotion.on else EventKind.SALE
        if not self.has_fault(promotion.place, "on"):
            self.fits_its_event(on, promotion, "this promotion")
        where = replace(self.when(promotion), tags=self.earning_tags(promotion.tags), days=self.days(promotion.days))
        if unit:
            self.is_multiplied(promotion, on, unit)
        if promotion.multiply and promotion.multiply.value <= 1:
            self.report.add(
                promotion.multiply.place,
                f"times {promotion.multiply.value} gives nothing more",
                "write a number above 1, such as `multiply: 2`",
            )
        if promotion.extra:
            self.positive(promotion.extra, what="`extra`")
        factor = promotion.multiply or promotion.extra
        if unit is None or factor is None:
            return None
        return Promotion(
            id=promotion.id.value,
            unit=unit,
            multiply=Fraction(factor.value),
            where=where,
            name=name,
            is_extra=promotion.extra is not None,
            on=on,
            kind=promotion.kind.value if promotion.kind else None,
        )

    def is_multiplied(self, promotion: PromotionWritten, on: EventKind, unit: str) -> None:
        """A promotion multiplies what rules give; without such a rule it would never do a thing."""
        if not self.all_units_read or any(fault.path.startswith("earning") for fault in self.report.faults):
            return
        kind = promotion.kind.value if promotion.kind else None
        rules = [
            rule
            for rule in self.file.earning or ()
            if (rule.per and on is EventKind.SALE)
            or (on is EventKind.ACTIVITY and rule.kind and rule.kind.value == kind)
        ]
        if any(_given(rule, self.units) == unit for rule in rules):
            return
        at = promotion.unit.place if promotion.unit else promotion.place
        if on is EventKind.ACTIVITY:
            self.report.add(
                at,
                f"no rule gives {unit} for this activity, so nothing is multiplied",
                "add a rule on `activity` of this kind, or multiply another unit",
            )
        else:
            self.report.add(
                at,
                f"no rule gives {unit} at a rate, so nothing is multiplied",
                "add a rule on `sale` with `per`, or multiply another unit",
            )

    # ── Credits ──────────────────────────────────────────────────────────────────────────────────────────────────

    def credits(self) -> list[Credit]:
        return [credit for each in self.file.credits or () if (credit := self.credit(each)) is not None]

    def credit(self, credit: CreditWritten) -> Credit | None:
        name = self.words(credit.name) if credit.name else None
        unit = self.the_unit(credit.unit, of=credit.place, what=f"the credit {shown(credit.id.value)}")
        where = self.with_lines(credit)
        for key in NOT_KNOWN_LATER:
            if place := first_place(getattr(credit, key)):
                self.report.add(place, f"when the period is credited, nobody knows `{key}` any more", "leave it out")
        if credit.join_year and not credit.minimum and not self.has_fault(credit.place, "minimum"):
            self.report.add(credit.join_year.place, "`join_year` is about a minimum", "write `minimum` too")
        if credit.join_year and credit.days:
            self.report.add(credit.join_year.place, "these days are no year of joining", "leave `join_year` out")
        days = self.in_order(credit.days) if credit.days else None
        per = self.per(credit.per) if credit.per else None
        minimum = self.minor_units(credit.minimum) if credit.minimum else 0
        most = self.most(credit.at_most, unit) if credit.at_most and unit else None
        if unit is None or per is None or credit.earn is None or credit.credited is None:
            return None
        when = credit.credited.value
        return Credit(
            id=credit.id.value,
            unit=unit,
            rate=self.rate(credit.earn, per, Counted(of=unit, decimals=self.unit_decimals(unit))),
            where=where,
            days=days,
            after=when if isinstance(when, Span) else Span(),
            on=None if isinstance(when, Span) else when,
            minimum=minimum,
            join_year_is_exempt=credit.join_year is not None,
            most=most,
            rounding=credit.rounding.value if credit.rounding else Rounding.DOWN,
            counts_units=credit.counts_units is not None,
            name=name,
        )

    def most(self, at_most: At[Units], unit: str) -> int:
        """The most that a period gives."""
        if at_most.value.unit != unit:
            self.report.add(
                at_most.place,
                f"the limit counts {at_most.value.unit}, and the credit gives {unit}",
                f"count {unit} here",
            )
            return 0
        return self.units_of(at_most).amount

    # ── Choices ──────────────────────────────────────────────────────────────────────────────────────────────────

    def choices(self) -> list[Choice]:
        first: dict[str, int] = {}
        for choice in self.file.choices or ():
            if line := first.get(choice.kind.value):
                self.report.add(
                    choice.kind.place,
                    f"{shown(choice.kind.value)} has a choice already in line {line}",
                    "an activity has one field that is a choice",
                )
            first.setdefault(choice.kind.value, choice.kind.place.line)
        return [read for choice in self.file.choices or () if (read := self.choice(choice)) is not None]

    def choice(self, choice: ChoiceWritten) -> Choice | None:
        if choice.options is None:
            return None
        self.once(choice.options, what="option")
        options = [option.value for option in choice.options]
        chosen = [
            value
            for rule in self.file.earning or ()
            if rule.kind and rule.kind.value == choice.kind.value
            for name, value in rule.fields or ()
            if name.value == choice.field.value and value
        ]
        known = {value.value for value in chosen}
        is_whole = not any(fault.path.startswith("earning") for fault in self.report.faults)
        for option in choice.options:
            if option.value not in known and is_whole:
                self.report.add(
                    option.place,
                    f"no rule on `{choice.kind.value}` looks for {shown(option.value)}",
                    f"write a rule with `fields: {{{choice.field.value}: {option.value}}}`, or leave it out",
                )
        for value in chosen:
            if value.value not in options:
                near = did_you_mean(value.value, options, what="options")
                self.report.add(value.place, f"{shown(value.value)} is not one of the options", near)
        return Choice(
            kind=choice.kind.value,
            field=choice.field.value,
            options=tuple(options),
            per=choice.per.value if choice.per else Period.DAY,
        )


def _fields(written: FieldValues | None) -> dict[str, str]:
    return {name.value: value.value for name, value in written or () if value}


def _given(rule: EarningWritten, units: Iterable[str]) -> str:
    """What a rule gives: a unit, or vouchers for a reward."""
    if rule.reward:
        return f"reward {rule.reward.value}"
    return rule.unit.value if rule.unit else next(iter(units), "")


def _may_meet(rule: EarningWritten, other: EarningWritten) -> bool:
    """Whether a line of a sale may meet both, as far as their conditions tell."""
    if _tiers(rule) is not None and _tiers(other) is not None and not _common(_tiers(rule), _tiers(other)):
        return False
    if bool(rule.partners) != bool(other.partners):
        return False  # where partners are not named, a rule holds at one's own locations only
    for key in ("locations", "partners", "weekdays", "memberships", "categories", "tags"):
        mine, theirs = getattr(rule, key), getattr(other, key)
        if mine and theirs and not _common(_set(mine), _set(theirs)):
            return False
    if rule.days and other.days and not _common_days(rule.days, other.days):
        return False
    return not _left_out(rule, other) and not _left_out(other, rule)


def _left_out(rule: EarningWritten, other: EarningWritten) -> bool:
    """Whether all that one rule asks for is what the other leaves out."""
    return bool(rule.tags) and values(rule.tags) <= values(other.not_tags)


def _tiers(rule: EarningWritten) -> frozenset[str] | None:
    """The tiers that a rule gives something to; None: all."""
    named = None if rule.earn is None or isinstance(rule.earn, At) else frozenset(tier.value for tier, _ in rule.earn)
    if rule.tiers is None:
        return named
    return values(rule.tiers) if named is None else values(rule.tiers) & named


def _set(written: Iterable[At[object]]) -> frozenset[object]:
    return frozenset(each.value for each in written)


def _common(some: Iterable[object] | None, others: Iterable[object] | None) -> bool:
    return not frozenset(some or ()).isdisjoint(others or ())


def _common_days(some: Iterable[At[DayRange]], others: Sequence[At[DayRange]]) -> bool:
    return any(a.value.first <= b.value.last and b.value.first <= a.value.last for a in some for b in others)
