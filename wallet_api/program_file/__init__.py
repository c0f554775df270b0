"""The program's definition file: YAML text → `Definition`, with every fault named by its line.

The format is declared in `declaration.py`; `docs/program-format.md` explains it to a shop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wallet_api.domain.definition import Definition

from .declaration import PROGRAM
from .faults import DefinitionFaults, Fault, Report
from .nodes import compose
from .resolve import resolve

__all__ = ["DefinitionFaults", "Fault", "definition_schema", "read_definition"]


def read_definition(
    text: str,
    *,
    files: Callable[[str], bytes] | None = None,
    check_template: Callable[[str, str], Sequence[str]] | None = None,
    check_logo: Callable[[bytes], str | None] | None = None,
) -> Definition:
    """The definition that a file's text stands for; raises DefinitionFaults, which holds all that is wrong with it.

    `files` gives the bytes of a file named in the text, by its path beside it, or raises OSError or KeyError; without
    it such a name is a fault. `check_template` gets a message's kind and one of its texts and says in words what is
    wrong with it; without it placeholders are not checked. `check_logo` says so of a logo's bytes, None for a good one.
    """
    report = Report()
    written = PROGRAM.read(compose(text, report), report)
    if written is None:
        raise DefinitionFaults(report.faults)
    return resolve(written, report, files=files, check_template=check_template, check_logo=check_logo)


def definition_schema() -> dict[str, object]:
    """The format as JSON Schema 2020-12, for editors; what parts mean together only `read_definition` knows."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A loyalty program's definition",
        **PROGRAM.schema(),
    }
