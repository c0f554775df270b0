"""Two calls at the same moment by two real threads, on one member of the club or on both, in either order.

Whatever they are and whichever comes first, the laws hold, nothing fails, and what has been answered is what is on
record: nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from threading import Event
from typing import TypeAlias
from uuid import UUID

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.services.laws.calls import Call, Calls
from tests.services.laws.club import TIERS, open_club
from tests.services.laws.figures import codes_of
from tests.services.laws.lives import LINES, SOME, WHO, commit_without_waiting, one_of
from tests.services.wishes import id_of
from tests.shop import NOON, SETTINGS, Shop
from tests.store.laws import check_figures
from tests.store.threads import at_once
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.domain.events import Line, PlanAction
from wallet_api.services.app import App
from wallet_api.services.present import Json
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import sql
from wallet_api.store.session import Database, Tx

A_WHILE_SECONDS = 0.03
"""So long the one who came first stays in the transaction, while the other comes and waits for the lock."""

TRIES = 10
KINDS = (
    *("sale", "sale with a voucher", "sale with units", "whole return", "part of a return", "visit", "run", "off-5"),
    *("mug", "night", "cake", "hold", "capture", "release", "give", "take", "invite", "plan", "merge", "time"),
)
EARNS_ON_SALES = {"purchase", "coffee", "hello", "travel", "cup", "change"}

Together: TypeAlias = Callable[[Call, Call], "list[Json | errors.Refusal]"]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody wants, before it is known whether it can be had."""

    kind: str
    lines: tuple[Line, ...]
    nth: int
    is_of_the_other: bool


WISHES = st.builds(
    Wish,
    kind=st.sampled_from(KINDS),
    lines=LINES,
    nth=SOME,
    is_of_the_other=st.sampled_from([False, False, False, True]),
)


@dataclass(kw_only=True)
class Answers:
    """What was answered, by what it was; each once, however often it was asked for."""

    sales: dict[UUID, Json] = field(default_factory=dict)
    returns: set[UUID] = field(default_factory=set)
    visits: set[UUID] = field(default_factory=set)
    runs: set[UUID] = field(default_factory=set)
    holds: set[UUID] = field(default_factory=set)
    adjustments: set[UUID] = field(default_factory=set)

    def note(self, kind: str, answer: Json) -> None:
        """Remember an answer."""
        match kind:
            case "sale" | "sale with a voucher" | "sale with units":
                self.sales[id_of(answer)] = answer
            case "whole return" | "part of a return":
                self.returns.add(id_of(answer))
            case "visit":
                self.visits.add(id_of(answer))
            case "run":
                self.runs.add(id_of(answer))
            case "hold":
                self.holds.add(id_of(answer))
            case "give" | "take":
                self.adjustments.add(id_of(answer))


