"""What is kept of purchases: nothing that commits late is missed, and what is counted twice stays the same."""

from __future__ import annotations

from uuid import UUID

from tests.shop import Shop
from wallet_api.domain.events import Line
from wallet_api.services.count_purchases import count_purchases
from wallet_api.services.identify import Who
from wallet_api.services.record_sale import RecordSale, record_sale
from wallet_api.store import purchases, sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database

TEA, CAKE = (Line(sku=sku, category=sku, amount=10_00) for sku in ("tea", "cake"))


def kept(shop: Shop, member_id: UUID | None = None) -> tuple[int, int, int | None, dict[str, list[int]]]:
    """How many purchases, what was spent, the largest, and the skus of a member."""
    with shop.app.db.read() as tx:
        row = sql.one(
            tx,
            "SELECT orders, spend, largest, skus FROM purchase_totals JOIN purchased_items USING (member_id) WHERE member_id = :id",
            id=member_id or shop.alice,
        )
    return row.orders, row.spend, row.largest, {sku: [times, paid] for sku, (_, times, paid) in row.skus.items()}


def test_a_sale_that_commits_after_later_ones_is_not_missed(shop: Shop, db: Database) -> None:
    bob = shop.join("bob")
    shop.count_purchases()
    with db.begin() as tx:
        wish = RecordSale(
            who=Who(member_id=shop.alice),
            external_id="slow",
            occurred_at=shop.app.clock.now(),
            currency="EUR",
            lines=(TEA,),
        )
        record_sale(shop.app, tx, shop.till, wish)
        shop.sell(lines=(CAKE,), to=bob)
        count_purchases(shop.app)  # while the slow sale is still open

    shop.count_purchases()

    assert kept(shop) == (1, 10_00, 10_00, {"tea": [1, 10_00]})
    assert kept(shop, bob) == (1, 10_00, 10_00, {"cake": [1, 10_00]})


def test_what_comes_back_was_not_bought(shop: Shop) -> None:
    sale = shop.sell(lines=(TEA, CAKE))
    whole = shop.sell(lines=(TEA,))
    shop.count_purchases()
    before = kept(shop)

    shop.take_back(sale, lines=(CAKE,))
    shop.take_back(whole)
    part = shop.sell(lines=(CAKE,))
    shop.take_back(part, amount=2_50)
    counted = shop.count_purchases()

    assert before == (2, 30_00, 20_00, {"tea": [2, 20_00], "cake": [1, 10_00]})
    assert counted == 1
    assert kept(shop) == (2, 17_50, 10_00, {"tea": [1, 10_00], "cake": [1, 7_50]})


def test_who_has_bought_nothing_new_is_not_counted_again(shop: Shop) -> None:
    shop.sell(lines=(TEA,))
    shop.count_purchases()

    assert shop.count_purchases() == 0


def test_in_a_restored_database_everybody_is_counted_anew(shop: Shop, db: Database) -> None:
    shop.sell(lines=(TEA,))
    shop.count_purchases()
    with db.begin() as tx:  # as after loading a dump into a server whose transactions are numbered from the start
        sql.run(tx, "UPDATE purchases_seen SET written_in = 4000000000")
        sql.run(tx, "DELETE FROM purchase_totals")
        sql.run(tx, "DELETE FROM purchased_items")

    counted = shop.count_purchases()

    assert counted == 1
    assert kept(shop) == (1, 10_00, 10_00, {"tea": [1, 10_00]})


def test_two_workers_count_different_members(shop: Shop, db: Database) -> None:
    bob = shop.join("bob")
    shop.sell(lines=(TEA,))
    shop.sell(lines=(TEA,), to=bob)
    shop.wait_for_older_transactions()
    with db.begin() as tx:
        purchases.note_news(tx)

    with db.begin() as one, db.begin() as other:
        taken = [purchases.take(one, limit=1), purchases.take(other, limit=5)]

    assert sorted(map(len, taken)) == [1, 1]
    assert {*taken[0], *taken[1]} == {shop.alice, bob}


def test_a_batch_is_in_the_queue_until_it_is_counted(shop: Shop, db: Database) -> None:
    members = [shop.join(f"m{new_id()}") for _ in range(3)]
    for member in members:
        shop.sell(lines=(TEA,), to=member)

    assert count_purchases(shop.app, seconds=0) == 0
    assert shop.count_purchases(batch=1) == 3
    assert all(kept(shop, member)[0] == 1 for member in members)
