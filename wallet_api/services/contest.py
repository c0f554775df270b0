"""Contests: a member takes part under a chosen name, sees the ranking, and gets a prize when it is over."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row

from wallet_api.domain import calendar, errors
from wallet_api.domain.definition import Contest, Definition
from wallet_api.domain.events import Award
from wallet_api.services import load_member
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.present import Json
from wallet_api.store import contests, locks, merges, programs
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx

log = structlog.get_logger(__name__)

PLACES_SHOWN = 10
ALIAS_CHARACTERS_MAX = 30


def contests_of(app: App, tx: Tx, member_id: UUID, *, program: str) -> list[Json]:
    """Every contest of the program: its days, the first places, and where the member stands if they take part."""
    definition = app.current_definition(tx, program)
    words = Explainer(definition, locks.member_unlocked(tx, member_id).locale)
    return [_shown(tx, definition, contest, member_id, words) for contest in definition.contests]


def enter_contest(app: App, tx: Tx, member_id: UUID, contest_id: str, *, alias: str, program: str) -> Json:
    """Take part under a name that nobody else has, as long as it is not over.

    Raises NotFound, OutOfSeason, AliasTaken, and Invalid for a name that cannot be seen.
    """
    definition = app.current_definition(tx, program)
    contest = _contest(definition, contest_id)
    name = as_seen(alias)
    if not 1 <= len(name) <= ALIAS_CHARACTERS_MAX:
        detail = f"Choose a name that can be seen, of at most {ALIAS_CHARACTERS_MAX} characters."
        raise errors.Invalid(pointer="#/alias", detail=detail)
    row = locks.member(tx, member_id)
    if row.status == "merged":
        raise errors.Busy()  # while we waited for the lock
    if _today(app, definition) > contest.days.last:
        raise errors.OutOfSeason()
    locks.contest(tx, program, contest.id)
    if not contests.enter(tx, program, contest.id, member_id, alias=name, now=app.clock.now()):
        raise errors.AliasTaken()
    return _shown(tx, definition, contest, member_id, Explainer(definition, row.locale))


def leave_contest(app: App, tx: Tx, member_id: UUID, contest_id: str, *, program: str) -> None:
    """Take part no longer. Raises NotFound."""
    contest = _contest(app.current_definition(tx, program), contest_id)
    contests.leave(tx, contest.id, member_id)


def award_prizes(app: App) -> int:
    """Decide the contests that are over, each once, and give their prizes, each once; how many were given now.

    A prize that cannot be given is logged, and tried again by the next run.
    """
    with app.db.read() as tx:
        ids = programs.program_ids(tx)
    for program in ids:
        with app.db.begin() as tx:
            _decide(app, tx, program)
    with app.db.read() as tx:
        won = contests.prizes_to_give(tx)
    return sum(_is_given(app, prize) for prize in won)


def as_seen(alias: str) -> str:
    """A name without what nobody sees and in its plain letters, so that two that look the same are the same."""
    plain = unicodedata.normalize("NFKC", alias)
    seen = "".join(character for character in plain if not _is_invisible(character))
    return " ".join(unicodedata.normalize("NFKC", seen).split())


_INVISIBLE = {"\N{COMBINING GRAPHEME JOINER}", "\N{HANGUL CHOSEONG FILLER}", "\N{HANGUL JUNGSEONG FILLER}", "\u2800"}


def _is_invisible(character: str) -> bool:
    """Whether it shows as nothing: joiners, changes of direction, variants of the character before, fillers."""
    return (
        unicodedata.category(character) in {"Cc", "Cf", "Cn", "Co", "Cs"}
        or "VARIATION SELECTOR" in unicodedata.name(character, "")
        or character in _INVISIBLE
    )


def _decide(app: App, tx: Tx, program: str) -> None:
    """Note who has won what in the contests that are over and that nobody has decided: nothing for a measure of 0."""
    definition = app.current_definition(tx, program)
    today = _today(app, definition)
    for contest in definition.contests:
        first = contest.days.first
        if contest.days.last >= today or not contests.claim(tx, program, contest.id, first=first, now=app.clock.now()):
            continue
        places = _ranking(tx, definition, contest, places=len(contest.prizes))
        for row, reward in zip(places, contest.prizes, strict=False):
            if row.value > 0:
                contests.add_prize(
                    tx, program, contest.id, first=first, place=row.place, member_id=row.member_id, reward=reward
                )


def _is_given(app: App, prize: Row[Any]) -> bool:
    """Give a prize; whether that went well. Who has been erased since gets none."""
    try:
        with app.db.begin() as tx:
            now = app.clock.now()
            # Whoever was merged since is another member now; one person has one prize of a contest.
            winner = merges.survivor(tx, prize.member_id, program_id=prize.program_id)
            if winner is not None:
                member = load_member.locked(app, tx, winner, at=now, now=now, rewards=[prize.reward])
                cause = f"contest:{prize.contest}:{prize.first}"
                award = Award(id=new_id(), occurred_at=now, reward=prize.reward, cause=cause)
                load_member.post(tx, member, award, now=now)
            contests.mark_given(tx, prize, now=now)
    except Exception as fault:  # noqa: BLE001 whatever it is, the others must not wait for this one
        log.error(  # noqa: TRY400 the message may hold names
            "prize not given",
            program=prize.program_id,
            contest=prize.contest,
            place=prize.place,
            member=str(prize.member_id),
            fault=type(fault).__name__,
        )
        return False
    return winner is not None


def _ranking(
    tx: Tx, definition: Definition, contest: Contest, *, places: int, member_id: UUID | None = None
) -> Sequence[Row[Any]]:
    return contests.ranking(
        tx,
        definition.program,
        contest.id,
        measure=contest.measure,
        first=contest.days.first,
        last=contest.days.last,
        places=places,
        member_id=member_id,
    )


def _shown(tx: Tx, definition: Definition, contest: Contest, member_id: UUID, words: Explainer) -> Json:
    rows = _ranking(tx, definition, contest, places=PLACES_SHOWN, member_id=member_id)
    mine = next((row for row in rows if row.member_id == member_id), None)
    return {
        "id": contest.id,
        "name": words.text(contest.name),
        "first": contest.days.first,
        "last": contest.days.last,
        "measure": contest.measure,
        "ranking": [_place(row, contest, words) for row in rows if row.place <= PLACES_SHOWN],
        "mine": _place(mine, contest, words) if mine else None,
        "prizes": [words.reward(prize) for prize in contest.prizes],
    }


def _place(row: Row[Any], contest: Contest, words: Explainer) -> Json:
    """What everybody who is a member may see of an entrant: the chosen name, and no more."""
    return {
        "place": row.place,
        "alias": row.alias,
        "value": row.value,
        "text": words.measure(contest.measure, row.value),
    }


def _contest(definition: Definition, contest_id: str) -> Contest:
    for contest in definition.contests:
        if contest.id == contest_id:
            return contest
    raise errors.NotFound(what="contest")


def _today(app: App, definition: Definition) -> date:
    return calendar.local_day(app.clock.now(), definition.time_zone)
