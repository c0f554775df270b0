"""The two kinds of schema: what a caller may send, and what a caller gets."""

from __future__ import annotations

import marshmallow as ma


class Schema(ma.Schema):
    """What a caller may send: an unknown field is refused, and the document says so."""

    class Meta:
        unknown = ma.RAISE


class AnswerSchema(Schema):
    """What a caller gets: every field is there, as null where it has no value (`allow_none`).

    A value that lacks a field is a fault of ours, so dumping it raises AttributeError instead of leaving it out.
    """

    def on_bind_field(self, field_name: str, field_obj: ma.fields.Field[object]) -> None:
        field_obj.required = True

    def get_attribute(self, obj: object, attr: str, default: object) -> object:
        value: object = super().get_attribute(obj, attr, default)
        if value is ma.missing:
            raise AttributeError(f"{type(obj).__name__} has no {attr!r}, which {type(self).__name__} promises.")
        return value
