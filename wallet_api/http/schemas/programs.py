"""What anybody may know of a program."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.schemas.base import AnswerSchema
from wallet_api.http.schemas.fields import StrictInteger, UnitAmount, Uuid
from wallet_api.http.schemas.till import PriceSchema

fields = ma.fields
DECIMALS_MAX = 6


class ColoursSchema(AnswerSchema):
    """The card's colours as `#rrggbb`."""

    background = fields.String()
    text = fields.String()
    label = fields.String()


class BrandSchema(AnswerSchema):
    """How the card looks."""

    name = fields.String()
    colours = fields.Nested(ColoursSchema)
    logo_url = fields.String(allow_none=True, metadata={"description": "A PNG"})


class ProgramUnitSchema(AnswerSchema):
    """What is counted; an amount is an integer in steps of one `decimals`-th power of ten."""

    id = fields.String()
    name = fields.String()
    one = fields.String(metadata={"description": "The name of a single one"})
    decimals = StrictInteger(minimum=0, maximum=DECIMALS_MAX)


class ProgramTierSchema(AnswerSchema):
    """A tier and where it begins (minor units of spend, or smallest steps of a unit)."""

    id = fields.String()
    name = fields.String()
    threshold = UnitAmount()


class ProgramRewardSchema(AnswerSchema):
    """An item of the reward list; no `tiers` means every tier."""

    id = fields.String()
    name = fields.String()
    price = fields.Nested(PriceSchema)
    gives = fields.String()
    tiers = fields.List(fields.String())


class LocationSchema(AnswerSchema):
    """A shop."""

    id = Uuid()
    code = fields.String()
    name = fields.String()
    latitude = fields.Float(allow_none=True)
    longitude = fields.Float(allow_none=True)


class ProgramSchema(AnswerSchema):
    """A program; texts are in the language that `Accept-Language` asks for, if it has it."""

    id = fields.String()
    name = fields.String()
    language = fields.String(metadata={"description": "Of the texts in this answer"})
    languages = fields.List(fields.String())
    brand = fields.Nested(BrandSchema)
    currency = fields.String(metadata={"description": "ISO 4217"})
    currency_decimals = StrictInteger(minimum=0, maximum=DECIMALS_MAX)
    time_zone = fields.String(metadata={"description": "In which its days begin and end"})
    terms_version = fields.String()
    units = fields.List(fields.Nested(ProgramUnitSchema))
    tiers = fields.List(fields.Nested(ProgramTierSchema))
    rewards = fields.List(fields.Nested(ProgramRewardSchema))
    locations = fields.List(fields.Nested(LocationSchema))
