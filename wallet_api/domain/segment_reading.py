"""Reading a segment's rule from JSON, and saying what is wrong with it.

A rule is `{"all": [rule, …]}`, `{"any": [rule, …]}`, `{"not": rule}` or one condition by its name, such as
`{"spend": {"within_days": 90, "at_least": 10000}}`. `{"all": []}` selects everybody, `{"any": []}` nobody. What each
condition means stands in docs/segments.md.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Protocol

from wallet_api.domain.definition import Definition
from wallet_api.domain.messages import CHANNELS, PREFERABLE
from wallet_api.domain.segment import (
    Age,
    All,
    Answered,
    AnyOf,
    AveragePurchase,
    Badge,
    Balance,
    Birthday,
    BirthdayMonth,
    Bought,
    BoughtOneOf,
    Chose,
    Condition,
    Consent,
    Has,
    Interest,
    Joined,
    Language,
    LargestPurchase,
    Measured,
    Not,
    Reach,
    Rfm,
    RfmClass,
    Rule,
    Scored,
    SinceJoining,
    SincePurchase,
    Tier,
    Wants,
)
from wallet_api.domain.survey import SCORE_MAX, Question, QuestionKind

DEPTH_MAX = 8
RULES_MAX = 50
LISTED_MAX = 100
DAYS_MAX = 3_660
COUNT_MAX = 10**9
AMOUNT_MAX = 10**12
NAME_CHARACTERS_MAX = 100


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a program has, so that a rule that names something else is refused; `surveys`: what each of them asks."""

    tiers: tuple[str, ...]
    units: tuple[str, ...]
    badges: tuple[str, ...]
    locations: tuple[str, ...]
    surveys: Mapping[str, Sequence[Question]]

    @classmethod
    def of(
        cls, definition: Definition, *, locations: Sequence[str], surveys: Mapping[str, Sequence[Question]]
    ) -> Known:
        """What is known of a program; `locations` are the codes of its shops."""
        return cls(
            tiers=tuple(level.id for level in definition.tiers.levels) if definition.tiers else (),
            units=tuple(definition.units),
            badges=tuple(challenge.badge for challenge in definition.challenges if challenge.badge),
            locations=tuple(locations),
            surveys=surveys,
        )


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a rule: where, as a JSON Pointer, and the value and what would be right, as a sentence."""

    pointer: str
    detail: str


class RuleRefused(Exception):
    """A rule that cannot be read, with all that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{fault.pointer}: {fault.detail}" for fault in self.faults))


def read_rule(value: object, known: Known | None, *, pointer: str = "#") -> Rule:
    """The rule that a JSON value says, `pointer` being its place. Raises RuleRefused.

    Without `known` any name will do: what a rule named when it was saved may be gone by now, and selects nobody.
    """
    reading = _Reading(known)
    rule = reading.rule(value, pointer, depth=1)
    if rule is None or reading.faults:
        raise RuleRefused(reading.faults)
    return rule


class _Wrong(Exception):
    """A value that is none of what its place takes."""

    def __init__(self, wants: str) -> None:
        self.wants = wants


