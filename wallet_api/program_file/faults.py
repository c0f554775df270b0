"""What is wrong with a definition file: where it stands, what was found, what was expected."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

MOST_FAULTS: Final = 100
MOST_WORD_CHARACTERS: Final = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where something stands: line and column from 1, and its name within what holds it."""

    line: int
    column: int
    name: str = ""
    within: Place | None = None

    @property
    def path(self) -> str:
        """The keys that lead here, as in `tiers.levels[1].from`; lists count from 0."""
        names: list[str] = []
        place: Place | None = self
        while place is not None:
            names.append(place.name)
            place = place.within
        return "".join(name if name.startswith("[") else f".{name}" for name in reversed(names) if name).lstrip(".")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault of a definition file; line and column count from 1."""

    line: int
    column: int
    path: str
    found: str
    expected: str

    def __str__(self) -> str:
        where = f"line {self.line}, {self.path}" if self.path else f"line {self.line}"
        return f"{where}: {self.found}; {self.expected}"


class DefinitionFaults(Exception):
    """The definition file has faults; `faults` holds them in the order of the file, its text one line for each."""

    def __init__(self, faults: Collection[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(sorted(faults, key=lambda fault: (fault.line, fault.column)))
        super().__init__("\n".join(str(fault) for fault in self.faults))


class Report:
    """Collects the faults of one file, so that a shop mends all of them at once."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, place: Place, found: str, expected: str) -> None:
        """Note a fault; a file with `MOST_FAULTS` of them is given up at once: DefinitionFaults."""
        self.faults.append(
            Fault(
                line=place.line,
                column=place.column,
                path=place.path,
                found=_one_line(found),
                expected=_one_line(expected),
            )
        )
        if len(self.faults) >= MOST_FAULTS:
            raise DefinitionFaults(self.faults)


def shown(text: str) -> str:
    """A word of the file as a fault quotes it: in backquotes, cut where it is long."""
    if len(text) > MOST_WORD_CHARACTERS:
        text = f"{text[:MOST_WORD_CHARACTERS]}…"
    return f"`{text}`"


def did_you_mean(word: str, known: Collection[str], *, what: str) -> str:
    """The nearest of the known words as a question, else all of them; `what` names them in the plural."""
    if not known:
        return f"there are no {what} here"
    near = get_close_matches(word, known, n=1) if len(word) <= MOST_WORD_CHARACTERS else []
    if near:
        return f"did you mean `{near[0]}`?"
    some = [f"`{name}`" for name in list(known)[:12]]
    return f"{what} here: {', '.join(some)}{' …' if len(known) > len(some) else ''}"


def _one_line(words: str) -> str:
    """What the file has may hold line breaks or control characters; a fault is one line that a terminal can show."""
    return "".join(character if character.isprintable() else " " for character in words)
