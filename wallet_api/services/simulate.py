"""Simulating a program: what members did, replayed against a changed definition beside today's, in memory.

`decide` is pure, so a simulation is nothing but `decide` over many states: each member's past is replayed under both
definitions, the figures are added up, the member is forgotten. Nothing is written, and what is kept does not grow with
the number of members.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from wallet_api.domain import calendar
from wallet_api.domain.decision import Decision, Entry, EntryKind, TierChange
from wallet_api.domain.definition import Definition, MoneyOff, Reward, Span
from wallet_api.domain.money import half_up
from wallet_api.domain.state import Voucher, VoucherStatus
from wallet_api.services.pasts import Past, PastReturn, Pasts, PastSale
from wallet_api.services.replay import LeftOut, replay

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class UnitFigures:
    """What became of a unit, in smallest steps: `open` is `earned` less `redeemed`, `expired` and `returned`, plus `adjusted`.

    `owed` is what members hold who are not in debt; `worth` what one smallest step is worth in minor units of money,
    None where nothing gives money for it.
    """

    earned: int
    redeemed: int
    expired: int
    returned: int
    adjusted: int
    open: int
    owed: int
    worth: Fraction | None

    @property
    def liability(self) -> int | None:
        """What is owed, in minor units."""
        return None if self.worth is None else half_up(self.owed * self.worth)

    @property
    def cost(self) -> Fraction:
        """What was earned and not taken back is worth, in minor units."""
        return (self.earned - self.returned) * (self.worth or Fraction())


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a definition makes of the past; money in minor units.

    `vouchers` are open at the end and take `vouchers_worth` off; `taken_off` is what vouchers and member prices took off
    sales; `revenue` what was paid less what returns gave back; `ups` and `downs` are moves between tiers on the way.
    `liabilities` are those at the end of each month (by its first day), of units and vouchers together.
    """

    definition: Definition
    units: Mapping[str, UnitFigures]
    members_by_tier: Mapping[str | None, int]
    ups: int
    downs: int
    vouchers: int
    vouchers_worth: int
    taken_off: int
    revenue: int
    sales: int
    left_out: Mapping[LeftOut, int]
    liabilities: Mapping[date, int]

    @property
    def liability(self) -> int:
        """What members could still take off purchases: by units that are worth money, and by open vouchers."""
        return sum(unit.liability or 0 for unit in self.units.values()) + self.vouchers_worth

    @property
    def cost(self) -> Fraction:
        """The worth of all that was earned and not taken back."""
        return sum((unit.cost for unit in self.units.values()), Fraction())

    @property
    def cost_per_sale(self) -> Fraction | None:
        """The same for each sale, None where there is none."""
        return self.cost / self.sales if self.sales else None

    @property
    def cost_share(self) -> Fraction | None:
        """The same as a share of the revenue, None where there is none."""
        return self.cost / self.revenue if self.revenue > 0 else None


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """The same past under today's definition (None where there is no such) and under the changed one.

    `moves` count the members at the end by the tier they have today and the one that they would have.
    """

    first: date
    last: date
    members: int
    sales: int
    returns: int
    today: Outcome | None
    changed: Outcome
    moves: Mapping[tuple[str | None, str | None], int]


