"""The APNs stand-in judges requests by Apple's tables, and wakes listeners."""

import asyncio
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from passes.apple.apns import client_tls
from passes.apple.http2 import Answer, Connection
from standins.apns import ApnsStandIn, Push
from standins.pki import CertificateAuthority, Identity

TOPIC = "pass.example.carnet"
ALICE = "a1" * 32
BOB = "b0" * 32


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A pass certificate, and the file of the authority that it comes from."""

    identity: Identity
    authority_file: Path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    authority = CertificateAuthority.create("Wallet test CA")
    file = tmp_path_factory.mktemp("pki") / "authority.pem"
    file.write_bytes(authority.pem)
    return Shop(identity=authority.pass_certificate(TOPIC), authority_file=file)


@pytest.fixture
def apns(shop: Shop) -> Iterator[ApnsStandIn]:
    with ApnsStandIn(client_ca=shop.authority_file) as server:
        yield server


def tls(shop: Shop, ca_file: Path) -> ssl.SSLContext:
    return client_tls(cert_pem=shop.identity.cert_pem, key_pem=shop.identity.key_pem, ca_file=ca_file)


def post(
    apns: ApnsStandIn,
    shop: Shop,
    *,
    path: str = f"/3/device/{ALICE}",
    body: bytes = b"{}",
    **headers: str | None,
) -> Answer:
    """Post once; headers by their name with underscores, None leaves one out."""
    wanted = {"apns_topic": TOPIC, **headers}
    sent = [(name.replace("_", "-"), value) for name, value in wanted.items() if value is not None]

    async def run() -> Answer:
        port = urlsplit(apns.endpoint).port or 0
        connection = await Connection.open("127.0.0.1", port, tls(shop, apns.ca_file))
        try:
            return await connection.post(path, sent, body)
        finally:
            await connection.close()

    return asyncio.run(run())


@pytest.mark.parametrize("body", [b"{}", b'{"aps": {}}'])
def test_an_empty_payload_is_taken(apns: ApnsStandIn, shop: Shop, body: bytes) -> None:
    answer = post(apns, shop, body=body)

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["apns-id"]
    assert [(push.token, push.topic, push.body) for push in apns.pushes] == [(ALICE, TOPIC, body)]


@pytest.mark.parametrize(
    ("wish", "status", "reason"),
    [
        ({"path": "/3/devices/a1"}, 404, "BadPath"),
        ({"path": "/3/device/not-hex"}, 400, "BadDeviceToken"),
        ({"apns_topic": None}, 400, "MissingTopic"),
        ({"apns_topic": "pass.example.other"}, 400, "TopicDisallowed"),
        ({"apns_expiration": "tomorrow"}, 400, "BadExpirationDate"),
        ({"apns_priority": "11"}, 400, "BadPriority"),
        ({"apns_priority": "10", "apns_push_type": "background"}, 400, "BadPriority"),
        ({"body": b""}, 400, "PayloadEmpty"),
        ({"body": b"{"}, 400, "PayloadNotEmpty"),
        ({"body": b'{"aps": {"alert": "hello"}}'}, 400, "PayloadNotEmpty"),
    ],
)
def test_what_apple_refuses_is_refused_with_its_reason(
    apns: ApnsStandIn, shop: Shop, wish: dict[str, str], status: int, reason: str
) -> None:
    answer = post(apns, shop, **wish)  # type: ignore[arg-type]  # bodies and headers from one table

    assert (answer.status, json.loads(answer.body)) == (status, {"reason": reason})
    assert apns.pushes == []
    assert [request.reason for request in apns.requests] == [reason]


def test_a_fault_for_one_device_leaves_the_others_alone(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("unavailable_503", token=BOB)

    answers = [post(apns, shop, path=f"/3/device/{token}") for token in (ALICE, BOB, BOB)]

    assert [answer.status for answer in answers] == [200, 503, 503]


def test_a_fault_ends_after_its_times_or_when_it_is_cleared(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("internal_500", times=1)
    apns.fault("too_many_429")
    answers = [post(apns, shop) for _ in range(3)]
    apns.clear_faults()

    answers.append(post(apns, shop))

    assert [answer.status for answer in answers] == [500, 429, 429, 200]


def test_a_listener_hears_of_its_own_token_only(apns: ApnsStandIn, shop: Shop) -> None:
    heard: list[Push] = []
    apns.on_push(ALICE, heard.append)
    apns.fault("unavailable_503", token=ALICE, times=1)

    for token in (ALICE, BOB, ALICE):
        post(apns, shop, path=f"/3/device/{token}")

    assert apns.wait_for(2)[-1] == heard[0]
    assert [push.token for push in heard] == [ALICE]


def test_waiting_for_a_push_that_does_not_come_ends(apns: ApnsStandIn) -> None:
    with pytest.raises(TimeoutError, match="0 of 1 pushes"):
        apns.wait_for(1, timeout=0.05)


def test_a_client_without_a_certificate_is_told_so(apns: ApnsStandIn) -> None:
    context = ssl.create_default_context(cafile=str(apns.ca_file))
    context.set_alpn_protocols(["h2"])

    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
        asyncio.run(Connection.open("127.0.0.1", urlsplit(apns.endpoint).port or 0, context))

    assert apns.connections == 0


def test_it_runs_from_a_shell(shop: Shop, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "standins.apns", "--port", "0"]
    with subprocess.Popen(  # our own module
        [*command, "--client-ca", str(shop.authority_file), "--folder", str(tmp_path / "apns")],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
        finally:
            process.terminate()

    settings = dict(part.split("=", 1) for part in line.split())
    assert settings["APNS_ENDPOINT"].startswith("https://127.0.0.1:")
    assert Path(settings["APNS_CA"]).read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
