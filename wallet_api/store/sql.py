"""Running SQL: one row, several rows, or none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Row, TextClause, text

from wallet_api.store.session import Tx


def one(tx: Tx, sql: str, **values: object) -> Row[Any]:
    """The only row of the answer."""
    return tx.execute(_prepared(sql), values).one()


def first(tx: Tx, sql: str, **values: object) -> Row[Any] | None:
    """The first row of the answer, or None."""
    return tx.execute(_prepared(sql), values).first()


def every(tx: Tx, sql: str, **values: object) -> Sequence[Row[Any]]:
    """All rows of the answer."""
    return tx.execute(_prepared(sql), values).all()


def run(tx: Tx, sql: str, **values: object) -> None:
    """Run a statement whose answer does not matter."""
    tx.execute(_prepared(sql), values)


@cache
def _prepared(sql: str) -> TextClause:
    """Statements are few and constant; parsing their `:names` once saves 0.1 ms a call.

    The driver remembers how it converts a statement of up to 4,096 characters: hence no indentation.
    """
    return text(" ".join(sql.split()))
