"""What Google Wallet sends. Its names are Google's, and fields that Google adds are passed over."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

fields = ma.fields
SIGNATURE_CHARACTERS_MAX = 200
SIGNED_CHARACTERS_MAX = 4_000
SIGNATURES_MAX = 10


def _signed(longest: int, **rest: Any) -> ma.fields.String:
    """Text that is taken to the letter, since it is signed: line breaks too."""
    return fields.String(required=True, validate=ma.validate.Length(min=1, max=longest), **rest)


class GoogleSchema(ma.Schema):
    """What Google sends, now and later."""

    class Meta:
        unknown = ma.EXCLUDE


class GoogleKeySchema(GoogleSchema):
    """The key that has signed the message, signed by a root key of Google's."""

    signed_key = _signed(SIGNED_CHARACTERS_MAX, data_key="signedKey")
    signatures = fields.List(
        fields.String(validate=ma.validate.Length(min=1, max=SIGNATURE_CHARACTERS_MAX)),
        required=True,
        validate=ma.validate.Length(min=1, max=SIGNATURES_MAX),
    )


class GoogleCallbackSchema(GoogleSchema):
    """A signed message: `classId`, `objectId`, `eventType` (`save` or `del`), `expTimeMillis` and `nonce`, as JSON."""

    protocol_version = _signed(40, data_key="protocolVersion")
    signature = _signed(SIGNATURE_CHARACTERS_MAX)
    intermediate_signing_key = fields.Nested(GoogleKeySchema, required=True, data_key="intermediateSigningKey")
    signed_message = _signed(SIGNED_CHARACTERS_MAX, data_key="signedMessage")
