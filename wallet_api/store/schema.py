"""Bringing a database to the newest schema."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from wallet_api.store.session import Tx

MIGRATIONS = Path(__file__).parents[2] / "migrations"
_ONE_AT_A_TIME = 0x63_61_72_6E_65_74  # "carnet": two processes that start together migrate one after the other


def migrate(engine: Engine) -> None:
    """Run the migrations that are missing."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_lock(%s)", (_ONE_AT_A_TIME,))
        connection.commit()
        try:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        finally:
            connection.exec_driver_sql("SELECT pg_advisory_unlock(%s)", (_ONE_AT_A_TIME,))
            connection.commit()


def is_current(engine: Engine) -> bool:
    """Whether the database has every migration that this code knows."""
    with engine.connect() as connection:
        return is_current_in(connection)


def is_current_in(tx: Tx) -> bool:
    """The same, within a transaction.

    A revision that this code does not know is newer: migrations only add, so old code runs beside the new schema
    while a new version is rolled out.
    """
    have = MigrationContext.configure(tx).get_current_revision()
    return have is not None and have not in _older()


@cache
def _older() -> frozenset[str]:
    """The revisions that this code knows, but for its newest."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    return frozenset(script.revision for script in scripts.walk_revisions()) - {scripts.get_current_head()}
