"""What a program settles with its partners, and what its members gave to good causes, over some days.

A partner pays for the units that members earn at its locations, and gets as much for those that they spend there. What
members donate is owed to the cause at what the units are worth at the till, where they are worth something.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from wallet_api.domain import calendar
from wallet_api.domain.definition import Definition, Donation, Partner
from wallet_api.domain.money import half_up
from wallet_api.services.app import App
from wallet_api.store import settlement
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class WithPartner:
    """What stands between the program and a partner; units are smallest steps, money is minor units.

    `owes`: what the partner pays the program for what was earned, less what it gets for what was spent; below zero, the
    program pays.
    """

    partner: str
    unit: str
    earned: int
    spent: int
    owes: int


@dataclass(frozen=True, kw_only=True)
class ToCause:
    """What members gave to a cause; `worth` is None where the unit pays for nothing."""

    cause: str
    unit: str
    amount: int
    worth: int | None


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """All of a program's, over program-local days, both included."""

    program: str
    first: date
    last: date
    partners: tuple[WithPartner, ...]
    causes: tuple[ToCause, ...]


def settle(app: App, tx: Tx, program: str, *, first: date, last: date) -> Settlement:
    """Reckon up some days. Raises NotFound for a program that is not there."""
    definition = app.current_definition(tx, program)
    return Settlement(
        program=program,
        first=first,
        last=last,
        partners=tuple(
            _with(tx, definition, partner, first=first, last=last) for partner in definition.partners.values()
        ),
        causes=tuple(_to_causes(tx, definition, first=first, last=last)),
    )


def _with(tx: Tx, definition: Definition, partner: Partner, *, first: date, last: date) -> WithPartner:
    rows = settlement.by_location(
        tx,
        definition.program,
        codes=sorted(partner.locations),
        start=calendar.start_of(first, definition.time_zone),
        end=calendar.end_of(last, definition.time_zone),
    )
    earned = sum(row.earned for row in rows if row.unit == partner.unit)
    spent = sum(row.spent for row in rows if row.unit == partner.unit)
    owes = half_up(Fraction((earned - spent) * partner.pays, partner.per))
    return WithPartner(partner=partner.id, unit=partner.unit, earned=earned, spent=spent, owes=owes)


def _to_causes(tx: Tx, definition: Definition, *, first: date, last: date) -> list[ToCause]:
    causes = {
        reward.id: reward.gives.cause for reward in definition.rewards.values() if isinstance(reward.gives, Donation)
    }
    rows = settlement.by_reward(
        tx,
        definition.program,
        rewards=sorted(causes),
        start=calendar.start_of(first, definition.time_zone),
        end=calendar.end_of(last, definition.time_zone),
    )
    given: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (causes[row.reward], row.unit)
        given[key] = given.get(key, 0) + row.amount
    return [
        ToCause(cause=cause, unit=unit, amount=amount, worth=_worth(definition, unit, amount))
        for (cause, unit), amount in sorted(given.items())
    ]


def _worth(definition: Definition, unit: str, amount: int) -> int | None:
    known = definition.units.get(unit)
    return known.worth.value(amount) if known and known.worth else None
