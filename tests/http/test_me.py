"""What members see of themselves, and what they may do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_key, as_member, as_staff, code_sent_to, refused, told
from tests.shop import NOON, Shop, open_shop
from wallet_api.app import web
from wallet_api.clock import FixedClock
from wallet_api.store import locks, sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database

GETS = [
    "/v1/me",
    "/v1/me/card",
    "/v1/me/card/qr.svg",
    "/v1/me/card/qr.png",
    "/v1/me/card/apple.pkpass",
    "/v1/me/entries",
    "/v1/me/transactions",
    "/v1/me/tier",
    "/v1/me/rewards",
    "/v1/me/challenges",
    "/v1/me/referral",
    "/v1/me/vouchers",
    "/v1/me/notifications",
    "/v1/me/consents",
]


@pytest.mark.parametrize("path", GETS)
def test_the_members_own_is_for_the_member_only(api: FlaskClient, shop: Shop, path: str) -> None:
    nobody = api.get(path)
    till = api.get(path, headers=as_key(shop, "till", "members:act"))
    maria = api.get(path, headers=as_staff(shop, "maria", role="admin"))

    assert refused(nobody) == (401, "unauthenticated")
    assert (refused(till), refused(maria)) == ((403, "forbidden"), (403, "forbidden"))


def test_a_member_sees_who_they_are_and_where_they_stand(api: FlaskClient, shop: Shop) -> None:
    shop.sell(12_345)

    response = api.get("/v1/me", headers=as_member(shop))

    assert told(response) == {
        "id": str(shop.alice),
        "program": "points-tiers",
        "given_name": "Alice",
        "family_name": None,
        "email": "alice@example.org",
        "phone": None,
        "birth_date": None,
        "locale": "en",
        "time_zone": None,
        "joined_at": "2026-03-10T12:00:00Z",
        "balances": {"points": {"available": 173, "pending": 0, "lifetime": 173, "next_expiry": None}},
        "tier": {"id": "bronze", "name": "Bronze", "since": "2026-03-10", "until": None},
        "membership": None,
    }


def test_a_profile_is_changed_field_by_field(api: FlaskClient, shop: Shop) -> None:
    alice = as_member(shop)
    change = {"family_name": "Liddell", "birth_date": "1990-05-04", "locale": "fr-CA", "time_zone": "America/Toronto"}
    api.patch("/v1/me", json=change, headers=alice)

    response = api.patch("/v1/me", json={"birth_date": None}, headers=alice)

    me = told(response)
    assert response.status_code == 200
    assert {name: me[name] for name in ("given_name", *change)} == {"given_name": "Alice", **change, "birth_date": None}
    assert told(api.get("/v1/me", headers=alice)) == me


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"given_name": None}, "#/given_name"),
        ({"locale": None}, "#/locale"),
        ({"birth_date": "2026-03-11"}, "#/birth_date"),
        ({"time_zone": "Mars/Olympus"}, "#/time_zone"),
        ({"email": "new@example.org"}, "#/email"),
        ({"tier": "gold"}, "#/tier"),
        ({"status": "guest"}, "#/status"),
        ({"balances": {"points": {"available": 1}}}, "#/balances"),
    ],
)
def test_what_a_member_may_not_change_is_refused(
    api: FlaskClient, shop: Shop, change: dict[str, object], pointer: str
) -> None:
    response = api.patch("/v1/me", json=change, headers=as_member(shop))

    assert refused(response) == (422, "invalid")
    assert [fault["pointer"] for fault in told(response)["errors"]] == [pointer]


# ── Devices ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_phone_is_registered_once(api: FlaskClient, shop: Shop) -> None:
    alice, body = as_member(shop), {"fcm_token": "token-of-alices-phone", "platform": "ios", "app_version": "1.2"}

    first = api.post("/v1/me/devices", json=body, headers=alice)
    again = api.post("/v1/me/devices", json={**body, "app_version": "1.3"}, headers=alice)

    assert (first.status_code, again.status_code) == (201, 200)
    assert told(again) == {"id": told(first)["id"], "platform": "ios", "app_version": "1.3"}
    assert first.headers["Location"] == f"/v1/me/devices/{told(first)['id']}"
    assert shop.phones(shop.alice) == ["token-of-alices-phone"]


def test_a_phone_follows_whoever_signed_in_on_it_last(api: FlaskClient, shop: Shop) -> None:
    bob, body = shop.join("bob"), {"fcm_token": "token-of-one-phone", "platform": "android"}
    api.post("/v1/me/devices", json=body, headers=as_member(shop))

    response = api.post("/v1/me/devices", json=body, headers=as_member(shop, bob))

    assert response.status_code in (200, 201)
    assert [len(shop.phones(member)) for member in (shop.alice, bob)] == [0, 1]


def test_only_its_owner_removes_a_device(api: FlaskClient, shop: Shop) -> None:
    alice, bob = as_member(shop), as_member(shop, shop.join("bob"))
    body = {"fcm_token": "token-of-alices-phone", "platform": "web"}
    device = api.post("/v1/me/devices", json=body, headers=alice).headers["Location"]

    by_bob, by_alice, again = (api.delete(device, headers=who) for who in (bob, alice, alice))

    assert refused(by_bob) == (404, "not_found")
    assert by_alice.status_code == 204
    assert refused(again) == (404, "not_found")


# ── The ledger ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_entry_says_why(api: FlaskClient, shop: Shop) -> None:
    sale = shop.sell(1_999)
    shop.take_back(sale)

    entries = told(api.get("/v1/me/entries", headers=as_member(shop)))["items"]

    assert [(entry["kind"], entry["amount"], entry["why"]) for entry in entries] == [
        ("reversal", -19, "taken back with the return: it had earned 19 points, what you kept earns 0 points"),
        ("earn", 19, "1 point for each €1.00 of €19.99, rounded down"),
        ("bonus", 50, "50 points for “Welcome gift”"),
    ]
    assert entries[1]["source_id"] == str(sale["id"])
    assert entries[0]["reverses"] == entries[1]["id"]


def test_reasons_are_in_the_members_language(api: FlaskClient, shop: Shop) -> None:
    shop.sell(1_000)
    alice = as_member(shop)
    api.patch("/v1/me", json={"locale": "fr"}, headers=alice)

    entries = told(api.get("/v1/me/entries", headers=alice))["items"]

    assert entries[1]["why"] == "50 points pour « Cadeau de bienvenue »"


def test_entries_come_in_pages_and_form_a_chain(api: FlaskClient, shop: Shop) -> None:
    for amount in range(1_000, 6_000, 1_000):
        shop.sell(amount)
    alice, pages, query = as_member(shop), [], "limit=4"
    while query:
        answer = told(api.get(f"/v1/me/entries?{query}", headers=alice))
        pages.append(answer["items"])
        query = f"limit=4&cursor={answer['next_cursor']}" if answer["next_cursor"] else ""

    assert [len(page) for page in pages] == [4, 2]
    entries = [entry for page in pages for entry in page]
    assert [entry["position"] for entry in entries] == [6, 5, 4, 3, 2, 1]
    assert [entry["amount"] for entry in entries] == [50, 40, 30, 20, 10, 50]
    assert len({entry["hash"] for entry in entries}) == 6
    with shop.app.db.read() as tx:
        assert entries[0]["hash"] == bytes(locks.member_unlocked(tx, shop.alice).ledger_head).hex()


def test_a_member_sees_their_own_entries_only(api: FlaskClient, shop: Shop) -> None:
    bob = shop.join("bob")
    shop.sell(10_000)

    entries = told(api.get("/v1/me/entries", headers=as_member(shop, bob)))["items"]

    assert [entry["amount"] for entry in entries] == [50]


def test_transactions_name_the_shop(api: FlaskClient, shop: Shop) -> None:
    sale = shop.sell(2_500, receipt="r-1")
    shop.take_back(sale, amount=500, receipt="r-2")

    items = told(api.get("/v1/me/transactions", headers=as_member(shop)))["items"]

    assert [(item["type"], item["external_id"], item["location"]["name"]) for item in items] == [
        ("return", "r-2", "Paris"),
        ("sale", "r-1", "Paris"),
    ]
    assert (items[1]["amount"], items[1]["paid"], items[1]["currency"]) == (2_500, 2_500, "EUR")
    assert items[0]["sale_id"] == items[1]["id"] == str(sale["id"])


# ── Tier ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_newcomer_learns_what_is_missing_for_the_next_tier(api: FlaskClient, shop: Shop) -> None:
    shop.sell(12_300)

    tier = told(api.get("/v1/me/tier", headers=as_member(shop)))

    assert tier == {
        "id": "bronze",
        "name": "Bronze",
        "since": "2026-03-10",
        "until": None,
        "why": "the level at which everybody starts",
        "measure": "spend",
        "period": {"first": "2026-01-01", "last": "2026-12-31"},
        "value": 12_300,
        "next": {
            "id": "silver",
            "name": "Silver",
            "threshold": 50_000,
            "missing": 37_700,
            "until": "2026-12-31",
            "why": "€377.00 more in 2026 for Silver",
        },
        "keep": None,
    }


def test_a_tier_says_why_and_until_when(api: FlaskClient, shop: Shop) -> None:
    shop.sell(200_000)

    tier = told(api.get("/v1/me/tier", headers=as_member(shop)))

    assert (tier["id"], tier["until"], tier["next"]) == ("gold", "2027-12-31", None)
    assert tier["why"] == "€2,000.00 in 2026; valid until December 31, 2027"


def test_a_tier_that_ended_has_ended_though_no_worker_ran(api: FlaskClient, shop: Shop, clock: FixedClock) -> None:
    shop.sell(60_000)
    clock.set(datetime(2028, 1, 2, tzinfo=UTC))

    tier = told(api.get("/v1/me/tier", headers=as_member(shop)))

    assert (tier["id"], tier["since"], tier["value"]) == ("bronze", "2028-01-01", 0)
    assert told(api.get("/v1/me", headers=as_member(shop)))["tier"]["id"] == "bronze"


# ── Rewards ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_reward_list_says_what_is_missing(api: FlaskClient, shop: Shop) -> None:
    shop.sell(10_000)

    listed = told(api.get("/v1/me/rewards", headers=as_member(shop)))

    reward = listed["items"][0]
    assert (reward["id"], reward["name"], reward["gives"]) == ("off-5", "€5 off", "€5.00")
    assert (reward["available"], reward["missing"]) == (False, {"unit": "points", "amount": 50})
    assert listed["next_cursor"] is None


def test_a_reward_is_exchanged_for_a_voucher(api: FlaskClient, shop: Shop) -> None:
    shop.sell(20_000)
    alice = as_member(shop)

    response = api.post("/v1/me/redemptions", json={"reward": "off-5"}, headers=alice)

    voucher = told(response)
    codes = voucher.pop("codes")
    assert response.status_code == 201
    assert (voucher["reward"], voucher["status"], voucher["quantity"]) == ("off-5", "issued", 1)
    assert codes == [voucher["code"]]
    assert told(api.get("/v1/me/vouchers", headers=alice))["items"] == [voucher]
    assert told(api.get(response.headers["Location"], headers=alice)) == voucher
    assert told(api.get("/v1/me", headers=alice))["balances"]["points"]["available"] == 50


def test_of_several_pieces_each_has_a_code_of_its_own(api: FlaskClient, shop: Shop) -> None:
    shop.sell(60_000)
    alice = as_member(shop)

    answer = told(api.post("/v1/me/redemptions", json={"reward": "off-5", "quantity": 3}, headers=alice))

    vouchers = told(api.get("/v1/me/vouchers", headers=alice))["items"]
    assert answer["codes"][0] == answer["code"]
    assert sorted(answer["codes"]) == sorted(voucher["code"] for voucher in vouchers)
    assert len(set(answer["codes"])) == 3


def test_the_same_wish_under_one_key_is_granted_once(api: FlaskClient, shop: Shop) -> None:
    shop.sell(100_000)
    headers = {**as_member(shop), "Idempotency-Key": "tap-1"}

    first, again = (api.post("/v1/me/redemptions", json={"reward": "off-5"}, headers=headers) for _ in range(2))
    other = api.post("/v1/me/redemptions", json={"reward": "off-5", "quantity": 2}, headers=headers)

    assert (first.status_code, again.status_code, again.data) == (201, 201, first.data)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert refused(other) == (422, "idempotency_key_reused")
    assert len(told(api.get("/v1/me/vouchers", headers=headers))["items"]) == 1


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"reward": "off-5"}, 409, "insufficient_balance"),
        ({"reward": "yacht"}, 404, "reward_not_found"),
        ({"reward": "off-5", "quantity": 0}, 422, "invalid"),
        ({"reward": "off-5", "price": 1}, 422, "invalid"),
    ],
)
def test_a_wish_beyond_the_rules_is_refused(
    api: FlaskClient, shop: Shop, wish: dict[str, object], status: int, code: str
) -> None:
    response = api.post("/v1/me/redemptions", json=wish, headers=as_member(shop))

    assert refused(response) == (status, code)


def test_anothers_voucher_is_not_there(api: FlaskClient, shop: Shop) -> None:
    shop.sell(20_000)
    voucher = shop.redeem("off-5")
    bob = as_member(shop, shop.join("bob"))

    assert refused(api.get(f"/v1/me/vouchers/{voucher['id']}", headers=bob)) == (404, "not_found")
    assert told(api.get("/v1/me/vouchers", headers=bob))["items"] == []


# ── Messages and consents ────────────────────────────────────────────────────────────────────────────────────────


def test_messages_are_listed_the_newest_first(api: FlaskClient, shop: Shop) -> None:
    for title in ("Welcome", "You are Silver"):
        _notify(shop, title)

    items = told(api.get("/v1/me/notifications", headers=as_member(shop)))["items"]

    assert [item["title"] for item in items] == ["You are Silver", "Welcome"]
    assert items[0]["created_at"] == "2026-03-10T12:00:00Z"


def _notify(shop: Shop, title: str) -> None:
    with shop.app.db.begin() as tx:
        sql.run(
            tx,
            """
            INSERT INTO notifications (id, program_id, member_id, kind, title, body, created_at)
            VALUES (:id, :program, :member, 'tier_upgraded', :title, '…', :now)
            """,
            id=new_id(),
            program=shop.program,
            member=shop.alice,
            title=title,
            now=NOON,
        )


def test_a_consent_is_given_and_withdrawn(api: FlaskClient, shop: Shop, clock: FixedClock) -> None:
    alice = as_member(shop)
    given = api.post("/v1/me/consents", json={"kind": "marketing", "granted": True}, headers=alice)
    clock.advance(timedelta(minutes=1))

    withdrawn = api.post("/v1/me/consents", json={"kind": "marketing", "granted": False}, headers=alice)

    assert (given.status_code, withdrawn.status_code) == (201, 201)
    items = told(api.get("/v1/me/consents", headers=alice))["items"]
    assert [(item["kind"], item["granted"], item["at"]) for item in items[:2]] == [
        ("marketing", False, "2026-03-10T12:01:00Z"),
        ("marketing", True, "2026-03-10T12:00:00Z"),
    ]
    assert items[0] == told(withdrawn)


def test_the_terms_end_with_the_membership_only(api: FlaskClient, shop: Shop) -> None:
    response = api.post("/v1/me/consents", json={"kind": "terms", "granted": False}, headers=as_member(shop))

    assert refused(response) == (409, "terms_not_accepted")


def test_a_cursor_of_nobody_is_refused(api: FlaskClient, shop: Shop) -> None:
    answers: list[Any] = [
        api.get(f"/v1/me/entries?{query}", headers=as_member(shop)) for query in ("cursor=x", "limit=0", "limit=101")
    ]

    assert [refused(answer) for answer in answers] == [(422, "invalid")] * 3


# ── Friends and challenges ───────────────────────────────────────────────────────────────────────────────────────


def test_a_member_has_a_code_for_friends(api: FlaskClient, shop: Shop) -> None:
    alice = as_member(shop)
    code = told(api.get("/v1/me/referral", headers=alice))["code"]
    bob, _ = shop.join("bob", referral_code=code.lower()), shop.join("carol", referral_code="NOBODYS1")
    shop.sell(10_00, to=bob)

    referral = told(api.get("/v1/me/referral", headers=alice))

    assert referral == {"code": code, "joined": 1, "bought": 1, "earns": [{"unit": "points", "amount": 100}]}
    with shop.app.db.read() as tx:
        rows = sql.every(tx, "SELECT given_name, referred_by FROM members ORDER BY given_name")
    assert {row.given_name: row.referred_by for row in rows} == {"Alice": None, "Bob": shop.alice, "Carol": None}


def test_a_friend_joins_with_the_code(api: FlaskClient, shop: Shop) -> None:
    code = told(api.get("/v1/me/referral", headers=as_member(shop)))["code"]
    body = {
        "email": "bob@example.org",
        "given_name": "Bob",
        "consents": {"terms": True},
        "referral_code": f"{code[:4]}-{code[4:]}",
    }
    api.post("/v1/programs/points-tiers/members", json=body)
    proof = {"email": "bob@example.org", "code": code_sent_to(shop, "bob@example.org")}

    answer = api.post("/v1/programs/points-tiers/sessions", json=proof)

    assert answer.status_code == 201
    assert told(api.get("/v1/me/referral", headers=as_member(shop)))["joined"] == 1


def test_a_member_sees_how_far_a_challenge_is(db: Database, clock: FixedClock) -> None:
    runners = open_shop(db, clock, program="nike")
    api, till = web(runners.app).test_client(), as_key(runners, "till", "members:act")
    alice = as_member(runners)
    run = {"member_id": str(runners.alice), "kind": "run", "occurred_at": "2026-03-10T12:00:00Z"}

    first = told(api.post("/v1/activities", json={**run, "external_id": "r-1", "quantity": 3.1}, headers=till))
    (before,) = told(api.get("/v1/me/challenges", headers=alice))["items"]
    second = told(api.post("/v1/activities", json={**run, "external_id": "r-2", "quantity": 1.9}, headers=till))
    (after,) = told(api.get("/v1/me/challenges", headers=alice))["items"]

    assert (first["badges"], second["badges"]) == ([], ["5k"])
    assert before == {
        "id": "5k",
        "name": "Your first five kilometres",
        "measure": "earned:km",
        "goal": 50,
        "value": 31,
        "per": "lifetime",
        "days": None,
        "badge": "5k",
        "earned_on": None,
        "rewards": ["10 % off for your first 5 km"],
        "units": None,
    }
    assert (after["value"], after["earned_on"]) == (50, "2026-03-10")


def test_what_waits_for_the_return_period_is_pending_and_says_so(db: Database, clock: FixedClock) -> None:
    shop = open_shop(db, clock, program="zalando")
    api = web(shop.app).test_client()

    earned = shop.sell(100_00)["earned"]

    assert isinstance(earned, list)
    assert earned[0]["why"].endswith("usable from April 10, 2026")
    points = told(api.get("/v1/me", headers=as_member(shop)))["balances"]["points"]
    assert (points["available"], points["pending"], points["lifetime"]) == (0, 100, 100)
    entry = told(api.get("/v1/me/entries", headers=as_member(shop)))["items"][0]
    assert entry["why"].endswith("usable from April 10, 2026")


def test_a_tier_that_has_to_be_earned_again_says_what_is_missing(db: Database, clock: FixedClock) -> None:
    shop = open_shop(db, clock, program="starbucks")
    api = web(shop.app).test_client()
    lines = {"sku": "coffee", "amount": 500_00}
    sale = {
        "member_id": str(shop.alice),
        "external_id": "r-1",
        "location_id": str(shop.location.id),
        "occurred_at": "2026-03-10T12:00:00Z",
        "currency": "USD",
        "lines": [lines],
    }
    api.post("/v1/transactions", json=sale, headers=as_key(shop, "till", "members:act"))

    tier = told(api.get("/v1/me/tier", headers=as_member(shop)))

    assert (tier["id"], tier["until"]) == ("gold", "2027-03-09")
    assert tier["keep"]["until"] == "2027-03-09"
    assert tier["keep"]["missing"] > 0
    assert "to keep" in tier["keep"]["why"]
    assert tier["next"]["id"] == "reserve"
