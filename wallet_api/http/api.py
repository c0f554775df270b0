"""flask-smorest, made strict: problems for errors, guards before arguments, and a document that says all of it.

Resources import `Blueprint` from here; `app.py` makes one `Api` and registers the blueprints.
"""

from __future__ import annotations

import re
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from http import HTTPStatus
from typing import Literal, TypeVar, cast

import flask_smorest  # type: ignore[import-untyped]  # it ships no types: what is Any there stops in this file
import marshmallow as ma
import structlog
import uuid_utils
from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue
from flask.views import MethodView
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BaseConverter

from wallet_api.domain.errors import Invalid, NotFound, Refusal
from wallet_api.domain.segment_reading import rule_schema
from wallet_api.http import docs
from wallet_api.http.auth import SECURITY_SCHEMES, Allowed, Guard
from wallet_api.http.parser import StrictParser
from wallet_api.http.problems import (
    BODY_BYTES_MAX,
    CHALLENGE,
    CHALLENGES,
    PROBLEM_JSON,
    STATUS,
    BodyTooLarge,
    InvalidRequest,
    MalformedJson,
    UnsupportedMediaType,
    documented_refusals,
    problem_of,
    problem_of_accident,
    problem_of_faults,
    problem_of_http,
    refuses,
    title_of,
)
from wallet_api.http.schemas.documentation import Documentation
from wallet_api.http.schemas.fields import documented
from wallet_api.http.schemas.problem import ProblemSchema
from wallet_api.http.schemas.segments import RULE_REF

REQUEST_ID = "X-Request-Id"

F = TypeVar("F", bound=Callable[..., object])
V = TypeVar("V", bound=type[MethodView])
Location = Literal["json", "query", "headers"]
SchemaLike = ma.Schema | type[ma.Schema]

log = structlog.get_logger(__name__)


class UnguardedResource(Exception):
    """A resource declares no guard. Give it `decorators = [guarded(…)]`, or `[anyone]`."""


class SlugConverter(BaseConverter):
    """`<slug:program>`: a name in a path; anything else is not found, before a query is made of it."""

    regex = r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?"


class CardNumberConverter(BaseConverter):
    """`<card_number:number>`: the 14 digits of a card."""

    regex = r"[0-9]{14}"


class SegmentConverter(BaseConverter):
    """`<segment:serial>`: one segment of a path that others name; PostgreSQL stores no control characters."""

    regex = r"[^/\x00-\x1f\x7f]{1,200}"


