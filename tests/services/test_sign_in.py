"""Signing in: codes, their tries and limits; sessions, their rotation and their end."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from tests.shop import Shop
from tests.store.laws import count
from tests.store.threads import at_once
from wallet_api import tokens
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.services import sign_in
from wallet_api.services.sign_in import Joining, Tokens
from wallet_api.store import access, sql

ALICE, BOB, NOBODY = "alice@example.org", "bob@example.org", "nobody@example.org"
A_SECOND = timedelta(seconds=1)


def code_sent_to(shop: Shop, address: str) -> str:
    """The newest code that was sent to an address."""
    with shop.app.db.read() as tx:
        row = sql.one(
            tx,
            "SELECT data FROM deliveries WHERE target = :to AND kind = 'sign_in_code' ORDER BY id DESC LIMIT 1",
            to=address,
        )
    return str(row.data["code"])


def wrong(code: str) -> str:
    """Another code."""
    return f"{(int(code) + 1) % 10**6:06d}"


def signed_in(shop: Shop) -> Tokens:
    """Alice's new session."""
    sign_in.request_code(shop.app, shop.program, ALICE)
    return sign_in.sign_in(shop.app, shop.program, ALICE, code_sent_to(shop, ALICE))


# ── Codes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_code_opens_a_session_for_the_member_whose_address_it_went_to(shop: Shop) -> None:
    session = signed_in(shop)

    claims = tokens.read_access_token(
        session.access_token, keys=tokens.token_keys(shop.app.settings), now=shop.app.clock.now()
    )
    assert session.member_id == shop.alice
    assert (claims.subject, claims.kind, claims.program) == (shop.alice, "member", shop.program)


def test_a_code_is_used_once(shop: Shop) -> None:
    signed_in(shop)

    with pytest.raises(errors.InvalidCode):
        sign_in.sign_in(shop.app, shop.program, ALICE, code_sent_to(shop, ALICE))


def test_a_code_used_twice_at_once_opens_one_session(shop: Shop) -> None:
    sign_in.request_code(shop.app, shop.program, ALICE)
    code = code_sent_to(shop, ALICE)

    outcomes = at_once([partial(sign_in.sign_in, shop.app, shop.program, ALICE, code)] * 2)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InvalidCode", "Tokens"]
    assert count(shop.app.db, "sessions") == 1


@pytest.mark.parametrize(("age", "good"), [(timedelta(minutes=10) - A_SECOND, True), (timedelta(minutes=10), False)])
def test_a_code_lives_for_ten_minutes(shop: Shop, clock: FixedClock, age: timedelta, *, good: bool) -> None:
    sign_in.request_code(shop.app, shop.program, ALICE)
    clock.advance(age)

    if good:
        sign_in.sign_in(shop.app, shop.program, ALICE, code_sent_to(shop, ALICE))
    else:
        with pytest.raises(errors.InvalidCode):
            sign_in.sign_in(shop.app, shop.program, ALICE, code_sent_to(shop, ALICE))

    assert count(shop.app.db, "sessions") == int(good)


@pytest.mark.parametrize(("wrong_tries", "good"), [(4, True), (5, False)])
def test_after_five_tries_even_the_right_code_is_worth_nothing(shop: Shop, wrong_tries: int, *, good: bool) -> None:
    sign_in.request_code(shop.app, shop.program, ALICE)
    code = code_sent_to(shop, ALICE)
    for _ in range(wrong_tries):
        with pytest.raises(errors.InvalidCode):
            sign_in.sign_in(shop.app, shop.program, ALICE, wrong(code))

    if good:
        assert sign_in.sign_in(shop.app, shop.program, ALICE, code).member_id == shop.alice
    else:
        with pytest.raises(errors.InvalidCode):
            sign_in.sign_in(shop.app, shop.program, ALICE, code)


def test_a_new_code_ends_the_one_before_and_brings_no_tries_back_to_it(shop: Shop, clock: FixedClock) -> None:
    sign_in.request_code(shop.app, shop.program, ALICE)
    old = code_sent_to(shop, ALICE)
    clock.advance(timedelta(minutes=1))
    sign_in.request_code(shop.app, shop.program, ALICE)
    new = code_sent_to(shop, ALICE)
    for _ in range(5):
        with pytest.raises(errors.InvalidCode):
            sign_in.sign_in(shop.app, shop.program, ALICE, old if old != new else wrong(new))

    with pytest.raises(errors.InvalidCode):
        sign_in.sign_in(shop.app, shop.program, ALICE, old)


