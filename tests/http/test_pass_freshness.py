"""From the sale to the phone: measured when a device fetches, shown to managers and to Prometheus."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from passes.apple.signing import Signer
from tests.http.calls import as_key, as_staff, refused, told
from tests.http.test_apple_passes import TYPE, V1, signer  # noqa: F401 the fixture
from tests.shop import Shop
from wallet_api.clock import FixedClock
from wallet_api.jobs.expand import expand
from wallet_api.services import show_card
from wallet_api.store import pass_freshness
from wallet_api.store.ids import new_id

FRESHNESS = "/v1/passes/freshness"


@pytest.fixture
def shop(shop: Shop, signer: Signer) -> Shop:  # noqa: F811 the fixture
    return replace(shop, app=replace(shop.app, apple=signer))


class Phone:
    """A device that holds a member's pass, over HTTP."""

    def __init__(self, api: FlaskClient, shop: Shop, member: UUID, *, device: str = "d1") -> None:
        with shop.app.db.read() as tx:
            self.card = show_card.card_of(tx, member).id
        self._api, self._device = api, device
        self._headers = {"Authorization": f"ApplePass {shop.app.pass_token(self.card)}"}
        self.fetch()
        path = f"{V1}/devices/{device}/registrations/{TYPE}/{self.card}"
        assert api.post(path, json={"pushToken": "ab" * 32}, headers=self._headers).status_code == 201

    def fetch(self, method: str = "GET") -> None:
        answer = self._api.open(f"{V1}/passes/{TYPE}/{self.card}", method=method, headers=self._headers)
        assert answer.status_code == 200

    def ask(self, tag: str | None = None) -> str | None:
        query = {} if tag is None else {"passesUpdatedSince": tag}
        answer = self._api.get(f"{V1}/devices/{self._device}/registrations/{TYPE}", query_string=query)
        return str(told(answer)["lastUpdated"]) if answer.status_code == 200 else None


def ask_for_freshness(api: FlaskClient, shop: Shop, **query: object) -> TestResponse:
    # A session of a manager ends while the clock goes on: each call has its own.
    maria = as_staff(shop, f"maria-{new_id()}", role="manager")
    return api.get(FRESHNESS, headers=maria, query_string=query)


def freshness(api: FlaskClient, shop: Shop, **query: object) -> Any:
    return told(ask_for_freshness(api, shop, **query))


def sell(shop: Shop, member: UUID | None = None) -> None:
    shop.sell(1_000, to=member)
    expand(shop.app)


def test_where_nobody_holds_a_pass_there_is_nothing_to_tell(api: FlaskClient, shop: Shop) -> None:
    nothing = {"fetches": 0, "median_seconds": None, "p95_seconds": None, "worst_seconds": None}

    assert freshness(api, shop) == {
        "passes": 0,
        "devices": 0,
        "late_passes": 0,
        "day": nothing,
        "week": nothing,
        "late": {"items": [], "next_cursor": None},
    }


def test_from_the_sale_to_the_first_fetch(api: FlaskClient, shop: Shop, clock: FixedClock) -> None:
    phone = Phone(api, shop, shop.alice)
    for seconds in (3, 1, 40):
        sell(shop)
        clock.advance(timedelta(seconds=seconds))
        phone.fetch()
        phone.fetch()  # has it already

    shown = freshness(api, shop)

    assert (shown["passes"], shown["devices"]) == (1, 1)
    assert shown["day"] == {"fetches": 3, "median_seconds": 3.0, "p95_seconds": 40.0, "worst_seconds": 40.0}
    clock.advance(timedelta(days=2))
    later = freshness(api, shop)
    assert (later["day"]["fetches"], later["week"]) == (0, shown["day"])


def test_of_several_changes_in_one_fetch_the_first_counts(api: FlaskClient, shop: Shop, clock: FixedClock) -> None:
    phone = Phone(api, shop, shop.alice)
    for _ in range(3):
        sell(shop)
        clock.advance(timedelta(seconds=10))

    phone.fetch("HEAD")  # fetches nothing
    phone.fetch()

    assert freshness(api, shop)["day"]["worst_seconds"] == 30.0
    assert freshness(api, shop)["day"]["fetches"] == 1


