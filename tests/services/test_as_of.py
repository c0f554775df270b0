"""What a member is told of an instant of the past is what they were told then, whatever has happened since."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.services.everything import LEVELS, SCHEMES, everything, open_everything
from tests.shop import NOON, Shop
from tests.store.laws import check_ledger
from tests.store.people import PROGRAM
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.domain.decide import decide
from wallet_api.domain.definition import CarryOver, Expiry, Span
from wallet_api.domain.events import CheckIn, Line, PlanAction, Sale
from wallet_api.domain.state import MemberState
from wallet_api.services import load_member, merge, plan, record_activity, redeem
from wallet_api.services.adjust import Adjustment, adjust
from wallet_api.services.as_of import as_of
from wallet_api.services.identify import Who
from wallet_api.services.invite import Invitation, invite
from wallet_api.services.merge import MergeWish
from wallet_api.services.plan import PlanWish
from wallet_api.services.present import Json
from wallet_api.services.record_activity import RecordActivity
from wallet_api.services.record_sale import RecordSale, record_sale
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import locks, member_state, programs, sql
from wallet_api.store.ids import new_id
from wallet_api.store.member_state import Asked
from wallet_api.store.session import Database, Tx

T = TypeVar("T")
Seen = dict[str, object]
A_MOMENT = timedelta(seconds=1)
A_LIFE = Expiry(after=Span(months=24))
PRICES = st.sampled_from([1_99, 12_00, 60_00, 150_00, 330_00])
TAGS = st.sampled_from([frozenset[str](), frozenset({"coffee"}), frozenset({"gift-card"})])
LINES = st.lists(
    st.builds(Line, sku=st.sampled_from("ab"), amount=PRICES, quantity=st.integers(1, 3), tags=TAGS),
    min_size=1,
    max_size=2,
)
WAITS = st.sampled_from([timedelta(minutes=11), *(timedelta(days=days) for days in (1, 4, 6, 15, 33, 70, 320))])


def what_is_seen(state: MemberState) -> Seen:
    """What a member is shown of their units, tier and membership; ids of what nobody has written yet are not told."""
    units = sorted({*state.accounts, *(lot.unit for lot in state.lots.values())})
    figures = [(unit, state.available(unit), state.pending(unit), state.lifetime(unit)) for unit in units]
    live = [lot for lot in state.lots.values() if lot.left]
    lots = sorted((lot.unit, lot.earned_at, lot.left, str(lot.expires_at), str(lot.usable_at)) for lot in live)
    ends = {unit: state.next_expiry(unit) for unit in units}
    return {
        "figures": [each for each in figures if any(each[1:])],
        "lots": lots,
        "ends": {unit: end for unit, end in ends.items() if end},
        "standing": state.standing,
        "membership": state.membership,
    }


class Past(RuleBasedStateMachine):
    """Alice lives through everything, and at each moment somebody looks."""

    shop: Shop
    clock: FixedClock
    scheme: str

    @initialize(born=st.sampled_from([None, date(1990, 3, 20), date(1990, 7, 1)]))
    def joins(self, born: date | None) -> None:
        """Alice joins."""
        self.clock.set(NOON)
        self.alice = self.shop.join(f"alice-{uuid4().hex}", birth_date=born)
        self.sales: list[Json] = []
        self.held: list[UUID] = []
        self.seen: list[tuple[UUID, datetime, Seen]] = []

    @rule(lines=LINES, late=st.sampled_from([0, 0, 3]), points=st.sampled_from([0, 0, 5, 40]))
    def buys(self, lines: list[Line], late: int, points: int) -> None:
        """A sale, partly paid with points, reported late or not."""
        wish = RecordSale(
            who=Who(member_id=self.alice),
            external_id=str(new_id()),
            occurred_at=max(NOON, self.clock.now() - timedelta(days=late)),
            currency="EUR",
            lines=tuple(lines),
            pay_with=(("points", points),) if points else (),
        )
        if sold := self._do(lambda tx: record_sale(self.shop.app, tx, self.shop.till, wish)):
            self.sales.append(sold)

    @precondition(lambda self: self.sales)
    @rule(data=st.data(), share=st.sampled_from([None, 0.3, 0.5]))
    def brings_back(self, data: st.DataObject, share: float | None) -> None:
        """A return of all that is left, or of a part."""
        sale = data.draw(st.sampled_from(self.sales))
        amount = None if share is None else int(int(str(sale["amount"])) * share)
        with self._allowed():
            self.shop.take_back(sale, amount=amount)

    @rule()
    def visits(self) -> None:
        """A check-in."""
        self.shop.visit(by=self.alice)

    @rule(km=st.integers(1, 3))
    def runs(self, km: int) -> None:
        """A run."""
        wish = RecordActivity(
            who=Who(member_id=self.alice),
            kind="run",
            external_id=str(new_id()),
            occurred_at=self.clock.now(),
            quantity=Decimal(km),
        )
        self._do(lambda tx: record_activity.record_activity(self.shop.app, tx, self.shop.till, wish))

    @rule(reward=st.sampled_from(["mug", "treat"]))
    def redeems(self, reward: str) -> None:
        """A mug, or the birthday treat."""
        with self._allowed():
            self.shop.redeem(reward, by=self.alice)

    @rule()
    def holds(self) -> None:
        """A till holds a mug."""
        with self._allowed():
            self.held.append(UUID(str(self.shop.hold("mug", by=self.alice)["id"])))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), settle=st.sampled_from([redeem.capture_reward, redeem.release_reward]))
    def ends_a_hold(self, data: st.DataObject, settle: Callable[..., Json]) -> None:
        """The till hands it over, or gives it back."""
        held = data.draw(st.sampled_from(self.held))
        self._do(lambda tx: settle(self.shop.app, tx, self.shop.till, held))

    @rule(amount=st.integers(-120, 120).filter(bool), unit=st.sampled_from(["points", "stars"]))
    def is_adjusted(self, amount: int, unit: str) -> None:
        """A manager gives or takes."""
        wish = Adjustment(unit=unit, amount=amount, reason="goodwill")
        self._do(lambda tx: adjust(self.shop.app, tx, self.alice, wish, program=self.shop.program))

    @rule(tier=st.sampled_from(["silver", "team"]), days=st.sampled_from([None, 20]))
    def is_invited(self, tier: str, days: int | None) -> None:
        """A manager gives a tier."""
        until = None if days is None else self.clock.now().date() + timedelta(days=days)
        wish = Invitation(tier=tier, reason="friend", until=until)
        self._do(lambda tx: invite(self.shop.app, tx, self.alice, wish, program=self.shop.program))

    @rule(action=st.sampled_from(list(PlanAction)))
    def pays_for_a_plan(self, action: PlanAction) -> None:
        """A plan starts or ends, or the provider gives word."""
        wish = PlanWish(action=action, plan="monthly" if action is PlanAction.START else None)
        self._do(lambda tx: plan.change_plan(self.shop.app, tx, self.alice, wish, program=self.shop.program))

    @rule()
    def turns_out_to_be_bob_too(self) -> None:
        """Bob, who has bought something, is merged into Alice."""
        bob = self.shop.join(f"bob-{uuid4().hex}")
        self.sales.append(self.shop.sell(60_00, to=bob))
        self.shop.visit(by=bob)
        self._look_at(bob)
        self.clock.advance(A_MOMENT)
        wish = MergeWish(gone=bob, into=self.alice, reason="the same person")
        self._do(lambda tx: merge.merge_members(self.shop.app, tx, wish, program=self.shop.program))

    @rule(wait=WAITS, is_posted=st.booleans())
    def time_passes(self, wait: timedelta, is_posted: bool) -> None:
        """Time passes, and the worker writes down what it has brought, or has not come to it yet."""
        self.clock.advance(wait)
        if is_posted:
            self._do(lambda tx: load_member.up_to_date(self.shop.app, tx, self.alice, now=self.clock.now()))

    @invariant()
    def somebody_looks(self) -> None:
        """Alice looks at her card; nothing else happens at that moment."""
        if hasattr(self, "alice"):
            check_ledger(self.shop.app.db, self.alice)
            self._look_at(self.alice)
            self.clock.advance(A_MOMENT)

    @invariant()
    def what_was_not_loaded_makes_no_difference(self) -> None:
        """A decision on the days and periods that are loaded is the one on all of them."""
        if not hasattr(self, "alice"):
            return
        now = self.clock.now()
        with self.shop.app.db.read() as tx:
            for at in (now, max(NOON, now - timedelta(days=40))):
                known = load_member.load(
                    self.shop.app, tx, locks.member_unlocked(tx, self.alice), moments=[at], now=now
                )
                rows = sql.every(tx, "SELECT DISTINCT period FROM rule_counts WHERE member_id = :id", id=self.alice)
                stock = {"mug": 4}
                periods = [row.period for row in rows]
                asked = Asked(member=known.row, since=date.min, periods=periods, stock=stock)
                everything = member_state.load(tx, asked)
                lines = (Line(sku="a", amount=120_00, tags=frozenset({"coffee"})),)
                sale = Sale(id=UUID(int=1), occurred_at=at, location="paris", lines=lines)
                for event in (sale, CheckIn(id=UUID(int=1), occurred_at=at, location="paris")):
                    little, all_ = (
                        decide(known.definition, state, event, now=now, ids=(UUID(int=number) for number in count(2)))
                        for state in (known.state, everything)
                    )
                    assert (little.entries, little.tier_changes) == (all_.entries, all_.tier_changes)
                    assert what_is_seen(little.after) == what_is_seen(all_.after)

    def teardown(self) -> None:
        """Every answer can be given again."""
        for member, at, seen in getattr(self, "seen", ()):
            with self.shop.app.db.read() as tx:
                told = what_is_seen(as_of(self.shop.app, tx, member, at=at).state)
            differences = {part: (told[part], seen[part]) for part in seen if told[part] != seen[part]}
            assert not differences, at

    def _look_at(self, member: UUID) -> None:
        now = self.clock.now()
        with self.shop.app.db.read() as tx:
            seen = what_is_seen(load_member.as_of_now(self.shop.app, tx, member, now=now).state)
        self.seen.append((member, now, seen))

    def _do(self, call: Callable[[Tx], T]) -> T | None:
        """Do it, unless the program refuses."""
        with self._allowed(), self.shop.app.db.begin() as tx:
            return call(tx)
        return None

    def _allowed(self) -> contextlib.suppress:
        return contextlib.suppress(errors.Refusal)


def test_what_is_recorded_late_was_not_known_before(shop: Shop, clock: FixedClock) -> None:
    yesterday = clock.now()
    clock.advance(timedelta(days=1))
    shop.sell(100_00, at=yesterday)

    before = told(shop, at=clock.now() - A_MOMENT)
    after = told(shop, at=clock.now())

    assert (before.available("points"), after.available("points")) == (50, 150)


def test_what_time_had_brought_by_then_is_reckoned_in_though_nobody_wrote_it(shop: Shop, clock: FixedClock) -> None:
    shop.sell(600_00)
    clock.set(datetime(2028, 6, 1, 12, tzinfo=UTC))

    held, lost = (
        told(shop, at=datetime(2027, 12, 31, 12, tzinfo=UTC)),
        told(shop, at=datetime(2028, 1, 1, 12, tzinfo=UTC)),
    )

    assert (held.tier, lost.tier) == ("silver", "bronze")


def test_a_moment_before_somebody_joined_is_not_found(shop: Shop) -> None:
    with pytest.raises(errors.NotFound):
        told(shop, at=NOON - A_MOMENT)


def test_the_future_is_not_told(shop: Shop) -> None:
    with pytest.raises(errors.InTheFuture):
        told(shop, at=NOON + A_MOMENT)


def test_new_rules_had_been_carried_over_by_then_whether_or_not_somebody_wrote_it(
    db: Database, clock: FixedClock
) -> None:
    old = everything("years")
    shop = open_everything(db, clock, old)
    shop = replace(shop, alice=shop.join("alice"))
    shop.sell(150_00)
    clock.advance(timedelta(days=6))
    shop.visit()
    renamed = (replace(LEVELS[0], id="iron"), *LEVELS[1:])
    keeping = replace(old.units["points"], expires=replace(A_LIFE, tiers=frozenset({"iron"})))
    new = replace(
        old,
        tiers=replace(SCHEMES["years"], levels=(renamed[0], replace(LEVELS[2], threshold=900))),
        units={**old.units, "points": keeping},
        carry_over=CarryOver(tiers={"silver": "iron", "bronze": "iron"}, lots_keep_expiry=False),
    )
    valid_from = clock.now() + timedelta(days=2)
    with db.begin() as tx:
        version = programs.publish(tx, PROGRAM, "by hand too", {}, now=clock.now(), valid_from=valid_from)
    shop.app._definitions[PROGRAM, version, 0] = new
    seen: list[tuple[datetime, Seen]] = []
    tiers: list[str | None] = []

    for wait in (timedelta(), timedelta(days=2), timedelta(days=3)):
        clock.advance(wait)
        with db.read() as tx:
            state = load_member.as_of_now(shop.app, tx, shop.alice, now=clock.now()).state
        tiers.append(state.tier)
        seen.append((clock.now(), what_is_seen(state)))
    clock.advance(A_MOMENT)
    shop.visit()
    clock.advance(timedelta(days=30))

    assert tiers == ["silver", "iron", "iron"]
    for at, look in seen:
        assert what_is_seen(told(shop, at=at)) == look
    assert list(verify_ledger(shop.app)) == []


def told(shop: Shop, *, at: datetime) -> MemberState:
    """Alice as she stood."""
    with shop.app.db.read() as tx:
        return as_of(shop.app, tx, shop.alice, at=at).state


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_past_is_what_was_seen(db: Database, clock: FixedClock, scheme: str) -> None:
    shop = open_everything(db, clock, everything(scheme))
    machine = type("Past", (Past,), {"shop": shop, "clock": clock})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("LEDGER_EXAMPLES", "4")),
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert list(verify_ledger(shop.app)) == []