class _Field(Protocol):
    """What stands at one place of a condition."""

    @property
    def schema(self) -> Mapping[str, object]:
        """What is taken, as JSON Schema."""
        ...

    def read(self, value: object, known: Known | None) -> object:
        """The value as the rule keeps it. Raises _Wrong."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Whole:
    least: int = 0
    most: int

    @property
    def schema(self) -> Mapping[str, object]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}

    def read(self, value: object, known: Known | None) -> object:
        # JSON knows one kind of number: 3.0 is the whole number 3.
        is_whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
        if not is_whole or not self.least <= value <= self.most:  # type: ignore[operator]  # is_whole says so
            raise _Wrong(f"a whole number from {self.least} to {self.most}")
        return int(value)  # type: ignore[call-overload]  # is_whole says so


@dataclass(frozen=True, kw_only=True)
class _Name:
    """A text of one line; `among`: one of the names that the program knows."""

    among: str | None = None
    pattern: ClassVar[str] = r"^[^\x00-\x1f\x7f-\x9f]*$"

    @property
    def schema(self) -> Mapping[str, object]:
        return {"type": "string", "minLength": 1, "maxLength": NAME_CHARACTERS_MAX, "pattern": self.pattern}

    def read(self, value: object, known: Known | None) -> object:
        if known is not None and self.among is not None:
            names = tuple(getattr(known, self.among))
            if value not in names:
                raise _Wrong(f"one of the program’s {self.among}: {', '.join(names) or 'it has none'}")
        is_text = isinstance(value, str) and 1 <= len(value) <= NAME_CHARACTERS_MAX
        if not is_text or re.fullmatch(r"[^\x00-\x1f\x7f-\x9f]*", str(value)) is None:
            raise _Wrong(f"a text of 1 to {NAME_CHARACTERS_MAX} characters in one line")
        return value


@dataclass(frozen=True, kw_only=True)
class _Word:
    words: tuple[str, ...]

    @property
    def schema(self) -> Mapping[str, object]:
        return {"enum": list(self.words)}

    def read(self, value: object, known: Known | None) -> object:
        if value not in self.words:
            raise _Wrong(f"one of {', '.join(self.words)}")
        return value


@dataclass(frozen=True, kw_only=True)
class _Choice:
    words: type[enum.StrEnum]

    @property
    def schema(self) -> Mapping[str, object]:
        return {"enum": [word.value for word in self.words]}

    def read(self, value: object, known: Known | None) -> object:
        if value not in {word.value for word in self.words}:
            raise _Wrong(f"one of {', '.join(self.words)}")
        return self.words(value)


@dataclass(frozen=True, kw_only=True)
class _Language:
    schema: ClassVar[Mapping[str, object]] = {"type": "string", "pattern": "^[a-z]{2}$"}

    def read(self, value: object, known: Known | None) -> object:
        if not isinstance(value, str) or re.fullmatch("[a-z]{2}", value) is None:
            raise _Wrong("a language such as fr")
        return value


@dataclass(frozen=True, kw_only=True)
class _Flag:
    schema: ClassVar[Mapping[str, object]] = {"type": "boolean"}

    def read(self, value: object, known: Known | None) -> object:
        if not isinstance(value, bool):
            raise _Wrong("true or false")
        return value


@dataclass(frozen=True, kw_only=True)
class _Day:
    schema: ClassVar[Mapping[str, object]] = {
        "type": "string",
        "format": "date",
        "pattern": "^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
    }

    def read(self, value: object, known: Known | None) -> object:
        if isinstance(value, str) and re.fullmatch(r"(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}", value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass  # there is no such day
        raise _Wrong("a day such as 2026-03-01")


@dataclass(frozen=True, kw_only=True)
class _Listed:
    """One or more of something, each once."""

    of: _Field

    @property
    def schema(self) -> Mapping[str, object]:
        return {"type": "array", "minItems": 1, "maxItems": LISTED_MAX, "items": self.of.schema}

    def read(self, value: object, known: Known | None) -> object:
        if not isinstance(value, list) or not 1 <= len(value) <= LISTED_MAX:
            raise _Wrong(f"a list of 1 to {LISTED_MAX}")
        return tuple(dict.fromkeys(self.of.read(item, known) for item in value))


@dataclass(frozen=True, kw_only=True)
class _Form:
    """What a condition takes: its fields, which of them it needs, and of which at least one.

    Where `exactly`, it is exactly one of those. `asks`: of which kind the question of a survey is that it names.
    """

    makes: Callable[..., Condition]
    fields: Mapping[str, _Field]
    needs: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    exactly: bool = False
    asks: QuestionKind | None = None

    @property
    def schema(self) -> Mapping[str, object]:
        ways = [{"required": [name]} for name in self.one_of]
        return {
            "type": "object",
            "properties": {name: field.schema for name, field in self.fields.items()},
            "additionalProperties": False,
            **({"required": list(self.needs)} if self.needs else {}),
            **({"oneOf" if self.exactly else "anyOf": ways} if ways else {}),
        }


def _bought_one_of(
    *,
    categories: tuple[str, ...] = (),
    skus: tuple[str, ...] = (),
    locations: tuple[str, ...] = (),
    at_least: int = 1,
    last_within_days: int | None = None,
) -> BoughtOneOf:
    what = Bought.CATEGORIES if categories else Bought.SKUS if skus else Bought.LOCATIONS
    return BoughtOneOf(
        what=what, any_of=categories or skus or locations, at_least=at_least, last_within_days=last_within_days
    )


def _interest(*, categories: tuple[str, ...] = (), skus: tuple[str, ...] = ()) -> Interest:
    return Interest(what=Bought.CATEGORIES if categories else Bought.SKUS, any_of=categories or skus)


def _measured(measure: str) -> Callable[..., Condition]:
    """A condition on this measure, with what names it more closely put in."""

    def make(*, kind: str = "", unit: str = "", **rest: int) -> Condition:
        return Measured(measure=measure.format(kind=kind, unit=unit), **rest)

    return make


def _joined(**days: date) -> Condition:
    return Joined(first=days.get("from"), last=days.get("until"))


_DAYS = _Whole(most=DAYS_MAX)
_WITHIN: Mapping[str, _Field] = {"within_days": _Whole(least=1, most=DAYS_MAX)}
_BOUNDS = ("at_least", "at_most")
_ASKED: Mapping[str, _Field] = {"survey": _Name(among="surveys"), "question": _Name()}


def _bounds(most: int) -> Mapping[str, _Field]:
    return dict.fromkeys(_BOUNDS, _Whole(most=most))


def _any_of(field: _Field) -> Mapping[str, _Field]:
    return {"any_of": _Listed(of=field)}


FORMS: Mapping[str, _Form] = {
    "tier": _Form(makes=Tier, fields=_any_of(_Name(among="tiers")), needs=("any_of",)),
    "balance": _Form(
        makes=Balance,
        fields={"unit": _Name(among="units"), **dict.fromkeys(_BOUNDS, _Whole(least=-AMOUNT_MAX, most=AMOUNT_MAX))},
        needs=("unit",),
        one_of=_BOUNDS,
    ),
    "spend": _Form(makes=_measured("spend"), fields={**_WITHIN, **_bounds(AMOUNT_MAX)}, one_of=_BOUNDS),
    "purchases": _Form(makes=_measured("orders"), fields={**_WITHIN, **_bounds(COUNT_MAX)}, one_of=_BOUNDS),
    "visits": _Form(makes=_measured("visits"), fields={**_WITHIN, **_bounds(COUNT_MAX)}, one_of=_BOUNDS),
    "activity": _Form(
        makes=_measured("activity:{kind}"),
        fields={"kind": _Name(), **_WITHIN, **_bounds(COUNT_MAX)},
        needs=("kind",),
        one_of=_BOUNDS,
    ),
    "earned": _Form(
        makes=_measured("earned:{unit}"),
        fields={"unit": _Name(among="units"), **_WITHIN, **_bounds(AMOUNT_MAX)},
        needs=("unit",),
        one_of=_BOUNDS,
    ),
    "average_purchase": _Form(makes=AveragePurchase, fields={**_WITHIN, **_bounds(AMOUNT_MAX)}, one_of=_BOUNDS),
    "largest_purchase": _Form(makes=LargestPurchase, fields=_bounds(AMOUNT_MAX), one_of=_BOUNDS),
    "days_since_purchase": _Form(makes=SincePurchase, fields=dict.fromkeys(_BOUNDS, _DAYS), one_of=_BOUNDS),
    "bought": _Form(
        makes=_bought_one_of,
        fields={
            "categories": _Listed(of=_Name()),
            "skus": _Listed(of=_Name()),
            "locations": _Listed(of=_Name(among="locations")),
            "at_least": _Whole(least=1, most=COUNT_MAX),
            "last_within_days": _Whole(least=1, most=DAYS_MAX),
        },
        one_of=tuple(Bought),
        exactly=True,
    ),
    "interest": _Form(
        makes=_interest,
        fields={"categories": _Listed(of=_Name()), "skus": _Listed(of=_Name())},
        one_of=("categories", "skus"),
        exactly=True,
    ),
    "language": _Form(makes=Language, fields=_any_of(_Language()), needs=("any_of",)),
    "age": _Form(makes=Age, fields=_bounds(150), one_of=_BOUNDS),
    "birthday_month": _Form(makes=BirthdayMonth, fields=_any_of(_Whole(least=1, most=12)), needs=("any_of",)),
    "birthday": _Form(makes=Birthday, fields={"within_days": _Whole(most=365)}, needs=("within_days",)),
    "joined": _Form(makes=_joined, fields={"from": _Day(), "until": _Day()}, one_of=("from", "until")),
    "days_since_joining": _Form(makes=SinceJoining, fields=dict.fromkeys(_BOUNDS, _DAYS), one_of=_BOUNDS),
    "has": _Form(makes=Has, fields=_any_of(_Choice(words=Reach)), needs=("any_of",)),
    "consent": _Form(makes=Consent, fields={"kind": _Name(), "granted": _Flag()}, needs=("kind", "granted")),
    "wants": _Form(
        makes=Wants,
        fields={"kind": _Word(words=PREFERABLE), "channel": _Word(words=CHANNELS)},
        needs=("kind", "channel"),
    ),
    "badge": _Form(makes=Badge, fields=_any_of(_Name(among="badges")), needs=("any_of",)),
    "answered": _Form(makes=Answered, fields={"survey": _Name(among="surveys")}, needs=("survey",)),
    "scored": _Form(
        makes=Scored,
        fields={**_ASKED, **_bounds(SCORE_MAX)},
        needs=tuple(_ASKED),
        one_of=_BOUNDS,
        asks=QuestionKind.SCORE,
    ),
    "chose": _Form(
        makes=Chose,
        fields={**_ASKED, **_any_of(_Name())},
        needs=(*_ASKED, "any_of"),
        asks=QuestionKind.CHOICE,
    ),
    "rfm": _Form(makes=Rfm, fields=_any_of(_Choice(words=RfmClass)), needs=("any_of",)),
}
"""Every condition by its name."""

_COMBINED = ("all", "any", "not")


def rule_schema(ref: str) -> dict[str, object]:
    """What a rule may be, as JSON Schema; `ref` is where that schema stands, for the rules within a rule."""
    within = {"$ref": ref}
    several = {"type": "array", "items": within, "maxItems": RULES_MAX}
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {
            "all": several,
            "any": several,
            "not": within,
            **{name: form.schema for name, form in FORMS.items()},
        },
    }


class _Reading:
    """Reads a rule to its end, whatever is wrong on the way."""

    def __init__(self, known: Known | None) -> None:
        self._known = known
        self._rules = 0
        self.faults: list[Fault] = []

    def rule(self, value: object, pointer: str, *, depth: int) -> Rule | None:
        self._rules += 1
        if depth > DEPTH_MAX or self._rules > RULES_MAX:
            # Said once; what is beyond is not read.
            if self._rules <= RULES_MAX + 1:
                self._add(pointer, f"Too much: at most {DEPTH_MAX} rules within each other and {RULES_MAX} in all.")
            return None
        if not isinstance(value, dict) or len(value) != 1:
            return self._refuse(pointer, value, "an object with one key: all, any, not, or a condition")
        name, inner = next(iter(value.items()))
        place = f"{pointer}/{_escaped(name)}"
        match name:
            case "all" | "any":
                return self._several(name, inner, place, depth=depth)
            case "not":
                rule = self.rule(inner, place, depth=depth + 1)
                return Not(rule=rule) if rule else None
            case _ if name in FORMS:
                return self._condition(FORMS[name], inner, place)
            case _:
                return self._refuse(place, name, f"one of {', '.join((*_COMBINED, *FORMS))}")

    def _several(self, name: str, value: object, pointer: str, *, depth: int) -> Rule | None:
        if not isinstance(value, list):
            return self._refuse(pointer, value, "a list of rules")
        read = [self.rule(inner, f"{pointer}/{place}", depth=depth + 1) for place, inner in enumerate(value)]
        rules = tuple(rule for rule in read if rule is not None)
        return All(rules=rules) if name == "all" else AnyOf(rules=rules)

    def _condition(self, form: _Form, value: object, pointer: str) -> Rule | None:
        if not isinstance(value, dict):
            return self._refuse(pointer, value, f"an object with {', '.join(form.fields)}")
        before = len(self.faults)
        values = dict(self._values(form, value, pointer))
        for name in form.needs:
            if name not in value:
                self._add(f"{pointer}/{name}", "Missing.")
        given = [name for name in form.one_of if name in value]
        if form.one_of and (not given or (form.exactly and len(given) > 1)):
            self._add(pointer, f"Give {'exactly' if form.exactly else 'at least'} one of {', '.join(form.one_of)}.")
        self._check_order(values, pointer)
        if form.asks is not None:
            self._check_question(form.asks, value, pointer)
        return form.makes(**values) if len(self.faults) == before else None

    def _values(self, form: _Form, value: Mapping[str, object], pointer: str) -> Iterator[tuple[str, object]]:
        for name, given in value.items():
            place = f"{pointer}/{_escaped(name)}"
            field = form.fields.get(name)
            if field is None:
                self._refuse(place, name, f"one of {', '.join(form.fields)}")
            elif isinstance(field, _Listed) and isinstance(given, list) and 1 <= len(given) <= LISTED_MAX:
                # Each item's fault is told at its own place.
                each = [self._value(field.of, item, f"{place}/{number}") for number, item in enumerate(given)]
                yield name, tuple(dict.fromkeys(each))
            else:
                yield name, self._value(field, given, place)

    def _value(self, field: _Field, value: object, pointer: str) -> object:
        try:
            return field.read(value, self._known)
        except _Wrong as wrong:
            return self._refuse(pointer, value, wrong.wants)

    def _check_order(self, values: Mapping[str, object], pointer: str) -> None:
        for low, high in (_BOUNDS, ("from", "until")):
            first, last = values.get(low), values.get(high)
            is_pair = isinstance(first, int | date) and isinstance(last, int | date)
            if is_pair and first > last:  # type: ignore[operator]  # both are of one field's type
                self._add(f"{pointer}/{high}", f"{_shown(last)} is less than {low}, {_shown(first)}.")

    def _check_question(self, kind: QuestionKind, value: Mapping[str, object], pointer: str) -> None:
        """The survey asks such a question, and has such options; what is no name at all has been told already."""
        survey, name = value.get("survey"), value.get("question")
        if self._known is None or not isinstance(survey, str) or not isinstance(name, str):
            return
        if survey not in self._known.surveys:
            return
        asked = {question.id: question for question in self._known.surveys[survey] if question.kind is kind}
        if name not in asked:
            listed = ", ".join(asked) or "it has none"
            self._refuse(
                f"{pointer}/question", name, f"one of the survey’s questions of the kind {kind.value}: {listed}"
            )
            return
        options = [option.id for option in asked[name].options]
        chosen = value.get("any_of")
        for place, each in enumerate(chosen if isinstance(chosen, list) else ()):
            if isinstance(each, str) and each not in options:
                self._refuse(f"{pointer}/any_of/{place}", each, f"one of the question’s options: {', '.join(options)}")

    def _refuse(self, pointer: str, value: object, wants: str) -> Rule | None:
        """Nothing: what stands there is none of what is taken."""
        self._add(pointer, f"{_shown(value)} is not {wants}.")
        return None

    def _add(self, pointer: str, detail: str) -> None:
        self.faults.append(Fault(pointer=pointer, detail=detail))


def _shown(value: object) -> str:
    """A value as a person who wrote it knows it again, cut short."""
    match value:
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case dict() | list():
            return "An object" if isinstance(value, dict) else "A list"
        case str():
            return f"“{value[:40]}…”" if len(value) > 40 else f"“{value}”"
        case date():
            return value.isoformat()
        case _:
            return str(value)


def _escaped(key: str) -> str:
    """A key as a step of a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
