"""How fresh the passes on phones are."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.pagination import PageQuery, page_schema
from wallet_api.http.schemas.base import AnswerSchema
from wallet_api.http.schemas.fields import OneOf, QueryInteger, UtcDateTime, Uuid

fields = ma.fields
LATE_HOURS_MAX = 24 * 31


class FreshnessQuery(PageQuery):
    """From when on a pass counts as late, and which page of those that are."""

    late_after_hours = QueryInteger(
        minimum=1,
        maximum=LATE_HOURS_MAX,
        load_default=24,
        metadata={"description": "How many hours after a change a pass that no device has fetched is late"},
    )


class FetchesSchema(AnswerSchema):
    """How long changes took from what caused them (a sale) until a device had fetched them."""

    fetches = fields.Integer(metadata={"description": "How many were fetched"})
    median_seconds = fields.Float(allow_none=True, metadata={"description": "Half took no longer"})
    p95_seconds = fields.Float(allow_none=True, metadata={"description": "95 of 100 took no longer"})
    worst_seconds = fields.Float(allow_none=True, metadata={"description": "The longest"})


class LatePassSchema(AnswerSchema):
    """A pass that shows something old on a phone that is switched off, or has taken it off the wallet unnoticed."""

    card_id = Uuid(metadata={"description": "The card, whose id is the serial number of the pass"})
    member_id = Uuid()
    platform = OneOf("apple")
    devices = fields.Integer(metadata={"description": "How many of its devices have not fetched it"})
    stale_since = UtcDateTime(metadata={"description": "When what the pass does not show yet happened"})
    pushed_at = UtcDateTime(
        allow_none=True, metadata={"description": "When one of them was woken last, by any pass; null: never"}
    )


class FreshnessSchema(AnswerSchema):
    """How fresh the program's passes are on phones."""

    passes = fields.Integer(metadata={"description": "Passes that some device holds"})
    devices = fields.Integer(metadata={"description": "Devices that hold one"})
    late_passes = fields.Integer(metadata={"description": "Passes that are late on some device"})
    day = fields.Nested(FetchesSchema, metadata={"description": "The last 24 hours"})
    week = fields.Nested(FetchesSchema, metadata={"description": "The last seven days"})
    late = fields.Nested(page_schema(LatePassSchema), metadata={"description": "The late ones, newest cards first"})
