"""A Carnet whose messages and passes go to stand-ins, and a worker that runs beside the test."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from passes.apple.development import DevelopmentCertificates, development_certificates
from standins.apns import ApnsStandIn
from standins.fcm import FcmStandIn
from standins.google_wallet import ISSUER, GoogleWalletStandIn
from standins.smtp import SmtpStandIn
from tests.shop import SETTINGS, Shop, open_shop
from wallet_api.app import wire
from wallet_api.clock import Clock, SystemClock
from wallet_api.services.app import App
from wallet_api.settings import Settings
from wallet_api.worker import run_worker

PASS_TYPE = "pass.org.example.carnet"
TEAM = "ABCDE12345"


@dataclass(frozen=True, kw_only=True)
class World:
    """The shop, and everything outside the house."""

    shop: Shop
    settings: Settings
    fcm: FcmStandIn
    apns: ApnsStandIn
    google: GoogleWalletStandIn
    smtp: SmtpStandIn
    certificates: DevelopmentCertificates


@contextlib.contextmanager
def open_world(
    folder: Path, database_url: str, *, program: str = "points-tiers", clock: Clock | None = None
) -> Iterator[World]:
    """Start the stand-ins and a shop that sends to them; its clock may be its own, theirs is the machine's."""
    certificates = development_certificates(pass_type_id=PASS_TYPE, team_id=TEAM, now=SystemClock().now())
    clock = clock or SystemClock()
    wwdr, cert, key = folder / "wwdr.pem", folder / "pass.pem", folder / "pass.key"
    wwdr.write_bytes(certificates.wwdr_pem)
    cert.write_bytes(certificates.cert_pem)
    key.write_bytes(certificates.key_pem)
    with (
        FcmStandIn() as fcm,
        ApnsStandIn(client_ca=wwdr) as apns,
        GoogleWalletStandIn() as google,
        SmtpStandIn() as smtp,
    ):
        settings = replace(
            SETTINGS,
            database_url=database_url,
            base_url="https://cards.example.org",
            firebase_credentials=fcm.service_account_file(folder / "firebase.json"),
            firebase_endpoint=fcm.url,
            apple_pass_cert=cert,
            apple_pass_key=key,
            apple_wwdr_cert=wwdr,
            apns_endpoint=apns.endpoint,
            apns_ca=apns.ca_file,
            google_wallet_issuer_id=ISSUER,
            google_wallet_credentials=google.service_account_file(folder / "google.json"),
            google_wallet_endpoint=google.endpoint,
            smtp_url=smtp.url,
            mail_from="cards@example.org",
        )
        app = wire(settings, clock=clock)
        try:
            shop = open_shop(app.db, clock, program=program, app=app)
            yield World(
                shop=shop, settings=settings, fcm=fcm, apns=apns, google=google, smtp=smtp, certificates=certificates
            )
        finally:
            app.db.close()


@contextlib.contextmanager
def working(app: App) -> Iterator[None]:
    """A worker for as long as the block lasts; it finishes what it has begun."""
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    url = app.settings.database_url
    assert url is not None
    failure: list[BaseException] = []

    def work() -> None:
        try:
            loop.run_until_complete(run_worker(app, url, stop=stop))
        except BaseException as fault:  # noqa: BLE001 handed to the test's own thread
            failure.append(fault)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=30)
        loop.close()
        if failure:
            raise failure[0]


def eventually(check: Callable[[], bool], *, seconds: float = 10.0) -> None:
    """Wait until something is so; fail if it is not within this time."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)
