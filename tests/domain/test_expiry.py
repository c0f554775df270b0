"""Expiry: lots one by one, or the whole balance after inactivity; each thing once, at its own instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.domain.club import A_YEAR, OFF_5, TIERS, Life, club, points
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import ExpiryAnchor, Price, Span
from wallet_api.domain.due import next_due

NEW_YORK = ZoneInfo("America/New_York")
BY_INACTIVITY = points(expire=A_YEAR, anchor=ExpiryAnchor.LAST_ACTIVITY)


def beauty() -> Life:
    """Alice in a program whose points all go after 12 months without earning or redeeming."""
    return Life(club(unit=BY_INACTIVITY, zone=NEW_YORK))


def test_a_lot_is_gone_at_the_first_instant_of_its_local_day() -> None:
    alice = Life(club(unit=points(expire=A_YEAR)))
    alice.sell(100_00)
    gone = datetime(2027, 3, 9, 23, 0, tzinfo=UTC)  # 10 March 2027, 00:00 in Paris

    alice.wait(until=gone - timedelta(microseconds=1))
    before = alice.balance
    alice.wait(until=gone)

    assert (before, alice.balance) == (100, 0)
    assert alice.entries[-1].occurred_at == gone


def test_what_was_spent_does_not_expire_and_what_is_left_expires_once() -> None:
    alice = Life(club(unit=points(expire=A_YEAR), rewards=(replace(OFF_5, price=Price(unit="points", amount=50)),)))
    alice.sell(150_00)
    alice.redeem("off-5")

    alice.wait(days=400)
    again = [alice.wait(days=1) for _ in range(3)]

    assert alice.amounts(EntryKind.EXPIRE) == [-100]
    assert [decision.entries for decision in again] == [(), (), ()]
    assert alice.balance == 0


def test_it_makes_no_difference_when_somebody_looks() -> None:
    often, once = (Life(club(unit=points(expire=Span(days=30)), tiers=TIERS)) for _ in range(2))
    for alice in (often, once):
        alice.sell(600_00)
        alice.wait(days=10)
        alice.sell(70_00)

    for _ in range(800):
        often.wait(days=1)
    once.wait(days=800)

    def facts(alice: Life) -> list[tuple[str, int, datetime]]:
        return [(entry.kind.value, entry.amount, entry.occurred_at) for entry in alice.entries]

    assert facts(often) == facts(once)
    assert (often.tier, often.balance) == (once.tier, once.balance)


def test_lots_of_one_day_expire_in_one_entry_and_one_message() -> None:
    alice = Life(club(unit=points(expire=A_YEAR)))
    alice.sell(30_00)
    alice.sell(20_00)

    decision = alice.wait(days=400)

    [entry] = decision.entries
    assert entry.amount == -50
    assert len(entry.takes) == 2
    assert [(notice.kind, notice.facts) for notice in decision.notices] == [
        ("points_expired", {"unit": "points", "amount": 50, "balance": 0})
    ]


def test_a_sale_of_long_ago_earns_nothing_that_lasts() -> None:
    alice = Life(club(unit=points(expire=Span(days=1))))
    alice.wait(days=5)

    alice.sell(10_00, at=alice.now - timedelta(days=3))

    assert alice.balance == 0
    assert alice.amounts(EntryKind.EARN) == [10]
    assert alice.amounts(EntryKind.EXPIRE) == [-10]


# ── By inactivity ────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_points_go_together_on_day_12_months_after_the_last_activity() -> None:
    alice = beauty()
    alice.sell(100_00)
    alice.wait(days=200)
    alice.sell(20_00)  # 26 September 2026
    gone = datetime(2027, 9, 26, tzinfo=NEW_YORK)

    alice.wait(until=gone - timedelta(microseconds=1))
    before = alice.balance
    decision = alice.wait(until=gone)

    assert (before, alice.balance) == (120, 0)
    assert [entry.amount for entry in decision.entries] == [-120]
    assert next_due(alice.definition, alice.state) is None


def test_redeeming_keeps_the_balance_alive() -> None:
    alice = beauty()
    alice.sell(100_00)
    alice.wait(days=300)
    alice.redeem("off-5")

    alice.wait(days=100)
    alive = alice.balance
    alice.wait(days=300)

    assert (alive, alice.balance) == (30, 0)


@pytest.mark.parametrize("event", ["return", "nothing earned", "a refused wish"])
def test_what_neither_earns_nor_redeems_does_not_keep_it_alive(event: str) -> None:
    alice = beauty()
    sale = alice.sell(50_00)
    alice.wait(days=300)

    if event == "return":
        alice.bring_back(sale, amount=10_00)
    elif event == "nothing earned":
        alice.sell(99)
    else:
        with pytest.raises(Exception, match="does not have enough units"):
            alice.redeem("off-5")
    alice.wait(days=65)

    assert alice.balance == 0


def test_a_late_report_of_an_old_sale_does_not_shorten_the_life_of_the_balance() -> None:
    alice = beauty()
    alice.sell(50_00)

    alice.sell(10_00, at=alice.now - timedelta(days=2))
    alice.wait(until=datetime(2027, 3, 9, 12, tzinfo=NEW_YORK))

    assert alice.balance == 60


def test_after_the_balance_has_gone_a_new_one_has_a_new_life() -> None:
    alice = beauty()
    alice.sell(50_00)
    alice.wait(days=400)

    alice.sell(30_00)
    alice.wait(days=365)  # the year has a leap day
    alive = alice.balance
    alice.wait(days=1)

    assert (alive, alice.balance) == (30, 0)
    assert alice.amounts(EntryKind.EXPIRE) == [-50, -30]
