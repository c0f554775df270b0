"""Messages: what became of each, what members want, and what a mail provider reports."""

from __future__ import annotations

from typing import ClassVar

import marshmallow as ma

from notifications.texts import PLACEHOLDERS
from wallet_api.domain.messages import KINDS, PREFERABLE
from wallet_api.http.pagination import PageQuery
from wallet_api.http.schemas.address import Language, TimeZone, TypedEmail
from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import Matching, OneOf, Text, UtcDateTime, Uuid, YesOrNo, left_out
from wallet_api.services import bounces
from wallet_api.services.explain import LANGUAGES
from wallet_api.services.show_messages import NOT_SENT, SENT, WAITING

fields = ma.fields
CLASSES = ("code", "service", "marketing")
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
VALUE_CHARACTERS_MAX = 200
PLACEHOLDER_NAMES = sorted(frozenset().union(*PLACEHOLDERS.values()))


class ByChannelSchema(AnswerSchema):
    """What became of a message by one way; `reason` and `why` say why it was not sent."""

    channel = fields.String()
    status = OneOf(SENT, WAITING, NOT_SENT)
    reason = fields.String(allow_none=True, metadata={"description": "A stable word, such as `no_consent`"})
    why = fields.String(allow_none=True, metadata={"description": "The same as a sentence"})
    at = UtcDateTime(allow_none=True, metadata={"description": "When the provider took it, or when it is tried next"})


class NotificationSchema(AnswerSchema):
    """A message for the member, sent or not."""

    id = Uuid()
    kind = fields.String()
    class_ = OneOf(*CLASSES, data_key="class", attribute="class")
    title = fields.String()
    body = fields.String()
    created_at = UtcDateTime()
    status = OneOf(SENT, WAITING, NOT_SENT, metadata={"description": "`sent` where it went out by any way"})
    channels = fields.List(fields.Nested(ByChannelSchema))
    opened_at = UtcDateTime(allow_none=True, metadata={"description": "When the app reported that it was opened"})


class MessagesQuery(PageQuery):
    """A page of a member's messages."""

    language = OneOf(*LANGUAGES, load_default=LANGUAGES[0], metadata={"description": "Of the reasons"})


class QuietHoursSchema(Schema):
    """Local hours in which nothing is sent; over midnight where `until` is earlier, none at all where both are equal."""

    from_ = Matching(CLOCK, error="Not a time such as 22:00.", required=True, data_key="from", attribute="from")
    until = Matching(CLOCK, error="Not a time such as 07:00.", required=True)


class KindBodySchema(Schema):
    """By which ways messages of one kind are wanted; what is left out is."""

    kind = OneOf(*PREFERABLE, required=True)
    push = YesOrNo(load_default=True)
    email = YesOrNo(load_default=True)
    wallet = YesOrNo(load_default=True)


class PreferencesBodySchema(Schema):
    """All preferences anew: kinds that are left out are wanted by every way."""

    kinds = fields.List(fields.Nested(KindBodySchema), required=True, validate=ma.validate.Length(max=len(PREFERABLE)))
    quiet_hours = fields.Nested(
        QuietHoursSchema, required=True, allow_none=True, metadata={"description": "Null: the program's"}
    )
    time_zone = TimeZone(required=True, allow_none=True, metadata={"description": "Null: the program's"})


class KindSchema(AnswerSchema):
    """By which ways messages of one kind are wanted."""

    kind = fields.String()
    class_ = OneOf(*CLASSES, data_key="class", attribute="class")
    push = fields.Boolean()
    email = fields.Boolean()
    wallet = fields.Boolean()


class PreferencesSchema(AnswerSchema):
    """What the member chose; `marketing` messages also need the consent of that name."""

    kinds = fields.List(fields.Nested(KindSchema))
    quiet_hours = fields.Nested(QuietHoursSchema, allow_none=True, metadata={"description": "Null: the program's"})
    time_zone = fields.String(allow_none=True, metadata={"description": "Null: the program's"})


class SampleValues(ma.fields.Dict):
    """Values for placeholders, by their names."""

    json_schema: ClassVar[dict[str, object]] = {"propertyNames": {"enum": PLACEHOLDER_NAMES}}

    def __init__(self, **rest: object) -> None:
        super().__init__(
            keys=OneOf(*PLACEHOLDER_NAMES),
            values=Text(longest=VALUE_CHARACTERS_MAX),
            **rest,  # type: ignore[arg-type]  # Field's own keywords
        )


class MessagePreviewBodySchema(Schema):
    """Which message to show, and what to put in the place of samples."""

    kind = OneOf(*KINDS, required=True)
    locale = Language(load_default=left_out, metadata={"description": "The member's own where left out"})
    values = SampleValues(load_default=dict)


class MessagePreviewSchema(AnswerSchema):
    """A message as the member would read it, and by which ways it would go now."""

    kind = fields.String()
    class_ = OneOf(*CLASSES, data_key="class", attribute="class")
    locale = fields.String()
    title = fields.String()
    body = fields.String()
    channels = fields.List(fields.Nested(ByChannelSchema))


class BounceBodySchema(Schema):
    """Mail to an address came back, for good or for now, or its owner complained."""

    address = TypedEmail(required=True)
    type = OneOf(*bounces.KINDS, required=True)
