"""Cards to print: a member's own, and as many as a shop wants on paper or plastic."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_key, by_member, by_staff, caller, guarded
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.printed_cards import PrintSchema
from wallet_api.http.till import the_app
from wallet_api.services.print_cards import PrintWish, print_cards, print_own_card

blueprint = Blueprint("printed_cards", __name__, url_prefix="/v1", description="Cards to print")

PDF = "application/pdf"
FILE = {"type": "string", "format": "binary"}


@blueprint.route("/me/card/card.pdf")
class MyPrintedCard(MethodView):
    """The card to print."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, FILE, content_type=PDF)
    @refuses(errors.NotFound, errors.CardBlocked, errors.Busy)
    def get(self) -> Response:
        """The card as a PDF of a bank card's size, with its static code: it earns, but redeems nothing by itself."""
        return _pdf(print_own_card(the_app(), caller().id), name="card.pdf")


@blueprint.route("/cards/print")
class PrintedCards(MethodView):
    """Cards to print for members."""

    decorators = [guarded(by_staff("manager"), by_key("members:act"))]

    @blueprint.arguments(PrintSchema)
    @blueprint.response(200, FILE, content_type=PDF)
    @refuses(errors.NotFound, errors.Busy)
    def post(self, body: dict[str, Any]) -> Response:
        """Print members' cards into one PDF; nothing is recorded. A member without an active card refuses all of it."""
        wish = PrintWish(**{**body, "member_ids": tuple(body["member_ids"])})
        return _pdf(print_cards(the_app(), wish, program=caller().program), name="cards.pdf")


def _pdf(content: bytes, *, name: str) -> Response:
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, content_type=PDF, headers=headers)
