"""From the commit to the phone: what the worker sends, with every provider as a real server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.jobs.world import World, eventually, open_world, working
from tests.shop import Shop
from wallet_api.jobs.expand import expand
from wallet_api.services import show_card
from wallet_api.store import members, sql


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with open_world(tmp_path, database_url) as opened:
        yield opened


def register_phone(world: World, member: UUID, token: str) -> None:
    app = world.shop.app
    with app.db.begin() as tx:
        members.add_device(
            tx,
            world.shop.program,
            member,
            token=token,
            platform="android",
            app_version=None,
            now=app.clock.now(),
        )


def kinds_shown(world: World, token: str) -> list[str]:
    return [shown.data["kind"] for shown in world.fcm.shown(token)]


def test_a_tier_change_reaches_the_phone_once_in_the_members_language(world: World) -> None:
    bob = world.shop.join("bob", locale="fr")
    register_phone(world, bob, "bobs-phone")

    with working(world.shop.app):
        world.shop.sell(50_000, to=bob)
        eventually(lambda: len(kinds_shown(world, "bobs-phone")) == 4)

    assert sorted(kinds_shown(world, "bobs-phone")) == ["points_earned", "reward_unlocked", "tier_upgraded", "welcome"]
    (upgrade,) = [shown for shown in world.fcm.shown("bobs-phone") if shown.data["kind"] == "tier_upgraded"]
    assert "Argent" in f"{upgrade.title} {upgrade.body}"


def test_the_google_object_shows_the_new_balance(world: World) -> None:
    with working(world.shop.app):
        world.shop.sell(1_000)
        eventually(lambda: bool(world.google.objects))
        eventually(lambda: _google_object(world)["loyaltyPoints"]["balance"] == {"int": 60})

    assert _google_object(world)["state"] == "ACTIVE"
    assert _google_object(world)["rotatingBarcode"]["totpDetails"]["periodMillis"] == "30000"


def test_a_member_without_a_phone_hears_of_a_tier_by_e_mail(world: World) -> None:
    with working(world.shop.app):
        world.shop.sell(50_000)
        eventually(lambda: len(world.smtp.to("alice@example.org")) == 2)

    assert "Silver" in str(world.smtp.to("alice@example.org")[-1])


def test_a_phone_that_is_gone_is_forgotten(world: World) -> None:
    register_phone(world, world.shop.alice, "old-phone")
    world.fcm.fault("unregistered_404", token="old-phone")

    with working(world.shop.app):
        world.shop.sell(1_000)
        eventually(lambda: _statuses(world, "push") == {"gone"})

    assert world.shop.phones(world.shop.alice) == []


def test_a_provider_in_trouble_loses_and_doubles_nothing(world: World) -> None:
    register_phone(world, world.shop.alice, "phone")
    world.fcm.fault("unavailable_503", times=2)
    world.fcm.fault("reset_after_body", times=1)

    with working(world.shop.app):
        world.shop.sell(1_000)
        eventually(lambda: len(_tries(world)) > 0 and _statuses(world, "push") <= {"waiting", "accepted"})
        _hurry(world)
        eventually(lambda: _hurry(world) or _statuses(world, "push") == {"accepted"}, seconds=20)

    assert sorted(kinds_shown(world, "phone")) == ["points_earned", "welcome"]


def test_two_expansions_of_one_event_make_one_message(world: World) -> None:
    register_phone(world, world.shop.alice, "phone")
    world.shop.sell(1_000)

    handled = [expand(world.shop.app), expand(world.shop.app)]

    assert handled == [2, 0]  # joining and the sale
    with world.shop.app.db.read() as tx:
        assert len(sql.every(tx, "SELECT 1 FROM deliveries WHERE channel = 'push'")) == 2


def _google_object(world: World) -> dict[str, Any]:
    (known,) = world.google.objects.values()
    return dict(known)


@pytest.mark.parametrize("what", ["sale", "return", "redemption", "hold", "release", "visit"])
def test_every_event_of_a_till_becomes_its_messages(shop: Shop, what: str) -> None:
    sale = shop.sell(50_000)
    match what:
        case "return":
            shop.take_back(sale)
        case "redemption":
            shop.redeem("off-5")
        case "hold" | "release":
            held = shop.hold("off-5")
            if what == "release":
                shop.release(held)
        case "visit":
            shop.visit()

    expand(shop.app)

    with shop.app.db.read() as tx:
        assert sql.every(tx, "SELECT notices, failed FROM outbox") == []


def test_an_event_that_cannot_be_worked_on_is_put_aside_and_holds_up_no_other(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, """UPDATE outbox SET notices = '[{"kind": "points_earned"}]'""")
    shop.sell(1_000)

    expand(shop.app)

    with shop.app.db.read() as tx:
        (aside,) = sql.every(tx, "SELECT failed FROM outbox")
        (told,) = sql.every(tx, "SELECT kind FROM notifications")
    assert aside.failed.startswith("MissingValue")
    assert told.kind == "points_earned"


def _statuses(world: World, channel: str) -> set[str]:
    with world.shop.app.db.read() as tx:
        rows = sql.every(tx, "SELECT status FROM deliveries WHERE channel = :channel", channel=channel)
    return {row.status for row in rows}


def _tries(world: World) -> list[int]:
    with world.shop.app.db.read() as tx:
        return [row.attempts for row in sql.every(tx, "SELECT attempts FROM deliveries WHERE attempts > 0")]


def _hurry(world: World) -> bool:
    """Bring the next tries forward: the backoff is tested elsewhere."""
    with world.shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE deliveries SET next_try_at = now() WHERE status = 'waiting' AND lease_until IS NULL")
    return False


def test_who_joined_before_google_wallet_gets_an_object_when_they_look_at_their_card(world: World) -> None:
    expand(world.shop.app)  # the joining, with its Google object, which is taken away again
    with world.shop.app.db.begin() as tx:
        sql.run(tx, "DELETE FROM deliveries")
        sql.run(tx, "DELETE FROM passes")

    with world.shop.app.db.begin() as tx:
        first = show_card.show_card(world.shop.app, tx, world.shop.alice)
    with working(world.shop.app):
        eventually(lambda: bool(world.google.objects))
        eventually(lambda: _statuses(world, "google") == {"accepted"})

    with world.shop.app.db.begin() as tx:
        then = show_card.show_card(world.shop.app, tx, world.shop.alice)
    assert first["google"] is None
    link: Any = then["google"]
    assert link["save_url"].startswith("https://pay.google.com/gp/v/save/")
