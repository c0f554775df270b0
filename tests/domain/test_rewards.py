"""Rewards: redeemed at once or held at a till, captured, released, run out; and vouchers used on a sale."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.domain.club import COFFEE, OFF_5, Life, club, points
from wallet_api.domain import errors
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import Span
from wallet_api.domain.events import Line
from wallet_api.domain.state import RedemptionStatus, VoucherStatus


def test_redeeming_spends_the_oldest_lots_and_issues_a_voucher() -> None:
    alice = Life(club())
    alice.sell(50_00)
    alice.sell(50_00)

    voucher = alice.redeem("off-5")

    assert alice.lots == [30]
    assert voucher.status is VoucherStatus.ISSUED
    assert voucher.valid_until is None


def test_a_reward_can_be_had_with_exactly_its_price_and_not_with_a_point_less() -> None:
    alice, bob = Life(club()), Life(club())
    alice.sell(70_00)
    bob.sell(69_99)

    alice.redeem("off-5")

    with pytest.raises(errors.InsufficientBalance) as refusal:
        bob.redeem("off-5")
    assert alice.balance == 0
    assert refusal.value.facts == {"unit": "points", "have": 69, "need": 70}


def test_several_of_a_reward_cost_several_times_its_price() -> None:
    alice = Life(club())
    alice.sell(140_00)

    with pytest.raises(errors.InsufficientBalance):
        alice.redeem("off-5", quantity=3)
    voucher = alice.redeem("off-5", quantity=2)

    assert alice.balance == 0
    assert voucher.quantity == 1
    assert len(alice.state.vouchers) == 2


def test_a_reward_for_a_tier_is_refused_to_the_others_before_anything_else_is_said() -> None:
    alice = Life(club(rewards=(replace(OFF_5, tiers=frozenset({"gold"})),)))

    with pytest.raises(errors.NotEligible):
        alice.redeem("off-5")
    alice.sell(2000_00)
    alice.redeem("off-5")

    assert alice.balance == 1930


def test_an_unknown_reward_is_named_in_the_refusal() -> None:
    alice = Life(club())

    with pytest.raises(errors.RewardNotFound) as refusal:
        alice.redeem("yacht")

    assert refusal.value.facts == {"reward": "yacht"}


def test_a_refused_wish_leaves_no_trace() -> None:
    alice = Life(club())
    alice.sell(10_00)
    before = (alice.state, list(alice.entries))

    with pytest.raises(errors.InsufficientBalance):
        alice.redeem("off-5")

    assert (alice.state, alice.entries) == before


# ── Holds ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_held_units_are_out_of_the_balance_at_once() -> None:
    alice = Life(club())
    alice.sell(100_00)

    held = alice.hold("off-5")

    assert alice.balance == 30
    assert alice.redemption(held) is RedemptionStatus.HELD
    assert alice.voucher(held) is VoucherStatus.RESERVED


def test_a_captured_hold_is_a_redemption_and_twice_is_once() -> None:
    alice = Life(club())
    alice.sell(100_00)
    held = alice.hold("off-5")

    alice.capture(held)
    again = alice.capture(held)

    assert again.entries == ()
    assert alice.balance == 30
    assert alice.redemption(held) is RedemptionStatus.CAPTURED
    assert alice.voucher(held) is VoucherStatus.REDEEMED
    assert alice.amounts(EntryKind.REDEEM) == [-70]


def test_a_released_hold_puts_the_units_back_where_they_were_and_twice_is_once() -> None:
    alice = Life(club())
    alice.sell(50_00)
    alice.sell(50_00)
    held = alice.hold("off-5")

    alice.release(held)
    again = alice.release(held)

    assert again.entries == ()
    assert alice.lots == [50, 50]
    assert alice.voucher(held) is VoucherStatus.CANCELLED


def test_a_hold_runs_out_at_its_instant_and_not_before() -> None:
    alice = Life(club())
    alice.sell(100_00)
    held = alice.hold("off-5", minutes=10)
    ends = alice.now + timedelta(minutes=10)

    alice.wait(until=ends - timedelta(microseconds=1))
    before = alice.redemption(held)
    alice.wait(until=ends)

    assert before is RedemptionStatus.HELD
    assert alice.redemption(held) is RedemptionStatus.EXPIRED
    assert alice.balance == 100


def test_a_hold_that_ran_out_cannot_be_captured_and_is_released_already() -> None:
    alice = Life(club())
    alice.sell(100_00)
    held = alice.hold("off-5")
    alice.wait(days=1)

    with pytest.raises(errors.HoldExpired):
        alice.capture(held)
    again = alice.release(held)

    assert again.entries == ()
    assert alice.balance == 100


def test_what_was_captured_cannot_be_released_nor_what_was_released_captured() -> None:
    alice = Life(club())
    alice.sell(200_00)
    captured, released = alice.hold("off-5"), alice.hold("off-5")
    alice.capture(captured)
    alice.release(released)

    with pytest.raises(errors.AlreadyCaptured):
        alice.release(captured)
    with pytest.raises(errors.AlreadyReleased):
        alice.capture(released)

    assert alice.balance == 130


def test_units_given_back_by_a_hold_repay_a_debt_first() -> None:
    alice = Life(club())
    sale = alice.sell(70_00)
    held = alice.hold("off-5")
    alice.bring_back(sale)
    owed = alice.balance

    alice.release(held)

    assert owed == -70
    assert alice.balance == 0
    assert alice.lots == []


def test_units_that_expired_while_they_were_held_are_gone_when_they_come_back() -> None:
    alice = Life(club(unit=points(expire=Span(days=1))))
    alice.sell(70_00)
    held = alice.hold("off-5", minutes=3 * 24 * 60)
    alice.wait(days=2)

    alice.release(held)

    assert alice.balance == 0
    assert alice.amounts(EntryKind.EXPIRE) == [-70]


# ── Vouchers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_voucher_lowers_the_price_and_with_it_what_is_earned() -> None:
    alice = Life(club())
    alice.adjust(70)
    voucher = alice.redeem("off-5")

    alice.sell(20_00, vouchers=(voucher.code,))

    assert alice.last is not None
    assert alice.last.paid == 15_00
    assert alice.balance == 15
    assert alice.voucher(voucher.id) is VoucherStatus.REDEEMED


def test_vouchers_take_off_no_more_than_the_merchandise_costs_and_nothing_off_gift_cards() -> None:
    alice = Life(club())
    alice.adjust(140)
    first, second = alice.redeem("off-5"), alice.redeem("off-5")
    lines = (Line(sku="beans", amount=8_00), Line(sku="card", amount=50_00, tags=frozenset({"gift-card"})))

    alice.sell(lines=lines, vouchers=(first.code, second.code))

    assert alice.last is not None
    assert [discount.amount for discount in alice.last.discounts] == [5_00, 3_00]
    assert alice.last.net == (0, 50_00)


@pytest.mark.parametrize("amount", [9_99, 10_00])
def test_a_voucher_that_needs_a_purchase_is_refused_below_it(amount: int) -> None:
    alice = Life(club(rewards=(replace(OFF_5, needs_purchase_of=10_00),)))
    alice.adjust(70)
    voucher = alice.redeem("off-5")

    if amount < 10_00:
        with pytest.raises(errors.MinimumNotReached):
            alice.sell(amount, vouchers=(voucher.code,))
        assert alice.voucher(voucher.id) is VoucherStatus.ISSUED
    else:
        alice.sell(amount, vouchers=(voucher.code,))
        assert alice.voucher(voucher.id) is VoucherStatus.REDEEMED


def test_a_voucher_can_be_used_once() -> None:
    alice = Life(club())
    alice.adjust(70)
    voucher = alice.redeem("off-5")

    with pytest.raises(errors.VoucherNotFound):
        alice.sell(20_00, vouchers=(voucher.code, voucher.code))
    alice.sell(20_00, vouchers=(voucher.code,))
    with pytest.raises(errors.VoucherNotFound):
        alice.sell(20_00, vouchers=(voucher.code,))

    assert alice.amounts(EntryKind.EARN) == [15]


def test_a_voucher_held_at_a_till_cannot_be_used_on_a_sale() -> None:
    alice = Life(club())
    alice.sell(70_00)
    held = alice.hold("off-5")

    with pytest.raises(errors.VoucherNotFound):
        alice.sell(20_00, vouchers=(alice.state.vouchers[held].code,))


@pytest.mark.parametrize(
    ("valid", "last", "why"),
    [
        (Span(days=90), date(2026, 6, 8), "the day of issue and 90 more"),
        (Span(months=11), date(2027, 2, 9), "eleven months end the day before that day"),
    ],
)
def test_a_voucher_ends_with_its_last_valid_day(valid: Span, last: date, why: str) -> None:
    alice = Life(club(rewards=(replace(COFFEE, valid=valid),)))
    alice.adjust(20)
    voucher = alice.redeem("coffee")
    days = (last - date(2026, 3, 10)).days

    alice.wait(days=days)
    on_the_last_day = alice.voucher(voucher.id)
    alice.wait(days=1)

    assert voucher.valid_until == last, why
    assert on_the_last_day is VoucherStatus.ISSUED
    assert alice.voucher(voucher.id) is VoucherStatus.EXPIRED
