"""Contests and their rankings."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import Day, StrictInteger, Text

fields = ma.fields


class ContestEntrySchema(Schema):
    """Under which name the ranking shows the member."""

    alias = Text(longest=30, required=True)


class PlaceSchema(AnswerSchema):
    """One place of a ranking."""

    place = StrictInteger(minimum=1, maximum=10**9)
    alias = fields.String()
    value = fields.Integer(metadata={"description": "The measure so far: minor units, smallest steps, or times"})


class ContestSchema(AnswerSchema):
    """A contest as a member sees it."""

    id = fields.String()
    name = fields.String()
    first = Day(metadata={"description": "Its first day, the program's own"})
    last = Day()
    measure = fields.String()
    ranking = fields.List(fields.Nested(PlaceSchema), metadata={"description": "The first ten"})
    mine = fields.Nested(PlaceSchema, allow_none=True, metadata={"description": "Null for who takes no part"})
    prizes = fields.List(fields.String(), metadata={"description": "By place, from the first"})


class ContestListSchema(AnswerSchema):
    """All contests of the program."""

    items = fields.List(fields.Nested(ContestSchema))
    next_cursor = fields.String(allow_none=True)
