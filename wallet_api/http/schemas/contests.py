"""Contests and their rankings."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import Day, StrictInteger, Text
from wallet_api.services.contest import ALIAS_CHARACTERS_MAX

fields = ma.fields


class ContestEntrySchema(Schema):
    """Under which name the ranking shows the member."""

    alias = Text(
        longest=ALIAS_CHARACTERS_MAX,
        required=True,
        metadata={"description": "Everybody sees it; what cannot be seen in it, such as a joiner, is left out"},
    )


class PlaceSchema(AnswerSchema):
    """One place of a ranking."""

    place = StrictInteger(minimum=1, maximum=10**9)
    alias = fields.String()
    value = fields.Integer(
        metadata={
            "description": "The measure so far, as a whole number: of `spend` in minor units of the currency, of `earned:` "
            "and `usable:` in the unit's smallest step, of all others how often; `text` says it for people"
        }
    )
    text = fields.String(metadata={"description": "The same for people, in the member's language: `12.5 km`, `€40.00`"})


class ContestSchema(AnswerSchema):
    """A contest as a member sees it."""

    id = fields.String()
    name = fields.String()
    first = Day(metadata={"description": "Its first day, the program's own"})
    last = Day(metadata={"description": "Its last day; prizes are given after it, once"})
    measure = fields.String(
        metadata={
            "description": "What is ranked by: `spend`, `orders`, `visits`, `earned:` or `usable:` with a unit's id, or "
            "`activity:` with a kind"
        }
    )
    ranking = fields.List(fields.Nested(PlaceSchema), metadata={"description": "The first ten"})
    mine = fields.Nested(PlaceSchema, allow_none=True, metadata={"description": "Null for who takes no part"})
    prizes = fields.List(fields.String(), metadata={"description": "By place, from the first"})


class ContestListSchema(AnswerSchema):
    """All contests of the program."""

    items = fields.List(fields.Nested(ContestSchema))
    next_cursor = fields.String(allow_none=True)
