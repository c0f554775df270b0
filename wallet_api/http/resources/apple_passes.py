"""The five calls of Apple Wallet: https://developer.apple.com/documentation/walletpasses, "Adding a web service".

A wrong token and an unknown pass are the same 401, so that nobody learns which passes exist.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from flask import Response, request
from flask.views import MethodView

from passes.apple.package import CONTENT_TYPE
from wallet_api.domain import errors
from wallet_api.http.api import Blueprint, F
from wallet_api.http.auth import anyone, by_pass, guarded, pass_token
from wallet_api.http.pass_file import pass_file
from wallet_api.http.problems import refuses
from wallet_api.http.rate_limit import (
    WALLET_DEVICE_LISTS,
    WALLET_LISTS,
    WALLET_LOGS,
    WALLET_REGISTRATIONS,
    at_most,
    count,
)
from wallet_api.http.resources.card import FILE
from wallet_api.http.schemas.apple_passes import ChangesQuery, ChangesSchema, LogSchema, RegistrationSchema
from wallet_api.http.till import the_app
from wallet_api.services import wallet_service
from wallet_api.services.wallet_service import Changes

LOG_BYTES_MAX = 16 * 1024
REGISTRATION_BYTES_MAX = 4 * 1024
LOG_LINES_MAX = 20
LOG_CHARACTERS_MAX = 500

blueprint = Blueprint(
    "apple passes", __name__, url_prefix="/passes/apple/v1", description="What Apple Wallet calls by itself"
)
log = structlog.get_logger(__name__)

REGISTRATIONS = "/devices/<segment:device_id>/registrations/<segment:pass_type_id>"


def body_of_at_most(bytes_max: int) -> Callable[[F], F]:
    """For `decorators`: read no more of a body than the call is worth."""

    def decorate(view: F) -> F:
        @wraps(view)
        def small_view(*args: object, **kwargs: object) -> object:
            request.max_content_length = bytes_max
            return view(*args, **kwargs)

        return small_view  # type: ignore[return-value]  # it is called as `view` is

    return decorate


@blueprint.route(f"{REGISTRATIONS}/<segment:serial>")
class Registration(MethodView):
    """A device that holds a pass."""

    decorators = [at_most(WALLET_REGISTRATIONS), body_of_at_most(REGISTRATION_BYTES_MAX), guarded(by_pass)]

    @blueprint.arguments(RegistrationSchema)
    @blueprint.response(201, description="Registered")
    @blueprint.alt_response(200, description="It was registered already; its push token is renewed")
    @refuses(errors.TooManyRequests, errors.Busy)
    def post(self, body: dict[str, Any], device_id: str, pass_type_id: str, serial: str) -> Response:
        """Tell this device of the pass's changes from now on."""
        is_new = wallet_service.register(
            the_app(),
            device_id=device_id,
            pass_type_id=pass_type_id,
            serial=serial,
            token=pass_token(),
            push_token=body["push_token"],
        )
        if is_new is None:
            raise errors.WrongPassToken
        return Response(status=201 if is_new else 200)

    @blueprint.response(200, description="Not registered any more")
    @refuses(errors.TooManyRequests, errors.Busy)
    def delete(self, device_id: str, pass_type_id: str, serial: str) -> Response:
        """The pass is gone from this device."""
        known = wallet_service.unregister(
            the_app(), device_id=device_id, pass_type_id=pass_type_id, serial=serial, token=pass_token()
        )
        if not known:
            raise errors.WrongPassToken
        return Response(status=200)


@blueprint.route(REGISTRATIONS)
class Registrations(MethodView):
    """The passes of a device. Apple gives this call no token: the device's id is the secret."""

    decorators = [at_most(WALLET_LISTS), anyone]

    @blueprint.arguments(ChangesQuery, location="query", unknown="exclude")
    @blueprint.response(200, ChangesSchema)
    @blueprint.alt_response(204, description="Nothing changed, or there is no such device")
    @refuses(errors.TooManyRequests, errors.Busy)
    def get(self, query: dict[str, Any], device_id: str, pass_type_id: str) -> Changes | Response:
        """Tell which of the device's passes changed since the tag that it was given last."""
        count(WALLET_DEVICE_LISTS, device_id)
        changes = wallet_service.changes(
            the_app(), device_id=device_id, pass_type_id=pass_type_id, since=query["since"]
        )
        return changes or Response(status=204)


@blueprint.route("/passes/<segment:pass_type_id>/<segment:serial>")
class NewestPass(MethodView):
    """A pass as it is now; devices ask with HEAD too."""

    decorators = [guarded(by_pass)]

    @blueprint.response(200, FILE, content_type=CONTENT_TYPE)
    @blueprint.alt_response(304, description="Not changed: `If-None-Match` or `If-Modified-Since`")
    @refuses(errors.Busy)
    def get(self, pass_type_id: str, serial: str) -> Response:
        """The newest signed pass."""
        app = the_app()
        shown = wallet_service.newest_pass(app, pass_type_id=pass_type_id, serial=serial, token=pass_token())
        if shown is None:
            raise errors.WrongPassToken
        response = pass_file(app, shown)
        if request.method == "GET":
            wallet_service.note_fetch(app, shown)
        return response


@blueprint.route("/log")
class Log(MethodView):
    """What devices complain about."""

    decorators = [at_most(WALLET_LOGS), body_of_at_most(LOG_BYTES_MAX), anyone]

    @blueprint.arguments(LogSchema)
    @blueprint.response(200, description="Noted")
    @refuses(errors.TooManyRequests)
    def post(self, body: dict[str, Any]) -> Response:
        """Note what went wrong between the device and us; 16 KiB at the most."""
        for line in body["logs"][:LOG_LINES_MAX]:
            log.warning("apple wallet says", line=_plain(line))
        return Response(status=200)


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Tokens of passes and of devices are 64 digits in hex; device ids, which open the list of a device's passes, are 32.
_SECRETS = re.compile(r"ApplePass\s+\S+|(?<![0-9A-Za-z])[0-9A-Fa-f]{32,}", re.IGNORECASE)


def _plain(line: str) -> str:
    """One line without control characters and without what looks like a secret."""
    return _SECRETS.sub("…", _CONTROLS.sub(" ", line))[:LOG_CHARACTERS_MAX]
