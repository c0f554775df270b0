"""The jobs of campaigns as a worker runs them: begun by a manager's own transaction, broken off and gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.test_schedule import work
from tests.jobs.world import World, eventually, open_world, working
from tests.services.campaigning import agree, campaign, counts, crowd, do
from tests.shop import Shop
from wallet_api.domain.campaign import Act
from wallet_api.services import walk_campaigns as walking
from wallet_api.services.campaigns import WALK
from wallet_api.services.walk_campaigns import walk_campaigns
from wallet_api.store import members, sql


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    """Alice has a phone, and wants to hear of offers."""
    with open_world(tmp_path, database_url) as opened:
        shop = opened.shop
        agree(shop, shop.alice)
        with shop.app.db.begin() as tx:
            members.add_device(
                tx,
                shop.program,
                shop.alice,
                token="phone",
                platform="android",
                app_version=None,
                now=shop.app.clock.now(),
            )
            # Whatever the time is at which this runs.
            sql.run(
                tx,
                """
                INSERT INTO preferences (member_id, quiet_from, quiet_until, changed_at)
                VALUES (:alice, '00:00', '00:00', now())
                """,
                alice=shop.alice,
            )
        yield opened


def test_what_a_manager_sends_reaches_the_phone_once(world: World) -> None:
    spring = campaign(world.shop, title="Spring", body="Your code: {voucher}", reward="off-5")

    with working(world.shop.app):
        do(world.shop, spring, Act.SEND)
        eventually(lambda: any(shown.title == "Spring" for shown in world.fcm.shown("phone")), seconds=20)
        walk_campaigns(world.shop.app)

    [shown] = [shown for shown in world.fcm.shown("phone") if shown.title == "Spring"]
    with world.shop.app.db.read() as tx:
        voucher = sql.one(tx, "SELECT code FROM vouchers")
        message = sql.one(tx, "SELECT id FROM notifications WHERE campaign_id = :id", id=spring)
    assert shown.body == f"Your code: {voucher.code}"
    assert shown.data["message"] == str(message.id)  # by which the app says that it was opened
    assert shown.data["campaign"] == str(spring)


def test_a_run_whose_time_is_over_goes_on_as_another_job(
    shop: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "WITH_VOUCHERS_A_CHUNK", 1)
    crowd(shop, 20)
    spring = campaign(shop, reward="off-5")
    do(shop, spring, Act.SEND)

    jobs = work(shop, database_url, WALK, run_seconds=0.05)

    assert len(jobs) > 1
    assert set(jobs) == {"succeeded"}
    assert counts(shop, spring) == {"sent": 20}


def test_purchases_are_counted_by_a_job(shop: Shop, database_url: str) -> None:
    shop.sell(12_00)
    shop.wait_for_older_transactions()

    jobs = work(shop, database_url, "count_purchases")

    with shop.app.db.read() as tx:
        totals = sql.one(tx, "SELECT orders, spend FROM purchase_totals WHERE member_id = :id", id=shop.alice)
    assert jobs == ["succeeded"]
    assert (totals.orders, totals.spend) == (1, 12_00)
