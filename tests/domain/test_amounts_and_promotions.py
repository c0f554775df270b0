"""How much rules give: bands, streaks, tables, quantities, items, rates by tier; what promotions multiply; shared caps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from tests.domain.club import COFFEE, NOON, PURCHASE, Life, club, named, points
from wallet_api.domain import errors
from wallet_api.domain.definition import (
    Bands,
    ByField,
    ByStreak,
    Cap,
    Condition,
    Conversion,
    DayRange,
    EarningRule,
    EventKind,
    Expiry,
    ExpiryAnchor,
    Flat,
    FreeItem,
    Limit,
    MoneyOff,
    Occasion,
    PercentOff,
    Period,
    PerItem,
    PerQuantity,
    Price,
    Promotion,
    Rate,
    RateByTier,
    Reward,
    Season,
    Span,
    Units,
    with_days,
)
from wallet_api.domain.events import Line
from wallet_api.domain.state import VoucherStatus


def activity(
    rule: str, amount: Flat | ByField | PerQuantity, *, where: Condition | None = None, cap: Cap | None = None
) -> EarningRule:
    """A rule on an activity of its own name."""
    return EarningRule(
        id=rule, on=EventKind.ACTIVITY, kind=rule, unit="points", amount=amount, where=where or Condition(), cap=cap
    )


def line(amount: int, *tags: str, quantity: int = 1) -> Line:
    return Line(sku="-".join(tags) or "x", amount=amount, quantity=quantity, tags=frozenset(tags))


# ── Amounts ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(1, 2), (30_00, 2), (30_01, 6), (60_00, 6), (4_000_00, 540), (4_000_01, 1_080)],
)
def test_a_band_gives_the_same_up_to_its_end(amount: int, expected: int) -> None:
    bands = Bands(bands=((30_00, 2), (60_00, 6), (4_000_00, 540), (None, 1_080)))
    alice = Life(club(EarningRule(id="bands", on=EventKind.SALE, unit="points", amount=bands)))

    alice.sell(amount)

    assert alice.balance == expected


def test_a_streak_pays_more_each_day_and_starts_again_after_a_missed_one() -> None:
    rule = EarningRule(
        id="visit",
        on=EventKind.CHECK_IN,
        unit="points",
        amount=ByStreak(steps=(5, 10, 15)),
        cap=Cap(per=Period.DAY, times=1),
        refuses=True,
    )
    alice = Life(club(rule))
    balances = []
    for wait in (0, 1, 1, 1, 2):
        alice.wait(days=wait)
        alice.visit()
        balances.append(alice.balance)

    assert balances == [5, 15, 30, 45, 50]
    with pytest.raises(errors.AlreadyCheckedIn):
        alice.visit()


def test_a_table_gives_by_a_field_and_nothing_for_a_value_it_does_not_know() -> None:
    alice = Life(club(activity("trade_in", ByField(field="category", table={"kids": 10, "shell": 40}))))

    alice.act("trade_in", category="shell")
    alice.act("trade_in", category="hat")

    assert alice.balance == 40


@pytest.mark.parametrize(("mail", "balance"), [(True, 10), (False, 0)])
def test_a_field_may_be_a_yes_or_no(mail: bool, balance: int) -> None:
    alice = Life(club(activity("trade_in", Flat(earn=10), where=Condition(fields={"mail": "true"}))))

    alice.act("trade_in", mail=mail)

    assert alice.balance == balance


def test_a_quantity_is_counted_in_the_units_smallest_steps() -> None:
    alice = Life(club(activity("run", PerQuantity(earn=10))))

    alice.act("run", quantity=3)

    assert alice.balance == 30


def test_a_workout_counts_from_twenty_minutes_and_three_times_a_week() -> None:
    rule = activity(
        "workout", Flat(earn=100), where=Condition(quantity_from=Fraction(20)), cap=Cap(per=Period.WEEK, times=3)
    )
    alice = Life(club(rule), joined=datetime(2026, 3, 9, 12, tzinfo=UTC))  # a Monday
    for minutes in (19, 20, 45, 30, 60):
        alice.act("workout", quantity=minutes)

    assert alice.balance == 300

    alice.wait(days=7)
    alice.act("workout", quantity=20)

    assert alice.balance == 400


def test_items_are_counted_one_by_one_and_taken_back_one_by_one() -> None:
    rule = EarningRule(
        id="coffee",
        on=EventKind.SALE,
        unit="points",
        amount=PerItem(earn=1),
        where=Condition(tags=frozenset({"coffee"})),
    )
    alice = Life(club(rule))

    sale = alice.sell(lines=(line(12_00, "coffee", quantity=4), line(3_00, "cake")))
    alice.bring_back(sale, lines=(line(3_00, "coffee"),))

    assert alice.balance == 3


def test_a_rate_by_tier_is_that_of_the_tier_held_before_the_sale() -> None:
    rates = RateByTier(rates={"bronze": Rate(earn=1, per=100), "silver": Rate(earn=3, per=200)})
    alice = Life(club(replace(PURCHASE, amount=rates)))

    alice.sell(500_00)
    alice.sell(4_00)

    assert alice.tier == "silver"
    assert alice.balance == 500 + 6


def test_rules_that_share_a_cap_share_it() -> None:
    shared = Cap(per=Period.YEAR, units=30, name="bonus")
    alice = Life(club(activity("bag", Flat(earn=20), cap=shared), activity("app", Flat(earn=25), cap=shared)))

    alice.act("bag")
    alice.act("app")
    alice.act("bag")

    assert alice.balance == 30


# ── Promotions ───────────────────────────────────────────────────────────────────────────────────────────────────


def promotion(multiply: int | Fraction, *tags: str, where: Condition | None = None, name: str = "promo") -> Promotion:
    where = replace(where or Condition(), tags=frozenset(tags))
    return Promotion(id=name + "-".join(tags), unit="points", multiply=Fraction(multiply), where=where)


def test_rates_multipliers_by_tag_and_a_flat_bonus_come_together() -> None:
    rules = (
        replace(PURCHASE, id="four", amount=Rate(earn=4, per=1)),
        replace(PURCHASE, id="ten", amount=Rate(earn=10, per=1)),
        EarningRule(
            id="bonus",
            on=EventKind.SALE,
            unit="points",
            amount=Flat(earn=200),
            where=Condition(tags=frozenset({"blue"})),
        ),
    )
    alice = Life(club(*rules, promotions=(promotion(3, "red"), promotion(5, "blue"))))

    alice.sell(lines=(line(12, "red"), line(100, "blue"), line(40)))

    assert alice.balance == 8_264


def test_a_multiplier_is_applied_before_the_one_floor() -> None:
    alice = Life(club(promotions=(promotion(Fraction(3, 2)),)))

    alice.sell(4_00)
    alice.sell(1_99)

    assert alice.balance == 6 + 2  # 1.99 × 1.5 = 2.985


def test_the_bonus_of_a_promotion_goes_back_with_its_purchase() -> None:
    on = Condition(days=(DayRange(first=date(2026, 3, 10), last=date(2026, 3, 10)),))
    alice = Life(club(promotions=(promotion(4, where=on),)))
    sale = alice.sell(400_00)

    alice.wait(days=1)
    alice.bring_back(sale, amount=100_00)
    alice.sell(10_00)

    assert alice.balance == 1_600 - 400 + 10


def test_a_promotion_without_days_is_on_only_where_it_is_started() -> None:
    planned = club(promotions=(promotion(3, where=Condition(days=())),))
    started = with_days(planned, {"promo": (DayRange(first=date(2026, 3, 10), last=date(2026, 3, 10)),)})
    alice, bob = Life(planned), Life(started)

    alice.sell(10_00)
    bob.sell(10_00)
    bob.wait(days=1)
    bob.sell(10_00)

    assert (alice.balance, bob.balance) == (10, 30 + 10)


def test_the_first_purchase_of_the_birthday_month_counts_three_times() -> None:
    birthday = Condition(birthday_month=True, first_in_month=True)
    alice = Life(club(promotions=(promotion(3, where=birthday),)), birth_date=date(1990, 4, 20))
    alice.sell(10_00)
    alice.wait(until=datetime(2026, 4, 2, 12, tzinfo=UTC))

    alice.sell(10_00)
    alice.sell(10_00)

    assert alice.balance == 10 + 30 + 10


# ── Expiry ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_units_of_one_day_are_gone_at_its_midnight() -> None:
    unit = replace(points(), expires=Expiry(after=Span()))
    alice = Life(club(unit=unit))
    alice.sell(10_00)

    alice.wait(until=datetime(2026, 3, 10, 22, 59, 59, tzinfo=UTC))
    before = alice.balance
    alice.wait(until=datetime(2026, 3, 10, 23, 0, tzinfo=UTC))

    assert (before, alice.balance) == (10, 0)


def test_units_expire_a_span_after_the_end_of_their_year() -> None:
    unit = replace(points(), expires=Expiry(after=Span(months=24), anchor=ExpiryAnchor.END_OF_YEAR))
    alice = Life(club(unit=unit))
    alice.sell(10_00)

    alice.wait(until=datetime(2028, 12, 31, 22, 59, tzinfo=UTC))
    before = alice.balance
    alice.wait(until=datetime(2028, 12, 31, 23, 0, tzinfo=UTC))

    assert (before, alice.balance) == (10, 0)


# ── Rewards ──────────────────────────────────────────────────────────────────────────────────────────────────────


def reward(name: str, gives: MoneyOff | PercentOff | FreeItem | Units, **rest: object) -> Reward:
    price = Price(unit="points", amount=0)
    return replace(Reward(id=name, name=named(name), price=price, gives=gives), **rest)  # type: ignore[arg-type]  # fields


def test_full_blocks_turn_into_vouchers_by_themselves_and_a_return_does_not_undo_it() -> None:
    unit = replace(points(), converts=Conversion(every=20, into="coffee"))
    alice = Life(club(unit=unit))

    sale = alice.sell(45_00)
    vouchers = [voucher for voucher in alice.state.vouchers.values() if voucher.status is VoucherStatus.ISSUED]
    left = alice.balance
    alice.bring_back(sale)

    assert (len(vouchers), left) == (2, 5)
    assert len({voucher.code for voucher in vouchers}) == 2
    assert alice.balance == -40


def test_of_two_birthday_gifts_one_may_be_chosen_and_once_a_year() -> None:
    once = Limit(times=1, per=Period.YEAR, name="birthday")
    gift = reward(
        "gift", FreeItem(item=named("a lipstick")), limits=(once,), season=Season(occasion=Occasion.BIRTHDAY_MONTH)
    )
    bonus = reward(
        "bonus", Units(unit="points", amount=250), limits=(once,), season=Season(occasion=Occasion.BIRTHDAY_MONTH)
    )
    alice = Life(club(rewards=(gift, bonus)), birth_date=date(1990, 3, 31))

    alice.redeem("bonus")

    assert alice.balance == 250
    for again in ("bonus", "gift"):
        with pytest.raises(errors.LimitReached):
            alice.redeem(again)
    alice.wait(until=datetime(2026, 4, 1, 12, tzinfo=UTC))
    with pytest.raises(errors.OutOfSeason):
        alice.redeem("gift")
    alice.wait(until=datetime(2027, 3, 1, 12, tzinfo=UTC))
    assert alice.redeem("gift").status is VoucherStatus.ISSUED


def test_a_reward_of_units_held_at_the_till_is_put_on_the_card_when_it_is_captured() -> None:
    alice = Life(club(rewards=(reward("bonus", Units(unit="points", amount=250)),)))
    held = alice.hold("bonus")

    before = alice.balance
    alice.capture(held)

    assert (before, alice.balance) == (0, 250)


def test_a_released_hold_gives_the_limit_back() -> None:
    alice = Life(club(rewards=(replace(COFFEE, limits=(Limit(times=1, per=Period.DAY),)),)))
    alice.sell(100_00)
    held = alice.hold("coffee")

    with pytest.raises(errors.LimitReached):
        alice.hold("coffee")
    alice.release(held)

    assert alice.redeem("coffee").status is VoucherStatus.ISSUED


def test_ten_per_cent_off_is_of_the_merchandise_half_up_to_the_cent() -> None:
    alice = Life(club(rewards=(reward("ten", PercentOff(share=Fraction(1, 10))),)))
    voucher = alice.redeem("ten")

    alice.sell(lines=(line(10_05), line(50_00, "gift-card")), vouchers=(voucher.code,))

    assert alice.last is not None
    assert alice.last.paid == 10_05 + 50_00 - 1_01


def test_one_sale_takes_no_more_vouchers_of_a_reward_than_it_says() -> None:
    alice = Life(club(rewards=(reward("five", MoneyOff(amount=5_00), per_sale=1),)))
    first, second = alice.redeem("five"), alice.redeem("five")

    with pytest.raises(errors.LimitReached):
        alice.sell(50_00, vouchers=(first.code, second.code))
    alice.sell(50_00, vouchers=(first.code,))

    assert alice.last is not None
    assert alice.last.paid == 45_00
    assert alice.now == NOON
