"""Segments: managers describe groups of members, see how large they are, and save them."""

from __future__ import annotations

from operator import itemgetter
from typing import Any
from uuid import UUID

from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_staff, caller, guarded
from wallet_api.http.headers import LOCATION
from wallet_api.http.pagination import Page, PageQuery, page, page_schema
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.segments import (
    SegmentBodySchema,
    SegmentPreviewBodySchema,
    SegmentPreviewSchema,
    SegmentSchema,
)
from wallet_api.http.till import the_app
from wallet_api.services.present import Json
from wallet_api.services.segments import (
    SegmentWish,
    change_segment,
    delete_segment,
    list_segments,
    preview_segment,
    save_segment,
    show_segment,
)

blueprint = Blueprint("segments", __name__, url_prefix="/v1/segments", description="Segments, for managers")

Body = dict[str, Any]


@blueprint.route("")
class Segments(MethodView):
    """The program's segments."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(SegmentSchema))
    @refuses(errors.Busy)
    def get(self, query: Body) -> Page[Json]:
        """List the segments that were saved, the newest first."""
        limit = query["limit"]
        with the_app().db.read() as tx:
            found = list_segments(tx, program=caller().program, before=query["cursor"], limit=limit + 1)
        return page(found, limit=limit, id_of=itemgetter("id"))

    @blueprint.arguments(SegmentBodySchema)
    @blueprint.response(201, SegmentSchema, headers=LOCATION)
    @refuses(errors.NameTaken, errors.Busy)
    def post(self, body: Body) -> tuple[Json, int, dict[str, str]]:
        """Save a segment; what its rule may say stands in docs/segments.md."""
        app = the_app()
        with app.db.begin() as tx:
            segment = save_segment(app, tx, SegmentWish(**body), program=caller().program)
        return segment, 201, {"Location": f"/v1/segments/{segment['id']}"}


@blueprint.route("/preview")
class SegmentPreview(MethodView):
    """A rule, tried."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(SegmentPreviewBodySchema)
    @blueprint.response(200, SegmentPreviewSchema)
    @refuses(errors.Busy)
    def post(self, body: Body) -> Json:
        """Count whom a rule selects now, and show some of them."""
        app = the_app()
        with app.db.read() as tx:
            return preview_segment(app, tx, body["rule"], program=caller().program)


@blueprint.route("/<uuid:segment_id>")
class OneSegment(MethodView):
    """A segment."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.response(200, SegmentSchema)
    @refuses(errors.NotFound, errors.Busy)
    def get(self, segment_id: UUID) -> Json:
        """Show a segment."""
        with the_app().db.read() as tx:
            return show_segment(tx, segment_id, program=caller().program)

    @blueprint.arguments(SegmentBodySchema)
    @blueprint.response(200, SegmentSchema)
    @refuses(errors.NotFound, errors.NameTaken, errors.Busy)
    def put(self, body: Body, segment_id: UUID) -> Json:
        """Change a segment; a campaign that has begun keeps whom it has."""
        app = the_app()
        with app.db.begin() as tx:
            return change_segment(app, tx, segment_id, SegmentWish(**body), program=caller().program)

    @blueprint.response(204)
    @refuses(errors.NotFound, errors.Busy)
    def delete(self, segment_id: UUID) -> None:
        """Forget a segment; campaigns keep its rule."""
        with the_app().db.begin() as tx:
            delete_segment(tx, segment_id, program=caller().program)
