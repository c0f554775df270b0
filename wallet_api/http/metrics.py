"""What Prometheus reads: requests by route and status, what waits or has failed in the outbox, the scheduled work.

Requests are counted in each worker process apart; a scrape reaches one of them. All else comes from the database, so it
is the same wherever it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import nan
from time import perf_counter
from typing import cast

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from wallet_api.credentials import certificate_seconds
from wallet_api.services.app import App
from wallet_api.services.freshness import BOUNDS_SECONDS, Count, Freshness
from wallet_api.services.scheduled_work import LastCheck, Posting

METRICS = "carnet.metrics"
UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counts of one process; routes are rules such as `/v1/me`, so that their number is bounded."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("method", "route", "status")
        self._requests = Counter("carnet_http_requests", "Requests answered.", names, registry=self.registry)
        self._seconds = Histogram(
            "carnet_http_request_duration_seconds",
            "Time from a request to its answer.",
            names,
            buckets=_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._waiting = Gauge("carnet_waiting", "Rows that wait for a worker.", ("what",), registry=self.registry)
        self._failed = Gauge("carnet_failed", "Rows that no worker could do.", ("what",), registry=self.registry)
        self._due = self._gauge("carnet_due_members", "Members for whom time has brought something not written yet.")
        self._due_for = self._gauge("carnet_due_seconds", "For how long the first of them has been due.")
        self._posted = self._gauge("carnet_posted_members", "Members done by the present or last run of post_due.")
        self._rate = self._gauge("carnet_posted_members_per_second", "How many of them a second.")
        self._unposted = self._gauge("carnet_posting_failed_members", "Members whom that run failed for.")
        self._differences = self._gauge(
            "carnet_ledger_differences", "Differences found by the last complete check of the ledger; NaN: no check."
        )
        self._checked = self._gauge("carnet_ledger_checked_members", "Members whose ledgers it checked.")
        self._checked_at = self._gauge("carnet_ledger_checked_timestamp_seconds", "When it ended; 0: never.")
        self.certificate = self._gauge(
            "carnet_pass_certificate_expires_seconds",
            "For how long Apple passes can be signed yet; negative: since when not; NaN: no certificate of Apple's.",
        )
        self._late = self._gauge("carnet_passes_late", "Passes that no device has fetched an hour after they changed.")
        self._fetches = _Fetches()
        self.registry.register(self._fetches)

    def saw(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        labels = (method if method in _METHODS else "OTHER", route, str(status))
        self._requests.labels(*labels).inc()
        self._seconds.labels(*labels).observe(seconds)

    def text(self, counts: Mapping[str, int], posting: Posting, check: LastCheck | None, freshness: Freshness) -> bytes:
        """Everything in Prometheus' text format; `counts` as `store.deliveries.counts` gives them."""
        self._late.set(freshness.late)
        self._fetches.counted = freshness.fetches
        self._waiting.labels("events").set(counts["events_waiting"])
        self._waiting.labels("deliveries").set(counts["deliveries_waiting"])
        self._failed.labels("events").set(counts["events_failed"])
        self._failed.labels("deliveries").set(counts["deliveries_dead"])
        self._due.set(posting.due)
        self._due_for.set(posting.due_for.total_seconds())
        self._posted.set(posting.members)
        self._rate.set(posting.rate)
        self._unposted.set(posting.failed)
        self._differences.set(check.differences if check else nan)
        self._checked.set(check.members if check else 0)
        self._checked_at.set(check.ended_at.timestamp() if check else 0)
        return generate_latest(self.registry)

    def _gauge(self, name: str, sentence: str) -> Gauge:
        return Gauge(name, sentence, registry=self.registry)


class _Fetches(Collector):
    """How long changes of passes took until a device had fetched them, as the database has counted it."""

    def __init__(self) -> None:
        self.counted: Count | None = None

    def collect(self) -> Iterator[Metric]:
        """The histogram; nothing before the first figures are there."""
        if self.counted is not None:
            bounds = [*map(str, BOUNDS_SECONDS), "+Inf"]
            yield HistogramMetricFamily(
                "carnet_pass_freshness_seconds",
                "Time from what changed a pass to its being fetched by a device.",
                buckets=list(zip(bounds, [*self.counted.below, self.counted.fetches], strict=True)),
                sum_value=self.counted.seconds,
            )


def install(app: Flask) -> None:
    """Count every request of this app from now on."""
    app.extensions[METRICS] = made = Metrics()
    made.certificate.set_function(lambda: _certificate_seconds(app))
    app.before_request(_start)
    app.after_request(_count)


def metrics() -> Metrics:
    """The counts of the present app."""
    return cast("Metrics", current_app.extensions[METRICS])


def _certificate_seconds(app: Flask) -> float:
    carnet: App = app.extensions["carnet"]
    return certificate_seconds(carnet.apple, now=carnet.clock.now())


def _start() -> None:
    g.started = perf_counter()


def _count(response: Response) -> Response:
    route = request.url_rule.rule if request.url_rule else UNMATCHED
    seconds = perf_counter() - g.get("started", perf_counter())
    metrics().saw(method=request.method, route=route, status=response.status_code, seconds=seconds)
    return response
