"""The emulated iPhone against a web service: as Apple wants it, then with each fault."""

import asyncio
import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from passes.apple.apns import ApnsClient, client_tls
from passes.delivery import Outcome
from standins.apns import ApnsStandIn
from standins.pki import CertificateAuthority
from standins.wallet_device import InvalidPassError, WalletDevice

TYPE = "pass.example.carnet"
START = datetime(2026, 5, 4, 12, tzinfo=UTC)
CARD = "card-1"
OTHER = "card-2"
TOKEN = "0123456789abcdef"
FRENCH = r"""
"You have %@ points" = "Vous avez %@ points";
"Silver" = "Argent";
"say \"hi\"" = "dites \"salut\"";
"""


def pkpass(
    points: int,
    *,
    serial: str = CARD,
    tier: str = "Silver",
    token: str = TOKEN,
    url: str | None = "https://card.example/w",
) -> bytes:
    content = {
        "passTypeIdentifier": TYPE,
        "serialNumber": serial,
        "authenticationToken": token,
        **({"webServiceURL": url} if url else {}),
        "storeCard": {
            "headerFields": [{"key": "points", "value": points, "changeMessage": "You have %@ points"}],
            "secondaryFields": [{"key": "tier", "value": tier, "changeMessage": "You are %@ now"}],
            "backFields": [{"key": "quiet", "value": points}],
        },
    }
    files = {
        "pass.json": json.dumps(content).encode(),
        "fr.lproj/pass.strings": FRENCH.encode("utf-16"),
    }
    manifest = {name: hashlib.sha1(data, usedforsecurity=False).hexdigest() for name, data in files.items()}
    return zipped({**files, "manifest.json": json.dumps(manifest).encode(), "signature": b"signed"})


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


class Shop:
    """A web service for passes, right as it stands; tests bend it one way at a time."""

    def __init__(self) -> None:
        self.versions: dict[str, int] = {}
        self.made: dict[str, bytes] = {}
        self.registered: dict[tuple[str, str], str] = {}
        self.logs: list[str] = []
        self.version = 0
        self.tag: object = None  # set: said instead of the right one
        self.heads = True
        self.open_doors = False  # ask nobody for a token
        self.content_type = "application/vnd.apple.pkpass"
        self.dates = True
        self.clock_stands = False

    def publish(self, data: bytes, *, serial: str = CARD) -> bytes:
        self.version += 1
        self.versions[serial], self.made[serial] = self.version, data
        return data

    def last_modified(self, serial: str) -> str:
        seconds = 0 if self.clock_stands else self.versions[serial]
        return format_datetime(START + timedelta(seconds=seconds), usegmt=True)

    def lets_in(self, authorization: str | None, serial: str) -> bool:
        return self.open_doors or (serial in self.made and authorization == f"ApplePass {TOKEN}")

    def answer(self, method: str, path: str, authorization: str | None, since: str | None, body: bytes) -> "Reply":
        route, _, query = path.removeprefix("/w/v1/").partition("?")
        match route.split("/"):
            case ["devices", device, "registrations", _] if method == "GET":
                return self.changes(device, query.removeprefix("passesUpdatedSince="))
            case ["devices", device, "registrations", _, serial]:
                if not self.lets_in(authorization, serial):
                    return Reply(401)
                if method == "DELETE":
                    self.registered.pop((device, serial), None)
                    return Reply(200)
                known = (device, serial) in self.registered
                self.registered[device, serial] = json.loads(body)["pushToken"]
                return Reply(200 if known else 201)
            case ["passes", _, serial] if method == "GET" or self.heads:
                if not self.lets_in(authorization, serial):
                    return Reply(401)
                return self.card(serial, since)
            case ["log"]:
                self.logs += json.loads(body)["logs"]
                return Reply(200)
        return Reply(405)

    def changes(self, device: str, since: str) -> "Reply":
        held = [serial for owner, serial in self.registered if owner == device]
        changed = [serial for serial in held if self.versions[serial] > int(since or 0)]
        if not changed:
            return Reply(204)
        tag = self.tag if self.tag is not None else str(self.version)
        facts = {"serialNumbers": changed, "lastUpdated": tag}
        return Reply(200, json.dumps(facts).encode(), {"Content-Type": "application/json"})

    def card(self, serial: str, since: str | None) -> "Reply":
        if serial not in self.made:  # reached with open doors only
            return Reply(200, b"", {})
        modified = self.last_modified(serial)
        if since == modified and not self.clock_stands:
            return Reply(304)
        headers = {
            "Content-Type": self.content_type,
            **({"Last-Modified": modified} if self.dates else {}),
        }
        return Reply(200, self.made[serial], headers)


