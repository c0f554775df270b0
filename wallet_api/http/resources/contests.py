"""Contests: taking part is the member's own choice, and under a name of their own."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_member, caller, guarded
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.contests import ContestEntrySchema, ContestListSchema, ContestSchema
from wallet_api.http.till import the_app
from wallet_api.services.contest import contests_of, enter_contest, leave_contest
from wallet_api.services.present import Json

blueprint = Blueprint("contests", __name__, url_prefix="/v1/me/contests", description="Contests")

Body = dict[str, Any]


@blueprint.route("")
class Contests(MethodView):
    """The program's contests."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, ContestListSchema)
    @refuses(errors.Busy)
    def get(self) -> Json:
        """List the contests, their first places, and my own place where I take part."""
        app, by = the_app(), caller()
        with app.db.read() as tx:
            return {"items": contests_of(app, tx, by.id, program=by.program), "next_cursor": None}


@blueprint.route("/<slug:contest_id>")
class OneContest(MethodView):
    """Taking part."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(ContestEntrySchema)
    @blueprint.response(200, ContestSchema)
    @refuses(errors.NotFound, errors.OutOfSeason, errors.AliasTaken, errors.Invalid, errors.Busy)
    def put(self, body: Body, contest_id: str) -> Json:
        """Take part under a name that nobody else has; again with another name changes it."""
        app, by = the_app(), caller()
        return app.db.run(lambda tx: enter_contest(app, tx, by.id, contest_id, alias=body["alias"], program=by.program))

    @blueprint.response(204)
    @refuses(errors.NotFound, errors.Busy)
    def delete(self, contest_id: str) -> None:
        """Take part no longer."""
        app, by = the_app(), caller()
        app.db.run(lambda tx: leave_contest(app, tx, by.id, contest_id, program=by.program))
