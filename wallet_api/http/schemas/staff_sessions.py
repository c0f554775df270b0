"""How staff sign in."""

from __future__ import annotations

import marshmallow as ma

from wallet_api.http.auth import ROLES
from wallet_api.http.schemas.address import TypedEmail
from wallet_api.http.schemas.base import Schema
from wallet_api.http.schemas.fields import Matching, OneOf, Text, left_out
from wallet_api.http.schemas.joining import CODE
from wallet_api.http.schemas.sessions import TokensSchema

PASSWORD_CHARACTERS_MAX = 200


class StaffSignInSchema(Schema):
    """E-mail address and password, and the authenticator's code where one is set up."""

    email = TypedEmail(required=True)
    password = Text(longest=PASSWORD_CHARACTERS_MAX, required=True)
    totp = Matching(CODE, error="A code is six digits.", load_default=left_out)


class StaffSessionSchema(TokensSchema):
    """A staff member's new session."""

    program = ma.fields.String()
    role = OneOf(*ROLES)
