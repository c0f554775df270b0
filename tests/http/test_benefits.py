"""What a status changes at the till: prices, shipping, access, returns, units as payment, gifts that are limited."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.http.calls import as_key, as_member, refused, told
from tests.shop import PROGRAMS, Shop, open_shop
from tests.store.laws import count
from tests.store.threads import at_once
from wallet_api.app import web
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.services.publish import publish
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database

NOW = "2026-03-10T12:00:00Z"
SHOP_FILE = """
program: club
name: Club
currency: EUR
time_zone: Europe/Paris
languages: [en, fr]
units:
  points: {pays: {units: 100, money: 1.00, at_most: 50 %}}
earning:
  - {id: purchase, on: sale, earn: 10, unit: points, per: 1.00}
  - {id: newsletter, on: activity, kind: newsletter, earn: 20, unit: points, name: {en: Newsletter, fr: Newsletter}}
rewards:
  - {id: mug, name: A mug, gives: {item: a mug}, stock: 1, price: 10 points}
benefits:
  shipping:
    - {guests: yes, fee: 8.00, free_from: 75.00}
    - {members: yes, fee: 5.00, free_from: 50.00}
  prices:
    - {id: rental, percent_off: 33 %, tags: [rental], members: yes}
  returns:
    - {guests: yes, days: 90}
    - {days: 30, worn: {days: 30, at_most: 2 per year}}
  access:
    - {tags: [member-days], members: yes}
"""


@pytest.fixture
def club(shop: Shop) -> Shop:
    """The shop with benefits."""
    publish(shop.app, SHOP_FILE.replace("program: club", f"program: {shop.program}"), now=shop.app.clock.now())
    return shop


def basket(shop: Shop, **changes: Any) -> dict[str, Any]:
    """Alice rents skis for 40 and buys wax for 20."""
    return {
        "member_id": str(shop.alice),
        "external_id": str(new_id()),
        "location_id": str(shop.location.id),
        "occurred_at": NOW,
        "currency": "EUR",
        "lines": [{"sku": "skis", "amount": 40_00, "tags": ["rental"]}, {"sku": "wax", "amount": 20_00}],
        **changes,
    }


def guest(basket: dict[str, Any]) -> dict[str, Any]:
    """The same for somebody who is no member."""
    return {**{name: value for name, value in basket.items() if name != "member_id"}, "guest": True}


@pytest.fixture
def till(club: Shop) -> dict[str, str]:
    """The web shop's key."""
    return as_key(club, "till", "members:act")


def test_a_member_price_is_a_discount_without_a_voucher(api: FlaskClient, club: Shop, till: dict[str, str]) -> None:
    answer = told(api.post("/v1/transactions", json=basket(club), headers=till))

    assert answer["discounts"] == [{"voucher_id": None, "reward": "rental", "amount": 13_20}]
    assert (answer["amount"], answer["paid"], answer["shipping"]) == (60_00, 46_80, 5_00)


def test_a_guest_pays_the_full_price(api: FlaskClient, club: Shop, till: dict[str, str]) -> None:
    answer = told(api.post("/v1/transactions/preview", json=guest(basket(club)), headers=till))

    assert (answer["paid"], answer["shipping"], answer["allowed"]) == (60_00, 8_00, True)
    assert (answer["member"], answer["earned"], answer["balances"], answer["discounts"]) == (None, [], {}, [])


def test_a_preview_says_what_is_not_for_everybody(api: FlaskClient, club: Shop, till: dict[str, str]) -> None:
    shoes = [{"sku": "shoes", "amount": 90_00, "tags": ["member-days"]}]

    member = told(api.post("/v1/transactions/preview", json=basket(club, lines=shoes), headers=till))
    stranger = told(api.post("/v1/transactions/preview", json=guest(basket(club, lines=shoes)), headers=till))

    assert (member["allowed"], stranger["allowed"]) == (True, False)
    assert count(club.app.db, "transactions") == 0


