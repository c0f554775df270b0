"""Campaigns: managers write them, send, pause and cancel them, and see what came of them."""

from __future__ import annotations

from operator import itemgetter
from typing import Any
from uuid import UUID

from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.domain.campaign import Act
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_staff, caller, guarded
from wallet_api.http.headers import LOCATION
from wallet_api.http.pagination import Page, PageQuery, page, page_schema
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.campaigns import CampaignBodySchema, CampaignSchema, ListedCampaignSchema
from wallet_api.http.till import the_app
from wallet_api.services.campaigns import (
    CampaignWish,
    act_on_campaign,
    change_campaign,
    create_campaign,
    list_campaigns,
    show_campaign,
)
from wallet_api.services.present import Json

blueprint = Blueprint("campaigns", __name__, url_prefix="/v1/campaigns", description="Campaigns, for managers")

Body = dict[str, Any]


@blueprint.route("")
class Campaigns(MethodView):
    """The program's campaigns."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(ListedCampaignSchema))
    @refuses(errors.Busy)
    def get(self, query: Body) -> Page[Json]:
        """List the campaigns, the newest first."""
        limit = query["limit"]
        with the_app().db.read() as tx:
            found = list_campaigns(tx, program=caller().program, before=query["cursor"], limit=limit + 1)
        return page(found, limit=limit, id_of=itemgetter("id"))

    @blueprint.arguments(CampaignBodySchema)
    @blueprint.response(201, CampaignSchema, headers=LOCATION)
    @refuses(errors.Busy)
    def post(self, body: Body) -> tuple[Json, int, dict[str, str]]:
        """File a campaign: a draft, or with `starts_at` one that begins by itself."""
        app = the_app()
        with app.db.begin() as tx:
            campaign = create_campaign(app, tx, CampaignWish(**body), program=caller().program)
        return campaign, 201, {"Location": f"/v1/campaigns/{campaign['id']}"}


@blueprint.route("/<uuid:campaign_id>")
class OneCampaign(MethodView):
    """A campaign."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.response(200, CampaignSchema)
    @refuses(errors.NotFound, errors.Busy)
    def get(self, campaign_id: UUID) -> Json:
        """Show a campaign, how far it is, and what came of it."""
        app = the_app()
        with app.db.read() as tx:
            return show_campaign(app, tx, campaign_id, program=caller().program)

    @blueprint.arguments(CampaignBodySchema)
    @blueprint.response(200, CampaignSchema)
    @refuses(errors.NotFound, errors.CampaignHasBegun, errors.CampaignIsOver, errors.Busy)
    def put(self, body: Body, campaign_id: UUID) -> Json:
        """Write a campaign anew that has not begun."""
        app = the_app()
        with app.db.begin() as tx:
            return change_campaign(app, tx, campaign_id, CampaignWish(**body), program=caller().program)


@blueprint.route("/<uuid:campaign_id>/send")
class CampaignSending(MethodView):
    """The beginning of a campaign."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.response(200, CampaignSchema)
    @refuses(errors.NotFound, errors.CampaignIsOver, errors.CampaignPaused, errors.Busy)
    def post(self, campaign_id: UUID) -> Json:
        """Begin now; a campaign that has begun goes on as it did."""
        return _act(campaign_id, Act.SEND)


@blueprint.route("/<uuid:campaign_id>/pause")
class CampaignPause(MethodView):
    """A campaign that rests."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.response(200, CampaignSchema)
    @refuses(errors.NotFound, errors.CampaignIsOver, errors.CampaignNotBegun, errors.Busy)
    def post(self, campaign_id: UUID) -> Json:
        """Write to nobody else until it goes on; the few messages that have been filed still go out."""
        return _act(campaign_id, Act.PAUSE)


@blueprint.route("/<uuid:campaign_id>/resume")
class CampaignResumption(MethodView):
    """A campaign that goes on."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.response(200, CampaignSchema)
    @refuses(errors.NotFound, errors.CampaignIsOver, errors.CampaignNotBegun, errors.Busy)
    def post(self, campaign_id: UUID) -> Json:
        """Go on with those who wait."""
        return _act(campaign_id, Act.RESUME)


@blueprint.route("/<uuid:campaign_id>/cancel")
class CampaignCancellation(MethodView):
    """A campaign that is called off."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.response(200, CampaignSchema)
    @refuses(errors.NotFound, errors.CampaignIsOver, errors.Busy)
    def post(self, campaign_id: UUID) -> Json:
        """Write to nobody else, for good; messages that wait are not sent either."""
        return _act(campaign_id, Act.CANCEL)


def _act(campaign_id: UUID, act: Act) -> Json:
    app = the_app()
    with app.db.begin() as tx:
        return act_on_campaign(app, tx, campaign_id, act, program=caller().program)
