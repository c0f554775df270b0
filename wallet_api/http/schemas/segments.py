"""Segments: rules that select members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import marshmallow as ma

from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import Text, UtcDateTime, Uuid
from wallet_api.http.schemas.members import FoundMemberSchema
from wallet_api.services.segments import SAMPLE_MEMBERS

fields = ma.fields
NAME_CHARACTERS_MAX = 100
RULE_REF = "#/components/schemas/SegmentRule"


class RuleField(ma.fields.Field[dict[str, object]]):
    """A segment's rule; what is in it is read by the domain, which names each fault with its place."""

    refusal: ClassVar[str] = "Not an object."
    json_schema: ClassVar[Mapping[str, object]] = {"$ref": RULE_REF}

    def _deserialize(self, value: object, attr: str | None, data: object, **kwargs: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise ma.ValidationError(self.refusal)
        return value


class SegmentBodySchema(Schema):
    """A segment to save."""

    name = Text(longest=NAME_CHARACTERS_MAX, required=True)
    rule = RuleField(required=True)


class SegmentSchema(AnswerSchema):
    """A segment that was saved."""

    id = Uuid()
    name = fields.String()
    rule = RuleField()
    created_at = UtcDateTime()
    updated_at = UtcDateTime()


class SegmentPreviewBodySchema(Schema):
    """The rule to try."""

    rule = RuleField(required=True)


class SegmentPreviewSchema(AnswerSchema):
    """Whom a rule selects now."""

    size = fields.Integer(metadata={"description": "How many members"})
    sample = fields.List(
        fields.Nested(FoundMemberSchema),
        validate=ma.validate.Length(max=SAMPLE_MEMBERS),
        metadata={"description": "Those of them who joined last"},
    )
