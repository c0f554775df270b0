"""Worked examples: what a member does day by day, and what the program must answer.

They stand under `journeys` in a program's own file or in a file of their own. Amounts are decimals as people write
them, never smallest steps; times are program-local, without a zone. Whether the engine can already do what a step asks
for is not known here: the runner in `services/run_journeys.py` says so.
"""

# ruff: noqa: RUF009 -- `required` and `optional` make a field, as dataclasses.field does

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import pairwise
from typing import Final, Generic, TypeAlias, TypeVar

from wallet_api.domain.state import MembershipStatus

from .declaration import PROGRAM
from .faults import DefinitionFaults, Report, did_you_mean, shown
from .nodes import Entries, Node, Scalar, compose
from .phrases import FieldValue
from .shapes import (
    MONEY,
    NUMBER,
    At,
    Choice,
    DecimalNumber,
    Either,
    ListOf,
    MapOf,
    Pattern,
    Phrase,
    Record,
    Schema,
    Shape,
    Text,
    Whole,
    Written,
    identifier,
    optional,
    required,
)

T = TypeVar("T")
U = TypeVar("U")

ByWay: TypeAlias = tuple[tuple[At[str], At[Decimal] | None], ...]

MOST_JOURNEYS: Final = 200
MOST_STEPS: Final = 2000
MOST_LINES: Final = 200
MOST_QUANTITY: Final = 100_000
NOON: Final = time(12)

KINDS: Final = (
    "join",
    "sale",
    "return",
    "check_in",
    "activity",
    "redeem",
    "quote",
    "access",
    "plan",
    "verification",
    "campaign",
    "wait",
)


def read_journeys(text: str, *, program: str | None = None) -> tuple[Journey, ...]:
    """The journeys of a file, in its order; none where it has no key `journeys`.

    The other keys of a program's own file are for `read_definition`. With `program`, a file that names another one is
    at fault. Raises DefinitionFaults, which holds all that is wrong.
    """
    report = Report()
    root = compose(text, report)
    if not isinstance(root, Entries):
        report.add(root.place, "this is no file of journeys", "begin with `journeys:` and a list")
        raise DefinitionFaults(report.faults)
    known = list(PROGRAM.schema()["properties"])  # type: ignore[call-overload]  # a schema's values are plain objects
    journeys: tuple[Journey, ...] | None = ()
    for key, node in root.entries:
        if key.text not in known:
            report.add(key.place, f"the key `{key.text}` is unknown", did_you_mean(key.text, known, what="keys"))
        elif key.text == "journeys":
            journeys = JOURNEYS.read(node, report)
        elif key.text == "program" and program is not None:
            _same_program(node, program, report)
    if report.faults or journeys is None:
        raise DefinitionFaults(report.faults)
    for journey in journeys:
        _check_order(journey, report)
        _check_sales(journey, report)
    if report.faults:
        raise DefinitionFaults(report.faults)
    return journeys


def _same_program(node: Node, program: str, report: Report) -> None:
    named = PROGRAM_ID.read(node, report)
    if named and named.value != program:
        report.add(named.place, f"these are journeys of {shown(named.value)}", f"here belongs `{program}`")


def _check_order(journey: Journey, report: Report) -> None:
    for before, step in pairwise(journey.steps):
        if step.at.value < before.at.value:
            report.add(
                step.at.place, f"this is before the step in line {before.line}", "put the steps in the order of time"
            )


