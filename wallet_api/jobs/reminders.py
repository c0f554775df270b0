"""Reminding members: of what ends soon, on their birthday, when they have not come for a while.

Each kind walks all members of a program once a day, some at a time. How far it has come is written in the transaction that
writes the reminders, so a worker that is killed leaves nothing half done, and the next one goes on there. Each reminder is
about something (a voucher, a year's birthday), and a member hears of that once.
"""

from __future__ import annotations

import calendar as months
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from wallet_api.domain import calendar, tiers
from wallet_api.domain.definition import Definition, Span
from wallet_api.domain.messages import KINDS, MessageClass
from wallet_api.jobs.expand import values_of
from wallet_api.services import load_member
from wallet_api.services.app import App
from wallet_api.services.notify import Recipients, Wish, file_messages, recipients_of
from wallet_api.store import programs, reminders
from wallet_api.store.session import Tx

log = structlog.get_logger(__name__)

MEMBERS_A_BATCH = 500
MORNING, EVENING = clock_time(9), clock_time(20)
"""Reminders go out between these local times; nothing of them is urgent."""

ABSENT_FOR_DAYS_MAX = 30
"""Who has been away for so many days more than the lead time is not written to any more, when win-back is turned on."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A part of one kind's walk: these members of a program, on a day of the program's."""

    app: App
    tx: Tx
    definition: Definition
    member_ids: Sequence[UUID]
    lead: Span
    today: date
    now: datetime

    @property
    def last_day(self) -> date:
        """The last day that is near enough."""
        return calendar.add(self.today, self.lead)


@dataclass(frozen=True, kw_only=True)
class Found:
    """Something to remind a member of, in facts as the engine's notices have them; after `expires_at` it is too late."""

    member_id: UUID
    about: str
    facts: Mapping[str, Any]
    expires_at: datetime | None = None


def remind(app: App, *, seconds: float, batch: int = MEMBERS_A_BATCH) -> bool:
    """Go on with all walks of today for these seconds; whether all have come to their end, or are in other hands."""
    end = time.monotonic() + seconds
    with app.db.read() as tx:
        program_ids = programs.program_ids(tx)
    for program_id in program_ids:
        for kind, look in _LOOKS.items():
            while _remind_batch(app, program_id, kind, look, limit=batch):
                if time.monotonic() >= end:
                    return False
    return True


def _remind_batch(app: App, program_id: str, kind: str, look: _Look, *, limit: int) -> bool:
    """Remind some more members of a program; whether there are more."""
    now = app.clock.now()

    def work(tx: Tx) -> bool:
        definition = app.current_definition(tx, program_id)
        lead: Span | None = getattr(definition.reminders, kind)
        if lead is None:
            return False
        today = calendar.local_day(now, definition.time_zone)
        reminders.begin(tx, program_id, kind, day=today)
        member_ids = reminders.go_on(tx, program_id, kind, limit=limit)
        if member_ids is None:
            return False
        walk = Walk(app=app, tx=tx, definition=definition, member_ids=member_ids, lead=lead, today=today, now=now)
        told = _tell(walk, kind, list(look(walk)))
        is_over = len(member_ids) < limit
        reminders.done(
            tx, program_id, kind, after=member_ids[-1] if member_ids else None, ended_at=now if is_over else None
        )
        if told:
            log.info("members are reminded", program=program_id, kind=kind, messages=told)
        return not is_over

    return app.db.run(work)


def _tell(walk: Walk, kind: str, found: Sequence[Found]) -> int:
    """File a reminder for each of these, unless the member has had it; how many are new."""
    known = reminders.reminded(walk.tx, kind, [(each.member_id, each.about) for each in found])
    new = [each for each in found if (each.member_id, each.about) not in known]
    if not new:
        return 0
    is_marketing = KINDS[kind].message_class is MessageClass.MARKETING
    readers = recipients_of(walk.app, walk.tx, {each.member_id for each in new}, now=walk.now, marketing=is_marketing)
    wishes = [_wish(walk, kind, each, readers) for each in new]
    return sum(filed.id is not None for filed in file_messages(walk.app, walk.tx, wishes, readers, now=walk.now))


def _wish(walk: Walk, kind: str, found: Found, readers: Recipients) -> Wish:
    words = readers.words(found.member_id)
    values = values_of(words, found.facts)
    if "missing" in found.facts:
        values["missing"] = words.explain.measure(_measure(walk.definition), int(found.facts["missing"]))
    at = _by_day(walk.now, readers.zone(found.member_id))
    worth = at + KINDS[kind].is_worth
    return Wish(
        member_id=found.member_id,
        kind=kind,
        about=found.about,
        facts=found.facts,
        caused_at=walk.now,
        not_before=at,
        expires_at=min(worth, found.expires_at) if found.expires_at else worth,
        values=values,
    )


