"""Connections and transactions: `Database.begin()` is the only place that commits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import orjson
import psycopg
from psycopg.types.json import set_json_loads
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.pool import ConnectionPoolEntry

from wallet_api.domain.errors import Busy

Tx = Connection

_SESSION = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "timezone": "UTC",
        # A till waits two seconds for a member whom another till is serving, then is told to ask again.
        "lock_timeout": "2s",
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "30s",
    }.items()
)
_AGAIN = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DiskFull,
    psycopg.errors.TooManyConnections,
    psycopg.errors.AdminShutdown,
    psycopg.errors.QueryCanceled,
    psycopg.errors.ReadOnlySqlTransaction,
)


class Database:
    """A pool of connections to one PostgreSQL."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.engine: Engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            connect_args={"options": _SESSION},
        )
        event.listen(self.engine, "connect", _prepare)

    @contextlib.contextmanager
    def begin(self) -> Iterator[Tx]:
        """One transaction: commits on leaving, rolls back on any exception.

        A database that is busy, full, or away for a moment is `Busy`: nothing was written, the same request may be
        sent again. After a lost connection during the commit nobody knows; the idempotency key then decides.
        """
        try:
            with self.engine.begin() as tx:
                yield tx
        except (OperationalError, NoConnectionFree) as trouble:
            raise Busy() from trouble
        except DBAPIError as trouble:
            if isinstance(trouble.orig, _AGAIN):
                raise Busy() from trouble
            raise

    @contextlib.contextmanager
    def read(self) -> Iterator[Tx]:
        """A transaction that only reads."""
        with self.begin() as tx:
            tx.exec_driver_sql("SET TRANSACTION READ ONLY")
            yield tx

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def json_text(value: object) -> str:
    """A value as JSON text for a `jsonb` parameter: times as RFC 3339 with `Z`, ids as text."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()


def _prepare(connection: object, _: ConnectionPoolEntry) -> None:
    driver = getattr(connection, "driver_connection", connection)
    assert isinstance(driver, psycopg.Connection)
    set_json_loads(orjson.loads, driver)
    # The hot path's statements are few and always the same: prepare them at once.
    driver.prepare_threshold = 1
