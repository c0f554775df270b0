"""A fan-out of one promotion to many phones, to a local FCM in another process, beside firebase-admin and a bare loop.

Carnet's figure has everything in it: recipients read, words said, the governor asked, messages and deliveries written, leased,
posted and marked. `send_each` is firebase-admin's own way (a thread a message, in batches of 500); the bare loop posts
finished bodies by aiohttp over as many connections as Carnet, and knows of nothing else. All three post to the same server in
the same run. BENCH_DEVICES=1000000 is the million.

A server on the same machine answers at once, so there all of them share its processors, and a second worker has what the
first leaves. What it adds where a worker waits for answers, as over the Internet, is measured with answers that take 100 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import firebase_admin  # type: ignore[import-untyped]  # the package ships no types
import requests
from firebase_admin import credentials, messaging

from bench.world import ROOT, Bench, open_bench
from notifications.channels.push_fcm import encode
from notifications.channels.push_fcm.access_token import AccessToken
from notifications.message import Message
from standins.fcm import PROJECT
from wallet_api.app import wire
from wallet_api.collector import collect_seldom
from wallet_api.domain.messages import KINDS
from wallet_api.jobs.deliver import Line, deliver
from wallet_api.jobs.senders import senders
from wallet_api.services.app import App
from wallet_api.services.notify import Wish, file_messages, recipients_of
from wallet_api.settings import Settings
from wallet_api.store import sql
from wallet_api.worker import AT_ONCE

DEVICES = int(os.environ.get("BENCH_DEVICES", "20000"))
FIREBASE_MESSAGES = 2_000
BARE_MESSAGES = 10_000
CONNECTIONS = 100
CHUNK = 500
AHEAD = 10
"""So many chunks are filed before the first of them has to be out: a queue of a few thousand, not of a million rows."""

FAR_DEVICES_MAX = 20_000
FAR_SECONDS = 0.1

PORT = 18_199
TEXTS = {"promotion": {"en": {"title": "For you, {given_name}", "body": "Twice the points until Sunday at {program}."}}}


def run() -> None:
    """Measure and print."""
    with open_bench(members=1) as bench, _fcm(bench) as environment:
        _crowd(bench, DEVICES)
        print(
            f"Push (BENCH_DEVICES={DEVICES}): one promotion to each, {CONNECTIONS} connections, FCM in another process"
        )
        bare = _bare(environment)
        firebase = _firebase(environment)
        near = {workers: _fan_out(bench, environment, workers=workers, devices=DEVICES) for workers in (1, 2)}
        _answer_slowly()
        far_bare = _bare(environment)
        some = min(DEVICES, FAR_DEVICES_MAX)
        far = {workers: _fan_out(bench, environment, workers=workers, devices=some) for workers in (1, 2)}
        print(
            f"  firebase-admin send_each {firebase.rate:6.0f}/s, CPU {firebase.cpu_ms:.2f} ms a message"
            f"   bare aiohttp loop {bare.rate:6.0f}/s, CPU {bare.cpu_ms:.2f} ms"
        )
        for workers, (rate, fanned) in near.items():
            cpu = sum(each.cpu_seconds for each in fanned) / sum(each.done for each in fanned) * 1_000
            print(
                f"{_share(workers, rate, bare)}   {rate / firebase.rate:4.1f} × send_each   CPU {cpu:.2f} ms a message"
                f"   resident {max(each.early_mb for each in fanned):.0f} MB early, {max(each.late_mb for each in fanned):.0f} MB late"
            )
        print(f"  answers after {FAR_SECONDS * 1_000:.0f} ms, {some} devices: bare aiohttp loop {far_bare.rate:.0f}/s")
        for workers, (rate, _) in far.items():
            print(_share(workers, rate, far_bare))


def _share(workers: int, rate: float, bare: Peer) -> str:
    return f"  Carnet, {workers} worker{'s' if workers > 1 else ' '} {rate:6.0f}/s   {rate / bare.rate:.2f} of the loop"


@dataclass(frozen=True, kw_only=True)
class Fanned:
    """What one worker did: messages delivered, its CPU time, its memory after a fifth and at the end."""

    done: int
    cpu_seconds: float
    early_mb: float
    late_mb: float


@dataclass(frozen=True, kw_only=True)
class Peer:
    """What another way did: messages a second, and milliseconds of CPU time a message."""

    rate: float
    cpu_ms: float


@contextlib.contextmanager
def _fcm(bench: Bench) -> Iterator[dict[str, str]]:
    """A stand-in in a process of its own, which counts what it takes."""
    file = bench.settings.data_dir / "firebase.json"
    command = [sys.executable, "-m", "standins.fcm", "--port", str(PORT), "--credentials", str(file), "--count-only"]
    command += ["--slow-seconds", str(FAR_SECONDS)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert server.stdout is not None
        server.stdout.readline()
        yield {"FIREBASE_CREDENTIALS": str(file), "FIREBASE_ENDPOINT": f"http://127.0.0.1:{PORT}"}
    finally:
        server.terminate()
        server.wait(timeout=20)


def _crowd(bench: Bench, devices: int) -> None:
    """Members with a phone each, who agreed to offers."""
    now = datetime.now(UTC)
    with bench.app.db.begin() as tx:
        tx.exec_driver_sql("SET LOCAL statement_timeout = 0")
        sql.run(
            tx,
            """
            WITH crowd AS (
              INSERT INTO members (id, program_id, external_ref, given_name, locale, joined_at, version, settled_at)
              SELECT gen_random_uuid(), :program, 'crowd-' || n, 'Sam', 'en', :now, 1, :now
              FROM generate_series(1, :devices) AS n RETURNING id),
            phones AS (
              INSERT INTO devices (id, program_id, member_id, fcm_token, platform, created_at)
              SELECT gen_random_uuid(), :program, id, 'phone-' || id, 'android', :now FROM crowd)
            INSERT INTO consents (id, member_id, kind, granted, terms_version, channel, at)
            SELECT gen_random_uuid(), id, 'marketing', true, '1', 'app', :now FROM crowd
            """,
            program=bench.till.program,
            devices=devices,
            now=now,
        )
    with bench.app.db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE members, devices, consents")


# ── Carnet ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _fan_out(bench: Bench, environment: dict[str, str], *, workers: int, devices: int) -> tuple[float, list[Fanned]]:
    """Messages a second, and what each worker tells."""
    with bench.app.db.begin() as tx:
        sql.run(tx, "DELETE FROM deliveries")
        sql.run(tx, "DELETE FROM notifications")
    before = _taken()
    commands = [[sys.executable, "-m", "bench.push", str(part), str(workers), str(devices)] for part in range(workers)]
    running = [
        subprocess.Popen(each, env={**bench.environment, **environment}, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for each in commands
    ]
    while (first := _taken()) == before:
        time.sleep(0.01)
    start = time.monotonic()
    told = [each.communicate()[0].splitlines()[-1] for each in running]
    seconds = time.monotonic() - start
    assert _taken() - before == devices
    return (devices - (first - before)) / seconds, [Fanned(**json.loads(each)) for each in told]


def _taken() -> int:
    return int(requests.get(f"http://127.0.0.1:{PORT}/taken", timeout=10).json()["taken"])


def _answer_slowly() -> None:
    requests.post(f"http://127.0.0.1:{PORT}/faults", json={"kind": "slow"}, timeout=10).raise_for_status()


async def _work(part: int, parts: int, devices: int) -> Fanned:
    """File a part of the audience and deliver, whoever filed it, until all is out."""
    app = wire(Settings.from_env(os.environ))
    collect_seldom()
    line = Line(channel="push", sender=senders(app)["push"])
    with app.db.read() as tx:
        rows = sql.every(
            tx, "SELECT id FROM members WHERE external_ref LIKE 'crowd-%' ORDER BY id LIMIT :devices", devices=devices
        )
    audience = [row.id for row in rows][part::parts]
    told = _Told(share=len(audience))
    cpu = time.process_time()
    await asyncio.gather(
        _file_all(app, audience, told), *(_deliver_all(app, line, told) for _ in range(AT_ONCE["push"]))
    )
    await line.sender.close()
    return Fanned(done=told.done, cpu_seconds=time.process_time() - cpu, early_mb=told.early_mb, late_mb=_resident_mb())


@dataclass(kw_only=True)
class _Told:
    """What the parts of one worker tell each other."""

    share: int
    filed: int = 0
    done: int = 0
    early_mb: float = 0.0
    is_filed: bool = False


async def _file_all(app: App, audience: list[UUID], told: _Told) -> None:
    while told.filed < len(audience):
        if told.filed - told.done > AHEAD * CHUNK:
            await asyncio.sleep(0.01)
            continue
        await asyncio.to_thread(_file, app, audience[told.filed : told.filed + CHUNK])
        told.filed += CHUNK
    told.is_filed = True


async def _deliver_all(app: App, line: Line, told: _Told) -> None:
    while True:
        sent = await deliver(app, line)
        told.done += sent
        if not told.early_mb and told.done >= told.share // 5:
            told.early_mb = _resident_mb()
        if not sent:
            if told.is_filed and not await asyncio.to_thread(_left, app):
                return
            await asyncio.sleep(0.01)


def _file(app: App, member_ids: list[UUID]) -> None:
    now = app.clock.now()
    with app.db.begin() as tx:
        readers = recipients_of(app, tx, member_ids, now=now, marketing=True)
        wishes = [
            Wish(
                member_id=member,
                kind="promotion",
                about="the bench",
                caused_at=now,
                expires_at=now + KINDS["promotion"].is_worth,
                texts=TEXTS,
            )
            for member in member_ids
        ]
        file_messages(app, tx, wishes, readers, now=now)


def _left(app: App) -> int:
    with app.db.read() as tx:
        return int(sql.one(tx, "SELECT count(*) AS n FROM deliveries WHERE status = 'waiting'").n)


def _resident_mb() -> float:
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


# ── The peers ────────────────────────────────────────────────────────────────────────────────────────────────────


def _firebase(environment: dict[str, str]) -> Peer:
    """firebase-admin's `send_each`, as its documentation shows it, less the address of the server."""
    certificate = credentials.Certificate(environment["FIREBASE_CREDENTIALS"])
    app = firebase_admin.initialize_app(certificate, name="bench")
    service = messaging._get_messaging_service(app)  # noqa: SLF001 it has no other way to another server
    service._fcm_url = f"{environment['FIREBASE_ENDPOINT']}/v1/projects/{PROJECT}/messages:send"  # noqa: SLF001
    built = []
    for number in range(FIREBASE_MESSAGES):
        message = messaging.Message(
            data={"mid": str(uuid4()), "kind": "promotion"},
            notification=messaging.Notification(title="For you, Sam", body="Twice the points until Sunday."),
        )
        message.token = f"peer-{number}"
        built.append(message)
    start, cpu = time.monotonic(), time.process_time()
    for first in range(0, len(built), CHUNK):
        answer = messaging.send_each(built[first : first + CHUNK], app=app)
        assert answer.failure_count == 0, [each.exception for each in answer.responses if each.exception][:1]
    peer = _peer(len(built), start, cpu)
    firebase_admin.delete_app(app)
    return peer


