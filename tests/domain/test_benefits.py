"""What a status changes on a sale: prices, shipping, access, and how goods may come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from tests.domain.club import NOON, OFF_5, Life, club, named, points
from wallet_api.domain import benefits, errors
from wallet_api.domain.benefits import GUEST, Status
from wallet_api.domain.definition import (
    Access,
    Audience,
    Benefits,
    Definition,
    MemberPrice,
    MoneyOff,
    PercentOff,
    Plan,
    ReturnTerms,
    Shipping,
    Span,
    Worth,
)
from wallet_api.domain.events import Line
from wallet_api.domain.state import VoucherStatus

EVERYBODY = Audience()
MEMBERS = Audience(guests=False)
GUESTS = Audience(guests=True)
GOLD = Audience(tiers=frozenset({"gold"}))
PAYING = Audience(memberships=frozenset({"paid"}))


def line(amount: int, *tags: str, sku: str = "shirt", quantity: int = 1) -> Line:
    return Line(sku=sku, amount=amount, quantity=quantity, tags=frozenset(tags))


def with_benefits(
    *,
    shipping: tuple[Shipping, ...] = (),
    prices: tuple[MemberPrice, ...] = (),
    returns: tuple[ReturnTerms, ...] = (),
    access: tuple[Access, ...] = (),
) -> Definition:
    """The club with these benefits, and a plan that is paid once."""
    return replace(
        club(),
        benefits=Benefits(shipping=shipping, prices=prices, returns=returns, access=access),
        plans={"club": Plan(id="club", name=named("Club"), fee=30_00)},
    )


def off(price: str, hundredths: int, /, **rest: object) -> MemberPrice:
    """So many hundredths off, for members."""
    member_price = MemberPrice(id=price, who=MEMBERS, share=PercentOff(share=Fraction(hundredths, 100)))
    return replace(member_price, **rest)  # type: ignore[arg-type]  # fields by their names


def paid(alice: Life) -> int:
    assert alice.last is not None
    return alice.last.paid


# ── Prices ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_several_prices_only_the_best_counts_line_by_line() -> None:
    alice = Life(with_benefits(prices=(off("ten", 10), off("twenty", 20, tags=frozenset({"sport"})), off("five", 5))))

    alice.sell(lines=(line(100_00), line(100_00, "sport")))

    assert alice.last is not None
    assert alice.last.net == (90_00, 80_00)
    assert {discount.reward: discount.amount for discount in alice.last.discounts} == {"ten": 10_00, "twenty": 20_00}


def test_a_price_that_comes_on_top_is_taken_off_what_the_best_one_leaves() -> None:
    alice = Life(with_benefits(prices=(off("ten", 10), off("top", 50, stacks=True), off("twenty", 20))))

    alice.sell(100_00)

    assert paid(alice) == 40_00


def test_a_member_price_is_half_up_to_the_cent_and_what_is_left_earns() -> None:
    alice = Life(with_benefits(prices=(off("ten", 10),)))

    alice.sell(10_05)

    assert paid(alice) == 9_04  # 1.005 off is 1.01
    assert alice.balance == 9


def test_gift_cards_and_excluded_lines_cost_what_they_cost() -> None:
    alice = Life(with_benefits(prices=(off("ten", 10, not_tags=frozenset({"sale"})),)))

    alice.sell(lines=(line(100_00), line(100_00, "sale"), line(100_00, "gift-card")))

    assert alice.last is not None
    assert alice.last.net == (90_00, 100_00, 100_00)


def test_a_price_by_tier_is_that_of_the_tier_held_before_the_sale() -> None:
    by_tier = PercentOff(by_tier={"silver": Fraction(1, 20), "gold": Fraction(1, 10)})
    alice = Life(with_benefits(prices=(off("brands", 0, share=by_tier),)))

    alice.sell(500_00)
    as_bronze = paid(alice)
    alice.sell(100_00)

    assert (as_bronze, paid(alice)) == (500_00, 95_00)


def test_a_voucher_comes_after_the_member_price() -> None:
    five = replace(OFF_5, price=None, gives=MoneyOff(amount=5_00))
    definition = replace(with_benefits(prices=(off("ten", 10),)), rewards={"off-5": five})
    alice = Life(definition)

    alice.sell(100_00, vouchers=(alice.redeem("off-5").code,))

    assert paid(alice) == 85_00


@pytest.mark.parametrize(("amount", "refused"), [(1428_57, False), (1428_59, True)])
def test_an_order_may_cost_just_as_much_as_a_price_allows(amount: int, refused: bool) -> None:
    alice = Life(with_benefits(prices=(off("trainer", 30, most_of_order=1000_00),)))

    if refused:
        with pytest.raises(errors.LimitReached):
            alice.sell(amount)
    else:
        alice.sell(amount)
        assert paid(alice) == 1000_00


def test_no_more_pieces_of_one_article_than_a_price_allows_on_however_many_lines() -> None:
    alice = Life(with_benefits(prices=(off("trainer", 30, most_of_sku=6),)))
    alice.sell(lines=(line(10_00, quantity=6), line(10_00, sku="cap", quantity=6)))

    with pytest.raises(errors.LimitReached):
        alice.sell(lines=(line(10_00, quantity=4), line(10_00, quantity=3)))


def test_the_limits_of_a_price_do_not_bind_an_order_that_it_does_not_touch() -> None:
    alice = Life(with_benefits(prices=(off("sport", 30, tags=frozenset({"sport"}), most_of_order=10_00),)))

    alice.sell(100_00)

    assert paid(alice) == 100_00


# ── Shipping ─────────────────────────────────────────────────────────────────────────────────────────────────────

SHIPPING = (
    Shipping(who=PAYING, fee=0),
    Shipping(who=MEMBERS, fee=5_00, free_from=50_00),
    Shipping(who=GUESTS, fee=8_00, free_from=75_00),
)


@pytest.mark.parametrize(("amount", "fee"), [(49_99, 5_00), (50_00, 0), (50_01, 0)])
def test_shipping_is_free_from_just_the_purchase_that_is_named(amount: int, fee: int) -> None:
    alice = Life(with_benefits(shipping=SHIPPING))

    alice.sell(amount)

    assert alice.last is not None
    assert alice.last.shipping == fee


@pytest.mark.parametrize(("amount", "fee"), [(74_99, 8_00), (75_00, 0)])
def test_a_guest_ships_by_a_guests_terms(amount: int, fee: int) -> None:
    quote = benefits.quote_for_guest(with_benefits(shipping=SHIPPING), (line(amount),), at=NOON)

    assert quote == benefits.Quote(pay=amount, shipping=fee, is_allowed=True)


def test_shipping_looks_at_what_is_left_after_discounts_and_before_units() -> None:
    definition = with_benefits(shipping=SHIPPING, prices=(off("ten", 10),))
    unit = replace(definition.units["points"], worth=Worth(units=1, money=1_00))
    alice = Life(replace(definition, units={"points": unit}))
    alice.sell(100_00)

    alice.sell(55_55, pay_with=(("points", 20),))
    just_below = alice.last
    alice.sell(55_56, pay_with=(("points", 20),))

    assert just_below is not None
    assert alice.last is not None
    assert (just_below.shipping, alice.last.shipping) == (5_00, 0)  # 49.99 and 50.00 of goods


def test_gift_cards_do_not_help_shipping() -> None:
    alice = Life(with_benefits(shipping=SHIPPING))

    alice.sell(lines=(line(30_00), line(30_00, "gift-card")))

    assert alice.last is not None
    assert alice.last.shipping == 5_00


def test_a_program_that_says_nothing_of_shipping_names_no_fee() -> None:
    alice = Life(club())

    alice.sell(10_00)

    assert alice.last is not None
    assert alice.last.shipping is None


def test_only_shipping_that_others_would_have_paid_for_counts_as_a_benefit_used() -> None:
    alice = Life(with_benefits(shipping=SHIPPING), plan="club")

    alice.sell(10_00)
    alice.sell(60_00)

    assert alice.membership.free_shippings == 1


# ── Access ───────────────────────────────────────────────────────────────────────────────────────────────────────

OPENS = datetime(2026, 3, 14, 17, 0, tzinfo=UTC)
EVENT = Access(who=GOLD, tags=frozenset({"event"}))
LIGHTNING = Access(who=PAYING, tags=frozenset({"lightning"}), minutes_earlier=30)


def test_what_is_for_a_tier_only_is_refused_to_the_others_and_a_quote_says_so() -> None:
    alice = Life(with_benefits(access=(EVENT,)))

    asked = alice.asks_for_the_price_of(line(10_00, "event"))

    assert not asked.is_allowed
    with pytest.raises(errors.NotEligible):
        alice.sell(lines=(line(10_00, "event"),))
    alice.sell(2000_00)
    alice.sell(lines=(line(10_00, "event"),))
    assert paid(alice) == 10_00


def test_a_guest_has_no_access_to_what_is_for_members() -> None:
    definition = with_benefits(access=(Access(who=MEMBERS, tags=frozenset({"member-days"})),))

    guest = benefits.quote_for_guest(definition, (line(10_00, "member-days"),), at=NOON)
    member = Life(definition).asks_for_the_price_of(line(10_00, "member-days"))

    assert (guest.is_allowed, member.is_allowed) == (False, True)


def test_one_of_several_audiences_is_enough() -> None:
    definition = with_benefits(access=(EVENT, Access(who=PAYING, tags=frozenset({"event"}))))

    for status, expected in ((Status(tier="gold"), True), (Status(membership="paid"), True), (Status(), False)):
        assert benefits.is_open(definition, {"event"}, status, at=NOON) is expected


def test_every_exclusive_tag_of_a_basket_must_be_open() -> None:
    definition = with_benefits(access=(EVENT, Access(who=PAYING, tags=frozenset({"club"}))))

    gold = benefits.is_open(definition, {"event", "club"}, Status(tier="gold"), at=NOON)
    both = benefits.is_open(definition, {"event", "club"}, Status(tier="gold", membership="paid"), at=NOON)

    assert (gold, both) == (False, True)


@pytest.mark.parametrize(
    ("status", "lead", "expected"),
    [
        (Status(membership="paid"), timedelta(minutes=30), True),
        (Status(membership="paid"), timedelta(minutes=30, microseconds=1), False),
        (Status(membership="grace"), timedelta(minutes=30), False),
        (GUEST, timedelta(microseconds=1), False),
        (GUEST, timedelta(0), True),
    ],
)
def test_some_may_come_earlier_by_just_so_many_minutes(status: Status, lead: timedelta, expected: bool) -> None:
    definition = with_benefits(access=(LIGHTNING,))

    is_open = benefits.is_open(definition, {"lightning"}, status, at=OPENS - lead, opens_at=OPENS)

    assert is_open is expected


# ── Returns ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_goods_come_back_until_the_last_instant_of_the_last_day() -> None:
    alice = Life(with_benefits(returns=(ReturnTerms(who=EVERYBODY, days=30),)))
    sale = alice.sell(20_00)

    alice.wait_for_the_end_of(date(2026, 4, 9))  # 10 March + 30 days
    alice.bring_back(sale, amount=10_00)
    alice.wait_for_the_beginning_of(date(2026, 4, 10))

    with pytest.raises(errors.ReturnPeriodOver) as refusal:
        alice.bring_back(sale)
    assert refusal.value.last_day == date(2026, 4, 9)


def test_the_terms_are_those_of_the_status_at_the_sale() -> None:
    terms = (ReturnTerms(who=PAYING, days=365), ReturnTerms(who=EVERYBODY, days=30))
    alice = Life(with_benefits(returns=terms))
    before = alice.sell(10_00)
    alice.start("club")
    after = alice.sell(10_00)
    alice.wait(days=31)

    decision = alice.bring_back(after)

    assert decision.refund == 10_00
    with pytest.raises(errors.ReturnPeriodOver):
        alice.bring_back(before)


def test_what_is_never_taken_back_is_refused_on_its_first_day() -> None:
    alice = Life(with_benefits(returns=(ReturnTerms(who=EVERYBODY, is_refused=True),)))
    sale = alice.sell(10_00)

    with pytest.raises(errors.NotReturnable):
        alice.bring_back(sale)


WORN = ReturnTerms(who=EVERYBODY, days=60, worn_days=30, worn_items_per_year=2)


def test_worn_goods_come_back_within_their_own_days_and_others_longer() -> None:
    alice = Life(with_benefits(returns=(WORN,)))
    sale = alice.sell(lines=(line(10_00), line(10_00, sku="cap")))

    alice.wait_for_the_end_of(date(2026, 4, 9))
    alice.bring_back(sale, lines=(line(10_00),), is_worn=True)
    alice.wait_for_the_beginning_of(date(2026, 4, 10))

    with pytest.raises(errors.NotReturnable):
        alice.bring_back(sale, is_worn=True)
    assert alice.bring_back(sale).refund == 10_00


def test_so_many_worn_pieces_a_calendar_year_and_no_more() -> None:
    alice = Life(with_benefits(returns=(WORN,)))
    three = alice.sell(lines=(line(30_00, quantity=3),))

    with pytest.raises(errors.NotReturnable):
        alice.bring_back(three, is_worn=True)
    alice.bring_back(three, lines=(line(20_00),), is_worn=True)
    with pytest.raises(errors.NotReturnable):
        alice.bring_back(three, is_worn=True)


def test_a_new_year_brings_a_new_quota_and_goods_that_are_not_worn_need_none() -> None:
    alice = Life(with_benefits(returns=(WORN,)), joined=datetime(2026, 12, 20, 12, tzinfo=UTC))
    sale = alice.sell(lines=(line(40_00, quantity=4),))
    alice.bring_back(sale, lines=(line(20_00),), is_worn=True)
    alice.bring_back(sale, lines=(line(10_00),))
    alice.wait(on=date(2027, 1, 1))

    decision = alice.bring_back(sale, is_worn=True)

    assert decision.refund == 10_00


def test_where_nothing_is_said_goods_come_back_at_any_time_but_not_worn() -> None:
    alice = Life(club())
    sale = alice.sell(10_00)
    alice.wait(days=4000)

    with pytest.raises(errors.NotReturnable):
        alice.bring_back(sale, is_worn=True)
    assert alice.bring_back(sale).refund == 10_00


# ── Units as payment ─────────────────────────────────────────────────────────────────────────────────────────────


def paying(**worth: object) -> Life:
    """Alice with 1000 points that pay."""
    terms = replace(Worth(units=100, money=1_00), **worth)  # type: ignore[arg-type]  # fields by their names
    definition = club()
    alice = Life(replace(definition, units={"points": replace(definition.units["points"], worth=terms)}))
    alice.sell(1000_00)
    return alice


def test_units_pay_up_to_just_their_share() -> None:
    alice = paying(share=Fraction(1, 2))

    with pytest.raises(errors.ExceedsShare):
        alice.sell(19_98, pay_with=(("points", 1_000),))
    alice.sell(20_00, pay_with=(("points", 1_000),))

    assert paid(alice) == 10_00
    assert alice.balance == 10  # the ten that were paid in money


def test_units_pay_from_a_balance_on_and_in_multiples_only() -> None:
    alice = paying(from_balance=1_001, multiples_of=100)

    with pytest.raises(errors.MinimumNotReached):
        alice.sell(50_00, pay_with=(("points", 100),))
    alice.adjust(1)
    with pytest.raises(errors.MinimumNotReached):
        alice.sell(50_00, pay_with=(("points", 150),))
    alice.sell(50_00, pay_with=(("points", 100),))

    assert paid(alice) == 49_00


def test_of_several_reasons_the_share_is_named_before_the_balance() -> None:
    alice = paying(share=Fraction(1, 10))

    with pytest.raises(errors.ExceedsShare):
        alice.sell(50_00, pay_with=(("points", 2_000),))
    with pytest.raises(errors.InsufficientBalance):
        alice.sell(500_00, pay_with=(("points", 2_000),))


def test_what_a_sale_earns_cannot_pay_for_it() -> None:
    alice = paying(units=1, money=1)

    with pytest.raises(errors.InsufficientBalance):
        alice.sell(100_00, pay_with=(("points", 1_001),))


def test_units_that_a_program_does_not_give_back_stay_away() -> None:
    alice = paying(given_back=False)
    sale = alice.sell(20_00, pay_with=(("points", 1_000),))

    decision = alice.bring_back(sale)

    assert decision.refund == 10_00
    assert alice.balance == 0


def test_units_and_vouchers_pay_for_one_sale_together() -> None:
    alice = paying()
    voucher = alice.redeem("off-5")

    alice.sell(20_00, vouchers=(voucher.code,), pay_with=(("points", 500),))

    assert paid(alice) == 10_00
    assert alice.voucher(voucher.id) is VoucherStatus.REDEEMED


def test_parts_brought_back_one_after_another_give_back_all_that_was_spent() -> None:
    alice = paying()
    sale = alice.sell(30_00, pay_with=(("points", 1_000),))
    balances = []

    for _ in range(3):
        alice.bring_back(sale, amount=10_00)
        balances.append(alice.balance)

    assert balances == [333 + 13, 667 + 6, 1_000]
    assert alice.sale(sale).refunded == 20_00


def test_spent_units_whose_time_is_over_do_not_come_back_to_life() -> None:
    alice = Life(club(unit=replace(points(expire=Span(days=10)), worth=Worth(units=1, money=1_00))))
    alice.sell(10_00)
    alice.wait(days=9)
    sale = alice.sell(10_00, pay_with=(("points", 10),))
    alice.wait(days=5)

    alice.bring_back(sale)

    assert (alice.balance, alice.lots) == (0, [])
