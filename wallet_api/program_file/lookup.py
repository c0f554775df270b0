"""What all parts of a definition file refer to: languages, units, tiers, rewards, exact amounts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, TypeVar

from babel.numbers import get_currency_precision

from wallet_api.domain.definition import Audience, Localised, PercentOff, Price

from .declaration import ProgramWritten
from .faults import Place, Report, did_you_mean, shown
from .parts import AudienceWritten, Measure, Share, Words
from .phrases import Amount
from .shapes import MOST_DECIMALS, At, Written

T = TypeVar("T")

# A fault at one of these places hides a name, so that it cannot be said which names are unknown.
NAMES: Final = {
    "unit": re.compile(r"units(\.[^.]+)?"),
    "tier": re.compile(r"tiers(\.levels(\[\d+\](\.id)?)?)?"),
    "reward": re.compile(r"rewards(\[\d+\](\.id)?)?"),
    "partner": re.compile(r"partners(\.[^.]+)?"),
    "segment": re.compile(r"segments(\.[^.]+)?"),
    "cause": re.compile(r"causes(\.[^.]+)?"),
    "plan": re.compile(r"membership(\.plans(\.[^.]+)?)?"),
}
SPEND: Final = "spend"
COUNTED: Final = ("orders", "visits")
OF_PLANS: Final = ("trial", "paid", "grace", "ended")
OF_PROOF: Final = ("pending", "verified", "lapsed")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A measure as the engine calls it, and how its numbers are kept: the decimals, and of what."""

    name: str
    of: str
    decimals: int