def _check_sales(journey: Journey, report: Report) -> None:
    """Each sale has an id of its own, and a return names one that was made before."""
    first: dict[str, int] = {}
    for step in journey.steps:
        if isinstance(step, BasketStep) and (step.amount is None) == (step.lines is None):
            found = "neither `amount` nor `lines` stands here" if step.amount is None else "both stand here"
            report.add(step.place, found, "here belongs just one of `amount` and `lines`")
        match step:
            case SaleStep(id=At() as sale):
                if sale.value in first:
                    found = f"a sale {shown(sale.value)} stands already in line {first[sale.value]}"
                    report.add(sale.place, found, "each sale has an id of its own")
                first.setdefault(sale.value, sale.place.line)
            case ReturnStep():
                if step.of.value not in first:
                    near = did_you_mean(step.of.value, first, what="sales")
                    report.add(step.of.place, f"there is no sale {shown(step.of.value)} before this step", near)
                if step.amount is not None and step.lines is not None:
                    report.add(
                        step.place, "both `amount` and `lines` stand here", "leave one out, or both for the whole"
                    )


# ── Shapes of their own ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Made(Generic[U, T]):
    """A shape whose value is made of what another one reads."""

    of: Shape[U]
    make: Callable[[U], T]

    @property
    def wanted(self) -> str:
        return self.of.wanted

    def read(self, node: Node, report: Report) -> T | None:
        read = self.of.read(node, report)
        return None if read is None else self.make(read)

    def schema(self) -> Schema:
        return self.of.schema()


@dataclass(frozen=True)
class SignedNumber(DecimalNumber):
    """A number that may be below zero, as a balance is after a return."""

    wanted: str = "a number such as 120, 33.5 or -20, without quotes"

    def read(self, node: Node, report: Report) -> At[Decimal] | None:
        if isinstance(node, Scalar) and not node.quoted and re.fullmatch(f"-{NUMBER}", node.text):
            return At(value=Decimal(node.text), place=node.place)
        return super().read(node, report)

    def schema(self) -> Schema:
        return {"type": "number", "exclusiveMinimum": -(10**9), "exclusiveMaximum": 10**9}


@dataclass(frozen=True)
class YesOrNo(Choice[bool]):
    """`true` or `false`."""

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True)
class AnyStep:
    """A step; its `do` says which other keys belong to it."""

    wanted: str = "a step such as `{at: 2026-03-10, do: join}`"

    def read(self, node: Node, report: Report) -> Step | None:
        if not isinstance(node, Entries):
            return Record(Step, self.wanted).read(node, report)
        do = next((value for key, value in node.entries if key.text == "do"), None)
        if do is None:
            report.add(node.place, "`do` is missing", f"here belongs {DO.wanted}")
            return None
        kind = DO.read(do, report)  # where it is unknown, nobody can say which keys belong to it
        return STEPS[kind.value].read(node, report) if kind else None

    def schema(self) -> Schema:
        return {"anyOf": [_only(kind, shape.schema()) for kind, shape in STEPS.items()]}


def _only(kind: str, schema: Schema) -> Schema:
    """The schema of a step whose `do` is this one."""
    return {"allOf": [schema], "properties": {"do": {"const": kind}}}


@dataclass(frozen=True)
class OpenRecord(Record["ActivityStep"]):
    """An activity: beside its fixed keys it may have more, each with one value."""

    def read(self, node: Node, report: Report) -> ActivityStep | None:
        if not isinstance(node, Entries):
            return super().read(node, report)
        known = {field.name for field in dataclasses.fields(self.kind)} - {"place", "details"}
        fixed = tuple((key, value) for key, value in node.entries if key.text in known)
        others = [(key.text, ONE_VALUE.read(value, report)) for key, value in node.entries if key.text not in known]
        step = super().read(dataclasses.replace(node, entries=fixed), report)
        details = {name: value.value for name, value in others if value is not None}
        return dataclasses.replace(step, details=details) if step else None

    def schema(self) -> Schema:
        return {**super().schema(), "additionalProperties": {"type": ["string", "number", "boolean"]}}


def _plain(shape: Shape[At[T]]) -> Shape[T]:
    return Made(shape, lambda at: at.value)


def _by_id(what: str, value: Shape[T], wanted: str) -> Shape[Mapping[str, T]]:
    pairs = MapOf(identifier(f"the id of a {what}"), value, most=100, wanted=wanted)
    return Made(pairs, lambda read: {name.value: each for name, each in read if each is not None})