def test_a_code_is_stored_as_a_keyed_hash_only(shop: Shop) -> None:
    sign_in.request_code(shop.app, shop.program, ALICE)

    with shop.app.db.read() as tx:
        row = sql.one(tx, "SELECT code_hash FROM sign_in_codes")
    assert len(row.code_hash) == 32
    assert code_sent_to(shop, ALICE).encode() not in bytes(row.code_hash)


@pytest.mark.parametrize("address", [ALICE, NOBODY])
def test_one_code_a_minute_and_five_an_hour_for_known_and_unknown_alike(
    shop: Shop, clock: FixedClock, address: str
) -> None:
    sign_in.request_code(shop.app, shop.program, address)

    clock.advance(timedelta(minutes=1) - A_SECOND)
    with pytest.raises(errors.TooManyRequests) as soon:
        sign_in.request_code(shop.app, shop.program, address)
    clock.advance(A_SECOND)
    for _ in range(4):
        sign_in.request_code(shop.app, shop.program, address)
        clock.advance(timedelta(minutes=1))
    with pytest.raises(errors.TooManyRequests) as many:
        sign_in.request_code(shop.app, shop.program, address)
    clock.advance(timedelta(minutes=55))
    sign_in.request_code(shop.app, shop.program, address)

    assert 1 <= soon.value.retry_after <= 2
    assert 55 * 60 - 1 <= many.value.retry_after <= 55 * 60 + 1
    assert count(shop.app.db, "sign_in_codes") == 6
    assert count(shop.app.db, "deliveries") == (6 if address == ALICE else 0)


def test_requests_at_once_send_one_code(shop: Shop) -> None:
    outcomes = at_once([partial(sign_in.request_code, shop.app, shop.program, ALICE)] * 5)

    assert sum(isinstance(outcome, errors.TooManyRequests) for outcome in outcomes) == 4
    assert count(shop.app.db, "deliveries") == 1


def test_nobody_signs_in_where_there_is_no_member(shop: Shop) -> None:
    sign_in.request_code(shop.app, shop.program, NOBODY)

    for code in ("", "000000"):
        with pytest.raises(errors.InvalidCode):
            sign_in.sign_in(shop.app, shop.program, NOBODY, code)


def test_a_newcomer_becomes_a_member_when_the_code_comes_back(shop: Shop) -> None:
    joining = Joining(address=BOB, given_name="Bob", locale="fr", marketing=True)
    sign_in.request_to_join(shop.app, shop.program, joining)
    before = count(shop.app.db, "members")

    session = sign_in.sign_in(shop.app, shop.program, BOB, code_sent_to(shop, BOB))

    assert (before, count(shop.app.db, "members")) == (1, 2)
    with shop.app.db.read() as tx:
        bob = sql.one(tx, "SELECT given_name, locale FROM members WHERE id = :id", id=session.member_id)
        marketing = sql.one(
            tx, "SELECT granted FROM consents WHERE member_id = :id AND kind = 'marketing'", id=session.member_id
        )
    assert tuple(bob) == ("Bob", "fr")
    assert marketing.granted is True


def test_asking_for_a_plain_code_does_not_end_a_join_that_is_under_way(shop: Shop, clock: FixedClock) -> None:
    sign_in.request_to_join(shop.app, shop.program, Joining(address=BOB, given_name="Bob"))
    clock.advance(timedelta(minutes=2))
    sign_in.request_code(shop.app, shop.program, BOB)

    session = sign_in.sign_in(shop.app, shop.program, BOB, code_sent_to(shop, BOB))

    assert session.member_id is not None


def test_a_member_who_joins_again_is_signed_in_and_not_doubled(shop: Shop) -> None:
    sign_in.request_to_join(shop.app, shop.program, Joining(address=ALICE, given_name="Mallory"))

    session = sign_in.sign_in(shop.app, shop.program, ALICE, code_sent_to(shop, ALICE))

    with shop.app.db.read() as tx:
        name = sql.one(tx, "SELECT given_name FROM members").given_name
    assert session.member_id == shop.alice
    assert name == "Alice"


# ── Sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refresh_token_is_exchanged_for_a_new_pair(shop: Shop) -> None:
    session = signed_in(shop)

    second = sign_in.refresh(shop.app, session.refresh_token)
    third = sign_in.refresh(shop.app, second.refresh_token)

    assert len({session.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert third.member_id == shop.alice
    assert count(shop.app.db, "sessions") == 1


def test_who_lost_the_answer_gets_the_same_successor_within_thirty_seconds(shop: Shop, clock: FixedClock) -> None:
    session = signed_in(shop)
    second = sign_in.refresh(shop.app, session.refresh_token, key="try-1")

    clock.advance(timedelta(seconds=30))
    again = sign_in.refresh(shop.app, session.refresh_token, key="try-1")

    assert again.refresh_token == second.refresh_token


@pytest.mark.parametrize("key", [None, "try-2"])
def test_a_token_used_again_under_no_key_or_another_ends_the_session(shop: Shop, key: str | None) -> None:
    session = signed_in(shop)
    sign_in.refresh(shop.app, session.refresh_token, key="try-1")

    with pytest.raises(errors.RefreshTokenReused):
        sign_in.refresh(shop.app, session.refresh_token, key=key)


def test_two_refreshes_at_once_get_the_same_successor(shop: Shop) -> None:
    session = signed_in(shop)

    first, second = at_once([partial(sign_in.refresh, shop.app, session.refresh_token, key="try-1")] * 2)

    assert isinstance(first, Tokens)
    assert isinstance(second, Tokens)
    assert first.refresh_token == second.refresh_token
    assert count(shop.app.db, "refresh_tokens") == 2


def test_a_token_used_again_later_ends_the_whole_session(shop: Shop, clock: FixedClock) -> None:
    session = signed_in(shop)
    second = sign_in.refresh(shop.app, session.refresh_token)
    clock.advance(timedelta(seconds=31))

    with pytest.raises(errors.RefreshTokenReused):
        sign_in.refresh(shop.app, session.refresh_token)

    with pytest.raises(errors.InvalidRefreshToken):
        sign_in.refresh(shop.app, second.refresh_token)


@pytest.mark.parametrize(
    ("step", "times", "good"),
    [
        (timedelta(days=30), 1, True),
        (timedelta(days=30, seconds=1), 1, False),
        (timedelta(days=30), 6, True),
        (timedelta(days=29), 7, False),
    ],
    ids=["idle for 30 days", "idle for longer", "180 days old", "older, though never idle"],
)
def test_a_session_ends_by_idleness_and_by_age(
    shop: Shop, clock: FixedClock, step: timedelta, times: int, *, good: bool
) -> None:
    token = signed_in(shop).refresh_token
    for _ in range(times - 1):
        clock.advance(step)
        token = sign_in.refresh(shop.app, token).refresh_token
    clock.advance(step)

    if good:
        assert sign_in.refresh(shop.app, token).member_id == shop.alice
    else:
        with pytest.raises(errors.InvalidRefreshToken):
            sign_in.refresh(shop.app, token)


def test_signing_out_ends_the_session(shop: Shop) -> None:
    session = signed_in(shop)
    with shop.app.db.read() as tx:
        session_id = sql.one(tx, "SELECT id FROM sessions").id

    sign_in.sign_out(shop.app, session_id)

    with pytest.raises(errors.InvalidRefreshToken):
        sign_in.refresh(shop.app, session.refresh_token)


def test_an_unknown_refresh_token_is_refused(shop: Shop) -> None:
    with pytest.raises(errors.InvalidRefreshToken):
        sign_in.refresh(shop.app, "made-up")


# ── Staff ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def maria(shop: Shop) -> str:
    """The address of Maria, a manager."""
    with shop.app.db.begin() as tx:
        access.add_staff(
            tx,
            shop.program,
            email="maria@example.org",
            password_hash=sign_in.hash_password("correct horse"),
            role="manager",
        )
    return "maria@example.org"


def test_a_manager_signs_in_with_her_password_and_her_role(shop: Shop, maria: str) -> None:
    session = sign_in.sign_in_staff(shop.app, maria, "correct horse")

    assert (session.role, session.program, session.member_id) == ("manager", shop.program, None)


@pytest.mark.parametrize(
    ("email", "password"), [("maria@example.org", "wrong"), ("carol@example.org", "correct horse")]
)
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    shop: Shop, maria: str, email: str, password: str
) -> None:
    assert maria

    with pytest.raises(errors.InvalidCredentials):
        sign_in.sign_in_staff(shop.app, email, password)


def test_staff_who_may_no_longer_sign_in_do_not_stay_signed_in_either(shop: Shop, maria: str) -> None:
    session = sign_in.sign_in_staff(shop.app, maria, "correct horse")
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE staff SET disabled_at = now()")

    with pytest.raises(errors.InvalidCredentials):
        sign_in.sign_in_staff(shop.app, maria, "correct horse")
    with pytest.raises(errors.InvalidRefreshToken):
        sign_in.refresh(shop.app, session.refresh_token)
