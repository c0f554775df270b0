"""Activities over HTTP: what a program's rules give for them, once each."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.http.calls import bearer, refused, told
from tests.shop import Shop
from wallet_api.services.publish import publish
from wallet_api.store import sql

RULES = """
  - {id: workout, on: activity, kind: workout, earn: 100, quantity_from: 20, at_most: 3 per week}
  - {id: pots, on: activity, kind: pot_return, each: full_size, earn: 50}
"""


@pytest.fixture
def sporty(shop: Shop) -> Shop:
    """The shop with rules for activities."""
    publish(shop.app, _source(shop).replace("earning:\n", f"earning:{RULES}", 1), now=shop.app.clock.now())
    return shop


def workout(shop: Shop, **changes: Any) -> dict[str, Any]:
    return {
        "member_id": str(shop.alice),
        "kind": "workout",
        "external_id": "w-1",
        "occurred_at": "2026-03-10T12:00:00Z",
        "quantity": 45,
        **changes,
    }


def test_an_activity_earns_by_its_rule_and_says_why(api: FlaskClient, sporty: Shop) -> None:
    answer = api.post("/v1/activities", json=workout(sporty), headers=bearer(sporty.till_key))

    assert answer.status_code == 201
    assert [(item["rule"], item["amount"]) for item in told(answer)["earned"]] == [("workout", 100)]
    assert told(answer)["balances"]["points"]["available"] == 150


def test_the_same_activity_again_gets_the_first_answer(api: FlaskClient, sporty: Shop) -> None:
    first = api.post("/v1/activities", json=workout(sporty), headers=bearer(sporty.till_key))

    again = api.post("/v1/activities", json=workout(sporty), headers=bearer(sporty.till_key))
    other = api.post("/v1/activities", json=workout(sporty, quantity=46), headers=bearer(sporty.till_key))

    assert told(again) == told(first)
    assert refused(other) == (409, "duplicate_receipt")
    with sporty.app.db.read() as tx:
        assert sql.one(tx, "SELECT count(*) AS n FROM activities").n == 1


def test_too_short_a_workout_is_recorded_and_earns_nothing(api: FlaskClient, sporty: Shop) -> None:
    answer = api.post("/v1/activities", json=workout(sporty, quantity=19.5), headers=bearer(sporty.till_key))

    assert answer.status_code == 201
    assert told(answer)["earned"] == []


def test_a_kinds_own_fields_count(api: FlaskClient, sporty: Shop) -> None:
    pots = workout(sporty, kind="pot_return", data={"full_size": 3, "sample": 1, "choice": "credit"})

    answer = api.post("/v1/activities", json=pots, headers=bearer(sporty.till_key))

    assert told(answer)["balances"]["points"]["available"] == 50 + 150


@pytest.mark.parametrize(
    "data",
    [{"Size": 1}, {"size": [1]}, {"size": -1}, {"size": 1.2345}, {"size": "x" * 101}, {f"f{n}": 1 for n in range(11)}],
)
def test_fields_that_do_not_fit_are_refused(api: FlaskClient, sporty: Shop, data: dict[str, Any]) -> None:
    answer = api.post("/v1/activities", json=workout(sporty, data=data), headers=bearer(sporty.till_key))

    assert answer.status_code == 422


def _source(shop: Shop) -> str:
    with shop.app.db.read() as tx:
        return str(sql.one(tx, "SELECT source FROM program_versions").source)
