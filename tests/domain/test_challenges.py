"""Goals: reached over a life, a period or some days, each awarded once, with a badge, units or vouchers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.domain.club import COFFEE, NOON, PURCHASE, TIERS, Life, club, named
from wallet_api.domain.definition import (
    Challenge,
    DayRange,
    Definition,
    EarningRule,
    EventKind,
    Gift,
    Occasion,
    PercentOff,
    Period,
    PerQuantity,
    Reward,
    Span,
    Unit,
    Units,
)
from wallet_api.domain.state import VoucherStatus

KM = Unit(id="km", name=named("km"), one=named("km"), decimals=1, is_counter=True)
RUN = EarningRule(id="run", on=EventKind.ACTIVITY, kind="run", unit="km", amount=PerQuantity(earn=10))
RUN_10 = Reward(id="run-10", name=named("Run 10"), price=None, gives=PercentOff(), valid=Span(days=30), only_given=True)
FIVE_K = Challenge(id="5k", name=named("5 km"), measure="earned:km", goal=50, badge="5k", rewards=("run-10",))
REGULAR = Challenge(
    id="regular",
    name=named("Regular"),
    measure="visits",
    goal=3,
    per=Period.WEEK,
    units=Units(unit="points", amount=50),
)


def runners(*challenges: Challenge) -> Definition:
    """A club that counts kilometres."""
    definition = club(PURCHASE, RUN, other_units=(KM,), rewards=(RUN_10, COFFEE))
    return replace(definition, challenges=challenges)


def told(alice: Life, kind: str) -> int:
    """How often the last step told so."""
    assert alice.last is not None
    return sum(notice.kind == kind for notice in alice.last.notices)


@pytest.mark.parametrize(("kilometres", "badges"), [((4,), set[str]()), ((4, 1), {"5k"}), ((7,), {"5k"})])
def test_a_goal_over_a_life_is_reached_exactly_and_in_any_number_of_steps(
    kilometres: tuple[int, ...], badges: set[str]
) -> None:
    alice = Life(runners(FIVE_K))

    for number in kilometres:
        alice.act("run", quantity=number)
        alice.wait(days=400)

    assert set(alice.state.badges) == badges


def test_it_gives_a_badge_of_its_day_and_a_voucher_with_its_own_end() -> None:
    alice = Life(runners(FIVE_K))

    alice.act("run", quantity=5)
    [voucher] = alice.usable_vouchers("run-10")

    assert alice.state.badges == {"5k": date(2026, 3, 10)}
    assert told(alice, "badge_earned") == 1
    assert voucher.valid_until == date(2026, 4, 9)
    alice.wait_for_the_beginning_of(date(2026, 4, 10))
    assert alice.voucher(voucher.id) is VoucherStatus.EXPIRED


def test_once_in_a_life_is_once() -> None:
    alice = Life(runners(FIVE_K))

    for _ in range(3):
        alice.act("run", quantity=5)
        alice.wait(days=200)

    assert len(alice.state.vouchers) == 1


def test_a_goal_a_week_may_be_reached_every_week_from_monday_on() -> None:
    alice = Life(runners(REGULAR), joined=datetime(2026, 3, 13, 12, tzinfo=UTC))  # a Friday
    balances = []

    for wait in (0, 1, 2, 1, 1, 0):  # Friday, Saturday, then Monday to Wednesday
        alice.wait(days=wait)
        alice.visit()
        balances.append(alice.balance)

    assert balances == [0, 0, 0, 0, 50, 50]


@pytest.mark.parametrize(
    ("per", "same", "next_one"),
    [
        (Period.DAY, timedelta(hours=10), timedelta(hours=11)),
        (Period.MONTH, timedelta(days=21), timedelta(days=22)),
        (Period.YEAR, timedelta(days=296), timedelta(days=297)),
    ],
)
def test_a_period_ends_at_its_local_midnight(per: Period, same: timedelta, next_one: timedelta) -> None:
    twice = replace(REGULAR, goal=2, per=per)
    alice, bob = Life(runners(twice)), Life(runners(twice))
    for member, wait in ((alice, same), (bob, next_one)):
        member.visit()
        member.wait(until=NOON + wait)

        member.visit()

    assert (alice.balance, bob.balance) == (50, 0)


def test_a_goal_over_some_days_counts_those_only_and_is_reached_once() -> None:
    spring = replace(
        REGULAR, per=Period.LIFETIME, goal=2, days=DayRange(first=date(2026, 3, 12), last=date(2026, 3, 14))
    )
    alice = Life(runners(spring))
    balances = []

    for wait in (0, 1, 1, 0, 1, 1, 3):  # 10, 11, 12, 12, 13, 14 and 17 March
        alice.wait(days=wait)
        alice.visit()
        balances.append(alice.balance)

    assert balances == [0, 0, 0, 50, 50, 50, 50]


def test_what_was_done_in_its_days_but_reported_later_counts() -> None:
    spend = replace(
        REGULAR,
        measure="spend",
        goal=20_00,
        per=Period.LIFETIME,
        days=DayRange(first=date(2026, 3, 10), last=date(2026, 3, 14)),
    )
    alice = Life(runners(spend))
    alice.sell(10_00)
    alice.wait(days=30)

    alice.sell(10_00, at=NOON)

    assert alice.balance == 20 + 50


@pytest.mark.parametrize("measure", ["spend", "orders", "earned:points", "activity:run", "visits"])
def test_every_measure_may_be_a_goal(measure: str) -> None:
    alice = Life(runners(replace(REGULAR, measure=measure, goal=2, per=Period.MONTH)))

    for _ in range(2):
        alice.act("run", quantity=1)
        alice.visit()
        alice.sell(1_00)

    assert alice.balance == 2 + 50


def test_a_return_takes_no_badge_away_but_counts_for_what_is_not_reached_yet() -> None:
    spender = replace(FIVE_K, measure="earned:points", goal=100, rewards=())
    alice, bob = Life(runners(spender)), Life(runners(spender))
    alice.bring_back(alice.sell(100_00))
    bob.bring_back(bob.sell(60_00))

    bob.sell(99_00)

    assert (set(alice.state.badges), set(bob.state.badges)) == ({"5k"}, set())


def test_units_of_a_challenge_count_towards_the_tier_at_once() -> None:
    levels = (TIERS.levels[0], replace(TIERS.levels[1], threshold=50))
    by_points = replace(TIERS, measure="earned:points", levels=levels)
    alice = Life(replace(runners(replace(REGULAR, goal=1)), tiers=by_points))

    alice.visit()

    assert (alice.balance, alice.tier) == (50, "silver")


def test_units_that_a_gift_brings_count_towards_a_goal_at_once() -> None:
    gift = Gift(id="birthday", occasion=Occasion.BIRTHDAY, units=Units(unit="points", amount=100))
    goal = replace(FIVE_K, measure="earned:points", goal=100, rewards=())
    alice = Life(replace(runners(goal), gifts=(gift,)), birth_date=date(1990, 4, 1))

    alice.wait(on=date(2026, 4, 1))

    assert set(alice.state.badges) == {"5k"}


def test_a_goal_that_the_units_of_another_one_reach_is_reached_with_it() -> None:
    later = Challenge(id="fifty", name=named("Fifty"), measure="earned:points", goal=50, badge="fifty")
    alice = Life(runners(later, replace(REGULAR, goal=1)))

    alice.visit()

    assert set(alice.state.badges) == {"fifty"}


def test_a_counter_is_neither_spent_nor_lost() -> None:
    alice = Life(runners())

    alice.act("run", quantity=5)
    alice.wait(days=4_000)

    assert alice.state.lifetime("km") == alice.has("km") == 50
