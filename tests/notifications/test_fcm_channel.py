import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from notifications import Message, Outcome, SendResult
from notifications.channels.push_fcm import FcmChannel, encode, read_answer, retry_after
from standins.fcm import FaultKind, FcmStandIn

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

BuildMessage = Callable[..., Message]
Send = Callable[..., list[SendResult]]


@pytest.fixture
def send(fcm: FcmStandIn, credentials_file: Path) -> Send:
    """Send batches one after the other through one channel; the results of all."""

    def send(*batches: Sequence[Message], connections: int = 100, deadline_s: float = 5.0) -> list[SendResult]:
        async def through_one_channel() -> list[SendResult]:
            channel = FcmChannel(
                credentials_file=credentials_file,
                endpoint=fcm.url,
                connections=connections,
                deadline_s=deadline_s,
            )
            try:
                return [result for batch in batches for result in await channel.send(batch, now=NOW)]
            finally:
                await channel.close()

        return asyncio.run(through_one_channel())

    return send


def test_a_message_arrives_with_all_that_makes_a_repeated_one_show_once(
    fcm: FcmStandIn, send: Send, message: BuildMessage
) -> None:
    welcome = message("alices-phone", collapse_key="tier", data={"screen": "card"})

    results = send([welcome])

    mid = str(welcome.id)
    ends_at = int(welcome.expires_at.timestamp())
    assert [result.outcome for result in results] == [Outcome.ACCEPTED]
    assert str(results[0].provider_id).startswith("projects/")
    assert fcm.requests[0].message == {
        "token": "alices-phone",
        "notification": {"title": welcome.title, "body": welcome.body},
        "data": {"screen": "card", "mid": mid, "kind": "welcome"},
        "android": {"collapse_key": "tier", "ttl": "3600s", "notification": {"tag": mid}},
        "apns": {
            "headers": {"apns-collapse-id": "tier", "apns-expiration": str(ends_at)},
            "payload": {"aps": {"sound": "default"}},
        },
    }


@pytest.mark.parametrize(
    ("fault", "outcome", "pause"),
    [
        ("unregistered_404", Outcome.GONE, None),
        ("invalid_400", Outcome.REJECTED, None),
        ("sender_mismatch", Outcome.MISCONFIGURED, None),
        ("quota_429", Outcome.LATER, 7),
        ("unavailable_503", Outcome.LATER, None),
        ("unavailable_503_after", Outcome.LATER, None),
        ("slow", Outcome.LATER, None),
        ("slow_then_200", Outcome.ACCEPTED, None),
        ("drip", Outcome.LATER, None),
        ("reset_after_body", Outcome.LATER, None),
        ("bad_json", Outcome.LATER, None),
    ],
)
def test_each_fault_has_its_outcome_after_exactly_one_post(
    fcm: FcmStandIn, send: Send, message: BuildMessage, fault: FaultKind, outcome: Outcome, pause: int | None
) -> None:
    fcm.fault(fault, token="alices-phone")

    alice, bob = send([message("alices-phone"), message("bobs-phone")], deadline_s=0.8)

    assert (alice.outcome, alice.retry_after) == (outcome, pause)
    assert bob.outcome is Outcome.ACCEPTED
    assert sorted(request.token for request in fcm.requests) == ["alices-phone", "bobs-phone"]


@pytest.mark.parametrize("fault", ["slow", "reset_after_body", "bad_json", "unavailable_503_after"])
def test_a_message_that_was_taken_unseen_shows_once_after_the_next_try(
    fcm: FcmStandIn, send: Send, message: BuildMessage, fault: FaultKind
) -> None:
    welcome = message("alices-phone")
    fcm.fault(fault, times=1)

    results = send([welcome], [welcome], deadline_s=0.8)

    assert [result.outcome for result in results] == [Outcome.LATER, Outcome.ACCEPTED]
    assert len(fcm.requests) == 2
    assert [shown.mid for shown in fcm.shown("alices-phone")] == [str(welcome.id)]


def test_two_thousand_messages_keep_to_the_connections_and_one_token(
    fcm: FcmStandIn, send: Send, message: BuildMessage
) -> None:
    crowd = [message(f"phone-{number}") for number in range(2_000)]

    results = send(crowd)

    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert len({result.provider_id for result in results}) == 2_000
    assert sorted(request.token for request in fcm.requests) == sorted(each.to for each in crowd)
    assert 50 <= fcm.connections_peak <= 100
    assert fcm.token_requests == 1


def test_waiting_in_line_does_not_count_towards_the_deadline(
    fcm: FcmStandIn, send: Send, message: BuildMessage
) -> None:
    fcm.fault("slow_then_200")

    results = send([message(f"phone-{number}") for number in range(6)], connections=1, deadline_s=1.0)

    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert fcm.connections_peak == 1


