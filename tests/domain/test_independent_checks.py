"""Figures worked out by hand, one test each: whoever reckons otherwise is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from tests.domain.club import A_YEAR, OFF_5, PURCHASE, TIERS, Life, club, named, points
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import (
    Condition,
    EarningRule,
    EventKind,
    Flat,
    Price,
    Promotion,
    Rate,
    Span,
    TierLevel,
    TierScheme,
    Worth,
    YearKind,
)
from wallet_api.domain.events import Line

# ── Tiers: a threshold reached exactly is reached, in whatever is measured and however long it lasts ─────────────

BY_YEARS = replace(TIERS, years=YearKind.CALENDAR)
ROLLING = replace(TIERS, years=None, years_after=None, rolling=A_YEAR)
WAYS: Mapping[str, TierScheme] = {
    "years": BY_YEARS,
    "valid": replace(ROLLING, valid=A_YEAR),
    "month's end": replace(ROLLING, effective_day=8),
    "continuous": ROLLING,
}


def sells_at_once(alice: Life, steps: int) -> None:
    alice.sell(steps)


def sells_whole_euros(alice: Life, steps: int) -> None:
    alice.sell(steps * 1_00)


def visits(alice: Life, steps: int) -> None:
    for _ in range(steps):
        alice.visit()


def buys_so_often(alice: Life, steps: int) -> None:
    for _ in range(steps):
        alice.sell(1_00)


def runs(alice: Life, steps: int) -> None:
    for _ in range(steps):
        alice.act("run")


MEASURES: Mapping[str, Callable[[Life, int], None]] = {
    "spend": sells_at_once,
    "earned:points": sells_whole_euros,
    "usable:points": sells_whole_euros,
    "visits": visits,
    "orders": buys_so_often,
    "activity:run": runs,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(("steps", "tier"), [(6, "bronze"), (7, "silver"), (8, "silver")])
def test_a_tier_is_reached_at_its_threshold_and_not_one_step_below(
    way: str, measure: str, steps: int, tier: str
) -> None:
    levels = (
        TierLevel(id="bronze", name=named("Bronze"), threshold=0),
        TierLevel(id="silver", name=named("Silver"), threshold=7),
    )
    alice = Life(club(tiers=replace(WAYS[way], measure=measure, levels=levels)))

    MEASURES[measure](alice, steps)
    alice.wait(on=date(2026, 4, 8))  # where the month's end decides, it is in force now

    assert alice.tier == tier


# ── Earning ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_for_each_ten_gives_10_for_105() -> None:
    alice = Life(club(replace(PURCHASE, amount=Rate(earn=1, per=10_00))))

    alice.sell(105_00)

    assert alice.balance == 10


def test_a_base_of_4_times_one_and_a_half_is_6() -> None:
    half_more = Promotion(id="half-more", unit="points", multiply=Fraction(3, 2))
    alice = Life(club(promotions=(half_more,)))

    alice.sell(4_00)

    assert alice.balance == 6


def test_two_rules_are_rounded_down_each_by_itself() -> None:
    alice = Life(club(PURCHASE, replace(PURCHASE, id="half", amount=Rate(earn=1, per=2_00))))

    alice.sell(19_99)

    assert alice.amounts(EntryKind.EARN) == [19, 9]


def test_two_rates_two_multipliers_and_a_flat_bonus_make_8264() -> None:
    blue = Condition(tags=frozenset({"blue"}))
    bonus = EarningRule(id="bonus", on=EventKind.SALE, unit="points", amount=Flat(earn=200), where=blue)
    rules = (
        replace(PURCHASE, id="four", amount=Rate(earn=4, per=1_00)),
        replace(PURCHASE, id="ten", amount=Rate(earn=10, per=1_00)),
        bonus,
    )
    promotions = (
        Promotion(id="red", unit="points", multiply=Fraction(3), where=Condition(tags=frozenset({"red"}))),
        Promotion(id="blue", unit="points", multiply=Fraction(5), where=blue),
    )
    alice = Life(club(*rules, promotions=promotions))

    alice.sell(
        lines=(
            Line(sku="scarf", amount=12_00, tags=frozenset({"red"})),
            Line(sku="coat", amount=100_00, tags=frozenset({"blue"})),
            Line(sku="socks", amount=40_00),
        )
    )

    assert alice.balance == (4 + 10) * (12 * 3 + 100 * 5 + 40) + 200 == 8_264


# ── Lots ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_lots_of_50_a_redemption_of_70_leaves_one_of_30() -> None:
    alice = Life(club(unit=points(expire=A_YEAR)), joined=datetime(2026, 1, 1, 12, tzinfo=UTC))
    alice.sell(50_00)
    alice.wait(on=date(2026, 2, 1))
    alice.sell(50_00)

    alice.redeem("off-5")  # 70 points

    [lot] = [lot for lot in alice.state.lots.values() if lot.left]
    assert (lot.left, lot.expires_at) == (30, datetime(2027, 1, 31, 23, tzinfo=UTC))  # 1 February 2027 in Paris


def test_50_less_80_by_a_return_and_100_more_are_70_in_one_lot() -> None:
    free = replace(OFF_5, price=Price(unit="points", amount=80))
    alice = Life(club(rewards=(free,)))
    sale = alice.sell(80_00)
    alice.redeem("off-5")

    alice.sell(50_00)
    alice.bring_back(sale)
    owed = alice.balance
    alice.sell(100_00)

    assert (owed, alice.balance, alice.lots) == (-30, 70, [70])


def test_what_expired_yesterday_goes_once_however_often_somebody_looks() -> None:
    alice = Life(
        club(unit=points(expire=Span(days=30)), rewards=(replace(OFF_5, price=Price(unit="points", amount=50)),))
    )
    alice.sell(150_00)
    alice.redeem("off-5")

    for _ in range(3):
        alice.wait(on=date(2026, 4, 10))

    assert alice.amounts(EntryKind.EXPIRE) == [-100]
    assert (alice.balance, alice.lots) == (0, [])


def test_one_of_two_equal_lines_takes_half_of_what_was_earned_and_gives_back_half_of_what_was_spent() -> None:
    unit = replace(points(expire=A_YEAR), worth=Worth(units=10, money=1_00))
    alice = Life(club(unit=unit))
    alice.sell(60_00)
    alice.wait(days=1)
    alice.sell(70_00)
    alice.wait(days=1)
    shirt = Line(sku="shirt", amount=20_00)
    sale = alice.sell(lines=(shirt, shirt), pay_with=(("points", 100),))
    first, second, earned = alice.state.lots.values()

    decision = alice.bring_back(sale, lines=(shirt,))

    assert (first.left, second.left, earned.left) == (0, 30, 30)
    left = [alice.state.lots[lot.id] for lot in (first, second, earned)]
    assert [lot.left for lot in left] == [30, 50, 15]
    assert [lot.expires_at for lot in left] == [lot.expires_at for lot in (first, second, earned)]
    assert decision.refund == 15_00
