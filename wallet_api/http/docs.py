"""The page `/docs`: the OpenAPI document for people, made on the server, with nothing fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import orjson
from flask import Flask, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from wallet_api.http.problems import all_problems

Json = Mapping[str, object]

_pages = Environment(
    loader=PackageLoader("wallet_api.http"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One call as the page shows it; `body` and the values of `answers` are JSON Schemas as text, or empty."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    callers: tuple[str, ...]
    parameters: tuple[Json, ...]
    body: str
    answers: tuple[tuple[str, str, str], ...]


def register(app: Flask, document: Callable[[], Json]) -> None:
    """Serve the page at `/docs`; the document is asked for at each visit, so that it holds all that is registered."""

    def show_docs() -> Response:
        response = Response(render(document()), content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        return response

    app.add_url_rule("/docs", "docs", show_docs)


def render(document: Json) -> str:
    """The page for an OpenAPI document."""
    by_tag: dict[str, list[Operation]] = {}
    for tag, operation in _operations(document):
        by_tag.setdefault(tag, []).append(operation)
    schemas = _part(_part(document, "components"), "schemas")
    return _pages.get_template("docs.html").render(
        info=document["info"],
        by_tag=by_tag,
        problems=all_problems(),
        schemas={name: _shown(schema) for name, schema in schemas.items()},
    )


def _operations(document: Json) -> Iterator[tuple[str, Operation]]:
    for path, methods in _part(document, "paths").items():
        shared = _list(cast("Json", methods), "parameters")
        for method, raw in cast("Json", methods).items():
            if method == "parameters":
                continue
            told = cast("Json", raw)
            tags = cast("list[str]", told.get("tags", ["other"]))
            yield tags[0], _operation(path, method, told, shared)


def _operation(path: str, method: str, told: Json, shared: tuple[Json, ...]) -> Operation:
    return Operation(
        name=str(told.get("operationId", f"{method} {path}")),
        method=method.upper(),
        path=path,
        summary=str(told.get("summary", "")),
        description=str(told.get("description", "")),
        callers=tuple(
            " ".join([kind, *cast("list[str]", needs)])
            for way in _list(told, "security")
            for kind, needs in way.items()
        ),
        parameters=(*shared, *_list(told, "parameters")),
        body=_content(_part(told, "requestBody")),
        answers=tuple(
            (
                str(status),
                str(_part(_part(told, "responses"), status).get("description", "")),
                _content(cast("Json", answer)),
            )
            for status, answer in sorted(_part(told, "responses").items())
        ),
    )


def _content(told: Json) -> str:
    """The schema of the first content type, as text."""
    for kind in _part(told, "content").values():
        schema = _part(cast("Json", kind), "schema")
        return _shown(schema) if schema else ""
    return ""


def _shown(schema: object) -> str:
    return orjson.dumps(schema, option=orjson.OPT_INDENT_2).decode()


def _part(whole: Json, name: str) -> Json:
    return cast("Json", whole.get(name, {}))


def _list(whole: Json, name: str) -> tuple[Json, ...]:
    return tuple(cast("list[Json]", whole.get(name, [])))
