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
    """The same, within a transaction."""
    return MigrationContext.configure(tx).get_current_revision() == _newest()


@cache
def _newest() -> str | None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head()
