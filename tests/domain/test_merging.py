"""What a merge makes of two states: lots keep their dates, debts are repaid, the better standing stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from tests.domain.club import NOON, Life, club
from wallet_api.domain.decision import Decision
from wallet_api.domain.merging import Merge, Merged, lots_of_former_selves, merge
from wallet_api.domain.state import Account, Lot, Membership, MembershipStatus, MemberState, Standing

EVENT = Merge(id=UUID(int=9), occurred_at=NOON, reason="the same person")
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def member(number: int, **has: object) -> MemberState:
    """Somebody who joined today."""
    plain = MemberState(member_id=UUID(int=number), joined_at=NOON, birth_date=None, standing=None, settled_at=NOON)
    return replace(plain, **has)  # type: ignore[arg-type]  # fields of the state


def lot(number: int, left: int, **has: object) -> Lot:
    """Points earned today."""
    plain = Lot(
        id=UUID(int=number),
        unit="points",
        amount=left,
        left=left,
        earned_at=NOON,
        expires_at=None,
        source_id=UUID(int=number + 500),
    )
    return replace(plain, **has)  # type: ignore[arg-type]  # fields of a lot


def merged(kept: MemberState, gone: MemberState) -> Merged:
    """The two decisions, checked: each ledger's entries are the change of its balance."""
    both = merge(club(), kept, gone, EVENT, ids=(UUID(int=number) for number in count(1000)))
    for decision in (both.kept, both.gone):
        assert sum(entry.amount for entry in decision.entries) == _points(decision.after) - _points(decision.before)
    assert _points(both.gone.after) == 0
    return both


def _points(state: MemberState) -> int:
    return state.available("points") + state.pending("points")


def lots_after(decision: Decision) -> list[Lot]:
    """The live lots of who stayed."""
    return [lot for lot in decision.after.lots.values() if lot.left]


def test_a_lot_keeps_its_dates_and_where_it_came_from() -> None:
    waiting = lot(1, 30, expires_at=LATER, usable_at=NOON + timedelta(days=30))

    both = merged(member(7), member(8, lots={waiting.id: waiting}))

    (moved,) = lots_after(both.kept)
    assert replace(moved, id=waiting.id) == waiting
    assert both.kept.entries[0].id == moved.id
    assert (both.kept.entries[0].expires_at, both.kept.entries[0].usable_at) == (LATER, waiting.usable_at)


def test_what_is_left_of_a_lot_is_the_whole_of_the_new_one() -> None:
    begun = replace(lot(1, 30), left=10)

    both = merged(member(7), member(8, lots={begun.id: begun}))

    assert [(each.amount, each.left) for each in lots_after(both.kept)] == [(10, 10)]


def test_a_debt_is_repaid_out_of_what_comes_but_not_out_of_what_waits() -> None:
    owing = member(7, accounts={"points": Account(unit="points", debt=50)})
    usable, waiting = lot(1, 30), lot(2, 40, usable_at=LATER)

    both = merged(owing, member(8, lots={usable.id: usable, waiting.id: waiting}))

    assert both.kept.after.accounts["points"].debt == 20
    assert [each.left for each in lots_after(both.kept)] == [40]


@pytest.mark.parametrize(("has", "debt", "left"), [(30, 20, []), (80, 0, [30]), (0, 50, [])])
def test_a_debt_that_comes_is_repaid_out_of_what_is_there(has: int, debt: int, left: list[int]) -> None:
    owing = member(8, accounts={"points": Account(unit="points", debt=50)})
    mine = {UUID(int=1): lot(1, has)} if has else {}

    both = merged(member(7, lots=mine), owing)

    assert both.kept.after.accounts["points"].debt == debt
    assert [each.left for each in lots_after(both.kept)] == left
    assert both.gone.after.accounts["points"].debt == 0


def test_lifetimes_add_up_and_the_later_end_of_a_balance_counts() -> None:
    mine = Account(unit="points", lifetime=100, expires_at=NOON)
    others = Account(unit="points", lifetime=30, expires_at=LATER)

    both = merged(member(7, accounts={"points": mine}), member(8, accounts={"points": others}))

    assert both.kept.after.accounts["points"] == Account(unit="points", lifetime=130, expires_at=LATER)
    assert both.gone.after.lifetime("points") == 0


@pytest.mark.parametrize(
    ("mine", "others", "tier"),
    [
        (None, ("silver", date(2027, 12, 31)), "silver"),
        (("silver", date(2026, 12, 31)), ("silver", date(2027, 12, 31)), "silver"),
        (("gold", None), ("silver", date(2027, 12, 31)), "gold"),
        (("bronze", None), None, "bronze"),
    ],
)
def test_the_better_tier_stays(
    mine: tuple[str, date | None] | None, others: tuple[str, date | None] | None, tier: str
) -> None:
    held, other = (
        Standing(tier=each[0], since=NOON.date(), until=each[1]) if each else None for each in (mine, others)
    )

    after = merged(member(7, standing=held), member(8, standing=other)).kept.after

    assert after.tier == tier
    assert after.standing
    assert after.standing.until == max(
        (each[1] for each in (mine, others) if each and each[0] == tier and each[1]), default=None
    )


@pytest.mark.parametrize(
    ("mine", "others", "status"),
    [
        (MembershipStatus.NONE, MembershipStatus.PAID, MembershipStatus.PAID),
        (MembershipStatus.ENDED, MembershipStatus.TRIAL, MembershipStatus.TRIAL),
        (MembershipStatus.TRIAL, MembershipStatus.PAID, MembershipStatus.TRIAL),
        (MembershipStatus.ENDED, MembershipStatus.NONE, MembershipStatus.ENDED),
    ],
)
def test_a_membership_stays_where_there_is_one(
    mine: MembershipStatus, others: MembershipStatus, status: MembershipStatus
) -> None:
    used = Membership(status=others, had_trial=True)

    both = merged(member(7, membership=Membership(status=mine)), member(8, membership=used))

    assert both.kept.after.membership.status is status
    assert both.kept.after.membership.had_trial
    assert both.gone.after.membership == Membership()


def test_nobody_is_invited_by_themself() -> None:
    both = merged(member(7), member(8, referred_by=UUID(int=7)))

    assert both.kept.after.referred_by is None


def test_a_return_may_put_units_back_into_lots_of_before() -> None:
    mine, spent = lot(1, 5), lot(2, 40)

    state = lots_of_former_selves(member(7, lots={mine.id: mine}), {mine.id: lot(1, 99), spent.id: spent})

    assert state.lots == {mine.id: mine, spent.id: replace(spent, left=0)}


def test_both_lives_go_on_lawfully() -> None:
    alice, bob = Life(club()), Life(club())
    alice.sell(100_00)
    bob.sell(50_00)

    both = merged(alice.state, bob.state)

    assert both.kept.after.available("points") == alice.balance + bob.balance
