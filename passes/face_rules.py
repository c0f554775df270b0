"""What every wallet asks of a face: colours that are colours, links that are links, clean text."""

import re
from collections.abc import Iterator
from typing import Final

from passes.errors import PassRefused

TEXT_CHARACTERS_MAX: Final = 4_000
# Tab and line breaks are fit; the rest of C0, DEL and lone surrogates break JSON or its readers.
_UNFIT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def rgb(colour: str, *, field: str) -> tuple[int, int, int]:
    """Read `#rrggbb`; raises `PassRefused` with the field's name for anything else."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
        raise PassRefused(field, f"{colour[:20]!r} is not of the form #rrggbb")
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def link_url(url: str, *, field: str) -> str:
    """Return an address that a pass may lead to: https, mailto or tel; else `PassRefused`."""
    if not re.fullmatch(r"(https://|mailto:|tel:)[^\s<>\"']+", url):
        raise PassRefused(field, "is not an https, mailto or tel address")
    return url


def text_fault(text: str) -> str | None:
    """Say what makes a text unfit for a pass, or None."""
    if _UNFIT.search(text):
        return "holds a control character, or half a character (a lone surrogate)"
    if len(text) > TEXT_CHARACTERS_MAX:
        return f"is longer than {TEXT_CHARACTERS_MAX} characters"
    return None


def text_faults(document: object) -> Iterator[tuple[str, str]]:
    """Find unfit texts at any depth of a JSON value: the field's path, and what is wrong.

    Walks with a list of its own: a document nested deep on purpose must not end the process.
    """
    todo: list[tuple[str, object]] = [("", document)]
    while todo:
        path, value = todo.pop()
        if isinstance(value, dict):
            dot = "." if path else ""
            todo += [(f"{path}{dot}{key}", part) for key, part in value.items()]
        elif isinstance(value, list):
            todo += [(f"{path}[{index}]", part) for index, part in enumerate(value)]
        elif isinstance(value, str) and (what := text_fault(value)):
            yield path, what
