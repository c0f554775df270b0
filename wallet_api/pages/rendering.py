"""How a page is made: a template, a language, and headers that let nothing foreign in."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import cast

import structlog
from flask import Blueprint, Response, current_app, request
from jinja2 import Environment, PackageLoader, StrictUndefined
from werkzeug.exceptions import HTTPException

from wallet_api.domain.errors import NotFound, Refusal, TooManyRequests
from wallet_api.logs import places
from wallet_api.pages.texts import LANGUAGES, Words, words_in
from wallet_api.services.app import App

log = structlog.get_logger(__name__)

_templates = Environment(
    loader=PackageLoader("wallet_api.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, *, language: str, status: int = 200, **values: object) -> Response:
    """A page in a language of ours. Its styles and scripts carry a nonce of this answer; all others are refused."""
    nonce = secrets.token_urlsafe(16)
    words = words_in(language)
    html = _templates.get_template(template).render(nonce=nonce, language=words.language, say=words, **values)
    response = Response(html, status, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    # With `no-referrer` browsers would send forms with `Origin: null`, and those are refused.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.vary.add("Accept-Language")
    return response


def preferred_language() -> str:
    """The language of ours that the browser asks for first; English where it asks for none."""
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def words_of_request() -> Words:
    """The page's words for a visitor of whom nothing is known."""
    return words_in(preferred_language())


def the_app() -> App:
    """The running Carnet."""
    return cast("App", current_app.extensions["carnet"])


def explain_refusals(blueprint: Blueprint) -> None:
    """Answer what a page's views refuse with a page, not with the API's problems."""

    def refused(refusal: Refusal) -> Response:
        if isinstance(refusal, NotFound):
            return _trouble(HTTPStatus.NOT_FOUND, "not_found")
        if isinstance(refusal, TooManyRequests):
            response = _trouble(HTTPStatus.TOO_MANY_REQUESTS, "too_many", seconds=refusal.retry_after)
            response.headers["Retry-After"] = str(refusal.retry_after)
            return response
        return _trouble(HTTPStatus.SERVICE_UNAVAILABLE, "busy")

    def stopped(error: HTTPException) -> Response:
        status = HTTPStatus(error.code or HTTPStatus.BAD_REQUEST)
        response = _trouble(status, "not_found" if status == HTTPStatus.NOT_FOUND else "refused")
        if allowed := dict(error.get_headers()).get("Allow"):
            response.headers["Allow"] = allowed
        return response

    def failed(accident: Exception) -> Response:
        log.error("unexpected", route=str(request.url_rule), accident=places(accident))
        return _trouble(HTTPStatus.INTERNAL_SERVER_ERROR, "failed")

    blueprint.register_error_handler(Refusal, refused)
    blueprint.register_error_handler(HTTPException, stopped)
    blueprint.register_error_handler(Exception, failed)


def _trouble(status: HTTPStatus, what: str, **facts: object) -> Response:
    words = words_of_request()
    return page("trouble.html", language=words.language, status=status, sentence=words(what, **facts))
