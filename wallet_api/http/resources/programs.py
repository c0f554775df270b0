"""What anybody may know of a program."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, request
from flask.views import MethodView

from wallet_api.http.api import Blueprint
from wallet_api.http.auth import anyone
from wallet_api.http.schemas.programs import ProgramSchema
from wallet_api.http.till import the_app
from wallet_api.services import show_program
from wallet_api.services.present import Json

blueprint = Blueprint("programs", __name__, url_prefix="/v1/programs", description="Programs, for anyone")

PNG = {"type": "string", "format": "binary"}
FRESH_FOR = "public, max-age=60"


@blueprint.route("/<slug:program>")
class Program(MethodView):
    """One program."""

    decorators = [anyone]

    @blueprint.response(200, ProgramSchema)
    def get(self, program: str) -> tuple[Json, int, dict[str, str]]:
        """Show a program, in the language that `Accept-Language` asks for where it has it."""
        app = the_app()
        with app.db.read() as tx:
            shown = show_program.show_program(app, tx, program, language_among=_language_among)
        headers = {
            "Content-Language": str(shown["language"]),
            "Vary": "Accept-Language",
            "Cache-Control": FRESH_FOR,
        }
        return shown, 200, headers


@blueprint.route("/<slug:program>/logo.png")
class Logo(MethodView):
    """Its logo."""

    decorators = [anyone]

    @blueprint.response(200, PNG, content_type="image/png")
    def get(self, program: str) -> Response:
        """The brand's logo."""
        app = the_app()
        with app.db.read() as tx:
            picture = show_program.logo(app, tx, program)
        return Response(picture, content_type="image/png", headers={"Cache-Control": FRESH_FOR})


def _language_among(languages: Sequence[str]) -> str:
    return request.accept_languages.best_match(languages, default=languages[0])
