"""A member as they stood at an instant of the past: what Carnet answered then, from what had been recorded by then.

Entries, transactions, and the logs of tiers, memberships and dates of lots are never changed, so the past is worked out
from them and not kept a second time. What time had brought by then without anybody writing it down is reckoned in, by
the definition that was in force.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain import calendar, errors
from wallet_api.domain.decide import decide
from wallet_api.domain.decision import EntryKind
from wallet_api.domain.definition import Definition, ExpiryAnchor, Period
from wallet_api.domain.events import NewRules, TimePasses
from wallet_api.domain.gifts import YEARLY
from wallet_api.domain.redeeming import limit_key
from wallet_api.domain.replay import Replayed
from wallet_api.domain.state import (
    Account,
    Count,
    Lot,
    MemberState,
    Redemption,
    RedemptionStatus,
    Standing,
    Take,
)
from wallet_api.services import recount
from wallet_api.services.app import App
from wallet_api.services.load_member import Loaded
from wallet_api.services.recount import DefinitionOf
from wallet_api.store import ledger, locks, memberships, programs
from wallet_api.store.ids import fresh_ids
from wallet_api.store.ledger import Ledger, Rows
from wallet_api.store.session import Tx

ONE_DAY = timedelta(days=1)
_LOGS = ("entries", "transactions", "check_ins", "activities", "redemptions", "tier_changes", "membership_changes")
_ADDING = (EntryKind.EARN, EntryKind.BONUS)
_CLOSED = (RedemptionStatus.RELEASED, RedemptionStatus.EXPIRED)

Counts = Counter[tuple[str, str]]


def as_of(app: App, tx: Tx, member_id: UUID, *, at: datetime) -> Loaded:
    """A member as they stood: balances, lots, tier and membership (vouchers and badges are not gone back for).

    Name, language and birthday are today's. Raises NotFound before the person was a member, InTheFuture.
    """
    now = app.clock.now()
    if at > now:
        raise errors.InTheFuture(occurred_at=at, now=now)
    known = ledger.of_member(tx, member_id)
    if known is None or known.member.joined_at > at:
        raise errors.NotFound(what="member")
    past = _Past.of(app, tx, _recorded_by(known, at), at=at)
    state = past.state(held=_held(tx, past.one))
    old = past.definition_then
    for definition, since in past.changes:
        # As `load_member` does for a member whom nobody has carried over into new rules yet.
        settled = decide(old, state, TimePasses(occurred_at=since), now=since, ids=fresh_ids())
        state = decide(definition, settled.after, NewRules(occurred_at=since), now=since, ids=fresh_ids()).after
        old = definition
    decision = decide(past.definition, state, TimePasses(occurred_at=at), now=at, ids=fresh_ids())
    return Loaded(row=locks.member_unlocked(tx, member_id), definition=past.definition, state=decision.after)


def _recorded_by(one: Ledger, at: datetime) -> Ledger:
    """What had been recorded by an instant; who had been merged into the member by then."""
    logs: dict[str, Any] = {name: [row for row in getattr(one, name) if row.recorded_at <= at] for name in _LOGS}
    former = tuple(_recorded_by(each, at) for each in one.former if _came_last(one, each).settled_at <= at)
    return replace(one, **logs, former=former)


def _came_last(one: Ledger, former: Ledger) -> Row[Any]:
    """Whose merge brought a former self to the member: their own, or that of whom they had been merged into before.

    Nothing is written on a member after they were merged: they are settled up to that moment.
    """
    members = {each.member.id: each.member for each in one.former}
    came = former.member
    while came.merged_first_into != one.member.id:
        came = members[came.merged_first_into]
    return came


def _held(tx: Tx, one: Ledger) -> dict[UUID, Redemption]:
    """The redemptions that were held: their units had been taken, and neither given back nor captured."""
    held = {row.source_id for row in one.entries if row.kind == EntryKind.HOLD}
    held -= {row.source_id for row in one.entries if row.kind == EntryKind.RELEASE}
    return {row.id: _redemption(row) for row in ledger.redemptions(tx, held)}


def _redemption(row: Row[Any]) -> Redemption:
    return Redemption(
        id=row.id,
        reward=row.reward,
        quantity=row.quantity,
        unit=row.unit,
        amount=row.amount,
        takes=tuple(Take(lot_id=UUID(take["lot_id"]), amount=take["amount"]) for take in row.takes),
        status=RedemptionStatus.HELD,
        made_at=row.made_at,
        hold_expires_at=row.hold_expires_at,
    )


@dataclass(frozen=True, kw_only=True)
class _Past:
    """What was on record of a member at an instant, and the rules that were in force.

    `definition_then`: the rules of the last decision; `changes`: those that came into force after it, and when.
    """

    one: Ledger
    definition: Definition
    definition_then: Definition
    changes: Sequence[tuple[Definition, datetime]]
    definition_of: DefinitionOf
    at: datetime

    @classmethod
    def of(cls, app: App, tx: Tx, one: Ledger, *, at: datetime) -> _Past:
        """The past with its definitions."""
        program = one.member.program_id
        latest = programs.latest_version(tx, program)
        assert latest is not None
        version = app.version_at(tx, program, latest, at=at)
        then = app.version_at(tx, program, latest, at=_settled_at(one, at))
        return cls(
            one=one,
            definition=app.definition(tx, program, version),
            definition_then=app.definition(tx, program, then),
            changes=[
                (app.definition(tx, program, each), since)
                for each, since in app.changes_of_rules(tx, program, settled=then, latest=version)
            ],
            definition_of=lambda wanted: app.definition(tx, program, wanted),
            at=at,
        )

    def state(self, *, held: Mapping[UUID, Redemption]) -> MemberState:
        """The member as the last decision had left them."""
        one, settled = self.one, _settled_at(self.one, self.at)
        results = {each.member.id: recount.replayed(each, until=settled) for each in one.selves}
        mine = results[one.member.id]
        return MemberState(
            member_id=one.member.id,
            joined_at=one.member.joined_at,
            birth_date=one.member.birth_date,
            standing=self.standing,
            accounts=self.accounts(results, settled=settled),
            lots={lot.id: lot for lot in self.lots(mine, held)},
            measures=self.measures(results),
            counts=self.counts(held),
            redemptions=held,
            settled_at=settled,
            membership=memberships.of_json(_last(one.membership_changes).get("membership")),
            referred_by=one.member.referred_by,
        )

    @property
    def standing(self) -> Standing | None:
        """The tier that the last change had led to."""
        change = _last(self.one.tier_changes)
        names = ("tier", "since", "until", "counted_from", "uncounted", "floor", "floor_until")
        return Standing(**{name: change[name] for name in names}) if change else None

    def accounts(self, results: Mapping[UUID, Replayed], *, settled: datetime) -> dict[str, Account]:
        """Debts of the member's own; what had ever been earned, by former selves too."""
        mine, lifetimes = results[self.one.member.id], Counter[str]()
        has_left = self.one.member.merged_into is not None and self.one.member.settled_at <= self.at
        for result in () if has_left else results.values():
            lifetimes.update(result.lifetimes)
        return {
            unit: Account(
                unit=unit,
                debt=mine.debts.get(unit, 0),
                lifetime=lifetimes[unit],
                expires_at=self.end_by_inactivity(unit, settled=settled),
            )
            for unit in {*mine.debts, *lifetimes, *(row.unit for row in self.one.entries)}
        }

    def end_by_inactivity(self, unit_id: str, *, settled: datetime) -> datetime | None:
        """When the whole balance was to go, in units that expire by inactivity."""
        unit, zone = self.definition_then.units.get(unit_id), self.definition_then.time_zone
        expiry = unit.expires if unit else None
        if expiry is None or expiry.anchor is not ExpiryAnchor.LAST_ACTIVITY:
            return None
        days = (calendar.local_day(at, zone) for each in self.one.selves for at in _touches(each, unit_id))
        last = max(days, default=None)
        end = calendar.start_of(calendar.add(last, expiry.after), zone) if last else None
        return end if end and end > settled else None  # else it had gone by then

    def lots(self, result: Replayed, held: Mapping[UUID, Redemption]) -> Iterator[Lot]:
        """The lots that something was left in or held out of, with their end at that time."""
        wanted = {lot_id for lot_id, left in result.lots.items() if left}
        wanted |= {take.lot_id for redemption in held.values() for take in redemption.takes}
        opened = {row.id: row for each in self.one.selves for row in each.entries}
        for row in self.one.lots:
            if row.id not in wanted:
                continue
            entry = opened.get(row.id)
            yield Lot(
                id=row.id,
                unit=row.unit,
                amount=row.amount,
                left=result.lots.get(row.id, 0),
                earned_at=row.earned_at,
                expires_at=self.end_of_lot(row),
                source_id=row.source_id,
                usable_at=entry.usable_at if entry and row.id in result.pending else None,
            )

    def end_of_lot(self, lot: Row[Any]) -> datetime | None:
        """When a lot was to expire: as it had been moved last by then, or before it was moved for the first time."""
        moves = [row for row in self.one.lot_dates if row.lot_id == lot.id]
        done = [row for row in moves if row.recorded_at <= self.at]
        end: datetime | None = lot.expires_at
        if done:
            end = done[-1].expires_at
        elif moves:
            end = moves[0].previous
        return end

    def measures(self, results: Mapping[UUID, Replayed]) -> dict[str, dict[date, int]]:
        """The day measures, counted again: what either of the definitions looks at."""
        by_name: defaultdict[str, dict[date, int]] = defaultdict(dict)
        for definition in (self.definition_then, *(each for each, _ in self.changes)):
            for (name, day), value in recount.measures(self.one, self.definition_of, results, now=definition).items():
                by_name[name][day] = value
        return dict(by_name)

    # ── Counts ───────────────────────────────────────────────────────────────────────────────────────────────────

    def counts(self, held: Mapping[UUID, Redemption]) -> dict[tuple[str, str], Count]:
        """What time looks at before it gives something: credits, gifts, limits and windows; the rest only events need."""
        times, units = Counts(), Counts()
        rows = [row for each in self.one.selves for row in each.entries]
        redemptions = [
            row for each in self.one.selves for row in each.redemptions if row.status not in _CLOSED or row.id in held
        ]
        self._count_credits(rows, units)
        self._count_gifts(rows, redemptions, times)
        self._count_limits(redemptions, times, units)
        self._count_windows(redemptions, times, units)
        self._count_challenges(times)
        return {key: Count(times=times[key], units=units[key]) for key in {*times, *units}}

    def _count_challenges(self, times: Counts) -> None:
        """Whatever had been won by then was won by an event and is on record; time alone wins nothing."""
        for challenge in (*self.definition_then.challenges, *self.definition.challenges):
            for at in (_settled_at(self.one, self.at), self.at):
                times[f"challenge:{challenge.id}", calendar.period_key(challenge.per, self._day(at))] = 1

    def _count_credits(self, rows: Rows, units: Counts) -> None:
        measures = {credit.id: credit.measure for credit in self.definition_then.credits}
        for row in rows:
            if (credit := row.why.get("credit")) in measures:
                year = row.why["period"].rpartition("..")[2][:4]
                units[measures[credit], year] += row.amount

    def _count_gifts(self, rows: Rows, redemptions: Rows, times: Counts) -> None:
        for gift in self.definition_then.gifts:
            once = Period.YEAR if gift.occasion in YEARLY else Period.LIFETIME
            given = [row.occurred_at for row in rows if row.rule == gift.id and "occasion" in row.why]
            if gift.units is None:
                given = [row.made_at for row in redemptions if row.reward == gift.reward]
            for at in given:
                times[f"gift:{gift.id}", calendar.period_key(once, self._day(at))] += 1

    def _count_limits(self, redemptions: Rows, times: Counts, units: Counts) -> None:
        for row in redemptions:
            reward = self.definition_then.rewards.get(row.reward)
            for limit in reward.limits if reward else ():
                assert reward is not None
                key = limit_key(reward, limit, self._day(row.made_at))
                times[key] += row.quantity
                units[key] += row.amount

    def _count_windows(self, redemptions: Rows, times: Counts, units: Counts) -> None:
        for unit in self.definition_then.units.values():
            conversion = unit.converts
            if conversion is None or not conversion.windows:
                continue
            for row in redemptions:
                day = self._day(row.made_at)
                if row.reward != conversion.into or row.unit != unit.id or not self._is_start_of(day, row.made_at):
                    continue
                if any(window.end_after(day - ONE_DAY) == day for window in conversion.windows):
                    key = (f"convert:{unit.id}", f"{(day - ONE_DAY).year}")
                    times[key] += 1
                    units[key] += row.quantity

    def _day(self, at: datetime) -> date:
        return calendar.local_day(at, self.definition_then.time_zone)

    def _is_start_of(self, day: date, at: datetime) -> bool:
        return at == calendar.start_of(day, self.definition_then.time_zone)


def _settled_at(one: Ledger, at: datetime) -> datetime:
    """When the last decision was made by an instant: all that time brings was written then.

    One that wrote none of these rows changed nothing that would come out otherwise if it is reckoned once more.
    """
    recorded = (row.recorded_at for name in _LOGS for row in getattr(one, name))
    moved = (row.recorded_at for row in one.lot_dates if row.recorded_at <= at)
    merged = (each.member.settled_at for each in one.former)
    instants: list[datetime] = [one.member.joined_at, *recorded, *moved, *merged]
    return max(instants)


def _touches(one: Ledger, unit: str) -> Iterable[datetime]:
    """When earning, spending or an adjustment kept a balance alive."""
    for row in one.entries:
        is_spending = row.kind == EntryKind.HOLD or (row.kind == EntryKind.REDEEM and row.takes)
        is_by_hand = row.kind == EntryKind.ADJUST and "merged_from" not in row.why and "merged_into" not in row.why
        if row.unit == unit and (row.kind in _ADDING or is_spending or is_by_hand):
            yield row.occurred_at


def _last(rows: Rows) -> Mapping[str, Any]:
    """The last row's columns; nothing where there is none."""
    return dict(rows[-1]._mapping) if rows else {}
