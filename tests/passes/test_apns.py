"""The APNs client against a real HTTP/2 server that behaves, and misbehaves on request."""

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from passes.apple.apns import ApnsClient, client_tls
from passes.apple.http2 import Answer, Connection
from passes.delivery import Outcome, PushResult
from standins.apns import ApnsStandIn
from standins.pki import CertificateAuthority, Identity

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TOPIC = "pass.example.carnet"
ALICE = "a1" * 32
BOB = "b0" * 32
ACCEPTED = PushResult(outcome=Outcome.ACCEPTED)


@dataclass(frozen=True, kw_only=True)
class Shop:
    """A pass certificate and the authority that APNs trusts."""

    authority: CertificateAuthority
    identity: Identity
    authority_file: Path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    authority = CertificateAuthority.create("Wallet test CA")
    file = tmp_path_factory.mktemp("pki") / "authority.pem"
    file.write_bytes(authority.pem)
    return Shop(authority=authority, identity=authority.pass_certificate(TOPIC), authority_file=file)


@pytest.fixture
def apns(shop: Shop) -> Iterator[ApnsStandIn]:
    with ApnsStandIn(client_ca=shop.authority_file) as server:
        yield server


def tls(apns: ApnsStandIn, identity: Identity) -> ssl.SSLContext:
    return client_tls(cert_pem=identity.cert_pem, key_pem=identity.key_pem, ca_file=apns.ca_file)


def push(
    apns: ApnsStandIn,
    shop: Shop,
    *batches: Sequence[str],
    topic: str = TOPIC,
    streams: int = 500,
    deadline_seconds: float = 10.0,
    idle_seconds: float = 60.0,
) -> list[PushResult]:
    """Push batches one after the other with one client; returns the results of the last."""

    async def run() -> list[PushResult]:
        async with ApnsClient(
            tls=tls(apns, shop.identity),
            endpoint=apns.endpoint,
            streams=streams,
            deadline_seconds=deadline_seconds,
            idle_seconds=idle_seconds,
        ) as client:
            results: list[PushResult] = []
            for batch in batches:
                results = await client.push(batch, topic=topic, now=NOW)
            return results

    return asyncio.run(run())


def tokens(count: int) -> list[str]:
    return [f"{number:064x}" for number in range(count)]


def test_a_push_is_empty_urgent_and_kept_for_a_day(apns: ApnsStandIn, shop: Shop) -> None:
    results = push(apns, shop, [ALICE])

    assert results == [ACCEPTED]
    (taken,) = apns.pushes
    assert (taken.token, taken.topic, taken.body) == (ALICE, TOPIC, b"{}")
    assert taken.headers["apns-priority"] == "10"
    assert taken.headers["apns-expiration"] == str(int((NOW + timedelta(days=1)).timestamp()))
    assert "apns-push-type" not in taken.headers


def test_nothing_to_push_opens_no_connection(apns: ApnsStandIn, shop: Shop) -> None:
    results = push(apns, shop, [])

    assert results == []
    assert apns.connections == 0


def test_five_hundred_pushes_share_one_connection(apns: ApnsStandIn, shop: Shop) -> None:
    results = push(apns, shop, tokens(500))

    assert results == [ACCEPTED] * 500
    assert sorted(taken.token for taken in apns.pushes) == tokens(500)
    assert apns.connections == 1


