"""Tiers: reached at the moment of the sale, valid for the rest of the year and the next, then what was earned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from tests.domain.club import NOON, PURCHASE, TIERS, Life, club
from wallet_api.domain.definition import Condition, Rate
from wallet_api.domain.events import Line, Sale

NEW_YEAR_2028 = datetime(2027, 12, 31, 23, 0, tzinfo=UTC)  # 1 January 2028, 00:00 in Paris


def test_everybody_starts_on_the_first_level_without_an_end() -> None:
    alice = Life(club())

    assert alice.state.standing is not None
    assert (alice.tier, alice.state.standing.until) == ("bronze", None)


@pytest.mark.parametrize(
    ("amount", "tier"), [(499_99, "bronze"), (500_00, "silver"), (1999_99, "silver"), (2000_00, "gold")]
)
def test_a_threshold_reached_exactly_is_reached(amount: int, tier: str) -> None:
    alice = Life(club())

    alice.sell(amount)

    assert alice.tier == tier


def test_a_tier_is_valid_for_the_rest_of_the_year_and_the_next() -> None:
    alice = Life(club())

    alice.sell(500_00)

    assert alice.state.standing is not None
    assert alice.state.standing.since == date(2026, 3, 10)
    assert alice.state.standing.until == date(2027, 12, 31)


def test_a_tier_lasts_to_the_last_instant_of_its_last_local_day() -> None:
    alice = Life(club())
    alice.sell(500_00)

    alice.wait(until=NEW_YEAR_2028 - timedelta(microseconds=1))
    before = alice.tier
    alice.wait(until=NEW_YEAR_2028)

    assert before == "silver"
    assert alice.tier == "bronze"
    assert alice.state.standing is not None
    assert alice.state.standing.since == date(2028, 1, 1)


def test_a_tier_earned_again_in_the_year_after_is_valid_for_longer_at_once_and_kept_without_a_break() -> None:
    alice = Life(club())
    alice.sell(500_00)
    alice.wait(until=datetime(2027, 6, 1, tzinfo=UTC))

    alice.sell(500_00)
    assert alice.last is not None
    [change] = alice.last.tier_changes
    decision = alice.wait(until=NEW_YEAR_2028)

    assert change.is_kept
    assert change.until == date(2028, 12, 31)
    assert (decision.tier_changes, decision.notices) == ((), ())
    assert alice.state.standing is not None
    assert alice.state.standing.since == date(2026, 3, 10)


def test_a_tier_not_earned_again_falls_to_what_was_earned_and_the_member_is_told() -> None:
    alice = Life(club())
    alice.sell(2000_00)
    alice.wait(until=datetime(2027, 6, 1, tzinfo=UTC))
    alice.sell(500_00)

    decision = alice.wait(until=NEW_YEAR_2028)

    assert alice.tier == "silver"
    assert [notice.kind for notice in decision.notices] == ["tier_downgraded"]
    assert decision.notices[0].facts == {"previous": "gold", "tier": "silver"}


def test_a_review_names_the_year_that_it_looked_at_and_what_was_spent_in_it() -> None:
    alice = Life(club())
    alice.sell(500_00)
    alice.wait(until=datetime(2027, 6, 1, tzinfo=UTC))
    alice.sell(300_00)

    decision = alice.wait(until=NEW_YEAR_2028)

    [change] = decision.tier_changes
    assert change.reason == {
        "because": "review",
        "measure": "spend",
        "value": 300_00,
        "year": 2027,
        "first": "2027-01-01",
        "last": "2027-12-31",
    }
    assert (change.previous, change.tier, change.at) == ("silver", "bronze", NEW_YEAR_2028)


def test_a_tier_for_the_rest_of_the_year_only_ends_with_it() -> None:
    alice = Life(club(tiers=replace(TIERS, years_after=0)))
    alice.sell(500_00)

    alice.wait(until=datetime(2026, 12, 31, 22, 59, tzinfo=UTC))
    before = alice.tier
    decision = alice.wait(until=datetime(2026, 12, 31, 23, 0, tzinfo=UTC))

    [change] = decision.tier_changes
    assert (before, alice.tier) == ("silver", "bronze")
    assert (change.reason["value"], change.reason["year"]) == (500_00, 2026)


def test_spend_of_two_years_is_not_added_up() -> None:
    alice = Life(club())
    alice.sell(300_00)
    alice.wait(until=datetime(2027, 1, 5, tzinfo=UTC))

    alice.sell(300_00)

    assert alice.tier == "bronze"


def test_a_long_absence_brings_every_review_at_its_own_new_year() -> None:
    alice = Life(club())
    alice.sell(2000_00)
    alice.wait(until=datetime(2027, 6, 1, tzinfo=UTC))
    alice.sell(500_00)

    decision = alice.wait(until=datetime(2031, 6, 1, tzinfo=UTC))

    assert [(change.tier, change.since) for change in decision.tier_changes] == [
        ("silver", date(2028, 1, 1)),
        ("bronze", date(2029, 1, 1)),
    ]


def test_a_sale_on_new_years_eve_counts_for_the_local_year() -> None:
    alice = Life(club(), joined=datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC))  # a second to midnight in Paris

    alice.sell(500_00)
    alice.wait(until=datetime(2026, 12, 31, 23, 0, tzinfo=UTC))
    alice.sell(1500_00)

    assert alice.tier == "silver"
    assert alice.state.measures["spend"] == {date(2026, 12, 31): 500_00, date(2027, 1, 1): 1500_00}


def test_a_sale_reported_after_new_year_still_counts_for_the_old_one() -> None:
    alice = Life(club(), joined=datetime(2026, 12, 31, 12, 0, tzinfo=UTC))
    sold = alice.now
    alice.wait(days=2)

    alice.sell(500_00, at=sold)

    assert alice.state.standing is not None
    assert (alice.tier, alice.state.standing.until) == ("silver", date(2027, 12, 31))


def test_a_sale_of_long_ago_neither_gives_a_tier_that_has_ended_nor_takes_one_that_has_not() -> None:
    alice = Life(club())
    long_ago = alice.now
    alice.wait(until=datetime(2029, 3, 1, tzinfo=UTC))
    alice.sell(500_00)

    decision = alice.do(
        Sale(id=UUID(int=7), occurred_at=long_ago, location=None, lines=(Line(sku="", amount=2000_00),))
    )

    assert alice.tier == "silver"
    assert decision.tier_changes == ()


def test_a_return_lowers_the_spend_but_the_tier_stays_until_its_review() -> None:
    alice = Life(club())
    sale = alice.sell(500_00)

    alice.bring_back(sale)
    kept = alice.tier
    alice.wait(until=NEW_YEAR_2028)

    assert kept == "silver"
    assert sum(alice.state.measures["spend"].values()) == 0
    assert alice.tier == "bronze"


def test_a_sale_earns_at_the_tier_held_before_it() -> None:
    double = replace(PURCHASE, id="double", amount=Rate(earn=2, per=100), where=Condition(tiers=frozenset({"silver"})))
    alice = Life(club(PURCHASE, double))

    first, second = alice.sell(500_00), alice.sell(1_00)

    assert [entry.amount for entry in alice.entries if entry.source_id == first] == [500]
    assert [entry.amount for entry in alice.entries if entry.source_id == second] == [1, 2]


def test_the_first_sale_after_a_downgrade_is_undone_by_the_rules_of_the_lower_tier() -> None:
    welcome_back = replace(PURCHASE, id="back", where=Condition(tiers=frozenset({"bronze"})))
    alice = Life(club(PURCHASE, welcome_back))
    alice.sell(500_00)
    alice.now = NEW_YEAR_2028
    sale = alice.sell(100_00)
    before = alice.balance

    alice.bring_back(sale, amount=50_00)

    assert alice.sale(sale).tier == "bronze"
    assert before - alice.balance == 50 + 50


def test_tiers_can_be_measured_in_units_earned_whatever_was_spent_of_them() -> None:
    bronze, silver, _ = TIERS.levels
    alice = Life(club(tiers=replace(TIERS, measure="earned:points", levels=(bronze, replace(silver, threshold=500)))))
    alice.sell(499_00)
    alice.redeem("coffee")
    before = alice.tier

    alice.sell(1_00)

    assert (before, alice.tier) == ("bronze", "silver")


def test_in_a_program_that_has_given_up_tiers_the_old_one_stands_without_an_end() -> None:
    alice = Life(club())
    alice.sell(500_00)

    alice.definition = club(tiers=None)
    alice.wait(until=NEW_YEAR_2028)

    assert alice.state.standing is not None
    assert (alice.tier, alice.state.standing.until) == ("silver", None)


def test_a_tier_that_the_program_no_longer_knows_gives_way_to_what_is_earned() -> None:
    alice = Life(club())
    alice.sell(500_00)
    bronze, silver, gold = TIERS.levels
    alice.definition = club(tiers=replace(TIERS, levels=(bronze, replace(silver, id="argent"), gold)))

    alice.sell(1_00)

    assert alice.tier == "argent"


def test_a_tier_change_says_what_was_reached_and_when() -> None:
    alice = Life(club())

    alice.sell(500_00)

    assert alice.last is not None
    [change] = alice.last.tier_changes
    assert change.reason == {
        "because": "reached",
        "measure": "spend",
        "value": 500_00,
        "year": 2026,
        "first": "2026-01-01",
        "last": "2026-12-31",
    }
    assert (change.previous, change.tier, change.at) == ("bronze", "silver", NOON)
