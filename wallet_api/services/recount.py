"""Counting again what is kept as figures: the day measures that everything on record of a member adds up to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from math import floor
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain import calendar, crediting
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import Credit, Definition
from wallet_api.domain.earning import Basket, Scene
from wallet_api.domain.replay import Replayed, replay
from wallet_api.store import ledger, transactions
from wallet_api.store.ledger import Ledger
from wallet_api.store.session import Tx

DefinitionOf: TypeAlias = Callable[[int], Definition]
"""A version of the member's program's definition."""

Measures: TypeAlias = Counter[tuple[str, date]]
"""The value of each measure on each program-local day."""


def replayed(one: Ledger, *, until: datetime | None = None) -> Replayed:
    """What the member's own entries lead to, by when the member was last brought up to date, or by an instant."""
    return replay(
        map(ledger.entry_of, one.entries),
        until=until or one.member.settled_at,
        recorded_at={row.id: row.recorded_at for row in one.entries},
    )


def is_on_record(credit: Credit) -> bool:
    """Whether a purchase's record tells if it counts; of what else the member had done by then, it does not."""
    where = credit.where
    return not (where.first_ever or where.first_in_month or where.segments or where.birthday_month)


def complete(tx: Tx, member_ids: Sequence[UUID], definition_of: DefinitionOf, *, version: int) -> None:
    """Add the measures that a version is the first to look at, out of the whole past of locked members of a program."""
    now = definition_of(version)
    wanted = {credit.measure for credit in now.credits}
    wanted |= {measure for measure in now.measured if measure.startswith("usable:")}
    if not wanted:
        return
    added: dict[tuple[UUID, str, date], int] = {}
    for one in ledger.of_members(tx, member_ids):
        missing = wanted - {row.measure for row in one.measures}
        if missing:
            results = {each.member.id: replayed(each) for each in one.selves}
            found = measures(one, definition_of, results, now=now)
            added |= {(one.member.id, *key): value for key, value in found.items() if key[0] in missing}
    if added:
        ledger.add_measures(tx, added)


def measures(
    one: Ledger, definition_of: DefinitionOf, results: Mapping[UUID, Replayed], *, now: Definition
) -> Measures:
    """What sales, visits, activities and entries say, those of former selves too.

    `results`: what the entries of each of the selves lead to, by the member's id; `now`: the definition in force.
    """
    found: Measures = Counter()
    for sale in _sales(one):
        _add_sale(found, sale, one, definition_of, now=now)
    for each in one.selves:
        for visit in each.check_ins:
            found["visits", calendar.local_day(visit.occurred_at, now.time_zone)] += 1
        for done in each.activities:
            found[f"activity:{done.kind}", calendar.local_day(done.occurred_at, now.time_zone)] += 1
    _add_earned(found, one, definition_of)
    _add_usable(found, one, now, results)
    return Counter({key: value for key, value in found.items() if value})


@dataclass(frozen=True, kw_only=True)
class _Sale:
    """A recorded sale, and what each of its returns left of it, in their order."""

    row: Row[Any]
    returns: Sequence[tuple[int, list[Fraction]]]
    """The version of the definition at the return, and the part of each line that it left."""


def _sales(one: Ledger) -> Iterator[_Sale]:
    rows = [row for each in one.selves for row in each.transactions]
    returns: defaultdict[UUID, list[tuple[int, list[Fraction]]]] = defaultdict(list)
    for row in rows:
        if row.type == "return":
            returns[row.sale_id].append((row.definition_version, [Fraction(part) for part in row.kept]))
    for row in rows:
        if row.type == "sale":
            # Each return leaves less of every line than the one before; ids do not tell their order.
            yield _Sale(row=row, returns=sorted(returns[row.id], key=lambda back: -sum(back[1])))


def _add_sale(found: Measures, sale: _Sale, one: Ledger, definition_of: DefinitionOf, *, now: Definition) -> None:
    definition = definition_of(sale.row.definition_version)
    day = calendar.local_day(sale.row.occurred_at, definition.time_zone)
    scene = Scene(
        day=day,
        tier=sale.row.tier,
        location=sale.row.location,
        birth_date=one.member.birth_date,
        membership=sale.row.membership,
        partner=definition.partner_at(sale.row.location),
        segments=frozenset(definition.segments),
    )
    before = _basket(sale, [Fraction(part) for part in sale.row.kept])
    for credit in _credits(definition, now):
        found[credit.measure, day] += floor(crediting.counted(credit, before, scene))
    for version, kept in sale.returns:
        rest = _basket(sale, kept)
        for credit in _credits(definition_of(version), now):
            had, stays = crediting.counted(credit, before, scene), crediting.counted(credit, rest, scene)
            found[credit.measure, day] += floor(stays) - floor(had)
        before = rest
    if scene.partner is None:
        found["spend", day] += floor(before.merchandise)
        found["orders", day] += 1 if any(before.kept) else 0


def _credits(then: Definition, now: Definition) -> list[Credit]:
    """The credits of a purchase's time, and those that have come since: these count what was bought before, too."""
    had = {credit.id for credit in then.credits}
    return [*then.credits, *(credit for credit in now.credits if credit.id not in had)]


def _basket(sale: _Sale, kept: Sequence[Fraction]) -> Basket:
    return Basket(
        lines=[transactions.line_of(line) for line in sale.row.lines],
        net=sale.row.net,
        kept=kept,
        by_units=sale.row.by_units,
        free=sale.row.free,
    )


def _add_earned(found: Measures, one: Ledger, definition_of: DefinitionOf) -> None:
    """What was earned, and what was taken back: on the day of the earning, or on the day of the return."""
    rows = {row.id: row for each in one.selves for row in each.entries}
    for row in rows.values():
        if row.kind not in (EntryKind.EARN, EntryKind.BONUS) and not (
            row.kind == EntryKind.REVERSAL and row.amount < 0
        ):
            continue
        definition = definition_of(row.definition_version)
        unit = definition.units.get(row.unit)
        is_on_its_own_day = row.reverses is None or (unit is not None and unit.taken_back_on_return_day)
        counted = row if is_on_its_own_day else rows.get(row.reverses, row)
        zone = definition_of(counted.definition_version).time_zone
        found[f"earned:{row.unit}", calendar.local_day(counted.occurred_at, zone)] += row.amount


def _add_usable(found: Measures, one: Ledger, definition: Definition, results: Mapping[UUID, Replayed]) -> None:
    """What became usable, by the day on which it was earned, where something counts that."""
    lots = {row.id: row for each in one.selves for row in each.lots}
    for each in one.selves:
        entries = {row.id: row for row in each.entries}
        for entry_id, amount in results[each.member.id].usable.items():
            origin = lots.get(entry_id) or entries.get(entry_id)
            if origin is not None and f"usable:{origin.unit}" in definition.measured:
                at = lots[entry_id].earned_at if entry_id in lots else entries[entry_id].occurred_at
                found[f"usable:{origin.unit}", calendar.local_day(at, definition.time_zone)] += amount
