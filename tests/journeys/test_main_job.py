"""The main job, end to end: a real server, a real worker, and every provider as a real server on loopback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import requests

from passes.apple.check import check_pass
from standins.wallet_device import WalletDevice
from tests.jobs.world import PASS_TYPE, World, eventually, open_world
from tests.processes import free_port, running, wait_until_ready
from wallet_api.settings import Settings

PHONE = "bobs-phone"


def test_from_joining_to_a_captured_reward(tmp_path: Path, database_url: str) -> None:
    with open_world(tmp_path, database_url) as world:
        base_url = f"http://127.0.0.1:{free_port()}"
        environment = _environment(world, base_url)
        serve, work = tmp_path / "serve.log", tmp_path / "worker.log"
        port = base_url.rsplit(":", 1)[1]
        with (
            running("serve", "--port", port, environment=environment, log=serve) as server,
            running("worker", environment=environment, log=work),
        ):
            wait_until_ready(base_url, server, serve)
            with WalletDevice(language="fr") as iphone:
                _walk(world, base_url, iphone, folder=tmp_path)

        _ledger_is_clean(environment)


def _walk(world: World, base_url: str, iphone: WalletDevice, *, folder: Path) -> None:
    api, till = Api(base_url), Api(base_url, token=world.shop.till_key)
    address = "bob@example.org"

    # join → code → session → card
    joining = {"email": address, "given_name": "Bob", "locale": "fr", "consents": {"terms": True}}
    api.post("/v1/programs/points-tiers/members", joining, expect=202)
    eventually(lambda: bool(world.smtp.to(address)))
    code = re.search(r"\b\d{6}\b", str(world.smtp.to(address)[0]))
    assert code is not None
    session = api.post("/v1/programs/points-tiers/sessions", {"email": address, "code": code[0]}, expect=201)
    bob = Api(base_url, token=session["access_token"])
    bob.post("/v1/me/devices", {"fcm_token": PHONE, "platform": "android"}, expect=201)
    card = bob.get("/v1/me/card")

    # the pass in the wallet, signed, registered
    iphone.connect(world.apns)
    added = iphone.add(bob.download("/v1/me/card/apple.pkpass"))
    assert _points(iphone, added.serial) == 50

    # scan → sale → tier change
    location = str(world.shop.location.id)
    scan = till.post("/v1/scans", {"code": card["barcode"]["value"], "location_id": location}, expect=200)
    assert scan["fresh"] is True
    assert scan["member"]["display_name"] == "Bob"
    sale = till.post(
        "/v1/transactions",
        {
            "scan_id": scan["scan_id"],
            "external_id": "receipt-1",
            "location_id": location,
            "occurred_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "currency": "EUR",
            "amount": 62_050,
        },
        expect=201,
    )
    assert sale["balances"]["points"]["available"] == 50 + 620
    assert (sale["tier"]["previous"], sale["tier"]["id"]) == ("bronze", "silver")

    # FCM got exactly one tier message, in French
    eventually(lambda: any(shown.data["kind"] == "tier_upgraded" for shown in world.fcm.shown(PHONE)))
    told = [request for request in world.fcm.requests if _kind(request) == "tier_upgraded"]
    assert len(told) == 1
    (shown,) = [shown for shown in world.fcm.shown(PHONE) if shown.data["kind"] == "tier_upgraded"]
    assert "Argent" in f"{shown.title} {shown.body}"

    # the emulated wallet fetched a pass that shows the new points and verifies with OpenSSL
    eventually(lambda: _points(iphone, added.serial) == 670)
    held = iphone.passes[added.serial]
    assert iphone.complaints == []
    assert any("670" in line for line in iphone.lock_screen)
    assert check_pass(held.data, root_pem=world.certificates.root_pem, now=datetime.now(UTC)) == []
    _verify_with_openssl(held.data, world, folder)

    # redemption at the till: held, captured
    held_reward = till.post("/v1/redemptions", {"scan_id": scan["scan_id"], "reward": "off-5"}, expect=201)
    captured = till.post(f"/v1/redemptions/{held_reward['id']}/capture", None, expect=200)
    assert captured["status"] == "captured"
    assert bob.get("/v1/me")["balances"]["points"]["available"] == 470
    eventually(lambda: _points(iphone, added.serial) == 470)


class Api:
    """Calls to a running Carnet."""

    def __init__(self, base_url: str, *, token: str | None = None) -> None:
        self._base_url = base_url
        self._session = requests.Session()
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> Any:
        answer = self._session.get(self._base_url + path, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object, *, expect: int) -> Any:
        answer = self._session.post(self._base_url + path, json=body, timeout=10)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def download(self, path: str) -> bytes:
        answer = self._session.get(self._base_url + path, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.content


def _points(iphone: WalletDevice, serial: str) -> int:
    fields = iphone.passes[serial].fields
    return int("".join(filter(str.isdigit, str(fields["balance-points"]["value"]))))


def _kind(request: Any) -> str:
    return str(request.message["data"]["kind"])


def _verify_with_openssl(data: bytes, world: World, folder: Path) -> None:
    with zipfile.ZipFile(BytesIO(data)) as package:
        (folder / "manifest.json").write_bytes(package.read("manifest.json"))
        (folder / "signature").write_bytes(package.read("signature"))
    (folder / "root.pem").write_bytes(world.certificates.root_pem)
    verified = subprocess.run(
        [
            "openssl",
            "cms",
            "-verify",
            "-binary",
            "-inform",
            "DER",
            "-in",
            str(folder / "signature"),
            "-content",
            str(folder / "manifest.json"),
            "-CAfile",
            str(folder / "root.pem"),
            "-purpose",
            "any",
            "-out",
            "/dev/null",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr


def _ledger_is_clean(environment: dict[str, str]) -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "wallet_api.cli", "ledger", "verify"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _environment(world: World, base_url: str) -> dict[str, str]:
    """The settings of the shop's processes, as an operator writes them."""
    settings: Settings = world.settings
    return {
        "CARNET_SECRET_KEY": settings.secret_key,
        "CARNET_BASE_URL": base_url,
        "DATABASE_URL": str(settings.database_url),
        "FIREBASE_CREDENTIALS": str(settings.firebase_credentials),
        "FIREBASE_ENDPOINT": str(settings.firebase_endpoint),
        "APPLE_PASS_CERT": str(settings.apple_pass_cert),
        "APPLE_PASS_KEY": str(settings.apple_pass_key),
        "APPLE_WWDR_CERT": str(settings.apple_wwdr_cert),
        "APPLE_PASS_TYPE_ID": PASS_TYPE,
        "APNS_ENDPOINT": str(settings.apns_endpoint),
        "APNS_CA": str(settings.apns_ca),
        "APPLE_PUSH_PAUSE_SECONDS": "1",  # the points are spent right after they were earned
        "SMTP_URL": str(settings.smtp_url),
        "MAIL_FROM": "cards@example.org",
    }
