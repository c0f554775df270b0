"""Apple Wallet's five calls, and what they refuse."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from werkzeug.http import http_date
from werkzeug.test import TestResponse

from passes.apple.development import development_certificates
from passes.apple.signing import Signer
from standins.wallet_device import WalletDevice
from tests.http.calls import as_member, refused, told
from tests.http.trial_app import served
from tests.shop import NOON, Shop
from wallet_api.app import web
from wallet_api.clock import FixedClock
from wallet_api.http.auth import by_member, by_pass, guarded
from wallet_api.http.rate_limit import RATE_LIMITER, WALLET_REGISTRATIONS, RateLimiter
from wallet_api.jobs.expand import expand
from wallet_api.store import passes

TYPE = "pass.example.carnet"
PKPASS = "application/vnd.apple.pkpass"
DEVICE = "0123456789abcdef0123456789abcdef"
PUSH_TOKEN = "ab" * 32
V1 = "/passes/apple/v1"


@pytest.fixture(scope="module")
def signer() -> Signer:
    """Signs as Apple's certificate would."""
    made = development_certificates(pass_type_id=TYPE, team_id="CARNET0001", now=NOON)
    return Signer.load(cert_pem=made.cert_pem, key_pem=made.key_pem, password=None, wwdr_pem=made.wwdr_pem)


@pytest.fixture
def shop(shop: Shop, signer: Signer) -> Shop:
    """The shop, with a certificate for Apple Wallet."""
    return replace(shop, app=replace(shop.app, apple=signer))


@dataclass(frozen=True, kw_only=True)
class Wallet:
    """Alice's pass, and a device that holds it."""

    api: FlaskClient
    shop: Shop
    serial: str
    token: str

    @property
    def registration(self) -> str:
        return f"{V1}/devices/{DEVICE}/registrations/{TYPE}/{self.serial}"

    @property
    def newest(self) -> str:
        return f"{V1}/passes/{TYPE}/{self.serial}"

    @property
    def authorized(self) -> dict[str, str]:
        return {"Authorization": f"ApplePass {self.token}"}

    def register(self, push_token: str = PUSH_TOKEN) -> TestResponse:
        return self.api.post(self.registration, json={"pushToken": push_token}, headers=self.authorized)

    def changes(self, tag: str | None = None) -> TestResponse:
        query = {} if tag is None else {"passesUpdatedSince": tag}
        return self.api.get(f"{V1}/devices/{DEVICE}/registrations/{TYPE}", query_string=query)

    def change(self) -> None:
        """Alice's pass shows something else: a sale, and the worker has worked on it."""
        self.shop.sell(1_000)
        expand(self.shop.app)


@pytest.fixture
def wallet(api: FlaskClient, shop: Shop) -> Wallet:
    """Alice's pass as she downloaded it."""
    content = told_pass(api.get("/v1/me/card/apple.pkpass", headers=as_member(shop)).data)
    return Wallet(api=api, shop=shop, serial=content["serialNumber"], token=content["authenticationToken"])


def told_pass(data: bytes) -> dict[str, Any]:
    with ZipFile(BytesIO(data)) as archive:
        content: dict[str, Any] = json.loads(archive.read("pass.json"))
    return content


def test_a_member_downloads_the_pass(api: FlaskClient, shop: Shop) -> None:
    alice = as_member(shop)

    response = api.get("/v1/me/card/apple.pkpass", headers=alice)

    assert (response.status_code, response.content_type) == (200, PKPASS)
    assert response.headers["Content-Disposition"] == 'attachment; filename="card.pkpass"'
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Last-Modified"] == http_date(NOON)
    assert told(api.get("/v1/me/card", headers=alice))["apple"] == {
        "url": "http://127.0.0.1:8080/v1/me/card/apple.pkpass"
    }


def test_a_device_registers_once_and_renews_its_push_token(wallet: Wallet) -> None:
    first, again = wallet.register(), wallet.register("cd" * 32)

    assert (first.status_code, again.status_code) == (201, 200)
    with wallet.shop.app.db.read() as tx:
        assert passes.push_token(tx, device_id=DEVICE, pass_type_id=TYPE) == "cd" * 32