def _ids(what: str, *, least: int = 1) -> Shape[tuple[str, ...]]:
    return ListOf(_plain(identifier(f"the id of a {what}")), most=100, least=least)


def _ways(tender: At[str] | ByWay) -> str:
    """How something is paid, in one text."""
    return tender.value if isinstance(tender, At) else ", ".join(way.value for way, _ in tender)


def _day(match: re.Match[str]) -> date | None:
    try:
        return date.fromisoformat(match[0])
    except ValueError:  # 30 February
        return None


def _moment(match: re.Match[str]) -> datetime | None:
    try:
        day = date.fromisoformat(match[1])
        return datetime.combine(day, time.fromisoformat(match[2]) if match[2] else NOON)
    except ValueError:
        return None


DATE: Final = r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
DAY: Final[Shape[date]] = _plain(Phrase(DATE, "a day such as `2026-03-10`", _day))
MOMENT: Final = Phrase(
    rf"({DATE})(?:[T ]([0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?))?",
    "a day such as `2026-03-10`, which means its noon, or a moment such as `2026-03-10T18:30:00`",
    _moment,
)
# A phrase of its own: `Text` refuses `true`, which is a fine value of an activity's field.
ONE_VALUE: Final = FieldValue(r"(?!(?:null|Null|NULL|~)$)\S.{0,99}", "a word or a number", lambda match: match[0])
DO: Final = Choice({kind: kind for kind in KINDS}, "steps")
MEMBERSHIP: Final = Choice({state.value: state.value for state in MembershipStatus}, "memberships")
YES_OR_NO: Final[Shape[bool]] = _plain(YesOrNo({"true": True, "false": False}))
UNITS: Final[Shape[Mapping[str, Decimal]]] = _by_id("unit", _plain(SignedNumber()), "numbers by the ids of units")
PAID_UNITS: Final[Shape[Mapping[str, Decimal]]] = _by_id(
    "unit", _plain(DecimalNumber()), "how many of a unit, such as `{points: 100}`"
)
SUM: Final[Shape[Decimal]] = _plain(MONEY)
WAYS_TO_PAY: Final[Shape[At[str] | ByWay]] = Either(
    Text(40), MapOf(identifier("a way to pay"), MONEY, most=10, wanted="ways to pay, and how much by each")
)
TENDER: Final[Shape[str]] = Made(WAYS_TO_PAY, _ways)
QUANTITY: Final[Shape[int]] = _plain(Whole(1, MOST_QUANTITY))
LOCALE: Final = Pattern("[a-z]{2,3}(?:[-_][A-Z]{2})?", "a language such as `en` or `fr-CA`")
REFUSAL: Final = Pattern("[a-z]+(?:_[a-z]+)*", "the code of a refusal, such as `insufficient_balance`")
PROGRAM_ID: Final = identifier("the id of a program")


# ── What a file of journeys holds ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Person(Written):
    """Who makes the journey."""

    birth_date: date | None = optional(DAY, says="The member's birthday.")
    locale: str | None = optional(_plain(LOCALE), says="The member's language; the program's first where left out.")


@dataclass(frozen=True, kw_only=True)
class Expected(Written):
    """What must be so after a step; what is left out is not looked at."""

    balance: Mapping[str, Decimal] | None = optional(UNITS, says="What can be spent, by unit.")
    pending: Mapping[str, Decimal] | None = optional(UNITS, says="What is earned but cannot be spent yet, by unit.")
    lifetime: Mapping[str, Decimal] | None = optional(UNITS, says="What was ever earned, by unit.")
    tier: str | None = optional(_plain(identifier("the id of a tier")), says="The tier held.")
    tier_until: date | None = optional(DAY, says="The last day for which it is held.")
    membership: str | None = optional(_plain(MEMBERSHIP), says="Where a paid or verified membership stands.")
    vouchers: Mapping[str, int] | None = optional(
        _by_id("reward", _plain(Whole(0, MOST_QUANTITY)), "how many, by the ids of rewards"),
        says="How many vouchers can be used now, by reward.",
    )
    badges: tuple[str, ...] | None = optional(_ids("badge", least=0), says="The badges held.")
    pay: Decimal | None = optional(SUM, says="What the member pays for the goods, without shipping.")
    shipping: Decimal | None = optional(SUM, says="What shipping costs.")
    charge: Decimal | None = optional(SUM, says="What is charged for a membership.")
    refund: Decimal | None = optional(SUM, says="What the member gets back in money.")
    allowed: bool | None = optional(YES_OR_NO, says="Whether access is given.")
    refused: str | None = optional(_plain(REFUSAL), says="The code of the refusal; then nothing has changed.")


