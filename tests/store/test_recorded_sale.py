"""A sale as the store gives it back: what its returns have left of it."""

from __future__ import annotations

from fractions import Fraction
from uuid import UUID

from sqlalchemy import text

from tests.shop import Shop
from wallet_api.domain.events import RecordedSale
from wallet_api.store import transactions
from wallet_api.store.session import Tx


def recorded(shop: Shop, tx: Tx, sale_id: UUID) -> RecordedSale:
    """The sale with its returns so far."""
    row = transactions.sale_row(tx, sale_id, program_id=shop.program)
    assert row is not None
    definition = shop.app.definition(tx, shop.program, row.definition_version)
    return transactions.recorded_sale(tx, row, definition=definition, location="paris")


def test_a_sale_comes_back_as_it_was_recorded(shop: Shop) -> None:
    answer = shop.sell(100_00)

    with shop.app.db.read() as tx:
        sale = recorded(shop, tx, UUID(str(answer["id"])))

    assert (sale.net, sale.kept, sale.paid, sale.refunded) == ((100_00,), (Fraction(1),), 100_00, 0)
    assert sale.tier == "bronze"
    assert [(earned.rule, earned.left) for earned in sale.earned] == [("purchase", 100)]


def test_returns_add_up(shop: Shop) -> None:
    answer = shop.sell(100_00)
    shop.take_back(answer, amount=30_00)
    shop.take_back(answer, amount=20_00)

    with shop.app.db.read() as tx:
        sale = recorded(shop, tx, UUID(str(answer["id"])))

    assert (sale.kept, sale.refunded) == ((Fraction(1, 2),), 50_00)
    assert [earned.left for earned in sale.earned] == [50]


def test_the_last_return_counts_even_if_its_id_was_made_before_the_one_that_came_first(shop: Shop) -> None:
    answer = shop.sell(100_00)
    shop.take_back(answer, amount=30_00)
    later = shop.take_back(answer, amount=20_00)

    with shop.app.db.begin() as tx:
        # Its id was drawn early, then it waited for the member while the other one went ahead.
        tx.execute(
            text("UPDATE transactions SET id = :early WHERE id = :id"),
            {"early": UUID(int=1), "id": UUID(str(later["id"]))},
        )
        sale = recorded(shop, tx, UUID(str(answer["id"])))

    assert sale.kept == (Fraction(1, 2),)
