"""What workers share about Google Wallet: who writes a pass, how often it rings, and turns to call Google."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from tests.shop import NOON, Shop
from tests.store.threads import at_once
from wallet_api.services import show_card
from wallet_api.store import google_wallet, sql
from wallet_api.store.google_wallet import Resource
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database

OBJECT = "3388000000000000001.alice"


@pytest.fixture
def card(shop: Shop) -> UUID:
    """Alice's."""
    with shop.app.db.read() as tx:
        return show_card.card_of(tx, shop.alice).id


def claim(db: Database, *, now: datetime = NOON) -> Resource | None:
    with db.begin() as tx:
        return google_wallet.claim(tx, OBJECT, now=now)


def notify(db: Database, card: UUID, delivery: UUID, *, now: datetime = NOON) -> bool:
    with db.begin() as tx:
        return google_wallet.may_notify(tx, card, delivery, now=now)


# ── What Google has ──────────────────────────────────────────────────────────────────────────────────────────────


def test_one_worker_at_a_time_writes_a_pass(db: Database) -> None:
    claims = at_once([lambda: claim(db)] * 4)

    assert sum(isinstance(claimed, Resource) for claimed in claims) == 1


def test_what_google_took_is_known_to_the_next_worker(db: Database) -> None:
    first = claim(db)
    assert first is not None
    with db.begin() as tx:
        google_wallet.taken(tx, first, {"state": "ab"}, class_id="1.gold")

    second = claim(db)

    assert first.digests is None
    assert second is not None
    assert second.digests == {"state": "ab"}
    with db.read() as tx:
        assert google_wallet.class_of(tx, OBJECT) == "1.gold"


def test_a_worker_that_died_holds_a_pass_for_a_minute_and_says_nothing_later(db: Database) -> None:
    dead = claim(db)
    assert dead is not None
    early, late = claim(db, now=NOON + timedelta(seconds=59)), claim(db, now=NOON + timedelta(seconds=60))

    with db.begin() as tx:
        google_wallet.taken(tx, dead, {"state": "old"})
        google_wallet.let_go(tx, dead)

    assert early is None
    assert late is not None
    assert claim(db, now=NOON + timedelta(seconds=61)) is None  # still the other's
    with db.read() as tx:
        assert google_wallet.digests_of(tx, OBJECT) is None


# ── Notices ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_fourth_of_a_day_is_silent_and_after_a_day_there_is_room_again(db: Database, card: UUID) -> None:
    hours = (0, 6, 12, 18, 23, 24, 25)

    rang = [notify(db, card, new_id(), now=NOON + timedelta(hours=hour)) for hour in hours]

    assert rang == [True, True, True, False, False, True, False]


def test_another_try_of_the_same_is_not_counted_again(db: Database, card: UUID) -> None:
    one = new_id()

    rang = [notify(db, card, one) for _ in range(5)]

    assert rang == [True] * 5
    assert [notify(db, card, new_id()) for _ in range(3)] == [True, True, False]


def test_workers_at_once_never_overspend(db: Database, card: UUID) -> None:
    rang = at_once([lambda: notify(db, card, new_id())] * 8)

    assert Counter(rang) == {True: 3, False: 5}


def test_holders_are_counted_and_never_below_none(db: Database, card: UUID) -> None:
    seen = []
    for step in (google_wallet.removed, google_wallet.saved, google_wallet.saved, google_wallet.removed):
        with db.begin() as tx:
            step(tx, card, now=NOON)
            told = google_wallet.holding(tx, card)
        seen.append((told.holders, told.is_given_up))

    assert seen == [(0, True), (1, False), (2, False), (1, False)]


# ── Callbacks ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_nonce_is_new_once_however_many_ask(db: Database) -> None:
    def ask() -> bool:
        with db.begin() as tx:
            return google_wallet.is_new(tx, "n-1", expires_at=NOON + timedelta(hours=1), now=NOON)

    assert Counter(at_once([ask] * 6)) == {True: 1, False: 5}


def test_nonces_are_forgotten_after_their_end(db: Database) -> None:
    for hour in range(4):
        with db.begin() as tx:
            now = NOON + timedelta(hours=hour)
            google_wallet.is_new(tx, f"n-{hour}", expires_at=now + timedelta(minutes=90), now=now)

    with db.read() as tx:
        kept = [row.nonce for row in sql.every(tx, "SELECT nonce FROM google_nonces ORDER BY nonce")]
    assert kept == ["n-2", "n-3"]


# ── Turns ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_workers_at_once_take_turns_that_are_evenly_apart(db: Database) -> None:
    """The times are the database's, so what several workers were given can be laid side by side."""

    def worker() -> list[datetime]:
        turns = []
        for count in (1, 5, 2, 5):
            with db.begin() as tx:
                first = google_wallet.reserve_turns(tx, count, per_second=15).first_at
            turns += [first + timedelta(seconds=number / 15) for number in range(count)]
        return turns

    given = sorted(turn for turns in at_once([worker] * 4) if isinstance(turns, list) for turn in turns)

    assert len(given) == 4 * 13
    tolerance = timedelta(microseconds=50)  # PostgreSQL's interval has whole microseconds
    assert all(later - earlier >= timedelta(seconds=1 / 15) - tolerance for earlier, later in pairwise(given))


def test_turns_that_were_let_pass_are_not_made_up_for(db: Database) -> None:
    with db.begin() as tx:
        sql.run(tx, "UPDATE google_pace SET free_at = clock_timestamp() - interval '1 hour'")

    with db.begin() as tx:
        first = google_wallet.reserve_turns(tx, 5, per_second=15)
        second = google_wallet.reserve_turns(tx, 5, per_second=15)

    assert first.first_in == timedelta(0)
    assert second.first_at - first.first_at >= timedelta(seconds=0.33)
    assert timedelta(0) < second.first_in <= timedelta(seconds=5 / 15)
