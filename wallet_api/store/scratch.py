"""A database for one purpose only: made fresh, dropped afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from uuid import uuid4

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.exc import ProgrammingError

from wallet_api.store.schema import migrate
from wallet_api.store.session import Database


class MayNotCreateDatabases(Exception):
    """No database could be made. Give the role of DATABASE_URL the right CREATEDB, or leave DATABASE_URL out."""


@contextlib.contextmanager
def scratch_database(beside: Database) -> Iterator[Database]:
    """A new database with the newest schema on the server of another one; it is dropped when the block ends.

    Raises MayNotCreateDatabases where the server's role lacks CREATEDB.
    """
    name = f"carnet_scratch_{uuid4().hex}"
    # A database is made and dropped outside of any transaction.
    server = create_engine(beside.engine.url, isolation_level="AUTOCOMMIT")
    try:
        with server.connect() as connection:
            try:
                connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
            except ProgrammingError as refused:
                if isinstance(refused.orig, psycopg.errors.InsufficientPrivilege):
                    raise MayNotCreateDatabases(MayNotCreateDatabases.__doc__) from refused
                raise
            try:
                # What a power cut would lose does not matter here.
                connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
                with contextlib.closing(
                    Database(beside.engine.url.set(database=name).render_as_string(hide_password=False))
                ) as scratch:
                    migrate(scratch.engine)
                    yield scratch
            finally:
                connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        server.dispose()