def test_results_stand_in_the_order_of_the_tokens(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("slow", token=ALICE, seconds=0.2)
    apns.fault("too_many_429", token=BOB)

    results = push(apns, shop, [ALICE, BOB, "cc" * 32])

    assert [result.outcome for result in results] == [
        Outcome.ACCEPTED,
        Outcome.LATER,
        Outcome.ACCEPTED,
    ]


def test_a_server_that_allows_few_streams_is_never_sent_more(shop: Shop) -> None:
    with ApnsStandIn(client_ca=shop.authority_file, max_concurrent_streams=7) as apns:
        apns.fault("slow", times=20, seconds=0.02)

        results = push(apns, shop, tokens(100))

        assert results == [ACCEPTED] * 100
        assert apns.most_streams == 7
        assert apns.connections == 1


def test_our_own_limit_of_streams_holds(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("slow", seconds=0.02)

    results = push(apns, shop, tokens(30), streams=10)

    assert results == [ACCEPTED] * 30
    assert apns.most_streams == 10


def test_more_bytes_than_the_windows_hold_wait_for_room(apns: ApnsStandIn, shop: Shop) -> None:
    window_bytes, body = 65_535, b"x" * 16_000
    count = 3 * window_bytes // len(body)

    async def run() -> list[Answer]:
        connection = await Connection.open("127.0.0.1", urlsplit(apns.endpoint).port or 0, tls(apns, shop.identity))
        answers = await asyncio.gather(
            *(connection.post(f"/3/device/{ALICE}", [("apns-topic", TOPIC)], body) for _ in range(count))
        )
        await connection.close()
        return answers

    answers = asyncio.run(run())

    assert [json.loads(answer.body)["reason"] for answer in answers] == ["PayloadNotEmpty"] * count
    assert [request.body for request in apns.requests] == [body] * count
    assert apns.connections == 1


def test_the_topic_of_another_certificate_stops_and_alarms(apns: ApnsStandIn, shop: Shop) -> None:
    results = push(apns, shop, [ALICE], topic="pass.example.other")

    assert results == [PushResult(outcome=Outcome.MISCONFIGURED, reason="TopicDisallowed")]


def test_a_topic_that_is_none_is_not_sent(apns: ApnsStandIn, shop: Shop) -> None:
    results = push(apns, shop, [ALICE, BOB], topic="pass.example\r\nx: y")

    assert results == [PushResult(outcome=Outcome.MISCONFIGURED, reason="BadTopic")] * 2
    assert apns.connections == 0


@pytest.mark.parametrize("token", ["", "not-hex", "abc", "a1/../b0", "é" * 32, "a1" * 101, ALICE + "\n"])
def test_a_token_that_is_none_is_gone_and_not_sent(apns: ApnsStandIn, shop: Shop, token: str) -> None:
    results = push(apns, shop, [token])

    assert results == [PushResult(outcome=Outcome.GONE, reason="BadDeviceToken")]
    assert apns.requests == []


def test_an_unregistered_device_tells_since_when(apns: ApnsStandIn, shop: Shop) -> None:
    since = datetime(2026, 5, 1, 8, 30, 0, 123_000, tzinfo=UTC)
    apns.fault("unregistered_410", token=ALICE, since=since)

    results = push(apns, shop, [ALICE, BOB])

    assert results == [
        PushResult(outcome=Outcome.GONE, reason="Unregistered", gone_since=since),
        ACCEPTED,
    ]


def test_a_bad_token_is_gone_without_a_moment(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("bad_token_400", token=ALICE)

    results = push(apns, shop, [ALICE])

    assert results == [PushResult(outcome=Outcome.GONE, reason="BadDeviceToken")]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("too_many_429", "TooManyRequests"),
        ("internal_500", "InternalServerError"),
        ("unavailable_503", "ServiceUnavailable"),
    ],
)
def test_a_busy_server_is_tried_later_and_not_at_once(apns: ApnsStandIn, shop: Shop, kind: str, reason: str) -> None:
    apns.fault(kind, times=1)  # type: ignore[arg-type]  # parametrize knows str only

    results = push(apns, shop, [ALICE])

    assert results == [PushResult(outcome=Outcome.LATER, reason=reason)]
    assert len(apns.requests) == 1


def test_a_stream_that_was_refused_unread_is_sent_again(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("refused_stream", token=ALICE, times=1)

    results = push(apns, shop, [ALICE])

    assert results == [ACCEPTED]
    assert [request.reason for request in apns.requests] == ["REFUSED_STREAM", ""]


def test_a_stream_that_is_refused_for_ever_comes_later(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("refused_stream", token=ALICE)

    results = push(apns, shop, [ALICE])

    assert results == [PushResult(outcome=Outcome.LATER, reason="refused")]
    assert len(apns.requests) == 3


def test_goaway_in_the_middle_loses_nothing_and_doubles_nothing(apns: ApnsStandIn, shop: Shop) -> None:
    apns.goaway(after=100)

    results = push(apns, shop, tokens(300))

    assert results == [ACCEPTED] * 300
    assert sorted(taken.token for taken in apns.pushes) == tokens(300)
    assert apns.connections == 2


def test_what_goaway_left_standing_is_still_answered(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("slow", token=ALICE, seconds=0.3)
    apns.goaway(after=2)

    results = push(apns, shop, [ALICE, BOB, *tokens(10)])

    assert results == [ACCEPTED] * 12
    assert len(apns.pushes) == 12
    assert apns.connections == 2


def test_goaway_on_every_connection_comes_later_in_the_end(apns: ApnsStandIn, shop: Shop) -> None:
    apns.goaway(after=1, times=1000)

    results = push(apns, shop, tokens(20))

    outcomes = {result.outcome for result in results}
    assert outcomes == {Outcome.ACCEPTED, Outcome.LATER}
    accepted = [result for result in results if result.outcome is Outcome.ACCEPTED]
    assert len(accepted) == len(apns.pushes) == apns.connections


def test_a_connection_lost_under_way_comes_later_and_the_next_push_reconnects(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("slow", times=2, seconds=30)

    async def run() -> tuple[list[PushResult], list[PushResult]]:
        async with ApnsClient(tls=tls(apns, shop.identity), endpoint=apns.endpoint) as client:
            under_way = asyncio.create_task(client.push([ALICE, BOB], topic=TOPIC, now=NOW))
            while apns.most_streams < 2:
                await asyncio.sleep(0.01)
            apns.drop_connections()
            return await under_way, await client.push([ALICE], topic=TOPIC, now=NOW)

    lost, after = asyncio.run(run())

    assert [result.outcome for result in lost] == [Outcome.LATER] * 2
    assert after == [ACCEPTED]
    assert apns.connections == 2


def test_a_slow_server_meets_our_deadline_and_hears_once(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("slow", token=ALICE, seconds=30)
    started = time.monotonic()

    results = push(apns, shop, [ALICE], deadline_seconds=0.3)

    assert results == [PushResult(outcome=Outcome.LATER, reason="no answer in time")]
    assert time.monotonic() - started < 3
    assert apns.pushes == []


def test_a_silent_connection_is_not_trusted_again(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("slow", token=ALICE, seconds=30)

    results = push(apns, shop, [BOB], [ALICE], [BOB], deadline_seconds=0.3)

    assert results == [ACCEPTED]
    assert apns.connections == 2


def test_an_idle_connection_that_still_answers_is_kept(apns: ApnsStandIn, shop: Shop) -> None:
    results = push(apns, shop, [ALICE], [BOB], idle_seconds=0)

    assert results == [ACCEPTED]
    assert apns.connections == 1


def test_an_idle_connection_that_died_unseen_costs_no_push(apns: ApnsStandIn, shop: Shop) -> None:
    async def run() -> list[PushResult]:
        async with ApnsClient(tls=tls(apns, shop.identity), endpoint=apns.endpoint, idle_seconds=0) as client:
            await client.push([ALICE], topic=TOPIC, now=NOW)
            apns.freeze_connections()
            return await client.push([BOB], topic=TOPIC, now=NOW)

    results = asyncio.run(run())

    assert results == [ACCEPTED]
    assert [taken.token for taken in apns.pushes] == [ALICE, BOB]
    assert apns.connections == 2


def test_one_slow_push_does_not_cost_the_others_their_connection(apns: ApnsStandIn, shop: Shop) -> None:
    apns.fault("slow", token=ALICE, seconds=30)

    results = push(apns, shop, [ALICE, *tokens(50)], deadline_seconds=0.5)

    assert [result.outcome for result in results] == [Outcome.LATER] + [Outcome.ACCEPTED] * 50
    assert apns.connections == 1


def test_a_certificate_of_an_unknown_authority_is_refused(apns: ApnsStandIn) -> None:
    stranger = CertificateAuthority.create("Somebody else").pass_certificate(TOPIC)

    async def run() -> list[PushResult]:
        async with ApnsClient(tls=tls(apns, stranger), endpoint=apns.endpoint) as client:
            return await client.push([ALICE, BOB], topic=TOPIC, now=NOW)

    results = asyncio.run(run())

    assert [result.outcome for result in results] == [Outcome.MISCONFIGURED] * 2
    assert "unknown_ca" in results[0].reason
    assert apns.requests == []


def test_a_server_of_an_unknown_authority_is_not_spoken_to(apns: ApnsStandIn, shop: Shop) -> None:
    context = client_tls(cert_pem=shop.identity.cert_pem, key_pem=shop.identity.key_pem, ca_file=shop.authority_file)

    async def run() -> list[PushResult]:
        async with ApnsClient(tls=context, endpoint=apns.endpoint) as client:
            return await client.push([ALICE], topic=TOPIC, now=NOW)

    results = asyncio.run(run())

    assert results == [PushResult(outcome=Outcome.MISCONFIGURED, reason="certificate_verify_failed")]
    assert apns.connections == 0


def test_nobody_at_the_port_comes_later(shop: Shop, apns: ApnsStandIn) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"https://127.0.0.1:{closed.getsockname()[1]}"

        async def run() -> list[PushResult]:
            async with ApnsClient(tls=tls(apns, shop.identity), endpoint=endpoint) as client:
                return await client.push(tokens(200), topic=TOPIC, now=NOW)

        results = asyncio.run(run())

    assert results == [PushResult(outcome=Outcome.LATER, reason="ConnectionRefusedError")] * 200


def test_a_server_that_hangs_up_is_knocked_at_once_for_the_batch(apns: ApnsStandIn, shop: Shop) -> None:
    apns.refusing = True

    results = push(apns, shop, tokens(20))

    assert [result.outcome for result in results] == [Outcome.LATER] * 20
    assert (apns.knocks, apns.connections) == (1, 0)


@pytest.mark.parametrize(
    ("protocol", "outcome", "reason"),
    [
        ("http/1.1", Outcome.MISCONFIGURED, "the endpoint does not speak HTTP/2"),
        ("h2", Outcome.LATER, "ConnectionError"),
    ],
)
def test_a_server_that_is_not_apns_is_survived(
    shop: Shop, tmp_path: Path, protocol: str, outcome: Outcome, reason: str
) -> None:
    cert, key = shop.authority.server().write(tmp_path, name="server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols([protocol])
    ours = client_tls(cert_pem=shop.identity.cert_pem, key_pem=shop.identity.key_pem, ca_file=shop.authority_file)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        writer.close()

    async def run() -> list[PushResult]:
        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            async with ApnsClient(tls=ours, endpoint=f"https://127.0.0.1:{port}") as client:
                return await client.push([ALICE, BOB], topic=TOPIC, now=NOW)

    results = asyncio.run(run())

    assert results == [PushResult(outcome=outcome, reason=reason)] * 2


def test_a_key_that_is_not_the_certificates_is_refused_at_once(apns: ApnsStandIn, shop: Shop) -> None:
    other = shop.authority.pass_certificate(TOPIC)

    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        client_tls(cert_pem=shop.identity.cert_pem, key_pem=other.key_pem, ca_file=apns.ca_file)


def test_an_endpoint_without_tls_is_refused(apns: ApnsStandIn, shop: Shop) -> None:
    with pytest.raises(ValueError, match="https"):
        ApnsClient(tls=tls(apns, shop.identity), endpoint="http://127.0.0.1:2197")
