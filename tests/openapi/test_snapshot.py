"""`openapi.json` is what the server says of itself, so a change of the API shows in its diff."""

from __future__ import annotations

import json
from pathlib import Path

from tests.shop import Shop
from wallet_api.app import web
from wallet_api.http.document import document

SNAPSHOT = Path(__file__).parents[2] / "openapi.json"


def test_the_snapshot_is_the_present_document() -> None:
    assert SNAPSHOT.read_bytes() == document(), "The API has changed. If that is meant, run `make openapi`."


def test_the_server_says_the_same(shop: Shop) -> None:
    served = web(shop.app).test_client().get("/openapi.json")

    assert served.get_json() == json.loads(SNAPSHOT.read_bytes())
