"""Reads requests strictly: what the OpenAPI document forbids does not reach an endpoint.

Refuses a body that is not `application/json` (415), is too large (413), is no JSON, repeats a key or holds NaN or
Infinity (400); a body or query that is too deep, holds NUL or half a surrogate pair, which PostgreSQL cannot store,
an unknown field, or a scalar query key twice (422).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import NoReturn

import flask
import marshmallow as ma
from webargs.flaskparser import FlaskParser
from webargs.multidictproxy import MultiDictProxy

from wallet_api.http.problems import BodyTooLarge, Fault, InvalidRequest, MalformedJson, UnsupportedMediaType

JSON_DEPTH_MAX = 32


class StrictParser(FlaskParser):
    """The parser of every endpoint; raises the refusals that `api.py` turns into problems."""

    DEFAULT_UNKNOWN_BY_LOCATION = {
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
        "querystring": ma.RAISE,
    }

    def load_json(self, req: flask.Request, schema: ma.Schema) -> object:
        """The body. Raises UnsupportedMediaType, BodyTooLarge, MalformedJson or InvalidRequest."""
        if req.mimetype != "application/json":
            raise UnsupportedMediaType
        raw = req.get_data(cache=True)
        # werkzeug cuts a body of unknown length (chunked) at the limit and says nothing: half a body is no body.
        limit = req.max_content_length
        if limit is not None and len(raw) >= limit and req.content_length != len(raw):
            raise BodyTooLarge
        body = read_json(raw)
        if faults := list(_unstorable(body, pointer="#", depth=0)):
            raise InvalidRequest(faults)
        return body

    def load_querystring(self, req: flask.Request, schema: ma.Schema) -> MultiDictProxy:
        """The query. Raises InvalidRequest where a scalar key stands twice, or a value holds NUL."""
        query: MultiDictProxy = super().load_querystring(req, schema)
        repeated = [key for key in req.args if key not in query.multiple_keys and len(req.args.getlist(key)) > 1]
        faults = [Fault(pointer=f"query/{key}", detail="Given more than once.") for key in repeated]
        if faults := [*faults, *_unstorable(req.args.to_dict(flat=False), pointer="query", depth=0)]:
            raise InvalidRequest(faults)
        return query

    def handle_error(
        self,
        error: ma.ValidationError,
        req: flask.Request,
        schema: ma.Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        """Raise InvalidRequest with what marshmallow found."""
        messages: Mapping[str, object] = error.normalized_messages()  # type: ignore[no-untyped-call]  # untyped there
        raise InvalidRequest(faults_of(messages)) from error


def read_json(raw: bytes) -> object:
    """The value of a JSON text as RFC 8259 has it, each key once. Raises MalformedJson."""
    try:
        value: object = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_each_key_once, parse_constant=_no_number, parse_float=_finite
        )
    except (ValueError, RecursionError) as malformed:
        raise MalformedJson from malformed
    return value


def faults_of(messages: Mapping[str, object]) -> Iterator[Fault]:
    """Marshmallow's messages by location, as faults with a pointer each."""
    for location, found in messages.items():
        yield from _faults(found, pointer=_LOCATIONS.get(location, location))


_LOCATIONS = {"json": "#", "headers": "header", "querystring": "query"}


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("A key stands twice.")  # which one counts differs from reader to reader
    return fields


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON.")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError("A number is too large.")
    return number


def _unstorable(value: object, *, pointer: str, depth: int) -> Iterator[Fault]:
    if depth > JSON_DEPTH_MAX:
        yield Fault(pointer=pointer, detail=f"Nested more than {JSON_DEPTH_MAX} levels deep.")
        return
    match value:
        case str() if not _is_storable(value):
            yield Fault(pointer=pointer, detail="Holds a NUL or half a surrogate pair.")
        case dict():
            if not all(_is_storable(key) for key in value):
                yield Fault(pointer=pointer, detail="Has a key with a NUL or half a surrogate pair.")
                return
            for key, item in value.items():
                yield from _unstorable(item, pointer=f"{pointer}/{_escaped(key)}", depth=depth + 1)
        case list():
            for index, item in enumerate(value):
                yield from _unstorable(item, pointer=f"{pointer}/{index}", depth=depth + 1)


def _is_storable(text: str) -> bool:
    if text.isascii():
        return "\x00" not in text
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _faults(found: object, *, pointer: str) -> Iterator[Fault]:
    match found:
        case dict():
            for key, inner in found.items():
                step = "" if key == "_schema" else f"/{_escaped(str(key))}"
                yield from _faults(inner, pointer=pointer + step)
        case list():
            for inner in found:
                yield from _faults(inner, pointer=pointer)
        case _:
            yield Fault(pointer=pointer, detail=str(found))


def _escaped(key: str) -> str:
    """A key as a step of a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
