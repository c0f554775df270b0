"""What is settled with partners and given to causes; the figures are worked out by hand beside each test."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.services.partners import CLUB, Places, with_partners
from tests.shop import NOON, Shop
from wallet_api.clock import FixedClock
from wallet_api.domain.errors import NotFound
from wallet_api.domain.state import MemberState
from wallet_api.services.load_member import as_of_now
from wallet_api.services.publish import publish
from wallet_api.services.settlement import Settlement, settle
from wallet_api.services.verify_ledger import verify_ledger

TODAY = date(2026, 3, 10)


@pytest.fixture
def town(shop: Shop) -> Places:
    return with_partners(shop)


def settled(town: Places, first: date = TODAY, last: date = TODAY) -> Settlement:
    with town.shop.app.db.read() as tx:
        return settle(town.shop.app, tx, town.shop.program, first=first, last=last)


def figures(town: Places, partner: str = "cinema", *, first: date = TODAY, last: date = TODAY) -> tuple[int, int, int]:
    """What was earned and spent at a partner's, and what it owes."""
    found = {each.partner: each for each in settled(town, first, last).partners}[partner]
    return found.earned, found.spent, found.owes


def given(town: Places, first: date = TODAY, last: date = TODAY) -> dict[str, tuple[str, int, int | None]]:
    return {each.cause: (each.unit, each.amount, each.worth) for each in settled(town, first, last).causes}


def state_of(town: Places) -> MemberState:
    app = town.shop.app
    with app.db.read() as tx:
        return as_of_now(app, tx, town.shop.alice, now=app.clock.now()).state


@pytest.fixture(autouse=True)
def the_ledger_is_right_afterwards(town: Places) -> object:
    yield
    assert list(verify_ledger(town.shop.app)) == []


# ── What is earned there ─────────────────────────────────────────────────────────────────────────────────────────


def test_where_nothing_has_happened_nothing_is_owed(town: Places) -> None:
    reckoned = settled(town)

    assert [(each.partner, each.earned, each.spent, each.owes) for each in reckoned.partners] == [
        ("cinema", 0, 0, 0),
        ("baker", 0, 0, 0),
    ]
    assert reckoned.causes == ()


def test_a_partner_pays_for_what_is_earned_at_its_locations_alone(town: Places) -> None:
    town.sell(100_00)
    town.sell(35_90, at=town.cinema)
    town.sell(10_00, at=town.baker)

    # 35.90 x 2 = 71.8, rounded down; 71 x 1.50 / 100 = 1.065, half a cent up
    assert figures(town) == (71, 0, 1_07)
    # 10.00 x 3 = 30; 30 x 0.80 / 100 = 0.24
    assert figures(town, "baker") == (30, 0, 24)


def test_rules_that_name_no_partner_give_nothing_at_one_and_the_other_way_round(town: Places) -> None:
    at_home = town.sell(100_00)
    at_the_cinema = town.sell(100_00, at=town.cinema)

    rules = [{item["rule"] for item in sale["earned"]} for sale in (at_home, at_the_cinema)]  # type: ignore[attr-defined]

    assert rules == [{"purchase"}, {"film", "stamp"}]
    assert state_of(town).available("points") == 50 + 100 + 200


def test_what_is_bought_at_a_partners_counts_towards_no_tier(town: Places) -> None:
    sale = town.sell(5_000_00, at=town.cinema)
    town.sell(499_99)

    after = state_of(town)

    assert (after.tier, after.measures["spend"], after.measures["orders"]) == (
        "bronze",
        {TODAY: 499_99},
        {TODAY: 1},
    )
    town.take_back(sale)
    assert state_of(town).measures["orders"] == {TODAY: 1}
    town.sell(1)
    assert state_of(town).tier == "silver"


def test_a_visit_to_a_partner_earns_there(town: Places) -> None:
    town.visit(at=town.shop.till)
    town.visit(at=town.cinema)

    assert figures(town) == (5, 0, 8)  # 0.075
    assert state_of(town).available("points") == 50 + 7 + 5


# ── Returns ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_at_home", [False, True])
def test_a_return_counts_where_its_sale_was(town: Places, is_at_home: bool) -> None:
    sale = town.sell(100_00, at=town.cinema)

    town.take_back(sale, at=town.shop.till if is_at_home else town.cinema, amount=40_00)

    assert figures(town) == (120, 0, 1_80)  # the rest, 60.00, earns 120


