"""What managers see of the passes on their members' phones."""

from __future__ import annotations

from datetime import timedelta
from operator import itemgetter
from typing import Any

from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_staff, caller, guarded
from wallet_api.http.pagination import page
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.passes import FreshnessQuery, FreshnessSchema
from wallet_api.http.till import the_app
from wallet_api.services.freshness import freshness_of, late_passes
from wallet_api.services.present import Json

blueprint = Blueprint("passes", __name__, url_prefix="/v1/passes", description="Passes in wallets, for the shop")


@blueprint.route("/freshness")
class PassFreshness(MethodView):
    """How fresh passes are on phones."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(FreshnessQuery, location="query")
    @blueprint.response(200, FreshnessSchema)
    @refuses(errors.Busy)
    def get(self, query: dict[str, Any]) -> Json:
        """Tell how long changes take from the sale to the phone, and which passes have not come."""
        app, program, limit = the_app(), caller().program, query["limit"]
        now, late_after = app.clock.now(), timedelta(hours=query["late_after_hours"])
        with app.db.read() as tx:
            found = late_passes(tx, program, late_after=late_after, before=query["cursor"], limit=limit + 1, now=now)
            return {
                **freshness_of(tx, program, late_after=late_after, now=now),
                "late": page(found, limit=limit, id_of=itemgetter("card_id")),
            }
