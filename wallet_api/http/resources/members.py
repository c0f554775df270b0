"""Finding members, and what the shop does to one: managers by hand, web shops and payment providers by a key."""

from __future__ import annotations

from operator import itemgetter
from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.domain.events import PlanAction, VerificationAction
from wallet_api.http import idempotency
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_key, by_staff, caller, guarded
from wallet_api.http.headers import OptionalIdempotencyHeaders
from wallet_api.http.idempotency import once
from wallet_api.http.pagination import Page, page, page_schema
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.members import (
    AdjustmentAnswerSchema,
    AdjustmentSchema,
    AsOfQuery,
    FoundMemberSchema,
    InvitationAnswerSchema,
    InvitationSchema,
    MemberForManagerSchema,
    MergeAnswerSchema,
    MergeSchema,
    SearchQuery,
)
from wallet_api.http.schemas.membership import (
    MembershipAnswerSchema,
    MembershipBodySchema,
    VerificationAnswerSchema,
    VerificationBodySchema,
)
from wallet_api.http.till import the_app
from wallet_api.services import show_member
from wallet_api.services.adjust import Adjustment, adjust
from wallet_api.services.invite import Invitation, invite
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.plan import PlanWish, change_plan
from wallet_api.services.present import Json
from wallet_api.services.search_members import search_members
from wallet_api.services.verification import VerificationWish, verify

blueprint = Blueprint("members", __name__, url_prefix="/v1/members", description="Members, for the shop")

Body = dict[str, Any]
BY_SHOP = (by_staff("manager"), by_key("members:act"))


@blueprint.route("")
class Members(MethodView):
    """Who is a member."""

    decorators = [guarded(*BY_SHOP)]

    @blueprint.arguments(SearchQuery, location="query")
    @blueprint.response(200, page_schema(FoundMemberSchema))
    @refuses(errors.Busy)
    def get(self, query: Body) -> Page[Json]:
        """Find members by e-mail address, phone or card number, or the beginning of a name, the newest first."""
        app, by, limit = the_app(), caller(), query["limit"]
        with app.db.read() as tx:
            found = search_members(app, tx, query["query"], program=by.program, before=query["cursor"], limit=limit + 1)
        return page(found, limit=limit, id_of=itemgetter("id"))


@blueprint.route("/<uuid:member_id>")
class OneMember(MethodView):
    """A member."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(AsOfQuery, location="query")
    @blueprint.response(200, MemberForManagerSchema)
    @refuses(errors.NotFound, errors.InTheFuture, errors.Busy)
    def get(self, query: Body, member_id: UUID) -> Json:
        """Show who a member is, and where they stand or stood; one who was merged shows as whom they are now."""
        app, by = the_app(), caller()
        with app.db.read() as tx:
            return show_member.for_manager(app, tx, member_id, program=by.program, at=query["as_of"])


@blueprint.route("/<uuid:member_id>/adjustments")
class Adjustments(MethodView):
    """Units by hand."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(AdjustmentSchema)
    @blueprint.response(201, AdjustmentAnswerSchema)
    @refuses(errors.NotFound, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body, member_id: UUID) -> Response:
        """Add or take units, for a reason; more may be taken than there is, and the next earn repays it."""
        app, by, wish = the_app(), caller(), Adjustment(**body)
        return once(app, lambda tx: adjust(app, tx, member_id, wish, program=by.program))


@blueprint.route("/<uuid:member_id>/merge")
class Merges(MethodView):
    """Two members who are one person."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(MergeSchema)
    @blueprint.response(200, MergeAnswerSchema)
    @refuses(errors.NotFound, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body, member_id: UUID) -> Response:
        """Merge this member into another one, who gets everything; asked again, it is as it was."""
        app, by = the_app(), caller()
        wish = MergeWish(gone=member_id, into=body["into"], reason=body["reason"])
        return once(app, lambda tx: merge_members(app, tx, wish, program=by.program), status=200)


@blueprint.route("/<uuid:member_id>/tier")
class Invitations(MethodView):
    """Tiers by hand."""

    decorators = [guarded(by_staff("manager"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(InvitationSchema)
    @blueprint.response(200, InvitationAnswerSchema)
    @refuses(errors.NotFound, errors.NotEligible, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body, member_id: UUID) -> Response:
        """Give a tier by hand, as a floor; one that is lower than the tier held is refused."""
        app, by, wish = the_app(), caller(), Invitation(**body)
        return once(app, lambda tx: invite(app, tx, member_id, wish, program=by.program), status=200)


@blueprint.route("/<uuid:member_id>/membership")
class Memberships(MethodView):
    """A paid membership."""

    decorators = [guarded(*BY_SHOP)]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(MembershipBodySchema)
    @blueprint.response(200, MembershipAnswerSchema)
    @refuses(errors.NotFound, errors.NotEligible, errors.InTheFuture, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body, member_id: UUID) -> Response:
        """Start or cancel a plan for a member, or say whether a charge that was due has gone through."""
        app, by = the_app(), caller()
        wish = PlanWish(action=PlanAction(body["action"]), plan=body["plan"], occurred_at=body["occurred_at"])
        key_id = by.id if by.kind == "key" else None
        return once(
            app, lambda tx: change_plan(app, tx, member_id, wish, program=by.program, key_id=key_id), status=200
        )


@blueprint.route("/<uuid:member_id>/verification")
class Verifications(MethodView):
    """A membership by proof."""

    decorators = [guarded(*BY_SHOP)]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(VerificationBodySchema)
    @blueprint.response(200, VerificationAnswerSchema)
    @refuses(errors.NotFound, errors.NotEligible, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body, member_id: UUID) -> Response:
        """Apply for a member, approve what they have shown, renew or revoke it."""
        app, by, wish = the_app(), caller(), VerificationWish(action=VerificationAction(body["action"]))
        key_id = by.id if by.kind == "key" else None
        return once(app, lambda tx: verify(app, tx, member_id, wish, program=by.program, key_id=key_id), status=200)