def test_after_the_answer_that_a_phone_is_gone_nothing_more_is_posted_there(
    fcm: FcmStandIn, send: Send, message: BuildMessage
) -> None:
    fcm.fault("unregistered_404", token="old-phone")

    results = send([message(to) for to in ("old-phone", "new-phone", "old-phone", "old-phone", "new-phone")])

    gone, taken = Outcome.GONE, Outcome.ACCEPTED
    assert [result.outcome for result in results] == [gone, taken, gone, gone, taken]
    assert [request.token for request in fcm.requests].count("old-phone") == 1


def test_what_a_batch_has_no_time_for_waits_unsent(
    fcm: FcmStandIn, credentials_file: Path, message: BuildMessage
) -> None:
    async def send_slowly() -> list[SendResult]:
        channel = FcmChannel(credentials_file=credentials_file, endpoint=fcm.url, connections=1, batch_deadline_s=0.1)
        fcm.fault("slow_then_200")
        results = await channel.send([message("one"), message("two")], now=NOW)
        await channel.close()
        return results

    results = asyncio.run(send_slowly())

    assert [result.outcome for result in results] == [Outcome.ACCEPTED, Outcome.LATER]
    assert [request.token for request in fcm.requests] == ["one"]


def test_results_stand_in_the_order_of_the_messages(fcm: FcmStandIn, send: Send, message: BuildMessage) -> None:
    fcm.fault("slow_then_200", token="slow-phone")
    fcm.fault("unregistered_404", token="old-phone")
    batch = [message("slow-phone"), message("old-phone"), message("alices-phone")]

    results = send(batch)

    assert [result.outcome for result in results] == [Outcome.ACCEPTED, Outcome.GONE, Outcome.ACCEPTED]
    assert [shown.mid for shown in fcm.shown("slow-phone")] == [str(batch[0].id)]


def test_without_a_token_endpoint_every_message_waits_and_none_is_lost(
    fcm: FcmStandIn, send: Send, message: BuildMessage
) -> None:
    crowd = [message(f"phone-{number}") for number in range(200)]
    fcm.fault("token_503", times=1)

    results = send(crowd, crowd)

    assert {result.outcome for result in results[:200]} == {Outcome.LATER}
    assert {result.outcome for result in results[200:]} == {Outcome.ACCEPTED}
    assert fcm.token_requests == 2
    assert len(fcm.requests) == 200


def test_a_key_that_google_refuses_stops_the_channel(fcm: FcmStandIn, send: Send, message: BuildMessage) -> None:
    fcm.fault("token_refused")

    results = send([message("alices-phone"), message("bobs-phone")])

    assert {result.outcome for result in results} == {Outcome.MISCONFIGURED}
    assert fcm.requests == []


def test_a_token_endpoint_that_nobody_listens_on_means_later(
    credentials_file: Path, message: BuildMessage, send: Send, free_port: int
) -> None:
    account = json.loads(credentials_file.read_text())
    account["token_uri"] = f"http://127.0.0.1:{free_port}/token"
    credentials_file.write_text(json.dumps(account))

    results = send([message("alices-phone")])

    assert results[0].outcome is Outcome.LATER


def test_a_revoked_token_is_renewed_once_for_all(
    fcm: FcmStandIn, credentials_file: Path, message: BuildMessage
) -> None:
    crowd = [message(f"phone-{number}") for number in range(50)]

    async def revoke_between() -> list[SendResult]:
        channel = FcmChannel(credentials_file=credentials_file, endpoint=fcm.url)
        await channel.send([message("alices-phone")], now=NOW)
        fcm.revoke_bearers()
        results = await channel.send(crowd, now=NOW)
        await channel.close()
        return results

    results = asyncio.run(revoke_between())

    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert 1 <= fcm.unauthorized <= 50
    assert fcm.token_requests == 2
    assert len(fcm.requests) == 51


def test_a_fresh_token_that_is_refused_stops_the_batch(fcm: FcmStandIn, send: Send, message: BuildMessage) -> None:
    fcm.fault("unauthorized_401")

    results = send([message(f"phone-{number}") for number in range(300)], connections=10)

    assert {result.outcome for result in results} == {Outcome.MISCONFIGURED}
    assert 2 <= len(fcm.requests) <= 30  # those that were under way, and not one for each message


def test_a_token_near_its_end_is_renewed_before_it_is_used(message: BuildMessage, tmp_path: Path) -> None:
    with FcmStandIn(token_lifetime_s=200) as hasty:
        path = hasty.service_account_file(tmp_path / "hasty.json")

        async def twice() -> None:
            channel = FcmChannel(credentials_file=path, endpoint=hasty.url)
            await channel.send([message("alices-phone")], now=NOW)
            await channel.send([message("alices-phone")], now=NOW)
            await channel.close()

        asyncio.run(twice())

        assert hasty.token_requests == 2
        assert hasty.unauthorized == 0


