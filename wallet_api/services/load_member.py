"""Loading a member for a decision, and posting one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from wallet_api.domain import calendar, errors
from wallet_api.domain.decide import decide
from wallet_api.domain.decision import Decision
from wallet_api.domain.definition import Definition, Period
from wallet_api.domain.due import next_due
from wallet_api.domain.events import Event, NewRules, TimePasses
from wallet_api.domain.state import MemberState
from wallet_api.services import recount
from wallet_api.services.app import App, measures_since
from wallet_api.store import decisions, locks, member_state
from wallet_api.store.decisions import Write
from wallet_api.store.ids import fresh_ids
from wallet_api.store.locks import MemberRow
from wallet_api.store.member_state import Asked
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A member with the rules in force and the state that they need."""

    row: MemberRow
    definition: Definition
    state: MemberState


def locked(
    app: App,
    tx: Tx,
    member_id: UUID,
    *,
    at: datetime,
    now: datetime,
    and_at: Sequence[datetime] = (),
    also: Sequence[UUID] = (),
    rewards: Sequence[str] = (),
) -> Loaded:
    """Lock a member and load what events at `at` (and_at) need; with these vouchers, redemptions and sales (`also`).

    `rewards` are those to be redeemed: of one that is limited, what is left is locked too. Where new rules have come
    into force since the member was settled last, what they have is carried over first.
    """
    row = app.in_force(tx, locks.member(tx, member_id), at=now)
    (row,) = _carried_over(app, tx, [row], now=now)
    definition = app.definition(tx, row.program_id, row.version, revision=row.revision)
    locks.stock(tx, row.program_id, [reward for reward in rewards if reward in _limited(definition)])
    return load(app, tx, row, moments=[at, *and_at], now=now, also=also)


def post_time(app: App, tx: Tx, member_ids: Sequence[UUID], *, now: datetime) -> None:
    """Write what time has brought to members whom the caller has locked, carried over into the rules in force first."""
    rows = _carried_over(app, tx, _claimed(app, tx, member_ids, now=now), now=now)
    _post(app, tx, rows, lambda _: TimePasses(occurred_at=now), at=now, now=now)


def post_to_each(
    app: App, tx: Tx, member_ids: Sequence[UUID], event: Callable[[UUID], Event], *, now: datetime, quiet: bool = False
) -> dict[UUID, Decision]:
    """Decide and write an event of now for each of these members, whom the caller has locked.

    Of a reward that is limited each decision sees what was left before the batch: give such ones one by one.
    """
    rows = _carried_over(app, tx, _claimed(app, tx, member_ids, now=now), now=now)
    return _post(app, tx, rows, event, at=now, now=now, quiet=quiet)


def as_of_now(app: App, tx: Tx, member_id: UUID, *, now: datetime) -> Loaded:
    """A member as they stand now, without locking or writing: what time has brought is reckoned in."""
    row = app.in_force(tx, locks.member_unlocked(tx, member_id), at=now)
    loaded = load(app, tx, row, moments=[now, *(since for _, since in _changes(app, tx, row))], now=now)
    decision = decide(
        loaded.definition,
        _as_if_carried_over(app, tx, loaded),
        TimePasses(occurred_at=now),
        now=now,
        ids=fresh_ids(),
    )
    return Loaded(row=loaded.row, definition=loaded.definition, state=decision.after)


def up_to_date(app: App, tx: Tx, member_id: UUID, *, now: datetime) -> Loaded:
    """A member with what time has brought written down, so that their lists tell of it; locks only where there is any."""
    row = app.in_force(tx, locks.member_unlocked(tx, member_id), at=now)
    if row.settled_version == row.version:
        loaded = load(app, tx, row, moments=[now], now=now)
        due = next_due(loaded.definition, loaded.state)
        if due is None or due > now:
            return loaded
    member = locked(app, tx, member_id, at=now, now=now)
    decision = post(tx, member, TimePasses(occurred_at=now), now=now)
    return Loaded(row=member.row, definition=member.definition, state=decision.after)


