"""Running SQL files of several statements."""

from __future__ import annotations

import psycopg
from sqlalchemy import Connection


def run_script(connection: Connection, sql: str) -> None:
    """Run the statements of a script as they stand, in the connection's transaction.

    SQLAlchemy always hands parameters to the driver, which then reads every `%` as a placeholder; the driver itself
    does not when there are none.
    """
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    driver.execute(sql.encode())
