"""What a decision says is what the store gives back, part by part."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from uuid import UUID

import pytest

from tests.store.people import NOON, PROGRAM, Person, club, entry, join, text
from tests.store.threads import at_once
from wallet_api.domain import errors
from wallet_api.domain.decision import Decision, EntryKind, TierChange
from wallet_api.domain.definition import FreeItem, Reward
from wallet_api.domain.state import (
    Account,
    Count,
    Lot,
    Membership,
    MembershipStatus,
    Redemption,
    RedemptionStatus,
    Standing,
    Take,
    Voucher,
    VoucherStatus,
)
from wallet_api.store import decisions, locks, sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database

MUG = Reward(id="mug", name=text("Mug"), price=None, gives=FreeItem(item=text("a mug")), stock=3)
TOMORROW = NOON + timedelta(days=1)


@pytest.fixture
def alice(db: Database) -> Person:
    """A member of a club that has three mugs."""
    return join(db, definition=club(MUG))


def lot(*, left: int = 40, **facts: object) -> Lot:
    """A lot of 40 points."""
    values = {"id": new_id(), "unit": "points", "source_id": None, "earned_at": NOON, "expires_at": None, **facts}
    return Lot(amount=40, left=left, **values)  # type: ignore[arg-type]  # fields by their names


def redemption(status: RedemptionStatus = RedemptionStatus.CAPTURED, **facts: object) -> Redemption:
    """A mug."""
    values = {"id": new_id(), "quantity": 1, "unit": "points", "amount": 0, "takes": (), "made_at": NOON, **facts}
    return Redemption(reward="mug", status=status, hold_expires_at=None, **values)  # type: ignore[arg-type]  # fields by their names


def rows(person: Person, statement: str) -> list[tuple[object, ...]]:
    """Rows of the member's, as tuples."""
    with person.db.read() as tx:
        return [tuple(row) for row in sql.every(tx, statement, id=person.id)]


def test_a_newcomer_is_settled_since_they_joined(alice: Person) -> None:
    state = alice.state

    assert state.settled_at == state.joined_at == NOON
    assert (state.membership, state.badges, state.referred_by, state.standing) == (Membership(), {}, None, None)


@pytest.mark.parametrize(
    "standing",
    [
        Standing(tier="gold", since=date(2026, 3, 10), until=None),
        Standing(
            tier="gold",
            since=date(2026, 3, 10),
            until=date(2027, 3, 9),
            counted_from=date(2026, 3, 10),
            uncounted=350_00,
            floor="gold",
        ),
    ],
)
def test_a_standing_comes_back_whole(alice: Person, standing: Standing) -> None:
    change = TierChange(
        previous=None, tier="gold", since=standing.since, until=standing.until, at=NOON, reason={"because": "reached"}
    )

    alice.write(standing=standing, tier_changes=(replace(change, tier="silver"), change), now=TOMORROW)

    assert alice.state.standing == standing
    assert rows(
        alice,
        "SELECT tier, counted_from, uncounted, floor, recorded_at FROM tier_changes WHERE member_id = :id ORDER BY id",
    ) == [
        ("silver", None, 0, None, TOMORROW),
        ("gold", standing.counted_from, standing.uncounted, standing.floor, TOMORROW),
    ]


def test_a_membership_comes_back_whole_and_each_change_is_logged(alice: Person) -> None:
    trial = Membership(
        status=MembershipStatus.TRIAL,
        plan="monthly",
        until=date(2026, 4, 8),
        charge_on=date(2026, 4, 9),
        anchor=date(2026, 4, 9),
        had_trial=True,
    )
    paid = replace(
        trial,
        status=MembershipStatus.PAID,
        charges=1,
        charged_on=date(2026, 4, 9),
        free_shippings=2,
        reminded=True,
        is_cancelled=True,
    )

    alice.write(membership=trial)
    alice.write(membership=trial, now=TOMORROW)
    alice.write(membership=paid, now=TOMORROW)

    assert alice.state.membership == paid
    logged = rows(
        alice,
        "SELECT membership ->> 'status', recorded_at FROM membership_changes WHERE member_id = :id ORDER BY id",
    )
    assert logged == [("trial", NOON), ("paid", TOMORROW)]


def test_settled_badges_and_who_brought_them_come_back(alice: Person) -> None:
    bob = join(alice.db, definition=alice.definition)
    with alice.db.begin() as tx:
        sql.run(tx, "UPDATE members SET referred_by = :bob WHERE id = :id", bob=bob.id, id=alice.id)

    alice.write(settled_at=TOMORROW, badges={"5k": date(2026, 3, 10)})
    alice.write(badges={"5k": date(2026, 3, 10), "10k": date(2026, 3, 11)})

    state = alice.state
    assert state.settled_at == TOMORROW
    assert state.badges == {"5k": date(2026, 3, 10), "10k": date(2026, 3, 11)}
    assert state.referred_by == bob.id