class Reply:
    def __init__(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.status, self.body, self.headers = status, body, headers or {}


class Door(ThreadingHTTPServer):
    def __init__(self, shop: Shop) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.shop = shop


class Handler(BaseHTTPRequestHandler):
    def answer(self) -> None:
        assert isinstance(self.server, Door)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        authorization, since = (
            self.headers.get("Authorization"),
            self.headers.get("If-Modified-Since"),
        )
        reply = self.server.shop.answer(self.command, self.path, authorization, since, body)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_GET = do_HEAD = do_POST = do_DELETE = answer  # noqa: N815 (the names that http.server asks for)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def address(shop: Shop) -> Iterator[str]:
    with Door(shop) as door:
        thread = threading.Thread(target=door.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{door.server_address[1]}"
        door.shutdown()
        thread.join()


@pytest.fixture
def device(address: str) -> Iterator[WalletDevice]:
    with WalletDevice(through=address, language="fr") as phone:
        yield phone


def test_a_pass_that_is_added_is_registered(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))

    assert shop.registered == {(device.library_id, CARD): device.push_token}
    assert device.registered == {CARD}
    assert device.passes[CARD].fields["points"]["value"] == 10
    assert device.complaints == []


def test_a_pass_without_a_web_service_stays_alone(device: WalletDevice) -> None:
    device.add(pkpass(10, url=None))

    assert device.registered == set()
    assert device.exchanges == []


def test_a_change_is_fetched_and_told_in_the_devices_language(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10, tier="Bronze")))
    shop.publish(pkpass(25, tier="Silver"))

    device.check_for_updates()

    assert device.passes[CARD].data == shop.made[CARD]
    assert device.passes[CARD].last_modified == shop.last_modified(CARD)
    assert device.lock_screen == ["Vous avez 25 points", "You are Argent now"]
    assert device.complaints == []


def test_quotes_in_a_translation_are_read(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))
    shop.publish(pkpass(10, tier='say "hi"'))

    device.check_for_updates()

    assert device.lock_screen == ['You are dites "salut" now']


def test_only_what_changed_is_fetched(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))
    device.add(shop.publish(pkpass(5, serial=OTHER), serial=OTHER))
    device.check_for_updates()
    before = len(device.exchanges)
    shop.publish(pkpass(6, serial=OTHER), serial=OTHER)

    device.check_for_updates()
    device.check_for_updates()

    fetched = [
        (one.method, one.path.rpartition("/")[2].partition("?")[0], one.status) for one in device.exchanges[before:]
    ]
    assert fetched == [("GET", TYPE, 200), ("GET", OTHER, 200), ("GET", TYPE, 204)]
    assert device.lock_screen == ["Vous avez 6 points"]


def test_pulling_down_fetches_nothing_new_twice(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))

    device.refresh(CARD)
    device.refresh(CARD)

    assert [(one.method, one.status) for one in device.exchanges[1:]] == [
        ("HEAD", 200),
        ("GET", 200),
        ("GET", 304),
    ]
    assert device.lock_screen == []


def test_a_pass_that_is_removed_is_unregistered(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))

    device.remove(CARD)

    assert shop.registered == {}
    assert device.passes == {}
    assert device.complaints == []


def test_logs_reach_the_web_service(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))

    device.post_logs(CARD, ["something went wrong"])

    assert shop.logs == ["something went wrong"]


def test_a_push_through_apns_brings_the_new_balance(shop: Shop, address: str, tmp_path: Path) -> None:
    authority, file = CertificateAuthority.create(), tmp_path / "authority.pem"
    file.write_bytes(authority.pem)
    identity = authority.pass_certificate(TYPE)
    with ApnsStandIn(client_ca=file) as apns, WalletDevice(through=address) as phone:
        phone.connect(apns)
        phone.add(shop.publish(pkpass(10)))
        shop.publish(pkpass(25))
        tls = client_tls(cert_pem=identity.cert_pem, key_pem=identity.key_pem, ca_file=apns.ca_file)

        async def wake() -> Outcome:
            async with ApnsClient(tls=tls, endpoint=apns.endpoint) as client:
                (result,) = await client.push([phone.push_token], topic=TYPE, now=START)
                return result.outcome

        outcome = asyncio.run(wake())
        phone.wait_until_quiet(after_pushes=1)

        assert outcome is Outcome.ACCEPTED
        assert phone.lock_screen == ["You have 25 points"]
        assert phone.complaints == []


