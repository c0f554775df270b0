"""The working copy of a member's state on which a decision is made up.

A `Posting` lives inside one call of `decide` and is never seen outside: each method posts one thing, keeps the copy
consistent (balance = entries = lots less debt), and `decision()` freezes the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from uuid import UUID

from wallet_api.domain import calendar, lots
from wallet_api.domain.decision import (
    Decision,
    Discount,
    Earned,
    Entry,
    EntryKind,
    Notice,
    TierChange,
)
from wallet_api.domain.definition import Definition, Expiry, ExpiryAnchor, Span
from wallet_api.domain.events import SpentEntry, Why
from wallet_api.domain.money import split
from wallet_api.domain.state import (
    Account,
    Count,
    Lot,
    Membership,
    MemberState,
    Redemption,
    Standing,
    Take,
    Voucher,
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an event answers beside what it posts: the figures of a `Decision` that are the event's own."""

    net: tuple[int, ...] = ()
    kept: tuple[Fraction, ...] = ()
    paid: int = 0
    refund: int = 0
    tier: str | None = None
    membership: str = "none"
    by_units: tuple[int, ...] = ()
    free: tuple[int, ...] = ()
    charge: int | None = None
    shipping: int | None = None
    is_allowed: bool = True
    voucher_id: UUID | None = None


