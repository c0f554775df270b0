"""`carnet demo`, as a visitor starts it: one command, everything in one, and nothing of it left after Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # its wheel has no types
import pytest
import requests

from tests.jobs.world import eventually
from tests.processes import free_port
from tests.shop import Shop
from wallet_api.app import web

FIRST_START_SECONDS_MAX = 90.0
STARTS_AGAIN_WITHIN_SECONDS = 15.0
STOPS_WITHIN_SECONDS = 30.0
ORPHANS_END_WITHIN_SECONDS = 15.0
IMPATIENCE = 20


class Demo:
    """A `carnet demo` in a process group of its own, as a shell gives it one; it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.first_page = ""
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def told(self) -> Any:
        """What `demo.json` says."""
        return json.loads((self.folder / "demo.json").read_bytes())

    def start(self, *, seconds: float) -> float:
        """Start it, and wait for `demo.json` to be written or renewed; the seconds that it took."""
        path = self.folder / "demo.json"
        before = path.stat().st_mtime_ns if path.exists() else 0
        started = time.monotonic()
        with (self.folder.parent / "said").open("ab") as said:
            self._process = subprocess.Popen(
                _command(port=self._port, folder=self.folder),
                env=_environment(),
                stdout=said,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        while not path.exists() or path.stat().st_mtime_ns == before:
            assert self.is_running, self.said
            assert time.monotonic() < started + seconds, self.said
            time.sleep(0.05)
        return time.monotonic() - started

    @property
    def said(self) -> str:
        """All that it has printed."""
        return (self.folder.parent / "said").read_text(encoding="utf-8")

    def interrupt(self) -> int:
        """Press Ctrl-C, impatiently: the signals go to the whole group. The exit code."""
        assert self._process is not None
        for _ in range(IMPATIENCE):
            os.killpg(self._process.pid, signal.SIGINT)
        return self._process.wait(timeout=STOPS_WITHIN_SECONDS)

    def kill(self) -> None:
        """End the first process so that it can do nothing more."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=STOPS_WITHIN_SECONDS)

    def processes(self) -> list[psutil.Process]:
        """Its process, the API's and the worker's."""
        assert self._process is not None
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    def postgres(self) -> list[psutil.Process]:
        """The database's processes, which are nobody's children."""
        first = psutil.Process(int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0]))
        return [first, *first.children(recursive=True)]

    def page(self, path: str) -> str:
        """The text of a page, in English."""
        answer = requests.get(self.told["base_url"] + path, headers={"Accept-Language": "en"}, timeout=10)
        assert answer.status_code == 200, answer.text
        return unescape(answer.text)

    def get(self, path: str, *, token: str) -> Any:
        answer = requests.get(self.told["base_url"] + path, headers=_bearer(token), timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object, *, expect: int, token: str | None = None) -> Any:
        answer = requests.post(self.told["base_url"] + path, json=body, headers=_bearer(token), timeout=10)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def sell(self, amount: int, *, token: str) -> Any:
        """The till scans the card on this member's phone and records a sale (cents)."""
        told = self.told
        code = self.get("/v1/me/card", token=token)["barcode"]["value"]
        seen = {"code": code, "location_id": told["location_id"]}
        scan = self.post("/v1/scans", seen, expect=200, token=told["till_key"])
        sale = {
            "scan_id": scan["scan_id"],
            "external_id": f"receipt-{time.time_ns()}",
            "location_id": told["location_id"],
            "occurred_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "currency": "USD",
            "amount": amount,
        }
        return self.post("/v1/transactions", sale, expect=201, token=told["till_key"])

    def messages(self, to: str) -> list[dict[str, str]]:
        """What was sent to somebody, the newest first."""
        answer = requests.get(f"{self.told['base_url']}/demo/outbox.json", timeout=10)
        return [message for message in answer.json() if message["to"] == to]


@pytest.fixture(scope="module")
def house() -> Iterator[Demo]:
    """The demo of this file. Under root PostgreSQL is another user, who cannot enter pytest's own folders."""
    parent = Path(tempfile.mkdtemp(prefix="carnet-demo-", dir="/tmp"))
    house = Demo(parent / "var")
    try:
        seconds = house.start(seconds=FIRST_START_SECONDS_MAX)
        house.first_page = house.page("/")
        print(f"first start, with the import: {seconds:.1f} s")
        yield house
    finally:
        with contextlib.ExitStack() as cleaning:
            cleaning.callback(shutil.rmtree, parent)
            if house.is_running:
                house.interrupt()


@pytest.fixture
def demo(house: Demo) -> Demo:
    """The demo, running; a test that stopped it leaves its data to the others."""
    if not house.is_running:
        house.start(seconds=STARTS_AGAIN_WITHIN_SECONDS)
    return house


def test_demo_json_tells_all_that_a_visitor_needs_and_only_to_its_owner(demo: Demo) -> None:
    told = demo.told

    assert set(told) == {"base_url", "program", "till_key", "location_id", "manager", "member"}
    assert set(told["manager"]) == {"email", "password"}
    assert set(told["member"]) == {"email", "access_token", "refresh_token", "card_number"}
    assert (demo.folder / "demo.json").stat().st_mode & 0o777 == 0o600
    assert demo.post("/v1/staff/sessions", told["manager"], expect=201)["access_token"]
    member = demo.get("/v1/me/card", token=told["member"]["access_token"])
    assert member["number"] == told["member"]["card_number"]


def test_the_start_page_shows_the_shop_with_its_history(demo: Demo) -> None:
    assert "<dt>Members</dt><dd>2,358</dd>" in demo.first_page
    assert "<dt>Sales</dt><dd>6,919</dd>" in demo.first_page


def test_the_commands_of_the_start_page_carry_a_token_that_is_good_now(demo: Demo) -> None:
    page = demo.page("/")

    token = page.partition("/v1/me/card -H 'Authorization: Bearer ")[2].partition("'")[0]
    assert demo.get("/v1/me", token=token)["given_name"] == "Alice"
    assert token != demo.told["member"]["access_token"]


def test_a_newcomer_is_told_of_points_and_level_in_her_own_language(demo: Demo) -> None:
    address, program = "bob@example.org", f"/v1/programs/{demo.told['program']}"
    joining = {"email": address, "given_name": "Bob", "locale": "fr", "consents": {"terms": True}}
    demo.post(f"{program}/members", joining, expect=202)
    eventually(lambda: bool(demo.messages(address)))
    (sent,) = demo.messages(address)
    signed_in = demo.post(f"{program}/sessions", {"email": address, "code": sent["code"]}, expect=201)
    token = signed_in["access_token"]
    demo.post("/v1/me/devices", {"fcm_token": "bobs-phone", "platform": "android"}, expect=201, token=token)

    sale = demo.sell(12_000, token=token)

    assert (sale["tier"]["previous"], sale["tier"]["id"]) == ("bronze", "silver")
    assert sale["balances"]["points"]["available"] == 50 + 120
    # What was sent before he had a phone is kept under his id.
    recipients = ("bobs-phone", f"member {signed_in['member']['id']}")
    texts = (
        "Le Club du CD Shop vous souhaite la bienvenue",
        "Vous gagnez 120 points. Vous avez maintenant 170 points.",
        "Vous voilà Argent",
    )

    def told() -> list[dict[str, str]]:
        return [message for recipient in recipients for message in demo.messages(recipient)]

    eventually(lambda: all(_says(told(), text) for text in texts))


def test_a_sale_to_alice_reaches_her_phone_and_its_lock_screen(demo: Demo) -> None:
    signed_in = demo.post("/v1/sessions/refresh", {"refresh_token": demo.told["member"]["refresh_token"]}, expect=201)
    token = signed_in["access_token"]

    sale = demo.sell(31_000, token=token)

    points = f"{sale['balances']['points']['available']:,}"
    eventually(lambda: _says(demo.messages("alices-phone"), f"You now have {points} points"))
    assert _says(demo.messages("alices-phone"), "You are Gold now!")
    eventually(lambda: f"<dd>{points}</dd>" in demo.page("/demo/wallet"))
    wallet = demo.page("/demo/wallet")
    assert f"<li>points: {points}</li>" in wallet
    assert "<dt>Level</dt><dd>Gold</dd>" in wallet
    assert re.search(r"<dt>Member since</dt><dd>[A-Z][a-z]{2} \d{1,2}, \d{4}</dd>", wallet)


def test_ctrl_c_leaves_no_process_and_a_second_start_goes_on_with_the_shop(demo: Demo) -> None:
    before, processes = demo.told, [*demo.processes(), *demo.postgres()]
    balance = demo.get("/v1/me", token=before["member"]["access_token"])["balances"]

    code = demo.interrupt()

    assert code == 0, demo.said
    assert [process for process in processes if _is_alive(process)] == []
    assert not (demo.folder / "postgres" / "postmaster.pid").exists()
    seconds = demo.start(seconds=STARTS_AGAIN_WITHIN_SECONDS)
    print(f"second start: {seconds:.1f} s")
    after = demo.told
    assert (after["till_key"], after["manager"]) == (before["till_key"], before["manager"])
    assert after["member"]["card_number"] == before["member"]["card_number"]
    assert after["member"]["access_token"] != before["member"]["access_token"]
    assert demo.get("/v1/me", token=after["member"]["access_token"])["balances"] == balance
    assert demo.post("/v1/staff/sessions", before["manager"], expect=201)["access_token"]
    assert demo.said.count("6,919 purchases are imported") == 1


def test_serve_and_worker_end_with_a_demo_that_was_killed_and_the_next_start_finds_all(demo: Demo) -> None:
    first, *others = demo.processes()
    before = demo.told

    demo.kill()

    assert len(others) >= 3  # the API's main process and workers, and the worker
    eventually(lambda: not any(map(_is_alive, others)), seconds=ORPHANS_END_WITHIN_SECONDS)
    assert not _is_alive(first)
    demo.start(seconds=STARTS_AGAIN_WITHIN_SECONDS)
    assert demo.told["till_key"] == before["till_key"]


@pytest.mark.parametrize(
    "path", ["/", "/demo/card", "/demo/wallet", "/demo/passes", "/demo/outbox", "/demo/outbox.json"]
)
def test_outside_the_demo_its_pages_do_not_exist(shop: Shop, path: str) -> None:
    assert web(shop.app).test_client().get(path).status_code == 404


def test_a_busy_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        ended = _run(port=port, folder=tmp_path / "var")

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: Cannot listen at 127.0.0.1:{port} (")
    assert ended.stderr.endswith("Choose another with --port.\n")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("where", ["file", "file/var"])
def test_a_file_where_the_folder_should_be_is_said_in_one_sentence(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").touch()

    ended = _run(port=free_port(), folder=tmp_path / where)

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: {tmp_path / where} cannot be written (")
    assert ended.stderr.endswith("Choose another with --data-dir.\n")
    assert ended.stderr.count("\n") == 1


def _run(*, port: int, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(port=port, folder=folder), env=_environment(), capture_output=True, text=True, timeout=60, check=False
    )


def _command(*, port: int, folder: Path) -> list[str]:
    return [sys.executable, "-m", "wallet_api.cli", "demo", "--port", str(port), "--data-dir", str(folder)]


def _environment() -> dict[str, str]:
    """A visitor's environment: the demo brings its own database."""
    return {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}


def _bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


def _says(messages: list[dict[str, str]], text: str) -> bool:
    return any(text in " ".join(f"{message['title']} {message['body']}".split()) for message in messages)


def _is_alive(process: psutil.Process) -> bool:
    """Whether it runs; one that ended and that nobody has asked about since does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
