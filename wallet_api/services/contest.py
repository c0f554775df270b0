"""Contests: a member takes part under a chosen name, sees the ranking, and gets a prize when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain import calendar, errors
from wallet_api.domain.definition import Contest, Definition
from wallet_api.domain.events import Award
from wallet_api.services import load_member
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.present import Json
from wallet_api.store import contests, locks, programs
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx

PLACES_SHOWN = 10


def contests_of(app: App, tx: Tx, member_id: UUID, *, program: str) -> list[Json]:
    """Every contest of the program: its days, the first places, and where the member stands if they take part."""
    definition = app.current_definition(tx, program)
    words = Explainer(definition, locks.member_unlocked(tx, member_id).locale)
    return [_shown(tx, definition, contest, member_id, words) for contest in definition.contests]


def enter_contest(app: App, tx: Tx, member_id: UUID, contest_id: str, *, alias: str, program: str) -> Json:
    """Take part under a name that nobody else has, as long as it is not over. Raises NotFound, OutOfSeason, AliasTaken."""
    definition = app.current_definition(tx, program)
    contest = _contest(definition, contest_id)
    row = locks.member(tx, member_id)
    if _today(app, definition) > contest.days.last:
        raise errors.OutOfSeason()
    locks.contest(tx, program, contest.id)
    if not contests.enter(tx, program, contest.id, member_id, alias=alias, now=app.clock.now()):
        raise errors.AliasTaken()
    return _shown(tx, definition, contest, member_id, Explainer(definition, row.locale))


def leave_contest(app: App, tx: Tx, member_id: UUID, contest_id: str, *, program: str) -> None:
    """Take part no longer."""
    contest = _contest(app.current_definition(tx, program), contest_id)
    contests.leave(tx, contest.id, member_id)


def award_prizes(app: App) -> int:
    """Give the prizes of contests that are over, each once, however often this runs; how many prizes were due."""
    due = 0
    with app.db.read() as tx:
        ids = programs.program_ids(tx)
    for program in ids:
        with app.db.read() as tx:
            winners = _winners(app, tx, program)
        for member_id, event in winners:
            now = app.clock.now()
            with app.db.begin() as tx:
                member = load_member.locked(app, tx, member_id, at=now, now=now)
                load_member.post(tx, member, event, now=now)
        due += len(winners)
    return due


def _winners(app: App, tx: Tx, program: str) -> list[tuple[UUID, Award]]:
    definition = app.current_definition(tx, program)
    now, today = app.clock.now(), _today(app, definition)
    found = []
    for contest in definition.contests:
        if contest.prizes and contest.days.last < today:
            places = _ranking(tx, definition, contest, limit=len(contest.prizes))
            for place, prize in zip(places, contest.prizes, strict=False):
                if place.value > 0:
                    award = Award(id=new_id(), occurred_at=now, reward=prize, cause=f"contest:{contest.id}")
                    found.append((place.member_id, award))
    return found


def _ranking(tx: Tx, definition: Definition, contest: Contest, *, limit: int) -> Sequence[Row[Any]]:
    return contests.ranking(
        tx,
        definition.program,
        contest.id,
        measure=contest.measure,
        first=contest.days.first,
        last=contest.days.last,
        limit=limit,
    )


def _shown(tx: Tx, definition: Definition, contest: Contest, member_id: UUID, words: Explainer) -> Json:
    mine = contests.place_of(
        tx,
        definition.program,
        contest.id,
        member_id,
        measure=contest.measure,
        first=contest.days.first,
        last=contest.days.last,
    )
    return {
        "id": contest.id,
        "name": words.text(contest.name),
        "first": contest.days.first,
        "last": contest.days.last,
        "measure": contest.measure,
        "ranking": [
            {"place": row.place, "alias": row.alias, "value": row.value}
            for row in _ranking(tx, definition, contest, limit=PLACES_SHOWN)
        ],
        "mine": {"place": mine.place, "alias": mine.alias, "value": mine.value} if mine else None,
        "prizes": [words.reward(prize) for prize in contest.prizes],
    }


def _contest(definition: Definition, contest_id: str) -> Contest:
    for contest in definition.contests:
        if contest.id == contest_id:
            return contest
    raise errors.NotFound(what="contest")


def _today(app: App, definition: Definition) -> date:
    return calendar.local_day(app.clock.now(), definition.time_zone)
