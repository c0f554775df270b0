"""What all parts of a definition file refer to: languages, units, tiers, rewards, exact amounts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeVar

from babel.numbers import get_currency_precision

from wallet_api.domain.definition import Localised, Price

from .declaration import ProgramWritten, Words
from .faults import Place, Report, did_you_mean, shown
from .shapes import MOST_DECIMALS, Amount, At

T = TypeVar("T")

# A fault at one of these places hides a name, so that it cannot be said which names are unknown.
UNIT_NAMES: Final = re.compile(r"units(\.[^.]+)?")
TIER_NAMES: Final = re.compile(r"tiers(\.levels(\[\d+\](\.id)?)?)?")
REWARD_NAMES: Final = re.compile(r"rewards(\[\d+\](\.id)?)?")


class Lookup:
    """Looks up names in one file. What has a fault of its own is taken as known, so that no fault brings another."""

    def __init__(self, file: ProgramWritten, report: Report) -> None:
        self.file = file
        self.report = report
        self.languages = tuple(language.value for language in file.languages or ())
        self.money_decimals = get_currency_precision(file.currency.value) if file.currency else MOST_DECIMALS
        self.units = {unit_id.value: unit for unit_id, unit in file.units or ()}
        paths = [fault.path for fault in report.faults]
        self.all_units_read = not any(UNIT_NAMES.fullmatch(path) for path in paths)
        self.all_tiers_read = not any(TIER_NAMES.fullmatch(path) for path in paths)
        self.tiers = tuple(level.id.value for level in (file.tiers.levels or () if file.tiers else ()))
        self.rewards = tuple(reward.id.value for reward in file.rewards or ())
        self.all_rewards_read = not any(REWARD_NAMES.fullmatch(path) for path in paths)

    def has_fault(self, part: Place, key: str) -> bool:
        """Whether a fault of this key, which is then read as left out, is in the report already."""
        path = f"{part.path}.{key}"
        return any(re.match(rf"{re.escape(path)}(?![\w-])", fault.path) for fault in self.report.faults)

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
        return Localised(
            by_language={language: by_language[language] for language in self.languages if language in by_language}
        )

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

    # ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────

    def known_unit(self, unit: str, place: Place) -> bool:
        if unit in self.units or not self.all_units_read:
            return True
        self.report.add(place, f"there is no unit {shown(unit)}", did_you_mean(unit, self.units, what="units"))
        return False

    def known_tiers(self, tiers: Sequence[At[str]] | None) -> frozenset[str]:
        for tier in tiers or ():
            if tier.value not in self.tiers and self.all_tiers_read:
                self.report.add(
                    tier.place,
                    f"there is no tier {shown(tier.value)}",
                    did_you_mean(tier.value, self.tiers, what="tiers"),
                )
        return values(tiers)

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

    def known_reward(self, reward: At[str]) -> None:
        if reward.value not in self.rewards and self.all_rewards_read:
            near = did_you_mean(reward.value, self.rewards, what="rewards")
            self.report.add(reward.place, f"there is no reward {shown(reward.value)}", near)

    def the_unit(self, unit: At[str] | None, *, of: Place, what: str) -> str | None:
        """The unit that is named, or the only one there is; None where there is no telling."""
        if unit:
            return unit.value if self.known_unit(unit.value, unit.place) else None
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
        self.known_unit(amount.value.unit, amount.place)
        self.positive(number, what="the number of units")
        return Price(unit=amount.value.unit, amount=self.steps(number, unit=amount.value.unit))


def values(ids: Collection[At[str]] | None) -> frozenset[str]:
    return frozenset(each.value for each in ids or ())
