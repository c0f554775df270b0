"""The member's card."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.schemas.base import AnswerSchema
from wallet_api.http.schemas.fields import OneOf, UtcDateTime

fields = ma.fields


class CodeToShowSchema(AnswerSchema):
    """A code, and the moment from which to show it."""

    show_at = UtcDateTime()
    value = fields.String()


class BarcodeSchema(AnswerSchema):
    """The code to show now; `codes` are those of the next ten minutes, for when the network drops."""

    format = OneOf("qr")
    value = fields.String()
    valid_until = UtcDateTime()
    refresh_after = UtcDateTime()
    codes = fields.List(fields.Nested(CodeToShowSchema))


class AppleLinkSchema(AnswerSchema):
    """Where the Apple Wallet pass is."""

    url = fields.String()


class GoogleLinkSchema(AnswerSchema):
    """The link that saves the pass to Google Wallet."""

    save_url = fields.String()


class CardSchema(AnswerSchema):
    """The card; a wallet that the shop has not set up is null."""

    number = fields.String()
    status = OneOf("active", "blocked", "replaced")
    barcode = fields.Nested(BarcodeSchema)
    apple = fields.Nested(AppleLinkSchema, allow_none=True)
    google = fields.Nested(GoogleLinkSchema, allow_none=True)
