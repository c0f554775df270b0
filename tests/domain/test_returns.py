"""Returns: what they take back, what they refund, and what they leave."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.club import A_YEAR, OFF_5, PURCHASE, Life, club, points
from wallet_api.domain import errors
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import Condition, Price, Rate, Span
from wallet_api.domain.events import Line
from wallet_api.domain.state import VoucherStatus

PER_TEN = replace(PURCHASE, amount=Rate(earn=1, per=1000))


def test_a_whole_return_takes_back_what_the_sale_earned_and_refunds_what_was_paid() -> None:
    alice = Life(club())
    sale = alice.sell(19_99)

    decision = alice.bring_back(sale)

    assert alice.balance == 0
    assert decision.refund == 19_99
    assert alice.state.lifetime("points") == 0
    assert alice.state.measures["orders"] == {decision.before.joined_at.date(): 0}


def test_a_partial_return_leaves_what_the_rest_would_have_earned() -> None:
    alice = Life(club(PER_TEN))
    sale = alice.sell(105_00)

    alice.bring_back(sale, amount=10_00)

    assert alice.balance == 9  # 95.00 at one per ten


def test_a_return_that_costs_no_whole_point_leaves_no_entry() -> None:
    alice = Life(club(PER_TEN))
    sale = alice.sell(105_00)

    decision = alice.bring_back(sale, amount=5_00)

    assert decision.entries == ()
    assert decision.refund == 5_00


def test_lines_go_back_with_what_they_earned() -> None:
    double = replace(PURCHASE, id="double", where=Condition(tags=frozenset({"coffee"})))
    alice = Life(club(PURCHASE, double))
    sale = alice.sell(lines=(Line(sku="beans", amount=10_00, tags=frozenset({"coffee"})), Line(sku="cup", amount=5_00)))
    earned = alice.balance

    alice.bring_back(sale, lines=(Line(sku="beans", amount=10_00),))

    assert (earned, alice.balance) == (25, 5)


def test_a_campaign_minimum_is_tried_on_the_rest() -> None:
    big = replace(PURCHASE, id="big", where=Condition(minimum=50_00))
    alice = Life(club(PURCHASE, big))
    sale = alice.sell(50_00)

    alice.bring_back(sale, amount=1_00)

    assert alice.balance == 49


def test_the_rest_is_reckoned_at_the_tier_at_which_the_sale_earned() -> None:
    for_bronze = replace(PURCHASE, id="start", where=Condition(tiers=frozenset({"bronze"})))
    alice = Life(club(PURCHASE, for_bronze))
    sale = alice.sell(600_00)  # lifts Alice to silver

    alice.bring_back(sale, amount=100_00)
    bought_as_silver = alice.sell(100_00)
    alice.bring_back(bought_as_silver, amount=40_00)

    assert [entry.amount for entry in alice.entries] == [600, 600, -100, -100, 100, -40]


def test_a_rule_for_another_tier_earns_nothing_for_the_rest() -> None:
    for_silver = replace(PURCHASE, id="silver", where=Condition(tiers=frozenset({"silver"})))
    alice = Life(club(PURCHASE, for_silver))
    alice.sell(600_00)
    sale = alice.sell(100_00)
    before = alice.balance

    alice.bring_back(sale, amount=40_00)

    assert before - alice.balance == 40 + 40


def test_a_returned_line_takes_its_part_of_the_discount_along() -> None:
    alice = Life(club())
    alice.adjust(70)
    voucher = alice.redeem("off-5")
    sale = alice.sell(lines=(Line(sku="a", amount=15_00), Line(sku="b", amount=5_00)), vouchers=(voucher.code,))

    decision = alice.bring_back(sale, lines=(Line(sku="a", amount=15_00),))

    assert alice.sale(sale).net == (11_25, 3_75)
    assert decision.refund == 11_25


def test_refunds_in_steps_add_up_to_what_was_paid() -> None:
    alice = Life(club())
    alice.adjust(70)
    voucher = alice.redeem("off-5")
    sale = alice.sell(10_00, vouchers=(voucher.code,))

    refunds = [alice.bring_back(sale, amount=amount).refund for amount in (3_33, 3_33, 3_34)]

    assert sum(refunds) == 5_00


def test_each_return_tells_what_it_refunds_itself() -> None:
    alice = Life(club())
    sale = alice.sell(10_00)

    told = [alice.bring_back(sale, amount=amount).notices[-1] for amount in (3_00, 2_00)]

    assert [notice.kind for notice in told] == ["transaction_returned", "transaction_returned"]
    assert [notice.facts["refund"] for notice in told] == [3_00, 2_00]


def test_a_return_lowers_the_measures_of_the_day_of_the_sale_and_not_of_its_own() -> None:
    alice = Life(club())
    day = alice.now.date()
    sale = alice.sell(100_00)
    alice.wait(days=300)

    alice.bring_back(sale, amount=40_00)

    assert alice.state.measures == {"spend": {day: 60_00}, "orders": {day: 1}, "earned:points": {day: 60}}


def test_more_than_is_left_cannot_be_returned() -> None:
    alice = Life(club())
    sale = alice.sell(10_00)
    alice.bring_back(sale, amount=6_00)

    with pytest.raises(errors.ReturnExceedsSale) as refusal:
        alice.bring_back(sale, amount=4_01)

    assert refusal.value.facts == {"left": 4_00, "asked": 4_01}


@pytest.mark.parametrize(
    "lines",
    [
        (Line(sku="beans", amount=10_01),),
        (Line(sku="beans", amount=6_00), Line(sku="beans", amount=6_00)),
        (Line(sku="tea", amount=1),),
    ],
    ids=["more of a line", "a line twice", "a line that was not there"],
)
def test_lines_that_were_not_bought_cannot_be_returned(lines: tuple[Line, ...]) -> None:
    alice = Life(club())
    sale = alice.sell(lines=(Line(sku="beans", amount=10_00), Line(sku="cup", amount=5_00)))

    with pytest.raises(errors.ReturnExceedsSale):
        alice.bring_back(sale, lines=lines)

    assert alice.balance == 15


def test_lines_with_one_sku_are_returned_as_one_even_after_a_share_of_them_went_back() -> None:
    alice = Life(club())
    sale = alice.sell(lines=(Line(sku="cup", amount=1_00), Line(sku="cup", amount=1_00)))
    alice.bring_back(sale, amount=1)  # half a cent of each

    alice.bring_back(sale, lines=(Line(sku="cup", amount=1_99),))

    assert sum(alice.sale(sale).kept) == 0
    assert alice.sale(sale).refunded == 2_00


def test_a_sale_that_went_back_whole_cannot_go_back_again_not_even_a_line_worth_nothing() -> None:
    alice = Life(club())
    alice.adjust(70)
    voucher = alice.redeem("off-5")
    sale = alice.sell(lines=(Line(sku="beans", amount=10_00),), vouchers=(voucher.code,))
    alice.bring_back(sale)
    alice.sell(10_00, vouchers=(voucher.code,))

    with pytest.raises(errors.ReturnExceedsSale):
        alice.bring_back(sale, lines=(Line(sku="beans", amount=0),))

    assert alice.voucher(voucher.id) is VoucherStatus.REDEEMED


def test_what_the_sale_earned_is_taken_from_its_own_lot_first() -> None:
    alice = Life(club())
    alice.sell(30_00)
    sale = alice.sell(50_00)

    alice.bring_back(sale, amount=20_00)

    assert alice.lots == [30, 30]


def test_points_that_were_spent_meanwhile_are_owed_and_the_next_earn_repays_them() -> None:
    alice = Life(club(rewards=(replace(OFF_5, price=Price(unit="points", amount=80)),)))
    sale = alice.sell(80_00)
    alice.redeem("off-5")
    alice.sell(50_00)

    alice.bring_back(sale)
    owed = alice.balance
    alice.sell(100_00)

    assert owed == -30
    assert alice.balance == 70
    assert alice.lots == [70]


def test_a_voucher_used_on_the_sale_comes_back_with_a_whole_return_only() -> None:
    alice = Life(club())
    alice.adjust(70)
    voucher = alice.redeem("off-5")
    sale = alice.sell(20_00, vouchers=(voucher.code,))

    alice.bring_back(sale, amount=10_00)
    after_a_part = alice.voucher(voucher.id)
    alice.bring_back(sale)

    assert after_a_part is VoucherStatus.REDEEMED
    assert alice.voucher(voucher.id) is VoucherStatus.ISSUED


def test_a_voucher_that_has_ended_meanwhile_stays_ended() -> None:
    alice = Life(club(rewards=(replace(OFF_5, valid=Span(days=60)),)))
    alice.adjust(70)
    voucher = alice.redeem("off-5")
    sale = alice.sell(20_00, vouchers=(voucher.code,))

    alice.wait(days=61)
    alice.bring_back(sale)

    assert alice.voucher(voucher.id) is VoucherStatus.EXPIRED


def test_points_that_have_expired_meanwhile_are_owed() -> None:
    alice = Life(club(unit=points(expire=A_YEAR)))
    sale = alice.sell(50_00)
    alice.wait(days=366)

    alice.bring_back(sale)

    assert alice.balance == -50


def test_a_return_reverses_the_entry_that_it_undoes_and_says_why() -> None:
    alice = Life(club())
    sale = alice.sell(30_00)
    [earn] = alice.entries

    decision = alice.bring_back(sale, amount=10_00)

    [reversal] = decision.entries
    assert reversal.kind is EntryKind.REVERSAL
    assert (reversal.reverses, reversal.rule, reversal.amount) == (earn.id, "purchase", -10)
    assert reversal.why == {"earned": 30, "rest_earns": 20}


@given(st.lists(st.integers(0, 50_00), min_size=1, max_size=5).filter(any), st.data())
def test_however_a_sale_goes_back_nothing_of_it_is_left(amounts: list[int], draw: st.DataObject) -> None:
    alice = Life(club(PURCHASE, replace(PURCHASE, id="extra", amount=Rate(earn=3, per=700))))
    sale = alice.sell(lines=tuple(Line(sku=str(place), amount=amount) for place, amount in enumerate(amounts)))
    paid, left = sum(amounts), sum(amounts)
    refunds = 0
    for _ in range(draw.draw(st.integers(0, 4))):
        part = draw.draw(st.integers(0, max(0, left - 1)))
        refunds += alice.bring_back(sale, amount=part).refund
        left -= part

    refunds += alice.bring_back(sale).refund

    assert refunds == paid
    assert alice.balance == 0
    assert alice.state.lifetime("points") == 0
    assert all(part == Fraction(0) for part in alice.sale(sale).kept)
    assert not any(sum(days.values()) for days in alice.state.measures.values())
