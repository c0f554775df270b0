"""One Carnet, several programs: what belongs to another one does not exist."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.services.wishes import id_of, points_of, scan_at, sell_at, wish_of
from tests.shop import Shop, open_shop
from tests.store.laws import available, count
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.services import redeem
from wallet_api.services.identify import Who
from wallet_api.services.return_sale import ReturnSale, return_sale
from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database


@pytest.fixture
def other_shop(db: Database, clock: FixedClock, shop: Shop) -> Shop:
    """Another program in the same database, with a member who is called Alice too."""
    return open_shop(db, clock, program="sephora")


def test_a_till_cannot_sell_to_another_programs_member(shop: Shop, other_shop: Shop) -> None:
    with pytest.raises(errors.NotFound):
        sell_at(shop, shop.till, wish_of(shop, 10_00, who=Who(member_id=other_shop.alice)))

    assert count(shop.app.db, "transactions") == 0
    assert available(shop.app.db, other_shop.alice) == 0


def test_a_till_cannot_read_another_programs_card(shop: Shop, other_shop: Shop) -> None:
    with pytest.raises(errors.CardNotFound):
        scan_at(shop, shop.till, other_shop.code())


def test_a_till_can_neither_undo_nor_settle_what_another_program_did(shop: Shop, other_shop: Shop) -> None:
    shop.sell(150_00)
    sale, held = shop.sell(10_00), shop.hold("off-5")
    wish = ReturnSale(sale_id=id_of(sale), external_id="x", occurred_at=shop.app.clock.now())

    with pytest.raises(errors.NotFound), shop.app.db.begin() as tx:
        return_sale(shop.app, tx, other_shop.till, wish)
    with pytest.raises(errors.NotFound), shop.app.db.begin() as tx:
        redeem.capture_reward(shop.app, tx, other_shop.till, id_of(held))
    with pytest.raises(errors.NotFound), shop.app.db.begin() as tx:
        redeem.release_reward(shop.app, tx, other_shop.till, id_of(held))

    assert available(shop.app.db, shop.alice) == 10


def test_an_erased_member_buys_nothing_any_more(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE members SET status = 'erased', email = NULL WHERE id = :id", id=shop.alice)

    with pytest.raises(errors.NotFound):
        shop.sell(10_00)


def test_a_member_that_does_not_exist_is_not_found(shop: Shop) -> None:
    with pytest.raises(errors.NotFound):
        shop.sell(10_00, to=new_id())


def test_a_key_without_the_scope_names_no_member_by_id(shop: Shop) -> None:
    plain = replace(shop.till, scopes=frozenset({"till"}))

    with pytest.raises(errors.Forbidden):
        sell_at(shop, plain, wish_of(shop, 10_00))
    answer = sell_at(shop, plain, wish_of(shop, 10_00, who=Who(code=shop.code())))

    assert points_of(answer) == 60
