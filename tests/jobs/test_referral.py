"""A friend's first purchase: whoever invited them gets what the program promises, once."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.shop import Shop
from tests.store.laws import available, count, entries_of
from wallet_api.jobs.expand import expand
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.publish import publish
from wallet_api.services.referral import code_of
from wallet_api.store import sql


@pytest.fixture
def bob(shop: Shop) -> UUID:
    """Whom Alice invited."""
    with shop.app.db.begin() as tx:
        code = code_of(tx, shop.alice)
    return shop.join("bob", referral_code=code)


def test_a_friends_first_purchase_earns_once(shop: Shop, bob: UUID) -> None:
    expand(shop.app)
    assert available(shop.app.db, shop.alice) == 50

    for _ in range(2):
        shop.sell(10_00, to=bob)
        expand(shop.app)

    assert available(shop.app.db, shop.alice) == 50 + 100
    assert [entry.rule for entry in entries_of(shop.app.db, shop.alice)] == ["welcome", "referral"]
    assert count(shop.app.db, "activities") == 1


def test_a_friend_who_brings_everything_back_and_buys_again_earns_nothing_more(shop: Shop, bob: UUID) -> None:
    shop.take_back(shop.sell(10_00, to=bob))
    shop.sell(10_00, to=bob)

    expand(shop.app)

    assert available(shop.app.db, shop.alice) == 50 + 100


def test_a_friend_of_a_member_who_was_merged_earns_for_who_stayed(shop: Shop, bob: UUID) -> None:
    shop.sell(10_00, to=bob)
    dora = shop.join("dora")
    with shop.app.db.begin() as tx:
        wish = MergeWish(gone=shop.alice, into=dora, reason="the same person")
        merge_members(shop.app, tx, wish, program=shop.program)

    expand(shop.app)

    assert available(shop.app.db, dora) == 50 + 50 + 100


def test_a_program_without_a_rule_for_it_records_nothing(shop: Shop, bob: UUID) -> None:
    with shop.app.db.read() as tx:
        source = str(sql.one(tx, "SELECT source FROM program_versions").source)
    publish(shop.app, source.replace("kind: referral", "kind: review"), now=shop.app.clock.now())
    shop.sell(10_00, to=bob)

    expand(shop.app)

    assert count(shop.app.db, "activities") == 0