@dataclass(frozen=True, kw_only=True)
class LineWritten(Written):
    """One line of a receipt."""

    sku: str | None = optional(_plain(Text(100)), says="The article.")
    amount: Decimal = required(SUM, says="The line's total.")
    quantity: int | None = optional(QUANTITY, says="How many pieces; 1 where left out.")
    tags: tuple[str, ...] | None = optional(_ids("tag"), says="What rules recognise it by.")


@dataclass(frozen=True, kw_only=True)
class ReturnedLine(Written):
    """A line that comes back: all pieces of an article, some of them, or an amount in the sale's own prices."""

    sku: str = required(_plain(Text(100)), says="The article, as in the sale.")
    amount: Decimal | None = optional(SUM, says="How much of it, in the sale's own prices.")
    quantity: int | None = optional(QUANTITY, says="How many pieces.")
    tags: tuple[str, ...] | None = optional(_ids("tag"), says="As in the sale; they change nothing.")


@dataclass(frozen=True, kw_only=True)
class Step(Written):
    """What happens at a moment of the program's own time, and what must be so then."""

    at: At[datetime] = required(MOMENT, says="When: a day (its noon) or a moment, in the program's time zone.")
    do: str = required(_plain(DO), says="What happens.")
    expect: Expected | None = optional(Record(Expected, "what must be so"), says="What must be so after the step.")

    @property
    def line(self) -> int:
        """Where the step stands in its file."""
        return self.place.line


@dataclass(frozen=True, kw_only=True)
class JoinStep(Step):
    """The person becomes a member."""

    plan: str | None = optional(_plain(identifier("the id of a plan")), says="The plan bought with it.")
    referral: str | None = optional(_plain(ONE_VALUE), says="Whose invitation it is: a name, or `true` for somebody's.")


@dataclass(frozen=True, kw_only=True)
class BasketStep(Step):
    """A purchase: an amount, or lines."""

    amount: Decimal | None = optional(SUM, says="The total, in place of lines.")
    lines: tuple[LineWritten, ...] | None = optional(
        ListOf(Record(LineWritten, "a line with `sku` and `amount`"), most=MOST_LINES), says="The lines of the receipt."
    )
    pay_with: Mapping[str, Decimal] | None = optional(PAID_UNITS, says="Units that pay for a part.")
    use: tuple[str, ...] | None = optional(_ids("reward"), says="Rewards whose vouchers are used, one for each.")
    tender: str | None = optional(TENDER, says="How the rest is paid: a word, or words and how much by each.")


@dataclass(frozen=True, kw_only=True)
class SaleStep(BasketStep):
    """The member buys something."""

    id: At[str] | None = optional(identifier("an id such as `s1`"), says="What a return calls it.")


@dataclass(frozen=True, kw_only=True)
class QuoteStep(BasketStep):
    """What a sale would cost; nothing is recorded."""

    id: At[str] | None = optional(identifier("an id such as `q1`"), says="A name for the reader.")
    guest: bool | None = optional(YES_OR_NO, says="For somebody who is not a member.")


