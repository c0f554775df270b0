"""Gifts and seasons: birthdays, anniversaries, tiers reached, a friend's first purchase; each given once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from tests.domain.club import OFF_5, PURCHASE, TIERS, Life, club, named, points
from wallet_api.domain import errors
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import (
    Definition,
    EarningRule,
    EventKind,
    Flat,
    FreeItem,
    Gift,
    Limit,
    MoneyOff,
    Occasion,
    Period,
    Price,
    Reward,
    Season,
    Span,
    Units,
)
from wallet_api.domain.state import VoucherStatus

ONCE_A_YEAR = (Limit(times=1, per=Period.YEAR),)
CAKE = Reward(
    id="cake",
    name=named("Cake"),
    price=None,
    gives=FreeItem(item=named("a cake")),
    season=Season(occasion=Occasion.BIRTHDAY_MONTH),
    limits=ONCE_A_YEAR,
)
DRINK = replace(
    CAKE,
    id="drink",
    season=Season(occasion=Occasion.BIRTHDAY, days={"bronze": 1, "silver": 7, "gold": 30}),
    valid_in_season=True,
)


def gift(occasion: Occasion, *, units: int = 100, tiers: frozenset[str] = frozenset()) -> Gift:
    return Gift(id="gift", occasion=occasion, units=Units(unit="points", amount=units), tiers=tiers)


def with_gifts(*gifts: Gift, rewards: tuple[Reward, ...] = (CAKE,)) -> Definition:
    return replace(club(rewards=rewards), gifts=gifts)


def bonuses(alice: Life) -> list[tuple[int, date]]:
    """What was given, and on which program-local day."""
    zone = alice.definition.time_zone
    return [
        (entry.amount, entry.occurred_at.astimezone(zone).date())
        for entry in alice.entries
        if entry.kind is EntryKind.BONUS
    ]


# ── Units on an occasion ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_welcome_gift_comes_with_joining_and_once() -> None:
    alice = Life(with_gifts(gift(Occasion.JOIN)))

    alice.wait(days=800)

    assert bonuses(alice) == [(100, date(2026, 3, 10))]


def test_a_birthday_gift_comes_on_the_day_every_year() -> None:
    alice = Life(with_gifts(gift(Occasion.BIRTHDAY)), birth_date=date(1990, 5, 12))

    alice.wait_for_the_end_of(date(2026, 5, 11))
    before = alice.balance
    alice.wait_for_the_beginning_of(date(2026, 5, 12))
    on_the_day = alice.balance
    alice.wait(on=date(2028, 5, 12))

    assert (before, on_the_day) == (0, 100)
    assert bonuses(alice) == [(100, date(year, 5, 12)) for year in (2026, 2027, 2028)]


def test_the_gift_of_the_birthday_month_comes_on_its_first_day() -> None:
    alice = Life(with_gifts(gift(Occasion.BIRTHDAY_MONTH)), birth_date=date(1990, 5, 12))

    alice.wait(on=date(2027, 5, 31))

    assert bonuses(alice) == [(100, date(2026, 5, 1)), (100, date(2027, 5, 1))]


def test_who_was_born_on_29_february_has_a_birthday_every_year() -> None:
    alice = Life(with_gifts(gift(Occasion.BIRTHDAY)), birth_date=date(1992, 2, 29))

    alice.wait(on=date(2028, 3, 1))

    assert bonuses(alice) == [(100, date(2027, 2, 28)), (100, date(2028, 2, 29))]


def test_who_joins_in_the_month_of_the_birthday_has_its_gift_at_once_and_once() -> None:
    alice = Life(with_gifts(gift(Occasion.BIRTHDAY_MONTH)), birth_date=date(1990, 3, 1))

    alice.wait(on=date(2026, 12, 31))

    assert bonuses(alice) == [(100, date(2026, 3, 10))]


def test_who_joins_on_the_birthday_has_its_gift_at_once_and_who_joins_after_it_a_year_later() -> None:
    alice = Life(with_gifts(gift(Occasion.BIRTHDAY)), birth_date=date(1990, 3, 10))
    bob = Life(with_gifts(gift(Occasion.BIRTHDAY)), birth_date=date(1990, 3, 9))

    alice.wait(on=date(2026, 12, 31))
    bob.wait(on=date(2027, 3, 9))

    assert bonuses(alice) == [(100, date(2026, 3, 10))]
    assert bonuses(bob) == [(100, date(2027, 3, 9))]


def test_a_birthday_that_is_changed_brings_no_second_gift_in_a_year() -> None:
    alice = Life(with_gifts(gift(Occasion.BIRTHDAY)), birth_date=date(1990, 4, 1))
    alice.wait(on=date(2026, 4, 2))

    alice.state = replace(alice.state, birth_date=date(1990, 6, 1))
    alice.wait(on=date(2027, 6, 2))

    assert bonuses(alice) == [(100, date(2026, 4, 1)), (100, date(2027, 6, 1))]


def test_without_a_birthday_there_is_no_birthday_gift() -> None:
    alice = Life(with_gifts(gift(Occasion.BIRTHDAY), rewards=(replace(CAKE, by_itself=True),)))

    alice.wait(days=800)

    assert alice.entries == []
    assert alice.state.vouchers == {}


def test_an_anniversary_comes_a_year_after_joining_and_every_year_then() -> None:
    alice = Life(with_gifts(gift(Occasion.ANNIVERSARY)))

    joined = bonuses(alice)
    alice.wait(on=date(2028, 3, 10))

    assert joined == []
    assert bonuses(alice) == [(100, date(2027, 3, 10)), (100, date(2028, 3, 10))]


def test_a_reward_of_the_anniversary_cannot_be_had_on_the_day_of_joining() -> None:
    yearly = replace(CAKE, season=Season(occasion=Occasion.ANNIVERSARY, days_for_all=7))
    alice = Life(with_gifts(rewards=(yearly,)))

    with pytest.raises(errors.OutOfSeason):
        alice.redeem("cake")
    alice.wait(on=date(2027, 3, 16))

    assert alice.redeem("cake").status is VoucherStatus.ISSUED


def test_an_anniversary_of_29_february_is_the_28th_where_there_is_none() -> None:
    alice = Life(with_gifts(gift(Occasion.ANNIVERSARY)), joined=datetime(2028, 2, 29, 12, tzinfo=UTC))

    alice.wait(on=date(2029, 3, 1))

    assert bonuses(alice)[-1] == (100, date(2029, 2, 28))


def test_a_gift_for_a_tier_goes_to_those_who_hold_it_on_the_day() -> None:
    for_silver = gift(Occasion.BIRTHDAY, tiers=frozenset({"silver"}))
    alice = Life(with_gifts(for_silver), birth_date=date(1990, 5, 12))
    bob = Life(with_gifts(for_silver), birth_date=date(1990, 5, 12))
    alice.sell(500_00)

    for member in (alice, bob):
        member.wait(on=date(2026, 5, 13))

    assert (bonuses(alice), bonuses(bob)) == ([(100, date(2026, 5, 12))], [])


def test_reaching_a_tier_brings_its_gift_and_passing_over_one_does_not() -> None:
    silver = gift(Occasion.TIER, tiers=frozenset({"silver"}))
    gold = replace(silver, id="gold", units=Units(unit="points", amount=300), tiers=frozenset({"gold"}))
    alice, bob = Life(with_gifts(silver, gold)), Life(with_gifts(silver, gold))

    alice.sell(500_00)
    alice.sell(1500_00)
    bob.sell(2000_00)

    assert [amount for amount, _ in bonuses(alice)] == [100, 300]
    assert [amount for amount, _ in bonuses(bob)] == [300]


def test_falling_to_a_tier_brings_none_and_reaching_it_again_does() -> None:
    silver = gift(Occasion.TIER, tiers=frozenset({"silver"}))
    alice = Life(with_gifts(silver))
    alice.sell(2000_00)
    alice.wait(on=date(2027, 6, 1))
    alice.sell(500_00)
    alice.wait(on=date(2028, 6, 1))
    fallen = (alice.tier, bonuses(alice))

    alice.wait(on=date(2029, 6, 1))
    at_the_bottom = alice.tier
    alice.sell(500_00)

    assert fallen == ("silver", [])
    assert (at_the_bottom, alice.tier) == ("bronze", "silver")
    assert bonuses(alice) == [(100, date(2029, 6, 1))]


def test_a_tier_given_by_hand_brings_its_gift_too() -> None:
    alice = Life(with_gifts(gift(Occasion.TIER, tiers=frozenset({"silver"}))))

    alice.invite("silver")

    assert alice.balance == 100


def test_who_was_invited_has_the_gift_with_the_first_purchase_and_once() -> None:
    invited = Life(with_gifts(gift(Occasion.REFERRED)), referred_by=UUID(int=7))
    other = Life(with_gifts(gift(Occasion.REFERRED)))

    for member in (invited, other):
        member.visit()
        before = member.balance
        member.sell(10_00)
        member.sell(10_00)
        assert before == 0

    assert (invited.balance, other.balance) == (120, 20)


def test_a_purchase_brought_back_whole_does_not_make_the_next_one_a_second_first() -> None:
    alice = Life(with_gifts(gift(Occasion.REFERRED)), referred_by=UUID(int=7))
    alice.bring_back(alice.sell(10_00))

    alice.sell(10_00)

    assert bonuses(alice) == [(100, date(2026, 3, 10))]


# ── Units that are given count like any other ────────────────────────────────────────────────────────────────────

BY_POINTS = replace(TIERS, measure="earned:points")
HALF_A_TIER = Units(unit="points", amount=500_00)


def test_a_welcome_gift_may_lift_a_newcomer() -> None:
    welcome = Gift(id="welcome", occasion=Occasion.JOIN, units=HALF_A_TIER)

    alice = Life(replace(club(tiers=BY_POINTS), gifts=(welcome,)))

    assert alice.tier == "silver"


def test_a_rule_for_joining_may_lift_a_newcomer() -> None:
    welcome = EarningRule(id="welcome", on=EventKind.JOIN, unit="points", amount=Flat(earn=500_00))

    alice = Life(club(PURCHASE, welcome, tiers=BY_POINTS))

    assert alice.tier == "silver"


def test_a_birthday_gift_may_lift_on_its_day() -> None:
    birthday = Gift(id="birthday", occasion=Occasion.BIRTHDAY, units=HALF_A_TIER)
    alice = Life(replace(club(tiers=BY_POINTS), gifts=(birthday,)), birth_date=date(1990, 4, 1))

    alice.wait(on=date(2026, 4, 1))

    assert alice.tier == "silver"


def test_a_reward_of_units_may_lift_who_takes_it() -> None:
    bonus = replace(OFF_5, id="bonus", price=None, gives=HALF_A_TIER, limits=ONCE_A_YEAR)
    alice = Life(club(rewards=(bonus,), tiers=BY_POINTS))

    alice.redeem("bonus")

    assert alice.tier == "silver"


# ── Rewards with a season ────────────────────────────────────────────────────────────────────────────────────────


def test_a_reward_of_the_birthday_month_can_be_had_from_its_first_to_its_last_day() -> None:
    alice = Life(with_gifts(), birth_date=date(1990, 4, 20))

    alice.wait_for_the_end_of(date(2026, 3, 31))
    with pytest.raises(errors.OutOfSeason):
        alice.redeem("cake")
    alice.wait_for_the_end_of(date(2026, 4, 30))

    assert alice.redeem("cake").status is VoucherStatus.ISSUED
    alice.wait_for_the_beginning_of(date(2026, 5, 1))
    with pytest.raises(errors.OutOfSeason):
        alice.redeem("cake")


@pytest.mark.parametrize(
    ("spend", "last"), [(0, date(2026, 5, 12)), (500_00, date(2026, 5, 18)), (2000_00, date(2026, 6, 10))]
)
def test_a_window_from_the_birthday_is_as_long_as_the_tier_has_it(spend: int, last: date) -> None:
    alice = Life(with_gifts(rewards=(DRINK,)), birth_date=date(1990, 5, 12))
    alice.sell(spend)
    alice.wait_for_the_end_of(date(2026, 5, 11))
    with pytest.raises(errors.OutOfSeason):
        alice.redeem("drink")

    alice.wait_for_the_end_of(last)
    voucher = alice.redeem("drink")

    assert voucher.valid_until == last
    alice.wait_for_the_beginning_of(date.fromordinal(last.toordinal() + 1))
    assert alice.voucher(voucher.id) is VoucherStatus.EXPIRED
    with pytest.raises(errors.OutOfSeason):
        alice.redeem("drink")


def test_of_several_reasons_the_season_is_named_before_the_tier_before_the_limit_before_the_balance() -> None:
    picky = replace(
        CAKE,
        tiers=frozenset({"silver"}),
        price=Price(unit="points", amount=1_000),
        limits=(Limit(times=0, per=Period.YEAR),),
    )
    alice = Life(with_gifts(rewards=(picky,)), birth_date=date(1990, 4, 20))
    unlimited = replace(alice.definition, rewards={"cake": replace(picky, limits=())})

    with pytest.raises(errors.OutOfSeason):
        alice.redeem("cake")
    alice.wait(on=date(2026, 4, 1))
    with pytest.raises(errors.NotEligible):
        alice.redeem("cake")
    alice.sell(500_00)
    with pytest.raises(errors.LimitReached):
        alice.redeem("cake")
    alice.definition = unlimited
    with pytest.raises(errors.InsufficientBalance):
        alice.redeem("cake")


def test_a_reward_that_is_only_given_cannot_be_asked_for() -> None:
    alice = Life(with_gifts(rewards=(replace(CAKE, season=None, only_given=True),)))

    with pytest.raises(errors.NotEligible):
        alice.redeem("cake")


def test_stock_and_limits_are_both_a_limit() -> None:
    alice = Life(with_gifts(rewards=(replace(CAKE, season=None, limits=(), stock=2),)))
    alice.state = replace(alice.state, stock={"cake": 2})
    alice.redeem("cake", quantity=2)

    with pytest.raises(errors.LimitReached):
        alice.redeem("cake")


def test_a_gift_may_be_used_at_the_till_by_its_rewards_id() -> None:
    five = replace(CAKE, gives=MoneyOff(amount=5_00))
    alice = Life(with_gifts(rewards=(five,)), birth_date=date(1990, 3, 31))

    alice.sell(20_00, vouchers=("cake",))

    assert alice.last is not None
    assert alice.last.paid == 15_00
    with pytest.raises(errors.LimitReached):
        alice.sell(20_00, vouchers=("cake",))


def test_what_costs_units_cannot_be_used_by_its_rewards_id() -> None:
    alice = Life(club())
    alice.sell(100_00)

    with pytest.raises(errors.NotEligible):
        alice.sell(20_00, vouchers=("off-5",))
    with pytest.raises(errors.VoucherNotFound):
        alice.sell(20_00, vouchers=("off-6",))


# ── Vouchers that come by themselves ─────────────────────────────────────────────────────────────────────────────


def test_a_voucher_comes_by_itself_as_its_season_opens() -> None:
    alice = Life(with_gifts(rewards=(replace(CAKE, by_itself=True),)), birth_date=date(1990, 5, 12))

    alice.wait_for_the_end_of(date(2026, 4, 30))
    before = alice.usable_vouchers("cake")
    alice.wait_for_the_beginning_of(date(2026, 5, 1))

    assert before == []
    assert len(alice.usable_vouchers("cake")) == 1


def test_asking_for_what_came_by_itself_gives_that_voucher_and_once() -> None:
    alice = Life(with_gifts(rewards=(replace(CAKE, by_itself=True),)), birth_date=date(1990, 3, 31))
    [came] = alice.usable_vouchers("cake")

    asked_for = alice.redeem("cake")

    assert asked_for.id == came.id
    with pytest.raises(errors.LimitReached):
        alice.redeem("cake")
    assert alice.usable_vouchers("cake") == [came]


def test_a_tier_reached_in_its_season_opens_what_was_closed() -> None:
    for_silver = replace(CAKE, by_itself=True, tiers=frozenset({"silver"}))
    alice = Life(with_gifts(rewards=(for_silver,)), birth_date=date(1990, 3, 1))
    before = alice.usable_vouchers("cake")

    alice.sell(500_00)

    assert before == []
    assert len(alice.usable_vouchers("cake")) == 1


def test_a_longer_window_of_a_tier_reached_later_brings_it_again_to_nobody() -> None:
    alice = Life(with_gifts(rewards=(replace(DRINK, by_itself=True),)), birth_date=date(1990, 3, 10))
    came = len(alice.state.vouchers)
    alice.wait(days=3)

    alice.sell(500_00)

    assert (came, len(alice.state.vouchers)) == (1, 1)


def december() -> Life:
    """Alice, whose birthday is on 20 December, so that her 30 days run into the new year."""
    drink = replace(DRINK, season=Season(occasion=Occasion.BIRTHDAY, days_for_all=30))
    return Life(with_gifts(rewards=(drink,)), birth_date=date(1990, 12, 20))


def test_a_window_over_new_year_is_one_window() -> None:
    alice = december()
    alice.wait(on=date(2026, 12, 21))
    voucher = alice.redeem("drink")
    alice.wait(on=date(2027, 1, 3))

    assert voucher.valid_until == date(2027, 1, 18)
    with pytest.raises(errors.LimitReached):
        alice.redeem("drink")


def test_what_was_taken_in_january_is_of_the_birthday_before_it() -> None:
    alice = december()
    alice.wait(on=date(2027, 1, 3))
    alice.redeem("drink")
    alice.wait(on=date(2027, 12, 21))

    assert alice.redeem("drink").status is VoucherStatus.ISSUED


def test_a_tier_reached_in_january_brings_no_second_gift_of_the_birthday_in_december() -> None:
    alice = december()
    drink = replace(alice.definition.rewards["drink"], by_itself=True)
    alice.definition = replace(alice.definition, rewards={"drink": drink})
    alice.wait(on=date(2026, 12, 21))

    alice.wait(on=date(2027, 1, 3))
    alice.sell(500_00)

    assert len(alice.state.vouchers) == 1


def test_a_birthday_voucher_is_valid_for_its_own_days_where_it_has_some() -> None:
    alice = Life(with_gifts(rewards=(replace(CAKE, valid=Span(days=10)),)), birth_date=date(1990, 3, 31))

    voucher = alice.redeem("cake")

    assert voucher.valid_until == date(2026, 3, 20)


def test_gifts_expire_like_what_is_earned() -> None:
    definition = replace(club(unit=points(expire=Span(days=10))), gifts=(gift(Occasion.JOIN),))
    alice = Life(definition)

    alice.wait(days=11)

    assert (alice.amounts(EntryKind.BONUS), alice.balance) == ([100], 0)
