"""A storm: providers that refuse, stall, hang up and lose answers, and workers that are killed all the while.

What is counted is counted at the stand-in for FCM: every phone that exists shows each of its messages once, none is posted to
a phone after its end was written down, and none in anybody's quiet hours. `STORM_MEMBERS` and `STORM_MESSAGES` make it larger
(5,000 and 20,000 take a few minutes).
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from standins.fcm import FcmStandIn
from tests.jobs.world import World, open_world
from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import json_text

MEMBERS = int(os.environ.get("STORM_MEMBERS", "300"))
MESSAGES = int(os.environ.get("STORM_MESSAGES", "1200"))
WORKERS = 2
KILLS_MIN = 3
LIVES_SECONDS = 4.0
"""How long workers live after their first message is out, until all of them are killed at once."""

END_SECONDS = 60 + MESSAGES / 10


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Members by their phones: those who are awake, those in their quiet hours; and the phones that are no more."""

    awake: dict[UUID, list[str]]
    asleep: dict[UUID, list[str]]
    dead: set[str]


def test_a_storm_loses_nothing_and_nobody_is_shown_a_message_twice(tmp_path: Path, database_url: str) -> None:
    with open_world(tmp_path, database_url) as world:
        crowd = _gather(world)
        sent = _file_events(world, crowd)
        _brew(world.fcm, crowd)

        kills = _work_through_it(world, tmp_path)

        shown = {phone: world.fcm.shown(phone) for phones in crowd.awake.values() for phone in phones}
        messages = _messages(world)
        assert kills >= KILLS_MIN
        assert {member: len(ids) for member, ids in messages.items()} == sent
        for member, phones in crowd.awake.items():
            for phone in set(phones) - crowd.dead:
                said = [each.data["message"] for each in shown[phone]]
                assert sorted(said) == sorted(messages[member]), phone
        _check_requests(world, crowd)


def _gather(world: World) -> Crowd:
    """Members with one to three phones each; every twentieth phone is no more, every tenth member is asleep."""
    chosen = random.Random(3)
    now = world.shop.app.clock.now()
    crowd = Crowd(awake={}, asleep={}, dead=set())
    members, devices, sleepers = [], [], []
    for number in range(MEMBERS):
        member = new_id()
        members.append({"id": member, "program_id": world.shop.program, "ref": f"storm-{number}"})
        phones = [f"phone-{number}-{each}" for each in range(chosen.randint(1, 3))]
        devices += [{"id": new_id(), "member_id": member, "token": phone} for phone in phones]
        (crowd.asleep if number % 10 == 0 else crowd.awake)[member] = phones
        if number % 10 == 0:
            sleepers.append({"member_id": member})
        crowd.dead.update(phone for phone in phones if chosen.random() < 0.05)
    with world.shop.app.db.begin() as tx:
        sql.run(
            tx,
            """
            INSERT INTO members (id, program_id, external_ref, given_name, locale, time_zone, joined_at, version, settled_at)
            SELECT id, program_id, ref, 'Sam', 'en', 'UTC', :now, 1, :now
            FROM jsonb_to_recordset(CAST(:members AS jsonb)) AS m (id uuid, program_id text, ref text)
            """,
            members=json_text(members),
            now=now,
        )
        sql.run(
            tx,
            """
            INSERT INTO devices (id, program_id, member_id, fcm_token, platform, created_at)
            SELECT id, :program, member_id, token, 'android', :now
            FROM jsonb_to_recordset(CAST(:devices AS jsonb)) AS d (id uuid, member_id uuid, token text)
            """,
            devices=json_text(devices),
            program=world.shop.program,
            now=now,
        )
        sql.run(
            tx,
            """
            INSERT INTO preferences (member_id, quiet_from, quiet_until, changed_at)
            SELECT member_id, CAST(:begin AS time), CAST(:end AS time), :now
            FROM jsonb_to_recordset(CAST(:sleepers AS jsonb)) AS s (member_id uuid)
            """,
            sleepers=json_text(sleepers),
            begin=f"{now - timedelta(hours=1):%H:%M}",
            end=f"{now + timedelta(hours=6):%H:%M}",
            now=now,
        )
    return crowd


def _file_events(world: World, crowd: Crowd) -> dict[UUID, int]:
    """Events of sales, spread over all members; how many each has."""
    members = [*crowd.awake, *crowd.asleep]
    rows = [
        {
            "id": new_id(),
            "member_id": members[number % len(members)],
            "notices": [{"kind": "points_earned", "unit": "points", "amount": number + 1, "balance": number + 1}],
        }
        for number in range(MESSAGES)
    ]
    sent: defaultdict[UUID, int] = defaultdict(int)
    with world.shop.app.db.begin() as tx:
        sql.run(tx, "DELETE FROM outbox")
        sql.run(
            tx,
            """
            INSERT INTO outbox (id, program_id, member_id, notices, created_at)
            SELECT r.id, :program, r.member_id, r.notices, :now
            FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id uuid, member_id uuid, notices jsonb)
            """,
            rows=json_text(rows),
            program=world.shop.program,
            now=world.shop.app.clock.now(),
        )
    for row in rows:
        member = row["member_id"]
        assert isinstance(member, UUID)
        sent[member] += 1
    return dict(sent)


