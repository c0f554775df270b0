"""What members do: see where they stand and what happened, change their profile, take rewards."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.domain.events import PlanAction, VerificationAction
from wallet_api.http import idempotency
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_member, caller, guarded
from wallet_api.http.headers import LOCATION, OptionalIdempotencyHeaders
from wallet_api.http.idempotency import once
from wallet_api.http.pagination import Page, PageQuery, page, page_schema
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.me import (
    ChallengeListSchema,
    ConsentBodySchema,
    ConsentSchema,
    DeviceBodySchema,
    DeviceSchema,
    EntrySchema,
    MemberPatchSchema,
    MemberSchema,
    PurchaseSchema,
    RedemptionBodySchema,
    ReferralSchema,
    RewardListSchema,
    StandingSchema,
)
from wallet_api.http.schemas.membership import (
    MembershipAnswerSchema,
    MyMembershipBodySchema,
    MyVerificationBodySchema,
    VerificationAnswerSchema,
)
from wallet_api.http.schemas.till import IssuedVoucherSchema, VoucherSchema
from wallet_api.http.till import the_app
from wallet_api.services import show_member
from wallet_api.services.alter_member import alter_member, record_consent
from wallet_api.services.plan import PlanWish, change_plan
from wallet_api.services.present import Json
from wallet_api.services.redeem import Wish, redeem_reward
from wallet_api.services.referral import show_referral
from wallet_api.services.register_device import Device, forget_device, register_device
from wallet_api.services.verification import VerificationWish, verify
from wallet_api.store.session import Tx

blueprint = Blueprint("me", __name__, url_prefix="/v1/me", description="The member's own")

Body = dict[str, Any]


@blueprint.route("")
class Me(MethodView):
    """The member."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, MemberSchema)
    @refuses(errors.Busy)
    def get(self) -> Json:
        """Show who I am and where I stand now."""
        app = the_app()
        with app.db.read() as tx:
            return show_member.profile(app, tx, caller().id)

    @blueprint.arguments(MemberPatchSchema)
    @blueprint.response(200, MemberSchema)
    @refuses(errors.Busy)
    def patch(self, body: Body) -> Json:
        """Change name, birth date, language or time zone."""
        app, by = the_app(), caller()

        def change(tx: Tx) -> Json:
            alter_member(app, tx, by.id, body)
            return show_member.profile(app, tx, by.id)

        return app.db.run(change)


@blueprint.route("/devices")
class Devices(MethodView):
    """Where push messages go."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(DeviceBodySchema)
    @blueprint.response(201, DeviceSchema, headers=LOCATION)
    @blueprint.alt_response(200, schema=DeviceSchema, headers=LOCATION, description="It was registered already")
    @refuses(errors.Busy)
    def post(self, body: Body) -> tuple[Json, int, dict[str, str]]:
        """Register this phone or browser for push messages; registering it again renews it."""
        app, by = the_app(), caller()
        device, is_new = app.db.run(lambda tx: register_device(app, tx, by.id, Device(**body), program=by.program))
        return device, 201 if is_new else 200, {"Location": f"/v1/me/devices/{device['id']}"}


@blueprint.route("/devices/<uuid:device_id>")
class OneDevice(MethodView):
    """One of them."""

    decorators = [guarded(by_member)]

    @blueprint.response(204)
    @refuses(errors.Busy)
    def delete(self, device_id: UUID) -> None:
        """Send nothing to this device any more."""
        app, by = the_app(), caller()
        app.db.run(lambda tx: forget_device(tx, by.id, device_id))


@blueprint.route("/entries")
class Entries(MethodView):
    """The ledger."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(EntrySchema))
    @refuses(errors.Busy)
    def get(self, query: Body) -> Page[Json]:
        """List what was earned, spent and taken back, the newest first, each with its reason."""
        app, by = the_app(), caller()
        return _page(app.db.run(lambda tx: show_member.entries(app, tx, by.id, **_slice(query))), query)


@blueprint.route("/transactions")
class MyTransactions(MethodView):
    """Sales and returns."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(PurchaseSchema))
    @refuses(errors.Busy)
    def get(self, query: Body) -> Page[Json]:
        """List sales and returns, the newest first."""
        app, by = the_app(), caller()
        with app.db.read() as tx:
            return _page(show_member.purchases(app, tx, by.id, program=by.program, **_slice(query)), query)


@blueprint.route("/tier")
class MyTier(MethodView):
    """Where the member stands."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, StandingSchema)
    @refuses(errors.NotFound, errors.Busy)
    def get(self) -> Json:
        """Show my tier, why and until when I hold it, and what is missing for the next."""
        app, by = the_app(), caller()
        return app.db.run(lambda tx: show_member.standing(app, tx, by.id))


