"""`carnet program settle`: what stands between a program, its partners, and the causes that members gave to."""

from __future__ import annotations

from datetime import date, datetime

import click

from wallet_api.cli.database import ready_app
from wallet_api.services.explain import Explainer
from wallet_api.services.settlement import settle

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command("settle")
@click.argument("program_id")
@click.option("--from", "first", type=_DAY, required=True, help="The first day, the program's own.")
@click.option("--to", "last", type=_DAY, required=True, help="The last day.")
def settle_partners(program_id: str, first: datetime, last: datetime) -> None:
    """Say what partners owe for what members earned and spent with them, and what was given to good causes."""
    if last < first:
        raise click.UsageError("--to lies before --from. Swap them.")
    with ready_app() as app, app.db.read() as tx:
        days: tuple[date, date] = (first.date(), last.date())
        reckoned = settle(app, tx, program_id, first=days[0], last=days[1])
        definition = app.current_definition(tx, program_id)
    words = Explainer(definition, "en")
    click.echo(f"{program_id}, {days[0]} to {days[1]}")
    if not reckoned.partners:
        click.echo("  The program has no partners.")
    for one in reckoned.partners:
        name = words.text(definition.partners[one.partner].name)
        side = f"owes {words.money(one.owes)}" if one.owes >= 0 else f"gets {words.money(-one.owes)}"
        earned, spent = words.units(one.unit, one.earned), words.units(one.unit, one.spent)
        click.echo(f"  {name}: earned there {earned}, spent there {spent}; {side}.")
    for given in reckoned.causes:
        worth = "" if given.worth is None else f", worth {words.money(given.worth)}"
        click.echo(
            f"  {words.text(definition.causes[given.cause])}: {words.units(given.unit, given.amount)} given{worth}."
        )
