"""Two members of a club to whom anything may happen, in any order; the laws are checked after every step.

Each example is a program of its own, so that stock, promotions and the check at its end are its own too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import TypeVar
from uuid import UUID

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.services.laws.calls import Call, Calls, PayWith
from tests.services.laws.club import REWARDS, UNITS, open_club
from tests.services.laws.figures import Figures, Seen, check_same, codes_of, figures_of, what_is_seen
from tests.services.wishes import id_of
from tests.shop import NOON, SETTINGS, Shop
from tests.store.laws import check_figures, check_ledger
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.domain.events import Line, PlanAction
from wallet_api.services import load_member
from wallet_api.services.app import App
from wallet_api.services.as_of import as_of
from wallet_api.services.present import Json
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import sql
from wallet_api.store.session import Database

T = TypeVar("T")
STEPS_AN_EXAMPLE = 50
STEPS_BETWEEN_MERGES = 10
"""Whoever is merged has had a life before."""

A_MOMENT = timedelta(seconds=1)
LOOKS_EVERY = 5
"""Going back to an instant costs as much as several steps, so somebody looks after every fifth one only."""

SETTINGS_OF_A_ROUND = settings(
    max_examples=10,
    stateful_step_count=STEPS_AN_EXAMPLE,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
BIRTHDAYS = st.sampled_from([date(1990, 3, 20), date(1990, 7, 1), date(1992, 2, 29)])
LINES = st.lists(
    st.builds(
        Line,
        sku=st.sampled_from("ab"),
        amount=st.sampled_from([12_00, 1_99, 60_00, 150_00, 330_00, 1, 0]),
        quantity=st.integers(1, 3),
        tags=st.sampled_from([frozenset[str](), frozenset({"coffee"}), frozenset({"gift-card"})]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
LATE = st.sampled_from([timedelta(), timedelta(), timedelta(hours=5), timedelta(days=2), timedelta(days=9)])
PAY_WITH = st.sampled_from(
    [(), (), (("points", 10),), (("points", 60),), (("miles", 2),), (("miles", 10), ("points", 20))]
)
WAITS = st.sampled_from(
    [timedelta(minutes=3), timedelta(minutes=11), *(timedelta(days=days) for days in (1, 4, 6, 15, 33, 70, 200, 365))]
)
SOME = st.integers(0, 30)
"""Which of a list whose length is not known when it is drawn: counted from its end, the newest first."""

WHO = st.integers(0, 1)


@dataclass(kw_only=True)
class Tally:
    """How many steps were made."""

    examples: int = 0
    steps: int = 0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where lives are lived: the database, the clock, and how tiers last."""

    app: App
    clock: FixedClock
    tiers: str
    tally: Tally = field(default_factory=Tally)


