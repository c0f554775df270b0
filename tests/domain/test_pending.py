"""Units that wait: usable once the days of waiting are over, taken back while they wait, counted when they do no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.domain.club import A_YEAR, COFFEE, PURCHASE, TIERS, Life, club, named, points
from wallet_api.domain import errors
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import (
    Conversion,
    Definition,
    EarningRule,
    EventKind,
    Flat,
    Span,
    TierLevel,
    TierScheme,
    Unit,
    Worth,
)

WAITING = replace(points(expire=A_YEAR), pending=Span(days=30))
NEWSLETTER = EarningRule(id="newsletter", on=EventKind.ACTIVITY, kind="newsletter", unit="points", amount=Flat(earn=50))
BY_USABLE = TierScheme(
    measure="usable:points",
    years=None,
    years_after=None,
    rolling=A_YEAR,
    levels=tuple(
        TierLevel(id=f"level-{number}", name=named(f"Level {number}"), threshold=threshold)
        for number, threshold in ((1, 0), (2, 100), (3, 300))
    ),
)


def shop(unit: Unit = WAITING, tiers: TierScheme | None = TIERS) -> Definition:
    return club(PURCHASE, NEWSLETTER, unit=unit, tiers=tiers)


def waiting(alice: Life) -> int:
    return alice.state.pending("points")


def test_what_a_sale_earns_can_be_used_as_the_day_after_its_last_day_of_waiting_begins() -> None:
    alice = Life(shop())
    alice.sell(100_00)

    alice.wait_for_the_end_of(date(2026, 4, 9))  # 10 March + 30 days
    before = (alice.balance, waiting(alice))
    alice.wait_for_the_beginning_of(date(2026, 4, 10))

    assert before == (0, 100)
    assert (alice.balance, waiting(alice)) == (100, 0)


def test_what_waits_cannot_be_spent() -> None:
    alice = Life(shop())
    alice.sell(100_00)

    with pytest.raises(errors.InsufficientBalance):
        alice.redeem("off-5")
    alice.wait(days=31)

    assert alice.redeem("off-5").reward == "off-5"


def test_what_waits_pays_for_nothing() -> None:
    alice = Life(shop(replace(WAITING, worth=Worth(units=1, money=1))))
    alice.sell(100_00)

    with pytest.raises(errors.InsufficientBalance):
        alice.sell(100_00, pay_with=(("points", 1),))


def test_other_things_than_sales_earn_at_once() -> None:
    alice = Life(shop())

    alice.act("newsletter")

    assert (alice.balance, waiting(alice)) == (50, 0)


def test_it_counts_as_ever_earned_at_once_and_once() -> None:
    alice = Life(shop())
    alice.sell(100_00)

    earned = alice.state.lifetime("points")
    alice.wait(days=31)

    assert (earned, alice.state.lifetime("points")) == (100, 100)
    assert alice.amounts(EntryKind.EARN) == [100]


def test_a_return_while_it_waits_takes_it_out_of_what_waits() -> None:
    alice = Life(shop())
    alice.act("newsletter")
    sale = alice.sell(100_00)
    alice.wait(days=10)

    alice.bring_back(sale, amount=40_00)

    assert (alice.balance, waiting(alice)) == (50, 60)
    alice.wait(days=30)
    assert (alice.balance, waiting(alice)) == (110, 0)


def test_a_whole_return_while_it_waits_leaves_nothing_to_come() -> None:
    alice = Life(shop())
    sale = alice.sell(100_00)

    alice.bring_back(sale)
    alice.wait(days=31)

    assert (alice.balance, waiting(alice), alice.lots) == (0, 0, [])


def test_a_return_does_not_reach_for_what_another_sale_waits_for() -> None:
    alice = Life(shop())
    first = alice.sell(70_00)
    alice.wait(days=31)
    alice.redeem("off-5")
    alice.sell(100_00)

    alice.bring_back(first)

    assert (alice.balance, waiting(alice)) == (-70, 100)


def test_a_debt_is_repaid_only_when_it_becomes_usable() -> None:
    alice = Life(shop())
    alice.adjust(-30)
    alice.sell(100_00)

    before = (alice.balance, waiting(alice))
    alice.wait(days=31)

    assert before == (-30, 100)
    assert (alice.balance, waiting(alice), alice.lots) == (70, 0, [70])


def test_a_debt_greater_than_what_becomes_usable_is_repaid_in_part() -> None:
    alice = Life(shop())
    alice.adjust(-130)
    alice.sell(100_00)

    alice.wait(days=31)

    assert (alice.balance, alice.lots) == (-30, [])


def test_it_expires_from_the_day_on_which_it_was_earned() -> None:
    alice = Life(shop())
    alice.sell(100_00)

    alice.wait_for_the_end_of(date(2027, 3, 9))
    before = alice.balance
    alice.wait_for_the_beginning_of(date(2027, 3, 10))

    assert (before, alice.balance) == (100, 0)


def test_a_sale_that_is_reported_after_its_days_of_waiting_earns_at_once() -> None:
    alice = Life(shop())
    bought_at = alice.now
    alice.wait(days=40)

    alice.sell(100_00, at=bought_at)

    assert (alice.balance, waiting(alice)) == (100, 0)


def test_waiting_spans_the_end_of_summer_time() -> None:
    alice = Life(shop(), joined=datetime(2026, 10, 20, 12, tzinfo=UTC))
    alice.sell(100_00)

    alice.wait(until=datetime(2026, 11, 19, 22, 59, 59, tzinfo=UTC))
    before = alice.balance
    alice.wait(until=datetime(2026, 11, 19, 23, 0, tzinfo=UTC))

    assert (before, alice.balance) == (0, 100)


def test_full_blocks_turn_when_they_become_usable() -> None:
    free = replace(COFFEE, price=None, only_given=True)
    unit = replace(WAITING, converts=Conversion(every=20, into="coffee"))
    alice = Life(club(PURCHASE, unit=unit, rewards=(free,)))
    alice.sell(45_00)

    before = len(alice.usable_vouchers("coffee"))
    alice.wait(days=31)

    assert (before, len(alice.usable_vouchers("coffee")), alice.balance) == (0, 2, 5)


# ── Levels by what became usable ─────────────────────────────────────────────────────────────────────────────────


def test_a_level_is_reached_when_its_points_become_usable_and_not_before() -> None:
    alice = Life(shop(tiers=BY_USABLE))
    alice.sell(100_00)

    alice.wait_for_the_end_of(date(2026, 4, 9))
    before = alice.tier
    alice.wait_for_the_beginning_of(date(2026, 4, 10))

    assert (before, alice.tier) == ("level-1", "level-2")


@pytest.mark.parametrize(("amount", "tier"), [(99_00, "level-1"), (100_00, "level-2"), (300_00, "level-3")])
def test_a_level_is_reached_exactly(amount: int, tier: str) -> None:
    alice = Life(shop(tiers=BY_USABLE))
    alice.sell(amount)

    alice.wait(days=31)

    assert alice.tier == tier


def test_a_level_falls_on_the_day_on_which_its_points_expire() -> None:
    alice = Life(shop(tiers=BY_USABLE))
    alice.sell(100_00)
    alice.wait(on=date(2026, 6, 1))
    alice.sell(220_00)

    alice.wait_for_the_end_of(date(2027, 3, 9))
    before = (alice.tier, alice.balance)
    alice.wait_for_the_beginning_of(date(2027, 3, 10))

    assert before == ("level-3", 320)
    assert (alice.tier, alice.balance) == ("level-2", 220)
    alice.wait_for_the_beginning_of(date(2027, 6, 1))
    assert (alice.tier, alice.balance) == ("level-1", 0)


def test_spending_points_costs_no_level() -> None:
    alice = Life(shop(tiers=BY_USABLE))
    alice.sell(100_00)
    alice.wait(days=31)

    alice.redeem("off-5")
    alice.wait(days=100)

    assert alice.tier == "level-2"


def test_a_return_of_what_still_waits_costs_no_level_that_other_points_reach() -> None:
    alice = Life(shop(tiers=BY_USABLE))
    alice.act("newsletter")
    alice.act("newsletter")
    sale = alice.sell(80_00)

    alice.bring_back(sale)
    alice.wait(days=31)

    assert (alice.tier, alice.state.measures["usable:points"]) == ("level-2", {date(2026, 3, 10): 100})


def test_a_return_of_what_became_usable_costs_its_level_at_once() -> None:
    alice = Life(shop(tiers=BY_USABLE))
    sale = alice.sell(100_00)
    alice.wait(days=31)

    alice.bring_back(sale, amount=1_00)

    assert alice.tier == "level-1"


def test_a_level_falls_with_its_points_in_a_leap_year_too() -> None:
    alice = Life(shop(replace(WAITING, pending=None), tiers=BY_USABLE), joined=datetime(2027, 2, 28, 12, tzinfo=UTC))
    alice.sell(100_00)

    alice.wait_for_the_beginning_of(date(2028, 2, 28))

    assert (alice.balance, alice.tier) == (0, "level-1")


@pytest.mark.parametrize(
    ("rolling", "joined"),
    [(Span(months=6), date(2026, 2, 28)), (Span(months=1), date(2026, 4, 30)), (A_YEAR, date(2027, 2, 28))],
)
def test_a_level_that_is_no_longer_reached_is_lost_without_an_event(rolling: Span, joined: date) -> None:
    scheme = replace(BY_USABLE, rolling=rolling)
    alice = Life(
        shop(replace(points(), expires=None), tiers=scheme),
        joined=datetime(joined.year, joined.month, joined.day, 12, tzinfo=UTC),
    )
    alice.sell(100_00)

    alice.wait(days=500)

    assert alice.tier == "level-1"


def test_two_units_of_a_sale_each_count_what_became_usable_of_their_own() -> None:
    stars = Unit(id="stars", name=named("stars"), one=named("star"))
    rules = (replace(PURCHASE, id="stars", unit="stars"), PURCHASE)
    scheme = replace(BY_USABLE, measure="usable:stars")
    alice = Life(club(*rules, unit=WAITING, other_units=(stars,), tiers=scheme))
    sale = alice.sell(100_00)
    reached = alice.tier

    alice.bring_back(sale)

    assert (reached, alice.tier) == ("level-2", "level-1")
