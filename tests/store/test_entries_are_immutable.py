"""Ledger entries are never changed: the database itself refuses."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from tests.shop import Shop
from tests.store.laws import entries_of
from wallet_api.store import sql


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET amount = amount + 1",
        "UPDATE entries SET why = '{}'",
        "DELETE FROM entries",
    ],
)
def test_an_entry_can_be_neither_changed_nor_deleted(shop: Shop, statement: str) -> None:
    shop.sell(10_00)
    before = entries_of(shop.app.db, shop.alice)

    with pytest.raises(DBAPIError, match="never changed"), shop.app.db.begin() as tx:
        sql.run(tx, statement)

    assert entries_of(shop.app.db, shop.alice) == before


def test_even_the_partition_behind_the_ledger_refuses(shop: Shop) -> None:
    shop.sell(10_00)
    with shop.app.db.read() as tx:
        partition = sql.one(tx, "SELECT tableoid::regclass::text AS name FROM entries LIMIT 1").name

    with pytest.raises(DBAPIError, match="never changed"), shop.app.db.begin() as tx:
        sql.run(tx, f"DELETE FROM {partition}")

    assert partition != "entries"