class Posting:
    """Collects what one event does to one member."""

    def __init__(self, definition: Definition, state: MemberState, ids: Iterator[UUID]) -> None:
        self.definition = definition
        self.state = state
        self._before = state
        self._ids = ids
        self.entries: list[Entry] = []
        self.earned: list[Earned] = []
        self._tier_changes: list[TierChange] = []
        self._discounts: list[Discount] = []
        self._notices: list[Notice] = []

    def decision(self, outcome: Outcome) -> Decision:
        """What was decided."""
        return Decision(
            before=self._before,
            after=self.state,
            entries=tuple(self.entries),
            earned=tuple(self.earned),
            tier_changes=tuple(self._tier_changes),
            discounts=tuple(self._discounts),
            notices=tuple(self._notices),
            net=outcome.net,
            kept=outcome.kept,
            paid=outcome.paid,
            refund=outcome.refund,
            tier=outcome.tier,
            membership=outcome.membership,
            by_units=outcome.by_units,
            free=outcome.free,
            charge=outcome.charge,
            shipping=outcome.shipping,
            is_allowed=outcome.is_allowed,
            voucher_id=outcome.voucher_id,
        )

    @property
    def before(self) -> MemberState:
        """The state before the event."""
        return self._before

    # ── Units ────────────────────────────────────────────────────────────────────────────────────────────────────

    def earn(
        self,
        earned: Earned,
        *,
        at: datetime,
        source_id: UUID,
        kind: EntryKind = EntryKind.EARN,
        usable_at: datetime | None = None,
    ) -> None:
        """Add units in a new lot, less what repays a debt; an earning of nothing is only explained.

        `usable_at`: until then they are pending, and repay nothing.
        """
        self.earned.append(earned)
        if earned.amount <= 0:
            return
        day = self._day(at)
        entry = self._open(
            earned.unit,
            kind,
            earned.amount,
            at=at,
            source_id=source_id,
            rule=earned.rule,
            why=earned.why,
            usable_at=usable_at,
        )
        self._alter(earned.unit, lifetime=entry.amount)
        self.touch(earned.unit, day)
        self.measure(f"earned:{earned.unit}", day, earned.amount)
        if usable_at is None:
            self.measure_usable(earned.unit, day, earned.amount)

    def mature(self, lot: Lot) -> None:
        """A pending lot can be used from now on; a debt is repaid out of it first."""
        repaid = min(self._account(lot.unit).debt, lot.left)
        self._alter(lot.unit, debt=-repaid)
        self.measure_usable(lot.unit, self._day(lot.earned_at), lot.left)
        self._set_lot(replace(lot, usable_at=None, left=lot.left - repaid))

    def spend(
        self,
        unit: str,
        amount: int,
        *,
        kind: EntryKind,
        at: datetime,
        source_id: UUID,
        why: Why,
    ) -> tuple[Take, ...]:
        """Take units that the caller has checked to be there: first those that expire first."""
        takes = tuple(lots.take(lots.in_spending_order(self._usable_lots(unit)), amount))
        assert sum(take.amount for take in takes) == amount, (takes, amount)
        if amount == 0:
            return takes
        self._take(takes)
        self._enter(unit, kind, -amount, at=at, source_id=source_id, takes=takes, why=why)
        self.touch(unit, self._day(at))
        return takes

    def give_back(self, redemption: Redemption, *, at: datetime) -> None:
        """Put a hold's units back into their own lots, with their old expiry; a debt is repaid out of them first."""
        self._put_back(redemption.takes, at=at)
        self._enter(
            redemption.unit,
            EntryKind.RELEASE,
            redemption.amount,
            at=at,
            source_id=redemption.id,
            takes=redemption.takes,
        )

    def give_back_spent(self, spent: SpentEntry, amount: int, *, at: datetime, source_id: UUID) -> None:
        """Put units that paid for returned goods back, each lot its share, with their old expiry."""
        parts = split(amount, [part.amount for part in spent.takes])
        takes = tuple(
            Take(lot_id=part.lot_id, amount=back) for part, back in zip(spent.takes, parts, strict=True) if back
        )
        self._put_back(takes, at=at)
        self._enter(
            spent.unit,
            EntryKind.REVERSAL,
            amount,
            at=at,
            source_id=source_id,
            reverses=spent.entry_id,
            takes=takes,
            why={"spent": spent.amount},
        )

    def settle(self, redemption: Redemption, *, at: datetime) -> None:
        """Turn a hold into a redemption: two entries that cancel out, so that each kind of entry adds up."""
        for kind, amount in (
            (EntryKind.RELEASE, redemption.amount),
            (EntryKind.REDEEM, -redemption.amount),
        ):
            self._enter(
                redemption.unit,
                kind,
                amount,
                at=at,
                source_id=redemption.id,
                why={"captured": True},
            )

    def take_back(
        self,
        unit: str,
        amount: int,
        *,
        at: datetime,
        source_id: UUID,
        reverses: UUID | None,
        of: UUID,
        rule: str,
        why: Why,
    ) -> None:
        """Reverse an earn: out of what is left of its own lots, then of the others, then as a debt."""
        within_reach = [lot for lot in self._lots_of(unit) if lot.usable_at is None or lot.source_id == of]
        takes = tuple(lots.take(lots.own_first(within_reach, of), amount))
        self._take(takes)
        missing = amount - sum(part.amount for part in takes)
        self._alter(unit, debt=missing, lifetime=-amount)
        self._enter(
            unit,
            EntryKind.REVERSAL,
            -amount,
            at=at,
            source_id=source_id,
            rule=rule,
            reverses=reverses,
            takes=takes,
            why=why,
        )

    def adjust(self, unit: str, amount: int, *, at: datetime, source_id: UUID, reason: str) -> None:
        """Add or take units by hand; what is not there becomes a debt."""
        why = {"reason": reason}
        if amount > 0:
            self._open(unit, EntryKind.ADJUST, amount, at=at, source_id=source_id, why=why)
        else:
            takes = tuple(lots.take(lots.in_spending_order(self._usable_lots(unit)), -amount))
            self._take(takes)
            self._alter(unit, debt=-amount - sum(part.amount for part in takes))
            self._enter(
                unit,
                EntryKind.ADJUST,
                amount,
                at=at,
                source_id=source_id,
                takes=takes,
                why=why,
            )
        self.touch(unit, self._day(at))

    def expire(self, unit: str, expired: Iterable[Lot], *, at: datetime) -> None:
        """Remove what is left of some lots."""
        takes = tuple(Take(lot_id=lot.id, amount=lot.left) for lot in lots.in_spending_order(expired))
        if takes:
            self._take(takes)
            amount = sum(part.amount for part in takes)
            self._enter(unit, EntryKind.EXPIRE, -amount, at=at, source_id=None, takes=takes)

    def clear_expiry(self, unit: str) -> None:
        """The whole-balance expiry of a unit has been dealt with."""
        self._set_account(replace(self._account(unit), expires_at=None))

    # ── Everything else ──────────────────────────────────────────────────────────────────────────────────────────

    def measure(self, name: str, day: date, amount: int) -> None:
        """Add to a measure's value of a day."""
        if amount:
            days = dict(self.state.measures.get(name, {}))
            days[day] = days.get(day, 0) + amount
            self.state = replace(self.state, measures={**self.state.measures, name: days})

    def measure_usable(self, unit: str, day: date, amount: int) -> None:
        """Add to what became usable, by the day on which it was earned; only where something counts that."""
        if f"usable:{unit}" in self.definition.measured:
            self.measure(f"usable:{unit}", day, amount)

    def next_id(self) -> UUID:
        """A fresh id."""
        return next(self._ids)

    def count(self, rule: str, period: str, *, units: int, times: int = 1) -> None:
        """A rule or reward gave something (once) more in a period; negative numbers take a count back."""
        so_far = self.state.counts.get((rule, period), Count())
        counted = Count(times=so_far.times + times, units=so_far.units + units)
        self.state = replace(self.state, counts={**self.state.counts, (rule, period): counted})

    def stand(self, standing: Standing, *, at: datetime, reason: Why) -> None:
        """Change the tier, or its end; lots are dated anew where expiry depends on the tier."""
        previous = self.state.tier
        self._tier_changes.append(
            TierChange(
                previous=previous,
                tier=standing.tier,
                since=standing.since,
                until=standing.until,
                at=at,
                reason=reason,
            )
        )
        self.state = replace(self.state, standing=standing)
        self._date_lots_anew(previous, standing.tier, day=self._day(at))

    def join(self, membership: Membership) -> None:
        """Change the paid or verified membership."""
        self.state = replace(self.state, membership=membership)

    def settle_until(self, instant: datetime) -> None:
        """Whatever time brings on a schedule has been posted up to this instant."""
        if self.state.settled_at is None or self.state.settled_at < instant:
            self.state = replace(self.state, settled_at=instant)

    def award_badge(self, badge: str, day: date) -> None:
        """The member has earned a badge."""
        self.state = replace(self.state, badges={**self.state.badges, badge: day})

    def take_from_stock(self, reward: str, quantity: int) -> None:
        """So many of a limited reward are gone; negative numbers give them back."""
        if reward in self.state.stock:
            left = self.state.stock[reward] - quantity
            self.state = replace(self.state, stock={**self.state.stock, reward: left})

    def discount(self, discount: Discount) -> None:
        """A voucher lowered the price."""
        self._discounts.append(discount)

    def set_voucher(self, voucher: Voucher) -> None:
        """Issue a voucher or change its status."""
        self.state = replace(self.state, vouchers={**self.state.vouchers, voucher.id: voucher})

    def set_redemption(self, redemption: Redemption) -> None:
        """Record a redemption or change its status."""
        self.state = replace(
            self.state,
            redemptions={**self.state.redemptions, redemption.id: redemption},
        )

    def tell(self, kind: str, **facts: object) -> None:
        """Note something that others learn of after the commit."""
        self._notices.append(Notice(kind=kind, facts=facts))

    def _day(self, at: datetime) -> date:
        return calendar.local_day(at, self.definition.time_zone)

    def _lots_of(self, unit: str) -> list[Lot]:
        return [lot for lot in self.state.lots.values() if lot.unit == unit]

    def _usable_lots(self, unit: str) -> list[Lot]:
        return [lot for lot in self._lots_of(unit) if lot.usable_at is None]

    def _account(self, unit: str) -> Account:
        return self.state.accounts.get(unit) or Account(unit=unit)

    def _set_account(self, account: Account) -> None:
        self.state = replace(self.state, accounts={**self.state.accounts, account.unit: account})

    def _alter(self, unit: str, *, debt: int = 0, lifetime: int = 0) -> None:
        account = self._account(unit)
        self._set_account(replace(account, debt=account.debt + debt, lifetime=account.lifetime + lifetime))

    def _open(
        self,
        unit: str,
        kind: EntryKind,
        amount: int,
        *,
        at: datetime,
        source_id: UUID,
        why: Why,
        rule: str | None = None,
        usable_at: datetime | None = None,
    ) -> Entry:
        """Enter an amount and open its lot; a debt is repaid out of it first, unless it is pending."""
        expires_at = self._expiry_of_a_lot(unit, self._day(at))
        entry = self._enter(
            unit,
            kind,
            amount,
            at=at,
            source_id=source_id,
            rule=rule,
            why=why,
            expires_at=expires_at,
            usable_at=usable_at,
        )
        repaid = 0 if usable_at else min(self._account(unit).debt, amount)
        self._alter(unit, debt=-repaid)
        self._set_lot(
            Lot(
                id=entry.id,
                unit=unit,
                amount=amount,
                left=amount - repaid,
                earned_at=at,
                expires_at=expires_at,
                source_id=source_id,
                usable_at=usable_at,
            )
        )
        return entry

    def _put_back(self, takes: Iterable[Take], *, at: datetime) -> None:
        for part in takes:
            lot = self.state.lots[part.lot_id]
            self._end_if_balance_has_ended(lot.unit, at)
            repaid = min(self._account(lot.unit).debt, part.amount)
            self._alter(lot.unit, debt=-repaid)
            self._set_lot(replace(lot, left=lot.left + part.amount - repaid))

    def _end_if_balance_has_ended(self, unit: str, at: datetime) -> None:
        """What comes back into a balance that inactivity has ended meanwhile, and nothing has begun anew, ends too."""
        expiry = self.definition.units[unit].expires if unit in self.definition.units else None
        if expiry and expiry.anchor is ExpiryAnchor.LAST_ACTIVITY and expiry.applies_to(self.state.tier):
            account = self._account(unit)
            if account.expires_at is None:
                self._set_account(replace(account, expires_at=at))

    def _set_lot(self, lot: Lot) -> None:
        self.state = replace(self.state, lots={**self.state.lots, lot.id: lot})

    def _take(self, takes: Iterable[Take]) -> None:
        for part in takes:
            lot = self.state.lots[part.lot_id]
            self._set_lot(replace(lot, left=lot.left - part.amount))

    def _enter(
        self,
        unit: str,
        kind: EntryKind,
        amount: int,
        *,
        at: datetime,
        source_id: UUID | None,
        rule: str | None = None,
        reverses: UUID | None = None,
        takes: tuple[Take, ...] = (),
        why: Why | None = None,
        expires_at: datetime | None = None,
        usable_at: datetime | None = None,
    ) -> Entry:
        entry = Entry(
            id=next(self._ids),
            unit=unit,
            kind=kind,
            amount=amount,
            occurred_at=at,
            source_id=source_id,
            rule=rule,
            reverses=reverses,
            takes=takes,
            why=why or {},
            expires_at=expires_at,
            usable_at=usable_at,
        )
        self.entries.append(entry)
        return entry

    def touch(self, unit: str, day: date) -> None:
        """Earning, spending and activities keep units alive: a whole balance, or the lots due at the month's end."""
        expiry = self.definition.units[unit].expires
        zone = self.definition.time_zone
        if expiry is None:
            return
        if expiry.anchor is ExpiryAnchor.LAST_ACTIVITY and expiry.applies_to(self.state.tier):
            gone = calendar.start_of(calendar.add(day, expiry.after), zone)
            account = self._account(unit)
            latest = max(gone, account.expires_at) if account.expires_at else gone
            self._set_account(replace(account, expires_at=latest))
        if expiry.extended_by:
            due = calendar.add(day.replace(day=1), Span(months=1))
            later = calendar.start_of(calendar.add(due, expiry.extended_by), zone)
            for lot in self._lots_of(unit):
                if lot.left and lot.expires_at == calendar.start_of(due, zone):
                    self._set_lot(replace(lot, expires_at=later))

    def date_lots_by_the_rules(self, day: date) -> None:
        """Every open lot ends as the rules in force say, from the day on which it was earned; inactivity counts from now."""
        for lot in self.state.lots.values():
            if lot.left and lot.unit in self.definition.units:
                expires_at = self._expiry_of_a_lot(lot.unit, self._day(lot.earned_at))
                if expires_at != lot.expires_at:
                    self._set_lot(replace(lot, expires_at=expires_at))
        for account in self.state.accounts.values():
            unit = self.definition.units.get(account.unit)
            expiry = unit.expires if unit else None
            by_inactivity = expiry is not None and expiry.anchor is ExpiryAnchor.LAST_ACTIVITY
            if account.expires_at and not by_inactivity:
                self.clear_expiry(account.unit)
            elif by_inactivity and account.expires_at is None and self.state.available(account.unit) > 0:
                self.touch(account.unit, day)

    def _expiry_of_a_lot(self, unit: str, day: date) -> datetime | None:
        expiry = self.definition.units[unit].expires
        if expiry is None or not expiry.applies_to(self.state.tier):
            return None
        last_day_gone = _gone_on(expiry, day)
        return calendar.start_of(last_day_gone, self.definition.time_zone) if last_day_gone else None

    def _date_lots_anew(self, previous: str | None, tier: str, *, day: date) -> None:
        for unit in self.definition.units.values():
            expiry = unit.expires
            if expiry is None or expiry.applies_to(previous) is expiry.applies_to(tier):
                continue
            if expiry.anchor is ExpiryAnchor.LAST_ACTIVITY:
                self.clear_expiry(unit.id)
                self.touch(unit.id, day)  # sets an end where the new tier has one
                continue
            expires_at = self._expiry_of_a_lot(unit.id, day)
            for lot in self._lots_of(unit.id):
                if lot.left:
                    self._set_lot(replace(lot, expires_at=expires_at))


def _gone_on(expiry: Expiry, day: date) -> date | None:
    """The day at whose beginning what was earned on a day is gone; None where the whole balance goes at once."""
    match expiry.anchor:
        case ExpiryAnchor.EARNED:
            after = expiry.after if expiry.after != Span() else Span(days=1)  # usable on its own day only
            return calendar.add(day, after)
        case ExpiryAnchor.END_OF_MONTH:
            return calendar.add(calendar.add(day.replace(day=1), Span(months=1)), expiry.after)
        case ExpiryAnchor.END_OF_YEAR:
            return calendar.add(date(day.year + 1, 1, 1), expiry.after)
        case ExpiryAnchor.FIXED_DAY:
            assert expiry.on is not None
            years = expiry.years_after
            last = expiry.on.in_year(day.year + years) if years else expiry.on.on_or_after(day)
            return calendar.add(last, Span(days=1))
        case ExpiryAnchor.LAST_ACTIVITY:
            return None