class Lives(RuleBasedStateMachine):
    """What happens to two members; whoever is merged away is followed by a newcomer."""

    place: Place
    shop: Shop

    @initialize(births=st.tuples(BIRTHDAYS, BIRTHDAYS))
    def join(self, births: tuple[date, date]) -> None:
        """The club opens, and two join."""
        self.clock.set(NOON)
        self.place.tally.examples += 1
        program = f"club-{self.place.tally.examples}"
        self.shop = open_club(self.app.db, self.clock, self.place.tiers, program=program, app=self.app)
        self.calls = Calls(shop=self.shop)
        self.names = 0
        self.joined: dict[UUID, datetime] = {}
        self.people = [self._newcomer(birth_date=born) for born in births]
        self.sales: list[Json] = []
        self.held: list[UUID] = []
        self.seen: list[tuple[UUID, datetime, Seen]] = []
        self.steps = self.merged_at = 0

    # ── At the till ──────────────────────────────────────────────────────────────────────────────────────────────

    @rule(who=WHO, lines=LINES, late=LATE, pay_with=PAY_WITH, vouchers=st.lists(SOME, max_size=2, unique=True))
    def buys(self, who: int, lines: tuple[Line, ...], late: timedelta, pay_with: PayWith, vouchers: list[int]) -> None:
        """A sale, reported late or not, with vouchers and units or without."""
        member, codes = self.people[who], self._codes(who, vouchers)
        call = self.calls.sale(member, lines, at=self._ago(member, late), pay_with=pay_with, vouchers=codes)
        if sold := self._do(call):
            self.sales.append(sold)

    @rule(who=WHO, lines=LINES, late=LATE, pay_with=PAY_WITH)
    def buys_and_regrets(self, who: int, lines: tuple[Line, ...], late: timedelta, pay_with: PayWith) -> None:
        """A sale and its whole return with nothing between them: all is as before but for what is not undone."""
        member = self.people[who]
        self._do(self.calls.time_passes(member))
        before = self._figures(member)
        sold = self._do(self.calls.sale(member, lines, at=self._ago(member, late), pay_with=pay_with))
        if sold is None:
            return
        with_it = self._figures(member)
        assert self._do(self.calls.give_back(id_of(sold))) is not None
        falls_at_once = self.place.tiers == "continuous"
        self._figures(member).check_restored(before, with_it, tier_falls_at_once=falls_at_once)

    @precondition(lambda self: self.sales)
    @rule(nth=SOME, share=st.sampled_from([None, None, 0.3, 0.5, 1.0]), is_worn=st.sampled_from([False, False, True]))
    def brings_back(self, nth: int, share: float | None, is_worn: bool) -> None:
        """A return of all that is left, or of an amount."""
        sale = one_of(self.sales, nth)
        amount = None if share is None else int(int(str(sale["amount"])) * share)
        self._do(self.calls.give_back(id_of(sale), amount=amount, is_worn=is_worn))

    @precondition(lambda self: self.sales)
    @rule(nth=SOME, lines=LINES)
    def brings_lines_back(self, nth: int, lines: tuple[Line, ...]) -> None:
        """A return by lines."""
        self._do(self.calls.give_back(id_of(one_of(self.sales, nth)), lines=lines))

    @rule(who=WHO, late=LATE)
    def visits(self, who: int, late: timedelta) -> None:
        """A check-in."""
        member = self.people[who]
        self._do(self.calls.visit(member, at=self._ago(member, late)))

    @rule(who=WHO, km=st.integers(1, 6), late=LATE)
    def runs(self, who: int, km: int, late: timedelta) -> None:
        """An activity."""
        member = self.people[who]
        self._do(self.calls.run(member, km, at=self._ago(member, late)))

    # ── Rewards ──────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(who=WHO, reward=st.sampled_from(REWARDS), quantity=st.sampled_from([1, 1, 2]))
    def redeems(self, who: int, reward: str, quantity: int) -> None:
        """A reward, if it may be had."""
        self._do(self.calls.redeem(self.people[who], reward, quantity=quantity))

    @rule(who=WHO, reward=st.sampled_from(["off-5", "mug", "night"]))
    def has_held(self, who: int, reward: str) -> None:
        """A till holds a reward."""
        if held := self._do(self.calls.hold(self.people[who], reward)):
            self.held.append(id_of(held))

    @precondition(lambda self: self.held)
    @rule(nth=SOME)
    def takes_what_is_held(self, nth: int) -> None:
        """The till hands it over."""
        self._do(self.calls.capture(one_of(self.held, nth)))

    @precondition(lambda self: self.held)
    @rule(nth=SOME)
    def leaves_what_is_held(self, nth: int) -> None:
        """The till gives it back."""
        self._do(self.calls.release(one_of(self.held, nth)))

    # ── By hand ──────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(who=WHO, unit=st.sampled_from(UNITS), amount=st.sampled_from([100, 9, 1, -1, -20, -150]))
    def is_adjusted(self, who: int, unit: str, amount: int) -> None:
        """A manager gives or takes."""
        self._do(self.calls.adjust(self.people[who], unit, amount))

    @rule(who=WHO, tier=st.sampled_from(["silver", "team"]), days=st.sampled_from([None, 0, 20]))
    def is_invited(self, who: int, tier: str, days: int | None) -> None:
        """A manager gives a tier."""
        until = None if days is None else self.clock.now().date() + timedelta(days=days)
        self._do(self.calls.invite(self.people[who], tier, until=until))

    @rule(who=WHO, action=st.sampled_from(list(PlanAction)))
    def has_a_plan(self, who: int, action: PlanAction) -> None:
        """A plan starts or ends, or the provider gives word."""
        self._do(self.calls.plan(self.people[who], action))

    @precondition(lambda self: self.steps - self.merged_at >= STEPS_BETWEEN_MERGES)
    @rule(gone=WHO)
    def turn_out_to_be_one(self, gone: int) -> None:
        """The two are merged, and somebody else joins."""
        assert self._do(self.calls.merge(self.people[gone], self.people[1 - gone])) is not None
        for member in self.people:
            check_ledger(self.app.db, member)
        self.people[gone] = self._newcomer()
        self.merged_at = self.steps

    # ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @rule(wait=WAITS)
    def wait(self, wait: timedelta) -> None:
        """Time passes, and nobody looks."""
        self.clock.advance(wait)

    @rule(who=WHO, wait=WAITS)
    def time_is_posted(self, who: int, wait: timedelta) -> None:
        """Time passes and is posted: what comes out is what had been told, and posting it again changes nothing."""
        member = self.people[who]
        self.clock.advance(wait)
        told = self._look(member)
        self._do(self.calls.time_passes(member))
        posted = self._figures(member)
        check_same(told, self._look(member))
        self._do(self.calls.time_passes(member))
        assert self._figures(member) == posted

    # ── The laws ─────────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_laws_hold(self) -> None:
        """After every step; and somebody looks at times, so that it can be told later what they saw."""
        with self.app.db.read() as tx:
            check_figures(tx, self.shop.program)
        if self.steps:
            self.place.tally.steps += 1
        if self.steps % LOOKS_EVERY == 0:
            member = self.people[self.steps // LOOKS_EVERY % 2]
            self.seen.append((member, self.clock.now(), self._look(member)))
        self.steps += 1
        self.clock.advance(A_MOMENT)

    def teardown(self) -> None:
        """In the end everything is checked, and every answer can be given again."""
        if not hasattr(self, "steps"):
            return
        assert list(verify_ledger(self.app, program=self.shop.program)) == []
        for member in self.people:
            check_ledger(self.app.db, member)
        for member, at, seen in self.seen:
            with self.app.db.read() as tx:
                told = what_is_seen(as_of(self.app, tx, member, at=at).state)
            check_same(seen, told, what=at)

    # ── How it is done ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def app(self) -> App:
        return self.place.app

    @property
    def clock(self) -> FixedClock:
        return self.place.clock

    def _newcomer(self, *, birth_date: date = date(1990, 12, 24)) -> UUID:
        self.names += 1
        member = self.shop.join(f"member-{self.names}", birth_date=birth_date)
        self.joined[member] = self.clock.now()
        return member

    def _do(self, call: Call) -> Json | None:
        """Do it, unless the program refuses; a refusal because of others is none here, where nobody else is."""
        try:
            with self.app.db.begin() as tx:
                return call(tx)
        except errors.Busy:
            raise
        except errors.Refusal:
            return None

    def _codes(self, who: int, places: list[int]) -> tuple[str, ...]:
        """Some of the member's vouchers; beyond those that there are, the cake, which may be claimed by its id."""
        if not places:
            return ()
        with self.app.db.read() as tx:
            codes = codes_of(tx, self.people[who])
        return tuple(codes[-1 - place] if place < len(codes) else "cake" for place in places[: len(codes) + 1])

    def _figures(self, member: UUID) -> Figures:
        with self.app.db.read() as tx:
            return figures_of(tx, member)

    def _look(self, member: UUID) -> Seen:
        with self.app.db.read() as tx:
            return what_is_seen(load_member.as_of_now(self.app, tx, member, now=self.clock.now()).state)

    def _ago(self, member: UUID, late: timedelta) -> datetime:
        return max(self.joined[member], self.clock.now() - late)


def one_of(things: list[T], nth: int) -> T:
    """The nth of them from the end, round and round."""
    return things[-1 - nth % len(things)]


def live(db: Database, clock: FixedClock, *, tiers: str, number: int, steps: int) -> int:
    """Let lives be lived until so many steps have been made; how many there were.

    The number decides which steps they are, so that a failure comes again. `LEDGER_EXAMPLES` asks for so many examples,
    drawn anew each time; a failure then prints what brings it again.
    """
    commit_without_waiting(db)
    examples = os.environ.get("LEDGER_EXAMPLES")
    place = Place(app=App(settings=SETTINGS, clock=clock, db=db), clock=clock, tiers=tiers)
    rounds = count(number * 1_000)
    while place.tally.steps < max(steps, int(examples or 0) * STEPS_AN_EXAMPLE):
        machine = type("Lives", (Lives,), {"place": place})
        run_state_machine_as_test(machine if examples else seed(next(rounds))(machine), settings=SETTINGS_OF_A_ROUND)
    return place.tally.steps


def commit_without_waiting(db: Database) -> None:
    """A commit need not reach the disk: what a power cut would lose does not matter here, and steps are many."""
    with db.begin() as tx:
        name = sql.one(tx, "SELECT current_database() AS name").name
        tx.exec_driver_sql(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    db.engine.dispose()
