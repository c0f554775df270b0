"""`GET /v1/members?query=`: who may look for members, how they are found, and how little is told of them."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_key, as_member, as_staff, refused, told
from tests.shop import Shop, open_shop
from wallet_api.clock import FixedClock
from wallet_api.services.enrol import Consents, enrol
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.show_card import card_of
from wallet_api.store import sql
from wallet_api.store.members import BY_NAME, NewMember
from wallet_api.store.session import Database

MEMBERS = "/v1/members"


@pytest.fixture
def maria(shop: Shop) -> dict[str, str]:
    """The manager."""
    return as_staff(shop, "maria", role="manager")


def add(
    shop: Shop, given: str | None, family: str | None, *, email: str | None = None, phone: str | None = None
) -> UUID:
    """Somebody who joins."""
    newcomer = NewMember(
        program_id=shop.program,
        joined_at=shop.app.clock.now(),
        given_name=given,
        family_name=family,
        email=email,
        phone=phone,
        locale="en",
    )
    with shop.app.db.begin() as tx:
        return enrol(shop.app, tx, newcomer, Consents(terms=True), now=shop.app.clock.now())


def found(api: FlaskClient, by: dict[str, str], query: str) -> list[str]:
    """The names found."""
    response = api.get(MEMBERS, query_string={"query": query}, headers=by)
    assert response.status_code == 200, told(response)
    return [item["display_name"] for item in told(response)["items"]]


# ── Who may ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_neither_strangers_nor_members_nor_cashiers_nor_tills_may(api: FlaskClient, shop: Shop) -> None:
    callers = {
        "nobody": {},
        "alice": as_member(shop),
        "carol": as_staff(shop, "carol", role="cashier"),
        "till": as_key(shop, "till"),
    }

    refusals = {name: refused(api.get(f"{MEMBERS}?query=alice", headers=by)) for name, by in callers.items()}

    assert refusals == {
        "nobody": (401, "unauthenticated"),
        **dict.fromkeys(("alice", "carol", "till"), (403, "forbidden")),
    }


def test_managers_and_keys_that_act_for_members_may(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    for by in (maria, as_key(shop, "members:act")):
        assert found(api, by, "alice@example.org") == ["Alice"]


def test_another_programs_members_are_not_found(api: FlaskClient, shop: Shop, db: Database, clock: FixedClock) -> None:
    other = open_shop(db, clock, program="stamp-card", app=shop.app)
    stranger = as_staff(other, "otto", role="manager")
    with db.begin() as tx:
        card = card_of(tx, shop.alice)
        sql.run(tx, "UPDATE members SET email = NULL, given_name = 'Nobody' WHERE id = :id", id=other.alice)

    assert [found(api, stranger, query) for query in ("alice@example.org", "ali", card.number)] == [[], [], []]


# ── How they are found ───────────────────────────────────────────────────────────────────────────────────────────


def test_just_enough_is_told(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    shop.sell(600_00)

    answer = told(api.get(f"{MEMBERS}?query=alice%40example.org", headers=maria))

    assert answer == {
        "items": [
            {
                "id": str(shop.alice),
                "display_name": "Alice",
                "tier": {"id": "silver", "name": "Silver"},
                "address": "a•••@example.org",
            }
        ],
        "next_cursor": None,
    }


def test_a_guest_without_an_address_has_none(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    add(shop, "Zoë", None)

    assert told(api.get(f"{MEMBERS}?query=zo", headers=maria))["items"][0]["address"] is None


@pytest.mark.parametrize("query", [" Alice@Example.ORG ", "+33 6 12 34 56 78", "+33612345678"])
def test_addresses_are_found_however_they_are_written(
    api: FlaskClient, shop: Shop, maria: dict[str, str], query: str
) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE members SET phone = '+33612345678' WHERE id = :id", id=shop.alice)

    assert found(api, maria, query) == ["Alice"]


def test_a_phone_is_only_hinted_at(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    add(shop, "Bob", "Martin", phone="+33612345678")

    assert told(api.get(f"{MEMBERS}?query=bob", headers=maria))["items"][0]["address"] == "+33•••78"


def test_a_card_number_is_found_with_and_without_spaces(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    with shop.app.db.read() as tx:
        number = card_of(tx, shop.alice).number
    spaced = f"{number[:4]} {number[4:8]} {number[8:12]} {number[12:]}"

    assert [found(api, maria, query) for query in (number, spaced)] == [["Alice"], ["Alice"]]


@pytest.mark.parametrize("query", ["alice@example", "lice@example.org", "+3361234567", "12345678901234", "a@b@c", "+"])
def test_a_part_of_an_address_or_number_finds_nobody(
    api: FlaskClient, shop: Shop, maria: dict[str, str], query: str
) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE members SET phone = '+33612345678' WHERE id = :id", id=shop.alice)

    assert found(api, maria, query) == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("mar", ["Bob M.", "Marie C."]),
        ("MARIE", ["Marie C."]),
        ("marie cu", ["Marie C."]),
        ("curie  marie", ["Marie C."]),
        ("éva", ["Éva N."]),
        ("arie", []),
        ("%", []),
        ("_ob", []),
        ("\\", []),
        ("o'", ["Pat O."]),
        (" ", []),
        ("李", ["李"]),
    ],
)
def test_names_are_found_by_their_beginning(
    api: FlaskClient, shop: Shop, maria: dict[str, str], query: str, names: list[str]
) -> None:
    people = [("Marie", "Curie"), ("Bob", "Martin"), ("Éva", "Nagy"), ("Pat", "O'Neil"), ("李", None)]
    for number, (given, family) in enumerate(people):
        add(shop, given, family, email=f"person-{number}@example.org")

    assert found(api, maria, query) == names


def test_whoever_was_merged_is_found_as_who_they_are_now(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    bob = shop.join("bob")
    with shop.app.db.begin() as tx:
        number = card_of(tx, bob).number
    with shop.app.db.begin() as tx:
        merge_members(shop.app, tx, MergeWish(gone=bob, into=shop.alice, reason="married"), program=shop.program)

    assert [found(api, maria, query) for query in ("bob@example.org", number, "bob")] == [["Alice"], ["Alice"], []]


def test_whoever_was_erased_is_not_found(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE members SET status = 'erased' WHERE id = :id", id=shop.alice)

    assert [found(api, maria, query) for query in ("alice@example.org", "alice")] == [[], []]


# ── Pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_many_are_shown_in_pages_the_newest_first(api: FlaskClient, shop: Shop, maria: dict[str, str]) -> None:
    for number in range(5):
        add(shop, f"Max {number}", None, email=f"max-{number}@example.org")
    pages, cursor = [], None

    while True:
        query = {"query": "max", "limit": "2", **({"cursor": cursor} if cursor else {})}
        answer = told(api.get(MEMBERS, query_string=query, headers=maria))
        pages.append([item["display_name"] for item in answer["items"]])
        cursor = answer["next_cursor"]
        if cursor is None:
            break

    assert pages == [["Max 4", "Max 3"], ["Max 2", "Max 1"], ["Max 0"]]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"query": ""},
        {"query": "x" * 255},
        {"query": "a", "limit": "0"},
        {"query": "a", "limit": "101"},
        {"query": "a", "cursor": "x"},
        {"query": "a", "name": "b"},
        {"query": "a\nb"},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(
    api: FlaskClient, shop: Shop, maria: dict[str, str], query: dict[str, str]
) -> None:
    assert refused(api.get(MEMBERS, query_string=query, headers=maria)) == (422, "invalid")


def test_names_are_looked_up_by_the_indexes(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        sql.run(
            tx,
            """
            INSERT INTO members (id, program_id, given_name, family_name, locale, joined_at)
            SELECT gen_random_uuid(), :program, md5(n::text), md5((-n)::text), 'en', now() FROM generate_series(1, 5000) n
            """,
            program=shop.program,
        )
        sql.run(tx, "ANALYZE members")
        plan = sql.every(
            tx, f"EXPLAIN {BY_NAME}", program=shop.program, words="ali", end="\U0010ffff", before=None, limit=51
        )

    text = "\n".join(row[0] for row in plan)
    assert "members_by_name" in text
    assert "members_by_family_name" in text
