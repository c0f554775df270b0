"""The Google Wallet client against a local server with Google's checks, faults and limits."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from passes.delivery import Outcome, PushResult
from passes.google.client import GoogleWalletClient
from passes.google.pace import Pace, alone
from standins.google_wallet import ISSUER, GoogleWalletStandIn

CLASS_ID = f"{ISSUER}.gold"
ALICE = f"{ISSUER}.alice"
ACCEPTED = PushResult(outcome=Outcome.ACCEPTED)
T = TypeVar("T")
QUICK = 1_000.0  # requests a second: where the pace is not what is tested


@pytest.fixture
def google() -> Iterator[GoogleWalletStandIn]:
    with GoogleWalletStandIn() as server:
        yield server


@pytest.fixture
def credentials(google: GoogleWalletStandIn, tmp_path: Path) -> Path:
    return google.service_account_file(tmp_path / "google.json")


def loyalty_class() -> dict[str, object]:
    return {
        "id": CLASS_ID,
        "issuerName": "Café",
        "programName": "Stamps",
        "programLogo": {"sourceUri": {"uri": "https://cafe.example/logo.png"}},
        "reviewStatus": "UNDER_REVIEW",
    }


def loyalty_object(*, points: int = 10, object_id: str = ALICE) -> dict[str, object]:
    return {
        "id": object_id,
        "classId": CLASS_ID,
        "state": "ACTIVE",
        "loyaltyPoints": {"label": "Points", "balance": {"int": points}},
    }


def run(
    google: GoogleWalletStandIn,
    credentials: Path,
    action: Callable[[GoogleWalletClient], Awaitable[T]],
    *,
    per_second: float = QUICK,
    deadline_seconds: float = 5.0,
) -> T:
    async def main() -> T:
        async with GoogleWalletClient(
            endpoint=google.endpoint,
            credentials_file=credentials,
            pace=Pace(alone(per_second)),
            deadline_seconds=deadline_seconds,
        ) as client:
            return await action(client)

    return asyncio.run(main())


async def save_both(client: GoogleWalletClient) -> list[PushResult]:
    return [
        await client.save("loyaltyClass", loyalty_class()),
        await client.save("loyaltyObject", loyalty_object()),
    ]


def requests_of(google: GoogleWalletStandIn) -> list[tuple[str, int]]:
    return [(call.method, call.status) for call in google.calls]


def test_what_is_new_is_inserted(google: GoogleWalletStandIn, credentials: Path) -> None:
    results = run(google, credentials, save_both)

    assert results == [ACCEPTED, ACCEPTED]
    assert google.classes[CLASS_ID] == loyalty_class()
    assert google.objects[ALICE] == loyalty_object()
    assert requests_of(google) == [("POST", 200), ("POST", 200)]


def test_an_insert_names_no_field_that_is_empty(google: GoogleWalletStandIn, credentials: Path) -> None:
    wish = {**loyalty_class(), "callbackOptions": None}

    run(google, credentials, lambda client: client.save("loyaltyClass", wish))

    assert google.calls[0].body == loyalty_class()


def test_of_a_known_object_only_what_differs_is_sent(google: GoogleWalletStandIn, credentials: Path) -> None:
    run(google, credentials, save_both)
    changes = {"loyaltyPoints": {"label": "Points", "balance": {"int": 25}}}

    result = run(
        google,
        credentials,
        lambda client: client.save("loyaltyObject", loyalty_object(points=25), changes=changes),
    )

    assert result == ACCEPTED
    assert google.calls[2].body == changes
    assert google.objects[ALICE] == loyalty_object(points=25)


def test_an_object_that_google_lost_is_inserted_whole(google: GoogleWalletStandIn, credentials: Path) -> None:
    run(google, credentials, lambda client: client.save("loyaltyClass", loyalty_class()))

    result = run(
        google,
        credentials,
        lambda client: client.save("loyaltyObject", loyalty_object(), changes={"state": "ACTIVE"}),
    )

    assert result == ACCEPTED
    assert requests_of(google)[1:] == [("PATCH", 404), ("POST", 200)]
    assert google.objects[ALICE] == loyalty_object()


def test_an_object_that_google_has_against_our_belief_is_changed(
    google: GoogleWalletStandIn, credentials: Path
) -> None:
    run(google, credentials, save_both)

    result = run(google, credentials, lambda client: client.save("loyaltyObject", loyalty_object(points=25)))

    assert result == ACCEPTED
    assert requests_of(google)[2:] == [("POST", 409), ("PATCH", 200)]
    assert google.objects[ALICE] == loyalty_object(points=25)


def test_two_workers_that_insert_the_same_object_both_succeed(google: GoogleWalletStandIn, credentials: Path) -> None:
    async def race(client: GoogleWalletClient) -> list[PushResult]:
        await client.save("loyaltyClass", loyalty_class())
        wishes = (loyalty_object(points=number) for number in range(5))
        return list(await asyncio.gather(*(client.save("loyaltyObject", wish) for wish in wishes)))

    results = run(google, credentials, race)

    assert results == [ACCEPTED] * 5
    assert 409 in [call.status for call in google.calls]
    assert list(google.objects) == [ALICE]


def test_a_change_of_points_notifies_where_it_is_asked_for(google: GoogleWalletStandIn, credentials: Path) -> None:
    run(google, credentials, save_both)
    changes = {"loyaltyPoints": loyalty_object(points=25)["loyaltyPoints"], "notifyPreference": "NOTIFY_ON_UPDATE"}

    result = run(
        google,
        credentials,
        lambda client: client.save("loyaltyObject", loyalty_object(points=25), changes=changes),
    )

    assert result == ACCEPTED
    assert google.notices == [(ALICE, "loyaltyPoints")]


def test_the_fourth_notice_of_a_day_is_rejected_and_goes_as_text(
    google: GoogleWalletStandIn, credentials: Path
) -> None:
    run(google, credentials, save_both)
    loud = {"header": "Gold", "body": "You are Gold now", "messageType": "TEXT_AND_NOTIFY"}

    async def tell(client: GoogleWalletClient) -> list[PushResult]:
        notices = [await client.add_message(ALICE, loud) for _ in range(4)]
        return [*notices, await client.add_message(ALICE, {**loud, "messageType": "TEXT"})]

    results = run(google, credentials, tell)

    over = PushResult(outcome=Outcome.REJECTED, reason="QuotaExceeded")
    assert results == [ACCEPTED, ACCEPTED, ACCEPTED, over, ACCEPTED]
    assert google.notices == [(ALICE, "You are Gold now")] * 3


def test_a_message_that_may_have_arrived_is_added_once(google: GoogleWalletStandIn, credentials: Path) -> None:
    run(google, credentials, save_both)
    message = {"id": "m1", "header": "Gold", "body": "You are Gold now", "messageType": "TEXT"}

    async def tell(client: GoogleWalletClient) -> list[PushResult]:
        again = [await client.add_message(ALICE, message, is_repeated=True) for _ in range(2)]
        return [*again, await client.add_message(f"{ISSUER}.unknown", message, is_repeated=True)]

    results = run(google, credentials, tell)

    unknown = PushResult(outcome=Outcome.REJECTED, reason="resourceNotFound")
    assert results == [ACCEPTED, ACCEPTED, unknown]
    assert google.objects[ALICE]["messages"] == [message]


@pytest.mark.parametrize(
    ("change", "outcome", "reason"),
    [
        ({"state": "active"}, Outcome.REJECTED, "badRequest"),
        ({"stat": "ACTIVE"}, Outcome.REJECTED, "badRequest"),
        ({"loyaltyPoints": {"balance": {"int": 1, "string": "1"}}}, Outcome.REJECTED, "invalid"),
        ({"classId": f"{ISSUER}.unknown"}, Outcome.REJECTED, "classNotFound"),
        ({"id": "1234.alice"}, Outcome.MISCONFIGURED, "permissionDenied"),
    ],
)
def test_what_google_refuses_names_its_reason(
    google: GoogleWalletStandIn,
    credentials: Path,
    change: dict[str, object],
    outcome: Outcome,
    reason: str,
) -> None:
    run(google, credentials, lambda client: client.save("loyaltyClass", loyalty_class()))

    result = run(google, credentials, lambda client: client.save("loyaltyObject", {**loyalty_object(), **change}))

    assert result == PushResult(outcome=outcome, reason=reason)
    assert google.objects == {}


def test_an_object_id_cannot_lead_elsewhere(google: GoogleWalletStandIn, credentials: Path) -> None:
    result = run(google, credentials, lambda client: client.add_message("../loyaltyClass/x?y#z", {"header": "x"}))

    assert result.outcome is Outcome.REJECTED
    (call,) = google.calls  # it came as one segment of the path of objects
    assert (call.path, call.status) == ("/walletobjects/v1/loyaltyObject/../loyaltyClass/x?y#z/addMessage", 404)


@pytest.mark.parametrize(
    ("kind", "reason"), [("too_many_429", "rateLimitExceeded"), ("unavailable_503", "backendError")]
)
def test_a_busy_google_is_asked_later_and_not_at_once(
    google: GoogleWalletStandIn, credentials: Path, kind: str, reason: str
) -> None:
    google.fault(kind)  # type: ignore[arg-type]  # parametrize knows str only

    result = run(google, credentials, lambda client: client.save("loyaltyObject", loyalty_object()))

    assert result == PushResult(outcome=Outcome.LATER, reason=reason)
    assert len(google.calls) == 1


def test_google_may_say_when_to_come_back(google: GoogleWalletStandIn, credentials: Path) -> None:
    google.fault("too_many_429", retry_after=17)

    result = run(google, credentials, lambda client: client.save("loyaltyObject", loyalty_object()))

    assert (result.outcome, result.retry_after) == (Outcome.LATER, 17)


def test_a_slow_google_meets_our_deadline_and_hears_once(google: GoogleWalletStandIn, credentials: Path) -> None:
    google.fault("slow", seconds=30)
    started = time.monotonic()

    result = run(
        google,
        credentials,
        lambda client: client.save("loyaltyObject", loyalty_object()),
        deadline_seconds=0.3,
    )

    assert result.outcome is Outcome.LATER
    assert time.monotonic() - started < 3


def test_a_token_is_asked_for_once_however_many_wait(google: GoogleWalletStandIn, credentials: Path) -> None:
    async def many(client: GoogleWalletClient) -> list[PushResult]:
        await client.save("loyaltyClass", loyalty_class())
        wishes = (loyalty_object(object_id=f"{ISSUER}.member-{number}") for number in range(20))
        return list(await asyncio.gather(*(client.save("loyaltyObject", wish) for wish in wishes)))

    results = run(google, credentials, many)

    assert results == [ACCEPTED] * 20
    assert google.tokens_given == 1


def test_a_revoked_token_is_replaced_once_for_all(google: GoogleWalletStandIn, credentials: Path) -> None:
    async def revoked(client: GoogleWalletClient) -> list[PushResult]:
        await save_both(client)
        google.revoke_tokens()
        changes: list[dict[str, object]] = [{"accountName": f"Alice {number}"} for number in range(5)]
        saves = (client.save("loyaltyObject", loyalty_object(), changes=change) for change in changes)
        return list(await asyncio.gather(*saves))

    results = run(google, credentials, revoked)

    assert results == [ACCEPTED] * 5
    assert google.tokens_given == 2


def test_a_token_endpoint_that_is_down_puts_all_off_and_loses_none(
    google: GoogleWalletStandIn, credentials: Path
) -> None:
    google.fault("token_503", times=1)

    async def batch(client: GoogleWalletClient) -> list[PushResult]:
        return list(await asyncio.gather(*(client.save("loyaltyClass", loyalty_class()) for _ in range(10))))

    results = run(google, credentials, batch)

    later = PushResult(outcome=Outcome.LATER, reason="token refused: backend_error")
    assert results == [later] * 10
    assert google.calls == []
    assert run(google, credentials, batch) == [ACCEPTED] * 10


def test_nobody_at_the_token_endpoint_comes_later(google: GoogleWalletStandIn, credentials: Path) -> None:
    facts = json.loads(credentials.read_text(encoding="utf-8"))
    credentials.write_text(json.dumps({**facts, "token_uri": "http://127.0.0.1:1/token"}), encoding="utf-8")

    result = run(google, credentials, lambda client: client.save("loyaltyClass", loyalty_class()))

    assert result.outcome is Outcome.LATER
    assert google.calls == []


def test_credentials_that_google_does_not_know_stop_and_alarm(google: GoogleWalletStandIn, tmp_path: Path) -> None:
    with GoogleWalletStandIn() as other:
        facts = json.loads(other.service_account_file(tmp_path / "other.json").read_text(encoding="utf-8"))
    ours = json.loads(google.service_account_file(tmp_path / "ours.json").read_text(encoding="utf-8"))
    mixed = tmp_path / "mixed.json"
    mixed.write_text(json.dumps({**facts, "token_uri": ours["token_uri"]}), encoding="utf-8")

    result = run(google, mixed, lambda client: client.save("loyaltyClass", loyalty_class()))

    assert result == PushResult(outcome=Outcome.MISCONFIGURED, reason="token refused: invalid_grant")


def test_a_project_without_the_permission_stops_and_alarms(google: GoogleWalletStandIn, credentials: Path) -> None:
    google.fault("denied_403")

    result = run(google, credentials, lambda client: client.save("loyaltyClass", loyalty_class()))

    assert result == PushResult(outcome=Outcome.MISCONFIGURED, reason="permissionDenied")


def test_a_file_that_is_no_service_accounts_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text('{"client_email": "a@b"}', encoding="utf-8")

    with pytest.raises(ValueError, match=r"wrong\.json is no service account"):
        GoogleWalletClient(credentials_file=file)
