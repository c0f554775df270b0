"""`carnet program simulate`: what a changed definition would have made of the past, before it is published."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wallet_api.cli.database import database
from wallet_api.cli.definition_file import checked
from wallet_api.cli.simulation_words import as_json, in_words
from wallet_api.clock import SystemClock
from wallet_api.domain.definition import Definition, with_days
from wallet_api.services import pasts
from wallet_api.services.app import App
from wallet_api.services.csv_file import CsvFile
from wallet_api.services.pasts import BadLines, NothingToReplay, OtherCurrency, Pasts
from wallet_api.services.readiness import why_not_ready
from wallet_api.services.simulate import Simulation
from wallet_api.services.simulate import simulate as replay
from wallet_api.settings import Settings
from wallet_api.store import programs

STEPS_A_REPORT = 10_000
PICTURES = (".png", ".svg")
_PATH = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclass(frozen=True, kw_only=True)
class _Today:
    """What a changed definition is compared with, and what people call it."""

    definition: Definition
    title: str


@click.command()
@click.argument("file", type=_PATH)
@click.option("--transactions", type=_PATH, help="Replay this CSV file of sales instead of the program's own.")
@click.option("--against", type=_PATH, help="Compare with this definition file instead of the version in force.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The replay's last day; else that of the last sale.")
@click.option("--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw it into a .png or .svg file too.")
@click.option("--json", "in_json", is_flag=True, help="Print JSON: money in minor units, units in smallest steps.")
def simulate(
    file: Path,
    *,
    transactions: Path | None,
    against: Path | None,
    until: datetime | None,
    plot: Path | None,
    in_json: bool,
) -> None:
    """Replay the past against a changed definition, beside today's, and say what would be different.

    The past is what the database has of the program, or a CSV file with the columns of `carnet import transactions`.
    Nothing is written but the picture.
    """
    draw = _drawing(plot) if plot else None
    changed = checked(file)
    today = _Today(definition=checked(against), title=against.name) if against else None
    last_day = until.date() if until else None
    with contextlib.ExitStack() as stack:
        report = stack.enter_context(_reports())
        if transactions:
            today = today or _in_force_somewhere(changed.program)
            _refuse_other_currency(file, changed, today)
            basis = today.definition if today else changed
            past = stack.enter_context(_of_file(transactions, basis, last_day=last_day, read=report.read))
        else:
            app = stack.enter_context(_database())
            today = today or _in_force(app, changed.program, file)
            _refuse_other_currency(file, changed, today)
            changed, today = _with_started_promotions(app, changed, today)
            past = _of_database(app, changed.program, today.definition, last_day=last_day)
        compared = today.definition if today else None
        simulation = replay(past, changed, today=compared, progress=report.replaying(past.transactions))
    if draw:
        draw(simulation)
    if in_json:
        click.echo(json.dumps(as_json(simulation), indent=2, ensure_ascii=False))
    else:
        click.echo(in_words(simulation, changed_title=file.name, today_title=today.title if today else None))


def _drawing(file: Path) -> Callable[[Simulation], None]:
    """How to draw into a file; ends the command before the long work if that cannot be."""
    if file.suffix.lower() not in PICTURES:
        raise click.BadParameter(f"{file.name} ends in neither {' nor '.join(PICTURES)}.", param_hint="--plot")
    if not file.absolute().parent.is_dir():
        raise click.BadParameter(f"There is no folder {file.absolute().parent}. Create it first.", param_hint="--plot")
    try:
        from wallet_api.services.simulation_plot import draw  # noqa: PLC0415 an optional extra, and slow to load
    except ImportError as missing:
        raise click.ClickException(
            "Pictures need the extra `plots`, which is not installed: pip install 'carnet[plots]'. Or leave out --plot."
        ) from missing
    return lambda simulation: draw(simulation, file)


# ── What is compared ─────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def _database() -> Iterator[App]:
    """The shop's database; ends the command where there is none."""
    with contextlib.ExitStack() as stack:
        app = stack.enter_context(_database_if_any())
        if app is None:
            raise click.ClickException(
                "There is no database to take sales from. Set DATABASE_URL, or name a file of sales with --transactions."
            )
        yield app


