"""The conformance test for web services of passes: Carnet passes it, and every fault planted in Carnet is caught."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request, Response

from standins.apns import ApnsStandIn, Push
from standins.wallet_conformance import Report, conformance
from tests.http.trial_app import served
from tests.jobs.world import World, open_world
from wallet_api.app import web
from wallet_api.jobs.deliver import Line, deliver
from wallet_api.jobs.expand import expand
from wallet_api.jobs.senders.apple import AppleSender
from wallet_api.services import show_card, show_pass
from wallet_api.store import sql

Fault = Callable[[Request, Response], Response]
WAIT_SECONDS = 0.4


@dataclass
class Planted:
    """The real service with a fault between it and the device; none at first."""

    wsgi: Any
    fault: Fault | None = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        asked = Request(environ)
        body = asked.get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        chunks, status, headers = run_wsgi_app(self.wsgi, environ)
        answer = Response(b"".join(chunks), status=status, headers=headers)
        if self.fault is not None:
            answer = self.fault(asked, answer)
        return answer(environ, start_response)


@dataclass(kw_only=True)
class Tried:
    """Carnet with the passes of two members, and whatever makes a pass change."""

    world: World
    planted: Planted
    passes: list[bytes]
    url: str
    change: Callable[[str], None]

    def run(self, *, fault: Fault | None = None, pushes: Any = None, only: tuple[str, ...] = ()) -> Report:
        self.planted.fault = fault
        return conformance(
            self.passes,
            cause_change=self.change,
            pushes=pushes or self.world.apns,
            through=self.url,
            wait_seconds=WAIT_SECONDS,
            only=only,
        )


@pytest.fixture
def tried(tmp_path: Path, database_url: str) -> Iterator[Tried]:
    with open_world(tmp_path, database_url) as world, trying(world) as tried:
        yield tried


@contextmanager
def trying(world: World) -> Iterator[Tried]:
    shop = world.shop
    app = replace(shop.app, google=None, settings=replace(shop.app.settings, apple_push_pause_seconds=0))
    line = Line(channel="apple", sender=AppleSender(app))
    flask = web(app)
    planted = Planted(flask.wsgi_app)
    flask.wsgi_app = planted  # type: ignore[method-assign]  # as Flask's documentation says
    passes, holders = [], {}
    for member in (shop.alice, shop.join("bob")):
        with app.db.begin() as tx:
            card = show_card.card_of(tx, member)
            shown = show_pass.shown_pass(app, tx, card)
        passes.append(show_pass.signed(app, shown))
        holders[str(card.id)] = member
    with asyncio.Runner() as runner, served(flask) as url:

        def change(serial: str) -> None:
            shop.sell(1_000, to=holders[serial])
            expand(app)
            runner.run(deliver(app, line))

        yield Tried(world=world, planted=planted, passes=passes, url=url, change=change)
        runner.run(line.sender.close())


def test_carnet_conforms(tried: Tried) -> None:
    report = tried.run()

    assert report.passed, str(report)
    assert [check.name for check in report.checks if check.not_tried] == []
    assert str(report).endswith("20 of 20 rules tried, 0 broken")


def test_what_is_missing_for_a_rule_is_told(tried: Tried) -> None:
    report = conformance(tried.passes[:1], cause_change=tried.change, through=tried.url, wait_seconds=WAIT_SECONDS)

    assert report.passed
    assert {check.name: check.not_tried for check in report.checks if check.not_tried} == {
        "tells-all-passes": "it takes a second pass",
        "tells-of-old-copies": "it takes a second pass",
        "follows-a-new-token": "it takes an APNs stand-in that the server pushes to",
    }


def test_a_service_that_is_away_breaks_rules_and_not_the_test(tried: Tried) -> None:
    report = conformance(
        tried.passes, cause_change=lambda _: None, through="http://127.0.0.1:1", wait_seconds=WAIT_SECONDS
    )

    assert {"registers", "gives-the-pass", "takes-logs"} <= report.broken
    assert "no answer (ConnectionRefusedError)" in str(report)


def test_each_fault_in_the_service_is_caught(tried: Tried) -> None:
    missed = {}
    for fault, rule in FAULTS.items():
        report = tried.run(fault=fault(), only=(rule,))
        if rule not in report.broken:
            missed[fault.__name__] = f"{rule} not among {sorted(report.broken)}"

    assert missed == {}


def test_pushes_that_are_lost_or_go_astray_are_caught(tried: Tried) -> None:
    class Deaf:
        def on_push(self, token: str, listener: Callable[..., None], /) -> None:
            """Never wakes anybody."""

    class Confused:
        """Wakes everybody for every push, as if old tokens were kept."""

        def __init__(self, apns: ApnsStandIn) -> None:
            self.apns = apns
            self.listeners: list[Callable[..., None]] = []

        def on_push(self, token: str, listener: Callable[..., None], /) -> None:
            self.listeners.append(listener)
            self.apns.on_push(token, self.wake)

        def wake(self, push: Push) -> None:
            for listener in self.listeners:
                listener(push)

    rules = ("tells-a-change", "follows-a-new-token", "unregisters")
    lost, astray = (tried.run(pushes=pushes, only=rules) for pushes in (Deaf(), Confused(tried.world.apns)))

    assert lost.broken == {"tells-a-change", "follows-a-new-token"}
    assert astray.broken == {"follows-a-new-token", "unregisters"}


def test_a_report_says_what_was_wrong_and_in_which_requests(tried: Tried) -> None:
    report = tried.run(fault=no_head(), only=("answers-head",))

    (broken,) = [check for check in report.checks if not check.passed]
    assert broken.name == "answers-head"
    assert broken.faults[0] == "HEAD answered 405, not 200"
    assert broken.requests[0].startswith("HEAD /v1/passes/")
    assert broken.requests[0].endswith("→ 405")
    assert "BROKEN     answers-head: HEAD is answered as GET is." in str(report)


def test_a_copy_of_a_pass_that_changed_before_its_registration_is_missed_without_its_own_tag(tried: Tried) -> None:
    app = tried.world.shop.app

    def forget_registrations(asked: Request, answer: Response) -> Response:
        if is_registration(asked) and asked.method == "POST":
            with app.db.begin() as tx:
                sql.run(tx, "UPDATE apple_registrations r SET tag = p.tag FROM passes p WHERE p.card_id = r.card_id")
        return answer

    report = tried.run(fault=forget_registrations, only=("tells-of-old-copies", "tells-all-passes"))

    assert report.broken == {"tells-of-old-copies"}


def test_it_runs_from_a_shell(tried: Tried, tmp_path: Path) -> None:
    file = tmp_path / "card.pkpass"
    file.write_bytes(tried.passes[0])
    command = [sys.executable, "-m", "standins.wallet_conformance", "--pass", str(file), "--through", tried.url]
    command += ["--change-command", "true {serial}", "--only", "takes-logs", "--only", "answers-head"]

    sound = subprocess.run(command, capture_output=True, text=True, check=False)
    tried.planted.fault = no_head()
    broken = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (sound.returncode, broken.returncode) == (0, 1)
    assert sound.stdout.endswith("5 of 5 rules tried, 0 broken\n")
    assert "BROKEN     answers-head" in broken.stdout


# ── The faults ───────────────────────────────────────────────────────────────────────────────────────────────────


def is_list(asked: Request) -> bool:
    return asked.method == "GET" and "/registrations/" in asked.path


def is_registration(asked: Request) -> bool:
    return "/registrations/" in asked.path and asked.method in {"POST", "DELETE"}


def is_pass(asked: Request) -> bool:
    return "/v1/passes/" in asked.path


def tag_as_number() -> Fault:
    return _with_changes(lambda facts: {**facts, "lastUpdated": int(facts["lastUpdated"])})


def tag_that_never_rises() -> Fault:
    return _with_changes(lambda facts: {**facts, "lastUpdated": "1"})


def tags_that_repeat() -> Fault:
    """The last digit alone: it rises, and comes back."""
    return _with_changes(lambda facts: {**facts, "lastUpdated": str(int(facts["lastUpdated"]) % 2)})


def newest_serial_only() -> Fault:
    return _with_changes(lambda facts: {**facts, "serialNumbers": facts["serialNumbers"][:1]})


def serials_of_others() -> Fault:
    return _with_changes(lambda facts: {**facts, "serialNumbers": [*facts["serialNumbers"], str(UUID(int=7))]})


def no_list_of_serials() -> Fault:
    return _with_changes(lambda facts: {"lastUpdated": facts["lastUpdated"]})


def everything_always() -> Fault:
    """Whoever has everything is told the last answer again, as if the tag were not read."""
    last: list[Response] = []

    def bend(asked: Request, answer: Response) -> Response:
        if not is_list(asked) or answer.status_code not in {200, 204}:
            return answer
        if answer.status_code == 200:
            last[:] = [answer]
        return last[0] if last else answer

    return bend


def nothing_with_a_tag() -> Fault:
    return lambda asked, answer: Response(status=204) if is_list(asked) and asked.query_string else answer


def empty_list_in_place_of_204() -> Fault:
    def bend(asked: Request, answer: Response) -> Response:
        if not is_list(asked) or answer.status_code != 204:
            return answer
        return Response('{"serialNumbers": [], "lastUpdated": "9"}', content_type="application/json")

    return bend


def open_doors() -> Fault:
    return lambda _, answer: Response(status=200) if answer.status_code == 401 else answer


def not_found_for_unknown_passes() -> Fault:
    def bend(asked: Request, answer: Response) -> Response:
        known = is_pass(asked) and asked.path.endswith(KNOWN_SERIALS)
        return Response(status=404) if answer.status_code == 401 and not known else answer

    return bend


def other_words_for_unknown_passes() -> Fault:
    def bend(asked: Request, answer: Response) -> Response:
        if answer.status_code == 401 and not asked.headers.get("Authorization", "").endswith("0"):
            answer.set_data(f"no {asked.path}")
        return answer

    return bend


KNOWN_SERIALS = ("no serial ends so",)


def no_head() -> Fault:
    return lambda asked, answer: Response(status=405) if asked.method == "HEAD" else answer


def always_new_registration() -> Fault:
    return _status_of_registration(lambda method, status: 201 if method == "POST" and status == 200 else status)


def never_new_registration() -> Fault:
    return _status_of_registration(lambda method, status: 200 if method == "POST" and status == 201 else status)


def gone_twice_is_not_found() -> Fault:
    gone: set[str] = set()

    def bend(asked: Request, answer: Response) -> Response:
        if asked.method == "DELETE" and answer.status_code == 200:
            answer = Response(status=404) if asked.path in gone else answer
            gone.add(asked.path)
        return answer

    return bend


def not_modified_for_something_new() -> Fault:
    def bend(asked: Request, answer: Response) -> Response:
        is_known = is_pass(asked) and "If-Modified-Since" in asked.headers and answer.status_code == 200
        return Response(status=304) if is_known else answer

    return bend


def always_the_whole_pass() -> Fault:
    last: list[Response] = []

    def bend(asked: Request, answer: Response) -> Response:
        if is_pass(asked) and answer.status_code == 200 and asked.method == "GET":
            last[:] = [answer]
        return last[0] if is_pass(asked) and answer.status_code == 304 else answer

    return bend


def packed_pass() -> Fault:
    def bend(answer: Response) -> None:
        answer.set_data(gzip.compress(answer.get_data()))
        answer.headers["Content-Encoding"] = "gzip"

    return _with_pass(bend)


def pass_as_a_zip() -> Fault:
    return _with_pass(lambda answer: answer.headers.set("Content-Type", "application/zip"))


def pass_without_a_date() -> Fault:
    return _with_pass(lambda answer: answer.headers.remove("Last-Modified"))


def pass_of_one_date() -> Fault:
    return _with_pass(lambda answer: answer.headers.set("Last-Modified", "Tue, 10 Mar 2026 12:00:00 GMT"))


def pass_with_another_token() -> Fault:
    def bend(answer: Response) -> None:
        if answer.get_data():
            answer.set_data(_with_another_token(answer.get_data()))

    return _with_pass(bend)


def pass_that_never_changes() -> Fault:
    first: list[bytes] = []

    def bend(answer: Response) -> None:
        if data := answer.get_data():
            first.append(data)
            answer.set_data(first[0])

    return _with_pass(bend)


def half_a_pass() -> Fault:
    return _with_pass(lambda answer: answer.set_data(answer.get_data()[: len(answer.get_data()) // 2]))


def guarded_log() -> Fault:
    return lambda asked, answer: Response(status=401) if asked.path.endswith("/v1/log") else answer


def strange_devices_are_a_fault() -> Fault:
    return lambda asked, answer: Response(status=400) if is_list(asked) and answer.status_code == 204 else answer


def paths_as_they_come() -> Fault:
    return lambda asked, answer: Response(status=404) if "%" in asked.environ["RAW_URI"] else answer


FAULTS: dict[Callable[[], Fault], str] = {
    tag_as_number: "tells-the-passes",
    tag_that_never_rises: "tells-a-change",
    tags_that_repeat: "skips-nothing",
    newest_serial_only: "tells-all-passes",
    serials_of_others: "tells-the-passes",
    no_list_of_serials: "tells-the-passes",
    everything_always: "tells-nothing-new",
    nothing_with_a_tag: "tells-a-change",
    empty_list_in_place_of_204: "tells-nothing-new",
    open_doors: "refuses-wrong-tokens",
    not_found_for_unknown_passes: "refuses-unknown-passes",
    other_words_for_unknown_passes: "refuses-unknown-passes",
    no_head: "answers-head",
    always_new_registration: "registers",
    never_new_registration: "registers",
    gone_twice_is_not_found: "unregisters",
    not_modified_for_something_new: "gives-what-is-new",
    always_the_whole_pass: "spares-what-is-there",
    packed_pass: "gives-the-pass",
    pass_as_a_zip: "gives-the-pass",
    pass_without_a_date: "gives-the-pass",
    pass_of_one_date: "skips-nothing",
    pass_with_another_token: "gives-the-pass",
    pass_that_never_changes: "gives-what-is-new",
    half_a_pass: "gives-the-pass",
    guarded_log: "takes-logs",
    strange_devices_are_a_fault: "knows-no-strange-device",
    paths_as_they_come: "decodes-paths",
}
"""Each fault, and the rule that it is caught by, among others."""


def _with_changes(bend: Callable[[dict[str, Any]], dict[str, Any]]) -> Fault:
    def fault(asked: Request, answer: Response) -> Response:
        if is_list(asked) and answer.status_code == 200:
            answer.set_data(json.dumps(bend(json.loads(answer.get_data()))))
        return answer

    return fault


def _with_pass(bend: Callable[[Response], object]) -> Fault:
    def fault(asked: Request, answer: Response) -> Response:
        if is_pass(asked) and answer.status_code == 200:
            bend(answer)
        return answer

    return fault


def _status_of_registration(status: Callable[[str, int], int]) -> Fault:
    def fault(asked: Request, answer: Response) -> Response:
        if is_registration(asked):
            answer.status_code = status(asked.method, answer.status_code)
        return answer

    return fault


def _with_another_token(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    content = {**json.loads(files["pass.json"]), "authenticationToken": "another token altogether"}
    files["pass.json"] = json.dumps(content).encode()
    hashes = json.loads(files["manifest.json"])
    hashes["pass.json"] = hashlib.sha1(files["pass.json"], usedforsecurity=False).hexdigest()
    files["manifest.json"] = json.dumps(hashes).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content_of in files.items():
            archive.writestr(name, content_of)
    return buffer.getvalue()
