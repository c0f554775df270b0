"""Commands on cards: printing them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, get_args
from uuid import UUID

import click

from passes.printed import CARDS_MAX
from wallet_api.cli.database import ready_app
from wallet_api.domain.errors import NotFound
from wallet_api.services.app import App
from wallet_api.services.find_member import canonical, find_member
from wallet_api.services.print_cards import Layout, PrintWish, print_cards


@click.group()
def card() -> None:
    """Members' cards."""


@card.command("print")
@click.option("--program", required=True, help="The program's id.")
@click.option(
    "--member",
    "named",
    metavar="ADDRESS|NUMBER",
    multiple=True,
    help="Whose card: by e-mail address, phone number, card number, or another system's reference. May be repeated.",
)
@click.option(
    "--members-from",
    "listed",
    type=click.File(encoding="utf-8"),
    help="A file that names one member a line; - reads standard input.",
)
@click.option(
    "--layout",
    type=click.Choice(get_args(Layout)),
    default="sheet",
    show_default=True,
    help="A4 with ten cards and crop marks, or one card a page, as large as it or 3 mm larger on every side.",
)
@click.option("--without-names", is_flag=True, help="Leave members' names off the cards.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The PDF file to write.")
def print_(
    *,
    program: str,
    named: tuple[str, ...],
    listed: TextIO | None,
    layout: Layout,
    without_names: bool,
    out: Path,
) -> None:
    """Print cards into a PDF: number, static QR code, and the member's name where the font has its letters."""
    wanted = [*named, *(name for line in listed or () if (name := line.strip()))]
    if not wanted:
        raise click.UsageError("Name members by --member or --members-from.")
    if len(wanted) > CARDS_MAX:
        raise click.ClickException(f"{len(wanted)} cards are too many for one file. Print {CARDS_MAX} at a time.")
    with ready_app() as app:
        wish = PrintWish(member_ids=tuple(_members(app, program, wanted)), layout=layout, with_names=not without_names)
        try:
            content = print_cards(app, wish, program=program)
        except NotFound as missing:
            raise click.ClickException(f"There is no {missing.what}.") from missing
    out.write_bytes(content)
    click.echo(f"{len(wanted)} {'card' if len(wanted) == 1 else 'cards'} printed into {out}.")


def _members(app: App, program: str, wanted: list[str]) -> Iterator[UUID]:
    with app.db.read() as tx:
        for who in wanted:
            member_id = find_member(tx, program, canonical(who))
            if member_id is None:
                raise click.ClickException(
                    f"No member is known as {who}. Check the spelling; phone numbers begin with +."
                )
            yield member_id
