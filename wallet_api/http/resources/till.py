"""What tills and POS call: scans, sales, returns, check-ins, redemptions, guests."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask.views import MethodView

from wallet_api.domain import errors
from wallet_api.domain.events import Line
from wallet_api.http import idempotency
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import by_key, guarded
from wallet_api.http.headers import LOCATION, OptionalIdempotencyHeaders
from wallet_api.http.idempotency import attempt, once
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.till import (
    AccessAnswerSchema,
    AccessSchema,
    ActivityAnswerSchema,
    ActivitySchema,
    CheckInAnswerSchema,
    CheckInSchema,
    GuestAnswerSchema,
    GuestSchema,
    PreviewAnswerSchema,
    PreviewSchema,
    RedemptionAnswerSchema,
    RedemptionSchema,
    ReturnAnswerSchema,
    ReturnSchema,
    SaleAnswerSchema,
    SaleSchema,
    ScanAnswerSchema,
    ScanSchema,
)
from wallet_api.http.till import lines_of, the_app, till_at, who_of
from wallet_api.services.access import AskAccess, may_buy
from wallet_api.services.check_in import check_in
from wallet_api.services.enrol_guest import Guest, enrol_guest
from wallet_api.services.quote_guest import quote_guest
from wallet_api.services.record_activity import RecordActivity, record_activity
from wallet_api.services.record_sale import RecordSale, preview_sale, record_sale
from wallet_api.services.redeem import Wish, capture_reward, hold_reward, release_reward
from wallet_api.services.return_sale import ReturnSale, return_sale
from wallet_api.services.scan import scan_card
from wallet_api.services.show_transaction import recorded_answer

blueprint = Blueprint("till", __name__, url_prefix="/v1", description="Tills and points of sale")

Body = dict[str, Any]

CUSTOMER = (
    errors.CardNotFound,
    errors.CodeExpired,
    errors.CodeReplayed,
    errors.CardBlocked,
    errors.TooManyWrongCodes,
)
KNOWN_CUSTOMER = (*CUSTOMER, errors.ScanExpired)
EVENT = (errors.NotFound, errors.InTheFuture)
PAYMENT = (
    errors.WrongCurrency,
    errors.VoucherNotFound,
    errors.MinimumNotReached,
    errors.ExceedsShare,
    errors.InsufficientBalance,
    errors.NotEligible,
    errors.OutOfSeason,
    errors.LimitReached,
)


@blueprint.route("/scans")
class Scans(MethodView):
    """Reading a card."""

    decorators = [guarded(by_key("till"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(ScanSchema)
    @blueprint.response(200, ScanAnswerSchema)
    @refuses(*CUSTOMER, errors.NotFound, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body) -> Response:
        """Recognise a member by what a reader read, or by a typed card number."""
        till, app = till_at(body["location_id"]), the_app()
        return once(app, lambda tx: scan_card(app, tx, till, body["code"]), status=200)


@blueprint.route("/transactions")
class Transactions(MethodView):
    """Sales."""

    decorators = [guarded(by_key("till"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(SaleSchema)
    @blueprint.response(201, SaleAnswerSchema, headers=LOCATION)
    @refuses(*KNOWN_CUSTOMER, *EVENT, *PAYMENT, errors.DuplicateReceipt, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body) -> Response:
        """Record a sale. The same receipt again gets the first answer; with other contents it is refused."""
        till, app, wish = till_at(body["location_id"]), the_app(), _sale(body)
        return once(app, lambda tx: record_sale(app, tx, till, wish), location="/v1/transactions")


@blueprint.route("/transactions/preview")
class TransactionPreviews(MethodView):
    """What a sale would bring."""

    decorators = [guarded(by_key("till"))]

    @blueprint.arguments(PreviewSchema)
    @blueprint.response(200, PreviewAnswerSchema)
    @refuses(*KNOWN_CUSTOMER, *EVENT, *PAYMENT, errors.Busy)
    def post(self, body: Body) -> Response:
        """Answer as a sale would, for a member or a guest, and record nothing."""
        till, app, wish = till_at(body["location_id"]), the_app(), _sale(body)
        quote = quote_guest if wish.who.is_guest else preview_sale
        return attempt(app, lambda tx: quote(app, tx, till, wish))


@blueprint.route("/access")
class Access(MethodView):
    """What is not for everybody, or not yet."""

    decorators = [guarded(by_key("till"))]

    @blueprint.arguments(AccessSchema)
    @blueprint.response(200, AccessAnswerSchema)
    @refuses(*KNOWN_CUSTOMER, errors.NotFound, errors.Busy)
    def post(self, body: Body) -> Response:
        """Say whether a member or a guest may buy something with these tags now, and from when on."""
        till, app = till_at(body["location_id"]), the_app()
        ask = AskAccess(who=who_of(body), tags=frozenset(body["tags"]), opens_at=body["opens_at"])
        return attempt(app, lambda tx: may_buy(app, tx, till, ask))


@blueprint.route("/transactions/<uuid:transaction_id>")
class Transaction(MethodView):
    """One recorded transaction."""

    decorators = [guarded(by_key("till"))]

    @blueprint.response(200, SaleAnswerSchema)
    def get(self, transaction_id: UUID) -> Response:
        """The answer that a sale got when it was recorded."""
        return _recorded(transaction_id, kind="sale")


@blueprint.route("/returns/<uuid:transaction_id>")
class RecordedReturn(MethodView):
    """One recorded return."""

    decorators = [guarded(by_key("till"))]

    @blueprint.response(200, ReturnAnswerSchema)
    def get(self, transaction_id: UUID) -> Response:
        """The answer that a return got when it was recorded."""
        return _recorded(transaction_id, kind="return")


@blueprint.route("/transactions/<uuid:transaction_id>/returns")
class Returns(MethodView):
    """Goods brought back."""

    decorators = [guarded(by_key("till"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(ReturnSchema)
    @blueprint.response(201, ReturnAnswerSchema, headers=LOCATION)
    @refuses(
        errors.NotFound,
        errors.InTheFuture,
        errors.ReturnExceedsSale,
        errors.ReturnPeriodOver,
        errors.NotReturnable,
        errors.DuplicateReceipt,
        *idempotency.REFUSALS,
    )
    def post(self, _: Body, body: Body, transaction_id: UUID) -> Response:
        """Record a return of all that is left, of some lines, or of an amount in the sale's own prices."""
        till, app = till_at(body["location_id"]), the_app()
        wish = ReturnSale(
            sale_id=transaction_id,
            external_id=body["external_id"],
            occurred_at=body["occurred_at"],
            lines=lines_of(body),
            amount=body["amount"],
            is_worn=body["worn"],
        )
        return once(app, lambda tx: return_sale(app, tx, till, wish), location="/v1/returns")


