"""Any sequence of calls keeps the ledger's laws in the database, and comes out as the rules alone say.

Each call runs twice: through the use cases on PostgreSQL, and through the pure rules in memory. `LEDGER_EXAMPLES` asks
for more than the 20 examples of a normal run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tests.domain.club import Life
from tests.services.wishes import id_of
from tests.shop import NOON, Shop
from tests.store.laws import available, check_ledger
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.domain.events import Line
from wallet_api.services import redeem
from wallet_api.services.publish import publish
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import sql

T = TypeVar("T")
U = TypeVar("U")
CLUB = """
program: points-tiers
name: Coffee Club
currency: EUR
time_zone: Europe/Paris
languages: [en]
units:
  points: {name: {en: {one: point, other: points}}, expires: {after: 40 days}}
earning:
  - {id: purchase, on: sale, earn: 1, unit: points, per: 1.00}
  - {id: coffee, on: sale, earn: 3, unit: points, per: 7.00, tags: [coffee], adds: yes, at_most: 100 points per week}
  - {id: visit, on: check_in, earn: 5, unit: points, at_most: 1 per day}
gifts:
  welcome: {earn: 50 points}
tiers:
  measure: spend
  period: calendar year
  valid: rest of the year and the next
  then: as earned in the last period
  levels: [{id: bronze, from: 0}, {id: silver, from: 500}, {id: gold, from: 2000}]
rewards:
  - {id: off-5, name: Five off, price: 70 points, gives: {money_off: 5.00}, valid: 20 days}
  - {id: coffee, name: A coffee, price: 20 points, gives: {item: a coffee}}
"""
LINES = st.lists(
    st.builds(
        Line,
        sku=st.sampled_from(["beans", "cup", "card"]),
        amount=st.one_of(st.integers(0, 300_00), st.just(500_00)),
        tags=st.sampled_from([frozenset[str](), frozenset({"coffee"}), frozenset({"gift-card"})]),
    ),
    min_size=1,
    max_size=3,
).map(tuple)
WAITS = st.sampled_from(
    [timedelta(minutes=6), timedelta(days=1), timedelta(days=15), timedelta(days=45), timedelta(days=300)]
)


class Calls(RuleBasedStateMachine):
    """One member of the shop, and the same member in memory."""

    shop: Shop
    clock: FixedClock
    sales: Bundle[tuple[UUID, UUID]] = Bundle("sales")
    holds: Bundle[tuple[UUID, UUID]] = Bundle("holds")
    vouchers: Bundle[tuple[str, str]] = Bundle("vouchers")

    def __init__(self) -> None:
        super().__init__()
        self.clock.set(NOON)
        self.member = self.shop.join(f"bob-{uuid4().hex}")
        with self.shop.app.db.read() as tx:
            definition = self.shop.app.current_definition(tx, self.shop.program)
        self.life = Life(definition)

    @rule(target=sales, lines=LINES, late=st.sampled_from([0, 5, 47]))
    def buys(self, lines: tuple[Line, ...], late: int) -> tuple[UUID, UUID]:
        """A sale, reported up to two days late."""
        at = max(self.clock.now() - timedelta(hours=late), NOON)
        answer = self.shop.sell(to=self.member, lines=lines, at=at)
        return id_of(answer), self.life.sell(lines=lines, at=at)

    @rule(target=sales, lines=LINES, voucher=vouchers)
    def buys_with_a_voucher(
        self, lines: tuple[Line, ...], voucher: tuple[str, str]
    ) -> tuple[UUID, UUID] | MultipleResults[tuple[UUID, UUID]]:
        """A sale with a voucher that may have been used or ended."""
        sold = self._both(
            lambda: id_of(self.shop.sell(to=self.member, lines=lines, vouchers=(voucher[0],))),
            lambda: self.life.sell(lines=lines, vouchers=(voucher[1],)),
        )
        return sold or multiple()

    @rule(sale=sales, share=st.sampled_from([None, 0.1, 0.5, 1.0]))
    def brings_back(self, sale: tuple[UUID, UUID], share: float | None) -> None:
        """A return of all that is left, or of a part of what was sold."""
        in_all = sum(line.amount for line in self.life.sale(sale[1]).lines)
        amount = None if share is None else int(in_all * share)
        self._both(
            lambda: self.shop.take_back({"id": sale[0]}, amount=amount)["refund"],
            lambda: self.life.bring_back(sale[1], amount=amount).refund,
            alike=True,
        )

    @rule()
    def visits(self) -> None:
        """A check-in."""
        self.shop.visit(by=self.member)
        self.life.visit()

    @rule(target=vouchers, quantity=st.integers(1, 2))
    def redeems(self, quantity: int) -> tuple[str, str] | MultipleResults[tuple[str, str]]:
        """A reward, if there is enough."""
        codes = self._both(
            lambda: str(self.shop.redeem("off-5", by=self.member, quantity=quantity)["code"]),
            lambda: self.life.redeem("off-5", quantity=quantity).code,
        )
        return codes or multiple()

    @rule(target=holds)
    def holds_a_coffee(self) -> tuple[UUID, UUID] | MultipleResults[tuple[UUID, UUID]]:
        """A till holds a reward."""
        held = self._both(
            lambda: id_of(self.shop.hold("coffee", by=self.member)),
            lambda: self.life.hold("coffee"),
        )
        return held or multiple()

    @rule(held=holds)
    def captures(self, held: tuple[UUID, UUID]) -> None:
        """The till hands it over."""
        self._both(lambda: self._settle(redeem.capture_reward, held[0]), lambda: self.life.capture(held[1]))

    @rule(held=holds)
    def releases(self, held: tuple[UUID, UUID]) -> None:
        """The till gives it back."""
        self._both(lambda: self._settle(redeem.release_reward, held[0]), lambda: self.life.release(held[1]))

    @rule(wait=WAITS)
    def lets_time_pass(self, wait: timedelta) -> None:
        """Time passes; the next call writes down what it brought."""
        self.clock.advance(wait)
        self.life.now = self.clock.now()

    @invariant()
    def the_laws_hold(self) -> None:
        """The database keeps every law; where time owes nothing, it agrees with the rules."""
        check_ledger(self.shop.app.db, self.member)
        entered = sum(entry.amount for entry in self.life.entries)
        assert available(self.shop.app.db, self.member) == entered == self.life.balance
        with self.shop.app.db.read() as tx:
            row = sql.one(tx, "SELECT tier, tier_since, tier_until FROM members WHERE id = :id", id=self.member)
        standing = self.life.state.standing
        assert standing is not None
        assert tuple(row) == (standing.tier, standing.since, standing.until)

    def _both(
        self, at_the_till: Callable[[], T], by_the_rules: Callable[[], U], *, alike: bool = False
    ) -> tuple[T, U] | None:
        """Both do it, or both refuse it for the same reason."""
        try:
            expected = by_the_rules()
        except errors.Refusal as refusal:
            with pytest.raises(type(refusal)):
                at_the_till()
            return None
        done = at_the_till()
        assert not alike or done == expected
        return done, expected

    def _settle(self, settling: Callable[..., object], redemption_id: UUID) -> None:
        with self.shop.app.db.begin() as tx:
            settling(self.shop.app, tx, self.shop.till, redemption_id)


def test_any_sequence_of_calls_keeps_the_laws(shop: Shop, clock: FixedClock) -> None:
    publish(shop.app, CLUB, now=NOON)
    machine = type("Calls", (Calls,), {"shop": shop, "clock": clock})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("LEDGER_EXAMPLES", "20")),
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

    assert list(verify_ledger(shop.app)) == []