def test_a_partner_gets_nothing_for_taking_the_shops_own_goods_back(town: Places) -> None:
    sale = town.sell(100_00)

    town.take_back(sale, at=town.cinema)

    assert figures(town) == (0, 0, 0)


def test_a_return_counts_on_its_own_day(town: Places, clock: FixedClock) -> None:
    sale = town.sell(100_00, at=town.cinema)
    clock.advance(timedelta(days=1))
    town.take_back(sale, at=town.cinema)

    tomorrow = TODAY + timedelta(days=1)

    assert figures(town) == (200, 0, 3_00)
    assert figures(town, first=tomorrow, last=tomorrow) == (-200, 0, -3_00)
    assert figures(town, last=tomorrow) == (0, 0, 0)


# ── What is spent there ──────────────────────────────────────────────────────────────────────────────────────────


def test_units_that_pay_at_a_partners_are_spent_there_and_come_back_with_a_return(town: Places) -> None:
    town.sell(1_000_00)
    town.sell(20_00, pay=500)
    sale = town.sell(20_00, at=town.cinema, pay=400)

    # 20.00 less 4.00 earns 32; (32 - 400) x 1.50 / 100 = -5.52
    assert figures(town) == (32, 400, -5_52)

    town.take_back(sale, amount=10_00)
    # half of it: 16 and 200; (16 - 200) x 1.50 / 100 = -2.76
    assert figures(town) == (16, 200, -2_76)


def test_a_reward_that_a_partners_till_hands_over_is_spent_there(town: Places) -> None:
    town.sell(1_000_00)

    held = town.hold("popcorn", at=town.cinema, quantity=2)
    before = figures(town)
    town.capture(held, at=town.cinema)
    town.capture(held, at=town.cinema)
    town.capture(town.hold("popcorn", at=town.shop.till), at=town.shop.till)
    town.capture(town.hold("popcorn", at=town.shop.other_till), at=town.shop.other_till)

    assert before == (0, 0, 0)
    assert figures(town) == (0, 300, -4_50)


def test_a_hold_that_is_released_or_runs_out_is_not_spent(town: Places, clock: FixedClock) -> None:
    town.sell(1_000_00)
    town.shop.release(town.hold("popcorn", at=town.cinema))
    town.hold("popcorn", at=town.cinema)
    clock.advance(timedelta(minutes=11))

    town.sell(1_00)

    assert figures(town) == (0, 0, 0)


def test_a_voucher_is_spent_where_it_is_used(town: Places) -> None:
    town.sell(1_000_00)
    codes = town.shop.redeem("off-5", quantity=3)["codes"]
    assert isinstance(codes, list)
    assert figures(town) == (0, 0, 0)

    town.sell(20_00, vouchers=(codes[0],))
    sale = town.sell(20_00, at=town.cinema, vouchers=(codes[1],))
    town.sell(20_00, at=town.baker, vouchers=(codes[2],))

    # 20.00 less 5.00 earns 30 and 45; (30 - 200) x 1.50 / 100 = -2.55; (45 - 200) x 0.80 / 100 = -1.24
    assert figures(town) == (30, 200, -2_55)
    assert figures(town, "baker") == (45, 200, -1_24)

    town.take_back(sale, amount=10_00)
    assert figures(town) == (15, 200, -2_77)  # -2.775; the voucher does not come back
    town.take_back(sale, at=town.cinema)
    assert figures(town) == (0, 0, 0)  # now it has


def test_what_units_turn_into_at_a_partners_is_not_spent_there(town: Places) -> None:
    settling_stamps = CLUB.replace("per: 100 points}\n  baker", "per: 10 stamps}\n  baker")
    publish(town.shop.app, settling_stamps, now=NOON)
    town.sell(10_00, at=town.cinema)
    town.sell(10_00, at=town.cinema)

    assert [voucher.reward for voucher in state_of(town).vouchers.values()] == ["free-coffee"]
    cinema = {(each.partner, each.unit): each for each in settled(town).partners}["cinema", "stamps"]
    assert (cinema.earned, cinema.spent, cinema.owes) == (2, 0, 30)


# ── Good causes ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_given_to_causes_adds_up_and_has_its_worth(town: Places) -> None:
    town.sell(1_000_00)
    town.shop.redeem("tree", quantity=3)
    town.shop.redeem("tree")
    town.capture(town.hold("tree", at=town.shop.till), at=town.shop.till)
    town.hold("tree", at=town.shop.till)

    assert given(town) == {"trees": ("points", 600, 6_00)}  # five of 120; the last one is only held


