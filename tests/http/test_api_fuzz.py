"""The whole API under schemathesis: what the document promises holds, for every caller, whatever is sent.

That a fault would be found is shown by planting some: two here, and others in the small app of test_strict_api.py.
`CARNET_FUZZ_EXAMPLES` says how many calls to make up for each operation, `CARNET_FUZZ_SEED` where to begin.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from flask import Flask, Response, request
from google.oauth2.service_account import Credentials

from passes.apple.development import development_certificates
from passes.apple.signing import Signer
from passes.qr import qr_png
from standins.google_wallet import ISSUER, GoogleWalletStandIn
from tests.http.calls import PASSWORD, Headers, as_key, as_member, as_staff, code_sent_to
from tests.http.trial_app import served
from tests.services.campaigning import agree, campaign, do, messages, segment_of, send
from tests.services.surveying import answer, ask
from tests.shop import NOON, PROGRAMS, Shop
from wallet_api import tokens
from wallet_api.app import web
from wallet_api.domain.campaign import Act
from wallet_api.domain.events import Line
from wallet_api.domain.messages import MessageClass
from wallet_api.http.document import document
from wallet_api.http.rate_limit import RATE_LIMITER, RateLimiter
from wallet_api.services import show_card
from wallet_api.services.app import App, GoogleIssuer
from wallet_api.services.publish import publish
from wallet_api.services.register_device import Device, register_device
from wallet_api.services.sign_in import Joining, request_to_join
from wallet_api.services.unsubscribe import Subscription, link_to_end
from wallet_api.store import access

EXAMPLES = int(os.environ.get("CARNET_FUZZ_EXAMPLES", "8"))
SEED = os.environ.get("CARNET_FUZZ_SEED", "1")
SECONDS_MAX = 600
CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
PASS_TYPE = "pass.org.example.carnet"
MORE = """
membership:
  plans:
    monthly: {name: Monthly, fee: 4.99, every: 1 month}
  trial: 30 days
challenges:
  - {id: regular, name: Regular, measure: visits, goal: 10, days: 2026-03-01 to 2026-05-31, badge: regular}
contests:
  - {id: most-visits, name: Most visits, measure: visits, days: 2026-03-01 to 2026-03-31, prizes: [off-5]}
