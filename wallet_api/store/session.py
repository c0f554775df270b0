"""Connections and transactions: `Database.begin()` is the only place that commits."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import orjson
import psycopg
from psycopg.types.json import set_json_loads
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.pool import ConnectionPoolEntry

from wallet_api.domain.errors import Busy

Tx = Connection
T = TypeVar("T")

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
_LOST = (
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.LockNotAvailable,
)
RUNS_MAX = 8
RUNS_END_AFTER_SECONDS = 2.0
"""Who has lost so often, or waited for a lock to its end, has waited as long as a till should."""

PAUSE_SECONDS_MAX = 0.05


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
        except (DBAPIError, NoConnectionFree) as trouble:
            if is_passing(trouble):
                raise Busy() from trouble
            raise

    def run(self, work: Callable[[Tx], T]) -> T:
        """What some work gives, in one transaction; done again from its beginning where it lost against another.

        The work must leave nothing behind but what it writes in its transaction. Raises Busy as `begin` does: at once
        for any other trouble, and after eight times or two seconds.
        """
        start = time.monotonic()
        for run in range(1, RUNS_MAX + 1):
            try:
                with self.begin() as tx:
                    return work(tx)
            except Busy as busy:
                is_last = run == RUNS_MAX or time.monotonic() - start >= RUNS_END_AFTER_SECONDS
                if is_last or not _has_lost(busy):
                    raise
            # Two that met would meet again if they waited equally long.
            time.sleep(random.uniform(0, PAUSE_SECONDS_MAX * run))  # noqa: S311 no secret
        raise AssertionError

    @contextlib.contextmanager
    def read(self) -> Iterator[Tx]:
        """A transaction that only reads."""
        with self.begin() as tx:
            tx.exec_driver_sql("SET TRANSACTION READ ONLY")
            yield tx

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def is_passing(fault: Exception) -> bool:
    """Whether this is trouble of the database that passes by itself, and no fault of what was asked of it."""
    return isinstance(fault, Busy | OperationalError | NoConnectionFree) or (
        isinstance(fault, DBAPIError) and isinstance(fault.orig, _AGAIN)
    )


def _has_lost(busy: Busy) -> bool:
    """Whether another transaction went first; nothing else gets better by asking again at once."""
    trouble = busy.__cause__
    return isinstance(trouble, DBAPIError) and isinstance(trouble.orig, _LOST)


def json_text(value: object) -> str:
    """A value as JSON text for a `jsonb` parameter: times as RFC 3339 with `Z`, ids as text."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()


def _prepare(connection: object, _: ConnectionPoolEntry) -> None:
    driver = getattr(connection, "driver_connection", connection)
    assert isinstance(driver, psycopg.Connection)
    set_json_loads(orjson.loads, driver)
    # The hot path's statements are few and always the same: prepare them at once.
    driver.prepare_threshold = 1
