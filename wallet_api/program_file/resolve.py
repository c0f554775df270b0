"""What was written → the program's definition: names are looked up, amounts made exact, contradictions refused."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_precision

from wallet_api.domain.definition import (
    Brand,
    Cap,
    Colours,
    Condition,
    Definition,
    EarningRule,
    EventKind,
    Expiry,
    ExpiryAnchor,
    Flat,
    FreeItem,
    Localised,
    MessageText,
    MoneyOff,
    Price,
    Rate,
    Reward,
    TierLevel,
    TierScheme,
    Unit,
)

from .contrast import contrast
from .declaration import (
    Body,
    BrandWritten,
    ColoursWritten,
    EarningWritten,
    ExpiryWritten,
    GiftWritten,
    GivesWritten,
    LevelWritten,
    Message,
    OneAndOther,
    ProgramWritten,
    RewardWritten,
    TiersWritten,
    UnitWord,
    UnitWritten,
    Words,
)
from .faults import DefinitionFaults, Place, Report, did_you_mean, shown
from .shapes import MOST_DECIMALS, Amount, At, Limit

Files: TypeAlias = Callable[[str], bytes]
CheckTemplate: TypeAlias = Callable[[str, str], Sequence[str]]

SPEND: Final = "spend"
WELCOME: Final = "welcome"
NEVER_EARNS: Final = "gift-card"
LEAST_CONTRAST: Final = 3.0  # WCAG 2.2, 1.4.3 and 1.4.11: large text and graphics
MOST_LOGO_BYTES: Final = 512 * 1024
PNG: Final = b"\x89PNG\r\n\x1a\n"
DATA_PNG: Final = "data:image/png;base64,"
# A fault at one of these places hides a name, so that it cannot be said which names are unknown.
UNIT_NAMES: Final = re.compile(r"units(\.[^.]+)?")
TIER_NAMES: Final = re.compile(r"tiers(\.levels(\[\d+\](\.id)?)?)?")


def resolve(
    file: ProgramWritten, report: Report, *, files: Files | None = None, check_template: CheckTemplate | None = None
) -> Definition:
    """The definition that the file stands for; raises DefinitionFaults with all that the report holds by then."""
    return _Resolver(file, report, files=files, check_template=check_template).definition()


class _Resolver:
    """Looks up names in one file. What has a fault of its own is taken as known, so that no fault brings another."""

    def __init__(
        self, file: ProgramWritten, report: Report, *, files: Files | None, check_template: CheckTemplate | None
    ) -> None:
        self.file = file
        self.report = report
        self.files = files
        self.check_template = check_template
        self.languages = tuple(language.value for language in file.languages or ())
        self.money_decimals = get_currency_precision(file.currency.value) if file.currency else MOST_DECIMALS
        self.units = {unit_id.value: unit for unit_id, unit in file.units or ()}
        paths = [fault.path for fault in report.faults]
        self.all_units_read = not any(UNIT_NAMES.fullmatch(path) for path in paths)
        self.all_tiers_read = not any(TIER_NAMES.fullmatch(path) for path in paths)
        self.tiers = tuple(level.id.value for level in (file.tiers.levels or () if file.tiers else ()))

    def definition(self) -> Definition:
        file = self.file
        self.once((language for language in file.languages or ()), what="language")
        name = self.words(file.name) if file.name else None
        brand = self.brand(file.brand, name)
        units = [self.unit(unit_id, unit) for unit_id, unit in file.units or () if unit is not None]
        earning = self.earning()
        tiers = self.tier_scheme(file.tiers) if file.tiers else None
        self.once((reward.id for reward in file.rewards or ()), what="reward")
        rewards = [reward for written in file.rewards or () if (reward := self.reward(written)) is not None]
        messages = self.messages()
        # A None here has its fault in the report; naming them again lets the type checker see it.
        if self.report.faults or not (name and file.program and file.currency and file.time_zone):
            raise DefinitionFaults(self.report.faults)
        return Definition(
            program=file.program.value,
            name=name,
            currency=file.currency.value,
            currency_decimals=self.money_decimals,
            time_zone=ZoneInfo(file.time_zone.value),
            languages=self.languages,
            brand=brand,
            units={unit.id: unit for unit in units},
            earning=tuple(earning),
            tiers=tiers,
            rewards={reward.id: reward for reward in rewards},
            messages=messages,
            terms_version=file.terms_version.value if file.terms_version else "1",
        )

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

    # ── Brand ────────────────────────────────────────────────────────────────────────────────────────────────────

    def brand(self, brand: BrandWritten | None, program_name: Localised | None) -> Brand:
        name = program_name.text(self.languages[0]) if program_name and self.languages else ""
        if brand is None:
            return Brand(name=name)
        return Brand(
            name=brand.name.value if brand.name else name,
            colours=self.colours(brand.colours) if brand.colours else Colours(),
            logo=self.logo(brand.logo) if brand.logo else None,
        )

    def colours(self, written: ColoursWritten) -> Colours:
        background = written.background.value if written.background else Colours.background
        text = written.text.value if written.text else Colours.text
        label = written.label.value if written.label else text
        for name, colour, own in (("text", text, written.text), ("label", label, written.label)):
            blamed = own or (written.background if name == "text" else None)
            ratio = contrast(background, colour)
            if blamed and ratio < LEAST_CONTRAST:
                self.report.add(
                    blamed.place,
                    f"the {name} {colour} can hardly be read on {background}, their contrast is {ratio:.1f}",
                    f"choose colours with a contrast of at least {LEAST_CONTRAST:g}",
                )
        return Colours(background=background.lower(), text=text.lower(), label=label.lower())

    def logo(self, written: At[str]) -> bytes | None:
        data = self.inline_logo(written) if written.value.startswith("data:") else self.logo_file(written)
        if data is None:
            return None
        if not data.startswith(PNG):
            self.report.add(written.place, "the logo is not a PNG image", "save it as PNG")
        if len(data) > MOST_LOGO_BYTES:
            self.report.add(written.place, f"the logo has {len(data)} bytes", f"at most {MOST_LOGO_BYTES} are taken")
        return data

    def inline_logo(self, written: At[str]) -> bytes | None:
        try:
            if written.value.startswith(DATA_PNG):
                return base64.b64decode("".join(written.value.removeprefix(DATA_PNG).split()), validate=True)
        except (binascii.Error, ValueError):
            pass
        self.report.add(written.place, "this logo cannot be read", f"here belongs `{DATA_PNG}` and the image in base64")
        return None

    def logo_file(self, written: At[str]) -> bytes | None:
        path = PurePosixPath(written.value)
        if path.is_absolute() or ".." in path.parts or "\\" in written.value or ":" in written.value:
            self.report.add(
                written.place, f"{shown(written.value)} leads out of this folder", "name a file beside this one"
            )
            return None
        if self.files is None:
            self.report.add(written.place, "no files come with this text", f"write the logo as `{DATA_PNG}…`")
            return None
        try:
            return self.files(written.value)
        except (OSError, LookupError, ValueError):
            self.report.add(
                written.place, f"there is no file {shown(written.value)}", "name a PNG file beside this one"
            )
            return None

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
        return _values(tiers)

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

    # ── Units and earning ────────────────────────────────────────────────────────────────────────────────────────

    def unit(self, unit_id: At[str], unit: UnitWritten) -> Unit:
        if unit_id.value == SPEND:
            self.report.add(unit_id.place, "a unit cannot be called `spend`", "that word means money spent, in `tiers`")
        name, one = self.unit_name(unit_id.value, unit)
        return Unit(
            id=unit_id.value,
            name=name,
            one=one,
            decimals=self.unit_decimals(unit_id.value),
            expires=self.expiry(unit.expires) if unit.expires else None,
        )

    def unit_name(self, unit_id: str, unit: UnitWritten) -> tuple[Localised, Localised]:
        """The words for many and for one."""
        if unit.name is None or isinstance(unit.name, At):
            name = self.plain(unit.name.value if unit.name else unit_id.replace("-", " ").replace("_", " "))
            return name, name
        self.known_languages(language for language, _ in unit.name)
        words = [(language.value, word) for language, word in unit.name if word is not None]
        return (
            self.localised({language: _many(word) for language, word in words}),
            self.localised({language: _one(word) for language, word in words}),
        )

    def expiry(self, written: ExpiryWritten) -> Expiry | None:
        if written.after:
            return Expiry(after=written.after.value)
        if written.after_inactivity:
            return Expiry(after=written.after_inactivity.value, anchor=ExpiryAnchor.LAST_ACTIVITY)
        return None

    def earning(self) -> list[EarningRule]:
        written = self.file.earning or ()
        gift = self.file.gifts.welcome if self.file.gifts else None
        welcome = [At(value=WELCOME, place=gift.place)] if gift else []
        self.once([*(rule.id for rule in written), *welcome], what="rule")
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
        where = self.condition(rule)
        per = self.per(rule)
        name = self.words(rule.name) if rule.name else None
        if rule.earn:
            self.positive(rule.earn, what="what the rule gives")
        unit = self.unit_of(rule)
        if unit is None or rule.earn is None or rule.on is None:
            return None
        earn = self.steps(rule.earn, unit=unit)
        return EarningRule(
            id=rule.id.value,
            on=rule.on.value,
            unit=unit,
            amount=Flat(earn=earn) if per is None else Rate(earn=earn, per=per),
            where=where,
            cap=self.cap(rule.at_most, unit) if rule.at_most else None,
            name=name,
        )

    def per(self, rule: EarningWritten) -> int | None:
        if rule.per is None:
            return None
        self.positive(rule.per, what="`per`")
        if rule.on:
            self.sales_only(rule.on.value, "per", rule.per.place)
        return self.minor_units(rule.per)

    def unit_of(self, rule: EarningWritten) -> str | None:
        if rule.unit:
            return rule.unit.value if self.known_unit(rule.unit.value, rule.unit.place) else None
        if len(self.units) == 1 and self.all_units_read:
            return next(iter(self.units))
        if self.all_units_read:
            choice = did_you_mean("", self.units, what="units")
            self.report.add(rule.place, f"the rule {shown(rule.id.value)} does not say which unit it gives", choice)
        return None

    def condition(self, rule: EarningWritten) -> Condition:
        tags, not_tags = _values(rule.tags), _values(rule.not_tags)
        for tag in rule.tags or ():
            if tag.value == NEVER_EARNS:
                self.report.add(tag.place, f"lines tagged `{NEVER_EARNS}` never earn", "choose other tags")
            elif tag.value in not_tags:
                self.report.add(
                    tag.place, f"{shown(tag.value)} stands in `tags` and in `not_tags`", "keep one of the two"
                )
        if rule.on:
            for key, part in (("tags", rule.tags), ("not_tags", rule.not_tags)):
                if part:
                    self.sales_only(rule.on.value, key, part[0].place)
            if rule.minimum:
                self.sales_only(rule.on.value, "minimum", rule.minimum.place)
        return Condition(
            tags=tags,
            not_tags=not_tags,
            tiers=self.known_tiers(rule.tiers),
            locations=_values(rule.locations),
            minimum=self.minor_units(rule.minimum) if rule.minimum else 0,
        )

    def sales_only(self, on: EventKind, key: str, place: Place) -> None:
        if on is not EventKind.SALE:
            self.report.add(
                place, f"`{key}` needs a sale, and this rule is on `{on}`", f"leave out `{key}`, or write `on: sale`"
            )

    def cap(self, limit: At[Limit], unit: str) -> Cap | None:
        self.positive(At(value=limit.value.number, place=limit.place), what="the limit")
        if limit.value.unit is None:
            return Cap(per=limit.value.per, times=int(limit.value.number))
        if not self.known_unit(limit.value.unit, limit.place):
            return None
        if limit.value.unit != unit:
            self.report.add(
                limit.place, f"the limit counts {limit.value.unit}, and the rule gives {unit}", f"count {unit} here"
            )
        number = At(value=limit.value.number, place=limit.place)
        return Cap(per=limit.value.per, units=self.steps(number, unit=limit.value.unit))

    def units_of(self, amount: At[Amount]) -> Price:
        number = At(value=amount.value.number, place=amount.place)
        self.known_unit(amount.value.unit, amount.place)
        self.positive(number, what="the number of units")
        return Price(unit=amount.value.unit, amount=self.steps(number, unit=amount.value.unit))

    # ── Tiers ────────────────────────────────────────────────────────────────────────────────────────────────────

    def tier_scheme(self, tiers: TiersWritten) -> TierScheme | None:
        unit: str | None = None
        if tiers.measure and tiers.measure.value != SPEND:
            unit = tiers.measure.value
            self.known_measure(tiers.measure)
        self.once((level.id for level in tiers.levels or ()), what="tier")
        levels = [level for each in tiers.levels or () if (level := self.level(each, unit)) is not None]
        self.thresholds_rise(tiers.levels or ())
        if not (tiers.measure and tiers.valid):
            return None
        return TierScheme(
            measure=f"earned:{unit}" if unit else SPEND, levels=tuple(levels), years_after=tiers.valid.value
        )

    def known_measure(self, measure: At[str]) -> None:
        if measure.value not in self.units and self.all_units_read:
            near = did_you_mean(measure.value, [SPEND, *self.units], what="measures")
            self.report.add(measure.place, f"{shown(measure.value)} is neither `spend` nor a unit", near)

    def level(self, level: LevelWritten, unit: str | None) -> TierLevel | None:
        name = self.words_or_id(level.name, level.id.value)
        if level.from_ is None:
            return None
        threshold = self.steps(level.from_, unit=unit) if unit else self.minor_units(level.from_)
        return TierLevel(id=level.id.value, name=name, threshold=threshold)

    def thresholds_rise(self, levels: Sequence[LevelWritten]) -> None:
        froms = [level.from_ for level in levels]
        if froms and froms[0] and froms[0].value:
            self.report.add(
                froms[0].place, f"the first level begins at {froms[0].value}", "begin at 0, where every member starts"
            )
        for before, after in pairwise(froms):
            if before and after and after.value <= before.value:
                self.report.add(
                    after.place, f"{after.value} is not above the {before.value} of the level before", "thresholds rise"
                )

    # ── Rewards ──────────────────────────────────────────────────────────────────────────────────────────────────

    def reward(self, reward: RewardWritten) -> Reward | None:
        name = self.words_or_id(reward.name, reward.id.value)
        tiers = self.known_tiers(reward.tiers)
        price = self.units_of(reward.price) if reward.price else None
        gives = self.gives(reward.gives) if reward.gives else None
        needs = self.minor_units(reward.needs_purchase_of) if reward.needs_purchase_of else 0
        if reward.needs_purchase_of and isinstance(gives, FreeItem):
            self.report.add(
                reward.needs_purchase_of.place, "an item is handed over without a purchase", "leave this key out"
            )
        if price is None or gives is None:
            return None
        return Reward(
            id=reward.id.value,
            name=name,
            price=price,
            gives=gives,
            tiers=tiers,
            valid=reward.valid.value if reward.valid else None,
            needs_purchase_of=needs,
        )

    def gives(self, gives: GivesWritten) -> MoneyOff | FreeItem | None:
        if gives.money_off:
            self.positive(gives.money_off, what="`money_off`")
            return MoneyOff(amount=self.minor_units(gives.money_off))
        return FreeItem(item=self.words(gives.item)) if gives.item else None

    # ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────

    def messages(self) -> dict[str, dict[str, MessageText]]:
        return {
            kind.value: self.message(kind.value, message)
            for kind, message in self.file.messages or ()
            if message is not None
        }

    def message(self, kind: str, message: Message) -> dict[str, MessageText]:
        if isinstance(message, At):
            return {language: self.message_text(kind, message) for language in self.languages[:1]}
        self.known_languages(language for language, _ in message)
        return {language.value: self.message_text(kind, body) for language, body in message if body is not None}

    def message_text(self, kind: str, body: Body) -> MessageText:
        if isinstance(body, At):
            return MessageText(title=None, body=self.template(kind, body))
        title = self.template(kind, body.title) if body.title else None
        return MessageText(title=title, body=self.template(kind, body.body))

    def template(self, kind: str, text: At[str]) -> str:
        for problem in self.check_template(kind, text.value) if self.check_template else ():
            found, _, expected = problem.partition("; ")
            self.report.add(text.place, found, expected or "mend this text")
        return text.value


def _values(ids: Collection[At[str]] | None) -> frozenset[str]:
    return frozenset(each.value for each in ids or ())


def _one(word: UnitWord) -> str:
    return word.one.value if isinstance(word, OneAndOther) else word.value


def _many(word: UnitWord) -> str:
    return word.other.value if isinstance(word, OneAndOther) else word.value