CONVERTERS: Mapping[str, type[BaseConverter]] = {
    "slug": SlugConverter,
    "card_number": CardNumberConverter,
    "segment": SegmentConverter,
}


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # the parent is untyped
    """Registers guarded resources, and documents who may call them and how they refuse."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, import_name: str, *, url_prefix: str = "", description: str = "") -> None:
        super().__init__(name, import_name, url_prefix=url_prefix, description=description)
        self._prepare_doc_cbks.append(_with_security_and_problems)

    def route(self, rule: str, **options: object) -> Callable[[V], V]:
        """Register a resource class under this path. Raises UnguardedResource where it declares no guard."""
        return cast("Callable[[V], V]", super().route(rule, **options))

    def add_url_rule(self, rule: str, endpoint: str | None = None, view_func: object = None, **options: object) -> None:
        """Register a resource class, with its guard in the document."""
        guard = _guard_of(view_func)
        super().add_url_rule(rule, endpoint, view_func, **options)
        name = self._endpoints[-1]
        for method, told in self._docs[name].items():
            if method == "parameters":
                continue
            told["guard"] = guard.allowed_for(method.upper())
            told["manual_doc"] = {"operationId": f"{method}{name}", **told.get("manual_doc", {})}
            if "<" in f"{self.url_prefix}{rule}":
                told["refusals"] = [*documented_refusals(told), NotFound]

    def arguments(self, schema: SchemaLike, *, location: Location = "json", **rest: object) -> Callable[[F], F]:
        """Parse and check the body, query or headers before the endpoint runs; it gets them as a dictionary."""
        # One instance for all requests: webargs would make a new one, with copies of all its fields, for each.
        schema = schema() if isinstance(schema, type) else schema
        parse = super().arguments(schema, location=location, **rest)
        refusals: tuple[type[Refusal], ...] = (Invalid,)
        if location == "json":
            refusals = (Invalid, MalformedJson, BodyTooLarge, UnsupportedMediaType)

        def decorate(endpoint: F) -> F:
            parsing = parse(endpoint)
            # The parent documents 422 as a reference to a plain JSON answer.
            del parsing._apidoc["arguments"]["responses"]  # noqa: SLF001 flask-smorest keeps its document there
            return cast("F", refuses(*refusals)(parsing))

        return decorate

    def response(
        self,
        status_code: int,
        schema: SchemaLike | Mapping[str, object] | None = None,
        *,
        content_type: str | None = None,
        description: str | None = None,
        headers: Mapping[str, object] | None = None,
    ) -> Callable[[F], F]:
        """Dump what the endpoint returns with this schema, and answer with this status."""
        told = {"content_type": content_type, "description": description, "headers": headers}
        return cast("Callable[[F], F]", super().response(status_code, schema, **told))

    def alt_response(
        self,
        status_code: int,
        *,
        schema: SchemaLike | Mapping[str, object] | None = None,
        content_type: str | None = None,
        description: str | None = None,
        headers: Mapping[str, object] | None = None,
    ) -> Callable[[F], F]:
        """Document another answer that is no refusal (those are for `refuses`), such as 200 beside 201."""
        told = {"content_type": content_type, "description": description, "headers": headers, "success": True}
        return cast("Callable[[F], F]", super().alt_response(status_code, schema=schema, **told))


class Api(flask_smorest.Api):  # type: ignore[misc]  # the parent is untyped
    """Serves `/openapi.json` and `/docs`, and turns every refusal and accident into a problem."""

    ERROR_SCHEMA = ProblemSchema
    DEFAULT_ERROR_RESPONSE_NAME = None  # a catch-all answer in the document would hide statuses that nobody documented

    def init_app(self, app: Flask, *, spec_kwargs: Mapping[str, object] | None = None) -> None:
        """Prepare the app: strict routes, a limit on bodies, the document, and the handlers of every error."""
        app.config.update(
            API_TITLE="Carnet",
            API_VERSION="1",
            OPENAPI_VERSION="3.1.0",
            OPENAPI_URL_PREFIX="/",
            MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
        )
        app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's provider: keep the order
        app.url_map.strict_slashes = False  # a redirect to the path with a slash would lose a POST's body
        app.url_map.merge_slashes = False
        app.url_map.converters.update(CONVERTERS)
        super().init_app(app, spec_kwargs={"marshmallow_plugin": Documentation(), **(spec_kwargs or {})})
        self._document_parts()
        docs.register(app, self.document)
        app.before_request(_name_request)
        app.after_request(_say_request_id)

    def register_blueprint(self, blp: Blueprint, **options: object) -> None:
        """Register the resources of a blueprint of ours; another kind would let unguarded ones in."""
        if not isinstance(blp, Blueprint):
            raise TypeError(f"{blp!r} does not check guards. Use wallet_api.http.api.Blueprint.")
        super().register_blueprint(blp, **options)

    def document(self) -> dict[str, object]:
        """The OpenAPI 3.1 document of all that is registered."""
        return cast("dict[str, object]", self.spec.to_dict())

    def handle_http_exception(self, error: HTTPException) -> ResponseReturnValue:
        """Answer what Flask or werkzeug refuse as a problem, with the headers that belong to the status."""
        return error.response or problem_of_http(error).response()

    def _register_error_handlers(self) -> None:
        super()._register_error_handlers()
        self._app.register_error_handler(Refusal, lambda refusal: problem_of(refusal).response())
        self._app.register_error_handler(InvalidRequest, lambda invalid: problem_of_faults(invalid.faults).response())
        self._app.register_error_handler(Exception, _answer_accident)

    def _register_responses(self) -> None:
        # Instead of the parent's answer for every status there is: ours are made from what each endpoint refuses.
        self.spec.components.schema("Problem", schema=ProblemSchema)
        self.spec.components.schema("SegmentRule", component=rule_schema(RULE_REF))

    def _register_pagination_header(self) -> None:
        """Pages are in the body, so there is no header to document."""

    def _document_parts(self) -> None:
        self.ma_plugin.converter.add_attribute_function(documented)
        for kind, scheme in SECURITY_SCHEMES.items():
            self.spec.components.security_scheme(kind, dict(scheme))
        for converter in CONVERTERS.values():
            schema = {"type": "string", "pattern": f"^{converter.regex.replace('(?:', '(')}$"}
            self.register_converter(converter, lambda _, schema=schema: dict(schema))


def request_id() -> str:
    """The id of the present request, for logs and for the caller: the caller's own where it is a plain one."""
    if (known := g.get("request_id")) is None:
        given = request.headers.get(REQUEST_ID, "")
        known = g.request_id = given if re.fullmatch(r"[A-Za-z0-9-]{8,64}", given) else str(uuid_utils.uuid7())
    return cast("str", known)


