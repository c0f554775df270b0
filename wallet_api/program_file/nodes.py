"""YAML text → a tree of nodes that know their line.

Built on PyYAML's events instead of its constructed values, because YAML 1.1 reads `on` as true, `12:30` as 750 and
`2025-03-10` as a date: here a scalar stays the text that the shop wrote, and its shape decides what it means. Anchors,
aliases, tags and further documents are refused, so what is read is never larger than what was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NoReturn

import yaml

from .faults import DefinitionFaults, Place, Report, shown

MOST_BYTES: Final = 1024 * 1024
MOST_LEVELS: Final = 32
MOST_NODES: Final = 50_000  # some 3,000 steps of journeys; PyYAML reads so many in about a second
MOST_KEY_CHARACTERS: Final = 64

# Tab and line feed are the only control characters that a text may hold; a lone surrogate cannot be stored or sent.
UNWRITABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")

HINTS: Final = {
    "found character '\\t' that cannot start any token": ("a tab stands here", "indent with spaces"),
    "mapping values are not allowed here": (
        "this `:` cannot stand here",
        "line the keys up, and put a text that holds `: ` in quotes",
    ),
    "found character '%' that cannot start any token": ("a text begins with `%`", "put it in quotes"),
    "found character '@' that cannot start any token": ("a text begins with `@`", "put it in quotes"),
    "found character '`' that cannot start any token": ("a text begins with a backquote", "put it in quotes"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scalar:
    """A single value as it is written; `quoted` where quotes or a block mark say that it is text."""

    place: Place
    text: str
    quoted: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Items:
    """A list."""

    place: Place
    items: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Entries:
    """Keys and their values, in the order of the file; no key stands twice."""

    place: Place
    entries: tuple[tuple[Scalar, Node], ...]


Node = Scalar | Items | Entries


def compose(text: str, report: Report) -> Node:
    """The tree of the file's one document; raises DefinitionFaults where the text cannot be read as YAML at all."""
    top = Place(line=1, column=1)
    if len(text) > MOST_BYTES or len(text.encode(errors="surrogatepass")) > MOST_BYTES:
        raise _unreadable(
            report, top, "the file is larger than 1 MiB", "keep it shorter; a logo can be a file of its own"
        )
    try:
        return _Composer(text, report).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(line=mark.line + 1, column=mark.column + 1) if mark else top
        problem = error.problem or error.context or "this is not YAML"
        found, expected = HINTS.get(
            problem, (f"this cannot be read: {problem}", "look at this line and the one before")
        )
        raise _unreadable(report, place, found, expected) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(line=before.count("\n") + 1, column=len(before) - before.rfind("\n"))
        raise _unreadable(report, place, "a character stands here that no text may hold", "remove it") from None
    except (ValueError, OverflowError):  # PyYAML on "\UFFFFFFFF" and on a %YAML line with a huge number
        raise _unreadable(report, top, "an escape or a number is out of range", "write the character itself") from None


def _unreadable(report: Report, place: Place, found: str, expected: str) -> DefinitionFaults:
    report.add(place, found, expected)
    return DefinitionFaults(report.faults)


class _Composer:
    def __init__(self, text: str, report: Report) -> None:
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self.report = report
        self.nodes = 0

    def document(self) -> Node:
        next(self.events)  # the stream's start
        if isinstance(start := next(self.events), yaml.StreamEndEvent):
            self.stop(_place(start), "the file is empty", "begin with `program: ` and an id")
        root = self.node(next(self.events), within=None, name="", level=0)
        next(self.events)  # the document's end
        if not isinstance(more := next(self.events), yaml.StreamEndEvent):
            self.stop(_place(more), "a second document begins here", "one file holds one program")
        return root

    def node(self, event: yaml.Event, *, within: Place | None, name: str, level: int) -> Node:
        place = _place(event, within=within, name=name)
        self.nodes += 1
        if self.nodes > MOST_NODES:
            self.stop(place, f"this file holds more than {MOST_NODES} keys and values", "split its journeys over files")
        if level > MOST_LEVELS:
            self.stop(place, f"this is more than {MOST_LEVELS} levels deep", "keep it flatter")
        if isinstance(event, yaml.AliasEvent):
            self.report.add(place, f"`*{event.anchor}` repeats another part", "write that part out again")
            return Scalar(place=place, text="", quoted=True)
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self.report.add(place, f"`&{event.anchor}` names a part to repeat it", "leave it out")
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) and event.tag is not None:
            self.report.add(place, f"the tag {shown(event.tag)} stands here", "leave it out")
        if isinstance(event, yaml.SequenceStartEvent):
            return self.items(place, level)
        if isinstance(event, yaml.MappingStartEvent):
            return self.entries(place, level)
        assert isinstance(event, yaml.ScalarEvent), event
        return self.scalar(event, place)

    def scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        if UNWRITABLE.search(event.value):
            self.report.add(place, "a control character stands in this text", "remove it")
        return Scalar(place=place, text=event.value, quoted=event.style is not None)

    def items(self, place: Place, level: int) -> Items:
        items: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, within=place, name=f"[{len(items)}]", level=level + 1))
        return Items(place=place, items=tuple(items))

    def entries(self, place: Place, level: int) -> Entries:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, within=place, name="", level=level + 1)
            good = isinstance(key, Scalar) and 0 < len(key.text) <= MOST_KEY_CHARACTERS and key.text.isprintable()
            name = key.text if isinstance(key, Scalar) and good else ""
            at_key = replace(key.place, name=name)
            value = self.node(next(self.events), within=place, name=name, level=level + 1)
            if not isinstance(key, Scalar) or not good:
                self.report.add(
                    at_key, "this is not a key", f"a key is one word of at most {MOST_KEY_CHARACTERS} letters"
                )
            elif name in entries:
                first = entries[name][0].place.line
                self.report.add(at_key, f"the key `{name}` stands twice, first in line {first}", "keep one of the two")
            else:
                entries[name] = (replace(key, place=at_key), value)
        return Entries(place=place, entries=tuple(entries.values()))

    def stop(self, place: Place, found: str, expected: str) -> NoReturn:
        raise _unreadable(self.report, place, found, expected)


def _place(event: yaml.Event, *, within: Place | None = None, name: str = "") -> Place:
    mark = event.start_mark
    assert mark is not None, "the parser gives every event a mark"
    return Place(line=mark.line + 1, column=mark.column + 1, name=name, within=within)
