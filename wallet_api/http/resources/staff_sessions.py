"""How cashiers, managers and admins sign in."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import anyone
from wallet_api.http.headers import LOCATION
from wallet_api.http.problems import refuses
from wallet_api.http.rate_limit import SESSIONS, SIGN_INS, at_most, count
from wallet_api.http.resources.sessions import Answer, opened, pair
from wallet_api.http.schemas.staff_sessions import StaffSessionSchema, StaffSignInSchema
from wallet_api.http.till import the_app
from wallet_api.services.sign_in import sign_in_staff

blueprint = Blueprint("staff sessions", __name__, url_prefix="/v1/staff/sessions", description="Signing in as staff")


@blueprint.route("")
class StaffSessions(MethodView):
    """A staff member's sessions."""

    decorators = [at_most(SESSIONS), anyone]

    @blueprint.arguments(StaffSignInSchema)
    @blueprint.response(201, StaffSessionSchema, headers=LOCATION)
    @refuses(errors.InvalidCredentials, errors.TooManyRequests, errors.Busy)
    def post(self, body: dict[str, Any]) -> Answer:
        """Sign in with e-mail address and password, and the authenticator's code where one is set up."""
        count(SIGN_INS, f"staff {body['email']}")
        tokens = sign_in_staff(the_app(), body["email"], body["password"], totp=body["totp"])
        return opened({**pair(tokens), "program": tokens.program, "role": tokens.role})
