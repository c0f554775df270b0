"""What a member's app reports of messages."""

from __future__ import annotations

from uuid import UUID

from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_member, caller, guarded
from wallet_api.http.problems import refuses
from wallet_api.http.till import the_app
from wallet_api.services.campaigns import note_opened

blueprint = Blueprint("notifications", __name__, url_prefix="/v1/me/notifications", description="Messages")


@blueprint.route("/<uuid:notification_id>/opened")
class OpenedMessage(MethodView):
    """A message that was looked at."""

    decorators = [guarded(by_member)]

    @blueprint.response(204)
    @refuses(errors.NotFound, errors.Busy)
    def post(self, notification_id: UUID) -> None:
        """Say that I have opened a message, by the id that it came with (`data.message`); once or more often."""
        app = the_app()
        with app.db.begin() as tx:
            note_opened(app, tx, caller().id, notification_id)
