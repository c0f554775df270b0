"""What was written → the program's definition: names are looked up, amounts made exact, contradictions refused."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from passes.contrast import LEAST_CONTRAST, contrast
from wallet_api.domain.definition import (
    Benefits,
    Brand,
    BrandLink,
    CarryOver,
    Colours,
    Definition,
    Localised,
    MessageText,
    PlanTerms,
)
from wallet_api.domain.definition.sending import Reminders, Sending

from .declaration import Body, BrandWritten, ColoursWritten, LinkWritten, Message, ProgramWritten
from .faults import DefinitionFaults, Place, Report, shown
from .resolve_rewards import RewardReader
from .resolve_sending import SendingReader
from .resolve_status import StatusReader
from .resolve_units import UnitReader
from .shapes import At

Files: TypeAlias = Callable[[str], bytes]
CheckTemplate: TypeAlias = Callable[[str, str], Sequence[str]]
CheckLogo: TypeAlias = Callable[[bytes], str | None]

MOST_LOGO_BYTES: Final = 512 * 1024
PNG: Final = b"\x89PNG\r\n\x1a\n"
DATA_PNG: Final = "data:image/png;base64,"


def resolve(
    file: ProgramWritten,
    report: Report,
    *,
    files: Files | None = None,
    check_template: CheckTemplate | None = None,
    check_logo: CheckLogo | None = None,
) -> Definition:
    """The definition that the file stands for; raises DefinitionFaults with all that the report holds by then."""
    return _Resolver(file, report, files=files, check_template=check_template, check_logo=check_logo).definition()


class _Resolver(UnitReader, RewardReader, StatusReader, SendingReader):
    """Makes the definition out of its parts."""

    def __init__(
        self,
        file: ProgramWritten,
        report: Report,
        *,
        files: Files | None,
        check_template: CheckTemplate | None,
        check_logo: CheckLogo | None,
    ) -> None:
        super().__init__(file, report)
        self.files = files
        self.check_template = check_template
        self.check_logo = check_logo

    def definition(self) -> Definition:
        file = self.file
        self.once((language for language in file.languages or ()), what="language")
        name = self.words(file.name) if file.name else None
        brand = self.brand(file.brand, name)
        units = [self.unit(unit_id, unit) for unit_id, unit in file.units or () if unit is not None]
        earning = [*self.earning(), *self.welcomes()]
        promotions, credited, choices, gifts = self.promotions(), self.credits(), self.choices(), self.gifts()
        tiers = self.tier_scheme(file.tiers) if file.tiers else None
        rewards = self.rewards()
        benefits = self.benefits(file.benefits) if file.benefits else Benefits()
        membership = file.membership
        plans = self.plans(membership) if membership else {}
        plan_terms = self.plan_terms(membership) if membership else PlanTerms()
        verification = self.verification(membership.verified) if membership and membership.verified else None
        challenges, contests, partners, causes = self.challenges(), self.contests(), self.partners(), self.causes()
        segments = [self.segment(segment.value, each) for segment, each in file.segments or () if each is not None]
        carry_over = self.carry_over(file.carry_over) if file.carry_over else CarryOver()
        self.told_apart()
        self.counted_apart()
        messages = self.messages()
        sending = self.sending(file.sending) if file.sending else Sending()
        reminders = self.reminders(file.reminders) if file.reminders else Reminders()
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
            sending=sending,
            reminders=reminders,
            terms_version=file.terms_version.value if file.terms_version else "1",
            choices=tuple(choices),
            credits=tuple(credited),
            gifts=tuple(gifts),
            benefits=benefits,
            plans=plans,
            plan_terms=plan_terms,
            verification=verification,
            challenges=tuple(challenges),
            contests=tuple(contests),
            partners={partner.id: partner for partner in partners},
            causes=causes,
            segments={segment.id: segment for segment in segments},
            carry_over=carry_over,
        )

    # ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────

    def told_apart(self) -> None:
        """A member's history names what gave something by its id; no two of them have the same one."""
        first: dict[str, tuple[str, Place]] = {}
        for what, name in self.named_in_history():
            known, place = first.setdefault(name.value, (what, name.place))
            if place is name.place:
                continue
            if known == what:
                self.report.add(
                    name.place,
                    f"a {what} {shown(name.value)} stands already in line {place.line}",
                    "each of them stands once",
                )
            else:
                self.report.add(
                    name.place,
                    f"{shown(name.value)} is the {known} in line {place.line}",
                    "a member's history names both, so choose another id",
                )

    def named_in_history(self) -> Iterator[tuple[str, At[str]]]:
        file = self.file
        yield from (("rule", rule.id) for rule in file.earning or ())
        yield from (("gift", gift) for gift in self.gift_ids())
        yield from (("promotion", promotion.id) for promotion in file.promotions or ())
        yield from (("credit", credit.id) for credit in file.credits or ())
        yield from (("challenge", challenge.id) for challenge in file.challenges or ())

    def counted_apart(self) -> None:
        """What limits count is kept by one name, for rules and for rewards; two of a kind must not meet."""
        rules = (
            ("a shared limit", rule.shared) if rule.shared else ("a rule with a limit", rule.id)
            for rule in self.file.earning or ()
            if rule.at_most
        )
        rewards = (
            ("a choice", reward.choose_one) if reward.choose_one else ("a reward with a limit", reward.id)
            for reward in self.file.rewards or ()
            if reward.limit
        )
        for names in (rules, rewards):
            first: dict[str, tuple[str, Place]] = {}
            for what, name in names:
                known, place = first.setdefault(name.value, (what, name.place))
                if known != what:
                    self.report.add(
                        name.place,
                        f"{shown(name.value)} names {what}, and in line {place.line} already {known}",
                        "choose another name",
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
            links=tuple(self.link(link) for link in brand.links or ()),
        )

    def link(self, written: LinkWritten) -> BrandLink:
        return BrandLink(name=self.words(written.name), url=written.url.value)

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
        elif data.startswith(PNG) and self.check_logo and (problem := self.check_logo(data)):
            self.report.add(written.place, f"the logo {problem}", "save it anew, or choose another")
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
