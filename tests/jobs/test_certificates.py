"""The pass certificate in operation: the daily watch, what /metrics says of it, and whom Apple's push service knows."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from google.oauth2.service_account import Credentials
from structlog.testing import capture_logs

from passes.apple.development import development_certificates
from passes.apple.signing import Signer
from passes.delivery import Outcome, PushResult
from passes.google.development import development_account
from standins.apns import ApnsStandIn
from tests.http.calls import as_key
from tests.jobs.world import PASS_TYPE, TEAM
from tests.shop import NOON, Shop
from wallet_api.app import web
from wallet_api.clock import FixedClock, SystemClock
from wallet_api.jobs.certificates import watch_certificate
from wallet_api.jobs.senders import senders
from wallet_api.jobs.senders.apns import Apns
from wallet_api.jobs.senders.unsent import Unsent
from wallet_api.pages.card import COOKIE
from wallet_api.services.app import GoogleIssuer
from wallet_api.services.show_card import show_card
from wallet_api.services.sign_in import open_session

YEAR = timedelta(days=365)
PUSH_TOKEN = "ab" * 32


@pytest.fixture(scope="module")
def signer() -> Signer:
    """A pass certificate of an hour before noon."""
    return _signer(begins=NOON)


def _signer(*, begins: datetime) -> Signer:
    made = development_certificates(pass_type_id=PASS_TYPE, team_id=TEAM, now=begins)
    return Signer.load(cert_pem=made.cert_pem, key_pem=made.key_pem, password=None, wwdr_pem=made.wwdr_pem)


@pytest.fixture
def shop(shop: Shop, signer: Signer) -> Shop:
    """A shop whose certificate counts as Apple's."""
    return replace(shop, app=replace(shop.app, apple=replace(signer, is_development=False)))


def expires_seconds(shop: Shop) -> float:
    text = web(shop.app).test_client().get("/metrics", headers=as_key(shop, "metrics")).text
    (found,) = re.findall(r"^carnet_pass_certificate_expires_seconds (\S+)$", text, re.MULTILINE)
    return float(found)


def test_the_watch_is_silent_until_30_days_before_the_end(shop: Shop, clock: FixedClock) -> None:
    with capture_logs() as early:
        clock.advance(timedelta(days=334))
        watch_certificate(shop.app)
    with capture_logs() as late:
        clock.advance(timedelta(days=2))
        watch_certificate(shop.app)

    assert early == []
    assert [entry["log_level"] for entry in late] == ["error"]
    assert "ends on 2027-03-10, in 29 days" in late[0]["event"]


def test_metrics_tell_for_how_long_passes_can_be_signed(shop: Shop, clock: FixedClock) -> None:
    at_first = expires_seconds(shop)
    clock.advance(YEAR + timedelta(hours=1))
    then = expires_seconds(shop)

    assert (at_first, then) == (YEAR.total_seconds(), -3600)


def test_when_the_certificate_has_ended_tills_go_on_and_no_pass_is_offered(shop: Shop, clock: FixedClock) -> None:
    clock.advance(YEAR + timedelta(days=1))

    sale = shop.sell(1_000)

    with shop.app.db.begin() as tx:
        card = show_card(shop.app, tx, shop.alice)
    assert sale["id"]
    assert card["apple"] is None


def test_the_push_service_is_told_the_certificate_that_signs(shop: Shop, tmp_path: Path) -> None:
    now = SystemClock().now()
    older, younger = (_signer(begins=now - timedelta(days=days)) for days in (30, 10))
    authority = tmp_path / "wwdr.pem"
    authority.write_bytes(younger.identity.intermediate.public_bytes(Encoding.PEM))

    async def push() -> list[PushResult]:
        pushing = Apns(app)
        before = await pushing.push([PUSH_TOKEN], now=younger.begins_at - timedelta(days=1))
        after = await pushing.push([PUSH_TOKEN], now=now)
        await pushing.close()
        return before + after

    with ApnsStandIn(client_ca=authority) as apns:
        settings = replace(shop.app.settings, apns_endpoint=apns.endpoint, apns_ca=apns.ca_file)
        app = replace(shop.app, settings=settings, apple=older.followed_by(younger))
        before, after = asyncio.run(push())

    assert before.outcome is Outcome.MISCONFIGURED  # this server knows the younger one's authority only
    assert after.outcome is Outcome.ACCEPTED
    assert [sent.topic for sent in apns.pushes] == [PASS_TYPE]


def test_pushes_wait_while_no_certificate_is_valid(shop: Shop) -> None:
    results = asyncio.run(Apns(shop.app).push([PUSH_TOKEN] * 2, now=NOON + 2 * YEAR))

    assert [result.outcome for result in results] == [Outcome.MISCONFIGURED] * 2


def test_nothing_goes_to_apple_or_google_with_what_was_made_for_development(
    shop: Shop, signer: Signer, tmp_path: Path
) -> None:
    account = tmp_path / "account.json"
    account.write_bytes(development_account())
    credentials = Credentials.from_service_account_file(str(account))  # type: ignore[no-untyped-call]  # google-auth's own
    google = GoogleIssuer(issuer_id="1", credentials=credentials, is_development=True)
    app = replace(shop.app, apple=signer, google=google)

    made = senders(app)
    results = asyncio.run(Apns(app).push([PUSH_TOKEN], now=NOON))  # a connection would fail: tests reach loopback only

    assert isinstance(made["google"], Unsent)
    assert [result.outcome for result in results] == [Outcome.ACCEPTED]
    with app.db.begin() as tx:
        card = show_card(app, tx, shop.alice)
    assert card["google"] is None
    assert card["apple"] is not None


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("en", "a real iPhone takes it once the shop has a pass"),
        ("fr", "un véritable iPhone l’acceptera quand le magasin"),
    ],
)
def test_the_card_page_says_what_a_real_phone_needs(shop: Shop, signer: Signer, locale: str, sentence: str) -> None:
    member = shop.join("bob", locale=locale)
    pages = {}
    for is_development in (True, False):
        app = replace(shop.app, apple=replace(signer, is_development=is_development))
        opened = open_session(app, shop.program, member)
        client = web(app).test_client()
        client.set_cookie(COOKIE, opened.refresh_token, path=f"/card/{shop.program}")
        pages[is_development] = client.get(f"/card/{shop.program}").text

    assert sentence in pages[True]
    assert sentence not in pages[False]
    assert all("apple.pkpass" in page for page in pages.values())