@contextlib.contextmanager
def _database_if_any() -> Iterator[App | None]:
    """The shop's database, if there is one: a private one is not made for a look."""
    # Nothing is signed here, so the shop's secret is not needed.
    settings = Settings.from_env({**os.environ, "CARNET_SECRET_KEY": secrets.token_hex(32)})
    if settings.database_url is None and not (settings.data_dir / "postgres").is_dir():
        yield None
        return
    with database(settings) as db:
        app = App(settings=settings, clock=SystemClock(), db=db)
        if why := why_not_ready(app):
            raise click.ClickException(why)
        yield app


def _in_force_somewhere(program: str) -> _Today | None:
    """The version in force, if there is a database and it knows the program."""
    with _database_if_any() as app:
        return _known(app, program) if app else None


def _in_force(app: App, program: str, file: Path) -> _Today:
    known = _known(app, program)
    if known is None:
        raise click.ClickException(
            f"The database has no program {program}, so there are no sales to replay. Correct `program` in {file.name}, "
            "or name a file of sales with --transactions."
        )
    return known


def _known(app: App, program: str) -> _Today | None:
    with app.db.read() as tx:
        version = app.current_version(tx, program)
        if version is None:
            return None
        return _Today(definition=app.current_definition(tx, program), title=f"version {version}, in force")


def _with_started_promotions(app: App, changed: Definition, today: _Today) -> tuple[Definition, _Today]:
    """Both definitions with the days for which promotions have been started: those are a part of the past."""
    with app.db.read() as tx:
        days = programs.promotion_days(tx, changed.program)
    return with_days(changed, days), _Today(definition=with_days(today.definition, days), title=today.title)


def _refuse_other_currency(file: Path, changed: Definition, today: _Today | None) -> None:
    if today and today.definition.currency != changed.currency:
        raise click.ClickException(
            f"{file.name} counts in {changed.currency}, today's definition ({today.title}) in "
            f"{today.definition.currency}. The same sales cannot be replayed in both; write {file.name} in "
            f"{today.definition.currency}."
        )


# ── The past ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _of_database(app: App, program: str, definition: Definition, *, last_day: date | None) -> Pasts:
    try:
        return pasts.recorded(app, program, definition, last_day=last_day)
    except (NothingToReplay, OtherCurrency) as fault:
        raise click.ClickException(str(fault)) from fault


@contextlib.contextmanager
def _of_file(
    file: Path, definition: Definition, *, last_day: date | None, read: Callable[[int], None]
) -> Iterator[Pasts]:
    source = CsvFile.open(file)
    with contextlib.ExitStack() as stack:
        lines = pasts.written(source.lines(), definition, now=SystemClock().now(), last_day=last_day, read=read)
        try:
            past = stack.enter_context(lines)
        except NothingToReplay as fault:
            raise click.ClickException(str(fault)) from fault
        except BadLines as bad:
            for line in bad.first:
                click.echo(f"{file}:{line.line.number}: {line.reason}")
            if bad.count > len(bad.first):
                click.echo(f"And {bad.count - len(bad.first)} more.")
            told = "1 line that cannot be read" if bad.count == 1 else f"{bad.count} lines that cannot be read"
            raise click.ClickException(f"{file.name} has {told}. Mend or remove them.") from bad
        yield past


# ── Progress ─────────────────────────────────────────────────────────────────────────────────────────────────────


class _Report:
    """Says on standard error how far the work is: standard output is for the answer."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._task = bar.add_task("Lines read", total=None) if bar else None
        self._said = 0

    def read(self, count: int) -> None:
        """So many lines have been read."""
        self._say(count, f"{count} lines read.")

    def replaying(self, total: int) -> Callable[[int], None]:
        """From now on transactions are replayed, so many in all."""
        self._said = 0
        if self._bar and self._task is not None:
            self._bar.update(self._task, description="Transactions replayed", completed=0, total=total)
        return lambda count: self._say(count, f"{count} of {total} transactions replayed.")

    def _say(self, count: int, sentence: str) -> None:
        if self._bar and self._task is not None:
            self._bar.update(self._task, completed=count)
        elif count // STEPS_A_REPORT > self._said:
            self._said = count // STEPS_A_REPORT
            click.echo(sentence, err=True)


@contextlib.contextmanager
def _reports() -> Iterator[_Report]:
    """A bar on a terminal, else a line now and then."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Report(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Report(bar)
