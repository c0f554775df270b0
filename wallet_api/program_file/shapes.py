"""The shapes that a part of a definition file can have: each reads a node, and says the same as JSON Schema.

A shape's `read` gives None where it noted a fault, and goes on with the next part, so that one reading finds all
faults. What single values mean together (does this unit exist?) is not known here: `resolve.py` decides it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Generic, Protocol, TypeAlias, TypeVar, cast

from .faults import Place, Report, did_you_mean, shown
from .nodes import Entries, Items, Node, Scalar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Schema: TypeAlias = dict[str, object]

MOST_DECIMALS: Final = 4
NUMBER: Final = r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,4})?"
IDENTIFIER: Final = r"(?=.{0,39}[a-z])[a-z0-9]+(?:[_-][a-z0-9]+)*"
MOST_ID_CHARACTERS: Final = 40
NOT_TEXT: Final = frozenset({"true", "false", "null", "~"})


class Shape(Protocol[T_co]):
    """What a part of the file may look like."""

    @property
    def wanted(self) -> str:
        """What belongs here, in words: "a number such as 5.00"."""

    def read(self, node: Node, report: Report) -> T_co | None:
        """The value that the node holds; None, with a fault in the report, where it does not fit."""

    def schema(self) -> Schema:
        """The same as JSON Schema 2020-12."""


@dataclass(frozen=True, kw_only=True)
class At(Generic[T_co]):
    """A value and where it stands, so that a later check can name the line."""

    value: T_co
    place: Place


# ── Single values ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Text:
    """A text, on one line unless `lines` allows more; what surrounds it is cut off."""

    most: int = 100
    lines: int = 1

    @property
    def wanted(self) -> str:
        on = "one line" if self.lines == 1 else f"at most {self.lines} lines"
        return f"a text of at most {self.most} characters on {on}"

    def read(self, node: Node, report: Report) -> At[str] | None:
        if _stands_for_no_text(node):
            _wrong(node, report, f"{self.wanted}; put it in quotes if you mean the word")
            return None
        if isinstance(node, Scalar) and len(node.text) <= self.most:
            text = node.text.strip()
            if text and text.count("\n") < self.lines:
                return At(value=text, place=node.place)
        _wrong(node, report, self.wanted)
        return None

    def schema(self) -> Schema:
        # An editor reads `name: 1984` as a number; here it is the text that it shows.
        pattern = r"^\s*\S(?:.*\S)?\s*$" if self.lines == 1 else r"\S"
        return {"type": ["string", "number"], "maxLength": self.most, "pattern": pattern}


@dataclass(frozen=True)
class Pattern:
    """A text of a fixed form, such as an id or a colour."""

    pattern: str
    wanted: str
    known: Callable[[str], bool] = lambda _: True

    def read(self, node: Node, report: Report) -> At[str] | None:
        if _stands_for_no_text(node):
            _wrong(node, report, f"{self.wanted}; put it in quotes if you mean the word")
        elif isinstance(node, Scalar) and re.fullmatch(self.pattern, node.text) and self.known(node.text):
            return At(value=node.text, place=node.place)
        else:
            _wrong(node, report, self.wanted)
        return None

    def schema(self) -> Schema:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


def identifier(wanted: str = "an id of lower-case letters, digits, `-` and `_`, with a letter") -> Pattern:
    """The id of a unit, tier, reward or rule: `off-5`, `cash_back`; at most 40 characters, one of them a letter."""
    return Pattern(rf"(?=.{{1,{MOST_ID_CHARACTERS}}}$){IDENTIFIER}", wanted)


@dataclass(frozen=True)
class Choice(Generic[T]):
    """One of a few fixed texts."""

    choices: Mapping[str, T]
    what: str = "choices"

    @property
    def wanted(self) -> str:
        return "one of " + ", ".join(f"`{choice}`" for choice in self.choices)

    def read(self, node: Node, report: Report) -> At[T] | None:
        if not isinstance(node, Scalar) or not node.text:
            _wrong(node, report, self.wanted)
            return None
        if node.text not in self.choices:
            report.add(
                node.place, f"{shown(node.text)} is unknown", did_you_mean(node.text, self.choices, what=self.what)
            )
            return None
        return At(value=self.choices[node.text], place=node.place)

    def schema(self) -> Schema:
        return {"enum": list(self.choices)}


@dataclass(frozen=True)
class Known:
    """One of many texts that are listed elsewhere, such as time zones."""

    names: Callable[[], Collection[str]]
    what: str
    example: str
    pattern: str

    @property
    def wanted(self) -> str:
        return f"one of the {self.what}, such as `{self.example}`"

    def read(self, node: Node, report: Report) -> At[str] | None:
        if not isinstance(node, Scalar) or not node.text:
            _wrong(node, report, self.wanted)
            return None
        names = self.names()
        if node.text not in names:
            near = did_you_mean(node.text, sorted(names), what=self.what)
            report.add(node.place, f"{shown(node.text)} is unknown", near if near.endswith("?") else self.wanted)
            return None
        return At(value=node.text, place=node.place)

    def schema(self) -> Schema:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "examples": [self.example]}


@dataclass(frozen=True)
class DecimalNumber:
    """A number of at most 9 digits and 4 decimals, exact; written plainly: no sign, no thousands mark, no exponent."""

    wanted: str = "a number such as 5 or 2.50, without quotes, signs or spaces"

    def read(self, node: Node, report: Report) -> At[Decimal] | None:
        if isinstance(node, Scalar) and not node.quoted and re.fullmatch(NUMBER, node.text):
            return At(value=Decimal(node.text), place=node.place)
        _wrong(node, report, self.wanted)
        return None

    def schema(self) -> Schema:
        return {"type": "number", "minimum": 0, "exclusiveMaximum": 10**9}


# The file's currency decides later how many decimals an amount may have.
MONEY: Final = DecimalNumber("an amount of money such as 5.00, without a currency sign")


@dataclass(frozen=True)
class Whole:
    """A whole number between two bounds, both included."""

    least: int
    most: int

    @property
    def wanted(self) -> str:
        return f"a whole number from {self.least} to {self.most}"

    def read(self, node: Node, report: Report) -> At[int] | None:
        if isinstance(node, Scalar) and not node.quoted and re.fullmatch(r"0|[1-9][0-9]{0,8}", node.text):
            number = int(node.text)
            if self.least <= number <= self.most:
                return At(value=number, place=node.place)
        _wrong(node, report, self.wanted)
        return None

    def schema(self) -> Schema:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Phrase(Generic[T]):
    """A text of a fixed form that is taken apart, such as `12 months`.

    `hints` say for forms that are often written and cannot be meant what is wrong with them, and what would be right.
    """

    pattern: str
    wanted: str
    take: Callable[[re.Match[str]], T | None]
    hints: Mapping[str, tuple[str, str]] = dataclasses.field(default_factory=dict)

    def read(self, node: Node, report: Report) -> At[T] | None:
        text = node.text if isinstance(node, Scalar) else ""
        if match := re.fullmatch(self.pattern, text):
            value = self.take(match)
            if value is not None:
                return At(value=value, place=node.place)
        elif hint := next((hint for form, hint in self.hints.items() if re.fullmatch(form, text)), None):
            report.add(node.place, *hint)
            return None
        _wrong(node, report, self.wanted)
        return None

    def schema(self) -> Schema:
        return {"type": "string", "pattern": f"^(?:{self.pattern})$"}


# ── Compositions ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ListOf(Generic[T]):
    """A list of parts of one shape; a part with a fault is left out of what is read."""

    item: Shape[T]
    most: int
    least: int = 1

    @property
    def wanted(self) -> str:
        return f"a list of {self.least} to {self.most}, each {self.item.wanted}"

    def read(self, node: Node, report: Report) -> tuple[T, ...] | None:
        if not isinstance(node, Items):
            _wrong(node, report, self.wanted)
            return None
        if not self.least <= len(node.items) <= self.most:
            report.add(node.place, f"a list of {len(node.items)} stands here", f"here belongs {self.wanted}")
            return None
        read = (self.item.read(item, report) for item in node.items)
        return tuple(value for value in read if value is not None)

    def schema(self) -> Schema:
        return {"type": "array", "items": self.item.schema(), "minItems": self.least, "maxItems": self.most}


@dataclass(frozen=True)
class MapOf(Generic[T]):
    """Names of one shape and what each stands for; None stands for what has a fault, so that its name is known."""

    name: Shape[At[str]]
    value: Shape[T]
    most: int
    wanted: str

    def read(self, node: Node, report: Report) -> tuple[tuple[At[str], T | None], ...] | None:
        if not isinstance(node, Entries):
            _wrong(node, report, self.wanted)
            return None
        if not 1 <= len(node.entries) <= self.most:
            report.add(
                node.place, f"{len(node.entries)} keys stand here", f"here belongs {self.wanted}, at most {self.most}"
            )
            return None
        read = [(self.name.read(key, report), self.value.read(value, report)) for key, value in node.entries]
        return tuple((name, value) for name, value in read if name is not None)

    def schema(self) -> Schema:
        return {
            "type": "object",
            "propertyNames": self.name.schema(),
            "additionalProperties": self.value.schema(),
            "minProperties": 1,
            "maxProperties": self.most,
        }


A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Either(Generic[A, B]):
    """A single value, or a longer form with keys."""

    short: Shape[A]
    long: Shape[B]

    @property
    def wanted(self) -> str:
        return f"{self.short.wanted}, or {self.long.wanted}"

    def read(self, node: Node, report: Report) -> A | B | None:
        if isinstance(node, Items):
            _wrong(node, report, self.wanted)
            return None
        return self.long.read(node, report) if isinstance(node, Entries) else self.short.read(node, report)

    def schema(self) -> Schema:
        return {"anyOf": [self.short.schema(), self.long.schema()]}


@dataclass(frozen=True)
class ChoiceOr(Generic[A, B]):
    """One of a few fixed texts, or a value of another shape."""

    choice: Choice[A]
    other: Shape[At[B]]

    @property
    def wanted(self) -> str:
        return f"{self.choice.wanted}, or {self.other.wanted}"

    def read(self, node: Node, report: Report) -> At[A] | At[B] | None:
        if isinstance(node, Scalar) and node.text in self.choice.choices:
            return self.choice.read(node, report)
        value = self.other.read(node, Report())
        if value is None:
            _wrong(node, report, self.wanted)
        return value

    def schema(self) -> Schema:
        return {"anyOf": [self.choice.schema(), self.other.schema()]}


@dataclass(frozen=True)
class FirstOf(Generic[T]):
    """A value of the first of several shapes that it fits."""

    shapes: tuple[Shape[T], ...]

    @property
    def wanted(self) -> str:
        return ", or ".join(shape.wanted for shape in self.shapes)

    def read(self, node: Node, report: Report) -> T | None:
        for shape in self.shapes:
            value = shape.read(node, Report())
            if value is not None:
                return value
        _wrong(node, report, self.wanted)
        return None

    def schema(self) -> Schema:
        return {"anyOf": [shape.schema() for shape in self.shapes]}


@dataclass(frozen=True)
class OneOrMore(Generic[T]):
    """One part, or a list of such parts."""

    item: Shape[T]
    most: int = 20

    @property
    def wanted(self) -> str:
        return f"{self.item.wanted}, or a list of them"

    def read(self, node: Node, report: Report) -> tuple[T, ...] | None:
        if isinstance(node, Items):
            return ListOf(self.item, most=self.most).read(node, report)
        value = self.item.read(node, report)
        return None if value is None else (value,)

    def schema(self) -> Schema:
        return {"anyOf": [self.item.schema(), ListOf(self.item, most=self.most).schema()]}


@dataclass(frozen=True)
class Ignored:
    """A list that another reader takes care of."""

    wanted: str

    def read(self, node: Node, report: Report) -> tuple[()] | None:
        if isinstance(node, Items):
            return ()
        _wrong(node, report, self.wanted)
        return None

    def schema(self) -> Schema:
        return {"type": "array"}


@dataclass(frozen=True, kw_only=True)
class Written:
    """A part with fixed keys, as the file has it; its fields are declared with `required`, `optional`, `essential`."""

    place: Place


R = TypeVar("R", bound=Written)


@dataclass(frozen=True)
class Record(Generic[R]):
    """A part with fixed keys, read into a class that declares them; of the keys in `one_of` just one is written."""

    kind: type[R]
    wanted: str
    one_of: tuple[str, ...] = ()

    def read(self, node: Node, report: Report) -> R | None:
        if not isinstance(node, Entries):
            _wrong(node, report, self.wanted)
            return None
        keys = _keys(self.kind)
        written = {key.text: (key, value) for key, value in node.entries}
        for name, (at_key, _) in written.items():
            if name not in keys:
                report.add(at_key.place, f"the key `{name}` is unknown", did_you_mean(name, keys, what="keys"))
        chosen = [name for name in self.one_of if name in written]
        if self.one_of and len(chosen) != 1:
            names = " and ".join(f"`{name}`" for name in chosen)
            found = f"{names} stand here" if chosen else f"none of {_listed(self.one_of, 'and')} stands here"
            report.add(node.place, found, f"here belongs just one: {_listed(self.one_of, 'or')}")
        values: dict[str, object] = {}
        complete = True
        for name, key in keys.items():
            value = None
            if name in written:
                value = key.shape.read(written[name][1], report)
            elif key.must:
                report.add(node.place, f"`{name}` is missing", f"here belongs {key.shape.wanted}")
            complete = complete and (value is not None or key.can_go_on)
            values[key.field] = value
        make: Callable[..., R] = self.kind
        return make(place=node.place, **values) if complete else None

    def schema(self) -> Schema:
        keys = _keys(self.kind)
        schema: Schema = {
            "type": "object",
            "properties": {name: {**key.shape.schema(), "description": key.says} for name, key in keys.items()},
            "required": [name for name, key in keys.items() if key.must],
            "additionalProperties": False,
        }
        return schema | ({"oneOf": [{"required": [name]} for name in self.one_of]} if self.one_of else {})


def one_key(kind: type[R]) -> Record[R]:
    """A part of which exactly one key is written."""
    keys = tuple(_keys(kind))
    return Record(kind, _listed(keys, "or"), one_of=keys)


@dataclass(frozen=True, kw_only=True)
class _Key:
    field: str
    shape: Shape[object]
    says: str
    must: bool
    can_go_on: bool


def required(shape: Shape[T], *, says: str) -> T:
    """Declare a key that must be written; without it its record is not read."""
    return cast("T", _declared(shape, says, must=True, can_go_on=False))


def essential(shape: Shape[T], *, says: str) -> T | None:
    """Declare a key that must be written; where it has a fault, None stands in and the rest is still checked."""
    return cast("T | None", _declared(shape, says, must=True, can_go_on=True))


def optional(shape: Shape[T], *, says: str) -> T | None:
    """Declare a key that may be left out: None then."""
    return cast("T | None", _declared(shape, says, must=False, can_go_on=True))


def _declared(shape: Shape[object], says: str, *, must: bool, can_go_on: bool) -> object:
    return dataclasses.field(metadata={"shape": shape, "says": says, "must": must, "can_go_on": can_go_on})


def _keys(kind: type[Written]) -> Mapping[str, _Key]:
    # `from` is a word of Python: its field is `from_`.
    return {
        field.name.rstrip("_"): _Key(field=field.name, **field.metadata)
        for field in dataclasses.fields(kind)
        if field.metadata
    }


def _listed(names: Collection[str], word: str) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} {word} {last}" if others else last


# ── Faults ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _wrong(node: Node, report: Report, wanted: str) -> None:
    report.add(node.place, _found(node), f"here belongs {wanted}")


def _stands_for_no_text(node: Node) -> bool:
    """Whether this is one of the few words that every version of YAML takes for a truth value or for nothing."""
    return isinstance(node, Scalar) and not node.quoted and node.text.lower() in NOT_TEXT


def _found(node: Node) -> str:
    match node:
        case Items():
            return "a list stands here"
        case Entries():
            return "keys and values stand here"
        case Scalar(text="", quoted=False):
            return "nothing is written here"
        case Scalar(text=text):
            return f"{shown(text)} does not fit" if text.strip() else "an empty text stands here"
