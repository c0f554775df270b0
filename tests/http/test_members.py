"""What the shop does to a member: adjustments, tiers by hand, merges, memberships; and who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_key, as_member, as_staff, refused, told
from tests.services.wishes import scan_at
from tests.shop import SETTINGS, Shop, open_shop
from tests.store.laws import entries_of
from wallet_api.app import web
from wallet_api.clock import FixedClock
from wallet_api.services.app import App
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database

BODIES: dict[str, dict[str, Any]] = {
    "adjustments": {"unit": "points", "amount": 5, "reason": "late stamp"},
    "merge": {"into": str(new_id()), "reason": "the same person"},
    "tier": {"tier": "gold", "reason": "opened the shop with us"},
    "membership": {"action": "start", "plan": "monthly"},
    "verification": {"action": "approve"},
}
BY_MANAGER_ONLY = ("adjustments", "merge", "tier")


@pytest.fixture
def maria(shop: Shop) -> dict[str, str]:
    """The manager."""
    return as_staff(shop, "maria", role="manager")


def path(shop: Shop, what: str, member: object = None) -> str:
    """A call about Alice, or about another member."""
    return f"/v1/members/{member or shop.alice}/{what}"


# ── Who may ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("what", BODIES)
def test_neither_strangers_nor_members_nor_cashiers_nor_tills_may(api: FlaskClient, shop: Shop, what: str) -> None:
    callers = {
        "nobody": {},
        "alice": as_member(shop),
        "carol": as_staff(shop, "carol", role="cashier"),
        "till": as_key(shop, "till"),
    }

    refusals = {
        name: refused(api.post(path(shop, what), json=BODIES[what], headers=by)) for name, by in callers.items()
    }

    assert refusals == {
        "nobody": (401, "unauthenticated"),
        **dict.fromkeys(("alice", "carol", "till"), (403, "forbidden")),
    }


@pytest.mark.parametrize("what", BY_MANAGER_ONLY)
def test_some_things_only_people_decide(api: FlaskClient, shop: Shop, what: str) -> None:
    response = api.post(path(shop, what), json=BODIES[what], headers=as_key(shop, "members:act"))

    assert refused(response) == (403, "forbidden")


@pytest.mark.parametrize("what", BODIES)
def test_another_programs_member_is_not_there(
    api: FlaskClient, shop: Shop, db: Database, clock: FixedClock, what: str
) -> None:
    other = open_shop(db, clock, program="amazon-prime", app=shop.app)

    response = api.post(path(shop, what), json=BODIES[what], headers=as_staff(other, "maria", role="manager"))

    assert refused(response) == (404, "not_found")
    assert told(response)["what"] == "member"


@pytest.mark.parametrize("what", BODIES)
def test_an_unknown_field_is_refused(api: FlaskClient, shop: Shop, maria: dict[str, str], what: str) -> None:
    response = api.post(path(shop, what), json={**BODIES[what], "amuont": 5}, headers=maria)

    assert refused(response) == (422, "invalid")


# ── Adjustments ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_units_are_added_for_a_reason_that_the_member_reads(
    api: FlaskClient, shop: Shop, maria: dict[str, str]
) -> None:
    response = api.post(path(shop, "adjustments"), json=BODIES["adjustments"], headers=maria)

    assert response.status_code == 201
    assert told(response)["balances"]["points"]["available"] == 55
    newest = told(api.get("/v1/me/entries", headers=as_member(shop)))["items"][0]
    assert (newest["kind"], newest["amount"], newest["why"]) == ("adjust", 5, "adjusted: late stamp")


def test_more_may_be_taken_than_there_is(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    body = {**BODIES["adjustments"], "amount": -80}

    response = api.post(path(shop, "adjustments"), json=body, headers=maria)

    assert told(response)["balances"]["points"]["available"] == -30


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"amount": 0}, (422, "invalid")),
        ({"amount": 10**9 + 1}, (422, "invalid")),
        ({"amount": 1.5}, (422, "invalid")),
        ({"reason": ""}, (422, "invalid")),
        ({"unit": "stars"}, (404, "not_found")),
    ],
)
def test_what_makes_no_sense_is_refused(
    api: FlaskClient, shop: Shop, maria: dict[str, str], change: dict[str, Any], answer: tuple[int, str]
) -> None:
    response = api.post(path(shop, "adjustments"), json={**BODIES["adjustments"], **change}, headers=maria)

    assert refused(response) == answer


def test_the_same_adjustment_under_one_key_is_made_once(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    headers = {**maria, "Idempotency-Key": "late-stamp-1"}

    first, again = (api.post(path(shop, "adjustments"), json=BODIES["adjustments"], headers=headers) for _ in range(2))

    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [entry.kind for entry in entries_of(shop.app.db, shop.alice)].count("adjust") == 1


# ── Tiers by hand ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tier_is_given_by_hand_and_says_so(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    response = api.post(path(shop, "tier"), json={**BODIES["tier"], "until": "2026-12-31"}, headers=maria)

    assert response.status_code == 200
    assert told(response)["tier"] == {"id": "gold", "name": "Gold", "since": "2026-03-10", "until": "2026-12-31"}
    why = told(api.get("/v1/me/tier", headers=as_member(shop)))["why"]
    assert why == "given by us: opened the shop with us; valid until December 31, 2026"


@pytest.mark.parametrize(
    ("change", "answer"),
    [({"tier": "platinum"}, (404, "not_found")), ({"until": "2026-03-09"}, (422, "invalid"))],
)
def test_a_tier_that_cannot_be_given_is_refused(
    api: FlaskClient, shop: Shop, maria: dict[str, str], change: dict[str, Any], answer: tuple[int, str]
) -> None:
    response = api.post(path(shop, "tier"), json={**BODIES["tier"], **change}, headers=maria)

    assert refused(response) == answer


def test_a_lower_tier_is_no_gift(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    shop.sell(2_000_00)

    response = api.post(path(shop, "tier"), json={**BODIES["tier"], "tier": "silver"}, headers=maria)

    assert refused(response) == (409, "not_eligible")


# ── Merges ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_members_become_one(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    bob = shop.join("bob")
    session, code = as_member(shop, bob), shop.code(bob)
    shop.sell(30_00, to=bob)

    response = api.post(path(shop, "merge", bob), json={"into": str(shop.alice), "reason": "married"}, headers=maria)

    answer = told(response)
    assert (response.status_code, answer["id"], answer["merged"]) == (200, str(shop.alice), str(bob))
    assert answer["balances"]["points"]["available"] == 130
    assert refused(api.get("/v1/me", headers=session)) == (401, "unauthenticated")
    assert scan_at(shop, shop.till, code)["card"] == {"number": code[1:15], "status": "merged"}
    assert told(api.get(f"/v1/members/{bob}", headers=maria))["id"] == str(shop.alice)


def test_a_member_is_not_merged_into_themself(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    response = api.post(path(shop, "merge"), json={"into": str(shop.alice), "reason": "twice"}, headers=maria)

    assert refused(response) == (422, "invalid")
    assert told(response)["errors"][0]["pointer"] == "#/into"


def test_a_merge_asked_for_again_is_as_it_was(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    bob = shop.join("bob")
    body = {"into": str(shop.alice), "reason": "married"}

    first, again = (api.post(path(shop, "merge", bob), json=body, headers=maria) for _ in range(2))

    assert told(again) == told(first)


# ── What managers see ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_manager_sees_a_member(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    response = api.get(f"/v1/members/{shop.alice}", headers=maria)

    member = told(response)
    assert (member["email"], member["status"]) == ("alice@example.org", "active")
    assert member["card"]["status"] == "active"
    assert member["balances"]["points"]["available"] == 50


def test_a_manager_sees_how_a_member_stood(
    api: FlaskClient, shop: Shop, maria: dict[str, str], clock: FixedClock
) -> None:
    clock.advance(timedelta(minutes=1))
    shop.sell(600_00)
    clock.advance(timedelta(minutes=1))
    address = f"/v1/members/{shop.alice}"

    before = told(api.get(f"{address}?as_of=2026-03-10T12:00:30Z", headers=maria))
    now = told(api.get(address, headers=maria))

    assert (before["tier"]["id"], before["balances"]["points"]["available"]) == ("bronze", 50)
    assert (now["tier"]["id"], now["balances"]["points"]["available"]) == ("silver", 650)
    assert refused(api.get(f"{address}?as_of=2026-03-11T12:00:00Z", headers=maria)) == (409, "in_the_future")
    assert refused(api.get(f"{address}?as_of=2026-03-09T12:00:00Z", headers=maria)) == (404, "not_found")
    assert refused(api.get(f"{address}?as_of=yesterday", headers=maria)) == (422, "invalid")


def test_only_managers_see_members(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    address = f"/v1/members/{shop.alice}"

    assert refused(api.get(address)) == (401, "unauthenticated")
    assert refused(api.get(address, headers=as_member(shop))) == (403, "forbidden")
    assert refused(api.get(address, headers=as_key(shop, "till", "members:act"))) == (403, "forbidden")
    assert refused(api.get(f"/v1/members/{new_id()}", headers=maria)) == (404, "not_found")


# ── Paid memberships ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def prime(db: Database, clock: FixedClock) -> Shop:
    """A shop with paid plans."""
    return open_shop(db, clock, program="amazon-prime")


@pytest.fixture
def prime_api(prime: Shop) -> FlaskClient:
    """Calls it."""
    return web(prime.app).test_client()


def test_a_member_starts_a_trial_and_the_provider_reports_the_charge(
    prime_api: FlaskClient, prime: Shop, clock: FixedClock
) -> None:
    alice, provider = as_member(prime), as_key(prime, "members:act")

    trial = told(prime_api.post("/v1/me/membership", json={"action": "start", "plan": "monthly"}, headers=alice))
    clock.advance(timedelta(days=30))
    body = {"action": "payment_succeeded", "occurred_at": "2026-04-09T12:00:00Z"}
    paid = told(prime_api.post(path(prime, "membership"), json=body, headers=provider))

    assert (trial["charge"], trial["refund"], trial["currency"]) == (0, 0, "USD")
    assert trial["membership"] == {
        "status": "trial",
        "plan": {"id": "monthly", "name": "Monthly", "fee": 14_99},
        "until": "2026-04-08",
        "charge_on": "2026-04-09",
        "is_cancelled": False,
    }
    assert paid["membership"]["status"] == "paid"
    assert told(prime_api.get("/v1/me", headers=as_member(prime)))["membership"]["until"] == "2026-05-08"


def test_a_member_cancels(prime_api: FlaskClient, prime: Shop) -> None:
    alice = as_member(prime)
    prime_api.post("/v1/me/membership", json={"action": "start", "plan": "annual"}, headers=alice)

    response = prime_api.post("/v1/me/membership", json={"action": "cancel"}, headers=alice)

    assert told(response)["membership"]["is_cancelled"] is True


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"action": "start", "plan": "weekly"}, (404, "not_found")),
        ({"action": "cancel"}, (409, "not_eligible")),
        ({"action": "payment_succeeded"}, (422, "invalid")),
        ({"action": "start", "plan": "Weekly Plan"}, (422, "invalid")),
        ({}, (422, "invalid")),
    ],
)
def test_what_does_not_fit_a_membership_is_refused(
    prime_api: FlaskClient, prime: Shop, body: dict[str, Any], answer: tuple[int, str]
) -> None:
    response = prime_api.post("/v1/me/membership", json=body, headers=as_member(prime))

    assert refused(response) == answer


def test_a_charge_of_tomorrow_has_not_happened(prime_api: FlaskClient, prime: Shop) -> None:
    body = {"action": "payment_failed", "occurred_at": "2026-03-11T12:00:00Z"}

    response = prime_api.post(path(prime, "membership"), json=body, headers=as_key(prime, "members:act"))

    assert refused(response) == (409, "in_the_future")


def test_word_of_a_charge_that_comes_twice_counts_once(prime_api: FlaskClient, prime: Shop, clock: FixedClock) -> None:
    provider = {**as_key(prime, "members:act"), "Idempotency-Key": "charge-1"}
    prime_api.post("/v1/me/membership", json={"action": "start", "plan": "monthly"}, headers=as_member(prime))
    clock.advance(timedelta(days=30))

    answers = [
        prime_api.post(path(prime, "membership"), json={"action": "payment_succeeded"}, headers=provider)
        for _ in range(2)
    ]

    assert answers[1].data == answers[0].data
    assert told(answers[0])["membership"]["until"] == "2026-05-08"


def test_a_program_without_plans_has_none_to_start(api: FlaskClient, shop: Shop) -> None:
    start = api.post("/v1/me/membership", json={"action": "start", "plan": "monthly"}, headers=as_member(shop))
    apply = api.post("/v1/me/verification", json={"action": "apply"}, headers=as_member(shop))

    assert (refused(start), refused(apply)) == ((404, "not_found"), (404, "not_found"))
    assert (told(start)["what"], told(apply)["what"]) == ("plan", "verification")


# ── Verified professions ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_profession_is_applied_for_and_approved(db: Database, clock: FixedClock) -> None:
    pro = open_shop(db, clock, program="patagonia-pro", app=App(settings=SETTINGS, clock=clock, db=db))
    api, manager = web(pro.app).test_client(), as_staff(pro, "maria", role="manager")

    pending = api.post("/v1/me/verification", json={"action": "apply"}, headers=as_member(pro))
    by_herself = api.post("/v1/me/verification", json={"action": "approve"}, headers=as_member(pro))
    verified = api.post(path(pro, "verification"), json={"action": "approve"}, headers=manager)
    twice = api.post(path(pro, "verification"), json={"action": "approve"}, headers=manager)

    assert told(pending)["membership"]["status"] == "pending"
    assert refused(by_herself) == (422, "invalid")
    assert (told(verified)["membership"]["status"], told(verified)["membership"]["until"]) == ("verified", "2027-03-09")
    assert refused(twice) == (409, "not_eligible")
