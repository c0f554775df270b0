"""What managers do to a member, and what they see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import marshmallow as ma

from wallet_api.http.pagination import PageQuery
from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import (
    EMAIL_CHARACTERS_MAX,
    Day,
    OneOf,
    Text,
    UnitAmount,
    UtcDateTime,
    Uuid,
    left_out,
)
from wallet_api.http.schemas.me import MemberSchema
from wallet_api.http.schemas.membership import MembershipSchema
from wallet_api.http.schemas.till import CardStateSchema, CustomerSchema, PersonSchema, TierSchema, balances

fields = ma.fields
REASON_CHARACTERS_MAX = 200
MOST_AT_ONCE = 10**9


class SearchQuery(PageQuery):
    """Who is looked for."""

    query = Text(
        longest=EMAIL_CHARACTERS_MAX,
        required=True,
        metadata={
            "description": "A whole e-mail address, phone number (with its `+`) or card number, or how a name begins"
        },
    )


class FoundTierSchema(AnswerSchema):
    """The tier held, as it was written down last."""

    id = fields.String()
    name = fields.String()


class FoundMemberSchema(PersonSchema):
    """Just enough of a member to tell people apart."""

    tier = fields.Nested(FoundTierSchema, allow_none=True)
    address = fields.String(
        allow_none=True, metadata={"description": "A hint of the e-mail address, else of the phone: `a•••@example.org`"}
    )


class Change(UnitAmount):
    """Units to add or (below zero) to take; never none."""

    json_schema: ClassVar[Mapping[str, object]] = {"not": {"const": 0}}

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> int:
        number = super()._deserialize(value, attr, data, **kwargs)
        if number == 0:
            raise ma.ValidationError("Not zero.")
        return number


class AdjustmentSchema(Schema):
    """Units to add or (below zero) to take."""

    unit = Text(longest=50, required=True)
    amount = Change(minimum=-MOST_AT_ONCE, maximum=MOST_AT_ONCE, required=True)
    reason = Text(longest=REASON_CHARACTERS_MAX, required=True, metadata={"description": "The member reads it"})


class AdjustmentAnswerSchema(AnswerSchema):
    """An adjustment, and what the member has now."""

    id = Uuid()
    member = fields.Nested(PersonSchema)
    unit = fields.String()
    amount = UnitAmount(minimum=-MOST_AT_ONCE, maximum=MOST_AT_ONCE)
    reason = fields.String()
    balances = balances()


class MergeSchema(Schema):
    """The member into whom this one is merged."""

    into = Uuid(required=True)
    reason = Text(longest=REASON_CHARACTERS_MAX, required=True, metadata={"description": "The member reads it"})


class MergeAnswerSchema(CustomerSchema):
    """The member who stays, with everything of the one who went (`merged`)."""

    merged = Uuid()
    membership = fields.Nested(MembershipSchema, allow_none=True)


class InvitationSchema(Schema):
    """A tier to give by hand; the member does not fall below it while it lasts."""

    tier = Text(longest=50, required=True)
    until = Day(load_default=left_out, metadata={"description": "Its last day; without end if left out"})
    reason = Text(longest=REASON_CHARACTERS_MAX, required=True)


class InvitationAnswerSchema(AnswerSchema):
    """The tier held now."""

    id = Uuid()
    member = fields.Nested(PersonSchema)
    tier = fields.Nested(TierSchema)


class AsOfQuery(Schema):
    """When."""

    as_of = UtcDateTime(load_default=left_out, metadata={"description": "As it was known then; now if left out"})


class MemberForManagerSchema(MemberSchema):
    """A member as a manager sees them."""

    status = OneOf("active", "guest")
    card = fields.Nested(CardStateSchema, allow_none=True)
