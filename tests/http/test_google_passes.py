"""Google Wallet's callback: who saved or threw away a pass, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from google.oauth2.service_account import Credentials
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from standins.google_callbacks import CallbackSigner
from standins.google_wallet import ISSUER, GoogleWalletStandIn
from tests.http.calls import refused
from tests.shop import PROGRAMS, Shop
from wallet_api.app import web
from wallet_api.jobs.expand import expand
from wallet_api.services import show_card
from wallet_api.services.app import GoogleIssuer
from wallet_api.services.publish import publish
from wallet_api.store import google_wallet, sql
from wallet_api.store.google_wallet import Holding

PATH = "/passes/google/callback"
CLASS = f"{ISSUER}.program-points-tiers"


@dataclass(frozen=True, kw_only=True)
class Wallet:
    """Alice's pass, and Google, which tells of it."""

    api: FlaskClient
    shop: Shop
    google: GoogleWalletStandIn
    card: UUID

    def sign(self, event: Any = "save", **changes: Any) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "class_id": f"{CLASS}.bronze",
            "object_id": f"{ISSUER}.{self.card}",
            "issuer": ISSUER,
            "now": self.shop.app.clock.now(),
        }
        return self.google.callbacks.sign(event=event, **{**facts, **changes})

    def tell(self, event: Any = "save", **changes: Any) -> TestResponse:
        return self.api.post(PATH, json=self.sign(event, **changes))

    @property
    def holding(self) -> Holding:
        with self.shop.app.db.read() as tx:
            return google_wallet.holding(tx, self.card)

    @property
    def events(self) -> list[str]:
        with self.shop.app.db.read() as tx:
            rows = sql.every(tx, "SELECT notices FROM outbox ORDER BY id")
        kinds = [notice["kind"] for row in rows for notice in row.notices]
        return [kind for kind in kinds if kind.startswith("pass.")]


@pytest.fixture
def wallet(shop: Shop, tmp_path: Path) -> Iterator[Wallet]:
    with GoogleWalletStandIn() as google:
        file = google.service_account_file(tmp_path / "google.json")
        credentials = Credentials.from_service_account_file(str(file))  # type: ignore[no-untyped-call]  # google-auth's own
        settings = replace(shop.app.settings, google_wallet_keys_url=google.keys_url)
        issuer = GoogleIssuer(issuer_id=ISSUER, credentials=credentials)
        shop = replace(shop, app=replace(shop.app, google=issuer, settings=settings))
        with shop.app.db.read() as tx:
            card = show_card.card_of(tx, shop.alice).id
        yield Wallet(api=web(shop.app).test_client(), shop=shop, google=google, card=card)


def test_a_pass_that_is_saved_and_thrown_away_is_on_record(wallet: Wallet) -> None:
    now = wallet.shop.app.clock.now()

    saved = wallet.tell("save")
    after_saving = wallet.holding
    removed = wallet.tell("del")

    assert (saved.status_code, removed.status_code) == (200, 200)
    assert after_saving == Holding(holders=1, saved_at=now, removed_at=None)
    assert wallet.holding == Holding(holders=0, saved_at=now, removed_at=now)
    assert wallet.events == ["pass.installed", "pass.removed"]
    expand(wallet.shop.app)
    with wallet.shop.app.db.read() as tx:
        assert sql.every(tx, "SELECT failed FROM outbox") == []


def test_what_google_tells_again_changes_nothing(wallet: Wallet) -> None:
    body = wallet.sign("save")

    statuses = [wallet.api.post(PATH, json=body).status_code for _ in range(3)]

    assert statuses == [200, 200, 200]
    assert wallet.holding.holders == 1
    assert wallet.events == ["pass.installed"]


def test_fields_that_google_adds_are_passed_over(wallet: Wallet) -> None:
    body = wallet.sign("save", more={"count": "2", "region": "Île-de-France"})

    response = wallet.api.post(PATH, json={**body, "version": 3})

    assert response.status_code == 200


