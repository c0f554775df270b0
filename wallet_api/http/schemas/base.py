"""The two kinds of schema: what a caller may send, and what a caller gets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import marshmallow as ma


class Schema(ma.Schema):
    """What a caller may send: an unknown field is refused, and the document says so.

    A rule about several fields is declared here once, so that the check and the document cannot differ. Its fields are
    `left_out` by default and take no null.
    """

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = ()
    not_together: ClassVar[tuple[tuple[str, ...], ...]] = ()

    class Meta:
        unknown = ma.RAISE

    @ma.validates_schema
    def check_together(self, values: Mapping[str, object], **_: object) -> None:
        """Refuse none or several of what stands for one another."""
        for names in self.exactly_one:
            if _given(values, names) != 1:
                raise ma.ValidationError(f"Give exactly one of {_listed(names)}.")
        for names in self.not_together:
            if _given(values, names) > 1:
                raise ma.ValidationError(f"Give at most one of {_listed(names)}.")

    @classmethod
    def documented_rules(cls) -> list[dict[str, object]]:
        """The same rules as JSON Schema says them."""
        exactly: list[dict[str, object]] = [
            {"oneOf": [{"required": [name]} for name in names]} for names in cls.exactly_one
        ]
        apart: list[dict[str, object]] = [{"not": {"required": list(names)}} for names in cls.not_together]
        return [*exactly, *apart]


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


def _given(values: Mapping[str, object], names: tuple[str, ...]) -> int:
    return sum(values.get(name) is not None for name in names)


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1]))
