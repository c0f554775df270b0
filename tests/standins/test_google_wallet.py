"""The Google Wallet stand-in, spoken to by plain HTTP and Google's own library for the token."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from passes.google.callback import UnknownRoot, read_roots, verify
from standins.google_wallet import ISSUER, SCOPE, GoogleWalletStandIn

CLASS_ID = f"{ISSUER}.gold"
ALICE = f"{ISSUER}.alice"
CLASS: dict[str, object] = {
    "id": CLASS_ID,
    "issuerName": "Café",
    "programName": "Stamps",
    "programLogo": {"sourceUri": {"uri": "https://cafe.example/logo.png"}},
    "reviewStatus": "UNDER_REVIEW",
}
OBJECT: dict[str, object] = {
    "id": ALICE,
    "classId": CLASS_ID,
    "state": "ACTIVE",
    "loyaltyPoints": {"label": "Points", "balance": {"int": 10}},
    "messages": [{"header": "Hi", "body": "Welcome"}],
}


class Answer(NamedTuple):
    status: int
    facts: dict[str, object]

    @property
    def reason(self) -> str:
        error = self.facts["error"]
        assert isinstance(error, dict)
        return str(error["errors"][0]["reason"])


@pytest.fixture
def google() -> Iterator[GoogleWalletStandIn]:
    with GoogleWalletStandIn() as server:
        yield server


@pytest.fixture
def token(google: GoogleWalletStandIn, tmp_path: Path) -> str:
    return token_for(google, tmp_path)


def token_for(google: GoogleWalletStandIn, folder: Path, *, scope: str = SCOPE) -> str:
    file = google.service_account_file(folder / "google.json")
    credentials = Credentials.from_service_account_file(str(file), scopes=[scope])  # type: ignore[no-untyped-call]
    request = Request()
    credentials.refresh(request)
    request.session.close()
    return str(credentials.token)


def call(
    google: GoogleWalletStandIn,
    token: str,
    method: str,
    path: str,
    body: dict[str, object] | None = None,
) -> Answer:
    request = urllib.request.Request(  # loopback
        f"{google.endpoint}/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return Answer(response.status, json.load(response))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, json.load(error))


def saved(google: GoogleWalletStandIn, token: str) -> None:
    assert call(google, token, "POST", "loyaltyClass", CLASS).status == 200
    assert call(google, token, "POST", "loyaltyObject", OBJECT).status == 200


def test_googles_own_library_gets_a_token(google: GoogleWalletStandIn, token: str) -> None:
    answer = call(google, token, "POST", "loyaltyClass", CLASS)

    assert answer == (200, CLASS)
    assert google.tokens_given == 1


def test_a_grant_for_another_scope_gets_none(google: GoogleWalletStandIn, tmp_path: Path) -> None:
    with pytest.raises(RefreshError, match="invalid_grant"):
        token_for(google, tmp_path, scope="https://www.googleapis.com/auth/drive")

    assert google.tokens_given == 0


def test_a_request_without_a_good_token_is_refused(google: GoogleWalletStandIn) -> None:
    answer = call(google, "guessed", "POST", "loyaltyClass", CLASS)

    assert (answer.status, answer.reason) == (401, "authError")
    assert google.classes == {}


def test_what_exists_is_not_inserted_twice(google: GoogleWalletStandIn, token: str) -> None:
    saved(google, token)

    answer = call(google, token, "POST", "loyaltyObject", {**OBJECT, "state": "EXPIRED"})

    assert (answer.status, answer.reason) == (409, "existingResource")
    assert google.objects[ALICE]["state"] == "ACTIVE"


def test_what_does_not_exist_is_not_found(google: GoogleWalletStandIn, token: str) -> None:
    answers = [
        call(google, token, "GET", f"loyaltyObject/{ALICE}"),
        call(google, token, "PATCH", f"loyaltyObject/{ALICE}", {"state": "EXPIRED"}),
        call(google, token, "PUT", f"loyaltyObject/{ALICE}", OBJECT),
        call(
            google,
            token,
            "POST",
            f"loyaltyObject/{ALICE}/addMessage",
            {"message": {"header": "a", "body": "b"}},
        ),
        call(google, token, "GET", f"loyaltyClass/{CLASS_ID}"),
    ]

    assert [answer.status for answer in answers] == [404] * 5


def test_a_patch_merges_and_a_put_replaces(google: GoogleWalletStandIn, token: str) -> None:
    saved(google, token)

    patched = call(
        google,
        token,
        "PATCH",
        f"loyaltyObject/{ALICE}",
        {"loyaltyPoints": {"balance": {"string": "1"}}},
    )
    replaced = call(google, token, "PUT", f"loyaltyObject/{ALICE}", {"classId": CLASS_ID, "state": "INACTIVE"})

    assert patched.facts == {
        **OBJECT,
        "loyaltyPoints": {"label": "Points", "balance": {"string": "1"}},
    }
    assert replaced.facts == {"id": ALICE, "classId": CLASS_ID, "state": "INACTIVE"}
    assert call(google, token, "GET", f"loyaltyObject/{ALICE}").facts == replaced.facts


def test_a_message_is_added_to_those_before(google: GoogleWalletStandIn, token: str) -> None:
    saved(google, token)
    message = {"header": "Gold", "body": "You are Gold now", "messageType": "TEXT"}

    answer = call(google, token, "POST", f"loyaltyObject/{ALICE}/addMessage", {"message": message})

    assert answer.status == 200
    assert google.objects[ALICE]["messages"] == [{"header": "Hi", "body": "Welcome"}, message]
    assert google.notices == []


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"reviewStatus": None}, 400, "required"),
        ({"reviewStatus": "underReview"}, 400, "badRequest"),
        ({"programLogo": {"contentDescription": {}}}, 400, "required"),
        ({"programme": "x"}, 400, "badRequest"),
        ({"id": ISSUER}, 400, "invalidResourceId"),
        ({"id": f"{ISSUER}.gold!"}, 400, "invalidResourceId"),
        ({"id": "1234.gold"}, 403, "permissionDenied"),
    ],
)
def test_a_wrong_class_is_refused(
    google: GoogleWalletStandIn, token: str, change: dict[str, object], status: int, reason: str
) -> None:
    answer = call(google, token, "POST", "loyaltyClass", {**CLASS, **change})

    assert (answer.status, answer.reason) == (status, reason)
    assert google.classes == {}


def test_a_draft_class_takes_no_objects(google: GoogleWalletStandIn, token: str) -> None:
    call(google, token, "POST", "loyaltyClass", {**CLASS, "reviewStatus": "DRAFT"})

    answer = call(google, token, "POST", "loyaltyObject", OBJECT)

    assert (answer.status, google.objects) == (400, {})


def test_the_wish_to_notify_is_not_remembered(google: GoogleWalletStandIn, token: str) -> None:
    saved(google, token)
    loud: dict[str, object] = {
        "loyaltyPoints": {"balance": {"int": 20}},
        "notifyPreference": "NOTIFY_ON_UPDATE",
    }
    quiet: dict[str, object] = {"loyaltyPoints": {"balance": {"int": 30}}}

    for change in (loud, quiet):
        assert call(google, token, "PATCH", f"loyaltyObject/{ALICE}", change).status == 200

    assert google.notices == [(ALICE, "loyaltyPoints")]
    assert "notifyPreference" not in google.objects[ALICE]


def test_calls_are_counted_by_the_second(google: GoogleWalletStandIn, token: str) -> None:
    for _ in range(5):
        call(google, token, "GET", f"loyaltyObject/{ALICE}")

    assert google.most_calls_in_a_second() == len(google.calls) == 5


def test_a_change_of_a_class_asks_for_a_review_again(google: GoogleWalletStandIn, token: str) -> None:
    saved(google, token)

    without = call(google, token, "PATCH", f"loyaltyClass/{CLASS_ID}", {"issuerName": "Café Léa"})
    change: dict[str, object] = {"issuerName": "Café Léa", "reviewStatus": "UNDER_REVIEW"}
    asking = call(google, token, "PATCH", f"loyaltyClass/{CLASS_ID}", change)

    assert (without.status, without.reason) == (400, "required")
    assert (asking.status, google.classes[CLASS_ID]["issuerName"]) == (200, "Café Léa")


def test_phones_hear_of_a_balance_and_of_a_tier_and_of_no_label(google: GoogleWalletStandIn, token: str) -> None:
    saved(google, token)
    silver = f"{ISSUER}.silver"
    call(google, token, "POST", "loyaltyClass", {**CLASS, "id": silver, "rewardsTier": "Silver"})
    changes: list[dict[str, object]] = [
        {"loyaltyPoints": {"label": "Beans"}},
        {"classId": silver},
        {"loyaltyPoints": {"balance": {"int": 11}}},
    ]

    for change in changes:
        call(google, token, "PATCH", f"loyaltyObject/{ALICE}", {**change, "notifyPreference": "NOTIFY_ON_UPDATE"})

    assert google.notices == [(ALICE, "rewardsTier"), (ALICE, "loyaltyPoints")]


def test_a_callback_is_signed_by_a_root_that_it_gives(google: GoogleWalletStandIn, token: str) -> None:
    saved(google, token)
    with urllib.request.urlopen(google.keys_url, timeout=5) as response:
        roots = read_roots(response.read())

    told = verify(google.callback("del", ALICE), roots=roots, issuer_id=ISSUER, now=datetime.now(UTC))

    assert (told.event, told.object_id, told.class_id) == ("del", ALICE, CLASS_ID)
    assert google.keys_given == 1


def test_a_rotated_root_signs_from_then_on(google: GoogleWalletStandIn) -> None:
    now, before = datetime.now(UTC), google.callbacks.keys()
    google.callbacks.rotate(keep_old=False)
    body = google.callbacks.sign(event="save", class_id=CLASS_ID, object_id=ALICE, issuer=ISSUER)

    with pytest.raises(UnknownRoot):
        verify(body, roots=read_roots(json.dumps(before).encode()), issuer_id=ISSUER, now=now)
    after = read_roots(json.dumps(google.callbacks.keys()).encode())
    assert verify(body, roots=after, issuer_id=ISSUER, now=now).event == "save"
