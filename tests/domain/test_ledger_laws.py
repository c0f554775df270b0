"""Any sequence of events keeps the ledger's laws: `Life` checks them after every step.

`LEDGER_EXAMPLES` asks for more than the 300 examples of a normal run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import count
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, multiple, precondition, rule

from tests.domain.club import A_YEAR, COFFEE, OFF_5, PURCHASE, TIERS, Life, club, named, points
from wallet_api.domain import errors
from wallet_api.domain.decide import decide
from wallet_api.domain.decision import Decision, Entry, EntryKind
from wallet_api.domain.definition import (
    Audience,
    Benefits,
    Cap,
    Condition,
    Conversion,
    Credit,
    DayRange,
    Definition,
    EarningRule,
    EventKind,
    Expiry,
    ExpiryAnchor,
    Flat,
    Gift,
    MemberPrice,
    MonthDay,
    Occasion,
    PercentOff,
    Period,
    PerItem,
    PerQuantity,
    Plan,
    PlanTerms,
    Rate,
    Rounding,
    Shipping,
    Span,
    TierLevel,
    TierScheme,
    Unit,
    Units,
    Window,
    Worth,
)
from wallet_api.domain.events import Line, TimePasses
from wallet_api.domain.state import MemberState, RedemptionStatus

COFFEE_LINES = Condition(tags=frozenset({"coffee"}))
RULES = (
    PURCHASE,
    replace(PURCHASE, id="coffee", amount=Rate(earn=3, per=700), where=COFFEE_LINES),
    replace(PURCHASE, id="big", amount=Flat(earn=15), where=Condition(minimum=60_00)),
    replace(
        PURCHASE, id="silver", where=Condition(tiers=frozenset({"silver", "gold"})), cap=Cap(per=Period.WEEK, units=90)
    ),
    EarningRule(
        id="visit", on=EventKind.CHECK_IN, unit="points", amount=Flat(earn=5), cap=Cap(per=Period.DAY, times=1)
    ),
    replace(PURCHASE, id="travel", unit="miles", amount=Rate(earn=1, per=500)),
    replace(PURCHASE, id="stamp", unit="stamps", amount=PerItem(earn=1), where=COFFEE_LINES),
    replace(PURCHASE, id="change", unit="coins", amount=Rate(earn=1, per=300)),
    EarningRule(id="run", on=EventKind.ACTIVITY, kind="run", unit="km", amount=PerQuantity(earn=1)),
    EarningRule(
        id="sport",
        on=EventKind.ACTIVITY,
        kind="run",
        unit="miles",
        amount=Flat(earn=4),
        cap=Cap(per=Period.MONTH, times=2),
    ),
)


def other(unit_id: str, *, expires: Expiry | None = None, converts: Conversion | None = None) -> Unit:
    """A unit beside the points."""
    return Unit(id=unit_id, name=named(unit_id), one=named(unit_id), expires=expires, converts=converts)


OTHER_UNITS = (
    replace(other("miles", expires=Expiry(after=Span(days=60), tiers=frozenset({"bronze"}))), pending=Span(days=10)),
    other("stamps", converts=Conversion(every=3, into="free-coffee")),
    other(
        "coins",
        converts=Conversion(
            every=20,
            into="cash",
            windows=(
                Window(first=2, last=5, issued=MonthDay(month=6, day=15)),
                Window(first=6, last=1, issued=MonthDay(month=2, day=15)),
            ),
            blocks_per_window=3,
            blocks_per_year=4,
        ),
    ),
    other("dividend"),
    replace(other("km"), is_counter=True),
)
CREDITS = (
    Credit(
        id="year",
        unit="dividend",
        rate=Rate(earn=10, per=1_00),
        on=MonthDay(month=3, day=1),
        minimum=100_00,
        join_year_is_exempt=True,
        rounding=Rounding.HALF_UP,
        counts_units=True,
    ),
    Credit(
        id="spring",
        unit="dividend",
        rate=Rate(earn=3, per=1_00),
        where=COFFEE_LINES,
        days=DayRange(first=date(2026, 3, 1), last=date(2026, 4, 15)),
        after=Span(days=10),
        minimum=60_00,
        most=900,
    ),
)
ROLLING = replace(TIERS, years=None, years_after=None, rolling=Span(months=3))
LEVELS_IN_MILES = tuple(
    replace(level, threshold=threshold) for level, threshold in zip(TIERS.levels, (0, 40, 150), strict=True)
)
TEAM = TierLevel(id="team", name=named("Team"), threshold=None)
SCHEMES: Mapping[str, TierScheme] = {
    "years": TIERS,
    "valid": replace(ROLLING, valid=Span(months=3), grace=Span(days=5)),
    "month's end": replace(ROLLING, effective_day=8),
    "continuous": replace(ROLLING, measure="usable:miles", levels=LEVELS_IN_MILES),
}
REWARDS = (
    replace(OFF_5, valid=Span(days=60)),
    replace(COFFEE, tiers=frozenset({"silver", "gold", "team"})),
    replace(COFFEE, id="free-coffee", price=None, only_given=True),
    replace(OFF_5, id="cash", price=None, valid=Span(months=11), only_given=True),
)
WITHIN = Worth(units=10, money=1_00, share=Fraction(1, 2))
UNITS = st.sampled_from(
    [
        points(),
        points(expire=Span(days=40)),
        points(expire=A_YEAR),
        points(expire=Span(days=60), anchor=ExpiryAnchor.LAST_ACTIVITY),
    ]
)
LINES = st.lists(
    st.builds(
        Line,
        sku=st.sampled_from(["beans", "cup", "card"]),
        amount=st.one_of(st.integers(0, 300_00), st.sampled_from([60_00, 500_00])),
        quantity=st.integers(1, 3),
        tags=st.sampled_from([frozenset[str](), frozenset({"coffee"}), frozenset({"gift-card"})]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
WAITS = st.one_of(
    st.integers(0, 90).map(lambda days: timedelta(days=days)),
    st.just(timedelta(minutes=6)),
    st.just(timedelta(days=400)),
)


def everything(unit: Unit, scheme: TierScheme) -> Definition:
    """The club with something of every kind that moves units."""
    definition = club(
        *RULES,
        unit=replace(unit, worth=WITHIN),
        other_units=OTHER_UNITS,
        rewards=REWARDS,
        tiers=replace(scheme, levels=(*scheme.levels, TEAM)),
    )
    paying = Audience(memberships=frozenset({"trial", "paid"}))
    return replace(
        definition,
        credits=CREDITS,
        gifts=(Gift(id="birthday", occasion=Occasion.BIRTHDAY, units=Units(unit="miles", amount=7)),),
        plans={"monthly": Plan(id="monthly", name=named("Monthly"), fee=9_99, period=Span(months=1))},
        plan_terms=PlanTerms(trial_days=10, grace_days=3, refund_business_days=3, worth_of_shipping=2_00),
        benefits=Benefits(
            shipping=(Shipping(who=paying, fee=0), Shipping(who=Audience(), fee=5_00, free_from=80_00)),
            prices=(
                MemberPrice(
                    id="gold", who=Audience(tiers=frozenset({"gold"})), share=PercentOff(share=Fraction(1, 20))
                ),
            ),
        ),
    )


class Ledger(RuleBasedStateMachine):
    """Alice lives under a program with every kind of rule; whatever is refused must leave no trace."""

    sales: Bundle[UUID] = Bundle("sales")
    holds: Bundle[UUID] = Bundle("holds")
    vouchers: Bundle[str] = Bundle("vouchers")

    @initialize(unit=UNITS, scheme=st.sampled_from(sorted(SCHEMES)))
    def join(self, unit: Unit, scheme: str) -> None:
        """Alice joins."""
        self.alice = Life(everything(unit, SCHEMES[scheme]), birth_date=date(1990, 5, 12))
        self.paid_for_plans = 0

    @rule(target=sales, lines=LINES, late=st.integers(0, 48))
    def buys(self, lines: tuple[Line, ...], late: int) -> UUID:
        """A sale, reported up to two days late."""
        return self.alice.sell(lines=lines, at=max(self.alice.now - timedelta(hours=late), self.alice.state.joined_at))

    @rule(target=sales, lines=LINES, voucher=vouchers)
    def buys_with_a_voucher(self, lines: tuple[Line, ...], voucher: str) -> UUID | MultipleResults[UUID]:
        """A sale with a voucher, which may have been used or ended."""
        before = self._snapshot()
        try:
            return self.alice.sell(lines=lines, vouchers=(voucher,))
        except errors.VoucherNotFound:
            assert self._snapshot() == before
            return multiple()

    @rule(target=sales, lines=LINES, units=st.integers(1, 400))
    def pays_a_part_with_points(self, lines: tuple[Line, ...], units: int) -> UUID | MultipleResults[UUID]:
        """A sale of which points pay a part; more than half of it, or than there is, is refused."""
        before, balance = self._snapshot(), self.alice.balance
        try:
            sale = self.alice.sell(lines=lines, pay_with=(("points", units),))
        except (errors.ExceedsShare, errors.InsufficientBalance):
            assert self._snapshot() == before
            return multiple()
        assert units <= balance
        assert sum(self.alice.sale(sale).by_units) == units * 10
        return sale

    @rule(lines=LINES, units=st.sampled_from([0, 0, 10, 70]))
    def buys_and_brings_all_back_at_once(self, lines: tuple[Line, ...], units: int) -> None:
        """It is as if nothing had been bought, but for what has turned into a reward, and a tier reached."""
        before = self.alice.state
        try:
            sale = self.alice.sell(lines=lines, pay_with=(("points", units),) if units else ())
        except (errors.ExceedsShare, errors.InsufficientBalance):
            return
        made = len(self.alice.entries)
        sold = self.alice.last
        self.alice.bring_back(sale)
        returned = self.alice.entries[made:]
        assert sold is not None
        turned = _turned(sold)
        for unit in self.alice.definition.units:
            if unit not in turned:
                assert self.alice.has(unit) == before.available(unit)
                assert self.alice.state.pending(unit) == before.pending(unit)
                assert self.alice.state.lifetime(unit) == before.lifetime(unit)
        for lot in before.lots.values():
            if lot.unit not in turned:
                assert self.alice.state.lots[lot.id].left == lot.left
        assert _without_zeros(self.alice.state.measures) == _without_zeros(before.measures)
        assert _limits(self.alice.state) == _limits(before)
        assert all(entry.kind is EntryKind.REVERSAL for entry in returned)

    @rule(sale=sales)
    def brings_all_back(self, sale: UUID) -> None:
        """A whole return takes back exactly what was left of the sale's earns."""
        was = self.alice.sale(sale)
        left = sum(earned.left for earned in was.earned)
        if not any(was.kept):
            self._refused(lambda: self.alice.bring_back(sale), errors.ReturnExceedsSale)
            return
        decision = self.alice.bring_back(sale)
        undone = [entry.amount for entry in decision.entries if entry.reverses is not None]
        assert -sum(amount for amount in undone if amount < 0) == left
        assert sum(amount for amount in undone if amount > 0) == sum(spent.left for spent in was.spent)
        assert all(earned.left == 0 for earned in self.alice.sale(sale).earned)
        assert all(spent.left == 0 for spent in self.alice.sale(sale).spent)
        assert self.alice.sale(sale).refunded == was.paid

    @rule(sale=sales, share=st.fractions(0, 1, max_denominator=10))
    def brings_a_part_back(self, sale: UUID, share: Fraction) -> None:
        """A return of an amount never takes more than the sale earned, nor refunds more than was paid."""
        was = self.alice.sale(sale)
        in_all = sum(line.amount for line in was.lines)
        amount = int(in_all * share)
        left = sum((line.amount * kept for line, kept in zip(was.lines, was.kept, strict=True)), Fraction())
        if amount > left or not any(was.kept):
            self._refused(lambda: self.alice.bring_back(sale, amount=amount), errors.ReturnExceedsSale)
        else:
            self.alice.bring_back(sale, amount=amount)
        now = self.alice.sale(sale)
        assert 0 <= now.refunded <= now.paid
        assert all(earned.left >= 0 for earned in now.earned)

    @rule(kilometres=st.integers(0, 12))
    def runs(self, kilometres: int) -> None:
        """An activity that counts, and earns twice a month."""
        self.alice.act("run", quantity=kilometres)

    @rule(tier=st.sampled_from(["silver", "gold", "team"]), days=st.one_of(st.none(), st.integers(0, 200)))
    def is_invited(self, tier: str, days: int | None) -> None:
        """A manager gives a tier by hand; nobody is invited down."""
        scheme = self.alice.definition.tiers
        assert scheme is not None
        until = None if days is None else self.alice.now.date() + timedelta(days=days)
        if scheme.rank(tier) < scheme.rank(self.alice.tier):
            self._refused(lambda: self.alice.invite(tier, until=until), errors.NotEligible)
        else:
            self.alice.invite(tier, until=until)
            assert self.alice.tier == tier

    @rule(action=st.sampled_from(["start", "cancel", "pays", "fails"]))
    def has_a_plan(self, action: str) -> None:
        """Whatever fits the state; never more comes back than was paid."""
        before = self._snapshot()
        wishes: dict[str, Callable[[], Decision]] = {
            "start": lambda: self.alice.start("monthly"),
            "cancel": self.alice.cancel,
            "pays": self.alice.pays,
            "fails": self.alice.fails_to_pay,
        }
        try:
            decision = wishes[action]()
        except errors.NotEligible:
            assert self._snapshot() == before
            return
        if action == "pays":
            self.paid_for_plans += decision.charge or 0
        self.paid_for_plans -= decision.refund
        assert self.paid_for_plans >= 0
        assert decision.entries == ()

    @rule(hours=st.integers(0, 30))
    def visits(self, hours: int) -> None:
        """A check-in some hours later."""
        self.alice.wait(until=self.alice.now + timedelta(hours=hours))
        self.alice.visit()

    @rule(target=vouchers, quantity=st.integers(1, 3))
    def redeems(self, quantity: int) -> str | MultipleResults[str]:
        """A wish within the balance is granted, one beyond it refused."""
        affordable = self.alice.balance >= 70 * quantity
        if affordable:
            return self.alice.redeem("off-5", quantity=quantity).code
        self._refused(lambda: self.alice.redeem("off-5", quantity=quantity), errors.InsufficientBalance)
        return multiple()

    @rule(target=holds, minutes=st.sampled_from([5, 10, 100_000]))
    def holds_a_reward(self, minutes: int) -> UUID | MultipleResults[UUID]:
        """A till holds a coffee."""
        if self.alice.tier == "bronze":
            self._refused(lambda: self.alice.hold("coffee"), errors.NotEligible)
            return multiple()
        if self.alice.balance < 20:
            self._refused(lambda: self.alice.hold("coffee"), errors.InsufficientBalance)
            return multiple()
        return self.alice.hold("coffee", minutes=minutes)

    @rule(held=holds)
    def captures(self, held: UUID) -> None:
        """A hold is captured once; one that was released or ran out is not."""
        status = self.alice.redemption(held)
        if status in (RedemptionStatus.RELEASED, RedemptionStatus.EXPIRED):
            self._refused(lambda: self.alice.capture(held), (errors.AlreadyReleased, errors.HoldExpired))
            return
        balance = self.alice.balance
        self.alice.capture(held)
        assert self.alice.redemption(held) is RedemptionStatus.CAPTURED
        assert self.alice.balance == balance

    @rule(held=holds)
    def releases(self, held: UUID) -> None:
        """A hold is released once; one that was captured is not."""
        if self.alice.redemption(held) is RedemptionStatus.CAPTURED:
            self._refused(lambda: self.alice.release(held), errors.AlreadyCaptured)
            return
        self.alice.release(held)
        assert self.alice.redemption(held) in (RedemptionStatus.RELEASED, RedemptionStatus.EXPIRED)

    @rule(amount=st.integers(-150, 150).filter(bool))
    def is_adjusted(self, amount: int) -> None:
        """A manager adds or takes points."""
        self.alice.adjust(amount)

    @rule(wait=WAITS, cuts=st.lists(st.fractions(0, 1, max_denominator=100), max_size=8))
    def lets_time_pass(self, wait: timedelta, cuts: list[Fraction]) -> None:
        """Time passes; it makes no difference how often somebody looks meanwhile."""
        at_once = self._after([wait])
        in_steps = self._after([*(wait * float(cut) for cut in sorted(cuts)), wait])
        assert at_once == in_steps
        self.alice.wait(until=self.alice.now + wait)

    @precondition(lambda self: hasattr(self, "alice"))
    @rule()
    def asks_for_the_impossible(self) -> None:
        """An unknown reward is refused."""
        self._refused(lambda: self.alice.redeem("yacht"), errors.RewardNotFound)

    def _after(self, waits: list[timedelta]) -> tuple[MemberState, list[Entry]]:
        """What the state and the entries would be after looking at each of these times from now."""
        state, entries, ids = self.alice.state, list[Entry](), (UUID(int=number) for number in count(10**9))
        for wait in waits:
            now = self.alice.now + wait
            decision = decide(self.alice.definition, state, TimePasses(occurred_at=now), now=now, ids=ids)
            state = decision.after
            entries += decision.entries
        return state, entries

    def _refused(
        self, wish: Callable[[], object], refusal: type[errors.Refusal] | tuple[type[errors.Refusal], ...]
    ) -> None:
        before = self._snapshot()
        try:
            wish()
        except refusal:
            assert self._snapshot() == before
        else:
            raise AssertionError(f"{refusal} was expected")

    def _snapshot(self) -> tuple[object, int]:
        return self.alice.state, len(self.alice.entries)


def _turned(decision: Decision) -> set[str]:
    """The units that a decision turned into rewards."""
    new = decision.after.redemptions.keys() - decision.before.redemptions.keys()
    return {decision.after.redemptions[redemption].unit for redemption in new}


def _without_zeros(measures: Mapping[str, Mapping[date, int]]) -> dict[str, dict[date, int]]:
    kept = {name: {day: value for day, value in days.items() if value} for name, days in measures.items()}
    return {name: days for name, days in kept.items() if days}


def _limits(state: MemberState) -> dict[tuple[str, str], tuple[int, int]]:
    """What counts towards limits and credits so far; what has been counted back to nothing is not there."""
    return {
        key: (counted.times, counted.units) for key, counted in state.counts.items() if counted.times or counted.units
    }


TestLedgerLaws = Ledger.TestCase
TestLedgerLaws.settings = settings(
    max_examples=int(os.environ.get("LEDGER_EXAMPLES", "300")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
