"""The demo's processes: a private PostgreSQL, the API, the worker, an APNs stand-in and an emulated iPhone."""

from __future__ import annotations

import _thread
import contextlib
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import FrameType

import orjson
import requests

from standins.apns import ApnsStandIn
from wallet_api.app import wire
from wallet_api.clock import SystemClock
from wallet_api.demo.phone import phone, write_private
from wallet_api.demo.shop import DemoShop, is_new, prepare_shop, put_aside, remove_put_aside
from wallet_api.development_wallets import FOLDER, WWDR, development_wallets
from wallet_api.serve import check_port, migrate_database, with_database
from wallet_api.services.import_transactions import Progress
from wallet_api.settings import Settings

STARTS_WITHIN_SECONDS = 30.0
STOPS_WITHIN_SECONDS = 15.0
TOKEN_EVERY_SECONDS = 300.0
LOOK_EVERY_SECONDS = 0.2
HOST = "127.0.0.1"


OUTSIDE = (
    "REPLICA_URL",
    "FIREBASE_CREDENTIALS",
    "FIREBASE_ENDPOINT",
    "APPLE_PASS_CERT",
    "APPLE_PASS_KEY",
    "APPLE_PASS_KEY_PASSWORD",
    "APPLE_WWDR_CERT",
    "APPLE_PASS_CERT_NEXT",
    "APPLE_PASS_KEY_NEXT",
    "APPLE_PASS_KEY_PASSWORD_NEXT",
    "APPLE_WWDR_CERT_NEXT",
    "APPLE_PASS_TYPE_ID",
    "APPLE_TEAM_ID",
    "GOOGLE_WALLET_ISSUER_ID",
    "GOOGLE_WALLET_CREDENTIALS",
    "GOOGLE_WALLET_ENDPOINT",
    "SMTP_URL",
    "MAIL_FROM",
)
"""Settings that the demo does not take over from its surroundings: with them messages would really go out."""


class DemoFailed(Exception):
    """The demo cannot start or go on; the text says why and what to do."""


class _StoppedEarly(Exception):
    """Somebody stopped the demo while it prepared the shop; the next start goes on from there."""


Reports = Callable[[], AbstractContextManager[Callable[[Progress], None]]]


def run_demo(
    environ: Mapping[str, str], *, port: int, folder: Path, say: Callable[[str], None], reports: Reports
) -> None:
    """Run everything until SIGINT or SIGTERM; leaves no process behind. Raises DemoFailed, PortTaken.

    `say` prints a line; `reports` opens a progress bar for the import.
    """
    check_port(HOST, port)
    stop = _stopped_by_signals()
    around = {name: value for name, value in environ.items() if name not in OUTSIDE}
    environment = {**around, **_environment(folder, port)}
    settings = Settings.from_env(environment)
    with contextlib.ExitStack() as stack:
        settings = stack.enter_context(with_database(settings))
        assert settings.database_url is not None
        # A private server is not named to the children: each holds it for itself, so that it stops with the last of
        # them where this process was killed.
        if "DATABASE_URL" in environment:
            migrate_database(settings.database_url)
        apns = stack.enter_context(ApnsStandIn(client_ca=folder / FOLDER / WWDR))
        environment |= {"APNS_ENDPOINT": apns.endpoint, "APNS_CA": str(apns.ca_file)}
        environment["APPLE_PUSH_PAUSE_SECONDS"] = "1"  # a visitor sells twice in a row, and looks at the phone
        put_aside(folder)
        try:
            shop = _prepare(replace(settings, apns_endpoint=apns.endpoint), folder, say=say, reports=reports, stop=stop)
        except _StoppedEarly:
            return
        api = stack.enter_context(_child("serve", "--port", str(port), environment=environment, folder=folder))
        worker = stack.enter_context(_child("worker", environment=environment, folder=folder))
        children = {"serve": api, "worker": worker}
        _wait_until_ready(settings.base_url, children, folder, stop)
        if not stop.is_set():
            token = shop.tokens.access_token
            wallet = folder / "wallet"
            stack.enter_context(phone(apns, base_url=settings.base_url, access_token=token, folder=wallet))
            _tell(shop, settings, folder)
            remove_put_aside(folder)
            say(_welcome(settings.base_url, folder))
        _watch(children, folder, stop, renew=lambda: _tell(shop, settings, folder))


