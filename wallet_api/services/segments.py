"""Segments: reading a rule for a program, saying how many members it selects, and keeping it under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain import errors
from wallet_api.domain.segment import Rule
from wallet_api.domain.segment_reading import Known, RuleRefused, read_rule
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.present import Json
from wallet_api.services.search_members import hint
from wallet_api.store import members, programs, segment_query, segments, surveys
from wallet_api.store.segment_query import Selection
from wallet_api.store.session import Tx

SAMPLE_MEMBERS = 10


@dataclass(frozen=True, kw_only=True)
class SegmentWish:
    """A segment to save: what it is called, and its rule as JSON."""

    name: str
    rule: Mapping[str, object]


def preview_segment(app: App, tx: Tx, rule: object, *, program: str) -> Json:
    """How many members a rule selects now, and some of them. Raises Invalid for a rule that cannot be read."""
    selected = select(app, tx, rule_of(app, tx, rule, program=program), program=program)
    size, sample = segment_query.count(tx, selected, sample=SAMPLE_MEMBERS)
    definition = app.current_definition(tx, program)
    words = Explainer(definition, definition.languages[0])
    return {"size": size, "sample": [hint(row, words) for row in members.found_all(tx, sample)]}


def save_segment(app: App, tx: Tx, wish: SegmentWish, *, program: str) -> Json:
    """Save a segment under a name of its own. Raises Invalid and NameTaken."""
    rule_of(app, tx, wish.rule, program=program)
    row = segments.add(tx, program, name=wish.name, rule=wish.rule, now=app.clock.now())
    if row is None:
        raise errors.NameTaken()
    return _shown(row)


def change_segment(app: App, tx: Tx, segment_id: UUID, wish: SegmentWish, *, program: str) -> Json:
    """Change a segment; campaigns that have begun keep whom they have. Raises NotFound, Invalid and NameTaken."""
    rule_of(app, tx, wish.rule, program=program)
    row = segments.change(tx, segment_id, program_id=program, name=wish.name, rule=wish.rule, now=app.clock.now())
    if row is None:
        raise errors.NotFound(what="segment")
    return _shown(row)


def delete_segment(tx: Tx, segment_id: UUID, *, program: str) -> None:
    """Forget a segment; campaigns keep its rule. Raises NotFound."""
    if not segments.remove(tx, segment_id, program_id=program):
        raise errors.NotFound(what="segment")


def show_segment(tx: Tx, segment_id: UUID, *, program: str) -> Json:
    """A segment. Raises NotFound."""
    return _shown(one_segment(tx, segment_id, program=program))


def list_segments(tx: Tx, *, program: str, before: UUID | None, limit: int) -> list[Json]:
    """A program's segments, the newest first."""
    return [_shown(row) for row in segments.of_program(tx, program, before=before, limit=limit)]


def asked_segment(tx: Tx, segment_id: UUID, *, program: str) -> Row[Any]:
    """The row of the segment that a request names. Raises Invalid."""
    try:
        return one_segment(tx, segment_id, program=program)
    except errors.NotFound:
        raise errors.Invalid(pointer="#/segment", detail="The program has no such segment.") from None


def one_segment(tx: Tx, segment_id: UUID, *, program: str) -> Row[Any]:
    """A segment's row. Raises NotFound."""
    row = segments.one(tx, segment_id, program_id=program)
    if row is None:
        raise errors.NotFound(what="segment")
    return row


def rule_of(app: App, tx: Tx, value: object, *, program: str) -> Rule:
    """The rule that a JSON value says in a program. Raises Invalid with all that is wrong."""
    codes = [location.code for location in programs.locations(tx, program)]
    asked = surveys.questions_by_survey(tx, program)
    known = Known.of(app.current_definition(tx, program), locations=codes, surveys=asked)
    try:
        return read_rule(value, known, pointer="#/rule")
    except RuleRefused as refused:
        faults = (errors.Invalid(pointer=fault.pointer, detail=fault.detail) for fault in refused.faults)
        raise errors.Invalid.of_all(faults) from refused


def select(app: App, tx: Tx, rule: Rule, *, program: str) -> Selection:
    """The query that selects a program's members by a rule, as of now."""
    zone = app.current_definition(tx, program).time_zone
    return segment_query.selection(rule, program_id=program, now=app.clock.now(), zone=zone)


def _shown(row: Row[Any]) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "rule": row.rule,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