def test_units_that_pay_for_nothing_have_no_worth(town: Places) -> None:
    without = "\n".join(line for line in CLUB.splitlines() if "id: free-coffee" not in line)
    publish(town.shop.app, without.replace("{turns_into: {reward: free-coffee, every: 2}}", "{}"), now=NOON)
    for _ in range(50):
        town.sell(1, at=town.cinema)

    town.shop.redeem("turtle")

    assert given(town) == {"turtles": ("stamps", 50, None)}


def test_a_donation_issues_no_voucher_that_could_be_used(town: Places) -> None:
    town.sell(1_000_00)

    answer = town.shop.redeem("tree", quantity=3)

    assert (answer["quantity"], answer["status"], len(answer["codes"])) == (3, "redeemed", 1)  # type: ignore[arg-type]
    assert state_of(town).available("points") == 50 + 1_000 - 360


def test_a_donation_at_a_partners_till_goes_to_the_cause_and_not_to_the_partner(town: Places) -> None:
    town.sell(1_000_00)

    town.capture(town.hold("tree", at=town.cinema), at=town.cinema)

    assert figures(town) == (0, 0, 0)
    assert given(town) == {"trees": ("points", 120, 1_20)}


def test_what_a_till_holds_before_midnight_is_given_on_the_day_on_which_it_is_captured(
    town: Places, clock: FixedClock
) -> None:
    town.sell(1_000_00)
    clock.set(datetime(2026, 3, 10, 22, 58, tzinfo=UTC))  # 23:58 in Paris
    tree, popcorn = town.hold("tree", at=town.cinema), town.hold("popcorn", at=town.cinema)
    clock.set(datetime(2026, 3, 10, 23, 1, tzinfo=UTC))
    town.capture(tree, at=town.cinema)
    town.capture(popcorn, at=town.cinema)

    tomorrow = TODAY + timedelta(days=1)

    assert (given(town), figures(town)) == ({}, (0, 0, 0))
    assert given(town, tomorrow, tomorrow) == {"trees": ("points", 120, 1_20)}
    assert figures(town, first=tomorrow, last=tomorrow) == (0, 150, -2_25)


# ── Days and rules ───────────────────────────────────────────────────────────────────────────────────────────────


def test_days_begin_at_the_programs_midnight(town: Places, clock: FixedClock) -> None:
    clock.set(datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC))  # 23:59:59 in Paris
    town.sell(10_00, at=town.cinema)
    clock.set(datetime(2026, 3, 28, 23, 0, tzinfo=UTC))  # 29 March, on which summer time begins
    town.sell(100_00, at=town.cinema)
    clock.set(datetime(2026, 3, 29, 22, 0, tzinfo=UTC))  # 30 March
    town.sell(1_000_00, at=town.cinema)

    by_day = [figures(town, first=day, last=day)[0] for day in (date(2026, 3, d) for d in range(27, 32))]

    assert by_day == [0, 20, 200, 2_000, 0]
    assert figures(town, first=date(2026, 3, 28), last=date(2026, 3, 29)) == (220, 0, 3_30)


def test_other_terms_hold_from_when_they_are_in_force(town: Places, clock: FixedClock) -> None:
    town.sell(10_05, at=town.cinema)
    clock.advance(timedelta(hours=1))
    publish(town.shop.app, CLUB.replace("pays: 1.50", "pays: 3.00"), now=clock.now())
    town.sell(10_05, at=town.cinema)

    assert figures(town) == (40, 0, 90)  # 20 at 1.50 and 20 at 3.00 for 100


def test_a_partner_and_a_cause_that_are_gone_are_still_settled(town: Places, clock: FixedClock) -> None:
    town.sell(1_000_00)
    town.sell(50_00, at=town.baker)
    town.shop.redeem("tree")
    clock.advance(timedelta(hours=1))
    without = "\n".join(line for line in CLUB.splitlines() if not any(word in line for word in ("baker", "trees")))
    publish(town.shop.app, without, now=clock.now())
    town.sell(50_00, at=town.baker)  # its location is the program's own from now on

    assert figures(town, "baker") == (150, 0, 1_20)
    assert given(town) == {"trees": ("points", 120, 1_20)}
    tomorrow = TODAY + timedelta(days=1)
    assert [each.partner for each in settled(town, tomorrow, tomorrow).partners] == ["cinema"]


def test_a_program_that_is_not_there_is_not_found(town: Places) -> None:
    with town.shop.app.db.read() as tx, pytest.raises(NotFound):
        settle(town.shop.app, tx, "nowhere", first=TODAY, last=TODAY)
