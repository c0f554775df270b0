"""Campaigns over HTTP: who may, what is refused and where, and what each state allows."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_key, as_member, as_staff, refused, told
from tests.services.campaigning import agree, campaign, messages, send
from tests.shop import Shop, open_shop
from wallet_api.clock import FixedClock
from wallet_api.services.walk_campaigns import walk_campaigns
from wallet_api.store import sql
from wallet_api.store.session import Database

CAMPAIGNS = "/v1/campaigns"
ACTS = ("send", "pause", "resume", "cancel")

Body = dict[str, Any]

FAULTS: list[tuple[Body, dict[str, str]]] = [
    ({"title": "Hello {nmae}"}, {"#/title": "{nmae} is unknown; promotion has"}),
    ({"title": {"en": "Hi", "fr": "Bonjour {nom}"}}, {"#/title/fr": "{nom} is unknown"}),
    ({"title": "x" * 5_000}, {"#/title": "Length must be between 1 and 1000."}),
    ({"body": "Hello {"}, {"#/body": ""}),
    ({"body": {"fr": "Bonjour"}}, {"#/body": "It is missing in the program’s first language, en."}),
    (
        {"body": "Code {voucher}"},
        {"#/body": "{voucher} has no value: the campaign gives no reward with a voucher."},
    ),
    ({"body": "Until {day}"}, {"#/body": "{day} has no value: the campaign has no end."}),
    ({"title": 5}, {"#/title": "Not a valid string."}),
    ({"title": {"english": "Hi"}}, {"#/title/english/key": "Not a language such as en or fr-CH."}),
    ({"channels": ["pigeon"]}, {"#/channels/0": "Must be one of: push, email, wallet."}),
    ({"reward": "yacht"}, {"#/reward": "“yacht” is not one of the program’s: off-5."}),
    (
        {"promotion": "double"},
        {
            "#/promotion": "“double” is not one of the program’s: there is none.",
            "#/ends_at": "A promotion that starts with a campaign needs the campaign’s end.",
        },
    ),
    ({"ends_at": "2026-03-01T00:00:00Z"}, {"#/ends_at": "It would end before it begins."}),
    (
        {"experiment": {"arms": [{"name": "a", "share": 50}, {"name": "a", "share": 49}]}},
        {
            "#/experiment": "The shares of the arms and of the control group add up to 100.",
            "#/experiment/arms/0/name": "“a” is taken.",
            "#/experiment/arms/1/name": "“a” is taken.",
        },
    ),
    (
        {"experiment": {"arms": [{"name": "control", "share": 90, "title": "{oops}"}], "control": 10}},
        {"#/experiment/arms/0/name": "“control” is taken.", "#/experiment/arms/0/title": "{oops} is unknown"},
    ),
    ({"segment": "0190b5a4-0000-7000-8000-000000000000"}, {"#/segment": "The program has no such segment."}),
]
"""What is changed in a campaign, and how what is then wrong with it begins to be said, by its place."""


@pytest.fixture
def maria(shop: Shop) -> dict[str, str]:
    """Maria, who manages the shop."""
    return as_staff(shop, "maria", role="manager")


@pytest.fixture
def body(api: FlaskClient, maria: dict[str, str]) -> Body:
    """A campaign to everybody."""
    segment = api.post("/v1/segments", json={"name": "All", "rule": {"all": []}}, headers=maria)
    return {
        "name": "Spring",
        "segment": told(segment)["id"],
        "title": {"en": "Spring at {program}", "fr": "Le printemps chez {program}"},
        "body": "Hello {given_name}",
        "channels": ["push", "email"],
    }


def test_a_campaign_from_its_draft_to_its_end(api: FlaskClient, shop: Shop, maria: dict[str, str], body: Body) -> None:
    agree(shop, shop.alice)

    drafted = api.post(CAMPAIGNS, json=body, headers=maria)
    place = drafted.headers["Location"]
    rewritten = api.put(place, json={**body, "name": "Summer", "starts_at": "2026-06-01T08:00:00Z"}, headers=maria)
    sent = api.post(f"{place}/send", headers=maria)
    walk_campaigns(shop.app)
    done = told(api.get(place, headers=maria))
    [listed] = told(api.get(CAMPAIGNS, headers=maria))["items"]

    assert (drafted.status_code, told(drafted)["status"]) == (201, "draft")
    assert told(drafted)["body"] == {"en": "Hello {given_name}", "fr": "Hello {given_name}"}
    assert (told(rewritten)["name"], told(rewritten)["status"]) == ("Summer", "scheduled")
    assert told(sent)["status"] == "running"
    assert told(sent)["progress"]["audience"] is None
    assert done["status"] == "done"
    assert done["progress"] == {
        "audience": 1,
        "waiting": 0,
        "sent": 1,
        "withheld": 0,
        "control": 0,
        "cancelled": 0,
        "failed": 0,
        "reasons": [],
        "deliveries": {"waiting": 2, "accepted": 0, "failed": 0},
    }
    assert done["results"] == [
        {"arm": None, "members": 1, "opened": 0, "redeemed": 0, "buyers": 0, "purchases": 0, "amount": 0}
    ]
    assert listed == {name: value for name, value in done.items() if name in listed}


def test_a_manager_who_sends_it_wakes_a_worker(api: FlaskClient, shop: Shop, maria: dict[str, str], body: Body) -> None:
    place = api.post(CAMPAIGNS, json=body, headers=maria).headers["Location"]

    for _ in range(2):
        api.post(f"{place}/send", headers=maria)

    with shop.app.db.read() as tx:
        jobs = sql.every(tx, "SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")
    assert [job.task_name for job in jobs] == ["walk_campaigns"]


def test_each_state_allows_some_acts(api: FlaskClient, maria: dict[str, str], body: Body) -> None:
    lives = {
        "send send pause pause resume resume cancel cancel": [200] * 8,
        "pause resume": [409, 409],
        "send pause send cancel send pause resume": [200, 200, 409, 200, 409, 409, 409],
        "cancel cancel": [200, 200],
    }

    statuses, rewritten = {}, set()
    for acts in lives:
        place = api.post(CAMPAIGNS, json=body, headers=maria).headers["Location"]
        statuses[acts] = [api.post(f"{place}/{act}", headers=maria).status_code for act in acts.split()]
        rewritten.add((acts, api.put(place, json=body, headers=maria).status_code))

    assert statuses == lives
    assert rewritten == {(acts, 409 if "cancel" in acts else 200) for acts in lives}


def test_what_has_begun_is_changed_no_more(api: FlaskClient, maria: dict[str, str], body: Body) -> None:
    place = api.post(CAMPAIGNS, json=body, headers=maria).headers["Location"]
    api.post(f"{place}/send", headers=maria)

    response = api.put(place, json={**body, "name": "Other"}, headers=maria)

    assert refused(response) == (409, "campaign_has_begun")


def test_what_is_wrong_with_a_campaign_is_said_when_it_is_saved(
    api: FlaskClient, maria: dict[str, str], body: Body
) -> None:
    answers = [api.post(CAMPAIGNS, json={**body, **change}, headers=maria) for change, _ in FAULTS]

    assert {refused(answer) for answer in answers} == {(422, "invalid")}
    for (change, faults), answer in zip(FAULTS, answers, strict=True):
        found = {fault["pointer"]: fault["detail"] for fault in told(answer)["errors"]}
        assert found.keys() == faults.keys(), change
        assert all(found[pointer].startswith(detail) for pointer, detail in faults.items()), (change, found)


def test_only_the_programs_managers_see_and_send_campaigns(
    api: FlaskClient, shop: Shop, maria: dict[str, str], body: Body, db: Database, clock: FixedClock
) -> None:
    known = told(api.post(CAMPAIGNS, json=body, headers=maria))["id"]
    other = open_shop(db, clock, program="stamp-card", app=shop.app)
    callers = {
        "nobody": {},
        "alice": as_member(shop),
        "carol": as_staff(shop, "carol", role="cashier"),
        "till": as_key(shop, "till", "members:act"),
        "nora": as_staff(other, "nora", role="manager"),
    }
    one = f"{CAMPAIGNS}/{known}"
    calls = [("GET", CAMPAIGNS), ("POST", CAMPAIGNS), ("GET", one), ("PUT", one)]
    calls += [("POST", f"{one}/{act}") for act in ACTS]

    statuses = {
        name: [api.open(path, method=method, json=body, headers=by).status_code for method, path in calls]
        for name, by in callers.items()
    }

    assert statuses == {
        "nobody": [401] * 8,
        "alice": [403] * 8,
        "carol": [403] * 8,
        "till": [403] * 8,
        # Another program's campaign is not there, and neither is its segment.
        "nora": [200, 422, *[404] * 6],
    }


def test_a_member_says_what_they_opened(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    bob = shop.join("bob")
    agree(shop, shop.alice, bob)
    spring = campaign(shop)
    send(shop, spring)
    hers = next(each.id for each in messages(shop, spring) if each.member_id == shop.alice)

    mine = [api.post(f"/v1/me/notifications/{hers}/opened", headers=as_member(shop)) for _ in range(2)]
    anothers = api.post(f"/v1/me/notifications/{hers}/opened", headers=as_member(shop, bob))

    assert [response.status_code for response in mine] == [204, 204]
    assert refused(anothers) == (404, "not_found")
    assert told(api.get(f"{CAMPAIGNS}/{spring}", headers=maria))["results"][0]["opened"] == 1