class Club:
    """Two members, and everything that they were told."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.app = shop.app
        self.calls = Calls(shop=shop)
        self.names = 0
        self.people = [self._newcomer(), self._newcomer()]
        self.answers = Answers()
        for who in range(2):
            self.do("give", self.calls.adjust(self.people[who], "points", 120))
            self.do("give", self.calls.adjust(self.people[who], "stars", 10))
            for lines in ((Line(sku="a", amount=60_00),), (Line(sku="b", amount=12_00, tags=frozenset({"coffee"})),)):
                self.do("sale", self.calls.sale(self.people[who], lines))
            self.do("hold", self.calls.hold(self.people[who], "off-5"))

    def do(self, kind: str, call: Call) -> None:
        """One call, with nobody beside it."""
        try:
            self.answers.note(kind, persistently(self.app.db, call))
        except errors.Refusal:
            return

    def meet(self, who: int, wishes: tuple[Wish, Wish], together: Together) -> None:
        """Two calls at once, and the laws after them."""
        first, second = (self.call_of(wish, 1 - who if wish.is_of_the_other else who) for wish in wishes)
        for wish, answer in zip(wishes, together(first, second), strict=True):
            if not isinstance(answer, errors.Refusal):
                self.answers.note(wish.kind, answer)
        self.check()
        self.welcome_newcomers()

    def repeat(self, who: int, wish: Wish, together: Together) -> None:
        """One call twice at once, as a till sends it that heard no answer."""
        call = self.call_of(wish, who)
        for answer in together(call, call):
            if not isinstance(answer, errors.Refusal):
                self.answers.note(wish.kind, answer)
        self.check()
        self.welcome_newcomers()

    def call_of(self, wish: Wish, who: int) -> Call:  # noqa: C901, PLR0912 one case for each kind of wish
        """The call that a wish comes to."""
        calls, member = self.calls, self.people[who]
        match wish.kind:
            case "sale":
                return calls.sale(member, wish.lines)
            case "sale with a voucher":
                return calls.sale(member, wish.lines, vouchers=self._codes(member, wish.nth))
            case "sale with units":
                return calls.sale(member, wish.lines, pay_with=(("points", 40),))
            case "whole return":
                return calls.give_back(one_of(list(self.answers.sales), wish.nth))
            case "part of a return":
                return calls.give_back(one_of(list(self.answers.sales), wish.nth), amount=7_00)
            case "visit":
                return calls.visit(member)
            case "run":
                return calls.run(member, 1 + wish.nth % 5)
            case "off-5" | "mug" | "night" | "cake":
                return calls.redeem(member, wish.kind, quantity=1 + wish.nth % 2)
            case "hold":
                return calls.hold(member, ("mug", "off-5")[wish.nth % 2])
            case "capture":
                return calls.capture(one_of(sorted(self.answers.holds), wish.nth))
            case "release":
                return calls.release(one_of(sorted(self.answers.holds), wish.nth))
            case "give":
                return calls.adjust(member, ("points", "stamps")[wish.nth % 2], 1 + wish.nth)
            case "take":
                return calls.adjust(member, ("points", "stamps")[wish.nth % 2], -1 - 10 * wish.nth)
            case "invite":
                return calls.invite(member, ("silver", "team")[wish.nth % 2])
            case "plan":
                return calls.plan(member, one_of(list(PlanAction), wish.nth))
            case "merge":
                return calls.merge(member, self.people[1 - who])
            case _:
                return calls.time_passes(member)

    def welcome_newcomers(self) -> None:
        """Whoever was merged away is followed by somebody else."""
        with self.app.db.read() as tx:
            rows = sql.every(
                tx, "SELECT id FROM members WHERE program_id = :id AND status = 'merged'", id=self.shop.program
            )
        gone = {row.id for row in rows}
        self.people = [self._newcomer() if member in gone else member for member in self.people]

    # ── What must be so ──────────────────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """The laws hold, and what was answered is on record, once."""
        with self.app.db.read() as tx:
            check_figures(tx, self.shop.program)
            rows = sql.every(
                tx,
                """
                SELECT 'sale' AS kind, id FROM transactions WHERE program_id = :program AND type = 'sale'
                UNION ALL SELECT 'return', id FROM transactions WHERE program_id = :program AND type = 'return'
                UNION ALL SELECT 'receipt', r.transaction_id FROM receipts r JOIN locations l ON l.id = r.location_id
                          WHERE l.program_id = :program
                UNION ALL SELECT 'visit', id FROM check_ins WHERE program_id = :program
                UNION ALL SELECT 'run', id FROM activities WHERE program_id = :program
                UNION ALL SELECT 'hold', source_id FROM entries WHERE program_id = :program AND kind = 'hold'
                UNION ALL SELECT 'adjustment', source_id FROM entries WHERE program_id = :program AND kind = 'adjust'
                          AND why ->> 'reason' = 'goodwill'
                """,
                program=self.shop.program,
            )
            earned = sql.every(
                tx,
                "SELECT source_id, rule, amount FROM entries WHERE program_id = :program AND kind = 'earn'",
                program=self.shop.program,
            )
        answers = self.answers
        wanted = {
            "sale": set(answers.sales),
            "return": answers.returns,
            "receipt": answers.returns | set(answers.sales),
            "visit": answers.visits,
            "run": answers.runs,
            "hold": answers.holds,
            "adjustment": answers.adjustments,
        }
        for kind, ids in wanted.items():
            found = Counter(row.id for row in rows if row.kind == kind)
            assert found == Counter(ids), (kind, found, ids)
        self._check_earned(Counter((row.source_id, row.rule, row.amount) for row in earned))

    def _check_earned(self, found: Counter[tuple[UUID, str, int]]) -> None:
        wanted: Counter[tuple[UUID, str, int]] = Counter()
        for sale, answer in self.answers.sales.items():
            earned = answer["earned"]
            assert isinstance(earned, list)
            for each in earned:
                if each["rule"] in EARNS_ON_SALES and each["amount"]:
                    wanted[sale, each["rule"], each["amount"]] += 1
        on_sales = Counter({key: times for key, times in found.items() if key[0] in self.answers.sales})
        assert on_sales == wanted, (on_sales - wanted, wanted - on_sales)

    def _codes(self, member: UUID, nth: int) -> tuple[str, ...]:
        with self.app.db.read() as tx:
            codes = codes_of(tx, member)
        return (one_of(codes, nth),) if codes else ()

    def _newcomer(self) -> UUID:
        self.names += 1
        return self.shop.join(f"member-{self.names}", birth_date=date(1990, 3, 20))


def persistently(db: Database, call: Call) -> Json:
    """Make a call as clients do: what is refused because others were there first is asked for again."""
    for _ in range(TRIES):
        try:
            with db.begin() as tx:
                return call(tx)
        except errors.Busy:
            continue
    raise errors.Busy()


def race(db: Database, first: Call, second: Call) -> list[Json | errors.Refusal]:
    """Both at once, whoever wins."""
    return at_once([partial(persistently, db, first), partial(persistently, db, second)])


def one_after_the_other(db: Database, first: Call, second: Call) -> list[Json | errors.Refusal]:
    """The first has all its locks when the second begins, and commits while that waits, or has not met it at all."""
    is_inside, is_over = Event(), Event()

    def first_and_stay(tx: Tx) -> Json:
        answer = first(tx)
        is_inside.set()
        is_over.wait(A_WHILE_SECONDS)
        return answer

    def lead() -> Json:
        try:
            return persistently(db, first_and_stay)
        finally:
            is_inside.set()  # refused before it came so far

    def follow() -> Json:
        is_inside.wait(10)
        try:
            return persistently(db, second)
        finally:
            is_over.set()

    return at_once([lead, follow])


def meet(db: Database, clock: FixedClock, *, number: int, examples: int) -> int:
    """Let many pairs of calls meet; how many calls there were. `LEDGER_EXAMPLES` asks for so many examples."""
    commit_without_waiting(db)
    wanted = os.environ.get("LEDGER_EXAMPLES")
    app = App(settings=SETTINGS, clock=clock, db=db)
    made = Counter[str]()
    overlap, racing = partial(one_after_the_other, db), partial(race, db)

    def reverse(first: Call, second: Call) -> list[Json | errors.Refusal]:
        return overlap(second, first)[::-1]

    @settings(
        max_examples=max(examples, int(wanted or 0)),
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        tiers=st.sampled_from(sorted(TIERS)),
        pairs=st.lists(st.tuples(WHO, st.tuples(WISHES, WISHES)), min_size=1, max_size=3),
        again=st.tuples(WHO, WISHES),
    )
    def pairs_meet(tiers: str, pairs: list[tuple[int, tuple[Wish, Wish]]], again: tuple[int, Wish]) -> None:
        clock.set(NOON)
        made["examples"] += 1
        club = Club(open_club(db, clock, tiers, program=f"club-{made['examples']}", app=app))
        for who, wishes in pairs:
            for together in (overlap, reverse, racing):
                club.meet(who, wishes, together)
                made["calls"] += 2
        club.repeat(*again, racing)
        made["calls"] += 2
        assert list(verify_ledger(app, program=club.shop.program)) == []

    (pairs_meet if wanted else seed(number)(pairs_meet))()
    return made["calls"]