def post(
    tx: Tx,
    member: Loaded,
    event: Event,
    *,
    now: datetime,
    key_id: UUID | None = None,
    quiet: bool = False,
) -> Decision:
    """Decide what an event does to a locked member, and write it."""
    decision = decide(member.definition, member.state, event, now=now, ids=fresh_ids())
    decisions.write(tx, member.row, member.definition, decision, now=now, key_id=key_id, quiet=quiet)
    return decision


def load(
    app: App,
    tx: Tx,
    row: MemberRow,
    *,
    moments: Sequence[datetime],
    now: datetime,
    also: Sequence[UUID] = (),
) -> Loaded:
    """What events at these moments need to know of a member whose row has been read (and locked, to write)."""
    return load_all(app, tx, [row], moments=moments, now=now, also=also)[0]


def load_all(
    app: App,
    tx: Tx,
    rows: Sequence[MemberRow],
    *,
    moments: Sequence[datetime],
    now: datetime,
    also: Sequence[UUID] = (),
) -> list[Loaded]:
    """The same for some members, in their order."""
    definitions = [app.definition(tx, row.program_id, row.version, revision=row.revision) for row in rows]
    asked = [
        _asked(app, tx, row, definition, moments=moments, now=now, also=also)
        for row, definition in zip(rows, definitions, strict=True)
    ]
    return [
        Loaded(row=row, definition=definition, state=state)
        for row, definition, state in zip(rows, definitions, member_state.load_all(tx, asked), strict=True)
    ]


def _asked(
    app: App,
    tx: Tx,
    row: MemberRow,
    definition: Definition,
    *,
    moments: Sequence[datetime],
    now: datetime,
    also: Sequence[UUID],
) -> Asked:
    definitions = [definition]
    if row.settled_version != row.version:
        definitions += [
            _rules(app, tx, row, version) for version in (row.settled_version, *dict(_changes(app, tx, row)))
        ]
    zone = definition.time_zone
    today, settled = calendar.local_day(now, zone), calendar.local_day(min(row.settled_at, now), zone)
    days = {calendar.local_day(moment, zone) for moment in moments}
    return Asked(
        member=row,
        since=min(
            measures_since(
                each,
                *days,
                today,
                settled,
                joined=calendar.local_day(row.joined_at, zone),
                counted_from=(row.tier_counted_from or row.tier_since) if row.tier_until else None,
            )
            for each in definitions
        ),
        periods=sorted(
            {
                period
                for day in days
                for each in definitions
                for period in periods_needed(each, event_day=day, settled_day=settled, today=today)
            }
        ),
        also=also,
        stock=_limited(definition),
    )


def periods_needed(definition: Definition, *, event_day: date, settled_day: date, today: date) -> set[str]:
    """The names of the periods whose counts an event of a day may look at, and what time brings up to today.

    Rules and limits count in the periods of the event's own day; gifts, credits and conversions, which come by
    themselves at any time, by the year.
    """
    first, last = min(event_day, settled_day, today), max(event_day, today)
    keys = {
        calendar.period_key(period, day)
        for day in (event_day, settled_day, today)
        for period in (Period.DAY, Period.WEEK, Period.MONTH, Period.LIFETIME)
    }
    # One more on each side: a birthday's season or a dividend may belong to the year before or after.
    keys |= {f"{year}" for year in range(first.year - 1, last.year + 2)}
    keys |= {f"{credit.days.last:%Y}" for credit in definition.credits if credit.days}
    dated = [days for rule in definition.earning for days in rule.where.days or ()]
    dated += [days for promotion in definition.promotions for days in promotion.where.days or ()]
    return keys | {f"{days.first}..{days.last}" for days in dated if days.first <= last and days.last >= first}


