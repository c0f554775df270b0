"""Paid and verified memberships: what happens to them, and where they stand."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import Day, Matching, MoneyAmount, OneOf, UtcDateTime, Uuid, left_out

fields = ma.fields
STATES = ("none", "trial", "paid", "grace", "ended", "pending", "verified", "lapsed")


class PlanField(Matching):
    """The id of a plan."""

    def __init__(self, **rest: object) -> None:
        super().__init__(r"^[a-z][a-z0-9_-]{0,63}$", error="Not the id of a plan.", **rest)  # type: ignore[arg-type]  # Field's own


class MyMembershipBodySchema(Schema):
    """The member starts a plan, or cancels the one that runs."""

    action = OneOf("start", "cancel", required=True)
    plan = PlanField(load_default=left_out, metadata={"description": "Which one is started"})


class MembershipBodySchema(Schema):
    """The shop does the same, or its payment provider gives word of a charge."""

    action = OneOf("start", "cancel", "payment_succeeded", "payment_failed", required=True)
    plan = PlanField(load_default=left_out, metadata={"description": "Which one is started"})
    occurred_at = UtcDateTime(load_default=left_out, metadata={"description": "Now, if left out"})


class MyVerificationBodySchema(Schema):
    """The member asks for a membership by proof; the shop looks at the proof in its own way."""

    action = OneOf("apply", required=True)


class VerificationBodySchema(Schema):
    """What the shop found."""

    action = OneOf("apply", "approve", "revoke", "renew", required=True)


class PlanSchema(AnswerSchema):
    """A paid membership's plan."""

    id = fields.String()
    name = fields.String()
    fee = MoneyAmount()


class MembershipSchema(AnswerSchema):
    """Where a paid or verified membership stands; days are the program's own."""

    status = OneOf(*STATES)
    plan = fields.Nested(PlanSchema, allow_none=True)
    until = Day(allow_none=True, metadata={"description": "Its last day; null where it has no end"})
    charge_on = Day(allow_none=True, metadata={"description": "When the provider's next charge falls due"})
    is_cancelled = fields.Boolean(metadata={"description": "It ends with `until`"})


class MembershipAnswerSchema(AnswerSchema):
    """A membership after an event, and what money has to move: the shop's payment provider moves it."""

    id = Uuid()
    membership = fields.Nested(MembershipSchema)
    charge = MoneyAmount(allow_none=True, metadata={"description": "To be charged now; null where nothing is asked"})
    refund = MoneyAmount(metadata={"description": "To be given back"})
    currency = fields.String()


class VerificationAnswerSchema(AnswerSchema):
    """A membership by proof after an event."""

    id = Uuid()
    membership = fields.Nested(MembershipSchema)
