"""`carnet program settle`: what stands between a program, its partners, and the causes that members gave to."""

from __future__ import annotations

from datetime import datetime

import click

from wallet_api.cli.database import ready_app
from wallet_api.services.explain import Explainer
from wallet_api.services.settlement import settle

FIRST_YEAR, LAST_YEAR = 1900, 2199
_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command("settle")
@click.argument("program_id")
@click.option("--from", "first", type=_DAY, required=True, help="The first day, the program's own.")
@click.option("--to", "last", type=_DAY, required=True, help="The last day.")
def settle_partners(program_id: str, first: datetime, last: datetime) -> None:
    """Say what partners owe for what members earned and spent with them, and what was given to good causes."""
    if last < first:
        raise click.UsageError("--to lies before --from. Swap them.")
    if first.year < FIRST_YEAR or last.year > LAST_YEAR:
        raise click.UsageError(f"Give days of the years {FIRST_YEAR} to {LAST_YEAR}.")
    with ready_app() as app, app.db.read() as tx:
        reckoned = settle(app, tx, program_id, first=first.date(), last=last.date())
        definition = app.current_definition(tx, program_id)
    words = Explainer(definition, "en")
    click.echo(f"{program_id}, {reckoned.first} to {reckoned.last}")
    if not reckoned.partners:
        click.echo("  The program has no partners.")
    for one in reckoned.partners:
        side = f"owes {words.money(one.owes)}" if one.owes >= 0 else f"gets {words.money(-one.owes)}"
        earned, spent = words.units(one.unit, one.earned), words.units(one.unit, one.spent)
        click.echo(f"  {words.text(one.name)}: earned there {earned}, spent there {spent}; {side}.")
    for given in reckoned.causes:
        worth = "" if given.worth is None else f", worth {words.money(given.worth)}"
        click.echo(f"  {words.text(given.name)}: {words.units(given.unit, given.amount)} given{worth}.")
