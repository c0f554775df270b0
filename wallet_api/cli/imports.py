"""Commands that import files."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from wallet_api.cli.database import ready_app
from wallet_api.services.csv_file import OWN_COLUMNS, CsvFile
from wallet_api.services.import_transactions import Progress, Rejection, Summary, import_transactions

LINES_A_REPORT = 10_000


@click.group("import")
def imports() -> None:
    """Bring in what other systems know."""


@imports.command("transactions")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--program", required=True, help="The program's id.")
@click.option("--location", help="The code of the location of lines that name none.")
def transactions(file: Path, program: str, location: str | None) -> None:
    """Import sales from a CSV file in UTF-8.

    Its columns: member (reference of another system, e-mail, phone or card number), external_id (the receipt),
    occurred_at (2026-03-01, meaning noon, or with time and zone), amount, and perhaps location, currency, given_name.

    Lines that cannot be imported go to FILE.rejected.csv with the reason, the others in. Running it again is safe.
    """
    source = CsvFile.open(file)
    if source.ignored:
        click.echo(f"These columns are ignored: {', '.join(source.ignored)}.")
    rejected = file.with_suffix(".rejected.csv")
    with ready_app() as app, _rejects(rejected, source) as reject, reports() as report:
        summary = import_transactions(app, program, source.lines(), location=location, reject=reject, progress=report)
    click.echo(_in_words(summary))
    if summary.rejected:
        raise click.ClickException(f"Lines rejected: {summary.rejected}. Mend them in {rejected} and import that.")


def _in_words(summary: Summary) -> str:
    return (
        f"Sales imported: {summary.imported}, known already: {summary.known}, lines rejected: {summary.rejected}, "
        f"new guest members: {summary.guests}."
    )


@contextlib.contextmanager
def _rejects(path: Path, source: CsvFile) -> Iterator[Callable[[Rejection], None]]:
    """A file of rejected lines that is there only if there are any."""
    path.unlink(missing_ok=True)  # an earlier run's lines would be taken for this one's
    names = [*OWN_COLUMNS, *(name for name in source.columns if name not in OWN_COLUMNS)]
    with contextlib.ExitStack() as stack:
        writer: csv.DictWriter[str] | None = None

        def reject(rejection: Rejection) -> None:
            nonlocal writer
            if writer is None:
                file = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
                writer = csv.DictWriter(file, names, extrasaction="ignore")
                writer.writeheader()
            own = {"line": str(rejection.line.number), "reason": rejection.reason}
            writer.writerow({**rejection.line.columns, **own})

        yield reject


@contextlib.contextmanager
def reports() -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, else a line now and then."""
    if not Console().is_terminal:
        yield _in_lines()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, transient=True) as bar:
        reading, writing = bar.add_task("Lines read", total=None), bar.add_task("Sales done", total=None)

        def report(progress: Progress) -> None:
            if progress.to_do is None:
                bar.update(reading, completed=progress.read)
            else:
                bar.update(writing, completed=progress.done, total=progress.to_do)

        yield report


def _in_lines() -> Callable[[Progress], None]:
    said = 0

    def report(progress: Progress) -> None:
        nonlocal said
        count = progress.read + progress.done
        if count // LINES_A_REPORT > said:
            said = count // LINES_A_REPORT
            click.echo(
                f"{progress.read} lines read."
                if progress.to_do is None
                else f"{progress.done} of {progress.to_do} sales done."
            )

    return report
