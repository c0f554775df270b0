"""One member's past under another definition: each event decided again, on what the ones before it left."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from wallet_api.domain import calendar
from wallet_api.domain.decide import decide
from wallet_api.domain.decision import Decision, Entry, EntryKind
from wallet_api.domain.definition import Definition
from wallet_api.domain.errors import Refusal
from wallet_api.domain.events import (
    Adjust,
    EarnedEntry,
    Event,
    Join,
    RecordedSale,
    Redeem,
    Return,
    Sale,
    SpentEntry,
    TimePasses,
)
from wallet_api.domain.state import Membership, MemberState, Take
from wallet_api.services.pasts import Happening, Past, PastMembership, PastReturn, PastSale, UsedVoucher
from wallet_api.store.ids import fresh_ids, new_id


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Something of the past that a definition does not allow: what, of which reward or unit, and why."""

    what: str
    which: str
    why: str


class Witness(Protocol):
    """Who is told of each decision, and of what had to be left out."""

    def decided(self, decision: Decision, *, at: datetime) -> None:
        """An event of this instant was decided."""

    def sold(self) -> None:
        """It was a sale."""

    def left_out(self, what: LeftOut) -> None:
        """The definition does not allow this."""


def replay(definition: Definition, past: Past, witness: Witness, *, until: datetime) -> MemberState:
    """Replay a member's past under a definition; the member as they stand at the instant `until`."""
    member = _Replay(definition, past, witness)
    for event in (Join(id=new_id(), occurred_at=past.joined_at), *past.happenings, TimePasses(occurred_at=until)):
        member.happen(event)
    return member.state


class _Replay:
    """One member under one definition."""

    def __init__(self, definition: Definition, past: Past, witness: Witness) -> None:
        self._definition = definition
        self._witness = witness
        self._ids = fresh_ids()
        self._sales: dict[UUID, RecordedSale] = {}
        self.state = MemberState(
            member_id=past.member_id,
            joined_at=past.joined_at,
            birth_date=past.birth_date,
            standing=None,
            referred_by=past.referred_by,
        )

    def happen(self, happening: Happening | Join | TimePasses) -> None:
        """Let something happen again; what the definition refuses is counted and left out."""
        try:
            match happening:
                case PastSale():
                    self._sell(happening)
                case PastReturn():
                    self._take_back(happening)
                case PastMembership():
                    self._take_membership(happening)
                case Adjust() if happening.unit not in self._definition.units:
                    self._leave_out("adjustment", happening.unit, "There is no such unit.")
                case _:
                    self._post(happening)
        except Refusal as refusal:
            which = happening.reward if isinstance(happening, Redeem) else ""
            self._leave_out(_NAMES[type(happening)], which, refusal.title)

    def _post(self, event: Event) -> Decision:
        decision = decide(self._definition, self.state, event, now=event.occurred_at, ids=self._ids)
        self.state = decision.after
        self._witness.decided(decision, at=event.occurred_at)
        return decision

    def _leave_out(self, what: str, which: str, why: str) -> None:
        self._witness.left_out(LeftOut(what=what, which=which, why=why))

    def _sell(self, past: PastSale) -> None:
        known = tuple(part for part in past.sale.pay_with if part[0] in self._definition.units)
        day = calendar.local_day(past.occurred_at, self._definition.time_zone)
        sale = replace(past.sale, vouchers=tuple(self._codes(past.used, day=day)), pay_with=known)
        for unit, _ in set(past.sale.pay_with) - set(known):
            self._leave_out("payment", unit, "There is no such unit.")
        try:
            decision = self._post(sale)
        except Refusal as refusal:
            if not (sale.vouchers or sale.pay_with):
                raise
            # The sale was made all the same: without what it can no longer be paid with.
            for used in past.used:
                self._leave_out("voucher", used.reward, refusal.title)
            for unit, _ in sale.pay_with:
                self._leave_out("payment", unit, refusal.title)
            sale = replace(sale, vouchers=(), pay_with=())
            decision = self._post(sale)
        self._witness.sold()
        self._sales[sale.id] = _recorded(sale, decision, self._definition)

    def _take_membership(self, past: PastMembership) -> None:
        """Have the membership as it was, so far as the definition knows such a one."""
        plan = past.membership.plan
        if plan is not None and plan not in self._definition.plans:
            self._leave_out("membership", plan, "There is no such plan.")
        elif plan is None and past.membership != Membership() and self._definition.verification is None:
            self._leave_out("membership", "", "The program verifies nobody.")
        else:
            self._post(TimePasses(occurred_at=past.occurred_at))
            self.state = replace(self.state, membership=past.membership)

    def _codes(self, used: tuple[UsedVoucher, ...], *, day: date) -> Iterator[str]:
        """The codes of the vouchers to use: those of the same redemptions, else for the same reward."""
        left = {voucher.code: voucher for voucher in self.state.vouchers.values() if voucher.is_usable(day)}
        for past in used:
            fitting = [voucher for voucher in left.values() if voucher.reward == past.reward]
            fitting.sort(key=lambda voucher: (voucher.redemption_id != past.redemption_id, voucher.id))
            reward = self._definition.rewards.get(past.reward)
            if fitting:
                yield left.pop(fitting[0].code).code
            elif reward and reward.is_gift:
                yield reward.id  # a gift may be used by its id before it is issued
            else:
                self._leave_out("voucher", past.reward, "The member has none in the replay.")

    def _take_back(self, past: PastReturn) -> None:
        sale = self._sales.get(past.sale_id)
        if sale is None:
            self._leave_out("return", "", "Its sale is not among those replayed.")
            return
        event = Return(id=past.id, occurred_at=past.occurred_at, sale=sale, lines=past.lines, amount=past.amount)
        decision = self._post(event)
        self._sales[sale.id] = replace(
            sale,
            kept=decision.kept,
            refunded=sale.refunded + decision.refund,
            earned=tuple(_left_of(earned, decision) for earned in sale.earned),
            spent=tuple(_left_of_spent(spent, decision) for spent in sale.spent),
        )