def test_an_expired_message_is_not_posted(fcm: FcmStandIn, send: Send, message: BuildMessage) -> None:
    results = send([message("alices-phone", ends_in=timedelta(0))])

    assert results[0].outcome is Outcome.REJECTED
    assert results[0].detail == "expired before it was sent"
    assert fcm.requests == []


def test_one_unsendable_message_does_not_hold_up_the_others(fcm: FcmStandIn, send: Send, message: BuildMessage) -> None:
    results = send([message(""), message("alices-phone", body="x" * 5_000), message("bobs-phone")])

    assert [result.outcome for result in results] == [Outcome.REJECTED, Outcome.REJECTED, Outcome.ACCEPTED]
    assert [shown.mid for shown in fcm.shown("alices-phone")] == []


def test_no_result_quotes_a_token_or_a_text(fcm: FcmStandIn, send: Send, message: BuildMessage) -> None:
    fcm.fault("unregistered_404", token="alices-phone")
    fcm.fault("reset_after_body", token="bobs-phone")

    results = send([message("alices-phone"), message("bobs-phone"), message("", body="secret")])

    assert not any(word in repr(results) for word in ("alices", "bobs", "secret", fcm.url))


def test_the_time_to_live_is_never_more_than_four_weeks(message: BuildMessage) -> None:
    long_ = encode(message("alices-phone", ends_in=timedelta(days=90)), now=NOW)
    short = encode(message("alices-phone", ends_in=timedelta(milliseconds=1)), now=NOW)

    assert json.loads(long_)["message"]["android"]["ttl"] == "2419200s"
    assert json.loads(short)["message"]["android"]["ttl"] == "1s"  # 0 would mean "now or never"


def test_a_file_that_is_no_service_account_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"type": "authorized_user"}')

    with pytest.raises(ValueError, match="service account"):
        FcmChannel(credentials_file=path)


@pytest.mark.parametrize(
    ("status", "body", "outcome", "pause"),
    [
        (200, b'{"name": "projects/p/messages/1"}', Outcome.ACCEPTED, None),
        (200, b"{}", Outcome.LATER, None),
        (200, b"[]", Outcome.LATER, None),
        (200, b'{"name": 1}', Outcome.LATER, None),
        (200, b"[" * 100_000, Outcome.LATER, None),
        (404, b'{"error": {"status": "NOT_FOUND"}}', Outcome.MISCONFIGURED, None),  # a wrong project
        (404, b"<html>", Outcome.MISCONFIGURED, None),
        (500, b'{"error": {"details": [{"errorCode": "UNREGISTERED"}]}}', Outcome.LATER, None),
        (400, b'{"error": {"status": "INVALID_ARGUMENT"}}', Outcome.REJECTED, None),  # a payload too large
        (400, b"<html>", Outcome.LATER, None),
        (401, b'{"error": {"details": [{"errorCode": "THIRD_PARTY_AUTH_ERROR"}]}}', Outcome.MISCONFIGURED, None),
        (403, b'{"error": {"status": "PERMISSION_DENIED"}}', Outcome.MISCONFIGURED, None),
        (403, b"<html>", Outcome.MISCONFIGURED, None),
        (302, b"", Outcome.MISCONFIGURED, None),
        (429, b"", Outcome.LATER, 60),
        (500, b'{"error": {"status": "INTERNAL"}}', Outcome.LATER, None),
        (502, b"<html>", Outcome.LATER, None),
        (500, b'{"error": {"details": "none", "status": 7}}', Outcome.LATER, None),
        (500, b'{"error": {"details": [null, {"errorCode": []}], "status": "alices-phone"}}', Outcome.LATER, None),
    ],
)
def test_answers_are_read_by_fcms_own_code(status: int, body: bytes, outcome: Outcome, pause: int | None) -> None:
    result = read_answer(status, body, retry_after=None)

    assert (result.outcome, result.retry_after) == (outcome, pause)
    assert "alice" not in result.detail


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("99999999", 86_400),
        ("-5", None),
        ("soon", None),
        ("Mon, 04 May 2026 12:00:30 GMT", 30),
        ("Mon, 04 May 2026 11:00:00 GMT", 0),
        ("Mon, 04 May 2026 12:00:30 -0000", 30),
        ("Tue, 04 May 2027 12:00:00 GMT", 86_400),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_at_most_a_day(header: str | None, seconds: int | None) -> None:
    assert retry_after(header, now=NOW) == seconds
