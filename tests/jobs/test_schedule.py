"""The scheduled jobs as a worker runs them, and what /metrics says of them."""

from __future__ import annotations

import asyncio
import re
from datetime import date, timedelta
from math import isnan
from typing import Any
from uuid import UUID

import pytest

from tests.http.calls import as_key
from tests.services.partners import with_partners
from tests.shop import Shop
from wallet_api.app import web
from wallet_api.clock import FixedClock
from wallet_api.jobs.schedule import job_app
from wallet_api.services.contest import enter_contest
from wallet_api.services.scheduled_work import CHECK_LEDGER, POST_DUE
from wallet_api.store import sql

BIRTHDAY = date(1990, 3, 20)
DAYS_LATER = timedelta(days=12)


def work(shop: Shop, database_url: str, task: str, **limits: Any) -> list[str]:
    """Have a worker do this job, and what jobs it puts into the queue; what became of each."""
    jobs = job_app(shop.app, database_url, **limits)
    jobs.periodic_registry.periodic_tasks.clear()  # this job only, whatever the time is

    async def put_and_work() -> None:
        async with jobs.open_async():
            await jobs.tasks[task].defer_async(timestamp=0)
            await jobs.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="never")

    asyncio.run(put_and_work())
    with shop.app.db.read() as tx:
        rows = sql.every(
            tx,
            "SELECT status FROM procrastinate_jobs WHERE task_name = :task AND args -> 'timestamp' = '0' ORDER BY id",
            task=task,
        )
    return [row.status for row in rows]


def metric(shop: Shop, name: str) -> float:
    text = web(shop.app).test_client().get("/metrics", headers=as_key(shop, "metrics")).text
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return float(found[1])


@pytest.fixture
def bob(shop: Shop, clock: FixedClock) -> UUID:
    """A member whose birthday was two days ago, to the hour."""
    bob = shop.join("bob", birth_date=BIRTHDAY)
    clock.advance(DAYS_LATER)
    return bob


def test_the_worker_writes_what_time_has_brought(shop: Shop, bob: UUID, database_url: str) -> None:
    before = [metric(shop, "carnet_due_members"), metric(shop, "carnet_due_seconds")]

    became = work(shop, database_url, POST_DUE)

    assert before == [1, 2 * 86_400 + 13 * 3_600]  # since midnight of that day in Paris
    assert became == ["succeeded"]
    assert metric(shop, "carnet_due_members") == 0
    assert metric(shop, "carnet_due_seconds") == 0
    assert metric(shop, "carnet_posted_members") == 1
    assert metric(shop, "carnet_posted_members_per_second") > 0
    assert metric(shop, "carnet_posting_failed_members") == 0


def test_whom_posting_failed_for_is_told(shop: Shop, bob: UUID, database_url: str) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE members SET membership = '[]' WHERE id = :id", id=bob)

    became = work(shop, database_url, POST_DUE)

    assert became == ["succeeded"]
    assert metric(shop, "carnet_due_members") == 1
    assert metric(shop, "carnet_posted_members") == 0
    assert metric(shop, "carnet_posting_failed_members") == 1


def test_a_run_whose_time_is_over_goes_on_as_another_job(shop: Shop, bob: UUID, database_url: str) -> None:
    became = work(shop, database_url, POST_DUE, run_seconds=0)

    assert became == ["succeeded", "succeeded"]
    assert metric(shop, "carnet_due_members") == 0


def test_where_much_is_due_another_worker_is_called(shop: Shop, bob: UUID, database_url: str) -> None:
    became = work(shop, database_url, POST_DUE, much=0)

    assert became == ["succeeded", "succeeded"]


def test_without_a_check_nothing_is_said_of_differences(shop: Shop) -> None:
    assert isnan(metric(shop, "carnet_ledger_differences"))
    assert metric(shop, "carnet_ledger_checked_timestamp_seconds") == 0


def test_the_check_of_the_ledger_goes_on_from_job_to_job_and_its_result_is_told(
    shop: Shop, clock: FixedClock, database_url: str
) -> None:
    shop.join("bob")
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE accounts SET available = available + 1 WHERE member_id = :id", id=shop.alice)

    became = work(shop, database_url, CHECK_LEDGER, run_seconds=0)

    assert became == ["succeeded", "succeeded"]
    assert metric(shop, "carnet_ledger_differences") == 2
    assert metric(shop, "carnet_ledger_checked_members") == 2
    assert metric(shop, "carnet_ledger_checked_timestamp_seconds") == clock.now().timestamp()


def test_a_check_that_is_under_way_is_not_begun_again(shop: Shop, database_url: str) -> None:
    with shop.app.db.begin() as tx:
        sql.run(
            tx,
            """
            INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at)
            VALUES ('default', :task, '{"timestamp": 0, "so_far": {}}', now() + interval '1 day')
            """,
            task=CHECK_LEDGER,
        )

    became = work(shop, database_url, CHECK_LEDGER)

    assert became == ["todo", "succeeded"]
    assert metric(shop, "carnet_ledger_checked_timestamp_seconds") == 0


def test_the_worker_gives_the_prizes_of_a_contest_that_is_over(
    shop: Shop, clock: FixedClock, database_url: str
) -> None:
    with_partners(shop)
    with shop.app.db.begin() as tx:
        enter_contest(shop.app, tx, shop.alice, "big-spender", alias="Ace", program=shop.program)
    shop.sell(10_00)
    clock.advance(timedelta(days=3))

    became = [work(shop, database_url, "award_prizes") for _ in range(2)]

    assert became == [["succeeded"], ["succeeded", "succeeded"]]
    with shop.app.db.read() as tx:
        vouchers = [row.reward for row in sql.every(tx, "SELECT reward FROM vouchers")]
    assert vouchers == ["shoes"]