def _environment(folder: Path, port: int) -> dict[str, str]:
    """The settings of the demo: nothing leaves the machine, so what would go out is shown in the outbox."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "wallet").mkdir(exist_ok=True)
        development_wallets(folder, now=SystemClock().now())
        secret = _secret(folder / "secret")
    except OSError as trouble:
        raise DemoFailed(
            f"{folder} cannot be written ({trouble.strerror}). Choose another with --data-dir."
        ) from trouble
    return {
        "CARNET_SECRET_KEY": secret,
        "CARNET_BASE_URL": f"http://{HOST}:{port}",
        "CARNET_DATA_DIR": str(folder),
        "CARNET_DEMO": str(folder),
        "CARNET_DEVELOPMENT_WALLETS": "on",
    }


def _secret(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32).encode())
    return path.read_text(encoding="ascii").strip()


def _tell(shop: DemoShop, settings: Settings, folder: Path) -> None:
    """Write `demo.json`, with an access token that is good from now on: whoever opens it later can call at once."""
    told = orjson.dumps(shop.told(settings, now=SystemClock().now()), option=orjson.OPT_INDENT_2)
    write_private(folder / "demo.json", told + b"\n")


def _prepare(
    settings: Settings, folder: Path, *, say: Callable[[str], None], reports: Reports, stop: threading.Event
) -> DemoShop:
    app = wire(settings)
    try:
        if is_new(folder):
            say("Preparing the shop: 6,919 purchases are imported, once.")
            with reports() as report:

                def progress(so_far: Progress) -> None:
                    if stop.is_set():
                        raise _StoppedEarly
                    report(so_far)

                return prepare_shop(app, folder, progress=progress)
        return prepare_shop(app, folder, progress=lambda _: None)
    finally:
        app.db.close()


@contextlib.contextmanager
def _child(*command: str, environment: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A `carnet` command as a process of its own; stopped by its process id when the block ends."""
    with (folder / f"{command[0]}.log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "wallet_api.cli", *command],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches the terminal's whole group; this process alone hears it, and stops the others in order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(timeout=STOPS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(
    base_url: str, children: Mapping[str, subprocess.Popen[bytes]], folder: Path, stop: threading.Event
) -> None:
    end = time.monotonic() + STARTS_WITHIN_SECONDS
    while not stop.is_set():
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            if requests.get(f"{base_url}/readyz", timeout=2).ok:
                return
        _check(children, folder)
        if time.monotonic() > end:
            raise DemoFailed(f"The API does not answer. Look into {folder / 'serve.log'}.")
        stop.wait(LOOK_EVERY_SECONDS / 2)


def _watch(
    children: Mapping[str, subprocess.Popen[bytes]], folder: Path, stop: threading.Event, *, renew: Callable[[], None]
) -> None:
    renewed_at = time.monotonic()
    while not stop.wait(LOOK_EVERY_SECONDS):
        _check(children, folder)
        if time.monotonic() > renewed_at + TOKEN_EVERY_SECONDS:
            renew()
            renewed_at = time.monotonic()


def _check(children: Mapping[str, subprocess.Popen[bytes]], folder: Path) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            raise DemoFailed(f"`carnet {name}` has ended. Look into {folder / f'{name}.log'}.")


def _stopped_by_signals() -> threading.Event:
    stop = threading.Event()

    def hear(number: int, frame: FrameType | None) -> None:
        # In a thread: a handler runs in between the steps of `stop.wait`, which may hold the event's lock.
        _thread.start_new_thread(stop.set, ())

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, hear)
    return stop


def _welcome(base_url: str, folder: Path) -> str:
    return f"""
Carnet is running.

  Start here      {base_url}/
  Alice's card    {base_url}/demo/card
  Her iPhone      {base_url}/demo/wallet
  What went out   {base_url}/demo/outbox
  The API         {base_url}/docs

Keys and ids are in {folder / "demo.json"}. Try, for one:

  curl {base_url}/v1/programs/cd-shop

Ctrl-C stops all of it; the data stays in {folder}.
"""