@dataclass(frozen=True, kw_only=True)
class ReturnStep(Step):
    """Goods come back: the whole sale, an amount, or lines."""

    of: At[str] = required(identifier("the id of a sale before this step"), says="The sale.")
    amount: Decimal | None = optional(SUM, says="How much, in the sale's own prices.")
    lines: tuple[ReturnedLine, ...] | None = optional(
        ListOf(Record(ReturnedLine, "a line with `sku`"), most=MOST_LINES), says="Which lines."
    )
    worn: bool | None = optional(YES_OR_NO, says="Whether the goods were worn.")


@dataclass(frozen=True, kw_only=True)
class CheckInStep(Step):
    """The member visits a shop."""

    location: str | None = optional(_plain(Text(64)), says="The shop's code; any where left out.")


@dataclass(frozen=True, kw_only=True)
class ActivityStep(Step):
    """The member does something that is not a purchase; `details` are the other keys of its kind, as written."""

    kind: str = required(_plain(identifier("the id of an activity")), says="Which activity.")
    quantity: Decimal | None = optional(_plain(DecimalNumber()), says="How much of it: minutes, km, money.")
    details: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RedeemStep(Step):
    """The member takes a reward."""

    reward: str = required(_plain(identifier("the id of a reward")), says="Which reward.")
    quantity: int | None = optional(QUANTITY, says="How many of it; 1 where left out.")


@dataclass(frozen=True, kw_only=True)
class AccessStep(Step):
    """The member asks for something that not everybody may have."""

    tag: str = required(_plain(identifier("a tag")), says="What the item is tagged.")
    opens_at: datetime | None = optional(_plain(MOMENT), says="When it opens for everybody.")
    guest: bool | None = optional(YES_OR_NO, says="For somebody who is not a member.")


@dataclass(frozen=True, kw_only=True)
class PlanStep(Step):
    """Something happens to a paid membership."""

    action: str = required(
        _plain(Choice({each: each for each in ("start", "cancel", "payment_succeeded", "payment_failed")}, "actions")),
        says="What happens to it.",
    )
    plan: str | None = optional(_plain(identifier("the id of a plan")), says="Which plan.")


@dataclass(frozen=True, kw_only=True)
class VerificationStep(Step):
    """Something happens to a membership by profession or group."""

    action: str = required(
        _plain(Choice({each: each for each in ("apply", "approve", "revoke", "renew")}, "actions")),
        says="What happens to it.",
    )


@dataclass(frozen=True, kw_only=True)
class CampaignStep(Step):
    """A promotion is on, for this one day."""

    id: str = required(_plain(identifier("the id of a promotion")), says="Which promotion.")


@dataclass(frozen=True, kw_only=True)
class WaitStep(Step):
    """Nothing happens but that time passes."""


@dataclass(frozen=True, kw_only=True)
class Journey(Written):
    """One member's way through a program."""

    name: str = required(_plain(Text(200)), says="What the journey shows.")
    member: Person | None = optional(Record(Person, "birth_date and locale"), says="Who makes it.")
    steps: tuple[Step, ...] = required(ListOf(AnyStep(), most=MOST_STEPS), says="What happens, in the order of time.")

    @property
    def line(self) -> int:
        """Where the journey stands in its file."""
        return self.place.line


STEPS: Final[Mapping[str, Shape[Step]]] = {
    "join": Record(JoinStep, "a step"),
    "sale": Record(SaleStep, "a step"),
    "return": Record(ReturnStep, "a step"),
    "check_in": Record(CheckInStep, "a step"),
    "activity": OpenRecord(ActivityStep, "a step"),
    "redeem": Record(RedeemStep, "a step"),
    "quote": Record(QuoteStep, "a step"),
    "access": Record(AccessStep, "a step"),
    "plan": Record(PlanStep, "a step"),
    "verification": Record(VerificationStep, "a step"),
    "campaign": Record(CampaignStep, "a step"),
    "wait": Record(WaitStep, "a step"),
}
JOURNEYS: Final = ListOf(Record(Journey, "a journey with `name` and `steps`"), most=MOST_JOURNEYS)