def test_a_device_learns_what_changed(wallet: Wallet) -> None:
    wallet.register()
    tag = told(wallet.changes())["lastUpdated"]
    quiet = wallet.changes(tag)

    wallet.change()
    changed = wallet.changes(tag)

    assert (quiet.status_code, quiet.data) == (204, b"")
    assert changed.status_code == 200
    assert told(changed)["serialNumbers"] == [wallet.serial]
    assert isinstance(told(changed)["lastUpdated"], str)
    assert told(changed)["lastUpdated"] != tag
    assert wallet.changes(told(changed)["lastUpdated"]).status_code == 204


def test_a_new_name_comes_to_the_pass(wallet: Wallet, shop: Shop) -> None:
    wallet.register()
    expand(shop.app)
    tag = told(wallet.changes())["lastUpdated"]

    wallet.api.patch("/v1/me", json={"family_name": "Liddell"}, headers=as_member(shop))
    expand(shop.app)

    assert told(wallet.changes(tag))["serialNumbers"] == [wallet.serial]


@pytest.mark.parametrize("tag", ["", "x", "-1", "9" * 150, "\uff11\uff12"])
def test_a_tag_that_is_not_ours_asks_for_everything(wallet: Wallet, tag: str) -> None:
    wallet.register()

    assert told(wallet.changes(tag))["serialNumbers"] == [wallet.serial]


def test_an_unknown_device_has_nothing_new(wallet: Wallet) -> None:
    assert wallet.changes().status_code == 204


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_newest_pass_is_fetched_once(wallet: Wallet, clock: FixedClock, method: str) -> None:
    clock.advance(timedelta(minutes=1))
    wallet.change()

    fetched = wallet.api.open(wallet.newest, method=method, headers=wallet.authorized)
    modified = fetched.headers["Last-Modified"]
    again = wallet.api.open(wallet.newest, method=method, headers={**wallet.authorized, "If-Modified-Since": modified})

    assert (fetched.status_code, fetched.content_type) == (200, PKPASS)
    assert modified == http_date(clock.now())
    assert bool(fetched.data) is (method == "GET")
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_etag_that_is_known_spares_the_pass_whatever_its_date(wallet: Wallet, method: str) -> None:
    fetched = wallet.api.get(wallet.newest, headers=wallet.authorized)
    old, tag = {"If-Modified-Since": http_date(NOON - timedelta(days=1))}, fetched.headers["ETag"]

    known = wallet.api.open(wallet.newest, method=method, headers={**wallet.authorized, **old, "If-None-Match": tag})
    other = {"If-None-Match": '"another"', "If-Modified-Since": http_date(NOON + timedelta(days=1))}
    unknown = wallet.api.open(wallet.newest, method=method, headers={**wallet.authorized, **other})

    assert tag.startswith('"')  # a strong one
    assert (known.status_code, known.data, known.headers["ETag"]) == (304, b"", tag)
    assert unknown.status_code == 200
    wallet.change()
    assert wallet.api.get(wallet.newest, headers=wallet.authorized).headers["ETag"] != tag


@pytest.mark.parametrize("condition", ["If-None-Match", "If-Modified-Since"])
def test_a_member_downloads_the_pass_once(api: FlaskClient, shop: Shop, condition: str) -> None:
    alice = as_member(shop)
    first = api.get("/v1/me/card/apple.pkpass", headers=alice)
    known = {"If-None-Match": "ETag", "If-Modified-Since": "Last-Modified"}[condition]

    again = api.get("/v1/me/card/apple.pkpass", headers={**alice, condition: first.headers[known]})

    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["Cache-Control"] == "no-store"


def test_a_pass_is_signed_once_for_what_it_shows(wallet: Wallet, clock: FixedClock) -> None:
    first = wallet.api.get(wallet.newest, headers=wallet.authorized).data
    clock.advance(timedelta(minutes=1))

    again = wallet.api.get(wallet.newest, headers=wallet.authorized).data
    wallet.change()
    changed = wallet.api.get(wallet.newest, headers=wallet.authorized).data

    assert again == first  # with the time of its signature
    assert changed != first


def test_what_a_device_has_costs_no_signature(wallet: Wallet, signer: Signer) -> None:
    wallet.change()
    etag = wallet.api.head(wallet.newest, headers={**wallet.authorized, "If-None-Match": '"another"'}).headers["ETag"]
    ended = replace(signer, ends_at=NOON - timedelta(days=1))
    api = web(replace(wallet.shop.app, apple=ended)).test_client()

    response = api.get(wallet.newest, headers={**wallet.authorized, "If-None-Match": etag})

    assert response.status_code == 304


