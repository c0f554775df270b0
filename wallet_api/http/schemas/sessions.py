"""Signing in, and the tokens that it gives."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.schemas.address import AddressSchema
from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import Matching, OneOf, StrictInteger
from wallet_api.http.schemas.joining import CODE
from wallet_api.http.schemas.me import MemberSchema

REFRESH_TOKEN = r"^[\x21-\x7e]{1,200}$"
SECONDS_MAX = 86_400


class SignInSchema(AddressSchema):
    """An address, and the code that was sent there."""

    code = Matching(CODE, error="A code is six digits.", required=True)


class RefreshSchema(Schema):
    """The refresh token of the last pair."""

    refresh_token = Matching(REFRESH_TOKEN, error="Not a refresh token.", required=True)


class TokensSchema(AnswerSchema):
    """A pair of tokens: the access token for calls, the refresh token for the next pair, once."""

    access_token = ma.fields.String()
    refresh_token = ma.fields.String()
    expires_in = StrictInteger(minimum=1, maximum=SECONDS_MAX, metadata={"description": "Of the access token, seconds"})
    token_type = OneOf("Bearer")


class SessionSchema(TokensSchema):
    """A member's new session."""

    member = ma.fields.Nested(MemberSchema)
