"""What the state machines of `laws/` have found, each as the smallest sequence of steps that showed it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from tests.services.laws.club import open_club
from tests.services.laws.figures import Seen, check_same, what_is_seen
from tests.shop import Shop
from wallet_api.clock import FixedClock
from wallet_api.services import load_member
from wallet_api.services.as_of import as_of
from wallet_api.services.invite import Invitation, invite
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.store.session import Database


@pytest.fixture
def club(db: Database, clock: FixedClock) -> Shop:
    """The club that the machines live in; nobody has joined yet."""
    return open_club(db, clock, "years")


def test_what_is_not_there_any_more_does_not_expire(club: Shop, clock: FixedClock) -> None:
    alice = club.join("alice")  # with 50 points
    clock.advance(timedelta(days=41))

    with club.app.db.read() as tx:
        state = load_member.as_of_now(club.app, tx, alice, now=clock.now()).state

    assert state.next_expiry("points") is None


def test_the_past_of_somebody_who_was_merged_twice_is_what_was_seen(club: Shop, clock: FixedClock) -> None:
    alice, bob, carol = (club.join(name) for name in ("alice", "bob", "carol"))
    merge(club, bob, into=alice)
    at, seen = look(club, alice)
    clock.advance(timedelta(minutes=1))

    merge(club, alice, into=carol)

    check_same(seen, told(club, alice, at=at))


def test_who_had_been_merged_into_somebody_else_by_then_is_not_yet_oneself(club: Shop, clock: FixedClock) -> None:
    alice, bob, carol = (club.join(name) for name in ("alice", "bob", "carol"))
    merge(club, bob, into=alice)
    clock.advance(timedelta(minutes=1))
    at, seen = look(club, carol)
    clock.advance(timedelta(minutes=1))

    merge(club, alice, into=carol)

    check_same(seen, told(club, carol, at=at))


def test_a_challenge_that_had_been_won_by_then_is_not_won_again(club: Shop, clock: FixedClock) -> None:
    alice = club.join("alice")
    club.visit(by=alice)
    clock.advance(timedelta(days=1))
    club.visit(by=alice)  # the second one in this month: seven stars
    with club.app.db.begin() as tx:
        wish = Invitation(tier="team", reason="a friend", until=clock.now().date())
        invite(club.app, tx, alice, wish, program=club.program)
    clock.advance(timedelta(days=1))
    at, seen = look(club, alice)

    check_same(seen, told(club, alice, at=at))


def test_a_challenge_of_a_month_gone_by_is_not_won_again_when_time_is_posted_late(
    club: Shop, clock: FixedClock
) -> None:
    alice = club.join("alice")
    club.visit(by=alice)
    club.visit(by=alice)  # the second one in March: seven stars beside the five of the first
    club.hold("off-5", by=alice)  # ends in March too
    clock.advance(timedelta(days=60))

    with club.app.db.read() as tx:
        state = load_member.as_of_now(club.app, tx, alice, now=clock.now()).state

    assert state.lifetime("stars") == 12


def test_what_a_return_left_of_what_lifted_a_member_is_told_later(club: Shop, clock: FixedClock) -> None:
    alice = club.join("alice")
    club.take_back(club.sell(480_00, to=alice))
    at, seen = look(club, alice)

    check_same(seen, told(club, alice, at=at))


def look(shop: Shop, member: UUID) -> tuple[datetime, Seen]:
    """Now, and what is shown of a member."""
    now = shop.app.clock.now()
    with shop.app.db.read() as tx:
        return now, what_is_seen(load_member.as_of_now(shop.app, tx, member, now=now).state)


def told(shop: Shop, member: UUID, *, at: datetime) -> Seen:
    """What is told later of an instant."""
    with shop.app.db.read() as tx:
        return what_is_seen(as_of(shop.app, tx, member, at=at).state)


def merge(shop: Shop, gone: UUID, *, into: UUID) -> None:
    """Maria merges two members."""
    wish = MergeWish(gone=gone, into=into, reason="the same person")
    with shop.app.db.begin() as tx:
        merge_members(shop.app, tx, wish, program=shop.program)
