"""Recommendations over HTTP: the member's own, and only with their consent."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.http.calls import as_member, as_staff, refused, told
from tests.services.test_recommend import CUP, SOAP, TEA, others_buy, work_out
from tests.shop import Shop

PLACE = "/v1/me/recommendations"


def test_a_member_who_agrees_gets_recommendations_until_they_withdraw(api: FlaskClient, shop: Shop) -> None:
    others_buy(shop, TEA, CUP)
    others_buy(shop, SOAP, people=5)
    shop.sell(lines=(CUP,))
    work_out(shop)
    alice = as_member(shop)
    consent = {"kind": "profiling", "granted": True}

    before = told(api.get(PLACE, headers=alice))
    api.post("/v1/me/consents", json=consent, headers=alice)
    agreed = told(api.get(PLACE, headers=alice))
    first = told(api.get(f"{PLACE}?limit=1", headers=alice))
    api.post("/v1/me/consents", json={**consent, "granted": False}, headers=alice)
    after = told(api.get(PLACE, headers=alice))

    assert before == after == {"profiling": False, "items": [], "next_cursor": None}
    assert agreed["profiling"] is True
    assert sorted(item["sku"] for item in agreed["items"]) == ["cup", "soap", "tea"]
    [tea] = [item for item in agreed["items"] if item["sku"] == "tea"]
    assert (tea["reason"], tea["with"]) == ("bought_together", {"sku": "cup", "name": "A cup"})
    assert first["items"] == agreed["items"][:1]


def test_recommendations_are_for_members(api: FlaskClient, shop: Shop) -> None:
    assert refused(api.get(PLACE)) == (401, "unauthenticated")
    assert refused(api.get(PLACE, headers=as_staff(shop, "maria", role="manager")))[0] == 403
    assert refused(api.get(f"{PLACE}?limit=51", headers=as_member(shop))) == (422, "invalid")
