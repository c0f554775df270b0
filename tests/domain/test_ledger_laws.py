"""Any sequence of events keeps the ledger's laws: `Life` checks them after every step.

`LEDGER_EXAMPLES` asks for more than the 300 examples of a normal run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, initialize, multiple, precondition, rule

from tests.domain.club import A_YEAR, COFFEE, OFF_5, PURCHASE, Life, club, points
from wallet_api.domain import errors
from wallet_api.domain.definition import (
    Cap,
    Condition,
    EarningRule,
    EventKind,
    ExpiryAnchor,
    Flat,
    Period,
    Rate,
    Span,
    Unit,
)
from wallet_api.domain.events import Line
from wallet_api.domain.state import RedemptionStatus

RULES = (
    PURCHASE,
    replace(PURCHASE, id="coffee", amount=Rate(earn=3, per=700), where=Condition(tags=frozenset({"coffee"}))),
    replace(PURCHASE, id="big", amount=Flat(earn=15), where=Condition(minimum=60_00)),
    replace(
        PURCHASE, id="silver", where=Condition(tiers=frozenset({"silver", "gold"})), cap=Cap(per=Period.WEEK, units=90)
    ),
    EarningRule(
        id="visit", on=EventKind.CHECK_IN, unit="points", amount=Flat(earn=5), cap=Cap(per=Period.DAY, times=1)
    ),
)
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


class Ledger(RuleBasedStateMachine):
    """Alice lives under a program with every kind of rule; whatever is refused must leave no trace."""

    sales: Bundle[UUID] = Bundle("sales")
    holds: Bundle[UUID] = Bundle("holds")
    vouchers: Bundle[str] = Bundle("vouchers")

    @initialize(unit=UNITS)
    def join(self, unit: Unit) -> None:
        """Alice joins."""
        rewards = (replace(OFF_5, valid=Span(days=60)), replace(COFFEE, tiers=frozenset({"silver", "gold"})))
        self.alice = Life(club(*RULES, unit=unit, rewards=rewards))

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

    @rule(sale=sales)
    def brings_all_back(self, sale: UUID) -> None:
        """A whole return takes back exactly what was left of the sale's earns."""
        was = self.alice.sale(sale)
        left = sum(earned.left for earned in was.earned)
        if not any(was.kept):
            self._refused(lambda: self.alice.bring_back(sale), errors.ReturnExceedsSale)
            return
        decision = self.alice.bring_back(sale)
        reversed_ = sum(entry.amount for entry in decision.entries if entry.reverses is not None)
        assert -reversed_ == left
        assert all(earned.left == 0 for earned in self.alice.sale(sale).earned)
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

    @rule(wait=WAITS)
    def lets_time_pass(self, wait: timedelta) -> None:
        """Time passes."""
        self.alice.wait(until=self.alice.now + wait)

    @precondition(lambda self: hasattr(self, "alice"))
    @rule()
    def asks_for_the_impossible(self) -> None:
        """An unknown reward is refused."""
        self._refused(lambda: self.alice.redeem("yacht"), errors.RewardNotFound)

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


TestLedgerLaws = Ledger.TestCase
TestLedgerLaws.settings = settings(
    max_examples=int(os.environ.get("LEDGER_EXAMPLES", "300")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
