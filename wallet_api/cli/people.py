"""Commands on people and keys: accounts of staff, keys of tills, a look at a member."""

from __future__ import annotations

import sys
from typing import get_args
from uuid import UUID

import click

from wallet_api.cli.database import ready_app
from wallet_api.domain.errors import AlreadyMember
from wallet_api.services import create_key, create_staff
from wallet_api.services.app import App
from wallet_api.services.create_key import SCOPES
from wallet_api.services.create_staff import Role
from wallet_api.services.explain import Explainer
from wallet_api.services.find_member import canonical, find_member
from wallet_api.services.load_member import as_of_now
from wallet_api.store import cards, members, programs
from wallet_api.store.session import Tx

_PROGRAM = click.option("--program", required=True, help="The program's id.")


@click.group()
def staff() -> None:
    """People who work for the shop."""


@staff.command("create")
@_PROGRAM
@click.option("--email", required=True)
@click.option("--role", type=click.Choice(get_args(Role)), required=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input instead of asking.")
def create_account(*, program: str, email: str, role: Role, password_stdin: bool) -> None:
    """Give a person an account; asks for the password."""
    password = (
        sys.stdin.readline().rstrip("\r\n")
        if password_stdin
        else click.prompt("Password", hide_input=True, confirmation_prompt=True)
    )
    with ready_app() as app:
        try:
            create_staff.create_staff(app, program, email=email, role=role, password=password)
        except AlreadyMember as known:
            raise click.ClickException(f"{email} has an account already. Take another address.") from known
    click.echo(f"{email} may sign in as {role} of {program}.")


@click.group()
def key() -> None:
    """Keys of tills and POS systems."""


@key.command("create")
@_PROGRAM
@click.option("--name", required=True, help="Where it is used, in your words.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(sorted(SCOPES)),
    multiple=True,
    required=True,
    help="; ".join(f"{scope}: {meaning}" for scope, meaning in SCOPES.items()) + ". May be given several times.",
)
@click.option("--location", "locations", multiple=True, help="A location's code; without one, all of the program's.")
def create(program: str, name: str, scopes: tuple[str, ...], locations: tuple[str, ...]) -> None:
    """Make a key and print it, this once."""
    with ready_app() as app:
        raw = create_key.create_key(app, program, name=name, scopes=scopes, locations=locations)
    click.echo(raw)
    click.echo("Keep it safe: it is not shown again.", err=True)


@click.group()
def member() -> None:
    """The program's members."""


@member.command()
@click.argument("who", metavar="ADDRESS|NUMBER")
@click.option("--program", help="Look in this program only.")
def show(who: str, program: str | None) -> None:
    """Show a member by e-mail address, phone number, card number, or another system's reference."""
    with ready_app() as app, app.db.read() as tx:
        found = [
            member_id
            for program_id in ([program] if program else programs.program_ids(tx))
            if (member_id := find_member(tx, program_id, canonical(who)))
        ]
        for member_id in found:
            for label, text in _facts(app, tx, member_id):
                click.echo(f"{label:12} {text}")
    if not found:
        raise click.ClickException(f"No member is known as {who}. Check the spelling; phone numbers begin with +.")


def _facts(app: App, tx: Tx, member_id: UUID) -> list[tuple[str, str]]:
    person, card = members.profile(tx, member_id), cards.of_member(tx, member_id)
    known = as_of_now(app, tx, member_id, now=app.clock.now())
    words, state = Explainer(known.definition, "en"), known.state
    facts = [
        ("member", f"{known.row.display_name or 'without a name'} ({person.status})"),
        ("id", str(member_id)),
        ("program", f"{person.program_id}, since {person.joined_at:%Y-%m-%d}"),
        ("e-mail", person.email),
        ("phone", person.phone),
        ("card", f"{card.number} ({card.status})" if card else None),
    ]
    for unit in known.definition.units:
        balance = words.units(unit, state.available(unit))
        facts.append(("balance", f"{balance}, lifetime {words.number(unit, state.lifetime(unit))}"))
    if held := state.standing:
        until = f"until {held.until}" if held.until else "without an end"
        facts.append(("tier", f"{words.tier(held.tier)} since {held.since}, {until}"))
    return [(label, text) for label, text in facts if text]
