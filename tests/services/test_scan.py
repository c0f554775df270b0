"""Scans: whose code it is, at which till, how old, and how many wrong ones are let through."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from tests.services.wishes import points_of, scan_at, sell_at, wish_of
from tests.shop import Shop
from tests.store.laws import count
from wallet_api.clock import FixedClock
from wallet_api.domain import card_code, errors
from wallet_api.services import redeem, show_card
from wallet_api.services.identify import WRONG_CODES_A_CARD, WRONG_CODES_A_TILL, Who
from wallet_api.services.redeem import Wish
from wallet_api.store import cards, sql


def number_of(shop: Shop) -> str:
    """Alice's card number."""
    with shop.app.db.read() as tx:
        return show_card.card_of(tx, shop.alice).number


def static_code(shop: Shop) -> str:
    """The code on Alice's printed card."""
    with shop.app.db.read() as tx:
        card = show_card.card_of(tx, shop.alice)
    return card_code.static_code(card.number, show_card.key_of(shop.app, card))


def forged(shop: Shop, *, number: str | None = None) -> str:
    """A code of the right form for a card number, made without the key."""
    head = "7" + (number or number_of(shop))
    seconds = int(shop.app.clock.now().timestamp())
    genuine = shop.code()
    wrong = str((int(genuine[26:]) + 1) % 10**8).zfill(8)
    return f"{head}{card_code.damm_digit(head)}{seconds:010d}{wrong}"


def test_a_live_code_tells_the_till_whom_it_serves(shop: Shop) -> None:
    answer = scan_at(shop, shop.till, shop.code())

    assert answer["fresh"] is True
    assert answer["member"]["id"] == shop.alice  # type: ignore[index]
    assert answer["expires_at"] == shop.app.clock.now() + timedelta(minutes=10)


def test_the_same_till_may_read_a_code_again_and_gets_the_same_scan(shop: Shop) -> None:
    code = shop.code()

    first, again = scan_at(shop, shop.till, code), scan_at(shop, shop.till, code)

    assert again["scan_id"] == first["scan_id"]


def test_another_till_is_told_that_the_code_was_used_and_the_replay_is_noted(shop: Shop) -> None:
    code = shop.code()
    scan_at(shop, shop.till, code)

    with pytest.raises(errors.CodeReplayed):
        scan_at(shop, shop.other_till, code)

    with shop.app.db.read() as tx:
        noted = sql.one(tx, "SELECT subject, reason FROM wrong_codes")
    assert noted.subject.startswith("replay:")
    assert noted.reason == "code_replayed"


def test_the_next_code_may_be_read_at_another_till(shop: Shop, clock: FixedClock) -> None:
    scan_at(shop, shop.till, shop.code())
    clock.advance(timedelta(seconds=30))

    answer = scan_at(shop, shop.other_till, shop.code())

    assert answer["fresh"] is True


@pytest.mark.parametrize(
    ("age", "refusal"),
    [
        (60, None),
        (61, errors.CodeExpired),
        (600, errors.CodeExpired),
        (601, errors.CardNotFound),
        (-30, None),
        (-31, errors.CodeExpired),
        (-601, errors.CardNotFound),
    ],
)
def test_the_age_of_a_code_decides(
    shop: Shop, clock: FixedClock, age: int, refusal: type[errors.Refusal] | None
) -> None:
    code = shop.code()
    clock.advance(timedelta(seconds=age))

    if refusal is None:
        assert scan_at(shop, shop.till, code)["fresh"] is True
    else:
        with pytest.raises(refusal):
            scan_at(shop, shop.till, code)


def test_whatever_is_wrong_with_a_code_the_answer_is_the_same(shop: Shop) -> None:
    nobody = "00000000000000" if number_of(shop) != "00000000000000" else "00000000000001"
    static = static_code(shop)
    wrong_mac = static[:16] + str((int(static[16:]) + 1) % 10**8).zfill(8)
    codes = ["", "hello", forged(shop), forged(shop, number=nobody), nobody, wrong_mac, "V000000000000"]

    for code in codes:
        with pytest.raises(errors.CardNotFound) as refusal:
            scan_at(shop, shop.till, code)
        assert refusal.value.facts == {}


@pytest.mark.parametrize("exists", [True, False], ids=["a card's number", "a number that no card has"])
def test_after_five_wrong_codes_a_number_is_locked_whether_a_card_has_it_or_not(
    shop: Shop, clock: FixedClock, *, exists: bool
) -> None:
    wrong = forged(shop) if exists else forged(shop, number="00000000000000")
    for _ in range(WRONG_CODES_A_CARD):
        with pytest.raises(errors.CardNotFound):
            scan_at(shop, shop.till, wrong)

    with pytest.raises(errors.TooManyWrongCodes):
        scan_at(shop, shop.other_till, wrong)
    clock.advance(timedelta(minutes=10))
    with pytest.raises(errors.CardNotFound):
        scan_at(shop, shop.other_till, wrong)


