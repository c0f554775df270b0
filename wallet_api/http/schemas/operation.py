"""How the server is."""

from __future__ import annotations

from wallet_api.http.schemas.base import AnswerSchema
from wallet_api.http.schemas.fields import OneOf


class AliveSchema(AnswerSchema):
    """The process answers."""

    status = OneOf("ok")


class ReadySchema(AnswerSchema):
    """Requests can be served."""

    status = OneOf("ready")
