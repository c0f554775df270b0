"""How schemas come into the OpenAPI document, where apispec alone would leave something out."""

from __future__ import annotations

from typing import cast

import marshmallow as ma
from flask_smorest.spec import MarshmallowPlugin  # type: ignore[import-untyped]  # it ships no types

from wallet_api.http.schemas.base import Schema


class DocumentedRules(MarshmallowPlugin.Converter):  # type: ignore[misc]  # the parent is untyped
    """Documents a schema with its rules about several fields."""

    def schema2jsonschema(self, schema: ma.Schema | type[ma.Schema]) -> dict[str, object]:
        """The schema as JSON Schema: one rule stands beside its properties, several in `allOf`."""
        told = cast("dict[str, object]", super().schema2jsonschema(schema))
        kind = schema if isinstance(schema, type) else type(schema)
        match kind.documented_rules() if issubclass(kind, Schema) else []:
            case []:
                return told
            case [rule]:
                return {**told, **rule}
            case rules:
                return {**told, "allOf": rules}


class Documentation(MarshmallowPlugin):  # type: ignore[misc]  # the parent is untyped
    """The plugin of apispec with that converter."""

    Converter = DocumentedRules
