"""Units that turn into a reward by themselves: every full block at once, or all at the end of a window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from tests.domain.club import COFFEE, PURCHASE, Life, club, named, points
from wallet_api.domain import errors
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import (
    Challenge,
    Conversion,
    Definition,
    EarningRule,
    EventKind,
    Flat,
    Gift,
    MoneyOff,
    MonthDay,
    Occasion,
    PerItem,
    Reward,
    Span,
    Units,
    Window,
)
from wallet_api.domain.events import Line
from wallet_api.domain.state import VoucherStatus

WINDOWS = (
    Window(first=2, last=5, issued=MonthDay(month=6, day=15)),
    Window(first=6, last=9, issued=MonthDay(month=10, day=15)),
    Window(first=10, last=1, issued=MonthDay(month=2, day=15)),
)
CASH = Reward(
    id="cash",
    name=named("Cash"),
    price=None,
    gives=MoneyOff(amount=10_00),
    valid=Span(months=11),
    only_given=True,
)
IN_WINDOWS = Conversion(every=100, into="cash", windows=WINDOWS, blocks_per_window=5, blocks_per_year=15)


def climber(conversion: Conversion = IN_WINDOWS) -> Life:
    """Alice in a program whose points turn into cash at the end of each window."""
    return Life(club(unit=replace(points(), converts=conversion), rewards=(CASH,)))


def issued(alice: Life) -> list[int]:
    """How many blocks each voucher stands for, in the order of issue."""
    return [voucher.quantity for voucher in alice.state.vouchers.values()]


# ── At the end of a window ───────────────────────────────────────────────────────────────────────────────────────


def test_full_blocks_turn_into_one_voucher_as_the_window_ends_and_the_rest_is_carried_on() -> None:
    alice = climber()
    alice.sell(250_00)

    alice.wait_for_the_end_of(date(2026, 5, 31))
    before = (alice.balance, issued(alice))
    alice.wait_for_the_beginning_of(date(2026, 6, 1))

    assert before == (250, [])
    assert (alice.balance, issued(alice)) == (50, [2])


def test_what_was_carried_on_counts_in_the_next_window() -> None:
    alice = climber()
    alice.sell(150_00)
    alice.wait(on=date(2026, 7, 1))
    alice.sell(50_00)

    alice.wait(on=date(2026, 10, 1))

    assert (alice.balance, issued(alice)) == (0, [1, 1])


def test_the_voucher_can_be_used_from_its_day_of_issue_to_its_last() -> None:
    alice = climber()
    alice.sell(200_00)
    alice.wait_for_the_end_of(date(2026, 6, 14))
    too_early = alice.usable_vouchers("cash")
    [voucher] = alice.state.vouchers.values()
    with pytest.raises(errors.VoucherNotFound):
        alice.sell(50_00, vouchers=(voucher.code,))

    alice.wait_for_the_beginning_of(date(2026, 6, 15))

    assert too_early == []
    assert alice.usable_vouchers("cash") == [voucher]
    assert (voucher.valid_from, voucher.valid_until) == (date(2026, 6, 15), date(2027, 5, 14))
    alice.wait_for_the_end_of(date(2027, 5, 14))
    assert alice.voucher(voucher.id) is VoucherStatus.ISSUED
    alice.wait_for_the_beginning_of(date(2027, 5, 15))
    assert alice.voucher(voucher.id) is VoucherStatus.EXPIRED


def test_one_voucher_takes_off_what_all_its_blocks_are_worth() -> None:
    alice = climber()
    alice.sell(200_00)
    alice.wait(on=date(2026, 6, 15))
    [voucher] = alice.usable_vouchers("cash")

    alice.sell(50_00, vouchers=(voucher.code,))

    assert alice.last is not None
    assert alice.last.paid == 30_00


def test_a_window_turns_no_more_blocks_than_it_may() -> None:
    alice = climber()
    alice.sell(720_00)

    alice.wait(on=date(2026, 6, 1))
    after_one = (alice.balance, issued(alice))
    alice.wait(on=date(2026, 10, 1))

    assert after_one == (220, [5])
    assert (alice.balance, issued(alice)) == (20, [5, 2])


def test_a_calendar_year_turns_no_more_blocks_than_it_may_and_the_window_over_new_year_ends_in_january() -> None:
    alice = climber(replace(IN_WINDOWS, blocks_per_year=7))
    alice.sell(2000_00)

    alice.wait(on=date(2026, 12, 31))
    this_year = issued(alice)
    alice.wait(on=date(2027, 2, 1))

    assert this_year == [5, 2]
    assert issued(alice) == [5, 2, 5]


def test_a_window_without_a_full_block_issues_nothing() -> None:
    alice = climber()
    alice.sell(99_00)

    alice.wait(on=date(2027, 2, 28))

    assert (alice.balance, issued(alice)) == (99, [])


def test_a_return_after_the_conversion_leaves_the_voucher_and_takes_the_units_below_zero() -> None:
    alice = climber()
    sale = alice.sell(250_00)
    alice.wait(on=date(2026, 6, 15))

    alice.bring_back(sale)
    owed = alice.balance
    alice.sell(300_00)
    alice.wait(on=date(2026, 10, 1))

    assert owed == -200
    assert issued(alice)[0] == 2
    assert (alice.balance, issued(alice)) == (0, [2, 1])


def test_what_turns_into_it_cannot_be_asked_for() -> None:
    alice = climber()
    alice.sell(250_00)

    with pytest.raises(errors.NotEligible):
        alice.redeem("cash")


def test_points_that_end_as_the_window_ends_do_not_turn() -> None:
    alice = Life(
        club(unit=replace(points(expire=Span(months=1)), converts=IN_WINDOWS), rewards=(CASH,)),
        joined=datetime(2026, 5, 1, 12, tzinfo=UTC),
    )
    alice.sell(250_00)

    alice.wait(on=date(2026, 6, 1))

    assert issued(alice) == []
    assert alice.amounts(EntryKind.EXPIRE) == [-250]


def test_looking_every_day_turns_as_much_as_looking_once() -> None:
    often, once = climber(), climber()
    for alice in (often, once):
        alice.sell(720_00)

    for _ in range(400):
        often.wait(days=1)
    once.wait(days=400)

    assert issued(often) == issued(once) == [5, 2]
    assert often.state.lots == once.state.lots


# ── At once ──────────────────────────────────────────────────────────────────────────────────────────────────────


def stamp_card(**more: object) -> Definition:
    """Nine coffees, and the next one is free: it turns by itself."""
    stamp = EarningRule(id="stamp", on=EventKind.SALE, unit="points", amount=PerItem(earn=1))
    free = replace(COFFEE, price=None, only_given=True)
    definition = club(stamp, unit=replace(points(), converts=Conversion(every=9, into="coffee")), rewards=(free,))
    return replace(definition, **more)  # type: ignore[arg-type]  # fields by their names


def coffees(number: int) -> Line:
    return Line(sku="coffee", amount=3_00 * number, quantity=number)


def test_a_full_card_turns_at_the_sale_that_fills_it() -> None:
    alice = Life(stamp_card())

    alice.sell(lines=(coffees(8),))
    before = len(alice.usable_vouchers("coffee"))
    alice.sell(lines=(coffees(2),))

    assert (before, len(alice.usable_vouchers("coffee")), alice.balance) == (0, 1, 1)


def test_each_block_is_a_voucher_of_its_own() -> None:
    alice = Life(stamp_card())

    alice.sell(lines=(coffees(20),))

    assert [voucher.quantity for voucher in alice.usable_vouchers("coffee")] == [1, 1]
    assert alice.balance == 2


def test_after_a_return_below_zero_the_card_fills_from_there() -> None:
    alice = Life(stamp_card())
    sale = alice.sell(lines=(coffees(9),))
    alice.bring_back(sale)

    alice.sell(lines=(coffees(17),))
    before = len(alice.usable_vouchers("coffee"))
    alice.sell(lines=(coffees(1),))

    assert (before, len(alice.usable_vouchers("coffee")), alice.balance) == (1, 2, 0)


def test_units_given_by_hand_fill_the_card_too() -> None:
    alice = Life(stamp_card())
    alice.sell(lines=(coffees(8),))

    alice.adjust(1)

    assert (len(alice.usable_vouchers("coffee")), alice.balance) == (1, 0)


def test_a_welcome_gift_fills_the_card_too() -> None:
    gift = Gift(id="welcome", occasion=Occasion.JOIN, units=Units(unit="points", amount=9))

    alice = Life(stamp_card(gifts=(gift,)))

    assert (len(alice.usable_vouchers("coffee")), alice.balance) == (1, 0)


def test_a_rule_for_joining_fills_the_card_too() -> None:
    welcome = EarningRule(id="welcome", on=EventKind.JOIN, unit="points", amount=Flat(earn=9))

    alice = Life(stamp_card(earning=(PURCHASE, welcome)))

    assert (len(alice.usable_vouchers("coffee")), alice.balance) == (1, 0)


def test_a_birthday_gift_fills_the_card_too() -> None:
    gift = Gift(id="birthday", occasion=Occasion.BIRTHDAY, units=Units(unit="points", amount=9))
    alice = Life(stamp_card(gifts=(gift,)), birth_date=date(1990, 4, 1))

    alice.wait(on=date(2026, 4, 1))

    assert (len(alice.usable_vouchers("coffee")), alice.balance) == (1, 0)


def test_a_gift_for_a_friends_first_purchase_fills_the_card_too() -> None:
    gift = Gift(id="invited", occasion=Occasion.REFERRED, units=Units(unit="points", amount=9))
    alice = Life(stamp_card(gifts=(gift,)), referred_by=UUID(int=7))

    alice.sell(lines=(coffees(1),))

    assert (len(alice.usable_vouchers("coffee")), alice.balance) == (1, 1)


def test_the_units_of_a_challenge_fill_the_card_too() -> None:
    challenge = Challenge(
        id="twice", name=named("Twice"), measure="earned:points", goal=2, units=Units(unit="points", amount=7)
    )
    alice = Life(stamp_card(challenges=(challenge,)))

    alice.sell(lines=(coffees(2),))

    assert (len(alice.usable_vouchers("coffee")), alice.balance) == (1, 0)


def test_units_given_back_by_a_hold_that_ran_out_fill_the_card_too() -> None:
    cup = replace(COFFEE, id="cup")
    alice = Life(stamp_card(rewards={"coffee": replace(COFFEE, price=None, only_given=True), "cup": _for_five(cup)}))
    alice.sell(lines=(coffees(8),))
    alice.hold("cup", minutes=10)
    alice.sell(lines=(coffees(2),))

    alice.wait(days=1)

    assert (len(alice.usable_vouchers("coffee")), alice.balance) == (1, 1)


def _for_five(reward: Reward) -> Reward:
    assert reward.price is not None
    return replace(reward, price=replace(reward.price, amount=5))
