"""A sale as the store gives it back: what its returns have left of it."""

from __future__ import annotations

from fractions import Fraction
from uuid import UUID

from sqlalchemy import text

from tests.shop import Shop
from tests.store.people import NOON, PROGRAM, Person, entry, join
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.events import RecordedSale, SpentEntry
from wallet_api.domain.state import Lot, Take
from wallet_api.store import transactions
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database, Tx


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


def test_what_paid_for_a_sale_comes_back_less_what_was_given_back(db: Database) -> None:
    alice, sale_id, part = join(db), new_id(), new_id()
    first, second = (
        Lot(id=new_id(), unit="points", amount=40, left=0, earned_at=NOON, expires_at=None, source_id=None)
        for _ in range(2)
    )
    taken = (Take(lot_id=first.id, amount=40), Take(lot_id=second.id, amount=20))
    paid = entry(EntryKind.REDEEM, -60, source_id=sale_id, takes=taken)
    back = entry(EntryKind.REVERSAL, 30, source_id=part, reverses=paid.id, takes=(Take(lot_id=first.id, amount=30),))
    credited = entry(EntryKind.BONUS, 5, source_id=sale_id, rule="dividend")
    alice.write(lots={first.id: first, second.id: second}, entries=(paid, back, credited))

    with db.begin() as tx:
        _file(tx, alice, sale_id)
        row = transactions.sale_row(tx, sale_id, program_id=PROGRAM)
        assert row is not None
        sale = transactions.recorded_sale(tx, row, definition=alice.definition, location="paris")

    left = (Take(lot_id=first.id, amount=10), Take(lot_id=second.id, amount=20))
    assert sale.spent == (SpentEntry(entry_id=paid.id, unit="points", amount=60, left=30, takes=left),)
    assert (sale.by_units, sale.free, sale.membership) == ((60,), (1,), "paid")
    assert sale.earned == (), "a period's credit is worked out again, not reversed with the sale"


def _file(tx: Tx, person: Person, sale_id: UUID) -> None:
    transactions.add(
        tx,
        id=sale_id,
        program_id=PROGRAM,
        member_id=person.id,
        type="sale",
        location_id=new_id(),
        external_id="r-1",
        occurred_at=NOON,
        recorded_at=NOON,
        currency="EUR",
        amount=100,
        paid=40,
        lines=[{"sku": "", "amount": 100, "quantity": 2}],
        net=[40],
        kept=["1"],
        by_units=[60],
        free=[1],
        membership="paid",
        voucher_ids=[],
        tier=None,
        definition_version=1,
        sale_id=None,
        key_id=None,
        tender=None,
        answer={},
    )