_NAMES: Mapping[type, str] = defaultdict(
    lambda: "event",
    {PastSale: "sale", PastReturn: "return", Redeem: "redemption", Adjust: "adjustment", Join: "joining"},
)


def _recorded(sale: Sale, decision: Decision, definition: Definition) -> RecordedSale:
    """A sale as a return of it needs it, as `store.transactions.recorded_sale` reads one."""
    entries = [entry for entry in decision.entries if entry.source_id == sale.id]
    return RecordedSale(
        id=sale.id,
        occurred_at=sale.occurred_at,
        location=sale.location,
        lines=sale.lines,
        net=decision.net,
        kept=decision.kept,
        paid=decision.paid,
        refunded=0,
        tier=decision.tier,
        definition=definition,
        earned=tuple(
            EarnedEntry(
                entry_id=entry.id,
                rule=entry.rule or "",
                unit=entry.unit,
                left=entry.amount,
                promotions=_promotions(entry),
            )
            for entry in entries
            if entry.kind in {EntryKind.EARN, EntryKind.BONUS}
        ),
        voucher_ids=tuple(discount.voucher_id for discount in decision.discounts if discount.voucher_id),
        by_units=decision.by_units,
        free=decision.free,
        membership=decision.membership,
        spent=tuple(
            SpentEntry(entry_id=entry.id, unit=entry.unit, amount=-entry.amount, left=-entry.amount, takes=entry.takes)
            for entry in entries
            if entry.kind is EntryKind.REDEEM
        ),
    )


def _promotions(entry: Entry) -> frozenset[str]:
    had = entry.why.get("promotions", {})
    return frozenset(had) if isinstance(had, Mapping) else frozenset()


def _left_of(earned: EarnedEntry, decision: Decision) -> EarnedEntry:
    taken = sum(entry.amount for entry in decision.entries if entry.reverses == earned.entry_id and entry.amount < 0)
    return replace(earned, left=earned.left + taken)


def _left_of_spent(spent: SpentEntry, decision: Decision) -> SpentEntry:
    given = [entry for entry in decision.entries if entry.reverses == spent.entry_id and entry.amount > 0]
    left = Counter[UUID]()
    for take in spent.takes:
        left[take.lot_id] += take.amount
    for take in (take for entry in given for take in entry.takes):
        left[take.lot_id] -= take.amount
    takes = tuple(Take(lot_id=lot_id, amount=amount) for lot_id, amount in left.items() if amount > 0)
    return replace(spent, left=spent.left - sum(entry.amount for entry in given), takes=takes)
