"""What newcomers fill in."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.schemas.address import AddressSchema, Language, TimeZone
from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import Day, Matching, OneOf, Text, YesOrNo, left_out

NAME_CHARACTERS_MAX = 100
CODE = r"^[0-9]{6}$"


class ConsentsSchema(Schema):
    """What the newcomer agrees to."""

    terms = YesOrNo(required=True, metadata={"description": "The program's terms; joining needs them"})
    marketing = YesOrNo(load_default=False, metadata={"description": "News and offers"})
    profiling = YesOrNo(load_default=False, metadata={"description": "Offers chosen by what they buy"})


class JoinSchema(AddressSchema):
    """A newcomer."""

    given_name = Text(longest=NAME_CHARACTERS_MAX, required=True)
    family_name = Text(longest=NAME_CHARACTERS_MAX, load_default=left_out)
    birth_date = Day(load_default=left_out)
    locale = Language(load_default=left_out, metadata={"description": "The program's first language if left out"})
    time_zone = TimeZone(load_default=left_out)
    consents = ma.fields.Nested(ConsentsSchema, required=True)
    referral_code = Matching(r"^[0-9A-Za-z-]{1,40}$", error="Not a referral code.", load_default=left_out)


class CodeRequestSchema(AddressSchema):
    """Whom to send a code."""


class CodeSentSchema(AnswerSchema):
    """The same for everybody, so that it tells nobody who is a member."""

    status = OneOf("code_sent")
