"""Commands on the ledger."""

from __future__ import annotations

import click

from wallet_api.cli.database import ready_app
from wallet_api.services.verify_ledger import verify_ledger


@click.group()
def ledger() -> None:
    """The points ledger."""


@ledger.command()
@click.option("--program", help="Check this program only.")
def verify(program: str | None) -> None:
    """Check every balance against its entries and lots, and whatever else is kept twice; exit 1 where they differ."""
    members = differences = 0

    def count(batch: int) -> None:
        nonlocal members
        members += batch

    with ready_app() as app:
        if program:
            with app.db.read() as tx:
                app.current_definition(tx, program)
        for difference in verify_ledger(app, program=program, checked=count):
            differences += 1
            click.echo(f"{difference.member_id or 'program'} {difference.law}: {difference.detail}")
    if differences:
        raise click.ClickException(
            f"Members checked: {members}, differences: {differences}. Nothing was changed; keep a copy of the database "
            "before you mend anything."
        )
    click.echo(f"Members checked: {members}, all ledgers agree.")
