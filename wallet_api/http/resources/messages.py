"""Messages: what was sent and why not, what members want, previews, and mail that is to stop."""

from __future__ import annotations

from datetime import time
from operator import itemgetter
from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.domain.messages import CHANNELS
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import anyone, by_key, by_member, by_staff, caller, guarded
from wallet_api.http.pagination import Page, PageQuery, page, page_schema
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.messages import (
    BounceBodySchema,
    MessagePreviewBodySchema,
    MessagePreviewSchema,
    MessagesQuery,
    NotificationSchema,
    PreferencesBodySchema,
    PreferencesSchema,
)
from wallet_api.http.till import the_app
from wallet_api.pages.unsubscribe import ask
from wallet_api.services.bounces import record_bounce
from wallet_api.services.preferences import Preferences, put_preferences, show_preferences
from wallet_api.services.present import Json
from wallet_api.services.preview import PreviewWish, preview_message
from wallet_api.services.show_messages import messages_for_manager, messages_of
from wallet_api.services.unsubscribe import unsubscribe

blueprint = Blueprint("messages", __name__, url_prefix="/v1", description="Messages")

Body = dict[str, Any]
HTML = {"type": "string"}


@blueprint.route("/me/notifications")
class MyMessages(MethodView):
    """Messages."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(NotificationSchema))
    @refuses(errors.Busy)
    def get(self, query: Body) -> Page[Json]:
        """List my messages, the newest first: what was sent, what waits, and why anything was not."""
        with the_app().db.read() as tx:
            found = messages_of(tx, caller().id, before=query["cursor"], limit=query["limit"] + 1)
        return page(found, limit=query["limit"], id_of=itemgetter("id"))


@blueprint.route("/me/preferences")
class MyPreferences(MethodView):
    """What the member wants to hear of."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, PreferencesSchema)
    @refuses(errors.Busy)
    def get(self) -> Json:
        """Show which kinds of message I want, by which ways, and when not."""
        with the_app().db.read() as tx:
            return show_preferences(tx, caller().id)

    @blueprint.arguments(PreferencesBodySchema)
    @blueprint.response(200, PreferencesSchema)
    @refuses(errors.Busy)
    def put(self, body: Body) -> Json:
        """Say it anew: what is left out is wanted by every way."""
        app = the_app()
        with app.db.begin() as tx:
            return put_preferences(app, tx, caller().id, _preferences(body))


@blueprint.route("/members/<uuid:member_id>/notifications")
class MessagesOfMember(MethodView):
    """Messages."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(MessagesQuery, location="query")
    @blueprint.response(200, page_schema(NotificationSchema))
    @refuses(errors.NotFound, errors.Busy)
    def get(self, query: Body, member_id: UUID) -> Page[Json]:
        """List a member's messages, the newest first: what was sent, what waits, and why anything was not."""
        with the_app().db.read() as tx:
            found = messages_for_manager(
                tx,
                member_id,
                program=caller().program,
                before=query["cursor"],
                limit=query["limit"] + 1,
                language=query["language"],
            )
        return page(found, limit=query["limit"], id_of=itemgetter("id"))


@blueprint.route("/members/<uuid:member_id>/messages/preview")
class Previews(MethodView):
    """What a member would read."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(MessagePreviewBodySchema)
    @blueprint.response(200, MessagePreviewSchema)
    @refuses(errors.NotFound, errors.Invalid, errors.Busy)
    def post(self, body: Body, member_id: UUID) -> Json:
        """Show any message as this member would read it now, and by which ways it would go; nothing is sent."""
        app = the_app()
        with app.db.read() as tx:
            return preview_message(app, tx, member_id, PreviewWish(**body), program=caller().program)


@blueprint.route("/unsubscribe/<segment:token>")
class Unsubscribing(MethodView):
    """Mail that is to stop."""

    decorators = [anyone]

    @blueprint.response(200, HTML, content_type="text/html")
    @refuses(errors.NotFound, errors.Busy)
    def get(self, token: str) -> Response:
        """Ask whether these mails are to end, on a page with a button; a GET ends nothing."""
        return ask(token)

    @blueprint.response(204)
    @refuses(errors.NotFound, errors.Busy)
    def post(self, token: str) -> None:
        """End these mails by one click, as mail programs do (RFC 8058); the link stands in each mail."""
        app = the_app()
        with app.db.begin() as tx:
            unsubscribe(app, tx, token)


@blueprint.route("/bounces")
class Bounces(MethodView):
    """Mail that came back."""

    decorators = [guarded(by_key("messages:bounces"))]

    @blueprint.arguments(BounceBodySchema)
    @blueprint.response(204)
    @refuses(errors.Busy)
    def post(self, body: Body) -> None:
        """Report that mail came back: nothing more is sent there, until its owner signs in by it."""
        app = the_app()
        with app.db.begin() as tx:
            record_bounce(app, tx, caller().program, address=body["address"], kind=body["type"])


def _preferences(body: Body) -> Preferences:
    unwanted: dict[str, list[str]] = {}
    for choice in body["kinds"]:
        unwanted.setdefault(choice["kind"], []).extend(channel for channel in CHANNELS if not choice[channel])
    quiet = body["quiet_hours"]
    return Preferences(
        unwanted={kind: sorted(set(channels)) for kind, channels in unwanted.items() if channels},
        quiet=(time.fromisoformat(quiet["from"]), time.fromisoformat(quiet["until"])) if quiet else None,
        time_zone=body["time_zone"],
    )
