"""Contests over HTTP: who may, what everybody sees of each other, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_key, as_member, as_staff, refused, told
from tests.services.partners import with_partners
from tests.shop import Shop, open_shop
from wallet_api.clock import FixedClock
from wallet_api.store.session import Database

CONTESTS = "/v1/me/contests"
SPENDER = f"{CONTESTS}/big-spender"
BODY = {"alias": "Ace"}


@pytest.fixture
def alice(shop: Shop) -> dict[str, str]:
    """Alice, in a club with contests."""
    with_partners(shop)
    return as_member(shop)


# ── Who may ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("method", "path"), [("GET", CONTESTS), ("PUT", SPENDER), ("DELETE", SPENDER)])
def test_only_members_take_part(api: FlaskClient, shop: Shop, alice: dict[str, str], method: str, path: str) -> None:
    callers = {
        "nobody": {},
        "maria": as_staff(shop, "maria", role="manager"),
        "till": as_key(shop, "till", "members:act"),
    }

    refusals = {name: refused(api.open(path, method=method, json=BODY, headers=by)) for name, by in callers.items()}

    assert refusals == {
        "nobody": (401, "unauthenticated"),
        "maria": (403, "forbidden"),
        "till": (403, "forbidden"),
    }


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_another_programs_contest_is_not_there(
    api: FlaskClient, shop: Shop, alice: dict[str, str], db: Database, clock: FixedClock, method: str
) -> None:
    other = open_shop(db, clock, program="stamp-card", app=shop.app)

    response = api.open(SPENDER, method=method, json=BODY, headers=as_member(other))

    assert refused(response) == (404, "not_found")
    assert told(response)["what"] == "contest"
    assert told(api.get(CONTESTS, headers=as_member(other))) == {"items": [], "next_cursor": None}


# ── Taking part ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_member_takes_part_changes_the_name_and_leaves(api: FlaskClient, shop: Shop, alice: dict[str, str]) -> None:
    shop.sell(1_234_50)
    before = told(api.get(CONTESTS, headers=alice))["items"][0]

    entered = api.put(SPENDER, json=BODY, headers=alice)
    changed = api.put(SPENDER, json={"alias": "King"}, headers=alice)
    left = [api.delete(SPENDER, headers=alice) for _ in range(2)]

    assert (before["ranking"], before["mine"]) == ([], None)
    assert entered.status_code == 200
    assert told(entered) == {
        "id": "big-spender",
        "name": "Big spender",
        "first": "2026-03-10",
        "last": "2026-03-12",
        "measure": "spend",
        "ranking": [{"place": 1, "alias": "Ace", "value": 1_234_50, "text": "€1,234.50"}],
        "mine": {"place": 1, "alias": "Ace", "value": 1_234_50, "text": "€1,234.50"},
        "prizes": ["Shoes", "Off 5"],
    }
    assert told(changed)["ranking"] == [{"place": 1, "alias": "King", "value": 1_234_50, "text": "€1,234.50"}]
    assert [(response.status_code, response.data) for response in left] == [(204, b"")] * 2
    assert told(api.get(CONTESTS, headers=alice))["items"][0] == before


def test_others_are_seen_by_the_names_that_they_chose_and_by_nothing_else(
    api: FlaskClient, shop: Shop, alice: dict[str, str]
) -> None:
    bob, dora = shop.join("bob"), shop.join("dora")
    shop.sell(20_00, to=bob)
    shop.sell(90_00, to=dora)
    api.put(SPENDER, json={"alias": "Quick Fox"}, headers=as_member(shop, bob))

    response = api.get(CONTESTS, headers=alice)

    text = response.get_data(as_text=True)
    assert told(response)["items"][0]["ranking"] == [
        {"place": 1, "alias": "Quick Fox", "value": 20_00, "text": "€20.00"}
    ]
    for secret in ("bob", "dora", "alice", str(bob), str(dora), str(shop.alice), "example.org"):
        assert secret not in text.lower()


def test_a_name_that_is_taken_is_refused(api: FlaskClient, shop: Shop, alice: dict[str, str]) -> None:
    bob = as_member(shop, shop.join("bob"))
    api.put(SPENDER, json={"alias": "Ace"}, headers=alice)

    response = api.put(SPENDER, json={"alias": "ACE"}, headers=bob)

    assert refused(response) == (409, "alias_taken")
    assert api.put(SPENDER, json={"alias": "Ace"}, headers=alice).status_code == 200  # it is hers


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"alias": ""},
        {"alias": "x" * 31},
        {"alias": "A\nce"},
        {"alias": 7},
        {"alias": "\u200b"},
        {"alias": "Ace", "name": 1},
    ],
)
def test_a_name_that_is_none_is_refused(
    api: FlaskClient, shop: Shop, alice: dict[str, str], body: dict[str, object]
) -> None:
    response = api.put(SPENDER, json=body, headers=alice)

    assert refused(response) == (422, "invalid")
    assert told(response)["errors"][0]["pointer"] in {"#/alias", "#/name"}


def test_what_is_over_cannot_be_entered(api: FlaskClient, shop: Shop, alice: dict[str, str], clock: FixedClock) -> None:
    clock.set(datetime(2026, 3, 12, 23, 0, tzinfo=UTC))  # midnight in Paris

    response = api.put(SPENDER, json=BODY, headers=as_member(shop))

    assert refused(response) == (409, "out_of_season")


def test_figures_are_said_in_the_members_language(api: FlaskClient, shop: Shop, alice: dict[str, str]) -> None:
    bob = shop.join("bob", locale="fr")
    shop.sell(1_234_50, to=bob)

    contest = told(api.put(SPENDER, json={"alias": "Renard"}, headers=as_member(shop, bob)))

    assert contest["name"] == "Grand client"
    assert contest["mine"]["text"].replace("\u202f", " ").replace("\xa0", " ") == "1 234,50 €"


# ── What anybody sees ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_program_tells_its_contests_partners_and_causes(
    api: FlaskClient, shop: Shop, alice: dict[str, str]
) -> None:
    api.put(SPENDER, json=BODY, headers=alice)

    response = api.get(f"/v1/programs/{shop.program}", headers={"Accept-Language": "fr"})

    program = told(response)
    assert program["contests"][0] == {
        "id": "big-spender",
        "name": "Grand client",
        "measure": "spend",
        "first": "2026-03-10",
        "last": "2026-03-12",
        "prizes": ["Shoes", "Off 5"],
    }
    assert program["partners"] == [{"id": "cinema", "name": "Le Cinéma"}, {"id": "baker", "name": "The Baker"}]
    assert program["causes"] == [{"id": "trees", "name": "Des arbres"}, {"id": "turtles", "name": "Sea turtles"}]
    assert {place["code"]: place["partner"] for place in program["locations"]} == {
        "paris": None,
        "cinema-1": "cinema",
        "cinema-2": "cinema",
        "baker-1": "baker",
    }
    assert "Ace" not in json.dumps(program)
