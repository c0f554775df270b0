"""Joining a program, and asking for a code to sign in with."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import anyone
from wallet_api.http.problems import refuses
from wallet_api.http.rate_limit import JOINS, at_most
from wallet_api.http.schemas.joining import CodeRequestSchema, CodeSentSchema, JoinSchema
from wallet_api.http.till import the_app
from wallet_api.services.alter_member import check_birth_date
from wallet_api.services.sign_in import Joining, request_code, request_to_join

blueprint = Blueprint("joining", __name__, url_prefix="/v1/programs", description="Joining")

Body = dict[str, Any]
SENT = {"status": "code_sent"}


@blueprint.route("/<slug:program>/members")
class Newcomers(MethodView):
    """People who want to join."""

    decorators = [at_most(JOINS), anyone]

    @blueprint.arguments(JoinSchema)
    @blueprint.response(202, CodeSentSchema)
    @refuses(errors.TermsNotAccepted, errors.TooManyRequests, errors.Busy)
    def post(self, body: Body, program: str) -> dict[str, str]:
        """Join: a code goes to the address, and the membership begins when it comes back to `/sessions`.

        The answer is the same for an address that is known already; its owner gets a code to sign in with.
        """
        consents = body.pop("consents")
        if not consents.pop("terms"):
            raise errors.TermsNotAccepted
        app, joining = the_app(), Joining(**body, **consents)
        if joining.birth_date is not None:
            with app.db.read() as tx:
                check_birth_date(app, tx, joining.birth_date, program=program)
        request_to_join(app, program, joining)
        return SENT


@blueprint.route("/<slug:program>/codes")
class Codes(MethodView):
    """Codes to sign in with."""

    decorators = [at_most(JOINS), anyone]

    @blueprint.arguments(CodeRequestSchema)
    @blueprint.response(202, CodeSentSchema)
    @refuses(errors.TooManyRequests, errors.Busy)
    def post(self, body: Body, program: str) -> dict[str, str]:
        """Ask for a code. The answer tells nobody whether the address is a member's."""
        request_code(the_app(), program, body["address"])
        return SENT