def _carried_over(app: App, tx: Tx, rows: Sequence[MemberRow], *, now: datetime) -> Sequence[MemberRow]:
    """Take locked members through every change of rules since they were settled last, each at its instant."""
    if any(row.status == "merged" for row in rows):
        raise errors.Busy()  # while we waited for the lock; whoever asks again finds who the member is now
    while behind := [row for row in rows if row.settled_version != row.version]:
        groups: defaultdict[tuple[str, int, datetime], list[MemberRow]] = defaultdict(list)
        for row in behind:
            groups[row.program_id, *_changes(app, tx, row)[0]].append(row)
        for (_, version, since), group in groups.items():
            _carry_over(app, tx, group, version=version, since=since, now=now)
        rows = _claimed(app, tx, [row.id for row in rows], now=now)
    return rows


def _carry_over(app: App, tx: Tx, rows: Sequence[MemberRow], *, version: int, since: datetime, now: datetime) -> None:
    """Take members of a program into the rules that came after those under which they were settled last.

    They are settled under the old rules up to the instant of the new ones, then what they have is carried over: what
    comes out does not depend on whether anybody looked in between.
    """
    program_id, member_ids = rows[0].program_id, [row.id for row in rows]
    if settled := [replace(row, version=row.settled_version) for row in rows if row.settled_version]:
        _post(app, tx, settled, lambda _: TimePasses(occurred_at=since), at=since, now=now)
        rows = _claimed(app, tx, member_ids, now=now)
    recount.complete(tx, member_ids, lambda each: app.definition(tx, program_id, each), version=version)
    into = [replace(row, version=version) for row in rows]
    _post(app, tx, into, lambda _: NewRules(occurred_at=since), at=since, now=now)


def _post(
    app: App,
    tx: Tx,
    rows: Sequence[MemberRow],
    event: Callable[[UUID], Event],
    *,
    at: datetime,
    now: datetime,
    quiet: bool = False,
) -> dict[UUID, Decision]:
    """Decide and write an event of an instant for each of some locked members, who are settled up to then."""
    writes = [
        Write(
            member=member.row,
            definition=member.definition,
            decision=decide(member.definition, member.state, event(member.row.id), now=at, ids=fresh_ids()),
        )
        for member in load_all(app, tx, rows, moments=[at], now=now)
    ]
    decisions.write_all(tx, writes, now=now, quiet=quiet)
    return {write.member.id: write.decision for write in writes}


def _claimed(app: App, tx: Tx, member_ids: Sequence[UUID], *, now: datetime) -> list[MemberRow]:
    return [app.in_force(tx, row, at=now) for row in locks.members_claimed(tx, member_ids)]


def _as_if_carried_over(app: App, tx: Tx, loaded: Loaded) -> MemberState:
    """The member's state under the rules in force, without writing anything."""
    row, state, old = loaded.row, loaded.state, loaded.row.settled_version
    for version, since in _changes(app, tx, row):
        settled = decide(_rules(app, tx, row, old), state, TimePasses(occurred_at=since), now=since, ids=fresh_ids())
        rules = NewRules(occurred_at=since)
        state = decide(_rules(app, tx, row, version), settled.after, rules, now=since, ids=fresh_ids()).after
        old = version
    return state


def _changes(app: App, tx: Tx, row: MemberRow) -> list[tuple[int, datetime]]:
    """The versions that a member has to be carried over into, the oldest first, and when each came into force."""
    if row.settled_version == row.version:
        return []
    if not row.settled_version or row.settled_version > row.version:
        return [(row.version, app.in_force_since(tx, row.program_id, row.version))]
    return app.changes_of_rules(tx, row.program_id, settled=row.settled_version, latest=row.version)


def _rules(app: App, tx: Tx, row: MemberRow, version: int) -> Definition:
    """A version of the rules of a member's program; the one in force for a member who was never settled (0)."""
    return app.definition(tx, row.program_id, version or row.version, revision=row.revision)


def _limited(definition: Definition) -> dict[str, int]:
    """How many there are in all of the rewards that are limited."""
    return {reward.id: reward.stock for reward in definition.rewards.values() if reward.stock is not None}
