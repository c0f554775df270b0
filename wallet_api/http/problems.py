"""How a refusal reads over HTTP: one table of statuses, and problems as in RFC 9457.

422 is for a payload that does not fit what the call takes, 409 for a wish that the state refuses, 404 for what is not
there or another one's, 401 for nobody we know, 403 for somebody who may not, 429 and 503 for later.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from http import HTTPStatus
from itertools import islice
from typing import TypeVar
from uuid import UUID

import orjson
from flask import Response
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed

from wallet_api.domain import errors
from wallet_api.domain.errors import Invalid, Refusal
from wallet_api.http.schemas.fields import rfc3339

PROBLEM_JSON = "application/problem+json"
BODY_BYTES_MAX = 64 * 1024
FAULTS_MAX = 20  # an answer must not outgrow the request that it refuses

F = TypeVar("F", bound=Callable[..., object])


class MalformedJson(Refusal):
    """The body is not valid JSON in UTF-8 with each key once."""


class UnsupportedMediaType(Refusal):
    """Send the body as `Content-Type: application/json`."""


class BodyTooLarge(Refusal):
    """The body is too large for this call."""


@dataclass(kw_only=True, eq=False)
class NotReady(Refusal):
    """This server cannot serve yet."""

    because: str


STATUS: Mapping[type[Refusal], HTTPStatus] = {
    # Who calls
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.WrongPassToken: HTTPStatus.UNAUTHORIZED,
    errors.ForgedCallback: HTTPStatus.UNAUTHORIZED,
    errors.InvalidCode: HTTPStatus.UNAUTHORIZED,
    errors.InvalidCredentials: HTTPStatus.UNAUTHORIZED,
    errors.RefreshTokenReused: HTTPStatus.UNAUTHORIZED,
    errors.InvalidRefreshToken: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.CardBlocked: HTTPStatus.FORBIDDEN,
    errors.FreshCodeRequired: HTTPStatus.FORBIDDEN,
    # What is not there, or another one's
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.CardNotFound: HTTPStatus.NOT_FOUND,
    errors.RewardNotFound: HTTPStatus.NOT_FOUND,
    errors.VoucherNotFound: HTTPStatus.NOT_FOUND,
    # What the state refuses
    errors.CodeExpired: HTTPStatus.CONFLICT,
    errors.CodeReplayed: HTTPStatus.CONFLICT,
    errors.ScanExpired: HTTPStatus.CONFLICT,
    errors.DuplicateReceipt: HTTPStatus.CONFLICT,
    errors.ReturnExceedsSale: HTTPStatus.CONFLICT,
    errors.ReturnPeriodOver: HTTPStatus.CONFLICT,
    errors.NotReturnable: HTTPStatus.CONFLICT,
    errors.WrongCurrency: HTTPStatus.CONFLICT,
    errors.InTheFuture: HTTPStatus.CONFLICT,
    errors.AlreadyCheckedIn: HTTPStatus.CONFLICT,
    errors.OutOfSeason: HTTPStatus.CONFLICT,
    errors.InThePast: HTTPStatus.CONFLICT,
    errors.AliasTaken: HTTPStatus.CONFLICT,
    errors.NameTaken: HTTPStatus.CONFLICT,
    errors.CampaignHasBegun: HTTPStatus.CONFLICT,
    errors.CampaignIsOver: HTTPStatus.CONFLICT,
    errors.CampaignNotBegun: HTTPStatus.CONFLICT,
    errors.CampaignPaused: HTTPStatus.CONFLICT,
    errors.SurveyNotOpen: HTTPStatus.CONFLICT,
    errors.AlreadyAnswered: HTTPStatus.CONFLICT,
    errors.SurveyHasAnswers: HTTPStatus.CONFLICT,
    errors.NotEligible: HTTPStatus.CONFLICT,
    errors.LimitReached: HTTPStatus.CONFLICT,
    errors.MinimumNotReached: HTTPStatus.CONFLICT,
    errors.ExceedsShare: HTTPStatus.CONFLICT,
    errors.InsufficientBalance: HTTPStatus.CONFLICT,
    errors.HoldExpired: HTTPStatus.CONFLICT,
    errors.AlreadyCaptured: HTTPStatus.CONFLICT,
    errors.AlreadyReleased: HTTPStatus.CONFLICT,
    errors.TermsNotAccepted: HTTPStatus.CONFLICT,
    errors.AlreadyMember: HTTPStatus.CONFLICT,
    errors.InProgress: HTTPStatus.CONFLICT,
    # What the call does not take
    MalformedJson: HTTPStatus.BAD_REQUEST,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.IdempotencyKeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    # Later
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    errors.TooManyWrongCodes: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
}

# How a caller who got a 401 may show who they are; each 401 names one.
CHALLENGES: Mapping[type[Refusal], str] = {errors.WrongPassToken: "ApplePass", errors.ForgedCallback: "ECv2SigningOnly"}
CHALLENGE = "Bearer"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong with a request, and where: `#/lines/0/amount`, `query/limit`, `header/…`."""

    pointer: str
    detail: str