@blueprint.route("/rewards")
class MyRewards(MethodView):
    """The reward list."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, RewardListSchema)
    @refuses(errors.Busy)
    def get(self) -> Json:
        """List the rewards: what I can have now, and what is missing for the others."""
        app = the_app()
        with app.db.read() as tx:
            return {"items": show_member.rewards(app, tx, caller().id), "next_cursor": None}


@blueprint.route("/challenges")
class MyChallenges(MethodView):
    """Challenges."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, ChallengeListSchema)
    @refuses(errors.Busy)
    def get(self) -> Json:
        """List the program's challenges: the goal, how far I am, and the badges that are mine."""
        app = the_app()
        with app.db.read() as tx:
            return {"items": show_member.challenges(app, tx, caller().id), "next_cursor": None}


@blueprint.route("/referral")
class MyReferral(MethodView):
    """Friends."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, ReferralSchema)
    @refuses(errors.Busy)
    def get(self) -> Json:
        """Show the code that I give to friends, and how many came with it."""
        app, by = the_app(), caller()
        return app.db.run(lambda tx: show_referral(app, tx, by.id, program=by.program))


@blueprint.route("/membership")
class MyMembership(MethodView):
    """A paid membership."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(MyMembershipBodySchema)
    @blueprint.response(200, MembershipAnswerSchema)
    @refuses(errors.NotFound, errors.NotEligible, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body) -> Response:
        """Start a plan, or cancel it; the answer says what the shop's payment provider has to charge or give back."""
        app, by, wish = the_app(), caller(), PlanWish(action=PlanAction(body["action"]), plan=body["plan"])
        return once(app, lambda tx: change_plan(app, tx, by.id, wish, program=by.program), status=200)


@blueprint.route("/verification")
class MyVerification(MethodView):
    """A membership by proof."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(MyVerificationBodySchema)
    @blueprint.response(200, VerificationAnswerSchema)
    @refuses(errors.NotFound, errors.NotEligible, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body) -> Response:
        """Apply; it is pending until the shop has looked at the proof."""
        app, by, wish = the_app(), caller(), VerificationWish(action=VerificationAction(body["action"]))
        return once(app, lambda tx: verify(app, tx, by.id, wish, program=by.program), status=200)


@blueprint.route("/redemptions")
class MyRedemptions(MethodView):
    """Rewards taken in the app."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(RedemptionBodySchema)
    @blueprint.response(201, IssuedVoucherSchema, headers=LOCATION)
    @refuses(
        errors.RewardNotFound,
        errors.NotEligible,
        errors.LimitReached,
        errors.OutOfSeason,
        errors.InsufficientBalance,
        *idempotency.REFUSALS,
    )
    def post(self, _: Body, body: Body) -> Response:
        """Exchange units for a reward; its voucher is used at the till or in the shop's own checkout."""
        app, member_id, wish = the_app(), caller().id, Wish(**body)
        return once(app, lambda tx: redeem_reward(app, tx, member_id, wish), location="/v1/me/vouchers")


@blueprint.route("/vouchers")
class Vouchers(MethodView):
    """Vouchers."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(VoucherSchema))
    @refuses(errors.Busy)
    def get(self, query: Body) -> Page[Json]:
        """List vouchers, the newest first, whatever became of them."""
        app, by = the_app(), caller()
        return _page(app.db.run(lambda tx: show_member.vouchers(app, tx, by.id, **_slice(query))), query)


@blueprint.route("/vouchers/<uuid:voucher_id>")
class OneVoucher(MethodView):
    """One of them."""

    decorators = [guarded(by_member)]

    @blueprint.response(200, VoucherSchema)
    @refuses(errors.Busy)
    def get(self, voucher_id: UUID) -> Json:
        """Show one voucher."""
        app, by = the_app(), caller()
        return app.db.run(lambda tx: show_member.voucher(app, tx, by.id, voucher_id))


@blueprint.route("/consents")
class Consents(MethodView):
    """What the member agreed to."""

    decorators = [guarded(by_member)]

    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_schema(ConsentSchema))
    @refuses(errors.Busy)
    def get(self, query: Body) -> Page[Json]:
        """List consents given and withdrawn, the newest first: the first of a kind is in force."""
        with the_app().db.read() as tx:
            return _page(show_member.consents(tx, caller().id, **_slice(query)), query)

    @blueprint.arguments(ConsentBodySchema)
    @blueprint.response(201, ConsentSchema, headers=LOCATION)
    @refuses(errors.TermsNotAccepted, errors.Busy)
    def post(self, body: Body) -> tuple[Json, int, dict[str, str]]:
        """Give or withdraw a consent; the terms themselves end with the membership only."""
        app, by = the_app(), caller()
        consent = app.db.run(lambda tx: record_consent(app, tx, by.id, **body))
        return consent, 201, {"Location": "/v1/me/consents"}


def _slice(query: Body) -> dict[str, Any]:
    """What to read for a page: one row more than it shows, to see whether another follows."""
    return {"before": query["cursor"], "limit": query["limit"] + 1}


def _page(rows: Sequence[Json], query: Body) -> Page[Json]:
    return page(rows, limit=query["limit"], id_of=itemgetter("id"))