@blueprint.route("/check-ins")
class CheckIns(MethodView):
    """Visits."""

    decorators = [guarded(by_key("till"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(CheckInSchema)
    @blueprint.response(201, CheckInAnswerSchema)
    @refuses(*KNOWN_CUSTOMER, *EVENT, errors.AlreadyCheckedIn, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body) -> Response:
        """Record a visit; beyond a rule's limit it is recorded and earns nothing."""
        till, app, who = till_at(body["location_id"]), the_app(), who_of(body)
        return once(app, lambda tx: check_in(app, tx, till, who, occurred_at=body["occurred_at"]))


@blueprint.route("/activities")
class Activities(MethodView):
    """Other things that may earn."""

    decorators = [guarded(by_key("till"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(ActivitySchema)
    @blueprint.response(201, ActivityAnswerSchema)
    @refuses(*KNOWN_CUSTOMER, *EVENT, errors.DuplicateReceipt, errors.LimitReached, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body) -> Response:
        """Record an activity of a kind that the program's rules know; beyond a rule's limit it earns nothing."""
        till, app = till_at(body["location_id"]), the_app()
        wish = RecordActivity(
            who=who_of(body),
            kind=body["kind"],
            external_id=body["external_id"],
            occurred_at=body["occurred_at"],
            quantity=body["quantity"],
            fields=body["data"],
        )
        return once(app, lambda tx: record_activity(app, tx, till, wish))


@blueprint.route("/redemptions")
class Redemptions(MethodView):
    """Rewards at the till."""

    decorators = [guarded(by_key("till"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(RedemptionSchema)
    @blueprint.response(201, RedemptionAnswerSchema)
    @refuses(
        *KNOWN_CUSTOMER,
        errors.NotFound,
        errors.FreshCodeRequired,
        errors.RewardNotFound,
        errors.NotEligible,
        errors.LimitReached,
        errors.OutOfSeason,
        errors.InsufficientBalance,
        *idempotency.REFUSALS,
    )
    def post(self, _: Body, body: Body) -> Response:
        """Hold a reward for ten minutes; capture it when it is handed over, release it otherwise."""
        till, app, who = till_at(body["location_id"]), the_app(), who_of(body)
        wish = Wish(reward=body["reward"], quantity=body["quantity"])
        return once(app, lambda tx: hold_reward(app, tx, till, who, wish))


@blueprint.route("/redemptions/<uuid:redemption_id>/capture")
class Captures(MethodView):
    """Handing a held reward over."""

    decorators = [guarded(by_key("till"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.response(200, RedemptionAnswerSchema)
    @refuses(errors.NotFound, errors.HoldExpired, errors.AlreadyReleased, *idempotency.REFUSALS)
    def post(self, _: Body, redemption_id: UUID) -> Response:
        """Capture a hold; twice is the same as once."""
        till, app = till_at(None), the_app()
        return once(app, lambda tx: capture_reward(app, tx, till, redemption_id), status=200)


@blueprint.route("/redemptions/<uuid:redemption_id>/release")
class Releases(MethodView):
    """Giving held units back."""

    decorators = [guarded(by_key("till"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.response(200, RedemptionAnswerSchema)
    @refuses(errors.NotFound, errors.AlreadyCaptured, *idempotency.REFUSALS)
    def post(self, _: Body, redemption_id: UUID) -> Response:
        """Release a hold; twice is the same as once."""
        till, app = till_at(None), the_app()
        return once(app, lambda tx: release_reward(app, tx, till, redemption_id), status=200)


@blueprint.route("/members")
class Guests(MethodView):
    """Customers who join at the till."""

    decorators = [guarded(by_key("till"))]

    @blueprint.arguments(OptionalIdempotencyHeaders, location="headers")
    @blueprint.arguments(GuestSchema)
    @blueprint.response(201, GuestAnswerSchema)
    @refuses(errors.TermsNotAccepted, errors.AlreadyMember, errors.NotFound, *idempotency.REFUSALS)
    def post(self, _: Body, body: Body) -> Response:
        """Enrol a guest and answer with the card."""
        till, app, guest = till_at(None), the_app(), Guest(**body)
        return once(app, lambda tx: enrol_guest(app, tx, till, guest))


def _sale(body: Body) -> RecordSale:
    return RecordSale(
        who=who_of(body),
        external_id=body["external_id"],
        occurred_at=body["occurred_at"],
        currency=body["currency"],
        lines=lines_of(body) or (Line(sku="", amount=body["amount"]),),
        vouchers=tuple(body["vouchers"]),
        pay_with=tuple((part["unit"], part["amount"]) for part in body["pay_with"]),
        tender=body["tender"],
    )


def _recorded(transaction_id: UUID, *, kind: str) -> Response:
    till, app = till_at(None), the_app()
    return attempt(app, lambda tx: recorded_answer(tx, till, transaction_id, kind=kind))
