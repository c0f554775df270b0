"""Recommendations: what members are likely to buy next, out of what they and others have bought; see docs/recommendations.md.

What is bought together and what is popular is worked out by the clock. What that means for a member is asked for when it
is to be shown, so that a purchase or a consent counts at once; nothing but segments needs it kept.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from babel.lists import format_list
from sqlalchemy import Row

from wallet_api.domain import calendar
from wallet_api.services.app import App
from wallet_api.services.explain import locale_of
from wallet_api.services.present import Json
from wallet_api.services.similar_items import Histories
from wallet_api.store import programs, recommendations
from wallet_api.store.locks import member_unlocked
from wallet_api.store.session import Tx

SHOWN = 10
NAMED = 3
"""So many things a message names."""

KEPT = 20
MEMBERS_A_BATCH = 1_000
HISTORIES_A_BATCH = 5_000

BOUGHT_TOGETHER, BOUGHT_AGAIN, POPULAR = "bought_together", "bought_again", "popular"
REASONS = (BOUGHT_TOGETHER, BOUGHT_AGAIN, POPULAR)
_WHY: Final[Mapping[str, Mapping[str, str]]] = {
    BOUGHT_TOGETHER: {"en": "Often goes with “{item}”", "fr": "Va souvent avec « {item} »"},
    BOUGHT_AGAIN: {"en": "You have bought it before", "fr": "Vous l’avez déjà acheté"},
    POPULAR: {"en": "Popular with our members", "fr": "Apprécié de nos membres"},
}


# ── For members ──────────────────────────────────────────────────────────────────────────────────────────────────


def show_recommendations(app: App, tx: Tx, member_id: UUID, *, limit: int = SHOWN) -> Json:
    """What the member is likely to buy next, each with the reason; who bought nothing yet sees what is popular.

    Empty without the member's consent to profiling.
    """
    member = member_unlocked(tx, member_id)
    if not recommendations.has_agreed(tx, member_id):
        return {"profiling": False, "items": [], "next_cursor": None}
    language = locale_of(member.locale).language
    found = _found(app, tx, [member_id], program=member.program_id, limit=limit)[member_id]
    return {"profiling": True, "items": [_shown(item, language) for item in found], "next_cursor": None}


def items_to_name(
    app: App, tx: Tx, locales: Mapping[UUID, str], *, program: str, limit: int = NAMED
) -> dict[UUID, str]:
    """What a message to each of these members may name, in their language: "tea, cups and a cake".

    Who has not agreed to profiling reads what is popular, as anybody might.
    """
    found = _found(app, tx, list(locales), program=program, limit=limit)
    return {
        member: format_list([item.name or item.sku for item in items], locale=locale_of(locales[member]))
        for member, items in found.items()
    }


def can_name_items(tx: Tx, program: str) -> bool:
    """Whether there is anything to name."""
    return bool(recommendations.popular(tx, program, limit=1))


def _found(app: App, tx: Tx, members: Sequence[UUID], *, program: str, limit: int) -> dict[UUID, list[Row[Any]]]:
    """For each member what is theirs; what is popular for those who have not agreed to more."""
    today = calendar.local_day(app.clock.now(), app.current_definition(tx, program).time_zone)
    personal = recommendations.personal(tx, program, members, today=today, limit=limit)
    popular = list(recommendations.popular(tx, program, limit=limit)) if len(personal) < len(members) else []
    return {member: personal.get(member, popular) for member in members}


def _shown(item: Row[Any], language: str) -> Json:
    because = item.because
    reason = POPULAR if because is None else BOUGHT_AGAIN if because == item.sku else BOUGHT_TOGETHER
    said = _WHY[reason].get(language, _WHY[reason]["en"])
    other = {"sku": because, "name": item.because_name or because} if reason == BOUGHT_TOGETHER else None
    return {
        "sku": item.sku,
        "name": item.name or item.sku,
        "category": item.category or None,
        "score": round(item.score, 4),
        "reason": reason,
        "with": other,
        "why": said.format(item=other["name"]) if other else said,
    }


# ── By the clock ─────────────────────────────────────────────────────────────────────────────────────────────────


def work_out_items(app: App, program: str) -> int:
    """Work out anew what is bought together in a program, and what is popular; from how many members' purchases."""
    with app.db.read() as tx:
        today = calendar.local_day(app.clock.now(), app.current_definition(tx, program).time_zone)
    histories, members, after = Histories(today=(today - recommendations.EPOCH).days), 0, None
    while True:
        with app.db.read() as tx:
            rows = recommendations.histories(tx, program, after=after, limit=HISTORIES_A_BATCH)
        for row in rows:
            histories.add(row.skus, agreed=row.agreed)
        members += len(rows)
        if len(rows) < HISTORIES_A_BATCH:
            break
        after = rows[-1].id
    together = list(histories.together())
    with app.db.begin() as tx:
        recommendations.set_popularity(tx, program, histories.popularity())
        recommendations.forget_together(tx, program)
        for some in together:
            recommendations.add_together(tx, program, some)
    return members


def keep_for_members(
    app: App, program: str, *, after: UUID | None = None, seconds: float | None = None, batch: int = MEMBERS_A_BATCH
) -> UUID | None:
    """Keep for segments what each member is recommended; after which member to go on, None when all are through."""
    start = time.monotonic()
    while True:
        with app.db.begin() as tx:
            members = recommendations.members_after(tx, program, after=after, limit=batch)
            today = calendar.local_day(app.clock.now(), app.current_definition(tx, program).time_zone)
            found = recommendations.personal(tx, program, members, today=today, limit=KEPT)
            recommendations.keep(tx, members, found)
        if len(members) < batch:
            return None
        after = members[-1]
        if seconds is not None and time.monotonic() >= start + seconds:
            return after


def all_programs(app: App) -> list[str]:
    """The programs, in the order in which they are worked on."""
    with app.db.read() as tx:
        return sorted(programs.program_ids(tx))
