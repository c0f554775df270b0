"""Signing in, staying signed in, signing out; members and staff."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.http.calls import PASSWORD, add_staff, as_member, as_staff, bearer, code_sent_to, refused, told
from tests.shop import Shop
from wallet_api.app import web
from wallet_api.clock import FixedClock
from wallet_api.domain.card_code import totp
from wallet_api.http.rate_limit import RATE_LIMITER, RateLimiter
from wallet_api.services.app import App
from wallet_api.store import sql
from wallet_api.store.session import Database

CODES = "/v1/programs/points-tiers/codes"
SESSIONS = "/v1/programs/points-tiers/sessions"
ALICE = {"email": "alice@example.org"}


@pytest.fixture
def session(api: FlaskClient, shop: Shop) -> dict[str, Any]:
    """Alice, signed in."""
    api.post(CODES, json=ALICE)
    opened = api.post(SESSIONS, json={**ALICE, "code": code_sent_to(shop, "alice@example.org")})
    assert opened.status_code == 201
    answer: dict[str, Any] = told(opened)
    return answer


def test_a_session_opens_with_the_code(api: FlaskClient, shop: Shop, session: dict[str, Any]) -> None:
    me = api.get("/v1/me", headers=bearer(session["access_token"]))

    assert (session["token_type"], session["expires_in"]) == ("Bearer", 900)
    assert session["member"]["id"] == str(shop.alice)
    assert told(me) == session["member"]


def test_nothing_keeps_tokens_on_their_way(api: FlaskClient, session: dict[str, Any]) -> None:
    response = api.post("/v1/sessions/refresh", json={"refresh_token": session["refresh_token"]})

    assert response.headers["Cache-Control"] == "no-store"


def test_a_code_has_five_tries(api: FlaskClient, shop: Shop) -> None:
    api.post(CODES, json=ALICE)
    code = code_sent_to(shop, "alice@example.org")
    assert code is not None
    wrong = "000000" if code != "000000" else "111111"

    answers = [api.post(SESSIONS, json={**ALICE, "code": tried}) for tried in [wrong] * 5 + [code]]

    assert [refused(answer) for answer in answers] == [(401, "invalid_code")] * 6


def test_a_code_opens_one_session(api: FlaskClient, shop: Shop, session: dict[str, Any]) -> None:
    again = api.post(SESSIONS, json={**ALICE, "code": code_sent_to(shop, "alice@example.org")})

    assert refused(again) == (401, "invalid_code")


def test_an_address_has_ten_tries_a_minute_whatever_the_client(api: FlaskClient) -> None:
    def sign_in(address: str, client: int) -> int:
        body = {"email": address, "code": "123456"}
        return api.post(SESSIONS, json=body, environ_base={"REMOTE_ADDR": f"192.0.2.{client}"}).status_code

    alice = [sign_in("alice@example.org", client) for client in range(11)]
    bob = sign_in("bob@example.org", 1)

    assert alice == [401] * 10 + [429]
    assert bob == 401


def test_limits_are_on_unless_a_load_test_takes_them_off(shop: Shop) -> None:
    app = web(shop.app)
    app.extensions[RATE_LIMITER] = RateLimiter(is_on=False)
    api = app.test_client()

    answers = [api.post(SESSIONS, json={**ALICE, "code": "123456"}) for _ in range(12)]

    assert {answer.status_code for answer in answers} == {401}


def test_refreshing_gives_a_new_pair(api: FlaskClient, session: dict[str, Any]) -> None:
    response = api.post("/v1/sessions/refresh", json={"refresh_token": session["refresh_token"]})

    assert response.status_code == 201
    assert told(response)["refresh_token"] != session["refresh_token"]
    assert api.get("/v1/me", headers=bearer(told(response)["access_token"])).status_code == 200


def test_a_refresh_token_used_twice_ends_the_session(api: FlaskClient, session: dict[str, Any]) -> None:
    pair = told(api.post("/v1/sessions/refresh", json={"refresh_token": session["refresh_token"]}))

    again = api.post("/v1/sessions/refresh", json={"refresh_token": session["refresh_token"]})

    assert refused(again) == (401, "refresh_token_reused")
    successor = api.post("/v1/sessions/refresh", json={"refresh_token": pair["refresh_token"]})
    assert refused(successor) == (401, "invalid_refresh_token")
    assert refused(api.get("/v1/me", headers=bearer(pair["access_token"]))) == (401, "unauthenticated")


def test_two_refreshes_at_once_give_the_same_pair(shop: Shop, session: dict[str, Any]) -> None:
    app = web(shop.app)

    def refresh(_: int) -> tuple[int, str]:
        response = app.test_client().post(
            "/v1/sessions/refresh",
            json={"refresh_token": session["refresh_token"]},
            headers={"Idempotency-Key": "try-1"},
        )
        return response.status_code, told(response).get("refresh_token", "")

    with ThreadPoolExecutor(8) as threads:
        answers = set(threads.map(refresh, range(8)))

    assert [status for status, _ in answers] == [201]


@pytest.mark.parametrize("token", ["nobody's", "a" * 200])
def test_an_unknown_refresh_token_is_refused(api: FlaskClient, token: str) -> None:
    response = api.post("/v1/sessions/refresh", json={"refresh_token": token})

    assert refused(response) == (401, "invalid_refresh_token")


def test_signing_out_ends_this_session_at_once_and_no_other(api: FlaskClient, shop: Shop) -> None:
    phone, tablet = as_member(shop), as_member(shop)
    assert api.get("/v1/me", headers=phone).status_code == 200

    response = api.delete("/v1/sessions/current", headers=phone)

    assert response.status_code == 204
    assert refused(api.get("/v1/me", headers=phone)) == (401, "unauthenticated")
    assert api.get("/v1/me", headers=tablet).status_code == 200


def test_another_process_learns_of_a_sign_out_within_five_seconds(
    api: FlaskClient, shop: Shop, clock: FixedClock
) -> None:
    other = web(App(settings=shop.app.settings, clock=clock, db=shop.app.db)).test_client()
    phone = as_member(shop)
    assert other.get("/v1/me", headers=phone).status_code == 200
    api.delete("/v1/sessions/current", headers=phone)

    clock.advance(timedelta(seconds=5))

    assert refused(other.get("/v1/me", headers=phone)) == (401, "unauthenticated")


def test_nobody_is_let_in_while_the_database_cannot_tell(shop: Shop) -> None:
    gone = Database("postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=1")
    api = web(replace(shop.app, db=gone, _open_sessions={})).test_client()

    response = api.get("/v1/me", headers=as_member(shop))

    assert refused(response) == (503, "busy")


# ── Staff ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_staff_sign_in_with_a_password(api: FlaskClient, shop: Shop) -> None:
    add_staff(shop, "maria", role="manager")

    response = api.post("/v1/staff/sessions", json={"email": "Maria@Example.org", "password": PASSWORD})

    assert response.status_code == 201
    assert (told(response)["role"], told(response)["program"]) == ("manager", "points-tiers")
    assert refused(api.get("/v1/me", headers=bearer(told(response)["access_token"]))) == (403, "forbidden")


@pytest.mark.parametrize("email", ["carol@example.org", "nobody@example.org"])
def test_a_wrong_password_and_an_unknown_address_are_the_same(api: FlaskClient, shop: Shop, email: str) -> None:
    add_staff(shop, "carol", role="cashier")

    response = api.post("/v1/staff/sessions", json={"email": email, "password": "guess"})

    assert refused(response) == (401, "invalid_credentials")


@pytest.mark.parametrize(("steps_off", "status"), [(-1, 201), (0, 201), (1, 201), (2, 401), (None, 401)])
def test_an_authenticator_is_asked_for_where_one_is_set_up(
    api: FlaskClient, shop: Shop, steps_off: int | None, status: int
) -> None:
    maria, secret = add_staff(shop, "maria", role="manager"), b"12345678901234567890"
    with shop.app.db.begin() as tx:
        text = base64.b32encode(secret).decode()
        sql.run(tx, "UPDATE staff SET totp_secret = :secret WHERE id = :id", secret=text, id=maria)
    body = {"email": "maria@example.org", "password": PASSWORD}
    if steps_off is not None:
        step = int(shop.app.clock.now().timestamp()) // 30 + steps_off
        body["totp"] = totp(secret, step=step, digits=6)

    response = api.post("/v1/staff/sessions", json=body)

    assert response.status_code == status


def test_whoever_no_longer_works_here_is_out(api: FlaskClient, shop: Shop) -> None:
    carol = as_staff(shop, "carol", role="admin")
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE staff SET disabled_at = now()")

    assert refused(api.get("/metrics", headers=carol)) == (401, "unauthenticated")
