"""Commands on programs: check and apply a definition file, print its format, open locations."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from wallet_api.cli.database import database, ready_app
from wallet_api.cli.definition_file import beside, faults_by_line, text_of
from wallet_api.cli.settlement import settle_partners
from wallet_api.cli.simulate import simulate
from wallet_api.domain.definition import Definition
from wallet_api.program_file import definition_schema
from wallet_api.program_file.journeys import (
    ActivityStep,
    CampaignStep,
    QuoteStep,
    RedeemStep,
    ReturnStep,
    SaleStep,
    Step,
    read_journeys,
)
from wallet_api.services import create_location, publish
from wallet_api.services.explain import Explainer
from wallet_api.services.run_journeys import JourneyRun, StepRun, run_journeys
from wallet_api.settings import Settings
from wallet_api.store.scratch import MayNotCreateDatabases, scratch_database
from wallet_api.store.session import Database

_FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def program() -> None:
    """Programs and their definition files."""


program.add_command(simulate)
program.add_command(settle_partners)


@program.command()
@_FILE
def check(file: Path) -> None:
    """Say what is wrong with a definition file, line by line; or, if nothing is, what it says."""
    text = text_of(file)
    with faults_by_line(file):
        definition = publish.check(text, files=beside(file))
        read_journeys(text)
    click.echo(_summary(definition))


@program.command("test")
@_FILE
@click.option(
    "--journeys",
    "other_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Run the journeys of this file instead of the program's own.",
)
def run_tests(file: Path, other_file: Path | None) -> None:
    """Run a definition file's worked examples in a database of their own; exit 1 where one differs."""
    source, text = other_file or file, text_of(file)
    with faults_by_line(file):
        definition = publish.check(text, files=beside(file))
    with faults_by_line(source):
        journeys = read_journeys(text_of(source), program=definition.program)
    if not journeys:
        raise click.ClickException(f"{source.name} has no journeys. Write some, or name a file with --journeys.")
    # Nothing of the shop's own is touched, so its secret is not needed.
    settings = Settings.from_env({**os.environ, "CARNET_SECRET_KEY": secrets.token_hex(32)})
    steps: list[StepRun] = []
    with _scratch(settings) as db:
        for run in run_journeys(db, settings, text, journeys, files=beside(file)):
            _print_journey(run, source)
            steps += run.steps
    differing = sum(not step.is_as_expected for step in steps)
    ran = f"{_count(len(journeys), 'journey')}, {_count(len(steps), 'step')}"
    if differing:
        raise click.ClickException(f"{ran}: {differing} not as expected.")
    click.echo(f"{ran}: all as expected.")


@program.command()
@_FILE
@click.option(
    "--from",
    "valid_from",
    type=click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]),
    help="From when on it is in force: a day (its beginning) or a moment, in the program's time zone; at once if left out.",
)
def apply(file: Path, valid_from: datetime | None) -> None:
    """Publish a definition file: a new version of its program, in force at once or from an instant on.

    What members have earned stays as it is; their tiers and open lots are carried over as `carry_over` in the file says.
    """
    text = text_of(file)
    with faults_by_line(file):
        definition = publish.check(text, files=beside(file))
        read_journeys(text)
    since = valid_from.replace(tzinfo=definition.time_zone) if valid_from else None
    with ready_app() as app:
        _, version = publish.publish(app, text, now=app.clock.now(), files=beside(file), valid_from=since)
    when = f"will be in force from {since:%Y-%m-%d %H:%M} ({definition.time_zone.key})" if since else "is in force"
    click.echo(f"Version {version} of {definition.program} {when}.")


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


@contextlib.contextmanager
def _scratch(settings: Settings) -> Iterator[Database]:
    """A database on the shop's server that is gone afterwards."""
    with contextlib.ExitStack() as stack:
        beside = stack.enter_context(database(settings))
        try:
            db = stack.enter_context(scratch_database(beside))
        except MayNotCreateDatabases as fault:
            raise click.ClickException(str(fault)) from fault
        yield db


def _print_journey(run: JourneyRun, source: Path) -> None:
    click.echo(f"{run.journey.name} ({source.name}, line {run.journey.line})")
    for step in run.steps:
        click.echo(f"  {'ok     ' if step.is_as_expected else 'DIFFERS'}  {_what(step.step)}")
        if step.cannot:
            click.echo(f"           {step.cannot}")
        for difference in step.differences:
            click.echo(f"           {difference.key}: expected {difference.expected}, actual {difference.actual}")


def _what(step: Step) -> str:
    at = step.at.value
    when = f"{at:%Y-%m-%d}" if (at.hour, at.minute, at.second) == (12, 0, 0) else f"{at:%Y-%m-%d %H:%M:%S}"
    return " ".join(filter(None, (f"line {step.line}:", when, step.do, _of_what(step))))


def _of_what(step: Step) -> str | None:
    """What the step is about, in the file's own words."""
    match step:
        case SaleStep() | QuoteStep():
            return step.id.value if step.id else None
        case ReturnStep():
            return f"of {step.of.value}"
        case RedeemStep():
            return step.reward
        case ActivityStep():
            return step.kind
        case CampaignStep():
            return step.id
        case _:
            return None


def _summary(definition: Definition) -> str:
    words = Explainer(definition, "en")
    units = ", ".join(unit.name.text("en") for unit in definition.units.values())
    sentences = [
        f"{definition.program} is fine: “{definition.name.text('en')}” counts {units or 'nothing'} in {definition.currency}.",
        f"Its days are those of {definition.time_zone.key}, its languages {', '.join(definition.languages)}.",
        f"It has {_count(len(definition.earning), 'earning rule')} and {_count(len(definition.rewards), 'reward')}.",
    ]
    if scheme := definition.tiers:
        levels = [
            f"{level.name.text('en')} by invitation"
            if level.threshold is None
            else f"{level.name.text('en')} from {words.measure(scheme.measure, level.threshold)}"
            for level in scheme.levels
        ]
        over = scheme.rolling
        period = (
            f"over {over.months or over.days} {'months' if over.months else 'days'}" if over else f"a {scheme.years}"
        )
        sentences.append(f"Its tiers are {', '.join(levels)} {period}.")
    if definition.plans:
        plans = ", ".join(plan.name.text("en") for plan in definition.plans.values())
        sentences.append(f"Its plans are {plans}.")
    if definition.verification:
        sentences.append(f"Members prove: {definition.verification.name.text('en')}.")
    return " ".join(sentences)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
