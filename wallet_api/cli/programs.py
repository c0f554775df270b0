"""Commands on programs: check and apply a definition file, print its format, open locations."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

from wallet_api.cli.database import ready_app
from wallet_api.domain.definition import Definition
from wallet_api.program_file import DefinitionFaults, definition_schema
from wallet_api.services import create_location, publish
from wallet_api.services.explain import Explainer

_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def program() -> None:
    """Programs and their definition files."""


@program.command()
@_FILE
def check(file: Path) -> None:
    """Say what is wrong with a definition file, line by line; or, if nothing is, what it says."""
    try:
        definition = publish.check(_text(file), files=_beside(file))
    except DefinitionFaults as faults:
        for fault in faults.faults:
            click.echo(f"{file}:{fault.line}:{fault.column}: {fault.path or 'file'}: {fault.found}; {fault.expected}")
        raise click.ClickException(f"{file.name} has {_count(len(faults.faults), 'fault')}. Mend them.") from faults
    click.echo(_summary(definition))


@program.command()
@_FILE
def apply(file: Path) -> None:
    """Publish a definition file: a new version of its program, in force at once."""
    text = _text(file)
    with ready_app() as app:
        definition, version = publish.publish(app, text, now=app.clock.now(), files=_beside(file))
    click.echo(f"Version {version} of {definition.program} is in force.")


@program.command()
def schema() -> None:
    """Print the JSON Schema of definition files, for editors."""
    click.echo(json.dumps(definition_schema(), indent=2, ensure_ascii=False))


@click.group()
def location() -> None:
    """The program's shops."""


@location.command("create")
@click.option("--program", "program_id", required=True, help="The program's id.")
@click.option("--code", required=True, help="What rules, keys and imports call it.")
@click.option("--name", required=True, help="What people call it.")
@click.option("--latitude", type=click.FloatRange(-90, 90))
@click.option("--longitude", type=click.FloatRange(-180, 180))
def create(program_id: str, code: str, name: str, latitude: float | None, longitude: float | None) -> None:
    """Open a location, or change the one with this code; prints its id."""
    if (latitude is None) != (longitude is None):
        raise click.UsageError("Give both --latitude and --longitude, or neither.")
    with ready_app() as app:
        made = create_location.create_location(
            app, program_id, code=code, name=name, latitude=latitude, longitude=longitude
        )
    click.echo(made.id)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as trouble:
        raise click.ClickException(f"{file.name} is not UTF-8. Save it as UTF-8.") from trouble


def _beside(file: Path) -> Callable[[str], bytes]:
    return lambda name: (file.parent / name).read_bytes()


def _summary(definition: Definition) -> str:
    words = Explainer(definition, "en")
    units = ", ".join(unit.name.text("en") for unit in definition.units.values())
    sentences = [
        f"{definition.program} is fine: “{definition.name.text('en')}” counts {units} in {definition.currency}.",
        f"Its days are those of {definition.time_zone.key}, its languages {', '.join(definition.languages)}.",
        f"It has {_count(len(definition.earning), 'earning rule')} and {_count(len(definition.rewards), 'reward')}.",
    ]
    if scheme := definition.tiers:
        levels = [
            f"{level.name.text('en')} from {words.measure(scheme.measure, level.threshold)}" for level in scheme.levels
        ]
        sentences.append(f"Its tiers are {', '.join(levels)} a calendar year.")
    return " ".join(sentences)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
