"""Definition files as commands read them: their text, what is beside them, and their faults by line."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from wallet_api.domain.definition import Definition
from wallet_api.program_file import DefinitionFaults
from wallet_api.services import publish


def checked(file: Path) -> Definition:
    """The definition that a file holds; ends the command with a list where it has faults."""
    with faults_by_line(file):
        return publish.check(text_of(file), files=beside(file))


def text_of(file: Path) -> str:
    """A file's text; ends the command where it is not UTF-8."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as trouble:
        raise click.ClickException(f"{file.name} is not UTF-8. Save it as UTF-8.") from trouble


@contextlib.contextmanager
def faults_by_line(file: Path) -> Iterator[None]:
    """Faults found in the block are listed by line, then end the command."""
    try:
        yield
    except DefinitionFaults as faults:
        for fault in faults.faults:
            click.echo(f"{file}:{fault.line}:{fault.column}: {fault.path or 'file'}: {fault.found}; {fault.expected}")
        count = f"{len(faults.faults)} fault{'' if len(faults.faults) == 1 else 's'}"
        raise click.ClickException(f"{file.name} has {count}. Mend them.") from faults


def beside(file: Path) -> Callable[[str], bytes]:
    """Reads the files that a definition names."""
    return lambda name: (file.parent / name).read_bytes()
