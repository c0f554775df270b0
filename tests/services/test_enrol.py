"""Enrolment: the member, the first card, the consents, the welcome gift and the message, all or nothing."""

from __future__ import annotations

import pytest

from tests.shop import NOON, Shop
from tests.store.laws import available, check_ledger, count
from wallet_api.domain import errors
from wallet_api.services.enrol import Consents, enrol
from wallet_api.store import cards, sql
from wallet_api.store.members import NewMember

BOB = NewMember(program_id="points-tiers", joined_at=NOON, email="bob@example.org", given_name="Bob", locale="en")


def test_a_newcomer_gets_a_card_a_tier_the_welcome_gift_and_a_message(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        bob = enrol(shop.app, tx, BOB, Consents(terms=True), now=NOON)

    with shop.app.db.read() as tx:
        card = cards.of_member(tx, bob)
        told = sql.one(tx, "SELECT notices FROM outbox WHERE member_id = :id", id=bob)
        tier = sql.one(tx, "SELECT tier FROM members WHERE id = :id", id=bob).tier
    assert card is not None
    assert card.status == "active"
    assert tier == "bronze"
    assert available(shop.app.db, bob) == 50
    assert [notice["kind"] for notice in told.notices] == ["welcome"]
    check_ledger(shop.app.db, bob)


def test_every_consent_is_kept_with_its_text_time_and_channel(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        wishes = Consents(terms=True, optional={"marketing": True, "profiling": False}, channel="till")
        bob = enrol(shop.app, tx, BOB, wishes, now=NOON)

    with shop.app.db.read() as tx:
        rows = sql.every(
            tx, "SELECT kind, granted, terms_version, channel, at FROM consents WHERE member_id = :id", id=bob
        )
    assert {tuple(row) for row in rows} == {
        ("terms", True, "1", "till", NOON),
        ("marketing", True, "1", "till", NOON),
        ("profiling", False, "1", "till", NOON),
    }


def test_nobody_joins_without_accepting_the_terms(shop: Shop) -> None:
    with pytest.raises(errors.TermsNotAccepted), shop.app.db.begin() as tx:
        enrol(shop.app, tx, BOB, Consents(terms=False), now=NOON)

    assert count(shop.app.db, "members") == 1


def test_an_address_joins_once(shop: Shop) -> None:
    shop.join("bob")

    with pytest.raises(errors.AlreadyMember):
        shop.join("bob")

    assert count(shop.app.db, "members") == 2
    assert count(shop.app.db, "cards") == 2


def test_history_that_is_taken_over_tells_nobody(shop: Shop) -> None:
    before = count(shop.app.db, "outbox")

    with shop.app.db.begin() as tx:
        bob = enrol(shop.app, tx, BOB, Consents(terms=True), now=NOON, quiet=True)

    assert available(shop.app.db, bob) == 50
    assert count(shop.app.db, "outbox") == before
