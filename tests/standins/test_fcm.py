"""The stand-in over plain HTTP, so that a fault of our channel cannot hide one of the server."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from standins.fcm import FcmStandIn, Shown

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def fcm() -> Iterator[FcmStandIn]:
    with FcmStandIn(slow_s=0.2) as server:
        yield server


@pytest.fixture
def account(fcm: FcmStandIn, tmp_path: Path) -> dict[str, str]:
    loaded: dict[str, str] = json.loads(fcm.service_account_file(tmp_path / "fcm.json").read_text())
    return loaded


@pytest.fixture
def bearer(account: dict[str, str]) -> str:
    return str(ask_for_token(account).json()["access_token"])


def ask_for_token(account: dict[str, str], *, key: Any = None, **changes: Any) -> requests.Response:

    now = int(time.time())
    claims = {
        "iss": account["client_email"],
        "aud": account["token_uri"],
        "iat": now,
        "exp": now + 3_600,
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
    }
    assertion = jwt.encode(claims | changes, key or account["private_key"], algorithm="RS256")
    return requests.post(account["token_uri"], data={"grant_type": GRANT, "assertion": assertion}, timeout=5)


def post(fcm: FcmStandIn, bearer: str, message: object) -> requests.Response:
    return requests.post(
        f"{fcm.url}/v1/projects/carnet-stand-in/messages:send",
        json={"message": message},
        headers={"Authorization": f"Bearer {bearer}"},
        timeout=5,
    )


def note(mid: str = "1", **changes: Any) -> dict[str, Any]:
    return {
        "token": "alices-phone",
        "notification": {"title": "Bonjour", "body": "Prête"},
        "data": {"mid": mid, "kind": "welcome"},
    } | changes


def test_the_phone_shows_each_message_once(fcm: FcmStandIn, bearer: str) -> None:
    answers = [post(fcm, bearer, note(mid)) for mid in ("1", "2", "1")]

    shown = fcm.shown("alices-phone")
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json()["name"].startswith("projects/") for answer in answers)
    assert [each.mid for each in shown] == ["1", "2"]
    assert shown[0] == Shown(
        mid="1", kind="welcome", title="Bonjour", body="Prête", data={"mid": "1", "kind": "welcome"}
    )
    assert len(fcm.requests) == 3
    assert fcm.shown("bobs-phone") == []


def test_only_a_bearer_that_was_given_out_may_send(fcm: FcmStandIn, bearer: str) -> None:
    wrong = post(fcm, "wrong", note())
    right = post(fcm, bearer, note())
    fcm.revoke_bearers()
    revoked = post(fcm, bearer, note())

    assert [answer.status_code for answer in (wrong, right, revoked)] == [401, 200, 401]
    assert fcm.unauthorized == 2
    assert len(fcm.requests) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "mallory@example.test"},
        {"aud": "https://example.test/token"},
        {"exp": 1},
        {"exp": 9_999_999_999},
        {"scope": "https://www.googleapis.com/auth/userinfo.email"},
    ],
)
def test_a_grant_with_wrong_claims_is_refused(account: dict[str, str], changes: dict[str, Any]) -> None:
    answer = ask_for_token(account, **changes)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_grant_signed_with_another_key_is_refused(account: dict[str, str]) -> None:
    other = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)

    answer = ask_for_token(account, key=other)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (None, "message"),
        (note(colour="red"), "message.colour"),
        (note(android={"ttl": "3600"}), "message.android.ttl"),
        (note(android={"ttl": "2419201s"}), "message.android.ttl"),
        (note(android={"notification": {"tags": "x"}}), "message.android.notification.tags"),
        (note(android=[]), "message.android"),
        (note(apns={"headers": {"apns-collapse-id": "é" * 33}}), "message.apns.headers.apns-collapse-id"),
        (note(apns={"headers": {"apns-expiration": 7}}), "message.apns.headers"),
        (note(data={"mid": 1}), "message.data.mid"),
        (note(data={"from": "x"}), "message.data.from"),
        (note(topic="news"), "message"),
        (note(notification={"title": "x", "body": "x" * 4_096}), "message"),
    ],
)
def test_a_message_that_fcm_would_refuse_is_refused(fcm: FcmStandIn, bearer: str, message: object, field: str) -> None:
    answer = post(fcm, bearer, message)

    error = answer.json()["error"]
    assert (answer.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["details"][0]["fieldViolations"][0]["field"] == field
    assert fcm.shown("alices-phone") == []


def test_a_fault_strikes_its_token_as_often_as_it_was_asked_to(fcm: FcmStandIn, bearer: str) -> None:
    fcm.fault("quota_429", token="alices-phone", times=1)

    bob = post(fcm, bearer, note(token="bobs-phone"))
    first, second = post(fcm, bearer, note()), post(fcm, bearer, note())

    assert [answer.status_code for answer in (bob, first, second)] == [200, 429, 200]
    assert first.headers["Retry-After"] == "7"
    assert first.json()["error"]["details"][0]["errorCode"] == "QUOTA_EXCEEDED"


def test_a_fault_by_chance_strikes_sometimes(fcm: FcmStandIn, bearer: str) -> None:
    fcm.fault("unavailable_503", probability=0.5)

    statuses = [post(fcm, bearer, note(str(number))).status_code for number in range(40)]

    assert 5 <= statuses.count(503) <= 35
    assert len(fcm.shown("alices-phone")) == statuses.count(200)


def test_a_reset_after_the_body_leaves_the_sender_in_doubt(fcm: FcmStandIn, bearer: str) -> None:
    fcm.fault("reset_after_body", times=1)

    with pytest.raises(requests.ConnectionError):
        post(fcm, bearer, note())

    assert [each.mid for each in fcm.shown("alices-phone")] == ["1"]


def test_another_process_can_set_faults_and_look_at_phones(fcm: FcmStandIn, bearer: str) -> None:
    wrong = requests.post(f"{fcm.url}/faults", json={"kind": "lost"}, timeout=5)
    right = requests.post(f"{fcm.url}/faults", json={"kind": "unregistered_404", "times": 1}, timeout=5)

    statuses = [post(fcm, bearer, note()).status_code for _ in range(2)]
    shown = requests.get(f"{fcm.url}/shown/alices-phone", timeout=5).json()
    kept = requests.get(f"{fcm.url}/requests", timeout=5).json()

    assert (wrong.status_code, right.status_code) == (400, 204)
    assert statuses == [404, 200]
    assert [each["title"] for each in shown] == ["Bonjour"]
    assert [each["fault"] for each in kept] == ["unregistered_404", None]


def test_the_key_is_readable_by_its_owner_only(fcm: FcmStandIn, tmp_path: Path) -> None:
    path = fcm.service_account_file(tmp_path / "fcm.json")

    assert path.stat().st_mode & 0o077 == 0
