"""Experiments: managers learn beforehand what one takes, and afterwards what came of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_staff, caller, guarded
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.experiments import (
    ExperimentResultSchema,
    HoldOutQuery,
    HoldOutSchema,
    LanguageQuery,
    PowerBodySchema,
    PowerSchema,
)
from wallet_api.http.till import the_app
from wallet_api.services.experiments import show_experiment, show_hold_out
from wallet_api.services.plan_experiment import PowerWish, plan_experiment
from wallet_api.services.present import Json
from wallet_api.services.uplift import AmountGoal, RateGoal

blueprint = Blueprint("experiments", __name__, url_prefix="/v1", description="Experiments, for managers")

Body = dict[str, Any]


@blueprint.route("/campaigns/<uuid:campaign_id>/experiment")
class CampaignExperiment(MethodView):
    """A campaign whose arms are compared."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.response(200, ExperimentResultSchema)
    @refuses(errors.NotFound, errors.Busy)
    def get(self, query: Body, campaign_id: UUID) -> Json:
        """Show how much more each arm bought than the control group, between which bounds, and whether chance does that."""
        app = the_app()
        with app.db.read() as tx:
            return show_experiment(app, tx, campaign_id, program=caller().program, language=query["language"])


@blueprint.route("/experiments/hold-out")
class HoldOut(MethodView):
    """The members who get no marketing, for comparison."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(HoldOutQuery, location="query")
    @blueprint.response(200, HoldOutSchema)
    @refuses(errors.Busy)
    def get(self, query: Body) -> Json:
        """Show what all marketing together is worth: what was bought by those who get it, and by those held out."""
        app = the_app()
        with app.db.read() as tx:
            return show_hold_out(app, tx, program=caller().program, **query)


@blueprint.route("/experiments/power")
class Power(MethodView):
    """An experiment that is planned."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(LanguageQuery, location="query")
    @blueprint.arguments(PowerBodySchema)
    @blueprint.response(200, PowerSchema)
    @refuses(errors.Busy)
    def post(self, query: Body, body: Body) -> Json:
        """Say how many members each arm needs to show an effect, and whether a segment has so many."""
        app, rate, amount = the_app(), body.pop("buyers"), body.pop("amount")
        wish = PowerWish(goal=RateGoal(**rate) if rate else AmountGoal(**amount), **body)
        with app.db.read() as tx:
            return plan_experiment(app, tx, wish, program=caller().program, language=query["language"])
