"""A scratch database is whole while it is there, and gone afterwards, whatever happened."""

from __future__ import annotations

import pytest

from wallet_api.store.schema import is_current
from wallet_api.store.scratch import scratch_database
from wallet_api.store.session import Database


def exists(db: Database, name: str | None) -> bool:
    """Whether the server has a database of this name."""
    with db.read() as tx:
        return tx.exec_driver_sql("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).first() is not None


def test_it_has_the_newest_schema_and_is_dropped_afterwards(db: Database) -> None:
    with scratch_database(db) as scratch:
        name = scratch.engine.url.database

        assert name != db.engine.url.database
        assert exists(db, name)
        assert is_current(scratch.engine)

    assert not exists(db, name)


def test_it_is_dropped_with_its_connections_when_its_user_fails(db: Database) -> None:
    names: list[str | None] = []

    def fail_halfway() -> None:
        with scratch_database(db) as scratch, scratch.read():
            names.append(scratch.engine.url.database)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail_halfway()

    assert len(names) == 1
    assert not exists(db, names[0])
