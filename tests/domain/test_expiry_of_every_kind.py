"""When units expire: at the end of a month, on a fixed day, later with every activity, in some tiers only."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.domain.club import OFF_5, PURCHASE, TIERS, Life, club, points
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import (
    Definition,
    EarningRule,
    EventKind,
    Expiry,
    ExpiryAnchor,
    Flat,
    MonthDay,
    Price,
    Span,
)

RELOAD = EarningRule(id="reload", on=EventKind.ACTIVITY, kind="reload", unit="points", amount=Flat(earn=10))
SIX_MONTHS = Expiry(after=Span(months=6), anchor=ExpiryAnchor.END_OF_MONTH)
STARS = replace(SIX_MONTHS, extended_by=Span(months=1), tiers=frozenset({"bronze"}))
ROLLING = replace(TIERS, years=None, years_after=None, rolling=Span(months=12), valid=Span(months=12))


def cafe(expires: Expiry) -> Definition:
    cheap = replace(OFF_5, price=Price(unit="points", amount=1))
    return club(PURCHASE, RELOAD, unit=replace(points(), expires=expires), rewards=(cheap,), tiers=ROLLING)


def gone_on(alice: Life) -> list[date]:
    """The program-local days on which what is left will be gone."""
    zone = alice.definition.time_zone
    return [lot.expires_at.astimezone(zone).date() for lot in alice.state.lots.values() if lot.left and lot.expires_at]


@pytest.mark.parametrize(
    ("expires", "earned", "gone"),
    [
        (SIX_MONTHS, date(2026, 3, 1), date(2026, 10, 1)),
        (SIX_MONTHS, date(2026, 3, 31), date(2026, 10, 1)),
        (SIX_MONTHS, date(2026, 8, 31), date(2027, 3, 1)),
        (Expiry(anchor=ExpiryAnchor.END_OF_MONTH), date(2028, 2, 29), date(2028, 3, 1)),
        (Expiry(anchor=ExpiryAnchor.END_OF_YEAR), date(2026, 1, 1), date(2027, 1, 1)),
        (Expiry(anchor=ExpiryAnchor.END_OF_YEAR, after=Span(months=24)), date(2026, 12, 31), date(2029, 1, 1)),
        (Expiry(), date(2026, 3, 10), date(2026, 3, 11)),
        (Expiry(after=Span(months=1)), date(2026, 1, 31), date(2026, 2, 28)),
        (Expiry(after=Span(days=60)), date(2026, 1, 31), date(2026, 4, 1)),
        (
            _fixed := Expiry(anchor=ExpiryAnchor.FIXED_DAY, on=MonthDay(month=1, day=3)),
            date(2026, 3, 10),
            date(2027, 1, 4),
        ),
        (_fixed, date(2026, 1, 3), date(2026, 1, 4)),
        (_fixed, date(2026, 1, 4), date(2027, 1, 4)),
        (replace(_fixed, years_after=2), date(2026, 3, 10), date(2028, 1, 4)),
        (replace(_fixed, on=MonthDay(month=2, day=29)), date(2026, 3, 10), date(2027, 3, 1)),
        (replace(_fixed, on=MonthDay(month=2, day=29)), date(2027, 3, 1), date(2028, 3, 1)),
    ],
)
def test_a_lot_is_gone_as_a_day_begins_and_not_before(expires: Expiry, earned: date, gone: date) -> None:
    alice = Life(cafe(expires), joined=datetime(earned.year, earned.month, earned.day, 12, tzinfo=UTC))
    alice.sell(10_00)

    alice.wait_for_the_end_of(date.fromordinal(gone.toordinal() - 1))
    before = alice.balance
    alice.wait_for_the_beginning_of(gone)

    assert (before, alice.balance) == (10, 0)


# ── Later with every activity ────────────────────────────────────────────────────────────────────────────────────


def alice_with_march_stars() -> Life:
    """Her ten stars of March are due on 1 October."""
    alice = Life(cafe(STARS))
    alice.sell(10_00)
    return alice


@pytest.mark.parametrize("what", ["sale", "redeem", "activity"])
def test_anything_done_in_the_month_at_whose_end_they_are_due_moves_them_by_a_month(what: str) -> None:
    alice = alice_with_march_stars()
    alice.wait_for_the_end_of(date(2026, 9, 30))

    if what == "sale":
        alice.sell(1_00)
    elif what == "redeem":
        alice.redeem("off-5")
    else:
        alice.act("reload")

    assert gone_on(alice)[0] == date(2026, 11, 1)


def test_what_is_done_before_that_month_moves_nothing() -> None:
    alice = alice_with_march_stars()
    alice.wait_for_the_end_of(date(2026, 8, 31))

    alice.act("reload")

    assert gone_on(alice) == [date(2026, 10, 1), date(2027, 3, 1)]


def test_twice_in_a_month_is_once() -> None:
    alice = alice_with_march_stars()
    alice.wait(on=date(2026, 9, 5))
    alice.act("reload")
    alice.wait(on=date(2026, 9, 25))

    alice.act("reload")

    assert gone_on(alice)[0] == date(2026, 11, 1)


def test_month_after_month_they_stay_alive_and_go_after_the_first_month_without() -> None:
    alice = alice_with_march_stars()
    for month in (9, 10, 11):
        alice.wait(on=date(2026, month, 15))
        alice.redeem("off-5")

    alice.wait_for_the_end_of(date(2026, 12, 31))
    before = alice.balance
    alice.wait_for_the_beginning_of(date(2027, 1, 1))

    assert (before, alice.balance) == (7, 0)


def test_an_activity_that_earns_nothing_moves_them_too() -> None:
    alice = alice_with_march_stars()
    alice.wait(on=date(2026, 9, 15))

    alice.act("survey")

    assert gone_on(alice) == [date(2026, 11, 1)]


@pytest.mark.parametrize("what", ["visit", "sale"])
def test_so_does_anything_else_that_earns_nothing(what: str) -> None:
    alice = alice_with_march_stars()
    alice.wait(on=date(2026, 9, 15))

    if what == "visit":
        alice.visit()
    else:
        alice.sell(99)

    assert gone_on(alice) == [date(2026, 11, 1)]


# ── In some tiers only ───────────────────────────────────────────────────────────────────────────────────────────


def test_what_members_of_other_tiers_hold_has_no_end() -> None:
    alice = alice_with_march_stars()

    alice.sell(500_00)
    as_silver = gone_on(alice)
    alice.wait(on=date(2027, 3, 9))

    assert (alice.tier, as_silver, alice.balance) == ("silver", [], 510)


def test_who_comes_back_has_what_is_left_dated_as_if_it_had_been_earned_then() -> None:
    alice = alice_with_march_stars()
    alice.sell(500_00)
    alice.redeem("off-5")

    alice.wait(on=date(2027, 3, 10))

    assert alice.tier == "bronze"
    assert set(gone_on(alice)) == {date(2027, 10, 1)}
    alice.wait(on=date(2027, 10, 1))
    assert alice.amounts(EntryKind.EXPIRE) == [-509]


def test_what_is_given_back_after_a_change_of_tier_has_the_new_end() -> None:
    alice = alice_with_march_stars()
    held = alice.hold("off-5", minutes=60)
    alice.sell(500_00)

    alice.release(held)

    assert gone_on(alice) == []
