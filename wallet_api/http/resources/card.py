"""The member's card: the code to show, as JSON and as a picture, and the Apple Wallet pass."""

from __future__ import annotations

from flask import Response
from flask.views import MethodView

from passes.apple.package import CONTENT_TYPE
from passes.qr import qr_png, qr_svg
from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_member, caller, guarded
from wallet_api.http.pass_file import pass_file
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.card import CardSchema
from wallet_api.http.till import the_app
from wallet_api.services import show_card, show_pass
from wallet_api.services.present import Json

blueprint = Blueprint("card", __name__, url_prefix="/v1/me/card", description="The member's card")

FILE = {"type": "string", "format": "binary"}
PICTURE = {"type": "string"}
# A code is worth a minute: whatever keeps it shows a dead one.
NO_STORE = {"Cache-Control": "no-store"}


@blueprint.route("")
class MyCard(MethodView):
    """The card."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, CardSchema)
    @refuses(errors.NotFound, errors.Busy)
    def get(self) -> tuple[Json, int, dict[str, str]]:
        """Show the code of this moment and those of the next ten minutes, and where the wallet passes are."""
        app = the_app()
        with app.db.begin() as tx:  # it may ask the worker for a Google object
            return show_card.show_card(app, tx, caller().id), 200, NO_STORE


@blueprint.route("/qr.svg")
class CardSvg(MethodView):
    """The code as a drawing."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, PICTURE, content_type="image/svg+xml")
    @refuses(errors.NotFound, errors.Busy)
    def get(self) -> Response:
        """Draw the code of this moment as an SVG."""
        return Response(qr_svg(_code(), label="Card code"), content_type="image/svg+xml", headers=NO_STORE)


@blueprint.route("/qr.png")
class CardPng(MethodView):
    """The code as a picture."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, FILE, content_type="image/png")
    @refuses(errors.NotFound, errors.Busy)
    def get(self) -> Response:
        """Draw the code of this moment as a PNG."""
        return Response(qr_png(_code()), content_type="image/png", headers=NO_STORE)


@blueprint.route("/apple.pkpass")
class ApplePassFile(MethodView):
    """The Apple Wallet pass."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, FILE, content_type=CONTENT_TYPE)
    @blueprint.alt_response(304, description="Not changed: `If-None-Match` or `If-Modified-Since`")
    @refuses(errors.NotFound, errors.Busy)
    def get(self) -> Response:
        """The signed pass; not found where the shop has set up no certificate."""
        app = the_app()
        with app.db.begin() as tx:
            shown = show_pass.shown_pass(app, tx, show_card.card_of(tx, caller().id))
        return pass_file(app, shown)


def _code() -> str:
    app = the_app()
    with app.db.read() as tx:
        return show_card.code_now(app, tx, caller().id, now=app.clock.now())