@pytest.mark.parametrize(
    "change",
    [{"guest": True}, {"member_id": None, "guest": False}, {"member_id": None}, {"member_id": None, "guest": "yes"}],
)
def test_a_preview_is_for_a_member_or_a_guest(
    api: FlaskClient, club: Shop, till: dict[str, str], change: dict[str, Any]
) -> None:
    asked = {name: value for name, value in {**basket(club), **change}.items() if value is not None}

    assert refused(api.post("/v1/transactions/preview", json=asked, headers=till)) == (422, "invalid")


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"vouchers": ["V123"]}, (404, "voucher_not_found")),
        ({"pay_with": [{"unit": "points", "amount": 100}]}, (409, "insufficient_balance")),
        ({"currency": "USD"}, (409, "wrong_currency")),
        ({"occurred_at": "2026-03-11T12:00:00Z"}, (409, "in_the_future")),
        ({"location_id": str(new_id())}, (404, "not_found")),
    ],
)
def test_what_a_guest_cannot_have_is_refused(
    api: FlaskClient, club: Shop, till: dict[str, str], change: dict[str, Any], answer: tuple[int, str]
) -> None:
    response = api.post("/v1/transactions/preview", json=guest(basket(club, **change)), headers=till)

    assert refused(response) == answer


# ── Units as payment ─────────────────────────────────────────────────────────────────────────────────────────────


def test_units_pay_for_a_part_and_come_back_with_a_return(api: FlaskClient, club: Shop, till: dict[str, str]) -> None:
    first = told(
        api.post("/v1/transactions", json=basket(club, lines=[{"sku": "boots", "amount": 200_00}]), headers=till)
    )
    had = first["balances"]["points"]["available"]
    paying = basket(club, lines=[{"sku": "wax", "amount": 20_00}], pay_with=[{"unit": "points", "amount": 1000}])

    paid = told(api.post("/v1/transactions", json=paying, headers=till))
    body = {"external_id": "back-1", "occurred_at": NOW, "amount": 10_00}
    back = told(api.post(f"/v1/transactions/{paid['id']}/returns", json=body, headers=till))

    assert (paid["paid"], paid["units_paid"]) == (10_00, [{"unit": "points", "amount": 1000, "money": 10_00}])
    assert paid["balances"]["points"]["available"] == had - 1000 + 100
    assert (back["refund"], back["balances"]["points"]["available"]) == (5_00, had - 1000 + 100 + 500 - 50)
    entries = told(api.get("/v1/me/entries", headers=as_member(club)))["items"]
    assert [entry["why"] for entry in entries[:4]] == [
        "given back with the return, of 1,000 points that paid for it",
        "taken back with the return: it had earned 100 points, what you kept earns 50 points",
        "10 points for each €1.00 of €10.00, rounded down",
        "paid €10.00 of a purchase",
    ]
    assert list(verify_ledger(club.app)) == []


@pytest.mark.parametrize(
    ("pay_with", "answer"),
    [
        ([{"unit": "points", "amount": 3100}], (409, "exceeds_share")),
        ([{"unit": "points", "amount": 3000}], (409, "insufficient_balance")),
        ([{"unit": "stars", "amount": 1}], (409, "not_eligible")),
        ([{"unit": "points", "amount": 0}], (422, "invalid")),
    ],
)
def test_units_that_cannot_pay_are_refused(
    api: FlaskClient, club: Shop, till: dict[str, str], pay_with: list[dict[str, Any]], answer: tuple[int, str]
) -> None:
    wish = basket(club, lines=[{"sku": "wax", "amount": 60_00}], pay_with=pay_with)

    assert refused(api.post("/v1/transactions", json=wish, headers=till)) == answer
    assert count(club.app.db, "transactions") == 0


# ── Returns ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_goods_come_back_for_as_long_as_the_terms_say(
    api: FlaskClient, club: Shop, till: dict[str, str], clock: FixedClock
) -> None:
    sale = told(api.post("/v1/transactions", json=basket(club), headers=till))
    clock.set(clock.now().replace(month=4, day=10))  # the 31st day
    body = {"external_id": "back-1", "occurred_at": "2026-04-10T12:00:00Z"}

    late = api.post(f"/v1/transactions/{sale['id']}/returns", json=body, headers=till)
    in_time = api.post(
        f"/v1/transactions/{sale['id']}/returns", json={**body, "occurred_at": "2026-04-09T12:00:00Z"}, headers=till
    )

    assert refused(late) == (409, "return_period_over")
    assert told(late)["last_day"] == "2026-04-09"
    assert in_time.status_code == 201


def test_worn_goods_are_another_question(api: FlaskClient, shop: Shop, club: Shop, till: dict[str, str]) -> None:
    sales = [told(api.post("/v1/transactions", json=basket(club), headers=till))["id"] for _ in range(2)]
    skis = {"occurred_at": NOW, "worn": True, "lines": [{"sku": "skis", "amount": 40_00}]}

    answers = [
        api.post(f"/v1/transactions/{sale}/returns", json={**skis, "external_id": f"back-{sale}"}, headers=till)
        for sale in sales
    ]
    wax = {**skis, "lines": [{"sku": "wax", "amount": 20_00}], "external_id": "back-wax"}
    third = api.post(f"/v1/transactions/{sales[0]}/returns", json=wax, headers=till)

    assert [answer.status_code for answer in answers] == [201, 201]
    assert refused(third) == (409, "not_returnable")


