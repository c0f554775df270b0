"""What a refused caller gets: a problem as in RFC 9457."""

from __future__ import annotations

import marshmallow as ma


class FaultSchema(ma.Schema):
    """One thing that is wrong with a request."""

    pointer = ma.fields.String(
        required=True,
        metadata={
            "description": "Where: a JSON Pointer into the body (`#/lines/0/amount`), else `query/…` or `header/…`",
        },
    )
    detail = ma.fields.String(required=True, metadata={"description": "What is wrong there"})


class ProblemSchema(ma.Schema):
    """Why the request was refused; the facts of the case stand beside these members, under their own names."""

    class Meta:
        unknown = ma.INCLUDE

    type = ma.fields.String(required=True, metadata={"format": "uri-reference", "description": "Names the problem"})
    title = ma.fields.String(required=True, metadata={"description": "The reason, the same for every case"})
    status = ma.fields.Integer(required=True, metadata={"description": "The HTTP status"})
    detail = ma.fields.String(required=True, metadata={"description": "The reason in this case"})
    code = ma.fields.String(required=True, metadata={"description": "Stable, for programs"})
    errors = ma.fields.List(ma.fields.Nested(FaultSchema), metadata={"description": "What to correct in the request"})
