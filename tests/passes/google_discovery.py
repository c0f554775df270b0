"""Google's own description of its objects, as a strict check: every field known, of its type, and one that is not going away.

The description is the file that ships in google-api-python-client; nothing else of that package is used.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

DOCUMENT = "discovery_cache/documents/walletobjects.v1.json"
IS: Mapping[str, Callable[[object], bool]] = {
    "int32": lambda value: type(value) is int and -(2**31) <= value < 2**31,
    "double": lambda value: type(value) in {int, float} and math.isfinite(float(str(value))),
    "boolean": lambda value: type(value) is bool,
}


@cache
def schemas() -> Mapping[str, Any]:
    """Every schema of walletobjects v1, by its name."""
    text = resources.files("googleapiclient").joinpath(DOCUMENT).read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)["schemas"]
    return found


def faults(body: Mapping[str, object], schema: str, *, is_patch: bool = False) -> list[str]:
    """Where a body is not what Google describes: the path, and what is wrong.

    A patch may hold null for a field to take away, and need not hold what is required.
    """
    sent = {name: value for name, value in body.items() if not (is_patch and value is None)}
    found = [f"{name}: unknown" for name in body.keys() - schemas()[schema]["properties"].keys()]
    found += _of_object(sent, schema, path="")
    if not is_patch:
        found += [f"{name}: required" for name in _required(schema) if not body.get(name)]
    return sorted(set(found))


def _required(schema: str) -> list[str]:
    properties = schemas()[schema]["properties"]
    return [name for name, told in properties.items() if told.get("description", "").startswith("Required")]


def _of_object(value: object, schema: str, *, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: not an object"
        return
    properties = schemas()[schema]["properties"]
    for name, part in value.items():
        inner = f"{path}.{name}" if path else str(name)
        if name not in properties:
            yield f"{inner}: unknown"
        elif properties[name].get("deprecated"):
            yield f"{inner}: deprecated"
        else:
            yield from _of(part, properties[name], path=inner)


def _of(value: object, told: Mapping[str, Any], *, path: str) -> Iterator[str]:
    match told:
        case {"$ref": schema}:
            yield from _of_object(value, schema, path=path)
        case {"type": "array", "items": items}:
            if not isinstance(value, list):
                yield f"{path}: not an array"
                return
            for index, item in enumerate(value):
                yield from _of(item, items, path=f"{path}[{index}]")
        case {"type": "string"}:
            yield from _of_string(value, told, path=path)
        case _:
            what = told.get("format") or told["type"]
            if not IS[what](value):
                yield f"{path}: not {what}"


def _of_string(value: object, told: Mapping[str, Any], *, path: str) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{path}: not a string"
        return
    if told.get("format") == "int64" and not (re.fullmatch(r"-?[0-9]+", value) and -(2**63) <= int(value) < 2**63):
        yield f"{path}: not an int64"
    if "enum" in told:
        going = told.get("enumDeprecated", [False] * len(told["enum"]))
        if value not in [word for word, is_going in zip(told["enum"], going, strict=True) if not is_going]:
            yield f"{path}: not one of its words"
