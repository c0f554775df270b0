"""What the state machines of `laws/` have found, each as the smallest sequence of steps that showed it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from tests.services.laws.figures import check_same, what_is_seen
from tests.shop import Shop
from wallet_api.clock import FixedClock
from wallet_api.services import load_member
from wallet_api.services.as_of import as_of
from wallet_api.services.merge import MergeWish, merge_members


def test_what_is_not_there_any_more_does_not_expire(shop: Shop) -> None:
    shop.sell(150_00)

    answer = shop.redeem("off-5")

    with shop.app.db.read() as tx:
        state = load_member.as_of_now(shop.app, tx, shop.alice, now=shop.app.clock.now()).state
    assert answer["reward"] == "off-5"
    assert state.next_expiry("points") is None


def test_the_past_of_somebody_who_had_been_merged_twice_is_what_was_seen(shop: Shop, clock: FixedClock) -> None:
    bob, carol = shop.join("bob"), shop.join("carol")
    shop.sell(10_00, to=bob)
    merge(shop, bob, into=shop.alice)
    with shop.app.db.read() as tx:
        at = clock.now()
        seen = what_is_seen(load_member.as_of_now(shop.app, tx, shop.alice, now=at).state)
    clock.advance(timedelta(minutes=1))

    merge(shop, shop.alice, into=carol)

    with shop.app.db.read() as tx:
        check_same(seen, what_is_seen(as_of(shop.app, tx, shop.alice, at=at).state))


def merge(shop: Shop, gone: UUID, *, into: UUID) -> None:
    """Maria merges two members."""
    with shop.app.db.begin() as tx:
        merge_members(shop.app, tx, MergeWish(gone=gone, into=into, reason="one person"), program=shop.program)