"""
OF_OTHER_PROGRAMS = {"POST /v1/me/verification", "POST /v1/members/{member_id}/verification"}
"""A program has plans or a proof, never both; these are refused here each time, and granted in test_members.py."""

TEA = Line(sku="tea", quantity=500, amount=50_00)


@dataclass(frozen=True, kw_only=True)
class Town:
    """A shop where there is something to find, and who calls it."""

    shop: Shop
    users: Mapping[str, Headers]
    known: Mapping[str, tuple[object, ...]]


@pytest.fixture
def google() -> Iterator[GoogleWalletStandIn]:
    with GoogleWalletStandIn() as running:
        yield running


@pytest.fixture
def town(shop: Shop, google: GoogleWalletStandIn, tmp_path: Path) -> Town:
    made = development_certificates(pass_type_id=PASS_TYPE, team_id="CARNET0001", now=NOON)
    signer = Signer.load(cert_pem=made.cert_pem, key_pem=made.key_pem, password=None, wwdr_pem=made.wwdr_pem)
    account = Credentials.from_service_account_file(str(google.service_account_file(tmp_path / "google.json")))  # type: ignore[no-untyped-call]  # google-auth's own
    app = replace(
        shop.app,
        apple=signer,
        google=GoogleIssuer(issuer_id=ISSUER, credentials=account),
        settings=replace(shop.app.settings, google_wallet_keys_url=google.keys_url),
    )
    shop = replace(shop, app=app)
    source = (PROGRAMS / f"{shop.program}.yaml").read_text(encoding="utf-8")
    logo = base64.b64encode(qr_png("CARNET")).decode()
    publish(app, f"{source}\n{MORE}\nbrand: {{logo: 'data:image/png;base64,{logo}'}}\n", now=NOON)
    bob = shop.join("bob")
    sale = shop.sell(4_000_00)
    shop.sell(4_000_00, to=bob)
    returned = shop.take_back(sale, amount=50_00)
    request_to_join(app, shop.program, Joining(address="dora@example.org", given_name="Dora"))
    voucher = shop.redeem("off-5")
    with app.db.read() as tx:
        card = show_card.card_of(tx, shop.alice)
    return Town(
        shop=shop,
        users={
            "carol": as_staff(shop, "carol", role="cashier"),
            "maria": as_staff(shop, "maria", role="manager"),
            "alice": as_member(shop),
            "bob": as_member(shop, bob),
            "till": as_key(shop, "till", "members:act", "metrics", "messages:bounces"),
            "wallet": {"Authorization": f"ApplePass {app.pass_token(card.id)}"},
        },
        known={
            "location": (shop.location.id,),
            "sale": (sale["id"], *(shop.sell(lines=(TEA,))["id"] for _ in range(30))),
            "return": (returned["id"],),
            "redemption": tuple(shop.hold("off-5")["id"] for _ in range(12)),
            "voucher": (voucher["id"],),
            # Some of each: a device is forgotten once.
            "device": tuple(phone_of(app, member, number) for number in range(20) for member in (shop.alice, bob)),
            "member": (shop.alice, bob),
            # Whoever is merged is not heard any more: not Alice, whom the calls are about.
            "double": tuple(shop.join(f"double-{number}") for number in range(30)),
            "card_code": (shop.code(), shop.code(bob), voucher["code"]),
            "sign_in_email": ("dora@example.org",),
            "sign_in_code": (code_sent_to(shop, "dora@example.org"),),
            "receipt": tuple(f"receipt-{number}" for number in range(1_000)),
            "phone": tuple(f"+33 6 12 34 {number:02} 78" for number in range(100)),
            "refresh_token": tuple(refresh_token(shop) for _ in range(5)),
            "staff_email": ("carol@example.org",),
            "staff_password": (PASSWORD,),
            "pass_type": (PASS_TYPE,),
            "serial": (card.id,),
            "unsubscribe": (unsubscribe_token(shop),),
            **callback_of(google, card.id),
            **campaigns_of(shop),
            **surveys_of(shop, bob),
        },
    )


def campaigns_of(shop: Shop) -> dict[str, tuple[object, ...]]:
    """Segments and campaigns, some for each thing that may be done with one: what is forgotten or called off is gone."""
    agree(shop, shop.alice)
    sent = campaign(shop)
    send(shop, sent)
    compared = campaign(shop, experiment={"arms": [{"name": "a", "share": 50}], "control": 50})
    send(shop, compared)
    running = [campaign(shop) for _ in range(2)]
    for each in running:
        do(shop, each, Act.SEND)
    return {
        "segment": tuple(segment_of(shop)["id"] for _ in range(3)),
        "segment_to_forget": tuple(segment_of(shop)["id"] for _ in range(20)),
        "campaign": (sent, *running),
        "campaign_to_write": (campaign(shop), campaign(shop)),
        "campaign_to_send": tuple(campaign(shop) for _ in range(10)),
        "campaign_that_runs": tuple(running),
        "experiment": (compared,),
        "campaign_to_cancel": tuple(campaign(shop) for _ in range(10)),
        "notification": tuple(each.id for each in messages(shop, sent)),
    }


def surveys_of(shop: Shop, bob: UUID) -> dict[str, tuple[object, ...]]:
    """Surveys, some for each thing that is done once; one has been answered."""
    names = {"survey": 1, "survey_to_write": 3, "survey_to_answer": 40, "survey_to_close": 3}
    known = {name: tuple(f"{name}-{number}" for number in range(count)) for name, count in names.items()}
    for survey in (each for surveys in known.values() for each in surveys):
        ask(shop, survey)
    answer(shop, bob, known["survey"][0])
    return {**known}


def callback_of(google: GoogleWalletStandIn, card: UUID) -> dict[str, tuple[object, ...]]:
    """What Google tells when Alice saves her pass, in its parts; told again, it changes nothing."""
    class_id, object_id = f"{ISSUER}.program-points-tiers", f"{ISSUER}.{card}"
    body: dict[str, Any] = google.callbacks.sign(
        event="save", class_id=class_id, object_id=object_id, issuer=ISSUER, now=NOON
    )
    key = body["intermediateSigningKey"]
    return {
        "google_protocol": (body["protocolVersion"],),
        "google_signature": (body["signature"],),
        "google_message": (body["signedMessage"],),
        "google_key": (key["signedKey"],),
        "google_key_signature": tuple(key["signatures"]),
    }


def unsubscribe_token(shop: Shop) -> str:
    """What stands in the link at the end of Alice's mails."""
    link = link_to_end(shop.app.settings, Subscription(member_id=shop.alice, message_class=MessageClass.MARKETING))
    return link.rpartition("/")[2]


def refresh_token(shop: Shop) -> str:
    """The refresh token of a new session of Alice's."""
    raw, hashed = tokens.new_refresh_token()
    now = shop.app.clock.now()
    with shop.app.db.begin() as tx:
        session = access.add_session(tx, shop.program, member_id=shop.alice, staff_id=None, now=now)
        access.add_refresh_token(tx, session, hashed, now=now)
    return raw


