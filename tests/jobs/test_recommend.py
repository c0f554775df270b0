"""The jobs of recommendations, as a worker runs them."""

from __future__ import annotations

import asyncio

import procrastinate

from tests.services.test_recommend import CUP, TEA, others_buy, profile, recommended
from tests.shop import Shop, open_shop
from wallet_api.jobs.recommend import add_recommendation_jobs
from wallet_api.store import sql


def work(shop: Shop, database_url: str, task: str) -> int:
    """Have a worker do this job, one member at a time; how many jobs it became."""
    conninfo = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    jobs = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=conninfo))
    add_recommendation_jobs(jobs, shop.app, run_seconds=0, batch=1)
    jobs.periodic_registry.periodic_tasks.clear()  # this job only, whatever the time is

    async def put_and_work() -> None:
        async with jobs.open_async():
            await jobs.tasks[task].defer_async(timestamp=0)
            await jobs.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="never")

    asyncio.run(put_and_work())
    with shop.app.db.read() as tx:
        rows = sql.every(tx, "SELECT status FROM procrastinate_jobs WHERE task_name = :task", task=task)
    assert {row.status for row in rows} == {"succeeded"}
    return len(rows)


def test_workers_work_out_what_goes_together_and_go_on_until_all_members_of_all_programs_have_theirs(
    shop: Shop, database_url: str
) -> None:
    other = open_shop(shop.app.db, shop.app.clock, program="stamp-card", app=shop.app)
    for each in (shop, other):
        profile(each, each.alice)
        each.sell(lines=(TEA,))
        others_buy(each, TEA, CUP)
    shop.count_purchases()

    work(shop, database_url, "work_out_items")
    runs = work(shop, database_url, "recommend")

    assert [item["sku"] for item in recommended(shop)] == [item["sku"] for item in recommended(other)] == ["cup", "tea"]
    with shop.app.db.read() as tx:
        kept = sql.every(
            tx,
            "SELECT program_id, count(*) AS n FROM recommended_items r JOIN members m ON m.id = r.member_id GROUP BY 1",
        )
    assert {row.program_id: row.n for row in kept} == {shop.program: 4, other.program: 4}
    assert runs == 9  # each of eight members ends a run; the last one sees that nobody is left
