"""What a program settles with its partners, and what its members gave to good causes, over some days.

A partner pays for the units that members earn at its locations, and gets as much for those that they spend there. What
members donate is owed to the cause at what the units are worth at the till, where they are worth something. Each day is
reckoned by the rules that were in force on it, so a partner or a cause that the rules no longer know is settled too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from itertools import pairwise
from math import floor

from wallet_api.domain import calendar
from wallet_api.domain.definition import Definition, Donation, Localised, Partner
from wallet_api.domain.money import half_up
from wallet_api.services.app import App
from wallet_api.store import programs, settlement
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class WithPartner:
    """What stands between the program and a partner; units are smallest steps, money is minor units.

    `owes`: what the partner pays the program for what was earned, less what it gets for what was spent, a half cent up;
    below zero, the program pays.
    """

    partner: str
    name: Localised
    unit: str
    earned: int
    spent: int
    owes: int


@dataclass(frozen=True, kw_only=True)
class ToCause:
    """What members gave to a cause, in smallest steps; `worth` in minor units, None where the unit pays for nothing."""

    cause: str
    name: Localised
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
    stretches = _stretches(app, tx, program, first=first, last=last)
    return Settlement(
        program=program,
        first=first,
        last=last,
        partners=tuple(_with_partners(tx, stretches)),
        causes=tuple(_to_causes(tx, stretches)),
    )


@dataclass(frozen=True, kw_only=True)
class _Stretch:
    """A time, `end` no longer in it, in which one version of the rules was in force."""

    definition: Definition
    start: datetime
    end: datetime


def _stretches(app: App, tx: Tx, program: str, *, first: date, last: date) -> list[_Stretch]:
    zone = app.current_definition(tx, program).time_zone
    start, end = calendar.start_of(first, zone), calendar.end_of(last, zone)
    versions = programs.versions(tx, program)
    latest = max(version for version, _ in versions)
    changes = sorted({since for _, since in versions if start < since < end})
    return [
        _Stretch(
            definition=app.definition(tx, program, app.version_at(tx, program, latest, at=since)),
            start=since,
            end=until,
        )
        for since, until in pairwise([start, *changes, end])
    ]


def _with_partners(tx: Tx, stretches: Sequence[_Stretch]) -> list[WithPartner]:
    """Of several terms that a partner has had, each for its own time; a half cent is rounded once."""
    found: dict[tuple[str, str], WithPartner] = {}
    exact: dict[tuple[str, str], Fraction] = {}
    for stretch in stretches:
        for partner in stretch.definition.partners.values():
            key = (partner.id, partner.unit)
            before = found.get(key)
            earned, spent = _there(tx, stretch, partner)
            exact[key] = exact.get(key, Fraction(0)) + Fraction((earned - spent) * partner.pays, partner.per)
            found[key] = WithPartner(
                partner=partner.id,
                name=partner.name,
                unit=partner.unit,
                earned=earned + (before.earned if before else 0),
                spent=spent + (before.spent if before else 0),
                owes=half_up(exact[key]),
            )
    return list(found.values())


def _there(tx: Tx, stretch: _Stretch, partner: Partner) -> tuple[int, int]:
    """What was earned and spent at a partner's locations, in its unit."""
    definition = stretch.definition
    rows = settlement.by_location(
        tx,
        definition.program,
        codes=partner.locations,
        start=stretch.start,
        end=stretch.end,
        at_once={reward.id for reward in definition.rewards.values() if not reward.has_voucher},
        credits_of_periods={credit.id for credit in definition.credits},
    )
    return next(((row.earned, row.spent) for row in rows if row.unit == partner.unit), (0, 0))


def _to_causes(tx: Tx, stretches: Sequence[_Stretch]) -> list[ToCause]:
    given: dict[tuple[str, str], ToCause] = {}
    exact: dict[tuple[str, str], Fraction] = {}
    for stretch in stretches:
        definition = stretch.definition
        cause_of = {
            reward.id: reward.gives.cause
            for reward in definition.rewards.values()
            if isinstance(reward.gives, Donation)
        }
        for row in settlement.by_reward(tx, definition.program, rewards=cause_of, start=stretch.start, end=stretch.end):
            key = (cause_of[row.reward], row.unit)
            before = given.get(key)
            unit = definition.units.get(row.unit)
            if unit and unit.worth:
                exact[key] = exact.get(key, Fraction(0)) + Fraction(row.amount * unit.worth.money, unit.worth.units)
            given[key] = ToCause(
                cause=cause_of[row.reward],
                name=definition.causes[cause_of[row.reward]],
                unit=row.unit,
                amount=row.amount + (before.amount if before else 0),
                worth=floor(exact[key]) if key in exact else None,
            )
    return [each for _, each in sorted(given.items())]
