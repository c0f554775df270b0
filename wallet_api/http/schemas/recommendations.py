"""What members are recommended."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import OneOf, QueryInteger
from wallet_api.http.schemas.me import Nothing
from wallet_api.services.recommend import REASONS, SHOWN

fields = ma.fields
ITEMS_MAX = 50


class RecommendationsQuery(Schema):
    """How much is wanted."""

    limit = QueryInteger(
        minimum=1, maximum=ITEMS_MAX, load_default=SHOWN, metadata={"description": "The most items to answer"}
    )


class OtherItemSchema(AnswerSchema):
    """A thing that the member has bought."""

    sku = fields.String()
    name = fields.String()


class RecommendationSchema(AnswerSchema):
    """A thing that the member is likely to buy."""

    sku = fields.String()
    name = fields.String(metadata={"description": "As on the newest receipt; its sku where receipts have no names"})
    category = fields.String(allow_none=True)
    score = fields.Float(metadata={"description": "The higher the likelier, within one answer"})
    reason = OneOf(*REASONS)
    with_ = fields.Nested(
        OtherItemSchema,
        allow_none=True,
        data_key="with",
        attribute="with",
        metadata={"description": "What it is bought together with, of what the member has"},
    )
    why = fields.String(metadata={"description": "The reason in the member’s language"})


class RecommendationsSchema(AnswerSchema):
    """What the member is likely to buy next, the likeliest first, and what is popular among it."""

    profiling = fields.Boolean(
        metadata={"description": "Whether the member has agreed to profiling; without that there are no items"}
    )
    items = fields.List(fields.Nested(RecommendationSchema))
    next_cursor = Nothing(metadata={"description": "The list comes whole"})