def test_a_push_that_never_comes_is_not_waited_for_in_vain(device: WalletDevice) -> None:
    with pytest.raises(TimeoutError, match="0 of 1 pushes"):
        device.wait_until_quiet(after_pushes=1, timeout=0.1)


@pytest.mark.parametrize(
    ("fault", "value", "complaint"),
    [
        ("tag", 17, "lastUpdated is not a string: 17"),
        ("heads", False, "HEAD answered 405"),
        ("content_type", "application/zip", "fetching a pass: content type application/zip"),
        ("dates", False, "the pass came without Last-Modified"),
    ],
)
def test_what_a_web_service_gets_wrong_is_told(
    shop: Shop, device: WalletDevice, fault: str, value: object, complaint: str
) -> None:
    device.add(shop.publish(pkpass(10)))
    shop.publish(pkpass(25))
    setattr(shop, fault, value)

    device.check_for_updates()

    assert len(device.complaints) == 1
    assert device.complaints[0].startswith(complaint)


def test_a_tag_that_is_no_string_means_that_nothing_is_fetched(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))
    shop.publish(pkpass(25))
    shop.tag = 17

    device.check_for_updates()

    assert device.passes[CARD].fields["points"]["value"] == 10


def test_a_tag_that_stays_is_told(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))
    shop.tag = "0"
    device.check_for_updates()

    device.check_for_updates()

    assert device.complaints == ["1 serial numbers, but the lastUpdated tag (0) remained the same"]


def test_a_tag_that_goes_back_is_told(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))
    for tag in ("0", "00", "0"):
        shop.tag = tag
        device.check_for_updates()

    assert device.complaints == ["the lastUpdated tag went back to 0"]


def test_a_change_under_the_same_date_is_told(shop: Shop, device: WalletDevice) -> None:
    shop.clock_stands = True
    device.add(shop.publish(pkpass(10)))
    device.check_for_updates()
    shop.publish(pkpass(25))

    device.check_for_updates()

    assert len(device.complaints) == 1
    assert device.complaints[0].startswith("the pass changed, but Last-Modified did not rise")


def test_a_token_that_changes_with_an_update_is_told(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))
    shop.publish(pkpass(25, token="fedcba9876543210"))

    device.check_for_updates()

    assert device.complaints == ["authenticationToken changed with an update"]


def test_a_broken_update_is_told_and_asked_for_again(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))
    shop.publish(b"not a zip")
    device.check_for_updates()
    shop.made[CARD] = pkpass(25)

    device.check_for_updates()

    assert len(device.complaints) == 1
    assert device.passes[CARD].fields["points"]["value"] == 25


def test_a_guarded_web_service_passes_the_probe(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))

    device.probe(CARD)

    assert device.complaints == []
    assert shop.registered == {(device.library_id, CARD): device.push_token}


def test_open_doors_are_told(shop: Shop, device: WalletDevice) -> None:
    device.add(shop.publish(pkpass(10)))
    shop.open_doors = True

    device.probe(CARD)

    assert [complaint.rpartition(" answered ")[2] for complaint in device.complaints] == ["200, not 401"] * 5


def test_a_web_service_that_is_gone_is_told(shop: Shop) -> None:
    with WalletDevice(through="http://127.0.0.1:1") as phone:
        phone.add(pkpass(10))

    assert len(phone.complaints) == 1
    assert "no answer (ConnectionRefusedError)" in phone.complaints[0]
    assert phone.registered == set()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a zip",
        zipped({"pass.json": b"{}"}),
        zipped({"pass.json": b"{}", "manifest.json": b'{"pass.json": "00"}', "signature": b"signed"}),
        zipped({"pass.json": b"{}", "manifest.json": b"{}", "signature": b"signed"}),
    ],
)
def test_what_is_no_pass_is_not_added(device: WalletDevice, data: bytes) -> None:
    with pytest.raises(InvalidPassError):
        device.add(data)

    assert device.passes == {}