@pytest.mark.timeout(SECONDS_MAX + 60)
def test_schemathesis_finds_nothing(town: Town, tmp_path: Path) -> None:
    app = web(town.shop.app)
    answers = listen(app)

    report = schemathesis(town, tmp_path, app, "--max-examples", str(EXAMPLES))

    assert report.returncode == 0, report.stdout
    # Links that nothing follows, or calls that are refused each time, would have tested little.
    links = re.search(r"API Links: +(\d+) covered", report.stdout)
    assert links is not None
    assert int(links[1]) > 0
    if unlucky := never_granted(answers):
        paths = "|".join(sorted({re.escape(name.split(" ")[1]) for name in unlucky}))
        more = ["--include-path-regex", f"^({paths})$", "--phases", "fuzzing", "--max-examples", str(EXAMPLES * 4)]
        report = schemathesis(town, tmp_path, app, *more)
        assert report.returncode == 0, report.stdout
    assert never_granted(answers) == set()


def phone_of(app: App, member: UUID, number: int) -> object:
    """One of a member's phones."""
    phone = Device(fcm_token=f"{member}-{number}", platform="android")
    with app.db.begin() as tx:
        return register_device(app, tx, member, phone, program="points-tiers")[0]["id"]


def take_bob_for_alice(app: Flask, town: Town) -> None:
    """Single vouchers are shown as if no query asked whose they are."""
    alice, bob = (town.users[name]["Authorization"] for name in ("alice", "bob"))
    right = app.wsgi_app

    def wrong(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/v1/me/vouchers/") and environ.get("HTTP_AUTHORIZATION") == bob:
            environ["HTTP_AUTHORIZATION"] = alice
        return right(environ, start_response)

    app.wsgi_app = wrong  # type: ignore[method-assign]  # Flask's documented place for middleware


def answer_undocumented(app: Flask, town: Town) -> None:
    """The tier is told with a status that the document does not know."""

    @app.after_request
    def spoil(response: Response) -> Response:
        if request.path == "/v1/me/tier" and response.status_code == 200:
            response.status_code = 203
        return response


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("plant", "paths", "found"),
    [
        (take_bob_for_alice, "^/v1/me/(redemptions|vouchers)", "Object-level authorization bypass"),
        (answer_undocumented, "^/v1/me/tier", "Undocumented status code"),
    ],
)
def test_schemathesis_finds_a_planted_fault(
    town: Town, tmp_path: Path, plant: Callable[[Flask, Town], None], paths: str, found: str
) -> None:
    app = web(town.shop.app)
    plant(app, town)
    stop_early = ["--max-failures", "1", "--no-shrink", "--max-examples", "10"]

    report = schemathesis(town, tmp_path, app, "--include-path-regex", paths, *stop_early)

    assert report.returncode == 1
    assert found in report.stdout


def operations() -> set[str]:
    """Every operation of the document, by method and path."""
    paths: dict[str, dict[str, object]] = json.loads(document())["paths"]
    return {
        f"{method.upper()} {path}" for path, methods in paths.items() for method in methods if method != "parameters"
    }


def never_granted(answers: Iterable[tuple[str, int]]) -> set[str]:
    """The operations of which no call was granted, though one might have been."""
    return operations() - {name for name, status in answers if status < 400} - OF_OTHER_PROGRAMS


def listen(app: Flask) -> list[tuple[str, int]]:
    """Which operation answered with which status, from now on."""
    answers: list[tuple[str, int]] = []

    @app.after_request
    def note(response: Response) -> Response:
        if request.url_rule is not None:
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(request.url_rule))
            answers.append((f"{request.method} {path}", response.status_code))
        return response

    return answers


def schemathesis(town: Town, folder: Path, app: Flask, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `st run` with all checks on this app."""
    app.extensions[RATE_LIMITER] = RateLimiter(is_on=False)
    shutil.copy(CONFIG, folder)
    users = [
        {"name": name, "fixedHeaders": [{"name": header, "value": value} for header, value in headers.items()]}
        for name, headers in town.users.items()
    ]
    (folder / "users.json").write_text(json.dumps({"auth": users}))
    for name, values in town.known.items():
        (folder / f"{name}.dict").write_text("".join(f"{json.dumps(str(value))}\n" for value in values))
    with served(app) as url:
        return subprocess.run(
            [
                Path(sys.executable).parent / "st",
                "run",
                f"{url}/openapi.json",
                "--checks",
                "all",
                "--seed",
                SEED,
                *options,
            ],
            cwd=folder,
            env={**os.environ, "CARNET_FUZZ_HOOKS": str(HOOKS)},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_MAX,
        )