def test_a_fetch_is_put_down_to_the_device_that_was_told_last(api: FlaskClient, shop: Shop, clock: FixedClock) -> None:
    first, second = Phone(api, shop, shop.alice, device="d1"), Phone(api, shop, shop.alice, device="d2")
    tag = second.ask()
    sell(shop)
    clock.advance(timedelta(seconds=5))
    new = second.ask(tag)
    second.fetch()
    assert freshness(api, shop, late_after_hours=1)["day"]["fetches"] == 1
    clock.advance(timedelta(hours=2))

    (late,) = freshness(api, shop, late_after_hours=1)["late"]["items"]

    assert (late["card_id"], late["devices"]) == (str(first.card), 1)
    first.ask(new)  # a device that asks with the newest tag has the pass, whoever fetched it
    assert freshness(api, shop, late_after_hours=1)["late"]["items"] == []


def test_passes_that_never_came_are_listed_in_pages(api: FlaskClient, shop: Shop, clock: FixedClock) -> None:
    members = [shop.join(f"member{number}") for number in range(3)]
    phones = [Phone(api, shop, member, device=f"d{number}") for number, member in enumerate(members)]
    since = clock.now()
    for member in members:
        sell(shop, member)
    clock.advance(timedelta(hours=30))
    phones[0].fetch()
    sell(shop, members[0])  # not late yet

    first = freshness(api, shop, limit=1)
    second = freshness(api, shop, limit=1, cursor=first["late"]["next_cursor"])

    assert first["late_passes"] == 2
    assert first["late"]["items"] == [
        {
            "card_id": str(phones[2].card),
            "member_id": str(members[2]),
            "platform": "apple",
            "devices": 1,
            "stale_since": since.isoformat().replace("+00:00", "Z"),
            "pushed_at": None,
        }
    ]
    assert [late["card_id"] for late in second["late"]["items"]] == [str(phones[1].card)]
    assert second["late"]["next_cursor"] is None
    assert freshness(api, shop, late_after_hours=31)["late_passes"] == 0


@pytest.mark.parametrize("query", [{"late_after_hours": 0}, {"late_after_hours": 745}, {"cursor": "x"}, {"limit": 0}])
def test_a_query_that_means_nothing_is_refused(api: FlaskClient, shop: Shop, query: dict[str, object]) -> None:
    assert refused(ask_for_freshness(api, shop, **query)) == (422, "invalid")


def test_freshness_is_for_managers(api: FlaskClient, shop: Shop) -> None:
    assert refused(api.get(FRESHNESS))[0] == 401
    assert refused(api.get(FRESHNESS, headers=as_staff(shop, "carol", role="cashier")))[0] == 403
    assert refused(api.get(FRESHNESS, headers=as_key(shop, "till")))[0] == 403


def test_prometheus_counts_every_fetch_once_and_never_less(api: FlaskClient, shop: Shop, clock: FixedClock) -> None:
    phone = Phone(api, shop, shop.alice)
    seen = []
    for seconds in (1, 3, 200_000):
        sell(shop)
        clock.advance(timedelta(seconds=seconds))
        phone.fetch()
        seen.append(histogram(api, shop))
        count_up(shop)
        clock.advance(timedelta(minutes=10))
        count_up(shop)
        count_up(shop)
        with shop.app.db.begin() as tx:
            pass_freshness.forget(tx, before=clock.now())
        assert histogram(api, shop) == seen[-1]

    assert [counts["+Inf"] for counts in seen] == [1, 2, 3]
    assert seen[-1]["0.5"] == 0
    assert (seen[-1]["1.0"], seen[-1]["5.0"], seen[-1]["86400.0"]) == (1, 2, 2)
    assert seen[-1]["sum"] == 200_004


def test_prometheus_hears_of_passes_that_are_late(api: FlaskClient, shop: Shop, clock: FixedClock) -> None:
    Phone(api, shop, shop.alice)
    sell(shop)
    clock.advance(timedelta(minutes=61))

    assert "carnet_passes_late 1.0" in api.get("/metrics", headers=as_key(shop, "metrics")).text


def count_up(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        pass_freshness.count_up(tx, now=shop.app.clock.now())


def histogram(api: FlaskClient, shop: Shop) -> dict[str, float]:
    text = api.get("/metrics", headers=as_key(shop, "metrics")).text
    name = "carnet_pass_freshness_seconds"
    counts = {bound: float(n) for bound, n in re.findall(rf'^{name}_bucket{{le="(\S+)"}} (\S+)$', text, re.MULTILINE)}
    (total,) = re.findall(rf"^{name}_sum (\S+)$", text, re.MULTILINE)
    return {**counts, "sum": float(total)}
