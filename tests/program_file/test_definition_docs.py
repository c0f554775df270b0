"""The page about the format: its examples are read, and no key is missing from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from wallet_api.program_file import definition_schema, read_definition
from wallet_api.program_file.declaration import MESSAGE_KINDS

PAGE: Final = (Path(__file__).parents[2] / "docs" / "program-format.md").read_text(encoding="utf-8")
EXAMPLES: Final = re.findall(r"^```yaml example\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
PNG: Final = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.split(":", maxsplit=1)[0])
def test_an_example_has_no_faults(example: str, complete: Callable[[str], str]) -> None:
    program = read_definition(complete(example), files={"my-shop.png": PNG}.__getitem__)

    assert program.program == "my-shop"


def test_every_key_stands_in_an_example() -> None:
    examples = "\n".join(EXAMPLES)

    missing = [key for key in keys(definition_schema()) if not re.search(rf"(?<![\w-]){key}:", examples)]

    assert missing == []


@pytest.mark.parametrize("kind", MESSAGE_KINDS)
def test_every_kind_of_message_is_named(kind: str) -> None:
    assert f"`{kind}`" in PAGE


def keys(part: object) -> Iterator[str]:
    """The fixed keys of a schema and of all that it holds."""
    if isinstance(part, Mapping):
        properties = part.get("properties")
        if isinstance(properties, Mapping):
            yield from properties
        for inner in part.values():
            yield from keys(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from keys(inner)
