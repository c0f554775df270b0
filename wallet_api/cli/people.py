"""Commands on people and keys: accounts of staff, keys of tills, a look at a member."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import get_args
from uuid import UUID

import click

from wallet_api.cli.database import ready_app
from wallet_api.domain.errors import AlreadyMember, InTheFuture, NotFound
from wallet_api.domain.lots import in_spending_order
from wallet_api.domain.state import Membership
from wallet_api.services import create_key, create_staff
from wallet_api.services.app import App
from wallet_api.services.as_of import as_of
from wallet_api.services.create_key import SCOPES
from wallet_api.services.create_staff import Role
from wallet_api.services.explain import Explainer
from wallet_api.services.find_member import canonical, find_member
from wallet_api.services.load_member import Loaded, as_of_now
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
@click.option(
    "--as-of",
    "instant",
    metavar="INSTANT",
    callback=lambda _, __, written: _instant(written) if written else None,
    help="As they stood then, by what was recorded by then: a time with its zone, such as 2026-03-01T12:00:00Z.",
)
def show(who: str, program: str | None, instant: datetime | None) -> None:
    """Show a member by e-mail address, phone number, card number, or another system's reference."""
    with ready_app() as app, app.db.read() as tx:
        found = [
            member_id
            for program_id in ([program] if program else programs.program_ids(tx))
            if (member_id := find_member(tx, program_id, canonical(who)))
        ]
        for member_id in found:
            try:
                facts = _facts(app, tx, member_id, instant)
            except (NotFound, InTheFuture) as refusal:
                raise click.ClickException(_WHY_NOT[type(refusal)].format(who=who)) from refusal
            for label, text in facts:
                click.echo(f"{label:12} {text}")
    if not found:
        raise click.ClickException(f"No member is known as {who}. Check the spelling; phone numbers begin with +.")


_WHY_NOT = {
    NotFound: "{who} was no member yet. Ask for a later time.",
    InTheFuture: "That time has not come yet. Ask for an earlier one.",
}


def _instant(written: str) -> datetime:
    """A time as RFC 3339 has it."""
    try:
        instant = datetime.fromisoformat(written.upper())
    except ValueError:
        raise click.BadParameter("Not a time such as 2026-03-01T12:00:00Z.") from None
    if instant.tzinfo is None:
        raise click.BadParameter("The time has no zone. Add Z for UTC, or an offset such as +01:00.")
    return instant.astimezone(UTC)


def _facts(app: App, tx: Tx, member_id: UUID, instant: datetime | None) -> list[tuple[str, str]]:
    person, card = members.profile(tx, member_id), cards.of_member(tx, member_id)
    known = as_of(app, tx, member_id, at=instant) if instant else as_of_now(app, tx, member_id, now=app.clock.now())
    facts = [
        ("as of", f"{instant.astimezone(known.definition.time_zone):%Y-%m-%d %H:%M:%S %Z}" if instant else None),
        ("member", f"{known.row.display_name or 'without a name'} ({person.status})"),
        ("id", str(member_id)),
        ("program", f"{person.program_id}, since {person.joined_at:%Y-%m-%d}"),
        ("e-mail", person.email),
        ("phone", person.phone),
        ("card", f"{card.number} ({card.status})" if card else None),
        *_standing(known),
    ]
    return [(label, text) for label, text in facts if text]


def _standing(known: Loaded) -> Iterator[tuple[str, str]]:
    """Balances with the lots that expire or wait, tier and membership."""
    words, state, zone = Explainer(known.definition, "en"), known.state, known.definition.time_zone
    for unit in known.definition.units:
        waits = f", {words.number(unit, pending)} pending" if (pending := state.pending(unit)) else ""
        balance = words.units(unit, state.available(unit))
        yield "balance", f"{balance}{waits}, lifetime {words.number(unit, state.lifetime(unit))}"
        for lot in in_spending_order(lot for lot in state.lots.values() if lot.unit == unit and lot.left):
            if lot.usable_at:
                yield "", f"{words.number(unit, lot.left)} can be used from {lot.usable_at.astimezone(zone):%Y-%m-%d}"
            elif lot.expires_at:
                yield "", f"{words.number(unit, lot.left)} expire {lot.expires_at.astimezone(zone):%Y-%m-%d %H:%M}"
    if held := state.standing:
        until = f"until {held.until}" if held.until else "without an end"
        yield "tier", f"{words.tier(held.tier)} since {held.since}, {until}"
    if (membership := state.membership) != Membership():
        until = f", until {membership.until}" if membership.until else ""
        yield "membership", f"{membership.status}{until}"
