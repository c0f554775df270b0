"""The page about the format: its examples are read, and no key of the declaration is missing from them."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from wallet_api.program_file import read_definition
from wallet_api.program_file.declaration import MESSAGE_KINDS, PROGRAM
from wallet_api.program_file.faults import Report
from wallet_api.program_file.nodes import Entries, Items, Node, compose
from wallet_api.program_file.shapes import (
    At,
    Either,
    FirstOf,
    ListOf,
    MapOf,
    OneOrMore,
    Record,
    Text,
    Written,
    optional,
)

PAGE: Final = (Path(__file__).parents[2] / "docs" / "program-format.md").read_text(encoding="utf-8")
EXAMPLES: Final = re.findall(r"^```yaml example\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
PNG: Final = b"\x89PNG\r\n\x1a\n"

Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class WithASecret(Written):
    known: At[str] | None = optional(Text(), says="Stands in an example.")  # noqa: RUF009 `optional` makes a field
    secret: At[str] | None = optional(Text(), says="Stands in none.")  # noqa: RUF009


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.split(":", maxsplit=1)[0])
def test_an_example_has_no_faults(example: str, complete: Callable[[str], str]) -> None:
    program = read_definition(complete(example), files={"my-shop.png": PNG}.__getitem__)

    assert program.program == "my-shop"


def test_every_key_stands_in_an_example() -> None:
    written = {key for example in EXAMPLES for key in written_keys(PROGRAM, compose(example, Report()))}

    assert sorted(set(declared_keys(PROGRAM)) - written) == []


def test_every_key_stands_in_the_words_of_the_page() -> None:
    words = re.sub(r"^```yaml example\n.*?^```$", "", PAGE, flags=re.MULTILINE | re.DOTALL)

    missing = {key for _, key in declared_keys(PROGRAM) if not re.search(rf"`[^`]*\b{key}\b[^`]*`", words)}

    assert missing == set()


@pytest.mark.parametrize("kind", MESSAGE_KINDS)
def test_every_kind_of_message_is_named(kind: str) -> None:
    assert f"`{kind}`" in PAGE


def declared_keys(shape: object) -> Iterator[Key]:
    """Every key that a shape and the shapes in it declare, with the class that declares it."""
    if isinstance(shape, Record):
        for field in dataclasses.fields(shape.kind):
            if field.metadata:
                yield declarer(shape.kind, field.name), field.name.rstrip("_")
                yield from declared_keys(field.metadata["shape"])
    for inner in inside(shape):
        yield from declared_keys(inner)


def written_keys(shape: object, node: Node) -> Iterator[Key]:
    """The keys of a text that a shape declares."""
    if isinstance(shape, Record) and isinstance(node, Entries):
        fields = {field.name.rstrip("_"): field for field in dataclasses.fields(shape.kind) if field.metadata}
        for key, value in node.entries:
            if key.text in fields:
                yield declarer(shape.kind, fields[key.text].name), key.text
                yield from written_keys(fields[key.text].metadata["shape"], value)
    elif isinstance(shape, MapOf) and isinstance(node, Entries):
        for _, value in node.entries:
            yield from written_keys(shape.value, value)
    elif isinstance(shape, ListOf | OneOrMore) and isinstance(node, Items):
        for item in node.items:
            yield from written_keys(shape.item, item)
    else:
        for inner in inside(shape):
            yield from written_keys(inner, node)


def inside(shape: object) -> tuple[object, ...]:
    """The shapes that a shape is made of."""
    match shape:
        case ListOf() | OneOrMore():
            return (shape.item,)
        case MapOf():
            return (shape.value,)
        case Either():
            return (shape.short, shape.long)
        case FirstOf():
            return shape.shapes
        case _:
            return ()


def declarer(kind: type[Written], field: str) -> str:
    """The name of the class that declares a field: keys that several parts inherit are the same key."""
    return next(each.__name__ for each in kind.__mro__ if field in inspect.get_annotations(each))


def test_a_key_without_an_example_would_be_found() -> None:
    part = Record(WithASecret, "a part")

    assert set(declared_keys(part)) == {("WithASecret", "known"), ("WithASecret", "secret")}
    assert set(written_keys(part, compose("known: 1", Report()))) == {("WithASecret", "known")}
