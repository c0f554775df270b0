"""Messages over HTTP: the list with its reasons, preferences, previews, unsubscribing, bounces."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_key, as_member, as_staff, bearer
from tests.shop import Shop
from wallet_api.domain.messages import KINDS, MessageClass
from wallet_api.jobs.expand import expand
from wallet_api.services.preferences import show_preferences
from wallet_api.services.unsubscribe import Subscription, link_to_end
from wallet_api.store import sql


def messages(api: FlaskClient, shop: Shop) -> list[dict[str, Any]]:
    expand(shop.app)
    answer = api.get("/v1/me/notifications", headers=as_member(shop))
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.get_json()["items"]
    return found


def prefer(api: FlaskClient, shop: Shop, **body: Any) -> Any:
    whole = {"kinds": [], "quiet_hours": None, "time_zone": None, **body}
    return api.put("/v1/me/preferences", json=whole, headers=as_member(shop))


def test_a_message_that_waits_says_by_which_way(api: FlaskClient, shop: Shop) -> None:
    shop.sell(1_000)

    found = messages(api, shop)

    assert [each["kind"] for each in found] == ["points_earned", "welcome"]
    assert {each["status"] for each in found} == {"waiting"}
    assert [each["channel"] for each in found[0]["channels"]] == ["push"]


def test_what_a_member_does_not_want_stands_in_the_list_with_the_reason(api: FlaskClient, shop: Shop) -> None:
    prefer(api, shop, kinds=[{"kind": "points_earned", "push": False}])
    shop.sell(1_000)

    earned = messages(api, shop)[0]

    assert earned["status"] == "not_sent"
    assert earned["channels"] == [
        {
            "channel": "push",
            "status": "not_sent",
            "reason": "not_wanted",
            "why": "The member does not want messages of this kind this way.",
            "at": None,
        }
    ]


def test_a_manager_reads_the_reasons_in_their_own_language(api: FlaskClient, shop: Shop) -> None:
    prefer(api, shop, kinds=[{"kind": "points_earned", "push": False}])
    shop.sell(1_000)
    expand(shop.app)

    answer = api.get(
        f"/v1/members/{shop.alice}/notifications?language=fr&limit=1", headers=as_staff(shop, "maria", role="manager")
    )

    (earned,) = answer.get_json()["items"]
    assert earned["channels"][0]["why"] == "Le membre ne souhaite pas ce type de message par cette voie."
    assert answer.get_json()["next_cursor"] is not None


@pytest.mark.parametrize(("role", "status"), [("cashier", 403), ("manager", 404)])
def test_only_managers_read_and_only_of_their_own_members(api: FlaskClient, shop: Shop, role: str, status: int) -> None:
    nobody = UUID(int=1)

    answer = api.get(f"/v1/members/{nobody}/notifications", headers=as_staff(shop, "carol", role=role))

    assert answer.status_code == status


def test_preferences_are_all_on_until_somebody_says_otherwise(api: FlaskClient, shop: Shop) -> None:
    shown = api.get("/v1/me/preferences", headers=as_member(shop)).get_json()

    assert {each["kind"] for each in shown["kinds"]} == set(KINDS) - {"sign_in_code"}
    assert all(each["push"] and each["email"] and each["wallet"] for each in shown["kinds"])
    assert (shown["quiet_hours"], shown["time_zone"]) == (None, None)


def test_preferences_are_kept_as_they_were_put(api: FlaskClient, shop: Shop) -> None:
    put = prefer(
        api,
        shop,
        kinds=[{"kind": "birthday", "push": False}, {"kind": "birthday", "email": False}],
        quiet_hours={"from": "22:00", "until": "07:30"},
        time_zone="America/Montreal",
    )

    shown = api.get("/v1/me/preferences", headers=as_member(shop)).get_json()
    assert shown == put.get_json()
    (birthday,) = [each for each in shown["kinds"] if each["kind"] == "birthday"]
    assert birthday == {"kind": "birthday", "class": "marketing", "push": False, "email": False, "wallet": True}
    assert shown["quiet_hours"] == {"from": "22:00", "until": "07:30"}
    assert shown["time_zone"] == "America/Montreal"


def test_what_waits_and_is_no_longer_wanted_is_not_sent(api: FlaskClient, shop: Shop) -> None:
    messages(api, shop)

    prefer(api, shop, kinds=[{"kind": "welcome", "push": False}])

    (welcome,) = messages(api, shop)
    assert (welcome["status"], welcome["channels"][0]["reason"]) == ("not_sent", "not_wanted")


def test_preferences_that_cannot_be_meant_are_refused(api: FlaskClient, shop: Shop) -> None:
    bodies: list[dict[str, Any]] = [
        {"kinds": [{"kind": "sign_in_code", "push": False}]},
        {"kinds": [{"kind": "birthdy"}]},
        {"quiet_hours": {"from": "24:00", "until": "07:00"}},
        {"quiet_hours": {"from": "22:00"}},
        {"time_zone": "Mars/Olympus"},
    ]

    answers = [prefer(api, shop, **body) for body in bodies]

    assert {answer.status_code for answer in answers} == {422}


def preview(api: FlaskClient, shop: Shop, **body: Any) -> Any:
    headers = as_staff(shop, "maria", role="manager")
    return api.post(f"/v1/members/{shop.alice}/messages/preview", json=body, headers=headers)


def test_every_message_can_be_looked_at(api: FlaskClient, shop: Shop) -> None:
    headers, path = as_staff(shop, "maria", role="manager"), f"/v1/members/{shop.alice}/messages/preview"
    wishes = [{"kind": kind, "locale": locale} for kind in KINDS for locale in ("en", "fr-CA")]

    shown = [api.post(path, json=wish, headers=headers) for wish in wishes]

    assert {answer.status_code for answer in shown} == {200}
    assert all(answer.get_json()["title"] for answer in shown)
    with shop.app.db.read() as tx:
        assert sql.every(tx, "SELECT 1 FROM notifications") == []


def test_a_preview_shows_the_members_own_figures_and_the_values_given(api: FlaskClient, shop: Shop) -> None:
    shop.sell(1_000)

    shown = preview(api, shop, kind="points_earned", values={"points": "1250"}).get_json()

    assert shown["title"] == "You earned 1,250 points"
    assert "60 points" in shown["body"]
    assert [(each["channel"], each["status"]) for each in shown["channels"]] == [("push", "waiting")]


def test_a_preview_says_why_a_member_would_not_get_it(api: FlaskClient, shop: Shop) -> None:
    shown = preview(api, shop, kind="promotion").get_json()

    assert {each["reason"] for each in shown["channels"]} == {"no_consent"}


def test_a_value_that_a_kind_has_no_place_for_is_refused(api: FlaskClient, shop: Shop) -> None:
    answer = preview(api, shop, kind="welcome", values={"tier": "Gold"})

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == "#/values/tier"


def link(shop: Shop, message_class: MessageClass = MessageClass.MARKETING) -> str:
    url = link_to_end(shop.app.settings, Subscription(member_id=shop.alice, message_class=message_class))
    return url.removeprefix(shop.app.settings.base_url)


def unwanted(shop: Shop) -> set[str]:
    """The kinds that Alice gets no e-mail of."""
    with shop.app.db.read() as tx:
        kinds: Any = show_preferences(tx, shop.alice)["kinds"]
    return {each["kind"] for each in kinds if not each["email"]}


def test_one_click_ends_offers_by_mail_and_nothing_else(api: FlaskClient, shop: Shop) -> None:
    answers = [api.post(link(shop), data={"List-Unsubscribe": "One-Click"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [204, 204]
    assert unwanted(shop) == {"birthday", "win_back", "promotion", "survey"}


def test_looking_at_the_link_ends_nothing_but_its_button_does(api: FlaskClient, shop: Shop) -> None:
    asked = api.get(link(shop, MessageClass.SERVICE))
    before = unwanted(shop)

    action = re.search(r'action="([^"]+)"', asked.text)
    assert action is not None
    done = api.post(action[1])

    assert before == set()
    assert (asked.status_code, done.status_code) == (200, 200)
    assert "points_earned" in unwanted(shop)
    assert "promotion" not in unwanted(shop)


def test_a_link_that_was_not_made_here_is_not_found(api: FlaskClient, shop: Shop) -> None:
    path = link(shop)
    forged = [path[:-6] + change + path[-3:] for change in ("", "AAA", "!!", "é")]

    answers = [call(each) for each in forged for call in (api.post, api.get)]

    assert {answer.status_code for answer in answers} == {404}


def has_a_mailbox(shop: Shop) -> bool:
    expand(shop.app)
    with shop.app.db.read() as tx:
        return sql.first(tx, "SELECT 1 FROM dead_addresses WHERE address = 'alice@example.org'") is None


@pytest.mark.parametrize(("kind", "lives"), [("permanent", False), ("complaint", False), ("transient", True)])
def test_mail_that_came_back_for_good_ends_mail(api: FlaskClient, shop: Shop, kind: str, lives: bool) -> None:
    headers = as_key(shop, "messages:bounces")

    answer = api.post("/v1/bounces", json={"address": "Alice@Example.org", "type": kind}, headers=headers)

    assert answer.status_code == 204
    assert has_a_mailbox(shop) is lives


def test_only_a_key_for_it_reports_bounces(api: FlaskClient, shop: Shop) -> None:
    body = {"address": "alice@example.org", "type": "permanent"}

    answers = [
        api.post("/v1/bounces", json=body, headers=bearer(shop.till_key)),
        api.post("/v1/bounces", json=body),
    ]

    assert [answer.status_code for answer in answers] == [403, 401]
    assert has_a_mailbox(shop)
