"""Segments over HTTP: who may, what is refused and how, and that no program sees another one's."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_key, as_member, as_staff, refused, told
from tests.shop import Shop, open_shop
from wallet_api.clock import FixedClock
from wallet_api.store.session import Database

SEGMENTS = "/v1/segments"
RULE = {"all": [{"tier": {"any_of": ["bronze"]}}, {"purchases": {"at_least": 1}}]}
BODY = {"name": "Bronze buyers", "rule": RULE}


@pytest.fixture
def maria(shop: Shop) -> dict[str, str]:
    """Maria, who manages the shop."""
    return as_staff(shop, "maria", role="manager")


def test_a_manager_tries_saves_changes_and_forgets_a_segment(
    api: FlaskClient, shop: Shop, maria: dict[str, str]
) -> None:
    bob = shop.join("bob")
    shop.sell(20_00, to=bob)
    shop.count_purchases()

    tried = api.post(f"{SEGMENTS}/preview", json={"rule": RULE}, headers=maria)
    saved = api.post(SEGMENTS, json=BODY, headers=maria)
    place = saved.headers["Location"]
    changed = api.put(place, json={"name": "Everybody", "rule": {"all": []}}, headers=maria)
    listed = told(api.get(SEGMENTS, headers=maria))
    gone = api.delete(place, headers=maria)

    assert told(tried) == {
        "size": 1,
        "sample": [
            {
                "id": str(bob),
                "display_name": "Bob",
                "tier": {"id": "bronze", "name": "Bronze"},
                "address": "b•••@example.org",
            }
        ],
    }
    assert saved.status_code == 201
    assert (told(saved)["name"], told(saved)["rule"]) == ("Bronze buyers", RULE)
    assert told(changed) == {**told(saved), "name": "Everybody", "rule": {"all": []}}
    assert listed == {"items": [told(changed)], "next_cursor": None}
    assert gone.status_code == 204
    assert refused(api.get(place, headers=maria)) == (404, "not_found")
    assert refused(api.delete(place, headers=maria)) == (404, "not_found")


def test_a_segment_may_be_of_everybody_or_of_nobody(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    shop.join("bob")
    shop.join("dora", locale="fr-CH")
    rules: list[dict[str, Any]] = [{"all": []}, {"any": []}, {"language": {"any_of": ["fr"]}}]

    previews = [told(api.post(f"{SEGMENTS}/preview", json={"rule": rule}, headers=maria)) for rule in rules]

    assert [(preview["size"], len(preview["sample"])) for preview in previews] == [(3, 3), (0, 0), (1, 1)]


def test_what_is_wrong_with_a_rule_is_said_with_its_place(api: FlaskClient, maria: dict[str, str]) -> None:
    rule = {"any": [{"tier": {"any_of": ["platinum"]}}, {"spend": {"at_least": -1}}]}

    response = api.post(SEGMENTS, json={"name": "Wrong", "rule": rule}, headers=maria)

    assert refused(response) == (422, "invalid")
    assert told(response)["errors"] == [
        {
            "pointer": "#/rule/any/0/tier/any_of/0",
            "detail": "“platinum” is not one of the program’s tiers: bronze, silver, gold.",
        },
        {
            "pointer": "#/rule/any/1/spend/at_least",
            "detail": "-1 is not a whole number from 0 to 1000000000000.",
        },
    ]


def test_a_name_in_a_rule_is_a_name_and_nothing_else(api: FlaskClient, maria: dict[str, str]) -> None:
    words = ["'; DROP TABLE members; --", ":program", "%(x)s", "\\", "m.id", "😀" * 50]
    rules = [{"any": [{"bought": {"skus": [word]}}, {"activity": {"kind": word, "at_least": 1}}]} for word in words]

    previews = [told(api.post(f"{SEGMENTS}/preview", json={"rule": rule}, headers=maria)) for rule in rules]

    assert previews == [{"size": 0, "sample": []}] * 6


def test_two_segments_of_one_name_are_refused(api: FlaskClient, maria: dict[str, str]) -> None:
    api.post(SEGMENTS, json=BODY, headers=maria)
    other = api.post(SEGMENTS, json={**BODY, "name": "Other"}, headers=maria)

    again = api.post(SEGMENTS, json={**BODY, "name": "BRONZE BUYERS"}, headers=maria)
    renamed = api.put(other.headers["Location"], json=BODY, headers=maria)

    assert refused(again) == (409, "name_taken")
    assert refused(renamed) == (409, "name_taken")
    assert api.put(other.headers["Location"], json={**BODY, "name": "other"}, headers=maria).status_code == 200


def test_only_managers_see_segments(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    one = api.post(SEGMENTS, json=BODY, headers=maria).headers["Location"]
    callers = {
        "nobody": {},
        "alice": as_member(shop),
        "carol": as_staff(shop, "carol", role="cashier"),
        "till": as_key(shop, "till", "members:act"),
    }
    calls = [("GET", SEGMENTS), ("POST", SEGMENTS), ("POST", f"{SEGMENTS}/preview")]
    calls += [("GET", one), ("PUT", one), ("DELETE", one)]

    statuses = {
        name: {api.open(path, method=method, json=BODY, headers=by).status_code for method, path in calls}
        for name, by in callers.items()
    }

    assert statuses == {"nobody": {401}, "alice": {403}, "carol": {403}, "till": {403}}


def test_another_programs_segments_and_members_are_not_there(
    api: FlaskClient, shop: Shop, maria: dict[str, str], db: Database, clock: FixedClock
) -> None:
    other = open_shop(db, clock, program="stamp-card", app=shop.app)
    nora = as_staff(other, "nora", role="manager")
    place = api.post(SEGMENTS, json=BODY, headers=maria).headers["Location"]
    everybody: dict[str, Any] = {"rule": {"all": []}}

    refusals = [
        refused(api.get(place, headers=nora)),
        refused(api.put(place, json={"name": "Mine", **everybody}, headers=nora)),
        refused(api.delete(place, headers=nora)),
    ]

    assert refusals == [(404, "not_found")] * 3
    assert told(api.get(SEGMENTS, headers=nora))["items"] == []
    sample = told(api.post(f"{SEGMENTS}/preview", json=everybody, headers=nora))["sample"]
    assert [member["id"] for member in sample] == [str(other.alice)]
