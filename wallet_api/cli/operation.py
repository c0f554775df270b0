"""Commands of the operator: bring the schema up to date, check settings and connections."""

from __future__ import annotations

import os
from dataclasses import replace

import click

from wallet_api.cli.database import database
from wallet_api.clock import SystemClock
from wallet_api.credentials import certificate_alarm, wallet_credentials
from wallet_api.services.app import App
from wallet_api.services.readiness import why_not_ready
from wallet_api.settings import Settings
from wallet_api.store import programs, sql
from wallet_api.store.schema import migrate as migrate_schema

OLDEST_POSTGRESQL = 15


@click.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    with database(Settings.from_env(os.environ)) as db:
        migrate_schema(db.engine)
    click.echo("The database has the newest schema.")


@click.command()
def check() -> None:
    """Say in words what is set up, and what is wrong."""
    settings = Settings.from_env(os.environ)
    for sentence in settings.describe():
        click.echo(sentence)
    _check_certificate(settings)
    with database(settings) as db:
        app = App(settings=settings, clock=SystemClock(), db=db)
        if why := why_not_ready(app):
            raise click.ClickException(why)
        with db.read() as tx:
            version = str(sql.one(tx, "SELECT current_setting('server_version') AS version").version)
            in_force = [f"{id_} (version {app.current_version(tx, id_)})" for id_ in programs.program_ids(tx)]
    if int(version.split(".", maxsplit=1)[0]) < OLDEST_POSTGRESQL:
        raise click.ClickException(f"PostgreSQL {version} is too old. Use {OLDEST_POSTGRESQL} or newer.")
    click.echo(f"The database answers (PostgreSQL {version}) and has the newest schema.")
    click.echo(f"Programs in force: {', '.join(in_force)}." if in_force else "No program is in force yet.")


def _check_certificate(settings: Settings) -> None:
    """Say until when passes can be signed; what was made for development is not looked at, and not made."""
    now = SystemClock().now()
    apple, _ = wallet_credentials(replace(settings, development_wallets=False), now=now)
    if apple is not None:
        end, name = apple.ends(now)
        click.echo(
            certificate_alarm(apple, now=now) or f"The {name} ends on {end:%Y-%m-%d}; passes are signed until then."
        )
