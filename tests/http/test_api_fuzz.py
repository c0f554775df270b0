"""The whole API under schemathesis: what the document promises holds, for everybody, whatever is sent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from tests.http.calls import as_key, as_member, as_staff
from tests.http.trial_app import served
from tests.shop import Shop
from wallet_api.app import web
from wallet_api.http.rate_limit import RATE_LIMITER, RateLimiter

CONFIG = Path(__file__).with_name("schemathesis.toml")
SECONDS = int(os.environ.get("CARNET_FUZZ_SECONDS", "0"))


@pytest.mark.timeout(400)
def test_schemathesis_finds_nothing(shop: Shop, tmp_path: Path) -> None:
    report = fuzzed(shop, tmp_path, web(shop.app))

    print(report.stdout[-30000:])
    assert report.returncode == 0, report.stdout


def fuzzed(shop: Shop, folder: Path, app: Flask) -> subprocess.CompletedProcess[str]:
    app.extensions[RATE_LIMITER] = RateLimiter(is_on=False)
    bob = shop.join("bob")
    sale = shop.sell(500_00)
    shop.sell(300_00, to=bob)
    hold = shop.hold("off-5")
    users = {
        # The first one is who signs out, when that is called; the others' sessions last.
        "carol": as_staff(shop, "carol", role="cashier"),
        "alice": as_member(shop),
        "bob": as_member(shop, bob),
        "till": {"Authorization": f"Bearer {shop.till_key}"},
        "metrics": as_key(shop, "metrics"),
    }
    entries = [
        {"name": name, "fixedHeaders": [{"name": k, "value": v} for k, v in headers.items()]}
        for name, headers in users.items()
    ]
    (folder / "users.json").write_text(json.dumps({"auth": entries}))
    for name, values in {
        "location": [shop.location.id],
        "sale": [sale["id"]],
        "redemption": [hold["id"]],
        "member": [shop.alice, bob],
        "card_code": [shop.code()],
    }.items():
        (folder / f"{name}.dict").write_text("".join(f'"{value}"\n' for value in values))
    shutil.copy(CONFIG, folder)
    with served(app) as url:
        return subprocess.run(
            [
                Path(sys.executable).parent / "st",
                "run",
                f"{url}/openapi.json",
                "--checks",
                "all",
                "--seed",
                "1",
                *os.environ.get("ST", "--max-examples 5").split(),
            ],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=380,
        )
