"""Recommendations: what the member is likely to buy next."""

from __future__ import annotations

from typing import Any

from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_member, caller, guarded
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.recommendations import RecommendationsQuery, RecommendationsSchema
from wallet_api.http.till import the_app
from wallet_api.services.present import Json
from wallet_api.services.recommend import show_recommendations

blueprint = Blueprint("recommendations", __name__, url_prefix="/v1/me", description="Recommendations")

Body = dict[str, Any]


@blueprint.route("/recommendations")
class MyRecommendations(MethodView):
    """What fits what the member buys."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(RecommendationsQuery, location="query")
    @blueprint.response(200, RecommendationsSchema)
    @refuses(errors.Busy)
    def get(self, query: Body) -> Json:
        """List what I am likely to buy next and why, if I have agreed to profiling; popular items while I am new."""
        app = the_app()
        with app.db.read() as tx:
            return show_recommendations(app, tx, caller().id, limit=query["limit"])