def simulate(
    pasts: Pasts,
    changed: Definition,
    *,
    today: Definition | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Simulation:
    """Replay every member's past under both definitions; `progress` hears how many transactions have been replayed."""
    tallies = [_Tally(definition) for definition in (today, changed) if definition]
    happened, moves, members = Counter[type](), Counter[tuple[str | None, str | None]](), 0
    for past in pasts.members():
        tiers = [tally.member(past, until=pasts.until - MICROSECOND) for tally in tallies]
        moves[tiers[0], tiers[-1]] += 1
        members += 1
        happened.update(map(type, past.happenings))
        progress(happened[PastSale] + happened[PastReturn])
    zone = (today or changed).time_zone
    first, last = (calendar.local_day(at, zone) for at in (pasts.first, pasts.until - MICROSECOND))
    outcomes = [tally.outcome(first=first, last=last) for tally in tallies]
    return Simulation(
        first=first,
        last=last,
        members=members,
        sales=happened[PastSale],
        returns=happened[PastReturn],
        today=outcomes[0] if today else None,
        changed=outcomes[-1],
        moves=moves if today else {},
    )


def worth_of(definition: Definition, unit_id: str) -> Fraction | None:
    """What one smallest step of a unit is worth in minor units of money, at its best; None where it is worth none.

    A unit that pays at the till is worth what it pays; else what a reward takes off, for its price.
    """
    unit = definition.units[unit_id]
    worths = [
        Fraction(reward.gives.amount, reward.price.amount)
        for reward in definition.rewards.values()
        if isinstance(reward.gives, MoneyOff) and reward.price and reward.price.unit == unit_id and reward.price.amount
    ]
    if unit.worth:
        worths.append(Fraction(unit.worth.money, unit.worth.units))
    if unit.converts:
        into = definition.rewards.get(unit.converts.into)
        worths += [Fraction(_money_off(into), unit.converts.every)] if into and _money_off(into) else []
    return max(worths, default=None)


def _money_off(reward: Reward) -> int:
    return reward.gives.amount if isinstance(reward.gives, MoneyOff) else 0


# ── Adding up ──────────────────────────────────────────────────────────────────────────────────────────────────


class _Tally:
    """What all decisions under one definition add up to."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self._left_out = Counter[LeftOut]()
        self._sales = 0
        self._by_kind = Counter[tuple[str, str]]()
        self._open, self._owed = Counter[str](), Counter[str]()
        self._tiers = Counter[str | None]()
        self._ups = self._downs = 0
        self._taken_off = self._revenue = 0
        self._vouchers = self._vouchers_worth = 0
        # By how much a month changed what is owed of a unit, and what open vouchers take off.
        self._owed_change = Counter[tuple[str, date]]()
        self._voucher_change = Counter[date]()
        self._of_member = Counter[tuple[str, date]]()

    def member(self, past: Past, *, until: datetime) -> str | None:
        """Replay a member's past, add it, and forget it; the tier held at the instant `until`."""
        state = replay(self.definition, past, self, until=until)
        self._tiers[state.tier] += 1
        for unit in self.definition.units:
            held = state.available(unit) + state.pending(unit)
            self._open[unit] += held
            self._owed[unit] += max(0, held)
        held_by_unit = Counter[str]()
        for (unit, month), amount in sorted(self._of_member.items()):
            before, held_by_unit[unit] = held_by_unit[unit], held_by_unit[unit] + amount
            self._owed_change[unit, month] += max(0, held_by_unit[unit]) - max(0, before)
        self._of_member.clear()
        return state.tier

    def decided(self, decision: Decision, *, at: datetime) -> None:
        """Add a decision about the member whose turn it is."""
        for entry in decision.entries:
            self._by_kind[entry.unit, _figure(entry)] += entry.amount
            self._of_member[entry.unit, self._month(entry.occurred_at)] += entry.amount
        for change in decision.tier_changes:
            self._move(change)
        self._taken_off += sum(discount.amount for discount in decision.discounts)
        self._revenue += decision.paid - decision.refund
        if decision.after.vouchers is not decision.before.vouchers:
            for voucher in decision.after.vouchers.values():
                self._voucher(decision.before.vouchers.get(voucher.id), voucher, at=at)

    def sold(self) -> None:
        """Count a sale."""
        self._sales += 1

    def left_out(self, what: LeftOut) -> None:
        """Count what the definition does not allow."""
        self._left_out[what] += 1

    def outcome(self, *, first: date, last: date) -> Outcome:
        """The figures, with the months from the one day to the other."""
        worths = {unit: worth_of(self.definition, unit) for unit in self.definition.units}
        return Outcome(
            definition=self.definition,
            units={
                unit: UnitFigures(
                    earned=self._by_kind[unit, "earned"],
                    redeemed=-self._by_kind[unit, "redeemed"],
                    expired=-self._by_kind[unit, "expired"],
                    returned=-self._by_kind[unit, "returned"],
                    adjusted=self._by_kind[unit, "adjusted"],
                    open=self._open[unit],
                    owed=self._owed[unit],
                    worth=worth,
                )
                for unit, worth in worths.items()
            },
            members_by_tier=_in_order(self.definition, self._tiers),
            ups=self._ups,
            downs=self._downs,
            vouchers=self._vouchers,
            vouchers_worth=self._vouchers_worth,
            taken_off=self._taken_off,
            revenue=self._revenue,
            sales=self._sales,
            left_out=self._left_out,
            liabilities=dict(self._liabilities(worths, first=first, last=last)),
        )

    def _move(self, change: TierChange) -> None:
        scheme = self.definition.tiers
        if scheme is None or change.previous is None:
            return
        self._ups += scheme.rank(change.tier) > scheme.rank(change.previous)
        self._downs += scheme.rank(change.tier) < scheme.rank(change.previous)

    def _voucher(self, before: Voucher | None, after: Voucher, *, at: datetime) -> None:
        was, now = _is_open(before), _is_open(after)
        if was == now:
            return
        if now and before is None:
            at = after.issued_at
        elif after.status is VoucherStatus.EXPIRED and after.valid_until:
            at = calendar.end_of(after.valid_until, self.definition.time_zone)
        reward = self.definition.rewards.get(after.reward)
        worth = _money_off(reward) * after.quantity if reward else 0
        sign = 1 if now else -1
        self._vouchers += sign
        self._vouchers_worth += sign * worth
        self._voucher_change[self._month(at)] += sign * worth

    def _liabilities(
        self, worths: Mapping[str, Fraction | None], *, first: date, last: date
    ) -> Iterator[tuple[date, int]]:
        """What was owed at the end of each month, by its first day; what had come before the first one counts too."""
        owed, vouchers = Counter[str](), 0
        for month in _months(min([first, *self._voucher_change, *(month for _, month in self._owed_change)]), last):
            vouchers += self._voucher_change[month]
            for unit in worths:
                owed[unit] += self._owed_change[unit, month]
            if month >= first.replace(day=1):
                units = (half_up(owed[unit] * worth) for unit, worth in worths.items() if worth is not None)
                yield month, sum(units) + vouchers

    def _month(self, at: datetime) -> date:
        return calendar.local_day(at, self.definition.time_zone).replace(day=1)


def _figure(entry: Entry) -> str:
    """Which figure an entry belongs to; what a return gives back of what was paid with was not redeemed after all."""
    match entry.kind:
        case EntryKind.EARN | EntryKind.BONUS:
            return "earned"
        case EntryKind.REDEEM | EntryKind.HOLD | EntryKind.RELEASE:
            return "redeemed"
        case EntryKind.EXPIRE:
            return "expired"
        case EntryKind.REVERSAL:
            return "returned" if entry.amount < 0 else "redeemed"
        case _:
            return "adjusted"


def _is_open(voucher: Voucher | None) -> bool:
    return voucher is not None and voucher.status in {VoucherStatus.ISSUED, VoucherStatus.RESERVED}


def _in_order(definition: Definition, members: Mapping[str | None, int]) -> Mapping[str | None, int]:
    """Members by tier from the lowest to the highest, those that nobody holds too; without tiers, all under None."""
    levels = [level.id for level in definition.tiers.levels] if definition.tiers else []
    others = [tier for tier in members if tier not in levels]
    return {tier: members.get(tier, 0) for tier in (*others, *levels)}


def _months(first: date, last: date) -> Iterator[date]:
    """The first days of the months from one day to another."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = calendar.add(month, Span(months=1))