def _by_day(now: datetime, zone: ZoneInfo) -> datetime:
    """Now, or the next morning where it is evening or night."""
    local = now.astimezone(zone)
    if MORNING <= local.time() < EVENING:
        return now
    day = local.date() if local.time() < MORNING else local.date() + timedelta(days=1)
    return datetime.combine(day, MORNING, zone).astimezone(UTC)


def _measure(definition: Definition) -> str:
    assert definition.tiers is not None
    return definition.tiers.measure


# ── What each kind looks for ─────────────────────────────────────────────────────────────────────────────────────


def _units_ending(walk: Walk) -> Iterator[Found]:
    zone = walk.definition.time_zone
    until = calendar.end_of(walk.last_day, zone)
    for row in reminders.units_ending(walk.tx, walk.member_ids, now=walk.now, until=until):
        if row.unit not in walk.definition.units:
            continue
        last = calendar.local_day(row.expires_at - timedelta(microseconds=1), zone)
        facts = {"unit": row.unit, "amount": row.amount, "balance": row.balance, "until": str(last)}
        about = f"{row.unit} {last}"
        yield Found(member_id=row.member_id, about=about, facts=facts, expires_at=row.expires_at)


def _vouchers_ending(walk: Walk) -> Iterator[Found]:
    for row in reminders.vouchers_ending(walk.tx, walk.member_ids, first=walk.today, last=walk.last_day):
        end = calendar.end_of(row.valid_until, walk.definition.time_zone)
        facts = {"reward": row.reward, "until": str(row.valid_until)}
        yield Found(member_id=row.member_id, about=str(row.id), facts=facts, expires_at=end)


def _tiers_ending(walk: Walk) -> Iterator[Found]:
    """Only members whose tier is not earned again yet; only for these is the whole state looked at."""
    if walk.definition.tiers is None:
        return
    rows = reminders.tiers_ending(walk.tx, walk.member_ids, first=walk.today, last=walk.last_day)
    abouts = {row.member_id: f"{row.tier} {row.tier_until}" for row in rows}
    known = reminders.reminded(walk.tx, "tier_ending", abouts.items())
    for row in rows:
        about = abouts[row.member_id]
        if (row.member_id, about) in known:
            continue
        member = load_member.as_of_now(walk.app, walk.tx, row.member_id, now=walk.now)
        progress = tiers.progress(member.definition, member.state, today=walk.today)
        if progress is not None and progress.to_keep:
            end = calendar.end_of(row.tier_until, walk.definition.time_zone)
            facts = {"tier": row.tier, "until": str(row.tier_until), "missing": progress.to_keep}
            yield Found(member_id=row.member_id, about=about, facts=facts, expires_at=end)


def _birthdays(walk: Walk) -> Iterator[Found]:
    """Born on 29 February: on the 28th where the year has no other."""
    day = walk.last_day
    month_days = [f"{day:%m-%d}"]
    if month_days == ["02-28"] and not months.isleap(day.year):
        month_days.append("02-29")
    for member_id in reminders.born_on(walk.tx, walk.member_ids, month_days=month_days):
        yield Found(member_id=member_id, about=str(day.year), facts={})


def _absent(walk: Walk) -> Iterator[Found]:
    zone = walk.definition.time_zone
    back = Span(months=-walk.lead.months, days=-walk.lead.days)
    day = calendar.add(walk.today, back)
    first = calendar.start_of(day - timedelta(days=ABSENT_FOR_DAYS_MAX), zone)
    unit = next(iter(walk.definition.units), None)
    rows = reminders.absent_since(walk.tx, walk.member_ids, first=first, before=calendar.start_of(day, zone))
    balances = {} if unit is None else reminders.balances(walk.tx, [row.member_id for row in rows], unit)
    for row in rows:
        facts: dict[str, Any] = {"unit": unit, "balance": balances.get(row.member_id, 0)} if unit else {}
        yield Found(member_id=row.member_id, about=str(calendar.local_day(row.at, zone)), facts=facts)


_Look = Callable[[Walk], Iterator[Found]]
_LOOKS: Mapping[str, _Look] = {
    "points_expiring": _units_ending,
    "voucher_expiring": _vouchers_ending,
    "tier_ending": _tiers_ending,
    "birthday": _birthdays,
    "win_back": _absent,
}
