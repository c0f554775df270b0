"""Loading a member for a decision, and posting one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wallet_api.domain import calendar
from wallet_api.domain.decide import decide
from wallet_api.domain.decision import Decision
from wallet_api.domain.definition import Definition, Period
from wallet_api.domain.due import next_due
from wallet_api.domain.events import Event, TimePasses
from wallet_api.domain.state import MemberState
from wallet_api.services.app import App, measures_since
from wallet_api.store import decisions, locks, member_state
from wallet_api.store.ids import fresh_ids
from wallet_api.store.locks import MemberRow
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
    also: Sequence[UUID] = (),
) -> Loaded:
    """Lock a member and load what an event at `at` needs; with these vouchers and redemptions, whatever their status."""
    return _load(app, tx, locks.member(tx, member_id), at=at, now=now, also=also)


def as_of_now(app: App, tx: Tx, member_id: UUID, *, now: datetime) -> Loaded:
    """A member as they stand now, without locking or writing: what time has brought is reckoned in."""
    loaded = _load(app, tx, locks.member_unlocked(tx, member_id), at=now, now=now, also=())
    decision = decide(
        loaded.definition,
        loaded.state,
        TimePasses(occurred_at=now),
        now=now,
        ids=fresh_ids(),
    )
    return Loaded(row=loaded.row, definition=loaded.definition, state=decision.after)


def up_to_date(app: App, tx: Tx, member_id: UUID, *, now: datetime) -> Loaded:
    """A member with what time has brought written down, so that their lists tell of it; locks only where there is any."""
    loaded = _load(app, tx, locks.member_unlocked(tx, member_id), at=now, now=now, also=())
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


def _load(
    app: App,
    tx: Tx,
    row: MemberRow,
    *,
    at: datetime,
    now: datetime,
    also: Sequence[UUID],
) -> Loaded:
    definition = app.definition(tx, row.program_id, row.version, revision=row.revision)
    day = calendar.local_day(at, definition.time_zone)
    today = calendar.local_day(now, definition.time_zone)
    ends = [row.tier_until] if row.tier_until else []
    state = member_state.load(
        tx,
        row,
        since=measures_since(definition, day, today, *ends),
        periods=[calendar.period_key(period, day) for period in Period],
        also=also,
    )
    return Loaded(row=row, definition=definition, state=state)
