"""Programs as anybody sees them, joining one, and asking for codes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import request
from flask.testing import FlaskClient

from tests.http.calls import bearer, code_sent_to, refused, told
from tests.shop import Shop
from wallet_api.app import web
from wallet_api.clock import FixedClock
from wallet_api.store import sql

MEMBERS = "/v1/programs/points-tiers/members"
CODES = "/v1/programs/points-tiers/codes"
SESSIONS = "/v1/programs/points-tiers/sessions"
BOB: dict[str, Any] = {"email": "bob@example.org", "given_name": "Bob", "consents": {"terms": True}}


def test_anybody_may_see_a_program(api: FlaskClient, shop: Shop) -> None:
    response = api.get("/v1/programs/points-tiers")

    program = told(response)
    assert response.status_code == 200
    assert (program["id"], program["currency"], program["languages"]) == ("points-tiers", "EUR", ["en", "fr"])
    assert program["units"] == [
        {"id": "points", "name": "points", "one": "point", "decimals": 0, "is_counter": False, "worth": None}
    ]
    assert [(tier["name"], tier["threshold"]) for tier in program["tiers"]] == [
        ("Bronze", 0),
        ("Silver", 50_000),
        ("Gold", 200_000),
    ]
    assert program["rewards"][0]["price"] == {"unit": "points", "amount": 200}
    assert [place["id"] for place in program["locations"]] == [str(shop.location.id)]


@pytest.mark.parametrize(("asked", "language", "silver"), [("fr-CA", "fr", "Argent"), ("de", "en", "Silver")])
def test_a_program_speaks_the_language_that_is_asked_for_if_it_can(
    api: FlaskClient, asked: str, language: str, silver: str
) -> None:
    response = api.get("/v1/programs/points-tiers", headers={"Accept-Language": asked})

    assert response.headers["Content-Language"] == language
    assert told(response)["tiers"][1]["name"] == silver


@pytest.mark.parametrize("path", ["/v1/programs/none", "/v1/programs/none/logo.png", "/v1/programs/A"])
def test_what_no_program_has_is_not_found(api: FlaskClient, path: str) -> None:
    assert refused(api.get(path)) == (404, "not_found")


def test_a_newcomer_is_a_member_once_the_code_comes_back(api: FlaskClient, shop: Shop) -> None:
    asked = api.post(MEMBERS, json={**BOB, "consents": {"terms": True, "marketing": True}, "locale": "fr"})

    code = code_sent_to(shop, "bob@example.org")
    opened = api.post(SESSIONS, json={"email": "bob@example.org", "code": code})

    assert (asked.status_code, told(asked)) == (202, {"status": "code_sent"})
    assert opened.status_code == 201
    member = told(opened)["member"]
    assert (member["given_name"], member["locale"], member["tier"]["name"]) == ("Bob", "fr", "Bronze")
    assert member["balances"]["points"]["available"] == 50
    consents = told(api.get("/v1/me/consents", headers=bearer(told(opened)["access_token"])))["items"]
    assert {consent["kind"]: consent["granted"] for consent in consents} == {
        "terms": True,
        "marketing": True,
        "profiling": False,
    }
    assert {consent["terms_version"] for consent in consents} == {"1"}


def test_with_whose_code_a_newcomer_came_is_kept(api: FlaskClient, shop: Shop) -> None:
    api.post(MEMBERS, json={**BOB, "referral_code": "ALICE-7"})

    opened = api.post(SESSIONS, json={"email": "bob@example.org", "code": code_sent_to(shop, "bob@example.org")})

    with shop.app.db.read() as tx:
        rows = sql.every(tx, "SELECT id, referral_code FROM members")
    assert {str(row.id): row.referral_code for row in rows} == {
        told(opened)["member"]["id"]: "ALICE-7",
        str(shop.alice): None,
    }


@pytest.mark.parametrize("path", [MEMBERS, CODES])
def test_nobody_can_tell_a_member_from_a_stranger(api: FlaskClient, path: str) -> None:
    bodies = [
        {**BOB, "email": email} if path == MEMBERS else {"email": email} for email in ("alice@example.org", "x@y.org")
    ]

    first = [api.post(path, json=body) for body in bodies]
    again = [api.post(path, json=body) for body in bodies]

    assert [(response.status_code, response.data) for response in first] == [(202, first[0].data)] * 2
    assert [(response.status_code, response.data) for response in again] == [(429, again[0].data)] * 2
    assert [response.headers["Retry-After"] for response in again] == [again[0].headers["Retry-After"]] * 2


def test_a_stranger_who_asks_for_a_code_is_sent_none(api: FlaskClient, shop: Shop) -> None:
    api.post(CODES, json={"email": "stranger@example.org"})

    assert code_sent_to(shop, "stranger@example.org") is None


def test_joining_with_a_members_address_changes_nothing_of_the_member(api: FlaskClient, shop: Shop) -> None:
    api.post(MEMBERS, json={**BOB, "email": "alice@example.org", "given_name": "Mallory"})

    code = code_sent_to(shop, "alice@example.org")
    opened = api.post(SESSIONS, json={"email": "alice@example.org", "code": code})

    assert (told(opened)["member"]["id"], told(opened)["member"]["given_name"]) == (str(shop.alice), "Alice")


def test_nobody_joins_without_the_terms(api: FlaskClient, shop: Shop) -> None:
    response = api.post(MEMBERS, json={**BOB, "consents": {"terms": False}})

    assert refused(response) == (409, "terms_not_accepted")
    assert code_sent_to(shop, "bob@example.org") is None


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"phone": "+33612345678"}, "#"),
        ({"email": None}, "#/email"),
        ({"email": "bob at example.org"}, "#/email"),
        ({"birth_date": "2026-03-11"}, "#/birth_date"),
        ({"time_zone": "Europe/Atlantis"}, "#/time_zone"),
        ({"locale": "french"}, "#/locale"),
        ({"tier": "gold"}, "#/tier"),
        ({"points": 1_000_000}, "#/points"),
        ({"status": "active"}, "#/status"),
        ({"consents": {"terms": 1}}, "#/consents/terms"),
        ({"consents": {}}, "#/consents/terms"),
    ],
)
def test_a_form_that_does_not_fit_is_refused(api: FlaskClient, change: dict[str, object], pointer: str) -> None:
    response = api.post(MEMBERS, json={**BOB, **change})

    assert refused(response) == (422, "invalid")
    assert [fault["pointer"] for fault in told(response)["errors"]] == [pointer]


def test_somebody_without_an_address_cannot_join(api: FlaskClient) -> None:
    response = api.post(MEMBERS, json={name: value for name, value in BOB.items() if name != "email"})

    assert told(response)["errors"] == [{"pointer": "#", "detail": "Give exactly one of email and phone."}]


@pytest.mark.parametrize("phone", ["0612345678", "+33", "+999 12 34 56 78", "+33 6 12 34 56 78 90 12 34"])
def test_a_number_that_cannot_be_one_says_what_is_missing(api: FlaskClient, phone: str) -> None:
    response = api.post(CODES, json={"phone": phone})

    assert refused(response) == (422, "invalid")
    assert told(response)["errors"] == [
        {"pointer": "#/phone", "detail": "Not a telephone number with + and country code, such as +33 6 12 34 56 78."}
    ]


@pytest.mark.parametrize(
    ("joined_with", "signed_in_with"),
    [
        ({"email": " Bob@Example.ORG"}, {"email": "bob@example.org "}),
        ({"phone": "+33 6 12 34 56 78"}, {"phone": "+33 (0)612345678"}),
    ],
)
def test_an_address_is_the_same_however_it_is_typed(
    api: FlaskClient, shop: Shop, joined_with: dict[str, str], signed_in_with: dict[str, str]
) -> None:
    form = {"given_name": "Bob", "consents": {"terms": True}, **joined_with}
    api.post(MEMBERS, json=form)
    code = code_sent_to(shop, "bob@example.org") or code_sent_to(shop, "+33612345678")

    opened = api.post(SESSIONS, json={**signed_in_with, "code": code})

    member = told(opened)["member"]
    assert (member["email"], member["phone"]) in {("bob@example.org", None), (None, "+33612345678")}


def test_a_client_may_ask_for_thirty_codes_a_minute(api: FlaskClient, clock: FixedClock) -> None:
    answers = [api.post(CODES, json={"email": f"bob{n}@example.org"}) for n in range(31)]
    other = api.post(CODES, json={"email": "x@example.org"}, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    clock.advance(timedelta(minutes=1))
    later = api.post(CODES, json={"email": "bob31@example.org"})

    assert [answer.status_code for answer in answers] == [202] * 30 + [429]
    assert refused(answers[-1]) == (429, "too_many_requests")
    limits = [answers[-1].headers[name] for name in ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining")]
    assert limits == ["60", "30", "0"]
    assert (other.status_code, later.status_code) == (202, 202)


def test_one_network_of_64_bits_is_one_client(api: FlaskClient) -> None:
    neighbours = [{"REMOTE_ADDR": f"2001:db8::{n:x}"} for n in range(1, 32)]

    answers = [api.post(CODES, json={}, environ_base=neighbour) for neighbour in neighbours]

    assert [answer.status_code for answer in answers] == [422] * 30 + [429]


@pytest.mark.parametrize(("proxies", "client"), [(0, "127.0.0.1"), (1, "203.0.113.9")])
def test_only_as_many_proxies_are_believed_as_the_settings_name(shop: Shop, proxies: int, client: str) -> None:
    app = web(replace(shop.app, settings=replace(shop.app.settings, trusted_proxies=proxies)))
    seen: list[str | None] = []
    app.before_request(lambda: seen.append(request.remote_addr))

    app.test_client().get("/healthz", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.9"})

    assert seen == [client]
