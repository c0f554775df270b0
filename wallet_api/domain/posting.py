"""The working copy of a member's state on which a decision is made up.

A `Posting` lives inside one call of `decide` and is never seen outside: each method posts one thing, keeps the copy
consistent (balance = entries = lots less debt), and `decision()` freezes the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
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
from wallet_api.domain.events import Why
from wallet_api.domain.state import (
    Account,
    Count,
    Lot,
    MemberState,
    Redemption,
    Standing,
    Take,
    Voucher,
)


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

    def decision(
        self,
        *,
        net: tuple[int, ...] = (),
        kept: tuple[Fraction, ...] = (),
        paid: int = 0,
        refund: int = 0,
        tier: str | None = None,
    ) -> Decision:
        """What was decided."""
        return Decision(
            before=self._before,
            after=self.state,
            entries=tuple(self.entries),
            earned=tuple(self.earned),
            tier_changes=tuple(self._tier_changes),
            discounts=tuple(self._discounts),
            notices=tuple(self._notices),
            net=net,
            kept=kept,
            paid=paid,
            refund=refund,
            tier=tier,
        )

    # ── Units ────────────────────────────────────────────────────────────────────────────────────────────────────

    def earn(
        self,
        earned: Earned,
        *,
        at: datetime,
        source_id: UUID,
        kind: EntryKind = EntryKind.EARN,
    ) -> None:
        """Add units in a new lot, less what repays a debt; an earning of nothing is only explained."""
        self.earned.append(earned)
        if earned.amount <= 0:
            return
        day = self._day(at)
        entry = Entry(
            id=next(self._ids),
            unit=earned.unit,
            kind=kind,
            amount=earned.amount,
            occurred_at=at,
            source_id=source_id,
            rule=earned.rule,
            why=earned.why,
        )
        self.entries.append(entry)
        self._put(
            entry,
            expires_at=self._expiry_of_a_lot(earned.unit, day),
            source_id=source_id,
        )
        self._alter(earned.unit, lifetime=earned.amount)
        self._touch(earned.unit, day)
        self.measure(f"earned:{earned.unit}", day, earned.amount)

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
        takes = tuple(lots.take(lots.in_spending_order(self._lots_of(unit)), amount))
        assert sum(take.amount for take in takes) == amount, (takes, amount)
        if amount == 0:
            return takes
        self._take(takes)
        self._enter(unit, kind, -amount, at=at, source_id=source_id, takes=takes, why=why)
        self._touch(unit, self._day(at))
        return takes

    def give_back(self, redemption: Redemption, *, at: datetime) -> None:
        """Put a hold's units back into their own lots, with their old expiry; a debt is repaid out of them first."""
        for part in redemption.takes:
            lot = self.state.lots[part.lot_id]
            repaid = min(self._account(lot.unit).debt, part.amount)
            self._alter(lot.unit, debt=-repaid)
            self._set_lot(replace(lot, left=lot.left + part.amount - repaid))
        self._enter(
            redemption.unit,
            EntryKind.RELEASE,
            redemption.amount,
            at=at,
            source_id=redemption.id,
            takes=redemption.takes,
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
        reverses: UUID,
        of: UUID,
        rule: str,
        why: Why,
    ) -> None:
        """Reverse an earn: out of what is left of the sale's own lots, then of the others, then as a debt."""
        takes = tuple(lots.take(lots.own_first(self._lots_of(unit), of), amount))
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
            entry = self._enter(unit, EntryKind.ADJUST, amount, at=at, source_id=source_id, why=why)
            expires_at = self._expiry_of_a_lot(unit, self._day(at))
            self._put(entry, expires_at=expires_at, source_id=source_id)
        else:
            takes = tuple(lots.take(lots.in_spending_order(self._lots_of(unit)), -amount))
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
        self._touch(unit, self._day(at))

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

    def next_id(self) -> UUID:
        """A fresh id."""
        return next(self._ids)

    def count(self, rule: str, period: str, *, units: int, times: int = 1) -> None:
        """A rule or reward gave something (once) more in a period; negative numbers take a count back."""
        so_far = self.state.counts.get((rule, period), Count())
        counted = Count(times=so_far.times + times, units=so_far.units + units)
        self.state = replace(self.state, counts={**self.state.counts, (rule, period): counted})

    def stand(self, standing: Standing, *, at: datetime, reason: Why) -> None:
        """Change the tier, or its end."""
        previous = self.state.standing.tier if self.state.standing else None
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

    def _account(self, unit: str) -> Account:
        return self.state.accounts.get(unit) or Account(unit=unit)

    def _set_account(self, account: Account) -> None:
        self.state = replace(self.state, accounts={**self.state.accounts, account.unit: account})

    def _alter(self, unit: str, *, debt: int = 0, lifetime: int = 0) -> None:
        account = self._account(unit)
        self._set_account(replace(account, debt=account.debt + debt, lifetime=account.lifetime + lifetime))

    def _put(self, entry: Entry, *, expires_at: datetime | None, source_id: UUID) -> None:
        """Open the lot of an entry that adds units; a debt is repaid out of it first."""
        repaid = min(self._account(entry.unit).debt, entry.amount)
        self._alter(entry.unit, debt=-repaid)
        self._set_lot(
            Lot(
                id=entry.id,
                unit=entry.unit,
                amount=entry.amount,
                left=entry.amount - repaid,
                earned_at=entry.occurred_at,
                expires_at=expires_at,
                source_id=source_id,
            )
        )

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
        )
        self.entries.append(entry)
        return entry

    def _expires(self, unit: str, anchor: ExpiryAnchor) -> Expiry | None:
        expiry = self.definition.units[unit].expires
        return expiry if expiry and expiry.anchor is anchor else None

    def _expiry_of_a_lot(self, unit: str, day: date) -> datetime | None:
        zone = self.definition.time_zone
        if expiry := self._expires(unit, ExpiryAnchor.EARNED):
            is_same_day = expiry.after == Span()
            return (
                calendar.end_of(day, zone) if is_same_day else calendar.start_of(calendar.add(day, expiry.after), zone)
            )
        if expiry := self._expires(unit, ExpiryAnchor.END_OF_YEAR):
            return calendar.start_of(calendar.add(date(day.year + 1, 1, 1), expiry.after), zone)
        return None

    def _touch(self, unit: str, day: date) -> None:
        """Earning and spending keep a balance alive that expires by inactivity."""
        if expiry := self._expires(unit, ExpiryAnchor.LAST_ACTIVITY):
            gone = calendar.start_of(calendar.add(day, expiry.after), self.definition.time_zone)
            account = self._account(unit)
            latest = max(gone, account.expires_at) if account.expires_at else gone
            self._set_account(replace(account, expires_at=latest))
