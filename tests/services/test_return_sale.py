"""Returns at the till, and what they do to vouchers and tiers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.services.wishes import points_of
from tests.shop import Shop
from tests.store.laws import available, check_ledger
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.domain.events import Line
from wallet_api.store import sql


def status_of_the_voucher(shop: Shop) -> str:
    """Where the only voucher stands."""
    with shop.app.db.read() as tx:
        return str(sql.one(tx, "SELECT status FROM vouchers").status)


def test_a_voucher_used_on_a_sale_is_given_back_by_a_whole_return(shop: Shop) -> None:
    shop.sell(150_00)
    voucher = shop.redeem("off-5")
    sale = shop.sell(20_00, vouchers=(str(voucher["code"]),))
    used = status_of_the_voucher(shop)

    answer = shop.take_back(sale)

    assert (sale["paid"], used) == (15_00, "redeemed")
    assert answer["refund"] == 15_00
    assert [each["id"] for each in answer["given_back"]] == [voucher["id"]]  # type: ignore[attr-defined]
    assert status_of_the_voucher(shop) == "issued"
    check_ledger(shop.app.db, shop.alice)


def test_returns_in_parts_give_the_voucher_back_with_the_last_one(shop: Shop) -> None:
    shop.sell(150_00)
    voucher = shop.redeem("off-5")
    sale = shop.sell(20_00, vouchers=(str(voucher["code"]),))

    first = shop.take_back(sale, amount=10_00)
    after_the_first = status_of_the_voucher(shop)
    second = shop.take_back(sale, amount=10_00)

    assert (first["refund"], second["refund"]) == (7_50, 7_50)
    assert (after_the_first, status_of_the_voucher(shop)) == ("redeemed", "issued")
    assert available(shop.app.db, shop.alice) == 0


def test_a_return_sent_again_gets_the_first_answer_and_another_one_under_its_number_is_refused(shop: Shop) -> None:
    sale = shop.sell(20_00)
    first = shop.take_back(sale, amount=5_00, receipt="b-1")

    again = shop.take_back(sale, amount=5_00, receipt="b-1")
    with pytest.raises(errors.DuplicateReceipt):
        shop.take_back(sale, amount=6_00, receipt="b-1")

    assert again["id"] == str(first["id"])
    assert available(shop.app.db, shop.alice) == 50 + 15


def test_lines_are_returned_by_sku(shop: Shop) -> None:
    lines = (Line(sku="beans", amount=12_90), Line(sku="cup", amount=7_10))
    sale = shop.sell(lines=lines)

    answer = shop.take_back(sale, lines=(Line(sku="cup", amount=7_10),))

    assert answer["refund"] == 7_10
    assert points_of(answer) == 50 + 12


def test_a_return_after_a_downgrade_takes_back_what_the_sale_had_earned(shop: Shop, clock: FixedClock) -> None:
    shop.sell(600_00)
    clock.set(datetime(2028, 1, 15, 12, 0, tzinfo=UTC))
    sale = shop.sell(100_00)  # the first event after the review: the tier falls in the same transaction
    with shop.app.db.read() as tx:
        tier = sql.one(tx, "SELECT tier FROM transactions ORDER BY id DESC LIMIT 1").tier

    shop.take_back(sale)

    assert tier == "bronze"
    assert available(shop.app.db, shop.alice) == 650
    check_ledger(shop.app.db, shop.alice)


def test_a_hold_runs_out_by_time_and_whoever_looks_sees_the_units_back(shop: Shop, clock: FixedClock) -> None:
    shop.sell(150_00)
    shop.hold("off-5")
    held = available(shop.app.db, shop.alice)

    clock.advance(timedelta(minutes=10))
    shop.sell(1_00)

    assert (held, available(shop.app.db, shop.alice)) == (0, 201)
    assert status_of_the_voucher(shop) == "cancelled"
    check_ledger(shop.app.db, shop.alice)


def test_a_time_in_the_future_is_refused_but_clocks_may_differ_by_five_minutes(shop: Shop) -> None:
    now = shop.app.clock.now()

    shop.sell(10_00, at=now + timedelta(minutes=5))
    with pytest.raises(errors.InTheFuture):
        shop.sell(10_00, at=now + timedelta(minutes=5, microseconds=1))

    assert available(shop.app.db, shop.alice) == 60
