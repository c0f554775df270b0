"""The entries alone lead to the same lots and debts as posting them did, whatever happened."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.store.people import club
from wallet_api.domain.decision import Earned, Entry, EntryKind
from wallet_api.domain.definition import TierScheme
from wallet_api.domain.events import SpentEntry
from wallet_api.domain.posting import Posting
from wallet_api.domain.replay import replay
from wallet_api.domain.state import Lot, MemberState, Redemption, RedemptionStatus, Take

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
AMOUNTS = st.integers(1, 100)
# Only so that what becomes usable is measured; nobody is lifted by it.
DEFINITION = replace(club(), tiers=TierScheme(measure="usable:points", levels=()))


def entry(number: int, kind: EntryKind, amount: int, **facts: object) -> Entry:
    """An entry of points."""
    values = {"id": UUID(int=number), "unit": "points", "occurred_at": NOON, "source_id": None, **facts}
    return Entry(kind=kind, amount=amount, **values)  # type: ignore[arg-type]  # fields by their names


def take(number: int, amount: int) -> Take:
    """So much out of (or back into) a lot."""
    return Take(lot_id=UUID(int=number), amount=amount)


def test_what_is_missing_is_owed_and_the_next_earn_repays_it() -> None:
    entries = [
        entry(1, EntryKind.EARN, 40),
        entry(2, EntryKind.REDEEM, -30, takes=(take(1, 30),)),
        entry(3, EntryKind.REVERSAL, -40, reverses=UUID(int=1), takes=(take(1, 10),)),
    ]

    owing = replay(entries, until=NOON)
    repaid = replay([*entries, entry(4, EntryKind.BONUS, 50)], until=NOON)

    assert (owing.debts, owing.lots) == ({"points": 30}, {UUID(int=1): 0})
    assert (repaid.debts, repaid.lots) == ({"points": 0}, {UUID(int=1): 0, UUID(int=4): 20})
    assert repaid.lifetimes == {"points": 50}


def test_what_waits_repays_a_debt_only_when_it_becomes_usable() -> None:
    usable = NOON + timedelta(days=30)
    entries = [entry(1, EntryKind.ADJUST, -10), entry(2, EntryKind.EARN, 40, usable_at=usable)]

    waiting = replay(entries, until=usable - timedelta(seconds=1))
    over = replay(entries, until=usable)

    assert (waiting.debts, waiting.lots, waiting.pending) == (
        {"points": 10},
        {UUID(int=2): 40},
        frozenset({UUID(int=2)}),
    )
    assert (over.debts, over.lots, over.pending) == ({"points": 0}, {UUID(int=2): 30}, frozenset())
    assert over.usable == {UUID(int=2): 40}


def test_a_captured_hold_moves_nothing_a_second_time() -> None:
    entries = [
        entry(1, EntryKind.EARN, 40),
        entry(2, EntryKind.HOLD, -30, takes=(take(1, 30),)),
        entry(3, EntryKind.RELEASE, 30),
        entry(4, EntryKind.REDEEM, -30),
    ]

    assert replay(entries, until=NOON).lots == {UUID(int=1): 10}


def test_an_event_that_came_late_finds_the_debt_repaid_by_what_had_become_usable_meanwhile() -> None:
    usable = NOON + timedelta(days=1)
    late = entry(3, EntryKind.EARN, 50)
    entries = [entry(1, EntryKind.ADJUST, -10), entry(2, EntryKind.EARN, 40, usable_at=usable), late]

    replayed = replay(entries, until=usable, recorded_at={late.id: usable + timedelta(hours=1)})

    assert replayed.lots == {UUID(int=2): 30, UUID(int=3): 50}


class Ledger(RuleBasedStateMachine):
    """Postings by hand on one member, each in a batch of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.ids = (UUID(int=number) for number in count(1))
        self.state = MemberState(member_id=UUID(int=0), joined_at=NOON, birth_date=None, standing=None)
        self.entries: list[Entry] = []
        self.recorded: dict[UUID, datetime] = {}
        self.earned: list[Entry] = []
        self.left: dict[UUID, int] = {}
        self.spent: list[SpentEntry] = []
        self.holds: list[Redemption] = []

    def post(self) -> Posting:
        """The postings of a batch begin with what time has brought."""
        posting = Posting(DEFINITION, self.state, self.ids)
        self._bring_up_to_date(posting)
        return posting

    def done(self, posting: Posting) -> list[Entry]:
        """The batch ends; what it entered."""
        self._bring_up_to_date(posting)
        self.state = posting.state
        self.entries += posting.entries
        self.recorded |= {new.id: self.now for new in posting.entries}
        return posting.entries

    def _bring_up_to_date(self, posting: Posting) -> None:
        def ends(lot: Lot) -> datetime | None:
            return lot.usable_at if lot.usable_at and lot.usable_at <= self.now else None

        while ended := [(at, lot) for lot in posting.state.lots.values() if (at := ends(lot))]:
            posting.mature(min(ended, key=lambda due: due[0])[1])

    @rule(amount=AMOUNTS, waits=st.sampled_from([None, 0, 5, 30]), late=st.sampled_from([0, 0, 10]))
    def earns(self, amount: int, waits: int | None, late: int) -> None:
        """Points for a sale, usable at once or later; it may have been reported late."""
        posting, at = self.post(), self.now - timedelta(days=late)
        earned = Earned(rule="purchase", unit="points", amount=amount, why={})
        usable_at = None if waits is None else at + timedelta(days=waits)
        posting.earn(earned, at=at, source_id=next(self.ids), usable_at=usable_at)
        new = self.done(posting)[-1]
        self.earned.append(new)
        self.left[new.id] = amount

    @precondition(lambda self: self.state.available("points") > 0)
    @rule(data=st.data())
    def pays(self, data: st.DataObject) -> None:
        """Points for a part of a sale."""
        posting = self.post()
        amount = data.draw(st.integers(1, posting.state.available("points")))
        posting.spend("points", amount, kind=EntryKind.REDEEM, at=self.now, source_id=next(self.ids), why={})
        new = self.done(posting)[-1]
        self.spent.append(SpentEntry(entry_id=new.id, unit="points", amount=amount, left=amount, takes=new.takes))

    @precondition(lambda self: self.spent)
    @rule(data=st.data())
    def gets_points_back(self, data: st.DataObject) -> None:
        """A return gives spent points back."""
        spent = data.draw(st.sampled_from(self.spent))
        amount = data.draw(st.integers(1, spent.left))
        posting = self.post()
        posting.give_back_spent(spent, amount, at=self.now, source_id=next(self.ids))
        back = {part.lot_id: part.amount for part in self.done(posting)[-1].takes}
        parts = (replace(part, amount=part.amount - back.get(part.lot_id, 0)) for part in spent.takes)
        self.spent.remove(spent)
        if spent.left > amount:
            self.spent.append(
                replace(spent, left=spent.left - amount, takes=tuple(part for part in parts if part.amount))
            )

    @precondition(lambda self: any(self.left.values()))
    @rule(data=st.data(), late=st.sampled_from([0, 3]))
    def brings_back(self, data: st.DataObject, late: int) -> None:
        """A return takes points back; who has spent them owes them."""
        earned = data.draw(st.sampled_from([each for each in self.earned if self.left[each.id]]))
        amount = data.draw(st.integers(1, self.left[earned.id]))
        assert earned.source_id is not None
        posting = self.post()
        lot = posting.state.lots[earned.id]
        pending = lot.left if lot.usable_at else 0
        posting.take_back(
            "points",
            amount,
            at=self.now - timedelta(days=late),
            source_id=next(self.ids),
            reverses=earned.id,
            of=earned.source_id,
            rule="purchase",
            why={},
        )
        posting.measure_usable("points", earned.occurred_at.date(), -max(0, amount - pending))
        self.left[earned.id] -= amount
        self.done(posting)

    @rule(amount=st.integers(-100, 100).filter(bool))
    def is_adjusted(self, amount: int) -> None:
        """A manager gives or takes."""
        posting = self.post()
        posting.adjust("points", amount, at=self.now, source_id=next(self.ids), reason="goodwill")
        self.done(posting)

    @precondition(lambda self: self.state.available("points") > 0)
    @rule(data=st.data())
    def holds_a_reward(self, data: st.DataObject) -> None:
        """A till holds some."""
        posting, source = self.post(), next(self.ids)
        amount = data.draw(st.integers(1, posting.state.available("points")))
        takes = posting.spend("points", amount, kind=EntryKind.HOLD, at=self.now, source_id=source, why={})
        self.done(posting)
        self.holds.append(
            Redemption(
                id=source,
                reward="mug",
                quantity=1,
                unit="points",
                amount=amount,
                takes=takes,
                status=RedemptionStatus.HELD,
                made_at=self.now,
                hold_expires_at=None,
            )
        )

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), captured=st.booleans())
    def ends_a_hold(self, data: st.DataObject, captured: bool) -> None:
        """The till captures it or gives it back."""
        held = data.draw(st.sampled_from(self.holds))
        self.holds.remove(held)
        posting = self.post()
        if captured:
            posting.settle(held, at=self.now)
        else:
            posting.give_back(held, at=self.now)
        self.done(posting)

    @rule(data=st.data())
    def some_expires(self, data: st.DataObject) -> None:
        """Lots run out, pending ones too."""
        posting = self.post()
        live = [lot for lot in posting.state.lots.values() if lot.left]
        gone = data.draw(st.lists(st.sampled_from(live), unique_by=lambda lot: lot.id)) if live else []
        posting.expire("points", gone, at=self.now)
        self.done(posting)

    @rule(days=st.sampled_from([1, 6, 31]))
    def time_passes(self, days: int) -> None:
        """Some days."""
        self.now += timedelta(days=days)
        self.done(self.post())

    @invariant()
    def the_entries_tell_it_all(self) -> None:
        """Lots, what waits, debts, lifetimes, and what became usable."""
        replayed = replay(self.entries, until=self.now, recorded_at=self.recorded)
        state = self.state
        assert replayed.lots == {lot.id: lot.left for lot in state.lots.values()}
        assert replayed.pending == {lot.id for lot in state.lots.values() if lot.usable_at}
        for account in state.accounts.values():
            assert replayed.debts.get(account.unit, 0) == account.debt
            assert replayed.lifetimes.get(account.unit, 0) == account.lifetime
        assert sum(replayed.usable.values()) == sum(state.measures.get("usable:points", {}).values())


TestReplay = Ledger.TestCase
TestReplay.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
