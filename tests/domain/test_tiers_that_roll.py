"""The other ways in which tiers last, and what may follow them: spans, month ends, grace, floors, and never falling."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.domain.club import A_YEAR, NOON, TIERS, Life, club, named, points
from wallet_api.domain import errors
from wallet_api.domain.definition import Condition, Downgrade, Expiry, Rate, Span, TierLevel, TierScheme, YearKind
from wallet_api.domain.tiers import progress

ROLLING = replace(TIERS, years=None, years_after=None, rolling=A_YEAR)
FOR_A_YEAR = replace(ROLLING, valid=A_YEAR)
MONTHLY = replace(ROLLING, effective_day=8)
TEAM = TierLevel(id="team", name=named("Team"), threshold=None)


def alice_in(scheme: TierScheme, *, joined: datetime = NOON) -> Life:
    return Life(club(tiers=scheme), joined=joined)


# ── For so long from the day on which it was reached ─────────────────────────────────────────────────────────────


def test_a_tier_for_a_year_ends_on_the_day_before_its_day_comes_again() -> None:
    alice = alice_in(FOR_A_YEAR)

    alice.sell(500_00)

    assert (alice.tier, alice.tier_until) == ("silver", date(2027, 3, 9))
    alice.wait_for_the_end_of(date(2027, 3, 9))
    assert alice.tier == "silver"
    alice.wait_for_the_beginning_of(date(2027, 3, 10))
    assert alice.tier == "bronze"


@pytest.mark.parametrize(("again", "tier"), [(499_99, "bronze"), (500_00, "silver")])
def test_it_is_kept_by_reaching_the_same_number_again_and_the_purchase_that_lifted_does_not_count(
    again: int, tier: str
) -> None:
    alice = alice_in(FOR_A_YEAR)
    alice.sell(500_00)
    alice.wait(on=date(2027, 3, 9))
    alice.sell(again)

    alice.wait(on=date(2027, 3, 10))

    assert alice.tier == tier


def test_what_is_bought_on_the_day_of_the_lift_after_it_counts() -> None:
    alice = alice_in(FOR_A_YEAR)
    alice.sell(500_00)
    alice.sell(500_00)

    alice.wait(on=date(2027, 3, 10))

    assert (alice.tier, alice.tier_until) == ("silver", date(2028, 3, 9))


def test_what_was_bought_before_the_lift_does_not_count_for_keeping_it() -> None:
    alice = alice_in(FOR_A_YEAR)
    alice.sell(400_00)
    alice.sell(100_00)
    alice.sell(450_00)

    alice.wait(on=date(2027, 3, 10))

    assert alice.tier == "bronze"


def test_a_tier_kept_has_to_be_kept_again_by_a_new_year() -> None:
    alice = alice_in(FOR_A_YEAR)
    alice.sell(500_00)
    alice.wait(on=date(2026, 6, 1))
    alice.sell(500_00)
    alice.wait(on=date(2027, 3, 10))
    kept = alice.tier

    alice.wait(on=date(2028, 3, 10))

    assert (kept, alice.tier) == ("silver", "bronze")


def test_it_falls_to_what_was_earned_meanwhile() -> None:
    alice = alice_in(FOR_A_YEAR)
    alice.sell(2000_00)
    alice.wait(on=date(2026, 9, 1))
    alice.sell(700_00)

    alice.wait(on=date(2027, 3, 10))

    assert (alice.tier, alice.tier_until) == ("silver", date(2028, 3, 9))


def test_a_higher_tier_is_reached_at_once_and_has_a_year_of_its_own() -> None:
    alice = alice_in(FOR_A_YEAR)
    alice.sell(500_00)
    alice.wait(on=date(2026, 9, 1))

    alice.sell(1500_00)

    assert (alice.tier, alice.tier_until) == ("gold", date(2027, 8, 31))


def test_spend_older_than_the_last_months_lifts_nobody() -> None:
    alice = alice_in(FOR_A_YEAR)
    alice.sell(300_00)

    alice.wait(on=date(2027, 3, 9))
    alice.sell(199_99)
    below = alice.tier
    alice.wait(on=date(2027, 3, 10))
    alice.sell(300_00)

    assert (below, alice.tier) == ("bronze", "bronze")


def test_a_purchase_that_lifted_and_was_brought_back_takes_nothing_from_what_came_after_it() -> None:
    alice = alice_in(FOR_A_YEAR)
    lifting = alice.sell(500_00)
    alice.sell(600_00)
    alice.bring_back(lifting)

    alice.wait(on=date(2027, 3, 10))

    assert alice.tier == "silver"


def test_a_return_of_what_came_after_counts_against_keeping_it() -> None:
    alice = alice_in(FOR_A_YEAR)
    alice.sell(500_00)
    later = alice.sell(600_00)
    alice.bring_back(later, amount=100_01)

    alice.wait(on=date(2027, 3, 10))

    assert alice.tier == "bronze"


def test_what_is_missing_to_keep_it_is_told() -> None:
    alice = alice_in(FOR_A_YEAR)
    alice.sell(500_00)
    alice.sell(120_00)

    on_the_way = progress(alice.definition, alice.state, today=date(2026, 3, 10))

    assert on_the_way is not None
    assert (on_the_way.value, on_the_way.missing, on_the_way.to_keep) == (620_00, 1380_00, 380_00)


# ── Worked out at the month's end ────────────────────────────────────────────────────────────────────────────────


def test_what_a_month_earned_comes_into_force_on_the_8th_of_the_next() -> None:
    alice = alice_in(MONTHLY)
    alice.sell(500_00)

    alice.wait_for_the_end_of(date(2026, 4, 7))
    before = alice.tier
    alice.wait_for_the_beginning_of(date(2026, 4, 8))

    assert (before, alice.tier, alice.tier_until) == ("bronze", "silver", date(2026, 5, 7))


def test_what_the_new_month_brings_by_the_8th_waits_for_the_next() -> None:
    alice = alice_in(MONTHLY)
    alice.sell(499_99)
    alice.wait(on=date(2026, 4, 1))
    alice.sell(1_00)

    alice.wait(on=date(2026, 4, 8))
    in_april = alice.tier
    alice.wait(on=date(2026, 5, 8))

    assert (in_april, alice.tier) == ("bronze", "silver")


def test_what_was_worked_out_takes_effect_even_if_a_refund_comes_in_between() -> None:
    unit = replace(points(), taken_back_on_return_day=True)
    scheme = replace(MONTHLY, measure="earned:points", levels=_thresholds(500, 2_000))
    alice = Life(club(unit=unit, tiers=scheme))
    sale = alice.sell(500_00)
    alice.wait(on=date(2026, 4, 3))
    alice.bring_back(sale)

    alice.wait(on=date(2026, 4, 8))
    in_april = alice.tier
    alice.wait(on=date(2026, 5, 8))

    assert (in_april, alice.tier) == ("silver", "bronze")


def test_what_the_months_before_brought_is_forgotten_after_a_year() -> None:
    alice = alice_in(MONTHLY)
    alice.sell(500_00)

    alice.wait(on=date(2027, 3, 9))
    last = alice.tier
    alice.wait(on=date(2027, 4, 8))

    assert (last, alice.tier) == ("silver", "bronze")


def test_who_joins_before_or_on_the_8th_waits_for_the_next_one() -> None:
    before, on_it = (alice_in(MONTHLY, joined=datetime(2026, 3, day, 12, tzinfo=UTC)) for day in (7, 8))

    assert (before.tier_until, on_it.tier_until) == (date(2026, 3, 7), date(2026, 4, 7))


def _thresholds(*thresholds: int) -> tuple[TierLevel, ...]:
    ids = ("bronze", "silver", "gold")
    return tuple(
        TierLevel(id=tier, name=named(tier), threshold=number)
        for tier, number in zip(ids, (0, *thresholds), strict=False)
    )


# ── As long as it is reached ─────────────────────────────────────────────────────────────────────────────────────


def test_a_tier_lasts_for_just_as_long_as_the_last_months_reach_it() -> None:
    alice = alice_in(ROLLING)
    alice.sell(500_00)

    alice.wait_for_the_end_of(date(2027, 3, 9))
    before = (alice.tier, alice.tier_until)
    alice.wait_for_the_beginning_of(date(2027, 3, 10))

    assert before == ("silver", None)
    assert alice.tier == "bronze"


def test_a_return_lowers_it_at_once() -> None:
    alice = alice_in(ROLLING)
    sale = alice.sell(2000_00)

    alice.bring_back(sale, amount=1)

    assert alice.tier == "silver"


def test_it_falls_step_by_step_as_purchases_are_forgotten() -> None:
    alice = alice_in(ROLLING)
    tiers = []
    for month in (3, 4, 5, 6):
        alice.wait(on=date(2026, month, 20))
        alice.sell(500_00)
    for month in (3, 4, 5, 6):
        alice.wait(on=date(2027, month, 20))
        tiers.append(alice.tier)

    assert tiers == ["silver", "silver", "silver", "bronze"]


# ── What follows ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_down_falls_one_level_a_validity_and_not_further() -> None:
    alice = alice_in(replace(FOR_A_YEAR, then=Downgrade.ONE_DOWN))
    alice.sell(2000_00)
    tiers = [alice.tier]

    for year in (2027, 2028, 2029):
        alice.wait(on=date(year, 3, 10))
        tiers.append(alice.tier)

    assert tiers == ["gold", "silver", "bronze", "bronze"]


def test_one_down_by_calendar_years_falls_one_level_a_year() -> None:
    alice = alice_in(replace(TIERS, then=Downgrade.ONE_DOWN))
    alice.sell(2000_00)
    tiers = []

    for year in (2027, 2028, 2029, 2030):
        alice.wait(on=date(year, 1, 1))
        tiers.append((alice.tier, alice.tier_until))

    assert tiers == [
        ("gold", date(2027, 12, 31)),
        ("silver", date(2028, 12, 31)),
        ("bronze", None),
        ("bronze", None),
    ]


def test_one_down_to_what_was_earned_is_as_long_as_that_is_valid() -> None:
    alice = alice_in(replace(FOR_A_YEAR, then=Downgrade.ONE_DOWN))
    alice.sell(2000_00)
    alice.wait(on=date(2026, 9, 1))
    alice.sell(600_00)

    alice.wait(on=date(2027, 3, 10))

    assert (alice.tier, alice.tier_until) == ("silver", date(2028, 3, 9))


@pytest.mark.parametrize("scheme", [TIERS, FOR_A_YEAR], ids=["years", "valid"])
def test_where_tiers_never_fall_they_have_no_end_once_they_were_not_earned_again(scheme: TierScheme) -> None:
    alice = alice_in(replace(scheme, then=Downgrade.NONE))
    alice.sell(500_00)

    alice.wait(days=2_000)
    kept = (alice.tier, alice.tier_until)
    alice.sell(2000_00)

    assert kept == ("silver", None)
    assert alice.tier == "gold"


def test_where_month_ends_never_lower_a_tier_they_still_raise_it() -> None:
    alice = alice_in(replace(MONTHLY, rolling=Span(months=1), then=Downgrade.NONE))
    alice.sell(500_00)
    alice.wait(on=date(2026, 5, 8))  # April brought nothing
    kept = alice.tier
    alice.sell(2000_00)

    alice.wait(on=date(2026, 6, 8))

    assert (kept, alice.tier) == ("silver", "gold")


def test_what_never_falls_is_no_change_with_every_purchase() -> None:
    alice = alice_in(replace(ROLLING, rolling=Span(months=1), then=Downgrade.NONE))
    alice.sell(500_00)
    alice.wait(days=100)

    alice.sell(1_00)
    first = alice.last
    alice.sell(1_00)

    assert first is not None
    assert alice.last is not None
    assert (first.tier_changes, alice.last.tier_changes) == ((), ())


# ── Grace ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_in_grace_a_tier_is_still_held_and_falls_as_the_day_after_it_begins() -> None:
    alice = alice_in(replace(FOR_A_YEAR, grace=Span(days=30)))
    alice.sell(500_00)

    alice.wait_for_the_end_of(date(2027, 4, 8))  # 9 March + 30 days
    in_grace = (alice.tier, alice.tier_until)
    alice.wait_for_the_beginning_of(date(2027, 4, 9))

    assert in_grace == ("silver", date(2027, 3, 9))
    assert alice.tier == "bronze"


def test_in_grace_it_can_still_be_kept() -> None:
    alice = alice_in(replace(FOR_A_YEAR, grace=Span(days=30)))
    alice.sell(500_00)
    alice.wait(on=date(2027, 4, 8))
    alice.sell(500_00)

    alice.wait(on=date(2027, 4, 9))

    assert alice.tier == "silver"


def test_grace_after_a_calendar_year_counts_what_the_grace_brings() -> None:
    alice = alice_in(replace(TIERS, years_after=0, grace=Span(months=1)))
    alice.sell(500_00)
    alice.wait(on=date(2027, 1, 15))
    in_grace = alice.tier
    alice.sell(500_00)

    alice.wait(on=date(2027, 2, 28))

    assert (in_grace, alice.tier, alice.tier_until) == ("silver", "silver", date(2027, 12, 31))


# ── Years since joining ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_membership_year_runs_from_the_day_of_joining() -> None:
    alice = alice_in(replace(TIERS, years=YearKind.MEMBERSHIP, years_after=1))
    alice.wait(on=date(2027, 3, 9))
    alice.sell(499_99)
    alice.wait(on=date(2027, 3, 10))
    alice.sell(499_99)
    apart = alice.tier

    alice.sell(1)

    assert (apart, alice.tier, alice.tier_until) == ("bronze", "silver", date(2029, 3, 9))


def test_a_membership_year_of_who_joined_on_29_february_begins_on_the_28th() -> None:
    scheme = replace(TIERS, years=YearKind.MEMBERSHIP, years_after=0)
    alice = alice_in(scheme, joined=datetime(2028, 2, 29, 12, tzinfo=UTC))

    alice.sell(500_00)

    assert alice.tier_until == date(2029, 2, 27)
    alice.wait_for_the_beginning_of(date(2029, 2, 28))
    assert alice.tier == "bronze"


# ── By invitation ────────────────────────────────────────────────────────────────────────────────────────────────

WITH_TEAM = replace(TIERS, levels=(*TIERS.levels, TEAM))


def with_team(scheme: TierScheme) -> TierScheme:
    return replace(scheme, levels=WITH_TEAM.levels)


EVERY_WAY = pytest.mark.parametrize(
    "scheme", [TIERS, FOR_A_YEAR, MONTHLY, ROLLING], ids=["years", "valid", "month's end", "continuous"]
)


@EVERY_WAY
def test_no_purchase_reaches_a_tier_by_invitation_and_none_loses_it(scheme: TierScheme) -> None:
    alice = alice_in(with_team(scheme))
    alice.sell(100_000_00)
    alice.wait(on=date(2026, 4, 9))
    reached = alice.tier

    alice.invite("team")
    alice.sell(10_00)
    alice.wait(days=2_000)

    assert (reached, alice.tier) == ("gold", "team")


@EVERY_WAY
def test_an_invitation_with_an_end_lasts_until_its_last_day_whatever_is_bought_meanwhile(scheme: TierScheme) -> None:
    alice = alice_in(with_team(scheme))
    alice.invite("team", until=date(2026, 12, 24))
    alice.sell(1_00)

    alice.wait_for_the_end_of(date(2026, 12, 24))
    to_the_last = alice.tier
    alice.wait_for_the_beginning_of(date(2026, 12, 25))

    assert (to_the_last, alice.tier) == ("team", "bronze")


@EVERY_WAY
def test_after_an_invitation_has_ended_the_tier_is_what_was_earned(scheme: TierScheme) -> None:
    alice = alice_in(with_team(scheme))
    alice.invite("team", until=date(2026, 4, 30))
    alice.sell(500_00)

    alice.wait(on=date(2026, 5, 1))

    assert alice.tier == "silver"


@EVERY_WAY
def test_an_invitation_to_a_tier_that_is_earned_as_well_ends_like_any_other(scheme: TierScheme) -> None:
    alice = alice_in(scheme)
    alice.invite("silver", until=date(2026, 4, 30))
    alice.sell(500_00)

    alice.wait(on=date(2026, 5, 1))
    earned = alice.tier
    alice.wait(on=date(2029, 1, 1))

    assert (earned, alice.tier) == ("silver", "bronze")


@EVERY_WAY
def test_from_a_tier_given_by_hand_one_rises_as_from_any_other(scheme: TierScheme) -> None:
    alice = alice_in(scheme)
    alice.invite("silver")
    alice.sell(2000_00)

    alice.wait(on=date(2026, 4, 9))

    assert alice.tier == "gold"


@EVERY_WAY
def test_what_was_reached_above_an_invitation_falls_to_it_and_no_further(scheme: TierScheme) -> None:
    alice = alice_in(scheme)
    alice.invite("silver")
    alice.sell(2000_00)

    alice.wait(on=date(2030, 1, 1))

    assert alice.tier == "silver"


@EVERY_WAY
def test_an_invitation_that_ended_while_more_was_held_holds_nobody_up(scheme: TierScheme) -> None:
    alice = alice_in(scheme)
    alice.invite("silver", until=date(2026, 6, 30))
    alice.sell(2000_00)

    alice.wait(on=date(2030, 1, 1))

    assert alice.tier == "bronze"


def test_earning_a_tier_oneself_does_not_shorten_the_invitation_to_it() -> None:
    alice = alice_in(TIERS)
    alice.invite("silver", until=date(2030, 12, 31))
    alice.sell(500_00)

    alice.wait(on=date(2030, 12, 31))

    assert alice.tier == "silver"


def test_nobody_is_invited_down_nor_to_what_is_no_tier() -> None:
    alice = alice_in(TIERS)
    alice.sell(2000_00)

    with pytest.raises(errors.NotEligible):
        alice.invite("silver")
    with pytest.raises(errors.NotFound):
        alice.invite("platinum")


def test_an_invitation_says_why_and_is_told() -> None:
    alice = alice_in(WITH_TEAM)

    decision = alice.invite("team")

    [change] = decision.tier_changes
    assert change.reason == {"because": "invited", "reason": "a friend of the house"}
    assert [notice.kind for notice in decision.notices] == ["tier_upgraded"]


# ── What depends on the tier ─────────────────────────────────────────────────────────────────────────────────────


def test_points_that_expire_in_some_tiers_only_lose_their_end_and_get_one_again() -> None:
    expires = Expiry(after=Span(months=6), tiers=frozenset({"bronze"}))
    alice = Life(club(unit=replace(points(), expires=expires), tiers=FOR_A_YEAR))
    alice.sell(100_00)
    dated = [lot.expires_at for lot in alice.state.lots.values()]
    alice.sell(400_00)
    as_silver = [lot.expires_at for lot in alice.state.lots.values()]
    alice.wait(on=date(2027, 3, 10))  # bronze again

    assert dated == [datetime(2026, 9, 9, 22, tzinfo=UTC)]
    assert as_silver == [None, None]
    assert {lot.expires_at for lot in alice.state.lots.values()} == {datetime(2027, 9, 9, 22, tzinfo=UTC)}


def test_a_rule_for_a_tier_holds_from_the_purchase_after_the_one_that_reached_it() -> None:
    base = club(tiers=FOR_A_YEAR).earning[0]
    double = replace(base, id="double", amount=Rate(earn=1, per=100), where=Condition(tiers=frozenset({"silver"})))
    alice = Life(club(base, double, tiers=FOR_A_YEAR))

    alice.sell(500_00)
    alice.sell(10_00)

    assert alice.balance == 500 + 20


def test_reviews_make_no_difference_to_when_somebody_looks() -> None:
    for scheme in (TIERS, FOR_A_YEAR, MONTHLY, ROLLING):
        often, once = alice_in(scheme), alice_in(scheme)
        for alice in (often, once):
            alice.sell(600_00)
            alice.wait(days=40)
            alice.sell(1500_00)

        for _ in range(180):
            often.wait(days=5)
        once.wait(days=900)

        assert often.state == once.state
        assert often.now - once.now == timedelta(0)