def test_a_pass_that_changed_is_fetched_again(wallet: Wallet, clock: FixedClock) -> None:
    before = told_pass(wallet.api.get(wallet.newest, headers=wallet.authorized).data)
    since = {"If-Modified-Since": http_date(clock.now())}

    wallet.change()
    response = wallet.api.get(wallet.newest, headers={**wallet.authorized, **since})

    assert response.status_code == 200
    assert told_pass(response.data) != before


def test_a_device_that_threw_the_pass_away_hears_no_more(wallet: Wallet) -> None:
    wallet.register()

    gone, again = (wallet.api.delete(wallet.registration, headers=wallet.authorized) for _ in range(2))

    assert (gone.status_code, again.status_code) == (200, 200)
    assert wallet.changes().status_code == 204


@pytest.mark.parametrize(
    "fault", ["wrong token", "no token", "Bearer", "another's token", "no such pass", "no id", "type"]
)
def test_a_wrong_token_and_an_unknown_pass_are_the_same(wallet: Wallet, fault: str) -> None:
    stranger, type_id, serial = wallet.shop.app.pass_token(uuid4()), TYPE, wallet.serial
    authorization = {
        "wrong token": "ApplePass " + "0" * 64,
        "no token": "ApplePass",
        "Bearer": f"Bearer {wallet.token}",
        "another's token": f"ApplePass {stranger}",
    }.get(fault, f"ApplePass {wallet.token}")
    if fault in ("no such pass", "no id"):
        serial = str(uuid4()) if fault == "no such pass" else "no-uuid"
    if fault == "type":
        type_id = "pass.example.other"
    path, headers = f"{V1}/devices/{DEVICE}/registrations/{type_id}/{serial}", {"Authorization": authorization}

    answers = [
        wallet.api.post(path, data="not even JSON", headers=headers),
        wallet.api.delete(path, headers=headers),
        wallet.api.get(f"{V1}/passes/{type_id}/{serial}", headers=headers),
        wallet.api.get(f"{V1}/passes/{type_id}/{serial}"),
    ]

    assert {refused(answer) for answer in answers} == {(401, "wrong_pass_token")}
    assert len({answer.data for answer in answers}) == 1
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"ApplePass"}


def test_the_right_token_of_a_pass_that_was_never_made_opens_nothing(wallet: Wallet) -> None:
    nobody = uuid4()
    headers = {"Authorization": f"ApplePass {wallet.shop.app.pass_token(nobody)}"}

    assert refused(wallet.api.get(f"{V1}/passes/{TYPE}/{nobody}", headers=headers)) == (401, "wrong_pass_token")


@pytest.mark.parametrize("path", [f"{V1}/passes/{TYPE}/a/b", f"{V1}/devices/%00/registrations/{TYPE}"])
def test_an_id_is_one_segment_that_can_be_stored(wallet: Wallet, path: str) -> None:
    assert refused(wallet.api.get(path, headers=wallet.authorized)) == (404, "not_found")


def test_a_registration_is_small(wallet: Wallet) -> None:
    body = {"pushToken": PUSH_TOKEN, "more": "x" * 5_000}

    response = wallet.api.post(wallet.registration, json=body, headers=wallet.authorized)

    assert refused(response) == (413, "body_too_large")


def test_a_device_id_that_cannot_be_stored_is_not_found(wallet: Wallet) -> None:
    for device in ("%00", "a%0Ab", "a%7F", "x" * 201):
        path = f"{V1}/devices/{device}/registrations/{TYPE}/{wallet.serial}"

        response = wallet.api.post(path, json={"pushToken": PUSH_TOKEN}, headers=wallet.authorized)

        assert refused(response) == (404, "not_found"), device


def test_a_device_id_is_decoded_and_only_a_name(wallet: Wallet) -> None:
    for device in ("%C3%A9", "%F0%9F%93%B1", "%2527%3B--", "a%20b", "%E2%80%AE"):
        path = f"{V1}/devices/{device}/registrations/{TYPE}"

        registered = wallet.api.post(
            f"{path}/{wallet.serial}", json={"pushToken": PUSH_TOKEN}, headers=wallet.authorized
        )

        assert registered.status_code == 201, device
        assert told(wallet.api.get(path))["serialNumbers"] == [wallet.serial]


