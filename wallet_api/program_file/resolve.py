"""What was written → the program's definition: names are looked up, amounts made exact, contradictions refused."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from wallet_api.domain.definition import (
    Brand,
    Colours,
    Definition,
    Expiry,
    ExpiryAnchor,
    FreeItem,
    Limit,
    Localised,
    MessageText,
    MoneyOff,
    PercentOff,
    Price,
    Reward,
    TierLevel,
    TierScheme,
    Unit,
    Units,
)

from .contrast import contrast
from .declaration import (
    Body,
    BrandWritten,
    ColoursWritten,
    ExpiryWords,
    GivesWritten,
    LevelWritten,
    Message,
    OneAndOther,
    ProgramWritten,
    RewardWritten,
    TiersWritten,
    TurnsIntoWritten,
    UnitWord,
    UnitWritten,
)
from .faults import DefinitionFaults, Place, Report, did_you_mean, shown
from .resolve_earning import EarningReader
from .shapes import At

Files: TypeAlias = Callable[[str], bytes]
CheckTemplate: TypeAlias = Callable[[str, str], Sequence[str]]

SPEND: Final = "spend"
LEAST_CONTRAST: Final = 3.0  # WCAG 2.2, 1.4.3 and 1.4.11: large text and graphics
MOST_LOGO_BYTES: Final = 512 * 1024
PNG: Final = b"\x89PNG\r\n\x1a\n"
DATA_PNG: Final = "data:image/png;base64,"


def resolve(
    file: ProgramWritten, report: Report, *, files: Files | None = None, check_template: CheckTemplate | None = None
) -> Definition:
    """The definition that the file stands for; raises DefinitionFaults with all that the report holds by then."""
    return _Resolver(file, report, files=files, check_template=check_template).definition()


class _Resolver(EarningReader):
    """Makes the definition out of its parts."""

    def __init__(
        self, file: ProgramWritten, report: Report, *, files: Files | None, check_template: CheckTemplate | None
    ) -> None:
        super().__init__(file, report)
        self.files = files
        self.check_template = check_template

    def definition(self) -> Definition:
        file = self.file
        self.once((language for language in file.languages or ()), what="language")
        name = self.words(file.name) if file.name else None
        brand = self.brand(file.brand, name)
        units = [self.unit(unit_id, unit) for unit_id, unit in file.units or () if unit is not None]
        earning = self.earning()
        promotions = self.promotions()
        tiers = self.tier_scheme(file.tiers) if file.tiers else None
        self.once((reward.id for reward in file.rewards or ()), what="reward")
        rewards = [reward for written in file.rewards or () if (reward := self.reward(written)) is not None]
        self.same_limit((reward.choose_one, reward.limit) for reward in file.rewards or ())
        self.counted_apart()
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
            promotions=tuple(promotions),
            messages=messages,
            terms_version=file.terms_version.value if file.terms_version else "1",
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
            converts_every=self.turned(unit.turns_into, unit_id.value) if unit.turns_into else None,
            converts_into=unit.turns_into.reward.value if unit.turns_into else None,
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

    def expiry(self, written: ExpiryWords) -> Expiry | None:
        if isinstance(written, At):
            return written.value
        if written.after:
            return Expiry(after=written.after.value)
        if written.after_end_of_year:
            return Expiry(after=written.after_end_of_year.value, anchor=ExpiryAnchor.END_OF_YEAR)
        if written.after_inactivity:
            return Expiry(after=written.after_inactivity.value, anchor=ExpiryAnchor.LAST_ACTIVITY)
        return None

    def turned(self, into: TurnsIntoWritten, unit: str) -> int:
        """How many smallest steps turn into one voucher."""
        self.known_reward(into.reward)
        gives = next((reward.gives for reward in self.file.rewards or () if reward.id.value == into.reward.value), None)
        if gives and gives.units:
            self.report.add(
                into.reward.place,
                f"units turn into a voucher, and {shown(into.reward.value)} gives units",
                "name a reward that gives money off, a share off, or an item",
            )
        self.positive(into.every, what="`every`")
        return self.steps(into.every, unit=unit)

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
        price = self.price(reward)
        gives = self.gives(reward.gives) if reward.gives else None
        self.reward_fits(reward, gives)
        needs = self.minor_units(reward.needs_purchase_of) if reward.needs_purchase_of else 0
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
            limit=self.limit(reward) if reward.limit else None,
            season=reward.season.value if reward.season else None,
            per_sale=reward.per_sale.value if reward.per_sale else None,
        )

    def price(self, reward: RewardWritten) -> Price | None:
        """What is written; else what units turn into it; else it is a gift."""
        if reward.price:
            return self.units_of(reward.price)
        for unit_id, unit in self.units.items():
            into = unit.turns_into if unit else None
            if into and into.reward.value == reward.id.value:
                return Price(unit=unit_id, amount=int(into.every.value.scaleb(self.unit_decimals(unit_id))))
        if reward.limit is None and not any(self.has_fault(reward.place, key) for key in ("price", "limit")):
            self.report.add(
                reward.place,
                f"the reward {shown(reward.id.value)} costs nothing, and may be had without end",
                "write its `price`, or a `limit` such as `1 per year`",
            )
        if not self.units and self.all_units_read:
            self.report.add(reward.place, "a reward is counted in a unit, and there is none", "add `units`")
        return Price(unit=next(iter(self.units)), amount=0) if self.units else None

    def gives(self, gives: GivesWritten) -> MoneyOff | PercentOff | FreeItem | Units | None:
        if gives.money_off:
            self.positive(gives.money_off, what="`money_off`")
            return MoneyOff(amount=self.minor_units(gives.money_off))
        if gives.percent_off:
            if not 0 < gives.percent_off.value <= 1:
                share = float(gives.percent_off.value * 100)
                self.report.add(gives.percent_off.place, f"{share:g} % cannot be taken off", "above 0 % to 100 %")
            return PercentOff(share=gives.percent_off.value)
        if gives.units:
            given = self.units_of(gives.units)
            return Units(unit=given.unit, amount=given.amount)
        return FreeItem(item=self.words(gives.item)) if gives.item else None

    def reward_fits(self, reward: RewardWritten, gives: MoneyOff | PercentOff | FreeItem | Units | None) -> None:
        if isinstance(gives, FreeItem | Units):
            what = "an item is handed over" if isinstance(gives, FreeItem) else "units are put on the card"
            for part in (reward.needs_purchase_of, reward.per_sale):
                if part:
                    self.report.add(part.place, f"{what} without a purchase", "leave this key out")
        if isinstance(gives, Units) and reward.valid:
            self.report.add(
                reward.valid.place, "units are put on the card at once, without a voucher", "leave this key out"
            )
        if reward.choose_one and reward.limit is None and not self.has_fault(reward.place, "limit"):
            self.report.add(
                reward.choose_one.place, "a choice needs a limit", "write `limit: 1 per year` with each of its rewards"
            )

    def limit(self, reward: RewardWritten) -> Limit | None:
        if reward.limit is None:
            return None
        return Limit(
            times=int(reward.limit.value.number),
            per=reward.limit.value.per,
            name=reward.choose_one.value if reward.choose_one else None,
        )

    def counted_apart(self) -> None:
        """What the limits of rules and of rewards count is kept by one name; two of them must not meet."""
        first: dict[str, tuple[str, Place]] = {}
        for what, name in self.counted():
            known, place = first.setdefault(name.value, (what, name.place))
            if known != what:
                self.report.add(
                    name.place,
                    f"{shown(name.value)} names {what}, and in line {place.line} already {known}",
                    "choose another name",
                )

    def counted(self) -> Iterator[tuple[str, At[str]]]:
        for rule in self.file.earning or ():
            if rule.at_most:
                yield ("a shared limit", rule.shared) if rule.shared else ("a rule with a limit", rule.id)
        for reward in self.file.rewards or ():
            if reward.limit:
                yield ("a choice", reward.choose_one) if reward.choose_one else ("a reward with a limit", reward.id)

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


def _one(word: UnitWord) -> str:
    return word.one.value if isinstance(word, OneAndOther) else word.value


def _many(word: UnitWord) -> str:
    return word.other.value if isinstance(word, OneAndOther) else word.value
