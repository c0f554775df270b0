"""Many sales on many members with a pass on a phone, through real processes: the laws that hold whatever the speed.

The full size, with its figures: `python -m bench wallets`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.wallets import Load, measure
from bench.world import Bench
from tests.shop import Shop, open_shop
from wallet_api.clock import SystemClock
from wallet_api.store.session import Database

SALES, MEMBERS = 200, 40


def test_every_phone_ends_with_the_newest_pass_after_fewer_pushes_than_sales(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    shop: Shop = open_shop(db, SystemClock())
    members = [shop.join(f"member{number}") for number in range(MEMBERS)]
    settings = replace(shop.app.settings, database_url=database_url, data_dir=tmp_path)
    bench = Bench(
        app=shop.app,
        settings=settings,
        till=shop.till,
        till_key=shop.till_key,
        location=shop.location,
        members=members,
    )

    seen = measure(bench, Load(sales=SALES, seconds=4.0, pause_seconds=2, currency="EUR"), folder=tmp_path)

    assert (seen.stale, seen.complaints, seen.unsent) == (0, (), 0)
    assert MEMBERS <= seen.pushes < SALES
    assert MEMBERS <= seen.measured.fetches <= seen.fetches
