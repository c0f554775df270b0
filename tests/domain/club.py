"""A small program to try the rules with, and a member's life under it, whose ledger is checked after every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from itertools import count
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

from wallet_api.domain.decide import decide
from wallet_api.domain.decision import Decision, Entry, EntryKind
from wallet_api.domain.definition import (
    Brand,
    Definition,
    EarningRule,
    EventKind,
    Expiry,
    ExpiryAnchor,
    FreeItem,
    Localised,
    MoneyOff,
    Price,
    Promotion,
    Rate,
    Reward,
    Span,
    TierLevel,
    TierScheme,
    Unit,
)
from wallet_api.domain.due import next_due
from wallet_api.domain.events import (
    Activity,
    Adjust,
    Capture,
    CheckIn,
    EarnedEntry,
    Event,
    Hold,
    Invite,
    Join,
    Line,
    PlanAction,
    PlanEvent,
    RecordedSale,
    Redeem,
    Release,
    Return,
    Sale,
    SpentEntry,
    TimePasses,
    VerificationAction,
    VerificationEvent,
)
from wallet_api.domain.state import Membership, MemberState, RedemptionStatus, Voucher, VoucherStatus

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")
A_YEAR = Span(months=12)


def named(text: str) -> Localised:
    """A text in English."""
    return Localised(by_language={"en": text})


PURCHASE = EarningRule(id="purchase", on=EventKind.SALE, unit="points", amount=Rate(earn=1, per=100))
OFF_5 = Reward(id="off-5", name=named("5 off"), price=Price(unit="points", amount=70), gives=MoneyOff(amount=500))
COFFEE = Reward(
    id="coffee", name=named("Coffee"), price=Price(unit="points", amount=20), gives=FreeItem(item=named("a coffee"))
)
TIERS = TierScheme(
    measure="spend",
    levels=(
        TierLevel(id="bronze", name=named("Bronze"), threshold=0),
        TierLevel(id="silver", name=named("Silver"), threshold=500_00),
        TierLevel(id="gold", name=named("Gold"), threshold=2000_00),
    ),
)


def points(*, expire: Span | None = None, anchor: ExpiryAnchor = ExpiryAnchor.EARNED) -> Unit:
    """The unit `points`, which stay for ever or expire after a span."""
    expiry = Expiry(after=expire, anchor=anchor) if expire else None
    return Unit(id="points", name=named("points"), one=named("point"), expires=expiry)


def club(
    *rules: EarningRule,
    unit: Unit | None = None,
    rewards: tuple[Reward, ...] = (OFF_5, COFFEE),
    tiers: TierScheme | None = TIERS,
    zone: ZoneInfo = PARIS,
    promotions: tuple[Promotion, ...] = (),
    other_units: tuple[Unit, ...] = (),
) -> Definition:
    """A program: a point per euro, two rewards and three tiers, unless told otherwise."""
    unit = unit or points()
    return Definition(
        program="club",
        name=named("Club"),
        currency="EUR",
        currency_decimals=2,
        time_zone=zone,
        languages=("en",),
        brand=Brand(name="Club"),
        units={each.id: each for each in (unit, *other_units)},
        earning=rules or (PURCHASE,),
        tiers=tiers,
        rewards={reward.id: reward for reward in rewards},
        promotions=promotions,
    )


class Life:
    """Alice's life as a member: every step goes through `decide`, and the laws of the ledger are checked after it."""

    def __init__(
        self,
        definition: Definition,
        *,
        joined: datetime = NOON,
        birth_date: date | None = None,
        plan: str | None = None,
        referred_by: UUID | None = None,
    ) -> None:
        self.definition = definition
        self.now = joined
        self.state = MemberState(
            member_id=UUID(int=1), joined_at=joined, birth_date=birth_date, standing=None, referred_by=referred_by
        )
        self.entries: list[Entry] = []
        self.last: Decision | None = None
        self._sales: dict[UUID, RecordedSale] = {}
        self._ids: Iterator[UUID] = (UUID(int=number) for number in count(100))
        self.do(Join(id=next(self._ids), occurred_at=joined, plan=plan))

    # ── What happens ─────────────────────────────────────────────────────────────────────────────────────────────

    def do(self, event: Event) -> Decision:
        """Decide an event now, keep what it changes, and check the laws."""
        decision = decide(self.definition, self.state, event, now=self.now, ids=self._ids)
        assert decision.before is self.state
        self.state = decision.after
        self.entries += decision.entries
        self.last = decision
        self.check_laws()
        return decision

    def wait(self, *, until: datetime | None = None, days: int = 0, on: date | None = None) -> Decision:
        """Let time pass: until an instant, for some days, or until a program-local day's noon."""
        if on is not None:
            until = datetime.combine(on, time(12), self.definition.time_zone).astimezone(UTC)
        self.now = until or self.now + timedelta(days=days)
        return self.do(TimePasses(occurred_at=self.now))

    def wait_for_the_beginning_of(self, day: date) -> Decision:
        """Let time pass until the first instant of a program-local day."""
        return self.wait(until=datetime.combine(day, time.min, self.definition.time_zone).astimezone(UTC))

    def wait_for_the_end_of(self, day: date) -> Decision:
        """Let time pass until the last instant of a program-local day."""
        midnight = datetime.combine(day + timedelta(days=1), time.min, self.definition.time_zone).astimezone(UTC)
        return self.wait(until=midnight - timedelta(microseconds=1))

    def sell(
        self,
        amount: int = 0,
        *,
        lines: tuple[Line, ...] = (),
        vouchers: tuple[str, ...] = (),
        at: datetime | None = None,
        location: str = "paris",
        pay_with: tuple[tuple[str, int], ...] = (),
    ) -> UUID:
        """A sale; its id."""
        sale = Sale(
            id=next(self._ids),
            occurred_at=at or self.now,
            location=location,
            lines=lines or (Line(sku="", amount=amount),),
            vouchers=vouchers,
            pay_with=pay_with,
        )
        decision = self.do(sale)
        self._sales[sale.id] = RecordedSale(
            id=sale.id,
            occurred_at=sale.occurred_at,
            location=location,
            lines=sale.lines,
            net=decision.net,
            kept=decision.kept,
            paid=decision.paid,
            refunded=0,
            tier=decision.tier,
            definition=self.definition,
            earned=(),
            voucher_ids=tuple(discount.voucher_id for discount in decision.discounts if discount.voucher_id),
            by_units=decision.by_units,
            free=decision.free,
            membership=decision.membership,
        )
        return sale.id

    def asks_for_the_price_of(self, *lines: Line, vouchers: tuple[str, ...] = ()) -> Decision:
        """What a sale would be; nothing of it stays."""
        sale = Sale(
            id=next(self._ids),
            occurred_at=self.now,
            location="paris",
            lines=lines,
            vouchers=vouchers,
            is_quote=True,
        )
        return decide(self.definition, self.state, sale, now=self.now, ids=self._ids)

    def bring_back(
        self, sale_id: UUID, *, amount: int | None = None, lines: tuple[Line, ...] = (), is_worn: bool = False
    ) -> Decision:
        """A return of all, of an amount, or of lines."""
        sale = self.sale(sale_id)
        event = Return(id=next(self._ids), occurred_at=self.now, sale=sale, lines=lines, amount=amount, is_worn=is_worn)
        decision = self.do(event)
        self._sales[sale_id] = replace(sale, kept=decision.kept, refunded=sale.refunded + decision.refund)
        return decision

    def visit(self, *, location: str = "paris") -> Decision:
        """A check-in."""
        return self.do(CheckIn(id=next(self._ids), occurred_at=self.now, location=location))

    def act(self, kind: str, **fields: int | str | bool) -> Decision:
        """An activity with its fields."""
        read = {name: value if isinstance(value, str | bool) else Fraction(value) for name, value in fields.items()}
        return self.do(Activity(id=next(self._ids), occurred_at=self.now, kind=kind, fields=read))

    def redeem(self, reward: str, *, quantity: int = 1) -> Voucher:
        """Exchange units for a reward at once; the voucher."""
        event = Redeem(
            id=(new := next(self._ids)),
            occurred_at=self.now,
            reward=reward,
            quantity=quantity,
            voucher_code=f"V{new.int}",
        )
        decision = self.do(event)
        assert decision.voucher_id is not None
        return decision.after.vouchers[decision.voucher_id]

    def hold(self, reward: str, *, minutes: int = 10) -> UUID:
        """Hold a reward at the till; the redemption's id."""
        event = Hold(
            id=(new := next(self._ids)),
            occurred_at=self.now,
            reward=reward,
            quantity=1,
            voucher_code=f"V{new.int}",
            expires_at=self.now + timedelta(minutes=minutes),
        )
        self.do(event)
        return event.id

    def capture(self, redemption_id: UUID) -> Decision:
        """The till hands the held reward over."""
        return self.do(Capture(redemption_id=redemption_id, occurred_at=self.now))

    def release(self, redemption_id: UUID) -> Decision:
        """The till gives the held units back."""
        return self.do(Release(redemption_id=redemption_id, occurred_at=self.now))

    def adjust(self, amount: int, *, unit: str = "points") -> Decision:
        """A manager adds or takes units."""
        event = Adjust(id=next(self._ids), occurred_at=self.now, unit=unit, amount=amount, reason="goodwill")
        return self.do(event)

    def invite(self, tier: str, *, until: date | None = None) -> Decision:
        """A manager gives a tier by hand."""
        event = Invite(id=next(self._ids), occurred_at=self.now, tier=tier, until=until, reason="a friend of the house")
        return self.do(event)

    def start(self, plan: str) -> Decision:
        """Start a paid plan."""
        return self._plan(PlanAction.START, plan)

    def cancel(self) -> Decision:
        """End the paid plan."""
        return self._plan(PlanAction.CANCEL)

    def pays(self) -> Decision:
        """The payment provider has the money."""
        return self._plan(PlanAction.PAYMENT_SUCCEEDED)

    def fails_to_pay(self) -> Decision:
        """The payment provider did not get the money."""
        return self._plan(PlanAction.PAYMENT_FAILED)

    def _plan(self, action: PlanAction, plan: str | None = None) -> Decision:
        return self.do(PlanEvent(id=next(self._ids), occurred_at=self.now, action=action, plan=plan))

    def verification(self, action: VerificationAction) -> Decision:
        """Apply with a proof; or the shop approves, revokes or renews."""
        return self.do(VerificationEvent(id=next(self._ids), occurred_at=self.now, action=action))

    # ── What has become of it ────────────────────────────────────────────────────────────────────────────────────

    @property
    def balance(self) -> int:
        """Points that can be spent."""
        return self.state.available("points")

    @property
    def membership(self) -> Membership:
        """The paid or verified membership."""
        return self.state.membership

    @property
    def status(self) -> str:
        """Where the membership stands."""
        return self.membership.status.value

    @property
    def tier_until(self) -> date | None:
        """The last day of the tier held."""
        assert self.state.standing is not None
        return self.state.standing.until

    def has(self, unit: str) -> int:
        """Units of a kind that can be spent."""
        return self.state.available(unit)

    def usable_vouchers(self, reward: str) -> list[Voucher]:
        """Vouchers for a reward that can be used today, in the order in which they were issued."""
        today = self.now.astimezone(self.definition.time_zone).date()
        return [each for each in self.state.vouchers.values() if each.reward == reward and each.is_usable(today)]

    @property
    def lots(self) -> list[int]:
        """What is left in each live lot, the oldest first."""
        return [lot.left for lot in self.state.lots.values() if lot.left]

    @property
    def tier(self) -> str | None:
        """The tier held."""
        return self.state.standing.tier if self.state.standing else None

    def sale(self, sale_id: UUID) -> RecordedSale:
        """A sale as the store would give it: with what is left of each of its earns."""
        left: dict[UUID, int] = {}
        for entry in self.entries:
            if entry.reverses is not None:
                left[entry.reverses] = left.get(entry.reverses, 0) + entry.amount
        earned = tuple(
            EarnedEntry(
                entry_id=entry.id,
                rule=entry.rule or "",
                unit=entry.unit,
                left=entry.amount + left.get(entry.id, 0),
                promotions=frozenset(cast("dict[str, str]", entry.why.get("promotions", {}))),
            )
            for entry in self.entries
            if entry.source_id == sale_id and entry.kind is EntryKind.EARN
        )
        spent = tuple(
            self._spent(entry, left.get(entry.id, 0))
            for entry in self.entries
            if entry.source_id == sale_id and entry.kind is EntryKind.REDEEM
        )
        return replace(self._sales[sale_id], earned=earned, spent=spent)

    def _spent(self, entry: Entry, given_back: int) -> SpentEntry:
        back: dict[UUID, int] = {}
        for other in self.entries:
            if other.reverses == entry.id:
                for part in other.takes:
                    back[part.lot_id] = back.get(part.lot_id, 0) + part.amount
        takes = tuple(replace(part, amount=part.amount - back.get(part.lot_id, 0)) for part in entry.takes)
        return SpentEntry(
            entry_id=entry.id, unit=entry.unit, amount=-entry.amount, left=-entry.amount - given_back, takes=takes
        )

    def voucher(self, voucher_id: UUID) -> VoucherStatus:
        """Where a voucher stands."""
        return self.state.vouchers[voucher_id].status

    def redemption(self, redemption_id: UUID) -> RedemptionStatus:
        """Where a redemption stands."""
        return self.state.redemptions[redemption_id].status

    def amounts(self, kind: EntryKind) -> list[int]:
        """The amounts of all entries of a kind."""
        return [entry.amount for entry in self.entries if entry.kind is kind]

    def check_laws(self) -> None:
        """What must hold after every step, whatever happened."""
        for unit in self.definition.units:
            debt = self.state.accounts[unit].debt if unit in self.state.accounts else 0
            left = sum(lot.left for lot in self.state.lots.values() if lot.unit == unit and lot.usable_at is None)
            entered = [entry for entry in self.entries if entry.unit == unit]
            earned = (EntryKind.EARN, EntryKind.BONUS)
            in_all = sum(entry.amount for entry in entered)
            assert self.state.available(unit) == left - debt == in_all - self.state.pending(unit)
            assert debt >= 0
            assert debt == 0 or left == 0, "a debt is repaid before anything is left in a lot"
            assert self.state.lifetime(unit) == sum(
                entry.amount
                for entry in entered
                if entry.kind in earned or (entry.kind is EntryKind.REVERSAL and entry.amount < 0)
            )
        assert all(0 <= lot.left <= lot.amount for lot in self.state.lots.values())
        assert len({entry.id for entry in self.entries}) == len(self.entries)
        self._check_holds()
        self._check_reversals()
        self._check_that_time_is_up_to_date()

    def _check_holds(self) -> None:
        held = {
            item.id: item.amount
            for item in self.state.redemptions.values()
            if item.status is RedemptionStatus.HELD and item.amount
        }
        open_holds: dict[UUID | None, int] = {}
        for entry in self.entries:
            if entry.kind in (EntryKind.HOLD, EntryKind.RELEASE):
                open_holds[entry.source_id] = open_holds.get(entry.source_id, 0) - entry.amount
        assert {key: amount for key, amount in open_holds.items() if amount} == held

    def _check_reversals(self) -> None:
        by_id = {entry.id: entry for entry in self.entries}
        taken: dict[UUID, int] = {}
        for entry in self.entries:
            if entry.reverses is not None:
                taken[entry.reverses] = taken.get(entry.reverses, 0) - entry.amount
        assert all(
            0 < amount <= by_id[entry_id].amount for entry_id, amount in taken.items() if by_id[entry_id].amount > 0
        )
        # What is given back of units that were spent never exceeds them either.
        assert all(
            by_id[entry_id].amount <= amount < 0 for entry_id, amount in taken.items() if by_id[entry_id].amount < 0
        )

    def _check_that_time_is_up_to_date(self) -> None:
        again = decide(self.definition, self.state, TimePasses(occurred_at=self.now), now=self.now, ids=self._ids)
        assert again.entries == ()
        assert again.tier_changes == ()
        assert again.after == self.state
        due = next_due(self.definition, self.state)
        assert due is None or due > self.now