def test_a_locked_card_refuses_even_its_own_live_code(shop: Shop) -> None:
    for _ in range(WRONG_CODES_A_CARD):
        with pytest.raises(errors.CardNotFound):
            scan_at(shop, shop.till, forged(shop))

    with pytest.raises(errors.TooManyWrongCodes):
        scan_at(shop, shop.till, shop.code())


def test_after_twenty_wrong_codes_a_till_is_locked_and_the_others_are_not(shop: Shop) -> None:
    for number in range(WRONG_CODES_A_TILL):
        with pytest.raises(errors.CardNotFound):
            scan_at(shop, shop.till, f"{number:05d}")

    with pytest.raises(errors.TooManyWrongCodes):
        scan_at(shop, shop.till, shop.code())
    answer = scan_at(shop, shop.other_till, shop.code())

    assert answer["fresh"] is True


def test_a_blocked_card_says_so_only_to_who_holds_it(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE cards SET status = 'blocked'")

    with pytest.raises(errors.CardBlocked):
        scan_at(shop, shop.till, shop.code())
    with pytest.raises(errors.CardNotFound):
        scan_at(shop, shop.till, forged(shop))


def test_a_code_made_before_the_key_was_raised_is_unknown(shop: Shop) -> None:
    code = shop.code()
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE cards SET key_version = key_version + 1")

    with pytest.raises(errors.CardNotFound):
        scan_at(shop, shop.till, code)
    assert scan_at(shop, shop.till, shop.code())["fresh"] is True


@pytest.mark.parametrize("kind", ["static", "typed"])
def test_a_code_that_is_not_live_may_earn_but_not_redeem(shop: Shop, kind: str) -> None:
    shop.sell(150_00)
    code = static_code(shop) if kind == "static" else number_of(shop)

    sale = sell_at(shop, shop.till, wish_of(shop, 10_00, who=Who(code=code)))
    with pytest.raises(errors.FreshCodeRequired), shop.app.db.begin() as tx:
        redeem.hold_reward(shop.app, tx, shop.till, Who(code=code), Wish(reward="off-5"))
    scan = scan_at(shop, shop.till, code)
    with pytest.raises(errors.FreshCodeRequired), shop.app.db.begin() as tx:
        redeem.hold_reward(shop.app, tx, shop.till, Who(scan_id=UUID(str(scan["scan_id"]))), Wish(reward="off-5"))

    assert points_of(sale) == 50 + 150 + 10
    assert count(shop.app.db, "redemptions") == 0


def test_a_live_code_may_redeem(shop: Shop) -> None:
    shop.sell(150_00)

    with shop.app.db.begin() as tx:
        held = redeem.hold_reward(shop.app, tx, shop.till, Who(code=shop.code()), Wish(reward="off-5"))

    assert held["status"] == "held"


def test_a_scan_is_good_for_ten_minutes_at_its_own_till(shop: Shop, clock: FixedClock) -> None:
    who = Who(scan_id=UUID(str(scan_at(shop, shop.till, shop.code())["scan_id"])))

    with pytest.raises(errors.ScanExpired):
        sell_at(shop, shop.other_till, wish_of(shop, 10_00, who=who))
    clock.advance(timedelta(minutes=10, microseconds=-1))
    answer = sell_at(shop, shop.till, wish_of(shop, 10_00, who=who))
    clock.advance(timedelta(microseconds=1))
    with pytest.raises(errors.ScanExpired):
        sell_at(shop, shop.till, wish_of(shop, 10_00, who=who))

    assert points_of(answer) == 60


def test_a_voucher_shown_at_the_till_tells_whose_it_is(shop: Shop) -> None:
    shop.sell(150_00)
    voucher = shop.redeem("off-5")

    answer = scan_at(shop, shop.till, str(voucher["code"]))

    assert answer["member"]["id"] == shop.alice  # type: ignore[index]
    assert answer["fresh"] is False
    assert [each["code"] for each in answer["vouchers"]] == [voucher["code"]]  # type: ignore[attr-defined]


def test_card_numbers_are_random_digits(shop: Shop) -> None:
    numbers = []
    for name in ("bob", "dora", "emil"):
        member = shop.join(name)
        with shop.app.db.read() as tx:
            card = cards.of_member(tx, member)
        assert card is not None
        numbers.append(card.number)

    assert all(len(number) == 14 and number.isdecimal() for number in numbers)
    assert len({int(after) - int(before) for before, after in pairwise(numbers)}) == 2