# ── Access ───────────────────────────────────────────────────────────────────────────────────────────────────────


def ask(api: FlaskClient, by: dict[str, str], **asked: Any) -> TestResponse:
    return api.post("/v1/access", json={"tags": ["member-days"], **asked}, headers=by)


def test_access_is_for_members(api: FlaskClient, club: Shop, till: dict[str, str]) -> None:
    member, stranger = ask(api, till, member_id=str(club.alice)), ask(api, till, guest=True)

    assert told(member) == {"allowed": True, "opens_at": None}
    assert told(stranger) == {"allowed": False, "opens_at": None}


def test_some_may_come_earlier(db: Database, clock: FixedClock) -> None:
    prime = open_shop(db, clock, program="amazon-prime")
    api, till = web(prime.app).test_client(), as_key(prime, "till", "members:act")
    api.post("/v1/me/membership", json={"action": "start", "plan": "monthly"}, headers=as_member(prime))
    deal = {"tags": ["lightning"], "opens_at": "2026-03-10T12:30:00Z"}

    member, stranger = ask(api, till, member_id=str(prime.alice), **deal), ask(api, till, guest=True, **deal)

    assert told(member) == {"allowed": True, "opens_at": "2026-03-10T12:00:00Z"}
    assert told(stranger) == {"allowed": False, "opens_at": "2026-03-10T12:30:00Z"}


@pytest.mark.parametrize(
    "body", [{}, {"guest": True, "tags": []}, {"guest": False}, {"guest": True, "tags": ["a"], "x": 1}]
)
def test_a_question_about_access_says_who_and_what(
    api: FlaskClient, club: Shop, till: dict[str, str], body: dict[str, Any]
) -> None:
    assert refused(ask(api, till, **body)) == (422, "invalid")


def test_only_a_till_asks_about_access(api: FlaskClient, club: Shop) -> None:
    assert refused(ask(api, {}, guest=True)) == (401, "unauthenticated")
    assert refused(ask(api, as_member(club), guest=True)) == (403, "forbidden")
    assert refused(ask(api, as_key(club, "members:act"), guest=True)) == (403, "forbidden")


# ── Limited rewards ──────────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_members_who_want_the_last_one_one_gets_it(club: Shop) -> None:
    bob = club.join("bob")
    for member in (club.alice, bob):
        club.sell(10_00, to=member)

    outcomes = at_once([partial(club.redeem, "mug", by=member) for member in (club.alice, bob)])

    refusals = [outcome for outcome in outcomes if isinstance(outcome, errors.Refusal)]
    assert [type(refusal) for refusal in refusals] == [errors.LimitReached]
    with club.app.db.read() as tx:
        assert sql.one(tx, "SELECT taken FROM reward_stock WHERE reward = 'mug'").taken == 1


def test_the_reward_list_says_what_is_gone(api: FlaskClient, club: Shop) -> None:
    bob = club.join("bob")
    for member in (club.alice, bob):
        club.sell(10_00, to=member)
    club.redeem("mug", by=bob)

    (mug,) = told(api.get("/v1/me/rewards", headers=as_member(club)))["items"]

    assert (mug["available"], mug["missing"], mug["why"]) == (False, None, "the limit for it is reached")


def test_every_shipped_program_shows_itself(db: Database, clock: FixedClock) -> None:
    shop = open_shop(db, clock)
    api = web(shop.app).test_client()
    names = sorted(path.stem for path in PROGRAMS.glob("*.yaml"))

    shown = {}
    for name in names:
        publish(shop.app, (PROGRAMS / f"{name}.yaml").read_text(encoding="utf-8"), now=clock.now())
        shown[name] = told(api.get(f"/v1/programs/{name}", headers={"Accept-Language": "fr"}))

    assert [program["id"] for program in shown.values()] == names
    assert [plan["id"] for plan in shown["amazon-prime"]["plans"]][:2] == ["monthly", "annual"]
    assert shown["patagonia-pro"]["verification"] == {"id": "profession", "name": "Pro", "days": 365}
    assert shown["nike"]["challenges"][0]["badge"] == "5k"
    assert shown["aliexpress"]["units"][0]["worth"]["share"] == 0.5