class Lookup:
    """Looks up names in one file. What has a fault of its own is taken as known, so that no fault brings another."""

    def __init__(self, file: ProgramWritten, report: Report) -> None:
        self.file = file
        self.report = report
        self.languages = tuple(language.value for language in file.languages or ())
        self.money_decimals = get_currency_precision(file.currency.value) if file.currency else MOST_DECIMALS
        self.units = {unit_id.value: unit for unit_id, unit in file.units or ()}
        self.names: dict[str, tuple[str, ...]] = {
            "unit": tuple(self.units),
            "tier": tuple(level.id.value for level in (file.tiers.levels or () if file.tiers else ())),
            "reward": tuple(reward.id.value for reward in file.rewards or ()),
            "partner": tuple(partner.value for partner, _ in file.partners or ()),
            "segment": tuple(segment.value for segment, _ in file.segments or ()),
            "cause": tuple(cause.value for cause, _ in file.causes or ()),
            "plan": tuple(plan.value for plan, _ in (file.membership.plans or () if file.membership else ())),
        }
        paths = [fault.path for fault in report.faults]
        self.hidden = {what for what, hides in NAMES.items() if any(hides.fullmatch(path) for path in paths)}

    @property
    def all_units_read(self) -> bool:
        """Whether all units are known by name."""
        return "unit" not in self.hidden

    def has_fault(self, part: Place, key: str) -> bool:
        """Whether a fault of this key, which is then read as left out, is in the report already."""
        path = f"{part.path}.{key}"
        return any(re.match(rf"{re.escape(path)}(?![\w-])", fault.path) for fault in self.report.faults)

    def has_faults(self, part: Place, *keys: str) -> bool:
        """Whether one of these keys has a fault."""
        return any(self.has_fault(part, key) for key in keys)

    # ── Texts ────────────────────────────────────────────────────────────────────────────────────────────────────

    def words(self, words: Words) -> Localised:
        if isinstance(words, At):
            return self.plain(words.value)
        self.known_languages(language for language, _ in words)
        return self.localised({language.value: text.value for language, text in words if text is not None})

    def plain(self, text: str) -> Localised:
        """A text without a language is in the first one."""
        return Localised(by_language={self.languages[0] if self.languages else "": text})

    def localised(self, by_language: Mapping[str, str]) -> Localised:
        """In the program's own order, so that the first language is the one to fall back to."""
        known = {language: by_language[language] for language in self.languages if language in by_language}
        return Localised(by_language=known) if known else self.plain("")  # all of them have faults

    def words_or_id(self, words: Words | None, of: str) -> Localised:
        return self.words(words) if words else self.plain(of.replace("-", " ").replace("_", " ").capitalize())

    def known_languages(self, languages: Iterable[At[str]]) -> None:
        for language in languages:
            if self.languages and language.value not in self.languages:
                self.report.add(
                    language.place,
                    f"{shown(language.value)} is not one of the program's languages",
                    did_you_mean(language.value, self.languages, what="languages") + " Else add it to `languages`",
                )

    # ── Amounts ──────────────────────────────────────────────────────────────────────────────────────────────────

    def minor_units(self, money: At[Decimal]) -> int:
        return self.exact(
            money, decimals=self.money_decimals, of=self.file.currency.value if self.file.currency else ""
        )

    def steps(self, number: At[Decimal], *, unit: str) -> int:
        return self.exact(number, decimals=self.unit_decimals(unit), of=unit)

    def exact(self, number: At[Decimal], *, decimals: int, of: str) -> int:
        smallest = number.value.scaleb(decimals)
        if smallest % 1:
            keeps = f"at most {decimals} decimals" if decimals else "no decimals"
            more = f"; set `units.{of}.decimals` to keep more" if of in self.units else ""
            self.report.add(number.place, f"{number.value} has too many decimals", f"{of} has {keeps}{more}")
        return int(smallest)

    def unit_decimals(self, unit_id: str) -> int:
        unit = self.units.get(unit_id)
        if unit is None:
            return MOST_DECIMALS  # its fault is noted elsewhere
        return unit.decimals.value if unit.decimals else 0

    def positive(self, number: At[Decimal], *, what: str) -> None:
        if not number.value:
            self.report.add(number.place, f"{what} is 0", "write a number above 0, or leave this part out")

    def share(self, share: Share) -> PercentOff:
        """A share, or one for each tier."""
        if isinstance(share, At):
            self.is_share(share)
            return PercentOff(share=share.value)
        self.all_known([tier for tier, _ in share], "tier")
        is_for_nobody = not any(each and each.value for _, each in share)
        for _, each in share:
            if each and (each.value or is_for_nobody):  # nothing off in one tier of several is worth saying
                self.is_share(each)
        return PercentOff(by_tier={tier.value: each.value for tier, each in share if each})

    def is_share(self, share: At[Fraction]) -> None:
        if not 0 < share.value <= 1:
            self.report.add(share.place, f"{float(share.value * 100):g} % cannot be taken off", "above 0 % to 100 %")

    # ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────

    def known(self, name: At[str], what: str) -> bool:
        """Whether there is such a unit, tier, reward and so on; else a fault is noted."""
        if name.value in self.names[what] or what in self.hidden:
            return True
        near = did_you_mean(name.value, self.names[what], what=f"{what}s")
        self.report.add(name.place, f"there is no {what} {shown(name.value)}", near)
        return False

    def all_known(self, names: Iterable[At[str]] | None, what: str) -> frozenset[str]:
        """All of the names, each of which is looked up."""
        each = list(names or ())
        for name in each:
            self.known(name, what)
        return values(each)

    def once(self, ids: Iterable[At[str]], *, what: str) -> None:
        first: dict[str, Place] = {}
        for at in ids:
            if at.value in first:
                self.report.add(
                    at.place,
                    f"a {what} {shown(at.value)} stands already in line {first[at.value].line}",
                    "each of them stands once",
                )
            first.setdefault(at.value, at.place)

    def the_unit(self, unit: At[str] | None, *, of: Place, what: str) -> str | None:
        """The unit that is named, or the only one there is; None where there is no telling."""
        if unit:
            return unit.value if self.known(unit, "unit") else None
        if len(self.units) == 1 and self.all_units_read:
            return next(iter(self.units))
        if self.all_units_read and not self.has_fault(of, "unit"):
            self.report.add(of, f"{what} does not say which unit it gives", did_you_mean("", self.units, what="units"))
        return None

    def same_limit(self, names: Iterable[tuple[At[str] | None, At[T] | None]]) -> None:
        """Those that share a limit by name say the same one."""
        first: dict[str, At[T]] = {}
        for name, limit in names:
            if name and limit and limit.value != first.setdefault(name.value, limit).value:
                line = first[name.value].place.line
                self.report.add(
                    limit.place,
                    f"the limit {shown(name.value)} is another one in line {line}",
                    "those that share a limit say the same",
                )

    def units_of(self, amount: At[Amount]) -> Price:
        number = At(value=amount.value.number, place=amount.place)
        self.known(At(value=amount.value.unit, place=amount.place), "unit")
        self.positive(number, what="the number of units")
        return Price(unit=amount.value.unit, amount=self.steps(number, unit=amount.value.unit))

    def is_counter(self, unit_id: str) -> bool:
        unit = self.units.get(unit_id)
        return unit is not None and unit.counter is not None

    def spendable(self, amount: At[Amount], *, what: str) -> Price:
        """An amount of a unit that is to be spent: a counter cannot be."""
        if self.is_counter(amount.value.unit):
            self.report.add(
                amount.place,
                f"{amount.value.unit} is a counter, and {what} is paid with units",
                "name a unit that can be spent, or leave `counter` out there",
            )
        return self.units_of(amount)

    # ── Measures ─────────────────────────────────────────────────────────────────────────────────────────────────

    def measured(self, measure: Measure | None) -> Measured | None:
        """What is counted; None, with a fault noted, where there is no such thing."""
        if measure is None:
            return None
        if isinstance(measure, At):
            return self.measured_by_word(measure)
        if measure.activity:
            return Measured(name=f"activity:{measure.activity.value}", of="a number of times", decimals=0)
        if measure.usable is None or not self.known(measure.usable, "unit"):
            return None
        unit = measure.usable.value
        return Measured(name=f"usable:{unit}", of=unit, decimals=self.unit_decimals(unit))

    def measured_by_word(self, measure: At[str]) -> Measured | None:
        word = measure.value
        if word == SPEND:
            currency = self.file.currency.value if self.file.currency else ""
            return Measured(name=SPEND, of=currency, decimals=self.money_decimals)
        if word in COUNTED:
            return Measured(name=word, of=f"a number of {word}", decimals=0)
        if word not in self.units and self.all_units_read:
            near = did_you_mean(word, [SPEND, *COUNTED, *self.units], what="measures")
            self.report.add(measure.place, f"{shown(word)} is neither `spend`, `orders`, `visits` nor a unit", near)
            return None
        return Measured(name=f"earned:{word}", of=word, decimals=self.unit_decimals(word))

    def of_measure(self, number: At[Decimal], measured: Measured) -> int:
        """A number of what is measured, in its smallest steps."""
        return self.exact(number, decimals=measured.decimals, of=measured.of)

    # ── Who ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def known_memberships(self, states: Sequence[At[str]] | None) -> frozenset[str]:
        """The states, each of which somebody can be in."""
        membership = self.file.membership
        for state in states or ():
            if "plan" in self.hidden:
                continue
            needs = None
            if state.value in OF_PLANS and not (membership and membership.plans):
                needs = ("plans", "membership.plans")
            elif state.value == "trial" and membership and not membership.trial:
                needs = ("trial", "membership.trial")
            elif state.value in OF_PROOF and not (membership and membership.verified):
                needs = ("membership by proof", "membership.verified")
            if needs:
                self.report.add(
                    state.place,
                    f"nobody is ever {shown(state.value)}, because there is no {needs[0]}",
                    f"add `{needs[1]}`, or name another state",
                )
        return values(states)

    def audience(self, who: AudienceWritten) -> Audience:
        """Who has a benefit."""
        if who.guests:
            for key, part in (("members", who.members), ("tiers", who.tiers), ("memberships", who.memberships)):
                if part:
                    self.report.add(
                        first_place(part) or who.place,
                        f"`guests` have no `{key}`",
                        "write one entry for each of the two",
                    )
        guests = True if who.guests else False if who.members else None
        return Audience(
            guests=guests,
            tiers=self.all_known(who.tiers, "tier"),
            memberships=self.known_memberships(who.memberships),
        )


def values(ids: Collection[At[str]] | None) -> frozenset[str]:
    """The bare ids."""
    return frozenset(each.value for each in ids or ())


def first_place(part: object) -> Place | None:
    """Where a part that is written stands, or its first; None where it is left out."""
    match part:
        case At(place=place) | Written(place=place):
            return place
        case tuple():
            return next((first for each in part if (first := first_place(each))), None)
        case _:
            return None
