"""Two or more calls at the same moment: they queue for the member, and each counts once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.services.campaigning import EVERYBODY, segment_of
from tests.services.wishes import id_of, scan_at, sell_at, wish_of
from tests.shop import Shop
from tests.store.laws import available, check_ledger, count, entries_of
from tests.store.threads import at_once, wait_for_a_lock
from wallet_api.domain import errors
from wallet_api.services import redeem
from wallet_api.services.identify import Till, Who
from wallet_api.services.present import Json
from wallet_api.services.redeem import Wish
from wallet_api.services.segments import SegmentWish, change_segment
from wallet_api.store.session import Tx


def test_of_two_tills_that_redeem_the_same_points_one_wins(shop: Shop) -> None:
    shop.sell(150_00)  # 200 points with the welcome gift: enough for one reward

    def hold(till: Till) -> Json:
        with shop.app.db.begin() as tx:
            return redeem.hold_reward(shop.app, tx, till, Who(member_id=shop.alice), Wish(reward="off-5"))

    outcomes = at_once([partial(hold, shop.till), partial(hold, shop.other_till)])

    refused = [outcome for outcome in outcomes if isinstance(outcome, errors.Refusal)]
    assert [type(refusal) for refusal in refused] == [errors.InsufficientBalance]
    assert available(shop.app.db, shop.alice) == 0
    assert count(shop.app.db, "redemptions") == 1
    check_ledger(shop.app.db, shop.alice)


def test_of_twenty_sales_at_once_none_is_lost(shop: Shop) -> None:
    outcomes = at_once([partial(shop.sell, 10_00)] * 20)

    assert not any(isinstance(outcome, errors.Refusal) for outcome in outcomes)
    assert available(shop.app.db, shop.alice) == 50 + 20 * 10
    assert count(shop.app.db, "transactions") == 20
    check_ledger(shop.app.db, shop.alice)


def test_one_receipt_from_two_tills_is_one_sale(shop: Shop) -> None:
    wish = wish_of(shop, 10_00, receipt="r-1")

    first, second = at_once([partial(sell_at, shop, shop.till, wish), partial(sell_at, shop, shop.other_till, wish)])

    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert id_of(first) == id_of(second)
    assert available(shop.app.db, shop.alice) == 60
    check_ledger(shop.app.db, shop.alice)


def test_of_two_whole_returns_of_one_sale_one_is_refused(shop: Shop) -> None:
    sale = shop.sell(10_00)

    outcomes = at_once([partial(shop.take_back, sale)] * 2)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ReturnExceedsSale", "dict"]
    assert available(shop.app.db, shop.alice) == 50
    check_ledger(shop.app.db, shop.alice)


def test_partial_returns_at_once_never_give_back_more_than_was_sold(shop: Shop) -> None:
    sale = shop.sell(100_00)

    outcomes = at_once([partial(shop.take_back, sale, amount=30_00)] * 5)

    granted = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    assert len(granted) == 3
    assert available(shop.app.db, shop.alice) == 50 + 10
    check_ledger(shop.app.db, shop.alice)


def test_a_capture_and_a_release_at_once_settle_a_hold_once(shop: Shop) -> None:
    shop.sell(150_00)
    held = id_of(shop.hold("off-5"))

    def settle(settling: Callable[..., Json]) -> Json:
        with shop.app.db.begin() as tx:
            return settling(shop.app, tx, shop.till, held)

    outcomes = at_once([partial(settle, redeem.capture_reward), partial(settle, redeem.release_reward)])

    refused = [type(outcome) for outcome in outcomes if isinstance(outcome, errors.Refusal)]
    assert refused in ([errors.AlreadyCaptured], [errors.AlreadyReleased])
    assert available(shop.app.db, shop.alice) == (0 if refused == [errors.AlreadyCaptured] else 200)
    check_ledger(shop.app.db, shop.alice)


def test_a_code_read_at_two_tills_at_once_belongs_to_one_of_them(shop: Shop) -> None:
    code = shop.code()

    outcomes = at_once([partial(scan_at, shop, shop.till, code), partial(scan_at, shop, shop.other_till, code)])

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CodeReplayed", "dict"]
    assert count(shop.app.db, "scans") == 1


def test_calls_of_different_kinds_at_once_are_all_written(shop: Shop) -> None:
    shop.sell(600_00)
    before = len(entries_of(shop.app.db, shop.alice))

    calls: list[Callable[[], Json]] = [
        partial(shop.sell, 10_00),
        shop.visit,
        partial(shop.redeem, "off-5"),
        partial(shop.sell, 10_00),
    ]
    outcomes = at_once(calls)

    assert all(isinstance(outcome, dict) for outcome in outcomes)
    assert len(entries_of(shop.app.db, shop.alice)) == before + 3  # a visit earns nothing here
    assert count(shop.app.db, "check_ins") == 1
    check_ledger(shop.app.db, shop.alice)


def test_of_two_segments_that_get_one_name_at_once_one_has_it(shop: Shop) -> None:
    def rename(tx: Tx) -> Json:
        wish = SegmentWish(name="Friends", rule=EVERYBODY)
        return change_segment(shop.app, tx, id_of(segment_of(shop)), wish, program=shop.program)

    with ThreadPoolExecutor(max_workers=1) as pool:
        with shop.app.db.begin() as tx:
            rename(tx)
            other = pool.submit(shop.app.db.run, rename)
            wait_for_a_lock(shop.app.db)

        with pytest.raises(errors.NameTaken):
            other.result(timeout=10)
