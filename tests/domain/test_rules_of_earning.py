"""What else rules look at and how they reckon: rounding, extras, fees, sizes, cooldowns, carrying on, segments, partners."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from tests.domain.club import COFFEE, NOON, PURCHASE, Life, club, named
from wallet_api.domain import errors
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import (
    Amount,
    ByField,
    BySize,
    ByStreak,
    Cap,
    Choice,
    Condition,
    DayRange,
    EarningRule,
    EventKind,
    Fee,
    Flat,
    Partner,
    Period,
    PerQuantity,
    Promotion,
    Rate,
    Rounding,
    Segment,
    Span,
)
from wallet_api.domain.events import Activity, Line

VISIT = EarningRule(id="visit", on=EventKind.CHECK_IN, unit="points", amount=Flat(earn=5))
CARRIED = replace(PURCHASE, amount=Rate(earn=1, per=50_00), carries=True)


def activity(kind: str, amount: Amount, **rest: object) -> EarningRule:
    """A rule on an activity of its own name."""
    rule = EarningRule(id=kind, on=EventKind.ACTIVITY, kind=kind, unit="points", amount=amount)
    return replace(rule, **rest)  # type: ignore[arg-type]  # fields by their names


def line(amount: int, *, category: str | None = None, tags: frozenset[str] = frozenset()) -> Line:
    return Line(sku=category or "thing", amount=amount, category=category, tags=tags)


# ── Rounding ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rounding", "amount", "expected"),
    [
        (Rounding.DOWN, 1_99, 1),
        (Rounding.HALF_UP, 1_49, 1),
        (Rounding.HALF_UP, 1_50, 2),
        (Rounding.UP, 1_00, 1),
        (Rounding.UP, 1_01, 2),
    ],
)
def test_a_rule_is_rounded_as_it_says(rounding: Rounding, amount: int, expected: int) -> None:
    alice = Life(club(replace(PURCHASE, rounding=rounding)))

    alice.sell(amount)

    assert alice.balance == expected


def test_a_return_leaves_what_the_rest_earns_by_the_same_rounding() -> None:
    alice = Life(club(replace(PURCHASE, rounding=Rounding.UP)))
    sale = alice.sell(2_50)

    alice.bring_back(sale, amount=1_00)

    assert alice.balance == 2


# ── Promotions ───────────────────────────────────────────────────────────────────────────────────────────────────


def twice_and_two_more(on: EventKind = EventKind.SALE, kind: str | None = None) -> tuple[Promotion, ...]:
    twice = Promotion(id="twice", unit="points", multiply=Fraction(2), on=on, kind=kind)
    return (twice, replace(twice, id="more", is_extra=True))


@pytest.mark.parametrize("order", [1, -1], ids=["as written", "turned round"])
def test_extras_come_after_all_that_multiplies(order: int) -> None:
    alice = Life(club(promotions=twice_and_two_more()[::order]))

    alice.sell(10_00)

    assert alice.balance == 10 * (2 + 2)


@pytest.mark.parametrize("order", [1, -1], ids=["as written", "turned round"])
def test_extras_come_after_all_that_multiplies_on_activities_too(order: int) -> None:
    promotions = twice_and_two_more(EventKind.ACTIVITY, "run")[::order]
    alice = Life(club(activity("run", Flat(earn=10)), promotions=promotions))

    alice.act("run")

    assert alice.balance == 10 * (2 + 2)


def test_a_promotion_of_one_kind_of_activity_leaves_the_others_alone() -> None:
    rules = (activity("run", Flat(earn=10)), activity("swim", Flat(earn=10)))
    doubled = Promotion(id="runs", unit="points", multiply=Fraction(2), on=EventKind.ACTIVITY, kind="run")
    alice = Life(club(*rules, promotions=(doubled,)))

    alice.act("run")
    alice.act("swim")

    assert alice.balance == 20 + 10


def test_the_extra_of_a_return_goes_with_its_line() -> None:
    red = Promotion(
        id="red", unit="points", multiply=Fraction(2), is_extra=True, where=Condition(tags=frozenset({"red"}))
    )
    alice = Life(club(promotions=(red,)))
    sale = alice.sell(lines=(Line(sku="red", amount=10_00, tags=frozenset({"red"})), line(10_00)))
    earned = alice.balance

    alice.bring_back(sale, lines=(Line(sku="red", amount=10_00),))

    assert (earned, alice.balance) == (40, 10)


# ── Activities ───────────────────────────────────────────────────────────────────────────────────────────────────

FEE = Fee(units=7, fields={"mail": "true"})


@pytest.mark.parametrize(("mail", "expected"), [(True, 13), (False, 20)])
def test_a_fee_is_kept_back_where_the_fields_say_so(mail: bool, expected: int) -> None:
    alice = Life(club(activity("trade_in", ByField(field="category", table={"sweater": 20, "hat": 5}), fee=FEE)))

    alice.act("trade_in", category="sweater", mail=mail)

    assert alice.balance == expected


def test_a_fee_is_kept_back_once_a_parcel_and_never_more_than_there_is() -> None:
    alice = Life(club(activity("trade_in", ByField(field="category", table={"sweater": 20, "hat": 5}), fee=FEE)))

    alice.act("trade_in", category="sweater", mail=True, quantity=3)
    alice.act("trade_in", category="hat", mail=True)
    alice.act("trade_in", category="sock", mail=True)

    assert alice.balance == 60 - 7


def test_a_word_of_a_table_may_be_written_with_blanks_or_hyphens() -> None:
    table = {"technical shell": 40}
    alice = Life(club(activity("trade_in", ByField(field="category", table=table))))

    for word in ("technical-shell", "Technical_Shell"):
        alice.act("trade_in", category=word)

    assert alice.balance == 80


@pytest.mark.parametrize(("quantity", "expected"), [(29, 0), (30, 10), (49, 10), (50, 25), (500, 25)])
def test_by_size_the_highest_step_that_is_reached_counts(quantity: int, expected: int) -> None:
    sizes = BySize(steps=((Fraction(30), 10), (Fraction(50), 25)))
    alice = Life(club(activity("reload", sizes)))

    alice.act("reload", quantity=quantity)

    assert alice.balance == expected


@pytest.mark.parametrize(("pots", "expected"), [(4, 0), (5, 3), (9, 3), (10, 6)])
def test_full_blocks_of_a_quantity_count(pots: int, expected: int) -> None:
    alice = Life(club(activity("pots", PerQuantity(earn=3, field="full_size", every=5))))

    alice.act("pots", full_size=pots)

    assert alice.balance == expected


def test_parts_of_a_quantity_count_where_each_counts() -> None:
    alice = Life(club(activity("run", PerQuantity(earn=10))))

    alice.do(
        Activity(
            id=alice.state.member_id,
            occurred_at=alice.now,
            kind="run",
            fields={"quantity": Fraction(26, 5)},
        )
    )

    assert alice.balance == 52


def test_a_rule_that_gives_vouchers_gives_as_many_as_its_amount() -> None:
    mask = replace(COFFEE, id="mask", price=None, only_given=True)
    rule = activity("pots", PerQuantity(earn=1, field="full_size", every=5), reward="mask")
    alice = Life(club(rule, rewards=(mask,)))

    alice.act("pots", full_size=11)

    assert len(alice.usable_vouchers("mask")) == 2
    assert alice.balance == 0


# ── A choice ─────────────────────────────────────────────────────────────────────────────────────────────────────


def pots() -> Life:
    """Alice may have credit or a mask for her pots, one of the two a day."""
    mask = replace(COFFEE, id="mask", price=None, only_given=True)
    credit = activity(
        "pots", PerQuantity(earn=50, field="full_size"), id="credit", where=Condition(fields={"choice": "credit"})
    )
    masks = activity(
        "pots",
        PerQuantity(earn=1, field="full_size", every=5),
        id="masks",
        reward="mask",
        where=Condition(fields={"choice": "mask"}),
    )
    choice = Choice(kind="pots", field="choice", options=("credit", "mask"))
    return Life(replace(club(credit, masks, rewards=(mask,)), choices=(choice,)))


def test_where_nothing_is_chosen_the_first_option_is_meant() -> None:
    alice = pots()

    alice.act("pots", full_size=5)

    assert (alice.balance, alice.usable_vouchers("mask")) == (250, [])


def test_the_first_choice_of_a_day_is_the_only_one_that_earns() -> None:
    alice = pots()
    alice.act("pots", full_size=5, choice="mask")

    alice.act("pots", full_size=5, choice="credit")
    alice.act("pots", full_size=5)
    other_ones = (alice.balance, len(alice.usable_vouchers("mask")))
    alice.act("pots", full_size=7, choice="mask")

    assert other_ones == (0, 1)
    assert (alice.balance, len(alice.usable_vouchers("mask"))) == (0, 2)


def test_the_next_day_may_be_chosen_anew() -> None:
    alice = pots()
    alice.act("pots", full_size=5, choice="mask")
    alice.wait_for_the_beginning_of(date(2026, 3, 11))

    alice.act("pots", full_size=1, choice="credit")

    assert alice.balance == 50


def test_what_is_no_option_of_the_day_is_recorded_all_the_same() -> None:
    alice = pots()
    alice.act("pots", full_size=5)

    alice.act("pots", full_size=5, choice="mask")

    assert alice.state.measures["activity:pots"] == {date(2026, 3, 10): 2}


# ── Conditions ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_lines_of_a_category_count() -> None:
    alice = Life(club(replace(PURCHASE, where=Condition(categories=frozenset({"books"})))))

    alice.sell(lines=(line(10_00, category="books"), line(20_00, category="toys"), line(40_00)))

    assert alice.balance == 10


def test_a_rule_may_hold_on_some_days_of_the_week() -> None:
    alice = Life(club(replace(PURCHASE, where=Condition(weekdays=frozenset({1})))))  # NOON is a Tuesday
    alice.sell(10_00)
    alice.wait(days=1)

    alice.sell(10_00)

    assert alice.balance == 10


def test_the_day_of_the_week_is_that_of_the_sale_and_not_of_its_report() -> None:
    alice = Life(club(replace(PURCHASE, where=Condition(weekdays=frozenset({1})))))
    alice.wait(days=1)

    alice.sell(10_00, at=NOON)

    assert alice.balance == 10


def test_the_first_purchase_of_all_is_one_and_no_later_one() -> None:
    hello = EarningRule(
        id="hello", on=EventKind.SALE, unit="points", amount=Flat(earn=100), where=Condition(first_ever=True)
    )
    alice = Life(club(hello))
    alice.sell(10_00)
    alice.wait(days=400)

    alice.sell(10_00)

    assert alice.balance == 100


def test_a_purchase_of_gift_cards_only_is_no_first_one() -> None:
    hello = replace(PURCHASE, where=Condition(first_ever=True))
    alice = Life(club(hello))
    alice.sell(lines=(line(50_00, tags=frozenset({"gift-card"})),))

    alice.sell(10_00)

    assert alice.balance == 10


def test_after_a_first_purchase_has_come_back_whole_the_next_is_the_first() -> None:
    hello = replace(PURCHASE, where=Condition(first_ever=True))
    alice = Life(club(hello))
    alice.bring_back(alice.sell(20_00))

    alice.sell(10_00)

    assert alice.balance == 10


REGULARS = Segment(id="regulars", measure="orders", over=Span(months=6), at_least=2)


def test_a_rule_for_a_segment_holds_for_its_members_before_the_sale() -> None:
    for_regulars = replace(PURCHASE, where=Condition(segments=frozenset({"regulars"})))
    alice = Life(replace(club(for_regulars), segments={"regulars": REGULARS}))
    earned = []

    for _ in range(3):
        alice.sell(10_00)
        earned.append(alice.balance)

    assert earned == [0, 0, 10]


def test_a_segment_forgets_what_is_too_long_ago() -> None:
    for_regulars = replace(PURCHASE, where=Condition(segments=frozenset({"regulars"})))
    alice = Life(replace(club(for_regulars), segments={"regulars": REGULARS}))
    alice.sell(10_00)
    alice.sell(10_00)

    alice.wait(on=date(2026, 9, 9))
    alice.sell(10_00)
    on_the_last_day = alice.balance
    alice.wait(on=date(2026, 9, 10))
    alice.sell(10_00)

    assert (on_the_last_day, alice.balance) == (10, 10)


@pytest.mark.parametrize(
    ("segment", "earned"),
    [
        (Segment(id="s", measure="spend", at_most=0), [10, 10]),
        (Segment(id="s", measure="spend", at_least=10_00), [0, 10]),
        (Segment(id="s", tiers=frozenset({"silver"})), [0, 0]),
    ],
)
def test_a_segment_may_ask_for_little_for_much_or_for_a_tier(segment: Segment, earned: list[int]) -> None:
    rule = replace(PURCHASE, where=Condition(segments=frozenset({"s"})))
    alice = Life(replace(club(rule), segments={"s": segment}))
    balances = []

    for _ in range(2):
        alice.sell(10_00)
        balances.append(alice.balance)

    assert balances == earned


CINEMA = Partner(
    id="cinema", name=named("Cinema"), locations=frozenset({"cinema-1"}), pays=1_00, per=100, unit="points"
)


def with_cinema() -> Life:
    film = replace(PURCHASE, id="film", amount=Rate(earn=2, per=100), where=Condition(partners=frozenset({"cinema"})))
    return Life(replace(club(PURCHASE, film), partners={"cinema": CINEMA}))


def test_at_a_partners_only_rules_that_name_it_hold() -> None:
    alice = with_cinema()

    alice.sell(10_00, location="cinema-1")
    there = alice.balance
    alice.sell(10_00)

    assert (there, alice.balance) == (20, 30)


def test_the_first_purchase_of_all_is_one_of_the_shops_own_and_each_partner_has_its_own_first() -> None:
    hello = replace(PURCHASE, where=Condition(first_ever=True))
    film = replace(
        hello, id="film", amount=Rate(earn=2, per=100), where=Condition(first_ever=True, partners=frozenset({"cinema"}))
    )
    alice = Life(replace(club(hello, film), partners={"cinema": CINEMA}))

    balances = []
    for location in ("cinema-1", "cinema-1", "paris", "paris"):
        alice.sell(10_00, location=location)
        balances.append(alice.balance)

    assert balances == [20, 20, 30, 30]


def test_what_is_spent_at_a_partners_is_no_spend_of_the_shop_and_no_order() -> None:
    alice = with_cinema()

    sale = alice.sell(2000_00, location="cinema-1")
    after_sale = (alice.tier, dict(alice.state.measures.get("spend", {})))
    alice.bring_back(sale)

    assert after_sale == ("bronze", {})
    assert "orders" not in alice.state.measures
    assert alice.balance == 0


# ── Caps ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cap_a_transaction_holds_for_each_of_them() -> None:
    alice = Life(club(replace(PURCHASE, cap=Cap(per=Period.TRANSACTION, units=30))))

    alice.sell(100_00)
    alice.sell(20_00)
    alice.sell(100_00)

    assert alice.balance == 30 + 20 + 30


def test_a_cap_a_window_holds_for_the_stretch_of_days_in_which_it_falls() -> None:
    days = (
        DayRange(first=date(2026, 3, 10), last=date(2026, 3, 12)),
        DayRange(first=date(2026, 3, 20), last=date(2026, 3, 21)),
    )
    rule = replace(PURCHASE, where=Condition(days=days), cap=Cap(per=Period.WINDOW, units=30))
    alice = Life(club(rule))
    balances = []

    for day in (10, 12, 15, 20):
        alice.wait(on=date(2026, 3, day))
        alice.sell(20_00)
        balances.append(alice.balance)

    assert balances == [20, 30, 30, 50]


def test_what_a_return_takes_back_makes_room_under_the_cap() -> None:
    alice = Life(club(replace(PURCHASE, cap=Cap(per=Period.MONTH, units=100))))
    sale = alice.sell(80_00)
    alice.bring_back(sale)

    alice.sell(150_00)

    assert alice.balance == 100


def test_a_return_leaves_what_the_rest_earns_under_the_cap() -> None:
    alice = Life(club(replace(PURCHASE, cap=Cap(per=Period.MONTH, units=100))))
    sale = alice.sell(150_00)

    alice.bring_back(sale, amount=40_00)
    still = alice.balance
    alice.bring_back(sale, amount=20_00)

    assert (still, alice.balance) == (100, 90)


def test_beyond_a_cap_that_refuses_an_activity_is_refused() -> None:
    alice = Life(club(activity("login", Flat(earn=1), cap=Cap(per=Period.DAY, times=1), refuses=True)))
    alice.act("login")

    with pytest.raises(errors.LimitReached):
        alice.act("login")


def test_an_activity_under_its_minimum_leaves_the_cap_alone() -> None:
    rule = activity(
        "workout",
        Flat(earn=100),
        where=Condition(quantity_from=Fraction(20)),
        cap=Cap(per=Period.DAY, times=1),
        refuses=True,
    )
    alice = Life(club(rule))
    alice.act("workout", quantity=19)

    alice.act("workout", quantity=20)

    assert alice.balance == 100


# ── Not again until … ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("minute", "wait", "expected"),
    [
        (0, timedelta(hours=3, minutes=59), 5),
        (0, timedelta(hours=4), 10),
        (59, timedelta(hours=3, minutes=1), 5),
        (59, timedelta(hours=4), 10),
    ],
)
def test_a_rule_does_not_give_again_until_its_cooldown_is_over(minute: int, wait: timedelta, expected: int) -> None:
    alice = Life(club(replace(VISIT, cooldown_hours=4)), joined=NOON + timedelta(minutes=minute))
    alice.visit()

    alice.wait(until=alice.now + wait)
    alice.visit()

    assert alice.balance == expected


def test_the_cooldown_counts_from_when_the_rule_gave_last() -> None:
    alice = Life(club(replace(VISIT, cooldown_hours=4)))
    alice.visit()
    for _ in range(3):  # at 3, 6 and 9 hours
        alice.wait(until=alice.now + timedelta(hours=3))
        alice.visit()

    assert alice.balance == 10


def test_what_the_cooldown_kept_back_uses_up_no_limit() -> None:
    rule = replace(VISIT, cooldown_hours=4, cap=Cap(per=Period.DAY, times=2))
    alice = Life(club(rule), joined=NOON - timedelta(hours=4))
    alice.visit()
    alice.wait(until=alice.now + timedelta(hours=1))
    alice.visit()

    alice.wait(until=alice.now + timedelta(hours=4))
    alice.visit()

    assert alice.balance == 10


def test_a_streak_goes_on_over_the_end_of_a_month() -> None:
    rule = replace(VISIT, amount=ByStreak(steps=(5, 10, 15)))
    alice = Life(club(rule), joined=datetime(2026, 3, 31, 12, tzinfo=UTC))
    alice.visit()
    alice.wait(days=1)

    alice.visit()

    assert alice.balance == 5 + 10


# ── What rounding leaves is carried on ───────────────────────────────────────────────────────────────────────────


def test_30_and_20_at_one_for_each_50_are_one() -> None:
    alice = Life(club(CARRIED))

    alice.sell(30_00)
    before = alice.balance
    alice.sell(20_00)

    assert (before, alice.balance) == (0, 1)


@pytest.mark.parametrize(("which", "then"), [(0, 30_00), (1, 20_00)], ids=["the first", "the second"])
def test_either_of_them_brought_back_takes_it_and_the_rest_is_still_carried_on(which: int, then: int) -> None:
    alice = Life(club(CARRIED))
    sales = (alice.sell(30_00), alice.sell(20_00))

    alice.bring_back(sales[which])
    after = alice.balance
    alice.sell(then - 1)
    just_below = alice.balance
    alice.sell(1)

    assert (after, just_below, alice.balance) == (0, 0, 1)


def test_both_of_them_brought_back_leave_nothing() -> None:
    alice = Life(club(CARRIED))
    sales = (alice.sell(30_00), alice.sell(20_00))

    for sale in sales:
        alice.bring_back(sale)
    after = alice.balance
    alice.sell(49_99)

    assert (after, alice.balance) == (0, 0)


def test_parts_brought_back_come_out_of_what_is_carried_first() -> None:
    alice = Life(club(CARRIED))
    sale = alice.sell(80_00)

    alice.bring_back(sale, amount=30_00)
    still = alice.balance
    alice.bring_back(sale, amount=1)

    assert (still, alice.balance) == (1, 0)


def test_purchases_one_by_one_earn_what_they_earn_together() -> None:
    amounts = [12_34, 7_77, 49_99, 50_00, 1, 33_33]
    one_by_one, together = Life(club(CARRIED)), Life(club(CARRIED))

    for amount in amounts:
        one_by_one.sell(amount)
    together.sell(sum(amounts))

    assert one_by_one.balance == together.balance == 3


def test_a_carried_rest_is_explained() -> None:
    alice = Life(club(CARRIED))

    alice.sell(80_00)

    [entry] = [entry for entry in alice.entries if entry.kind is EntryKind.EARN]
    assert entry.why["carried_on"] == 30_00