def test_a_pending_lot_comes_back_and_so_does_the_end_of_its_wait(alice: Person) -> None:
    pending = lot(usable_at=TOMORROW, expires_at=TOMORROW + timedelta(days=9))
    earned = entry(EntryKind.EARN, 40, id=pending.id, usable_at=pending.usable_at, expires_at=pending.expires_at)
    accounts = {"points": Account(unit="points", lifetime=40)}

    alice.write(lots={pending.id: pending}, accounts=accounts, entries=(earned,), now=TOMORROW)

    account = "SELECT available, pending, lifetime FROM accounts WHERE member_id = :id"
    assert alice.state.lots == {pending.id: pending}
    assert rows(alice, account) == [(0, 40, 40)]
    assert rows(alice, "SELECT expires_at, usable_at, recorded_at FROM entries WHERE member_id = :id") == [
        (pending.expires_at, pending.usable_at, TOMORROW)
    ]

    alice.write(lots={pending.id: replace(pending, usable_at=None)})

    assert alice.state.lots[pending.id].usable_at is None
    assert rows(alice, account) == [(40, 0, 40)]


def test_each_new_end_of_a_lot_is_logged(alice: Person) -> None:
    first = lot(expires_at=TOMORROW)
    alice.write(lots={first.id: first})

    later = replace(first, expires_at=TOMORROW + timedelta(days=30))
    alice.write(lots={first.id: later}, now=NOON + timedelta(hours=1))
    alice.write(lots={first.id: replace(later, left=1)})
    alice.write(lots={first.id: replace(later, expires_at=None)}, now=TOMORROW)

    assert alice.state.lots[first.id].expires_at is None
    assert rows(
        alice,
        "SELECT lot_id, previous, expires_at, recorded_at FROM lot_dates WHERE member_id = :id ORDER BY id",
    ) == [
        (first.id, TOMORROW, later.expires_at, NOON + timedelta(hours=1)),
        (first.id, later.expires_at, None, TOMORROW),
    ]


def test_a_lot_that_is_dated_anew_at_once_is_logged_too(alice: Person) -> None:
    new = lot(expires_at=None)
    earned = entry(EntryKind.EARN, 40, id=new.id, expires_at=TOMORROW)

    alice.write(lots={new.id: new}, entries=(earned,))

    assert rows(alice, "SELECT previous, expires_at FROM lot_dates WHERE member_id = :id") == [(TOMORROW, None)]


def test_a_voucher_that_is_issued_ahead_comes_back(alice: Person) -> None:
    made = redemption()
    voucher = Voucher(
        id=new_id(),
        code="V1",
        reward="mug",
        quantity=1,
        status=VoucherStatus.ISSUED,
        issued_at=NOON,
        valid_from=date(2026, 6, 15),
        valid_until=date(2027, 5, 14),
        redemption_id=made.id,
    )

    alice.write(redemptions={made.id: made}, vouchers={voucher.id: voucher})

    assert alice.state.vouchers == {voucher.id: voucher}
    assert alice.state.redemptions == {}


def test_the_voucher_of_a_redemption_is_found_by_it(alice: Person) -> None:
    made = redemption()
    used = Voucher(
        id=new_id(),
        code="V1",
        reward="mug",
        quantity=1,
        status=VoucherStatus.REDEEMED,
        issued_at=NOON,
        valid_until=None,
        redemption_id=made.id,
    )
    alice.write(redemptions={made.id: made}, vouchers={used.id: used})

    with alice.db.read() as tx:
        state = alice.load(tx, also=(made.id,))

    assert (state.vouchers, state.redemptions) == ({used.id: used}, {made.id: made})


def test_counts_are_added_to_so_that_a_period_that_was_not_loaded_is_kept(alice: Person) -> None:
    alice.write(counts={("visit", "2025-03"): Count(times=2, units=10), ("visit", "2026"): Count(times=1, units=5)})

    alice.write(counts={("visit", "2025-03"): Count(times=1, units=5), ("visit", "2026"): Count(times=2, units=10)})

    assert rows(alice, "SELECT period, times, units FROM rule_counts WHERE member_id = :id ORDER BY period") == [
        ("2025-03", 3, 15),
        ("2026", 2, 10),
    ]


def test_lots_that_paid_for_a_sale_are_there_when_it_is_asked_for(alice: Person) -> None:
    spent, other = lot(left=0), lot(left=0)
    sale = new_id()
    paid = entry(EntryKind.REDEEM, -40, source_id=sale, takes=(Take(lot_id=spent.id, amount=40),))
    alice.write(lots={spent.id: spent, other.id: other}, entries=(paid,))

    with alice.db.read() as tx:
        state = alice.load(tx, also=(sale,))

    assert alice.state.lots == {}
    assert state.lots == {spent.id: spent}


