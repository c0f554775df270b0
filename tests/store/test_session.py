"""Transactions: all or nothing, and `Busy` for what may be sent again."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from tests.shop import Shop
from tests.store.laws import count
from wallet_api.domain.errors import Busy
from wallet_api.store import locks, sql
from wallet_api.store.session import Database


def test_an_exception_rolls_everything_back(shop: Shop) -> None:
    def fail_after_writing() -> None:
        with shop.app.db.begin() as tx:
            sql.run(tx, "DELETE FROM consents")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_writing()

    assert count(shop.app.db, "consents") > 0


def test_a_reading_transaction_cannot_write(shop: Shop) -> None:
    with pytest.raises((Busy, DBAPIError)), shop.app.db.read() as tx:
        sql.run(tx, "DELETE FROM consents")

    assert count(shop.app.db, "consents") > 0


def test_a_member_who_is_being_served_elsewhere_for_too_long_is_busy(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        locks.member(tx, shop.alice)

        with pytest.raises(Busy), shop.app.db.begin() as other:
            locks.member(other, shop.alice)


def test_a_pool_without_a_free_connection_is_busy(database_url: str) -> None:
    narrow = Database(database_url, pool_size=1)
    narrow.engine.pool._timeout = 0.05  # type: ignore[attr-defined]  # five seconds would make the test slow

    with narrow.read(), pytest.raises(Busy), narrow.read():
        pass

    narrow.close()


def test_a_fault_of_our_own_is_not_called_busy(shop: Shop) -> None:
    with pytest.raises(DBAPIError, match="nowhere"), shop.app.db.begin() as tx:
        sql.run(tx, "SELECT 1 FROM nowhere")
