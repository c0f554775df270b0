"""`carnet staff create`, `key create`, `member show`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cli.conftest import Carnet
from tests.shop import NOON, Shop
from wallet_api.clock import FixedClock
from wallet_api.domain.errors import InvalidCredentials
from wallet_api.services.sign_in import sign_in_staff
from wallet_api.store import cards

PASSWORD = "correct horse battery staple"


def test_a_manager_can_sign_in_with_the_password_that_was_given(carnet: Carnet, shop: Shop) -> None:
    words = ["staff", "create", "--program", shop.program, "--email", "Maria@Example.org", "--role", "manager"]

    result = carnet(*words, "--password-stdin", stdin=f"{PASSWORD}\n")

    assert result.exit_code == 0
    assert PASSWORD not in result.output
    assert sign_in_staff(shop.app, "maria@example.org", PASSWORD).role == "manager"
    with pytest.raises(InvalidCredentials):
        sign_in_staff(shop.app, "maria@example.org", PASSWORD + "\n")


def test_the_password_is_asked_for_twice(carnet: Carnet, shop: Shop) -> None:
    words = ["staff", "create", "--program", shop.program, "--email", "carol@example.org", "--role", "cashier"]

    result = carnet(*words, stdin=f"{PASSWORD}\n{PASSWORD}\n")

    assert result.exit_code == 0
    assert PASSWORD not in result.output
    assert sign_in_staff(shop.app, "carol@example.org", PASSWORD).role == "cashier"


@pytest.mark.parametrize(
    ("email", "password", "fault"),
    [
        ("maria", PASSWORD, "maria is not an e-mail address."),
        ("maria@example.org", "short", "A password needs at least 12 characters."),
        ("carol@example.org", PASSWORD, "carol@example.org has an account already. Take another address."),
    ],
)
def test_an_account_that_cannot_be_is_refused(
    carnet: Carnet, shop: Shop, email: str, password: str, fault: str
) -> None:
    words = ["staff", "create", "--program", shop.program, "--role", "cashier", "--password-stdin", "--email"]
    carnet(*words, "carol@example.org", stdin=PASSWORD)

    result = carnet(*words, email, stdin=password)

    assert (result.exit_code, result.stderr) == (1, f"Error: {fault}\n")


def test_a_key_is_printed_once_and_works_at_its_location(carnet: Carnet, shop: Shop) -> None:
    words = ["key", "create", "--program", shop.program, "--name", "till 3", "--scope", "till", "--location", "paris"]

    result = carnet(*words)

    assert result.exit_code == 0
    key = shop.app.authenticate_key(result.stdout.strip())
    assert key is not None
    assert key.program == shop.program
    assert key.scopes == {"till"}
    assert key.locations == {shop.location.id}


def test_a_key_for_an_unknown_location_or_scope_is_refused(carnet: Carnet, shop: Shop) -> None:
    words = ["key", "create", "--program", shop.program, "--name", "till 3"]

    nowhere = carnet(*words, "--scope", "till", "--location", "lyon")
    nothing = carnet(*words, "--scope", "everything")

    assert nowhere.exit_code == 1
    assert "There is no location lyon of that name." in nowhere.stderr
    assert nothing.exit_code == 2


def test_a_member_is_shown_by_address_and_by_card_number(carnet: Carnet, shop: Shop) -> None:
    shop.sell(60_000)
    with shop.app.db.read() as tx:
        card = cards.of_member(tx, shop.alice)
    assert card is not None

    by_address, by_number = carnet("member", "show", "Alice@example.org"), carnet("member", "show", card.number)

    assert by_address.exit_code == by_number.exit_code == 0
    assert by_address.stdout == by_number.stdout
    assert "Alice (active)" in by_address.stdout
    assert f"{card.number} (active)" in by_address.stdout
    assert "lifetime 650" in by_address.stdout


def test_a_member_is_shown_as_they_stood(carnet: Carnet, shop: Shop, clock: FixedClock) -> None:
    clock.advance(timedelta(hours=1))
    shop.sell(60_000)

    before = carnet("member", "show", "alice@example.org", "--as-of", f"{NOON.isoformat()}")
    after = carnet("member", "show", "alice@example.org", "--as-of", "2026-03-10T14:00:00+01:00")

    assert "50 points, lifetime 50" in before.stdout
    assert "Bronze since 2026-03-10" in before.stdout
    assert "650 points, lifetime 650" in after.stdout
    assert "Silver since 2026-03-10, until 2027-12-31" in after.stdout


@pytest.mark.parametrize(
    ("instant", "why"),
    [
        ("2026-03-10T12:59:59+01:00", "alice@example.org was no member yet."),
        ("9999-01-01T00:00:00Z", "That time has not come yet."),
        ("2026-03-10T12:00:00", "The time has no zone."),
        ("yesterday", "Not a time such as"),
    ],
)
def test_why_a_member_cannot_be_shown_as_they_stood(carnet: Carnet, shop: Shop, instant: str, why: str) -> None:
    result = carnet("member", "show", "alice@example.org", "--program", shop.program, "--as-of", instant)

    assert result.exit_code != 0
    assert why in result.stderr


def test_nobody_is_shown_where_nobody_is_known(carnet: Carnet, shop: Shop) -> None:
    elsewhere = carnet("member", "show", "alice@example.org", "--program", "another")
    unknown = carnet("member", "show", "+33612345678")

    assert shop.program != "another"
    assert elsewhere.exit_code == unknown.exit_code == 1
    assert "No member is known as +33612345678." in unknown.stderr