def _guard_of(view: object) -> Guard:
    if not (isinstance(view, type) and issubclass(view, MethodView)):
        raise UnguardedResource(f"{view!r} is no resource class, so it can declare no guard.")
    guards = [decorator for decorator in view.decorators if isinstance(decorator, Guard)]
    if len(guards) != 1:
        raise UnguardedResource(f"{view.__name__} declares {len(guards)} guards; it needs exactly one in `decorators`.")
    # The last decorator is the outermost: nothing may run before the guard.
    if view.decorators[-1] is not guards[0]:
        raise UnguardedResource(f"{view.__name__} has a decorator that runs before its guard. Put the guard last.")
    return guards[0]


def _with_security_and_problems(
    doc: dict[str, object], doc_info: Mapping[str, object], **kwargs: object
) -> dict[str, object]:
    """Add who may call an operation, and its problems by status with their codes: a callback of flask-smorest."""
    allowed = cast("tuple[Allowed, ...]", doc_info["guard"])
    refusals = [*documented_refusals(doc_info), *(refusal for way in allowed for refusal in way.refusals)]
    answers = cast("dict[int, object]", doc.get("responses", {}))
    return {**doc, "security": _security(allowed), "responses": {**answers, **_problem_answers(refusals)}}


def _security(allowed: tuple[Allowed, ...]) -> list[dict[str, list[str]]]:
    return [{way.kind: [need for need in (way.role, way.scope) if need is not None]} for way in allowed]


def _problem_answers(refusals: Iterable[type[Refusal]]) -> dict[int, object]:
    by_status: dict[HTTPStatus, dict[str, type[Refusal]]] = defaultdict(dict)
    for refusal in refusals:
        by_status[STATUS[refusal]][refusal.code] = refusal
    return {int(status): _problem_answer(status, of_code) for status, of_code in sorted(by_status.items())}


def _problem_answer(status: HTTPStatus, of_code: Mapping[str, type[Refusal]]) -> dict[str, object]:
    codes = sorted(of_code)
    answer: dict[str, object] = {
        "description": "\n".join(f"- `{code}`: {title_of(of_code[code])}" for code in codes),
        "content": {PROBLEM_JSON: {"schema": _problem_schema(codes)}},
    }
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        challenges = sorted({CHALLENGES.get(refusal, CHALLENGE) for refusal in of_code.values()})
        headers["WWW-Authenticate"] = {"required": True, "schema": {"type": "string", "enum": challenges}}
    if any(fact.name == "retry_after" for refusal in of_code.values() for fact in fields(refusal)):
        headers["Retry-After"] = {"description": "Seconds to wait", "schema": {"type": "integer"}}
    return {**answer, "headers": headers} if headers else answer


def _problem_schema(codes: list[str]) -> dict[str, object]:
    narrowed = {"type": "object", "properties": {"code": {"enum": codes}}}
    return {"allOf": [{"$ref": "#/components/schemas/Problem"}, narrowed]}


def _name_request() -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id())


def _say_request_id(response: Response) -> Response:
    response.headers[REQUEST_ID] = request_id()
    return response


def _answer_accident(accident: Exception) -> Response:
    """Log where it happened, without messages: those may carry rows, addresses or codes."""
    log.error("unexpected", method=request.method, route=str(request.url_rule), accident=_places(accident))
    return problem_of_accident(request_id()).response()


def _places(accident: BaseException | None) -> list[str]:
    """The kinds of an exception and of its causes, each followed by the places that it went through."""
    told: list[str] = []
    while accident is not None and len(told) < _PLACES_MAX:
        told.append(type(accident).__name__)
        frames = traceback.extract_tb(accident.__traceback__)
        told.extend(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        accident = accident.__cause__ or accident.__context__
    return told[:_PLACES_MAX]


_PLACES_MAX = 100
