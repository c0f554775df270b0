"""Transactions: all or nothing, and `Busy` for what may be sent again."""

from __future__ import annotations

from functools import partial
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy.exc import DBAPIError

from tests.shop import Shop
from tests.store.laws import count
from tests.store.threads import at_once
from wallet_api.domain.errors import Busy
from wallet_api.store import locks, sql
from wallet_api.store.session import Database, Tx


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


def test_of_two_that_wait_for_each_other_both_are_done(shop: Shop) -> None:
    bob = shop.join("bob")
    both_hold_one = Barrier(2)
    runs: list[str] = []

    def lock_both(name: str, first: UUID, then: UUID) -> str:
        def work(tx: Tx) -> str:
            runs.append(name)
            locks.member(tx, first)
            if runs.count(name) == 1:
                both_hold_one.wait(timeout=10)
            locks.member(tx, then)
            sql.run(tx, "UPDATE members SET given_name = given_name || '+' WHERE id = :id", id=first)
            return name

        return shop.app.db.run(work)

    done = at_once([partial(lock_both, "one", shop.alice, bob), partial(lock_both, "two", bob, shop.alice)])

    assert done == ["one", "two"]
    assert len(runs) == 3  # the one that lost began again, from its first lock
    with shop.app.db.read() as tx:
        names = [row.given_name for row in sql.every(tx, "SELECT given_name FROM members")]
    assert [name.count("+") for name in names] == [1, 1]


def test_what_loses_again_and_again_is_busy_after_eight_times(shop: Shop) -> None:
    runs: list[int] = []

    def lose(tx: Tx) -> None:
        runs.append(1)
        sql.run(tx, "DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$")

    with pytest.raises(Busy):
        shop.app.db.run(lose)

    assert len(runs) == 8


@pytest.mark.parametrize("code", ["57014", "53100"])  # cancelled, disk full
def test_other_trouble_is_busy_at_once(shop: Shop, code: str) -> None:
    runs: list[int] = []

    def fail(tx: Tx) -> None:
        runs.append(1)
        sql.run(tx, f"DO $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = '{code}'; END $$")

    with pytest.raises(Busy):
        shop.app.db.run(fail)

    assert len(runs) == 1
