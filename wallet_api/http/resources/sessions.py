"""Signing in, staying signed in, signing out."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import anyone, by_member, by_staff, caller, guarded
from wallet_api.http.headers import LOCATION, OptionalIdempotencyHeaders
from wallet_api.http.problems import refuses
from wallet_api.http.rate_limit import SESSIONS, SIGN_INS, at_most, count
from wallet_api.http.schemas.sessions import RefreshSchema, SessionSchema, SignInSchema, TokensSchema
from wallet_api.http.till import the_app
from wallet_api.services import show_member
from wallet_api.services.present import Json
from wallet_api.services.sign_in import Tokens, refresh, sign_in, sign_out

blueprint = Blueprint("sessions", __name__, url_prefix="/v1", description="Signing in")

Body = dict[str, Any]
Answer = tuple[Json, int, dict[str, str]]


@blueprint.route("/programs/<slug:program>/sessions")
class MemberSessions(MethodView):
    """A member's sessions."""

    decorators = [at_most(SESSIONS), anyone]

    @blueprint.arguments(SignInSchema)
    @blueprint.response(201, SessionSchema, headers=LOCATION)
    @refuses(errors.InvalidCode, errors.TooManyRequests, errors.Busy)
    def post(self, body: Body, program: str) -> Answer:
        """Sign in with the code; whoever asked to join becomes a member by it. A code has five tries."""
        app = the_app()
        count(SIGN_INS, f"{program} {body['address']}")
        tokens = sign_in(app, program, body["address"], body["code"])
        assert tokens.member_id is not None
        with app.db.read() as tx:
            member = show_member.profile(app, tx, tokens.member_id)
        return opened({**pair(tokens), "member": member})


@blueprint.route("/sessions/refresh")
class Refreshes(MethodView):
    """New tokens for an open session."""

    decorators = [at_most(SESSIONS), anyone]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(RefreshSchema)
    @blueprint.response(201, TokensSchema, headers=LOCATION)
    @refuses(errors.InvalidRefreshToken, errors.RefreshTokenReused, errors.TooManyRequests, errors.Busy)
    def post(self, headers: Body, body: Body) -> Answer:
        """Exchange a refresh token for a new pair. A token used twice ends the session.

        Under an `Idempotency-Key` the same token gets the same pair again for 30 seconds, for whoever lost the answer.
        """
        return opened(pair(refresh(the_app(), body["refresh_token"], key=headers["idempotency_key"])))


@blueprint.route("/sessions/current")
class CurrentSession(MethodView):
    """The session of the access token."""

    decorators = [guarded(by_member, by_staff("cashier"))]

    @blueprint.response(204)
    @refuses(errors.Busy)
    def delete(self) -> None:
        """Sign out: neither token of the session is worth anything any more."""
        session = caller().session
        assert session is not None
        sign_out(the_app(), session)


def pair(tokens: Tokens) -> Json:
    """The tokens as a client gets them."""
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "expires_in": tokens.expires_in,
        "token_type": "Bearer",
    }


def opened(answer: Json) -> Answer:
    """The answer that opens or renews a session; nothing on the way may keep it (RFC 6749, section 5.1)."""
    return answer, 201, {"Location": "/v1/sessions/current", "Cache-Control": "no-store"}