def _bare(environment: dict[str, str]) -> Peer:
    """A loop that posts finished bodies, over as many connections."""
    now = datetime.now(UTC)
    bodies = [
        encode(
            Message(
                id=uuid4(),
                kind="promotion",
                to=f"peer-{number}",
                title="For you, Sam",
                body="Twice the points until Sunday.",
                locale="en",
                collapse_key="promotion",
                expires_at=now + timedelta(days=1),
            ),
            now=now,
        )
        for number in range(BARE_MESSAGES)
    ]
    return asyncio.run(_post_all(bodies, environment))


async def _post_all(bodies: list[bytes], environment: dict[str, str]) -> Peer:
    token = AccessToken(Path(environment["FIREBASE_CREDENTIALS"]), deadline_s=10.0)
    headers = {"Authorization": f"Bearer {await token.get()}", "Content-Type": "application/json"}
    url = f"{environment['FIREBASE_ENDPOINT']}/v1/projects/{PROJECT}/messages:send"
    left = iter(bodies)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:

        async def post() -> None:
            for body in left:
                async with session.post(url, data=body, headers=headers) as response:
                    await response.read()
                    assert response.status == 200

        start, cpu = time.monotonic(), time.process_time()
        await asyncio.gather(*(post() for _ in range(CONNECTIONS)))
        peer = _peer(len(bodies), start, cpu)
    token.close()
    return peer


def _peer(messages: int, start: float, cpu: float) -> Peer:
    seconds, cpu_seconds = time.monotonic() - start, time.process_time() - cpu
    return Peer(rate=messages / seconds, cpu_ms=cpu_seconds / messages * 1_000)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_work(*map(int, sys.argv[1:]))).__dict__))