def _brew(fcm: FcmStandIn, crowd: Crowd) -> None:
    """Three tries in ten fail, in every way there is; the endpoint for access tokens is down at first."""
    fcm.fault("token_503", times=4)
    for phone in crowd.dead:
        fcm.fault("unregistered_404", token=phone)
    fcm.fault("slow", times=3)
    for kind, share in (
        ("quota_429", 0.10),
        ("unavailable_503", 0.08),
        ("unavailable_503_after", 0.08),
        ("reset_after_body", 0.08),
    ):
        fcm.fault(kind, probability=share)  # type: ignore[arg-type]  # each is one of the kinds


def _work_through_it(world: World, folder: Path) -> int:
    """Have workers work and kill them all, again and again, until nothing is left to be sent; how often they were."""
    end = time.monotonic() + END_SECONDS
    kills = 0
    while kills < KILLS_MIN or _left(world):
        assert time.monotonic() < end, f"{_left(world)} are left"
        with _workers(world, folder):
            before = len(world.fcm.requests)
            while len(world.fcm.requests) == before and _left(world):
                _hurry(world)
                time.sleep(0.05)
            lives_until = time.monotonic() + LIVES_SECONDS
            while time.monotonic() < lives_until and (_left(world) or kills < KILLS_MIN):
                _hurry(world)
                time.sleep(0.2)
        kills += 1
        _a_minute_passes(world)
    return kills


@contextlib.contextmanager
def _workers(world: World, folder: Path) -> Iterator[None]:
    """Several workers, which end by SIGKILL whatever they are doing."""
    environment = {
        **os.environ,
        "CARNET_SECRET_KEY": world.settings.secret_key,
        "DATABASE_URL": world.settings.database_url or "",
        "FIREBASE_CREDENTIALS": str(world.settings.firebase_credentials),
        "FIREBASE_ENDPOINT": world.fcm.url,
        "CARNET_DATA_DIR": str(folder),
    }
    with (folder / "workers.log").open("ab") as log:
        command = [sys.executable, "-m", "wallet_api.cli", "worker"]
        running = [
            subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=Path(__file__).parents[2])
            for _ in range(WORKERS)
        ]
        try:
            yield
        finally:
            for worker in running:
                worker.kill()
            for worker in running:
                worker.wait()


def _hurry(world: World) -> None:
    """Bring the next tries forward, as the backoff is tested elsewhere; quiet hours stay."""
    with world.shop.app.db.begin() as tx:
        sql.run(
            tx,
            """
            UPDATE deliveries SET next_try_at = now() WHERE id IN (
              SELECT id FROM deliveries WHERE status = 'waiting' AND lease_until IS NULL AND quiet IS NULL
                AND next_try_at > now() FOR UPDATE SKIP LOCKED)
            """,
        )


def _a_minute_passes(world: World) -> None:
    """All workers are dead, so what they held is nobody's: in a minute the leases have run out."""
    with world.shop.app.db.begin() as tx:
        # Their connections may still be open, and finish the statement that was under way.
        sql.run(
            tx,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'",
        )
        sql.run(tx, "UPDATE deliveries SET lease_until = NULL WHERE status = 'waiting' AND lease_until IS NOT NULL")
        sql.run(tx, "UPDATE devices SET busy_until = NULL WHERE busy_until IS NOT NULL")


def _left(world: World) -> int:
    """What is still to be sent now: events, and deliveries that no quiet hours hold back."""
    with world.shop.app.db.read() as tx:
        row = sql.one(
            tx,
            """
            SELECT (SELECT count(*) FROM outbox)
                 + (SELECT count(*) FROM deliveries WHERE status = 'waiting' AND quiet IS NULL) AS n
            """,
        )
    return int(row.n)


def _messages(world: World) -> dict[UUID, list[str]]:
    with world.shop.app.db.read() as tx:
        rows = sql.every(tx, "SELECT id, member_id FROM notifications WHERE kind = 'points_earned'")
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    for row in rows:
        found[row.member_id].append(str(row.id))
    return dict(found)


def _check_requests(world: World, crowd: Crowd) -> None:
    """None to the dead once that was written down, none to sleepers; and it was a storm indeed."""
    with world.shop.app.db.read() as tx:
        rows = sql.every(tx, "SELECT fcm_token, forgotten_at FROM devices WHERE forgotten_at IS NOT NULL")
        waiting = sql.one(tx, "SELECT count(*) AS n FROM deliveries WHERE status = 'waiting'").n
    forgotten = {row.fcm_token: row.forgotten_at for row in rows}
    sleepers = {phone for phones in crowd.asleep.values() for phone in phones}
    late = [each for each in world.fcm.requests if each.token in forgotten and each.at > forgotten[each.token]]
    assert late == []
    assert set(forgotten) == crowd.dead - sleepers
    assert [each for each in world.fcm.requests if each.token in sleepers] == []
    assert waiting == sum(len(crowd.asleep[member]) * MESSAGES // MEMBERS for member in crowd.asleep)
    posted = [each for each in world.fcm.requests if each.token not in crowd.dead]
    failed = [each for each in posted if each.fault is not None]
    assert len(failed) > 0.2 * len(posted)
    assert len({each.message["data"]["mid"] for each in posted}) < len(posted)  # some came twice
