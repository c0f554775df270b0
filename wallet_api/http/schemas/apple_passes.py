"""What Apple Wallet sends and gets. Its names are Apple's, and fields that Apple adds are passed over."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.schemas.base import AnswerSchema
from wallet_api.http.schemas.fields import Matching, Text, Uuid, left_out

fields = ma.fields
TAG_CHARACTERS_MAX = 200


class AppleSchema(ma.Schema):
    """What Apple sends, now and later."""

    class Meta:
        unknown = ma.EXCLUDE


class RegistrationSchema(AppleSchema):
    """Where to wake the device."""

    push_token = Matching(
        r"^[0-9A-Fa-f]{2,200}$", error="Not a push token in hex.", required=True, data_key="pushToken"
    )


class ChangesQuery(AppleSchema):
    """The tag that the device got last."""

    since = Text(
        shortest=0,
        longest=TAG_CHARACTERS_MAX,
        load_default=left_out,
        data_key="passesUpdatedSince",
        metadata={"description": "`lastUpdated` of the answer before; all passes of the device if left out"},
    )


class ChangesSchema(AnswerSchema):
    """The passes that changed."""

    serials = fields.List(Uuid(), data_key="serialNumbers")
    # A string: given a number, a device silently fetches nothing.
    tag = fields.String(data_key="lastUpdated")


class LogSchema(AppleSchema):
    """What a device complains about."""

    logs = fields.List(fields.String(), required=True)
