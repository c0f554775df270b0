"""Adjustments: a manager adds or takes units, and what is not there is owed."""

from __future__ import annotations

from tests.domain.club import A_YEAR, Life, club, points
from wallet_api.domain.decision import EntryKind


def test_added_points_are_a_lot_that_lives_like_any_other_and_count_for_nothing_else() -> None:
    alice = Life(club(unit=points(expire=A_YEAR)))

    alice.adjust(40)
    given = alice.balance
    alice.wait(days=366)

    assert (given, alice.balance) == (40, 0)
    assert alice.state.lifetime("points") == 0
    assert alice.state.measures == {}


def test_taken_points_come_out_of_the_lots_and_the_rest_is_owed() -> None:
    alice = Life(club())
    alice.sell(30_00)

    alice.adjust(-50)
    owed = alice.balance
    alice.adjust(25)

    assert owed == -20
    assert alice.balance == 5
    assert alice.lots == [5]


def test_an_adjustment_says_its_reason() -> None:
    alice = Life(club())

    alice.adjust(5)

    [entry] = alice.entries
    assert entry.kind is EntryKind.ADJUST
    assert entry.why == {"reason": "goodwill"}
