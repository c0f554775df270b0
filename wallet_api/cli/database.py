"""The database that a command works on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import click

from wallet_api.clock import SystemClock
from wallet_api.services.app import App
from wallet_api.services.readiness import why_not_ready
from wallet_api.settings import Settings
from wallet_api.store.embedded import private_server
from wallet_api.store.session import Database


@contextlib.contextmanager
def database(settings: Settings) -> Iterator[Database]:
    """The database that DATABASE_URL names, else the private server under the data directory while the block lasts."""
    with contextlib.ExitStack() as stack:
        url = settings.database_url or stack.enter_context(private_server(settings.data_dir / "postgres"))
        db = Database(url)
        stack.callback(db.close)
        yield db


@contextlib.contextmanager
def ready_app() -> Iterator[App]:
    """The app by the environment's settings, on a database that has every migration."""
    settings = Settings.from_env(os.environ)
    with database(settings) as db:
        app = App(settings=settings, clock=SystemClock(), db=db)
        if why := why_not_ready(app):
            raise click.ClickException(why)
        yield app
