"""Experiments: what they take, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import marshmallow as ma

from wallet_api.domain.campaign import Status
from wallet_api.domain.experiment import Goal
from wallet_api.domain.messages import EMAIL, PUSH
from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.campaigns import ARMS_MAX, SHARE_MAX
from wallet_api.http.schemas.fields import Day, MoneyAmount, OneOf, StrictInteger, UtcDateTime, Uuid, left_out
from wallet_api.services.explain import LANGUAGES
from wallet_api.services.plan_experiment import MEMBERS_MAX

fields = ma.fields
POWER_MIN, POWER_MAX, POWER = 50, 99, 80
WAYS = (PUSH, EMAIL)


class Percent(ma.fields.Field[float]):
    """More than nothing and less than all, in per cent, with at most three decimals; a share (0.05) on our side."""

    refusal: ClassVar[str] = "Not a number from 0.001 to 99.999 with at most three decimals."
    json_schema: ClassVar[Mapping[str, object]] = {
        "type": "number",
        "minimum": 0.001,
        "maximum": 99.999,
        "multipleOf": 0.001,
    }

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0.001 <= value <= 99.999:
            raise ma.ValidationError(self.refusal)
        number = Decimal(repr(value))
        if number != number.quantize(Decimal("0.001")):
            raise ma.ValidationError(self.refusal)
        return float(number / 100)


class LanguageQuery(Schema):
    """In which language sentences are."""

    language = OneOf(*LANGUAGES, load_default=LANGUAGES[0])


class HoldOutQuery(LanguageQuery):
    """Which days are looked at."""

    from_ = Day(
        load_default=left_out,
        data_key="from",
        attribute="first",
        metadata={"description": "The first day; 90 days up to the last if left out"},
    )
    to = Day(load_default=left_out, attribute="last", metadata={"description": "The last day; yesterday if left out"})


class RateGoalSchema(Schema):
    """How many members buy."""

    base = Percent(required=True, metadata={"description": "The share of members who buy anyhow, in per cent"})
    effect = Percent(
        required=True, metadata={"description": "How much higher it must be to matter, in percentage points"}
    )


class AmountGoalSchema(Schema):
    """What a member buys on average, those who buy nothing included."""

    deviation = MoneyAmount(
        minimum=1, required=True, metadata={"description": "The standard deviation over members; in minor units"}
    )
    effect = MoneyAmount(
        minimum=1, required=True, metadata={"description": "How much higher it must be to matter; in minor units"}
    )


class PowerBodySchema(Schema):
    """An experiment that is planned."""

    exactly_one = (("buyers", "amount"),)
    not_together = (("segment", "members"),)

    buyers = fields.Nested(RateGoalSchema, load_default=left_out)
    amount = fields.Nested(AmountGoalSchema, load_default=left_out)
    arms = fields.List(
        StrictInteger(minimum=1, maximum=SHARE_MAX),
        load_default=lambda: [50],
        validate=ma.validate.Length(min=1, max=ARMS_MAX),
        metadata={"description": "Their shares in per cent; with the control group’s they make 100"},
    )
    control = StrictInteger(
        minimum=0,
        maximum=SHARE_MAX - 1,
        load_default=50,
        metadata={"description": "In per cent; without it all are compared with the first arm"},
    )
    power = StrictInteger(
        minimum=POWER_MIN,
        maximum=POWER_MAX,
        load_default=POWER,
        metadata={"description": "In how many of a hundred such experiments the effect is seen if there is one"},
    )
    segment = Uuid(load_default=left_out, metadata={"description": "To whom it would go"})
    members = StrictInteger(
        minimum=0, maximum=MEMBERS_MAX, load_default=left_out, metadata={"description": "To how many it would go"}
    )
    channels = fields.List(
        OneOf(*WAYS),
        load_default=lambda: [PUSH],
        validate=ma.validate.Length(min=1, max=len(WAYS)),
        metadata={"description": "Of a segment those count who can be reached by one of them"},
    )


class PowerSchema(AnswerSchema):
    """What an experiment takes."""

    confidence = fields.Float(metadata={"description": "One in twenty false alarms: 0.95"})
    power = fields.Integer()
    members_needed = fields.Integer(metadata={"description": "In all"})
    arms_needed = fields.List(fields.Integer(), metadata={"description": "In each arm"})
    control_needed = fields.Integer()
    audience = fields.Integer(
        allow_none=True, metadata={"description": "How many there are who may be written to, and can be"}
    )
    is_enough = fields.Boolean(allow_none=True)
    smallest_effect = fields.Float(
        allow_none=True,
        metadata={"description": "What that audience would show: percentage points, or minor units; null: nothing"},
    )
    text = fields.String(metadata={"description": "The same in words"})


class WarningSchema(AnswerSchema):
    """Why the figures are not to be trusted, or not yet."""

    warning = OneOf("running", "early", "cut_short", "uneven", "few_buyers", "no_control")
    text = fields.String()


class ComparedArmSchema(AnswerSchema):
    """What the members of one group bought."""

    name = fields.String()
    share = fields.Float(metadata={"description": "Which share of the members it should have, in per cent"})
    members = fields.Integer(metadata={"description": "Who got the message; of a control group, who would have"})
    buyers = fields.Integer()
    rate = fields.Float(metadata={"description": "Buyers by members"})
    amount = fields.Integer(metadata={"description": "What they bought, less what came back; in minor units"})
    amount_per_member = fields.Float(metadata={"description": "In minor units"})


class ComparisonSchema(AnswerSchema):
    """One group beside the one that it is compared with, by one measure."""

    arm = fields.String()
    reference = fields.String()
    measure = OneOf(*Goal)
    decides = fields.Boolean(metadata={"description": "Whether this measure is the experiment’s goal"})
    difference = fields.Float(metadata={"description": "Of shares of members, or in minor units a member"})
    low = fields.Float(metadata={"description": "The difference lies above it, and below `high`, in 95 of 100 cases"})
    high = fields.Float()
    relative = fields.Float(allow_none=True, metadata={"description": "By what the reference has: 0.1 is a tenth more"})
    p_value = fields.Float(metadata={"description": "How often chance alone does as much"})
    p_value_corrected = fields.Float(metadata={"description": "For the number of arms (Holm)"})
    is_significant = fields.Boolean(metadata={"description": "`p_value_corrected` is under 0.05"})
    text = fields.String(metadata={"description": "The same in words"})


class FoundSchema(AnswerSchema):
    """What came of a comparison."""

    currency = fields.String()
    goal = OneOf(*Goal)
    confidence = fields.Float()
    reference = fields.String(metadata={"description": "The group that the others are compared with"})
    ends_at = UtcDateTime(
        allow_none=True, metadata={"description": "When all that counts has happened; null: not known"}
    )
    is_final = fields.Boolean(metadata={"description": "False: too early to decide by it"})
    warnings = fields.List(fields.Nested(WarningSchema))
    arms = fields.List(fields.Nested(ComparedArmSchema))
    comparisons = fields.List(fields.Nested(ComparisonSchema))
    conclusion = fields.List(fields.String(), metadata={"description": "What is to be read of it, a sentence an arm"})


class ExperimentResultSchema(FoundSchema):
    """What came of a campaign’s arms."""

    campaign = Uuid()
    status = OneOf(*Status)


class HoldOutSchema(FoundSchema):
    """What all marketing is worth: members who get it beside those who are held out."""

    from_ = Day(data_key="from", attribute="from")
    to = Day()
