"""The scheduled jobs in a real worker, and what /metrics says of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from math import isnan
from pathlib import Path
from uuid import UUID

import pytest

from tests.http.calls import as_key
from tests.jobs.world import World, eventually, open_world, working
from tests.shop import Shop
from wallet_api.app import web
from wallet_api.clock import FixedClock
from wallet_api.jobs import schedule
from wallet_api.jobs.schedule import job_app
from wallet_api.services import verify_ledger
from wallet_api.services.scheduled_work import CHECK_LEDGER, POST_DUE
from wallet_api.store import sql


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with open_world(tmp_path, database_url) as opened:
        yield opened


def defer(world: World, task: str) -> None:
    """Put a job into the queue, as the clock would."""
    assert world.settings.database_url is not None
    jobs = job_app(world.shop.app, world.settings.database_url)

    async def put() -> None:
        async with jobs.open_async():
            await jobs.tasks[task].defer_async(timestamp=0)

    asyncio.run(put())


def metric(shop: Shop, name: str) -> float:
    text = web(shop.app).test_client().get("/metrics", headers=as_key(shop, "metrics")).text
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return float(found[1])


def jobs_of(world: World, task: str) -> list[str]:
    with world.shop.app.db.read() as tx:
        rows = sql.every(tx, "SELECT status FROM procrastinate_jobs WHERE task_name = :task ORDER BY id", task=task)
    return [row.status for row in rows]


def had_birthday_yesterday(world: World, name: str) -> UUID:
    now = world.shop.app.clock.now()
    born = (now - timedelta(days=1)).date().replace(year=1992)
    return world.shop.join(name, at=now - timedelta(days=30), birth_date=born)


def test_the_worker_writes_what_time_has_brought(world: World) -> None:
    had_birthday_yesterday(world, "bob")
    due_before = metric(world.shop, "carnet_due_members")
    due_for = metric(world.shop, "carnet_due_seconds")

    with working(world.shop.app):
        defer(world, POST_DUE)
        eventually(lambda: metric(world.shop, "carnet_due_members") == 0)
        eventually(lambda: "succeeded" in jobs_of(world, POST_DUE))

    assert due_before == 1
    assert 0 < due_for < 3 * 86_400
    assert metric(world.shop, "carnet_due_seconds") == 0
    assert metric(world.shop, "carnet_posting_failed_members") == 0


def test_whom_posting_failed_for_is_told(world: World) -> None:
    bob = had_birthday_yesterday(world, "bob")
    with world.shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE members SET membership = '[]' WHERE id = :id", id=bob)

    with working(world.shop.app):
        defer(world, POST_DUE)
        eventually(lambda: metric(world.shop, "carnet_posting_failed_members") == 1)

    assert metric(world.shop, "carnet_due_members") == 1
    assert metric(world.shop, "carnet_posted_members") == 0


def test_much_work_goes_on_in_further_jobs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "RUN_SECONDS", 0.0)
    monkeypatch.setattr("wallet_api.jobs.post_due.MUCH", 0)
    had_birthday_yesterday(world, "bob")

    with working(world.shop.app):
        eventually(lambda: metric(world.shop, "carnet_due_members") == 0)
        eventually(lambda: len(jobs_of(world, POST_DUE)) > 2)

    assert set(jobs_of(world, POST_DUE)) <= {"succeeded", "todo"}


def test_without_a_check_nothing_is_said_of_differences(shop: Shop, clock: FixedClock) -> None:
    differences = metric(shop, "carnet_ledger_differences")

    assert isnan(differences)
    assert metric(shop, "carnet_ledger_checked_timestamp_seconds") == 0


def test_the_check_of_the_ledger_goes_on_from_job_to_job_and_its_result_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "RUN_SECONDS", 0.0)
    monkeypatch.setattr(verify_ledger, "MEMBERS_AT_A_TIME", 2)
    for number in range(4):
        world.shop.join(f"member-{number}")
    with world.shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE accounts SET available = available + 1 WHERE member_id = :id", id=world.shop.alice)

    with working(world.shop.app):
        defer(world, CHECK_LEDGER)
        eventually(lambda: metric(world.shop, "carnet_ledger_checked_timestamp_seconds") > 0)
        eventually(lambda: set(jobs_of(world, CHECK_LEDGER)) == {"succeeded"})

    age = world.shop.app.clock.now().timestamp() - metric(world.shop, "carnet_ledger_checked_timestamp_seconds")
    assert len(jobs_of(world, CHECK_LEDGER)) == 4
    assert metric(world.shop, "carnet_ledger_differences") == 2
    assert metric(world.shop, "carnet_ledger_checked_members") == 5
    assert 0 <= age < 60


def test_a_check_that_is_under_way_is_not_begun_again(world: World) -> None:
    with world.shop.app.db.begin() as tx:
        sql.run(
            tx,
            """
            INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at)
            VALUES ('default', :task, '{"timestamp": 0, "so_far": {}}', now() + interval '1 day')
            """,
            task=CHECK_LEDGER,
        )

    with working(world.shop.app):
        defer(world, CHECK_LEDGER)
        eventually(lambda: jobs_of(world, CHECK_LEDGER) == ["todo", "succeeded"])

    assert metric(world.shop, "carnet_ledger_checked_timestamp_seconds") == 0
