"""What a till may send, and where it stands."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_key, refused, told
from tests.shop import Shop
from wallet_api.store.ids import new_id


@pytest.fixture
def sale(shop: Shop) -> dict[str, Any]:
    """Alice buys for 10 euros."""
    return {
        "member_id": str(shop.alice),
        "external_id": "receipt-1",
        "location_id": str(shop.location.id),
        "occurred_at": "2026-03-10T12:00:00Z",
        "currency": "EUR",
        "amount": 10_00,
    }


ID = "0195a5d0-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"code": "12345"}, "Give exactly one of scan_id, code and member_id."),
        ({"scan_id": ID}, "Give exactly one of scan_id, code and member_id."),
        ({"lines": [{"sku": "tea", "amount": 10_00}]}, "Give exactly one of amount and lines."),
    ],
)
def test_a_sale_says_everything_once(
    api: FlaskClient, shop: Shop, sale: dict[str, Any], change: dict[str, Any], detail: str
) -> None:
    response = api.post("/v1/transactions", json={**sale, **change}, headers=as_key(shop, "till", "members:act"))

    assert refused(response) == (422, "invalid")
    assert told(response)["errors"] == [{"pointer": "#", "detail": detail}]


@pytest.mark.parametrize("missing", ["member_id", "amount"])
def test_a_sale_says_for_whom_and_how_much(api: FlaskClient, shop: Shop, sale: dict[str, Any], missing: str) -> None:
    del sale[missing]

    response = api.post("/v1/transactions", json=sale, headers=as_key(shop, "till", "members:act"))

    assert refused(response) == (422, "invalid")


def test_a_return_is_of_an_amount_or_of_lines(api: FlaskClient, shop: Shop) -> None:
    body = {
        "external_id": "return-1",
        "occurred_at": "2026-03-10T12:00:00Z",
        "amount": 1_00,
        "lines": [{"sku": "tea", "amount": 1_00}],
    }

    response = api.post(f"/v1/transactions/{ID}/returns", json=body, headers=as_key(shop, "till"))

    assert told(response)["errors"] == [{"pointer": "#", "detail": "Give at most one of amount and lines."}]


def test_a_till_that_is_tied_to_no_location_still_names_one_of_its_program(
    api: FlaskClient, shop: Shop, sale: dict[str, Any]
) -> None:
    till, member = as_key(shop, "till", "members:act"), {"member_id": str(shop.alice)}
    bought = told(api.post("/v1/transactions", json=sale, headers=till))["id"]
    nowhere, now = {"location_id": str(new_id())}, {"occurred_at": "2026-03-10T12:00:00Z"}
    bodies: dict[str, dict[str, Any]] = {
        "/v1/scans": {"code": shop.code(), **nowhere},
        "/v1/transactions": {**sale, **nowhere, "external_id": "receipt-2"},
        f"/v1/transactions/{bought}/returns": {"external_id": "return-1", **now, **nowhere},
        "/v1/check-ins": {**member, **now, **nowhere},
        "/v1/redemptions": {**member, **nowhere, "reward": "off-5"},
    }

    refusals = {path: refused(api.post(path, json=body, headers=till)) for path, body in bodies.items()}

    assert refusals == dict.fromkeys(bodies, (404, "not_found"))
    assert all(told(api.post(path, json=body, headers=till))["what"] == "location" for path, body in bodies.items())


def test_a_scan_that_is_sent_again_under_its_key_gets_the_first_answer(api: FlaskClient, shop: Shop) -> None:
    body = {"code": shop.code(), "location_id": str(shop.location.id)}
    headers = {**as_key(shop, "till"), "Idempotency-Key": "scan-1"}

    first, again = (api.post("/v1/scans", json=body, headers=headers) for _ in range(2))

    assert (first.status_code, again.data) == (200, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
