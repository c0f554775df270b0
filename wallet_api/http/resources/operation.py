"""For whoever runs the server: is the process alive, can it serve, how busy is it."""

from __future__ import annotations

from flask import Response
from flask.views import MethodView
from prometheus_client import CONTENT_TYPE_LATEST

from wallet_api.domain import errors
from wallet_api.http import metrics
from wallet_api.http.api import Blueprint
from wallet_api.http.auth import anyone, by_key, by_staff, guarded
from wallet_api.http.problems import NotReady, refuses
from wallet_api.http.schemas.operation import AliveSchema, ReadySchema
from wallet_api.http.till import the_app
from wallet_api.services import freshness, scheduled_work
from wallet_api.services.readiness import why_not_ready
from wallet_api.store import deliveries

blueprint = Blueprint("operation", __name__, description="Operation")
blueprint.record_once(lambda state: metrics.install(state.app))


@blueprint.route("/healthz")
class Health(MethodView):
    """The process."""

    decorators = [anyone]

    @blueprint.response(200, AliveSchema)
    def get(self) -> dict[str, str]:
        """Say that the process answers; it asks nothing of the database, so that a restart helps where this fails."""
        return {"status": "ok"}


@blueprint.route("/readyz")
class Readiness(MethodView):
    """What it needs to serve."""

    decorators = [anyone]

    @blueprint.response(200, ReadySchema)
    @refuses(NotReady)
    def get(self) -> dict[str, str]:
        """Say whether the database is there and has every migration."""
        if (because := why_not_ready(the_app())) is not None:
            raise NotReady(because=because)
        return {"status": "ready"}


@blueprint.route("/metrics")
class MetricsText(MethodView):
    """Figures."""

    decorators = [guarded(by_key("metrics"), by_staff("admin"))]

    @blueprint.response(200, {"type": "string"}, content_type="text/plain")
    @refuses(errors.Busy)
    def get(self) -> Response:
        """Requests, latencies and what waits, in Prometheus' text format."""
        app = the_app()
        with app.db.read() as tx:
            counts = deliveries.counts(tx)
            posting = scheduled_work.posting(tx, now=app.clock.now())
            check = scheduled_work.last_check(tx)
            fresh = freshness.overall(tx, now=app.clock.now())
        return Response(metrics.metrics().text(counts, posting, check, fresh), content_type=CONTENT_TYPE_LATEST)
