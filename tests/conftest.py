"""What all tests share: one PostgreSQL for the run, a fresh database built by the migrations for each test.

`TEST_DATABASE_URL` names a PostgreSQL to use; without it a private one starts with the run and stops with it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from tests.shop import NOON, Shop, open_shop
from wallet_api.clock import FixedClock
from wallet_api.collector import collect_seldom
from wallet_api.store.embedded import private_server
from wallet_api.store.schema import migrate
from wallet_api.store.session import Database

SERVER = "CARNET_TEST_SERVER"
TEMPLATE = "carnet_template"
_running = contextlib.ExitStack()


def pytest_configure(config: pytest.Config) -> None:
    """Start the server once, before the workers: they inherit its address."""
    if hasattr(config, "workerinput"):
        return
    url = os.environ.get("TEST_DATABASE_URL")
    if url is None:
        folder = Path(tempfile.mkdtemp(prefix="carnet-tests-"))
        _running.callback(shutil.rmtree, folder, ignore_errors=True)
        url = _running.enter_context(private_server(folder / "postgres"))
        os.environ[SERVER] = url
        # This server lives for one run: what a power cut would lose does not matter to it.
        _administer(
            "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off", "SELECT pg_reload_conf()"
        )
    os.environ[SERVER] = url
    _administer(f'DROP DATABASE IF EXISTS "{TEMPLATE}"', f'CREATE DATABASE "{TEMPLATE}"')
    engine = create_engine(_url_of(TEMPLATE))
    migrate(engine)
    engine.dispose()


def pytest_collection_finish() -> None:
    """Search for garbage as seldom as the processes do that run for long: a run takes a twelfth less of the processor."""
    collect_seldom()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server that this run started."""
    if not hasattr(config, "workerinput"):
        _running.close()


@pytest.fixture
def database_url() -> Iterator[str]:
    """A database of its own, with the newest schema."""
    name = f"carnet_{uuid4().hex}"
    _administer(f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}" STRATEGY file_copy')
    yield _url_of(name).render_as_string(hide_password=False)
    _administer(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    """A pool of connections to it."""
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands at noon until a test moves it."""
    return FixedClock(NOON)


@pytest.fixture
def shop(db: Database, clock: FixedClock) -> Shop:
    """A shop that runs `points-tiers`, with a location, a till, and Alice as its member."""
    return open_shop(db, clock)


def _url_of(name: str) -> URL:
    return make_url(os.environ[SERVER]).set(database=name)


def _administer(*statements: str) -> None:
    engine = create_engine(os.environ[SERVER], isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()
