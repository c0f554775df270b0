"""The call of Google Wallet: https://developers.google.com/wallet/generic/use-cases/use-callbacks-for-saves-and-deletions.

Google tells the same event until it is answered with 200, and may tell it again after that.
"""

from __future__ import annotations

from typing import Any, cast

from flask import Response, current_app
from flask.views import MethodView

from passes.google.root_keys import PRODUCTION, RootKeys
from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import anyone
from wallet_api.http.problems import refuses
from wallet_api.http.rate_limit import Limit, at_most
from wallet_api.http.resources.apple_passes import body_of_at_most
from wallet_api.http.schemas.google_passes import GoogleCallbackSchema
from wallet_api.http.till import the_app
from wallet_api.services import google_callback

CALLBACK_BYTES_MAX = 16 * 1024
ROOT_KEYS = "carnet.google_root_keys"

GOOGLE_CALLBACKS = Limit(name="google-callbacks", most=1_200)
"""From one client: all of a campaign's savers come from few addresses of Google's."""

blueprint = Blueprint(
    "google passes", __name__, url_prefix="/passes/google", description="What Google Wallet calls by itself"
)


@blueprint.route("/callback")
class PassCallback(MethodView):
    """A pass was saved or deleted. The message is signed, so anyone may bring it."""

    decorators = [at_most(GOOGLE_CALLBACKS), body_of_at_most(CALLBACK_BYTES_MAX), anyone]

    @blueprint.arguments(GoogleCallbackSchema)
    @blueprint.response(200, description="Noted, now or before")
    @refuses(errors.ForgedCallback, errors.NotFound, errors.TooManyRequests, errors.Busy)
    def post(self, body: dict[str, Any]) -> Response:
        """Note that a holder has saved a pass or thrown it away; 16 KiB at the most."""
        message = {
            "protocolVersion": body["protocol_version"],
            "signature": body["signature"],
            "signedMessage": body["signed_message"],
            "intermediateSigningKey": {
                "signedKey": body["intermediate_signing_key"]["signed_key"],
                "signatures": body["intermediate_signing_key"]["signatures"],
            },
        }
        google_callback.receive(the_app(), message, roots=_root_keys())
        return Response(status=200)


def _root_keys() -> RootKeys:
    """Google's keys, remembered by each process of the server."""
    url = the_app().settings.google_wallet_keys_url or PRODUCTION
    return cast("RootKeys", current_app.extensions.setdefault(ROOT_KEYS, RootKeys(url)))