@pytest.mark.parametrize(
    ("status", "also"), [(RedemptionStatus.HELD, False), (RedemptionStatus.CAPTURED, True)], ids=["held", "asked for"]
)
def test_lots_of_a_redemption_that_may_be_given_back_are_there(
    alice: Person, status: RedemptionStatus, also: bool
) -> None:
    spent = lot(left=0)
    made = redemption(status, amount=40, takes=(Take(lot_id=spent.id, amount=40),))
    alice.write(lots={spent.id: spent}, redemptions={made.id: made})

    with alice.db.read() as tx:
        state = alice.load(tx, also=(made.id,) if also else ())

    assert state.lots == {spent.id: spent}


# ── Stock ────────────────────────────────────────────────────────────────────────────────────────────────────────


def take_a_mug(person: Person, quantity: int = 1, *, status: RedemptionStatus = RedemptionStatus.CAPTURED) -> UUID:
    """A redemption as the engine decides it; its id."""
    with person.db.begin() as tx:
        row = locks.member(tx, person.id)
        locks.stock(tx, PROGRAM, ["mug"])
        before = person.load(tx)
        made = redemption(status, quantity=quantity)
        after = replace(before, redemptions={made.id: made}, stock={"mug": before.stock["mug"] - quantity})
        if after.stock["mug"] < 0:
            raise errors.LimitReached(limit=MUG.stock)
        decision = Decision(before=before, after=after)
        decisions.write(tx, row, person.definition, decision, now=NOON)
    return made.id


def test_stock_is_what_is_left_for_all(alice: Person) -> None:
    bob = join(alice.db, definition=alice.definition)

    take_a_mug(alice, 2)

    assert alice.state.stock == bob.state.stock == {"mug": 1}


def test_a_reward_that_becomes_limited_counts_what_is_gone_already(db: Database) -> None:
    before = join(db, definition=club(replace(MUG, stock=None)))
    for status in (RedemptionStatus.CAPTURED, RedemptionStatus.RELEASED):
        made = redemption(status)
        before.write(redemptions={made.id: made})
    carol = join(db, definition=club(MUG))

    take_a_mug(carol)

    assert carol.state.stock == {"mug": 1}


def test_what_is_released_is_there_again(alice: Person) -> None:
    held = take_a_mug(alice, status=RedemptionStatus.HELD)
    state = alice.state

    released = replace(state.redemptions[held], status=RedemptionStatus.RELEASED)
    alice.write(redemptions={held: released}, stock={"mug": state.stock["mug"] + 1})

    assert alice.state.stock == {"mug": 3}


def test_the_last_one_goes_to_one_member_only_even_if_nobody_has_locked_it(alice: Person) -> None:
    bob = join(alice.db, definition=alice.definition)
    take_a_mug(bob, 2)
    seen = alice.state
    take_a_mug(bob)

    with pytest.raises(errors.LimitReached):
        alice.write(before=seen, stock={"mug": 0}, badges={"mug": date(2026, 3, 10)})

    assert alice.state.stock == {"mug": 0}
    assert alice.state.badges == {}


def test_six_who_want_one_of_three_mugs_at_once_queue(db: Database) -> None:
    people = [join(db, definition=club(MUG)) for _ in range(6)]

    outcomes = at_once([partial(take_a_mug, person) for person in people])

    assert sum(isinstance(outcome, UUID) for outcome in outcomes) == 3
    assert sum(isinstance(outcome, errors.LimitReached) for outcome in outcomes) == 3
    assert people[0].state.stock == {"mug": 0}


def test_reading_the_stock_waits_for_nobody(alice: Person) -> None:
    bob, locked, read = join(alice.db, definition=alice.definition), threading.Event(), threading.Event()

    def hold_the_lock() -> None:
        with alice.db.begin() as tx:
            locks.stock(tx, PROGRAM, ["mug"])
            locked.set()
            assert read.wait(timeout=10)

    def look() -> object:
        assert locked.wait(timeout=10)
        stock = bob.state.stock
        read.set()
        return stock

    assert at_once([hold_the_lock, look])[1] == {"mug": 3}


# ── The statements ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_statements_of_the_hot_path_are_short_enough_for_the_driver_to_remember(db: Database) -> None:
    sizes = [
        len(str(sql._prepared(statement).compile(dialect=db.engine.dialect)))
        for statement in (decisions._WRITE, decisions._WRITE_THE_REST)
    ]

    assert max(sizes) <= 4096


@pytest.mark.parametrize("table", ["lot_dates", "membership_changes"])
def test_a_log_is_never_changed(alice: Person, table: str) -> None:
    first = lot(expires_at=TOMORROW)
    alice.write(lots={first.id: first}, membership=Membership(status=MembershipStatus.PENDING))
    alice.write(lots={first.id: replace(first, expires_at=None)})

    with pytest.raises(Exception, match="never changed"), alice.db.begin() as tx:
        tx.exec_driver_sql(f"DELETE FROM {table}")
