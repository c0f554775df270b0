"""Commands on messages: what a member would read."""

from __future__ import annotations

from typing import cast

import click

from wallet_api.cli.database import ready_app
from wallet_api.domain.errors import Invalid
from wallet_api.domain.messages import KINDS
from wallet_api.services.find_member import canonical, find_member
from wallet_api.services.present import Json
from wallet_api.services.preview import PreviewWish, preview_message
from wallet_api.store import programs


@click.group()
def message() -> None:
    """What goes out to members."""


@message.command()
@click.option("--member", "who", metavar="ADDRESS|NUMBER", required=True, help="Address, card number or reference.")
@click.option("--kind", type=click.Choice(sorted(KINDS)), required=True)
@click.option("--locale", help="A language such as fr-CH; the member's own where left out.")
@click.option("--value", "values", metavar="NAME=TEXT", multiple=True, help="In the place of a sample; several times.")
@click.option("--program", help="Look in this program only.")
def preview(who: str, kind: str, locale: str | None, values: tuple[str, ...], program: str | None) -> None:
    """Show a message as a member would read it now, and by which ways it would go; nothing is sent."""
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"{value} has no value. Write it as name=text.", param_hint="--value")
    given = {name: text for name, _, text in (value.partition("=") for value in values)}
    with ready_app() as app, app.db.read() as tx:
        found = [
            (program_id, member_id)
            for program_id in ([program] if program else programs.program_ids(tx))
            if (member_id := find_member(tx, program_id, canonical(who)))
        ]
        for program_id, member_id in found:
            wish = PreviewWish(kind=kind, locale=locale, values=given)
            try:
                shown = preview_message(app, tx, member_id, wish, program=program_id)
            except Invalid as fault:
                raise click.ClickException(f"{fault.pointer.rpartition('/')[2]}: {fault.detail}") from fault
            click.echo(f"{shown['title']}\n\n{shown['body']}\n")
            for channel in cast("list[Json]", shown["channels"]):
                click.echo(f"{channel['channel']:8} {channel['why'] or 'would go at ' + str(channel['at'])}")
    if not found:
        raise click.ClickException(f"No member is known as {who}. Check the spelling; phone numbers begin with +.")