class InvalidRequest(Exception):
    """A request that does not fit what the call takes, with all that is wrong; seen as one `Invalid` problem."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(islice(faults, FAULTS_MAX))
        super().__init__("; ".join(f"{fault.pointer}: {fault.detail}" for fault in self.faults))


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A refusal as the caller gets it; `facts` stand beside the members of RFC 9457 under their own names."""

    status: HTTPStatus
    code: str
    title: str
    detail: str
    errors: tuple[Fault, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """The problem as JSON values; a fact never hides a member of the same name."""
        members: dict[str, object] = {
            "type": problem_type(self.code),
            "title": self.title,
            "status": int(self.status),
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            members["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in self.errors]
        return {**self.facts, **members}

    def response(self) -> Response:
        """The answer to send."""
        return Response(orjson.dumps(self.body()), int(self.status), self.headers, content_type=PROBLEM_JSON)


def problem_of(refusal: Refusal) -> Problem:
    """The problem for a refusal. A class that the table lacks raises KeyError: a fault of ours, not of the caller."""
    status = STATUS[type(refusal)]
    if isinstance(refusal, Invalid):
        each = (refusal, *(refusal.more or ()))
        return problem_of_faults([Fault(pointer=fault.pointer, detail=fault.detail) for fault in each[:FAULTS_MAX]])
    return Problem(
        status=status,
        code=refusal.code,
        title=refusal.title,
        detail=str(refusal),
        facts={name: _json(value) for name, value in refusal.facts.items() if _is_plain(value)},
        headers=_headers(refusal, status),
    )


def problem_of_faults(faults: Iterable[Fault]) -> Problem:
    """The problem for a request that does not fit what the call takes."""
    told = tuple(faults)
    return Problem(
        status=STATUS[Invalid],
        code=Invalid.code,
        title=title_of(Invalid),
        detail="; ".join(f"{fault.pointer}: {fault.detail}" for fault in told),
        errors=told,
    )


def problem_of_http(error: HTTPException) -> Problem:
    """The problem for what Flask or werkzeug refuse: no such route, a method that is not allowed, a body too large.

    Keeps `Allow`, `WWW-Authenticate` and `Retry-After`, which belong to the status.
    """
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return problem_of(BodyTooLarge())
    kept = {
        name: value for name, value in error.get_headers() if name.lower() not in ("content-type", "content-length")
    }
    code = status.phrase.lower().replace(" ", "_").replace("-", "_")
    return Problem(
        status=status, code=code, title=status.phrase, detail=status.description or status.phrase, headers=kept
    )


def problem_of_accident(request_id: str) -> Problem:
    """The problem for what nobody foresaw: it names the request, for the shop's log, and nothing of the inside."""
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        code="internal_error",
        title="Something went wrong on our side.",
        detail=f"Something went wrong on our side. The log tells more under the request id {request_id}.",
        facts={"request_id": request_id},
    )


def problem_type(code: str) -> str:
    """The URI reference that names a problem: its place on the documentation page."""
    return f"/docs#{code}"


def title_of(refusal: type[Refusal]) -> str:
    """The title of a refusal's class, without a case of it."""
    return (refusal.__doc__ or "").strip().splitlines()[0]


def all_problems() -> list[tuple[str, int, str]]:
    """Code, status and title of every problem that a caller may get, sorted by code."""
    refusals = [(refusal.code, int(status), title_of(refusal)) for refusal, status in STATUS.items()]
    accident = problem_of_accident("")
    routing = [problem_of_http(BadRequest()), problem_of_http(MethodNotAllowed()), accident]
    return sorted([*refusals, *((problem.code, int(problem.status), problem.title) for problem in routing)])


def refuses(*classes: type[Refusal]) -> Callable[[F], F]:
    """Document that an endpoint may refuse in these ways; the document groups them by status."""
    unknown = [refusal.__name__ for refusal in classes if refusal not in STATUS]
    if unknown:
        raise LookupError(f"No HTTP status for {', '.join(unknown)}: add a line to STATUS.")

    def documents(endpoint: F) -> F:
        told: Mapping[str, object] = getattr(endpoint, "_apidoc", {})
        refusals = [*documented_refusals(told), *classes]
        endpoint._apidoc = {**told, "refusals": refusals}  # type: ignore[attr-defined]  # noqa: SLF001 flask-smorest's place
        return endpoint

    return documents


def documented_refusals(apidoc: Mapping[str, object]) -> list[type[Refusal]]:
    """The refusals that `refuses` has put into an endpoint's documentation."""
    refusals = apidoc.get("refusals", [])
    return list(refusals) if isinstance(refusals, list) else []


def _headers(refusal: Refusal, status: HTTPStatus) -> dict[str, str]:
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        # RFC 9110, section 15.5.2: a 401 must say how.
        headers["WWW-Authenticate"] = CHALLENGES.get(type(refusal), CHALLENGE)
    if isinstance(retry_after := refusal.facts.get("retry_after"), int):
        headers["Retry-After"] = str(retry_after)
    return headers


def _is_plain(value: object) -> bool:
    """Whether a fact is safe to show: plain values only, so that no object's inside leaks."""
    if isinstance(value, tuple | list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, str | int | float | date | UUID | enum.Enum)


def _json(value: object) -> object:
    match value:
        case datetime():
            return rfc3339(value)
        case date():
            return value.isoformat()
        case enum.Enum():
            return value.value
        case UUID():
            return str(value)
        case tuple() | list():
            return [_json(item) for item in value]
        case _:
            return value
