"""The card on the phone: live codes, pictures that a camera reads, and the Apple Wallet pass."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO

import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image

from tests.http.calls import as_key, as_member, refused, told
from tests.shop import Shop
from wallet_api.clock import FixedClock
from wallet_api.store import sql


def test_the_card_shows_a_code_that_the_till_takes(api: FlaskClient, shop: Shop) -> None:
    card = told(api.get("/v1/me/card", headers=as_member(shop)))

    body = {"code": card["barcode"]["value"], "location_id": str(shop.location.id)}
    scan = api.post("/v1/scans", json=body, headers=as_key(shop, "till"))

    assert (told(scan)["member"]["id"], told(scan)["fresh"]) == (str(shop.alice), True)
    assert told(scan)["card"] == {"number": card["number"], "status": "active"}
    assert (card["apple"], card["google"]) == (None, None)


def test_twenty_codes_keep_the_card_live_for_ten_minutes(api: FlaskClient, shop: Shop, clock: FixedClock) -> None:
    codes = told(api.get("/v1/me/card", headers=as_member(shop)))["barcode"]["codes"]

    assert len({code["value"] for code in codes}) == 20
    shown = [datetime.fromisoformat(code["show_at"]) - clock.now() for code in codes]
    assert shown == [timedelta(seconds=30 * step) for step in range(20)]
    clock.advance(shown[-1])
    body = {"code": codes[-1]["value"], "location_id": str(shop.location.id)}
    assert api.post("/v1/scans", json=body, headers=as_key(shop, "till")).status_code == 200


def test_a_camera_reads_the_picture(api: FlaskClient, shop: Shop) -> None:
    response = api.get("/v1/me/card/qr.png", headers=as_member(shop))

    assert response.content_type == "image/png"
    (read,) = zxingcpp.read_barcodes(Image.open(BytesIO(response.data)).convert("L"))
    assert read.text == shop.code()


def test_the_drawing_is_an_svg_without_scripts(api: FlaskClient, shop: Shop) -> None:
    response = api.get("/v1/me/card/qr.svg", headers=as_member(shop))

    assert response.mimetype == "image/svg+xml"
    assert response.text.startswith("<svg ")
    assert "<script" not in response.text


@pytest.mark.parametrize("path", ["/v1/me/card", "/v1/me/card/qr.svg", "/v1/me/card/qr.png"])
def test_nothing_keeps_a_code(api: FlaskClient, shop: Shop, path: str) -> None:
    assert api.get(path, headers=as_member(shop)).headers["Cache-Control"] == "no-store"


def test_there_is_no_pass_without_a_certificate(api: FlaskClient, shop: Shop) -> None:
    response = api.get("/v1/me/card/apple.pkpass", headers=as_member(shop))

    assert refused(response) == (404, "not_found")


def test_a_blocked_card_says_so(api: FlaskClient, shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE cards SET status = 'blocked'")

    card = told(api.get("/v1/me/card", headers=as_member(shop)))

    assert card["status"] == "blocked"
