"""From the commit to the provider: how fast a worker drains the outbox, and how soon one sale's message is out at rest.

Draining: events of sales, of members without a phone, whose messages go to the console channel (a table): what is measured
is Carnet's own work, which is governor, words, rows, lease and mark. At rest: sales to members with a phone, one at a time, to
the local FCM in this process; the time from the sale's commit to the arrival of its message.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from uuid import UUID

from bench.world import Bench, open_bench
from standins.fcm import FcmStandIn
from wallet_api.domain.events import Line
from wallet_api.services.identify import Who
from wallet_api.services.record_sale import RecordSale, record_sale
from wallet_api.store import members, sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import json_text

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
SALES_AT_REST = 200
MEMBERS = 500
PAUSE_SECONDS_MAX = 0.3
CHUNK = 5_000


def run() -> None:
    """Measure and print."""
    with open_bench(members=MEMBERS) as bench:
        _drain(bench)
        _at_rest(bench)


@contextlib.contextmanager
def working(bench: Bench, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own for as long as the block lasts."""
    command = [sys.executable, "-m", "wallet_api.cli", "worker"]
    log = (bench.settings.data_dir / "worker.log").open("ab")
    worker = subprocess.Popen(
        command, env={**bench.environment, **(environment or {})}, stdout=log, stderr=log, cwd=Path(__file__).parents[1]
    )
    try:
        yield worker
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=60)
        log.close()


def _drain(bench: Bench) -> None:
    print(
        f"Outbox (BENCH_EVENTS={EVENTS}): events of sales to {MEMBERS} members, deliveries to the console, one worker"
    )
    _file_events(bench)
    with working(bench):
        while (left := _left(bench)) >= EVENTS:
            time.sleep(0.02)
        start = time.monotonic()
        done_before = EVENTS - left
        while _left(bench):
            time.sleep(0.1)
        expanded = time.monotonic()
        while _waiting(bench):
            time.sleep(0.1)
        seconds = time.monotonic() - start
    rate = (EVENTS - done_before) / seconds
    print(
        f"  {EVENTS:,} events: expanded and delivered {rate:,.0f}/s (goal 5,000)"
        f"   the last was expanded after {expanded - start:.1f} s of {seconds:.1f} s"
    )


def _file_events(bench: Bench) -> None:
    chosen = random.Random(1)
    now = datetime.now(UTC)
    for first in range(0, EVENTS, CHUNK):
        rows = [
            {
                "id": new_id(),
                "member_id": chosen.choice(bench.members),
                "notices": [{"kind": "points_earned", "unit": "points", "amount": n % 500 + 1, "balance": n % 5_000}],
            }
            for n in range(first, min(first + CHUNK, EVENTS))
        ]
        with bench.app.db.begin() as tx:
            sql.run(
                tx,
                """
                INSERT INTO outbox (id, program_id, member_id, notices, created_at)
                SELECT r.id, :program, r.member_id, r.notices, :now
                FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid, member_id uuid, notices jsonb)
                """,
                rows=json_text(rows),
                program=bench.till.program,
                now=now,
            )


def _left(bench: Bench) -> int:
    with bench.app.db.read() as tx:
        return int(sql.one(tx, "SELECT count(*) AS n FROM outbox WHERE failed IS NULL").n)


def _waiting(bench: Bench) -> int:
    with bench.app.db.read() as tx:
        return int(sql.one(tx, "SELECT count(*) AS n FROM deliveries WHERE status = 'waiting'").n)


def _at_rest(bench: Bench) -> None:
    chosen = random.Random(2)
    with FcmStandIn() as fcm:
        environment = {
            "FIREBASE_CREDENTIALS": str(fcm.service_account_file(bench.settings.data_dir / "firebase.json")),
            "FIREBASE_ENDPOINT": fcm.url,
        }
        with bench.app.db.begin() as tx:
            for member in bench.members[:SALES_AT_REST]:
                members.add_device(
                    tx,
                    bench.till.program,
                    member,
                    token=f"phone-{member}",
                    platform="android",
                    app_version=None,
                    now=datetime.now(UTC),
                )
        with working(bench, environment):
            _first_message(bench, fcm)
            waits = [_sell_and_wait(bench, fcm, member, chosen) for member in bench.members[1:SALES_AT_REST]]
    print(
        f"  at rest, {len(waits)} sales: from the commit to the request at FCM"
        f" median {median(waits):.3f} s, worst {max(waits):.3f} s (goal: median under 0.5 s)"
    )


def _first_message(bench: Bench, fcm: FcmStandIn) -> None:
    """The first has the access token to wait for; it is not measured."""
    _sell(bench, bench.members[0])
    while not fcm.requests:
        time.sleep(0.05)


def _sell_and_wait(bench: Bench, fcm: FcmStandIn, member: UUID, chosen: random.Random) -> float:
    time.sleep(chosen.uniform(0, PAUSE_SECONDS_MAX))
    _sell(bench, member)
    committed = datetime.now(UTC)
    token = f"phone-{member}"
    while True:
        arrived = [request.at for request in fcm.requests[-20:] if request.token == token]
        if arrived:
            return (arrived[0] - committed) / timedelta(seconds=1)
        time.sleep(0.002)


def _sell(bench: Bench, member: UUID) -> None:
    wish = RecordSale(
        who=Who(member_id=member),
        external_id=str(new_id()),
        occurred_at=datetime.now(UTC),
        currency="USD",
        lines=(Line(sku="", amount=50_00),),
    )
    with bench.app.db.begin() as tx:
        record_sale(bench.app, tx, bench.till, wish)