def test_a_device_may_not_ask_without_end(wallet: Wallet) -> None:
    wallet.register()

    answers = [wallet.changes() for _ in range(121)]

    assert [answer.status_code for answer in answers] == [200] * 120 + [429]
    assert refused(answers[-1]) == (429, "too_many_requests")
    assert answers[-1].headers["Retry-After"] == "60"


def test_one_client_may_not_register_without_end(wallet: Wallet) -> None:
    limiter = wallet.api.application.extensions.setdefault(RATE_LIMITER, RateLimiter())
    for _ in range(WALLET_REGISTRATIONS.most - 2):
        limiter.count(WALLET_REGISTRATIONS, "127.0.0.1", now=NOON)

    answers = [wallet.register() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 200, 429]


def test_a_replayed_registration_changes_nothing(wallet: Wallet) -> None:
    wallet.register()
    tag = told(wallet.changes())["lastUpdated"]

    wallet.register()

    assert wallet.changes(tag).status_code == 204


@pytest.mark.parametrize("body", [{}, {"pushToken": 5}, {"pushToken": "not hex"}])
def test_a_registration_needs_a_push_token(wallet: Wallet, body: dict[str, object]) -> None:
    response = wallet.api.post(wallet.registration, json=body, headers=wallet.authorized)

    assert refused(response) == (422, "invalid")


def test_what_apple_adds_later_is_passed_over(wallet: Wallet) -> None:
    body = {"pushToken": PUSH_TOKEN, "pushTokenKind": "new"}

    registered = wallet.api.post(wallet.registration, json=body, headers=wallet.authorized)
    asked = wallet.api.get(f"{V1}/devices/{DEVICE}/registrations/{TYPE}?detail=full")

    assert (registered.status_code, asked.status_code) == (201, 200)


def test_a_device_may_complain_without_showing_secrets_or_forging_lines(api: FlaskClient, wallet: Wallet) -> None:
    complaint = f"[2026] Web service error\r\nadmin logged in\x1b[2J {wallet.token} ApplePass abc {DEVICE} serial x"

    with capture_logs() as logs:
        response = api.post(f"{V1}/log", json={"logs": [complaint, "y" * 2_000]})

    assert (response.status_code, response.data) == (200, b"")
    assert [entry["line"] for entry in logs] == [
        "[2026] Web service error admin logged in [2J … … … serial x",
        "y" * 500,
    ]


def test_a_log_is_no_place_for_a_flood(api: FlaskClient) -> None:
    with capture_logs() as logs:
        long = api.post(f"{V1}/log", json={"logs": ["x" * 17_000]})
        many = [api.post(f"{V1}/log", json={"logs": ["x"] * 30}) for _ in range(60)]

    assert refused(long) == (413, "body_too_large")
    assert [answer.status_code for answer in many] == [200] * 59 + [429]
    assert len([entry for entry in logs if entry["event"] == "apple wallet says"]) == 59 * 20


def test_a_pass_calls_alone_or_not_at_all() -> None:
    with pytest.raises(ValueError, match="nobody else can call beside it"):
        guarded(by_pass, by_member)
    with pytest.raises(ValueError, match="nobody else can call beside it"):
        guarded(by_member, GET=(by_pass, by_member))


def test_the_document_says_how_a_pass_is_authenticated(api: FlaskClient) -> None:
    document = told(api.get("/openapi.json"))

    operation = document["paths"][f"{V1}/passes/{{pass_type_id}}/{{serial}}"]["get"]
    assert operation["security"] == [{"pass": []}]
    scheme = document["components"]["securitySchemes"]["pass"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "header", "Authorization")
    assert operation["responses"]["401"]["headers"]["WWW-Authenticate"]["schema"] == {
        "type": "string",
        "enum": ["ApplePass"],
    }


def test_an_emulated_iphone_has_nothing_to_complain_about(wallet: Wallet, shop: Shop, clock: FixedClock) -> None:
    data = wallet.api.get("/v1/me/card/apple.pkpass", headers=as_member(shop)).data
    with served(web(shop.app)) as url, WalletDevice(through=url) as iphone:
        held = iphone.add(data)
        iphone.check_for_updates()
        clock.set(datetime.fromisoformat("2026-03-10T12:05:00Z"))
        wallet.change()
        iphone.check_for_updates()
        iphone.probe(held.serial)
        iphone.post_logs(held.serial, ["all is well"])
        iphone.remove(held.serial)

    assert iphone.complaints == []
    assert any("60" in line for line in iphone.lock_screen)