WRONG: dict[str, dict[str, Any]] = {
    "root signature": {"sender": "SomebodyElse"},
    "message signature": {"issuer": "1234567890"},
    "protocol version": {"protocol": "ECv1"},
    "intermediate key expired": {"intermediate_lasts": timedelta(seconds=-1)},
    "message expired": {"message_lasts": timedelta(seconds=-1)},
    "another issuer's pass": {"class_id": "1234567890.program-points-tiers"},
    "nonce": {"nonce": "a\0b"},
}


def test_a_callback_that_is_wrong_at_one_step_is_refused_and_the_log_says_at_which(wallet: Wallet) -> None:
    with capture_logs() as logs:
        responses = [wallet.tell("save", **changes) for changes in WRONG.values()]

    assert [refused(response) for response in responses] == [(401, "forged_callback")] * len(WRONG)
    assert {response.headers["WWW-Authenticate"] for response in responses} == {"ECv2SigningOnly"}
    assert [line["why"] for line in logs if line["event"] == "google callback refused"] == list(WRONG)
    assert wallet.holding.holders == 0


def test_a_callback_of_another_root_is_refused(wallet: Wallet) -> None:
    body = CallbackSigner().sign(
        event="save",
        class_id=CLASS,
        object_id=f"{ISSUER}.{wallet.card}",
        issuer=ISSUER,
        now=wallet.shop.app.clock.now(),
    )

    assert refused(wallet.api.post(PATH, json=body)) == (401, "forged_callback")


def test_a_tampered_message_is_refused(wallet: Wallet) -> None:
    body = wallet.sign("save")
    body["signedMessage"] = body["signedMessage"].replace('"save"', '"del"')

    assert refused(wallet.api.post(PATH, json=body)) == (401, "forged_callback")


def test_a_pass_of_another_program_is_not_found_under_this_class(wallet: Wallet) -> None:
    publish(
        wallet.shop.app,
        (PROGRAMS / "points-tiers.yaml").read_text(encoding="utf-8").replace("points-tiers", "points-tiers-2"),
        now=wallet.shop.app.clock.now(),
    )

    others = [
        wallet.tell("save", class_id=f"{ISSUER}.program-points-tiers-2.bronze"),
        wallet.tell("save", class_id=f"{ISSUER}.program-points"),
        wallet.tell("save", object_id=f"{ISSUER}.{UUID(int=7)}"),
        wallet.tell("save", object_id=f"{ISSUER}.alice"),
    ]

    assert [refused(response) for response in others] == [(404, "not_found")] * 4
    assert wallet.events == []
    assert wallet.tell("save", class_id=CLASS).status_code == 200


NO_CALLBACKS: dict[bytes, tuple[int, str]] = {
    b"{": (400, "malformed_json"),
    b"[]": (422, "invalid"),
    b"{}": (422, "invalid"),
    b'{"signature": "\\u0000"}': (422, "invalid"),
    b'{"signature": "' + b"x" * 20_000 + b'"}': (413, "body_too_large"),
}


def test_what_is_no_callback_at_all_is_refused(wallet: Wallet) -> None:
    with_nul = json.dumps({**wallet.sign("save"), "signedMessage": "a\0"}).encode()

    for body, problem in {**NO_CALLBACKS, with_nul: (422, "invalid")}.items():
        assert refused(wallet.api.post(PATH, data=body, content_type="application/json")) == problem


def test_while_googles_keys_cannot_be_had_google_is_asked_to_come_back(wallet: Wallet) -> None:
    settings = replace(wallet.shop.app.settings, google_wallet_keys_url="http://127.0.0.1:9/keys")
    api = web(replace(wallet.shop.app, settings=settings)).test_client()

    response = api.post(PATH, json=wallet.sign("save"))

    assert refused(response) == (503, "busy")
    assert response.headers["Retry-After"] == "60"


def test_without_google_wallet_there_is_nothing_here(api: FlaskClient, wallet: Wallet) -> None:
    assert refused(api.post(PATH, json=wallet.sign("save"))) == (404, "not_found")


def test_anybody_who_floods_it_is_slowed_down(wallet: Wallet) -> None:
    statuses = {wallet.api.post(PATH, json={}).status_code for _ in range(1_201)}

    assert statuses == {422, 429}
