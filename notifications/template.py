"""Texts with placeholders: `{name}`, and of ICU's message format plurals, choices, numbers, dates.

    You earned {points}.
    {points, plural, =0 {Nothing yet} one {# point to go} other {# points to go}}
    {status, select, paid {Thank you.} other {Welcome.}}
    {day, date, short}    {points, number}

A text is read once and kept: `parse` is what rendering a million messages would else spend its time on. Two braces show one,
outside of plurals and choices. https://unicode-org.github.io/icu/userguide/format_parse/messages/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

TEXTS_KEPT = 10_000
DEPTH_MAX = 4
PLURAL_FORMS = ("zero", "one", "two", "few", "many", "other")
FORMATS = ("short", "medium", "long", "full")

_NAME = re.compile(r"\s*([^\s{},#']+)\s*")
_SELECTOR = re.compile(r"\s*(=[0-9]{1,9}|[A-Za-z_][A-Za-z0-9_]{0,40})\s*\{")


class MalformedText(ValueError):
    """The text is not a template."""


@dataclass(frozen=True, kw_only=True)
class Literal:
    """Words as they stand."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Value:
    """A placeholder; `kind` is empty, `number` or `date`, `style` what a date is written like."""

    name: str
    kind: str = ""
    style: str = "long"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several texts, by a number's plural form (or the number itself, `=0`) or by a word."""

    name: str
    is_plural: bool
    options: "Mapping[str, Parts]"


@dataclass(frozen=True)
class Count:
    """`#` in a plural: the number itself."""


Part = Literal | Value | Choice | Count
Parts = tuple[Part, ...]


@lru_cache(maxsize=TEXTS_KEPT)
def parse(text: str) -> Parts:
    """The parts of a text; raises MalformedText that says what is wrong."""
    return _Reader(text).parts(depth=0, plural=None)


def names_in(parts: Parts) -> Iterator[str]:
    """The placeholders of a text, those within plurals and choices too."""
    for part in parts:
        if isinstance(part, Value | Choice):
            yield part.name
        if isinstance(part, Choice):
            for option in part.options.values():
                yield from names_in(option)


class _Reader:
    """Goes through a text once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def parts(self, *, depth: int, plural: str | None) -> Parts:
        """What stands here, to the end of the text, or to the brace that ends an option."""
        found: list[Part] = []
        said = ""
        while self._at < len(self._text):
            here, pair = self._text[self._at], self._text[self._at : self._at + 2]
            if depth == 0 and pair in ("{{", "}}"):
                said += here
                self._at += 2
            elif here == "}":
                if depth == 0:
                    raise MalformedText("a brace stands alone; write {{ or }} to show one")
                break
            elif here == "{":
                if said:
                    found.append(Literal(text=said))
                    said = ""
                self._at += 1
                found.append(self._placeholder(depth=depth))
            elif here == "#" and plural is not None:
                if said:
                    found.append(Literal(text=said))
                    said = ""
                self._at += 1
                found.append(Count())
            else:
                said += here
                self._at += 1
        if said:
            found.append(Literal(text=said))
        return tuple(found)

    def _placeholder(self, *, depth: int) -> Part:
        """What stands between braces; the first of them is behind us."""
        end = self._text.find("}", self._at)
        if end < 0:
            raise MalformedText("a brace stands alone; write {{ or }} to show one")
        head = _NAME.match(self._text, self._at)
        if head is None or not head[1].isidentifier() or self._text[head.end() : head.end() + 1] not in ("}", ","):
            shown = re.match(r"[^\s{}\[.!:]*", self._text[self._at : end])
            whole = self._text[self._at : end]
            name = whole if not re.search(r"[!:]", whole) else (shown[0] if shown else "")
            raise MalformedText(f"{{{name}}} must be a plain name in braces")
        name = head[1]
        self._at = head.end() + 1
        if self._text[head.end()] == "}":
            return Value(name=name)
        return self._formatted(name, depth=depth)

    def _formatted(self, name: str, *, depth: int) -> Part:
        kind_match = _NAME.match(self._text, self._at)
        kind = kind_match[1] if kind_match else ""
        if kind_match is None or kind not in ("plural", "select", "number", "date"):
            raise MalformedText(f"{{{name}, {kind}}} is unknown; it may be plural, select, number or date")
        self._at = kind_match.end()
        if kind in ("plural", "select"):
            return self._choice(name, is_plural=kind == "plural", depth=depth)
        style = "long"
        if kind == "date" and self._text[self._at : self._at + 1] == ",":
            style_match = _NAME.match(self._text, self._at + 1)
            style = style_match[1] if style_match else ""
            if style_match is None or style not in FORMATS:
                raise MalformedText(f"{{{name}, date}} may be written {', '.join(FORMATS)}; not {style}")
            self._at = style_match.end()
        self._end_of(name, kind)
        return Value(name=name, kind=kind, style=style)

    def _choice(self, name: str, *, is_plural: bool, depth: int) -> Choice:
        kind = "plural" if is_plural else "select"
        if depth >= DEPTH_MAX:
            raise MalformedText(f"{{{name}, {kind}}} stands too deep in others; {DEPTH_MAX} is the most")
        if self._text[self._at : self._at + 1] != ",":
            raise MalformedText(f"{{{name}, {kind}}} has no texts; write {{{name}, {kind}, other {{…}}}}")
        self._at += 1
        options: dict[str, Parts] = {}
        while selector := _SELECTOR.match(self._text, self._at):
            if is_plural and selector[1] not in PLURAL_FORMS and not selector[1].startswith("="):
                raise MalformedText(f"{selector[1]} is no plural form; they are {', '.join(PLURAL_FORMS)}")
            self._at = selector.end()
            options[selector[1]] = self.parts(depth=depth + 1, plural=name if is_plural else None)
            self._end_of(name, kind)
        if "other" not in options:
            raise MalformedText(f"{{{name}, {kind}}} has no text for other; every other case needs one")
        self._skip_spaces()
        self._end_of(name, kind)
        return Choice(name=name, is_plural=is_plural, options=options)

    def _skip_spaces(self) -> None:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1

    def _end_of(self, name: str, kind: str) -> None:
        if self._text[self._at : self._at + 1] != "}":
            raise MalformedText(f"{{{name}, {kind}}} does not end; a brace is missing")
        self._at += 1
