"""Campaigns: what a manager writes, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import marshmallow as ma

from notifications.render import TEXT_MAX_CHARACTERS
from wallet_api.domain.campaign import Status
from wallet_api.domain.experiment import Goal
from wallet_api.domain.messages import CHANNELS
from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import (
    LINES,
    Localised,
    Matching,
    OneOf,
    StrictInteger,
    Text,
    UtcDateTime,
    Uuid,
    left_out,
)
from wallet_api.http.schemas.segments import NAME_CHARACTERS_MAX, RuleField

fields = ma.fields
ARMS_MAX = 5
SHARE_MAX = 100
WINDOW_DAYS_MAX = 90
WINDOW_DAYS = 7


_TEXT: Mapping[str, object] = {
    "type": "string",
    "minLength": 1,
    "maxLength": TEXT_MAX_CHARACTERS,
    "pattern": LINES,
}


class Said(ma.fields.Field[object]):
    """A text, or one for each language: `"Hello"` or `{"en": "Hello", "fr": "Bonjour"}`."""

    json_schema: ClassVar[Mapping[str, object]] = {
        "oneOf": [_TEXT, {"type": "object", "additionalProperties": _TEXT, **Localised.json_schema}]
    }
    _one = Text(longest=TEXT_MAX_CHARACTERS, lines=True)
    _languages = Localised(longest=TEXT_MAX_CHARACTERS)

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> object:
        if not isinstance(value, dict):
            return self._one.deserialize(value)
        self._languages.deserialize(dict.fromkeys(value, "-"))  # whether each key is a language
        return {language: self._one.deserialize(text) for language, text in value.items()}


class ArmBodySchema(Schema):
    """One of the ways that are compared."""

    name = Matching("^[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?$", error="Not a name such as a or short-text.", required=True)
    share = StrictInteger(minimum=1, maximum=SHARE_MAX, required=True, metadata={"description": "In per cent"})
    title = Said(metadata={"description": "The campaign’s own if left out"})
    body = Said(metadata={"description": "The campaign’s own if left out"})


class ExperimentBodySchema(Schema):
    """Ways that are compared, and a group that gets nothing; their shares add up to 100."""

    arms = fields.List(fields.Nested(ArmBodySchema), required=True, validate=ma.validate.Length(min=1, max=ARMS_MAX))
    control = StrictInteger(
        minimum=0, maximum=SHARE_MAX - 1, load_default=0, metadata={"description": "In per cent; they get nothing"}
    )
    goal = OneOf(*Goal, load_default=Goal.BUYERS.value, metadata={"description": "By what the arms are compared"})


class CampaignBodySchema(Schema):
    """A campaign as a manager writes it."""

    name = Text(longest=NAME_CHARACTERS_MAX, required=True)
    segment = Uuid(required=True)
    title = Said(required=True, metadata={"description": "With placeholders such as `{given_name}`"})
    body = Said(
        required=True,
        metadata={
            "description": "It may have `{program}`, `{given_name}`, `{balance}`, `{tier}`, `{voucher}`, `{items}`, "
            "`{day}`, and with a survey `{survey}`"
        },
    )
    channels = fields.List(
        OneOf(*CHANNELS),
        load_default=lambda: ["push"],
        validate=ma.validate.Length(min=1, max=len(CHANNELS)),
    )
    starts_at = UtcDateTime(load_default=left_out, metadata={"description": "A draft if left out"})
    ends_at = UtcDateTime(
        load_default=left_out,
        metadata={"description": "Nothing is sent after it; a week after each is filed if left out"},
    )
    reward = Text(longest=50, load_default=left_out, metadata={"description": "What each of them is given"})
    promotion = Text(longest=50, load_default=left_out, metadata={"description": "On from the start to the end"})
    survey = Text(longest=50, load_default=left_out, metadata={"description": "Which one they are asked to answer"})
    experiment = fields.Nested(ExperimentBodySchema, load_default=left_out)
    purchases_within_days = StrictInteger(
        minimum=1,
        maximum=WINDOW_DAYS_MAX,
        load_default=WINDOW_DAYS,
        metadata={"description": "For how long after a message purchases count as results"},
    )


class ArmSchema(AnswerSchema):
    """One of the ways that are compared."""

    name = fields.String()
    share = fields.Integer()
    title = Localised(longest=TEXT_MAX_CHARACTERS, allow_none=True)
    body = Localised(longest=TEXT_MAX_CHARACTERS, allow_none=True)


class ExperimentSchema(AnswerSchema):
    """Ways that are compared."""

    arms = fields.List(fields.Nested(ArmSchema))
    control = fields.Integer()
    goal = OneOf(*Goal)


class ListedCampaignSchema(AnswerSchema):
    """A campaign."""

    id = Uuid()
    name = fields.String()
    status = OneOf(*Status)
    segment = Uuid(metadata={"description": "The segment whose rule was taken; it may have changed since, or be gone"})
    rule = RuleField()
    title = Localised(longest=TEXT_MAX_CHARACTERS)
    body = Localised(longest=TEXT_MAX_CHARACTERS)
    channels = fields.List(fields.String())
    starts_at = UtcDateTime(allow_none=True)
    ends_at = UtcDateTime(allow_none=True)
    reward = fields.String(allow_none=True)
    promotion = fields.String(allow_none=True)
    survey = fields.String(allow_none=True)
    experiment = fields.Nested(ExperimentSchema, allow_none=True)
    purchases_within_days = fields.Integer()
    created_at = UtcDateTime()
    started_at = UtcDateTime(allow_none=True)
    finished_at = UtcDateTime(allow_none=True)


class CampaignReasonSchema(AnswerSchema):
    """Why some got nothing."""

    reason = fields.String()
    text = fields.String(metadata={"description": "In the program’s first language"})
    members = fields.Integer()


class CampaignDeliveriesSchema(AnswerSchema):
    """What became of the messages on their ways to devices and mailboxes."""

    waiting = fields.Integer()
    accepted = fields.Integer(
        metadata={"description": "The provider has taken them; whether they were seen is another thing"}
    )
    failed = fields.Integer()


class CampaignProgressSchema(AnswerSchema):
    """How far a campaign is, in members."""

    audience = fields.Integer(allow_none=True, metadata={"description": "Null until it is fixed, at the start"})
    waiting = fields.Integer()
    sent = fields.Integer()
    withheld = fields.Integer()
    control = fields.Integer()
    cancelled = fields.Integer()
    failed = fields.Integer()
    reasons = fields.List(fields.Nested(CampaignReasonSchema))
    deliveries = fields.Nested(CampaignDeliveriesSchema)


class CampaignResultSchema(AnswerSchema):
    """What came of one arm; all are one where the campaign is no experiment."""

    arm = fields.String(allow_none=True)
    members = fields.Integer()
    opened = fields.Integer()
    redeemed = fields.Integer(metadata={"description": "Vouchers of the campaign"})
    buyers = fields.Integer()
    purchases = fields.Integer()
    amount = fields.Integer(metadata={"description": "What they bought, less what came back; in minor units"})


class CampaignSchema(ListedCampaignSchema):
    """A campaign, how far it is, and what came of it."""

    currency = fields.String()
    progress = fields.Nested(CampaignProgressSchema)
    results = fields.List(fields.Nested(CampaignResultSchema))
