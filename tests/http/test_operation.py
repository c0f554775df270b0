"""Whether the process lives, can serve, and what Prometheus reads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_key, as_member, as_staff, refused, told
from tests.shop import Shop
from wallet_api.app import web
from wallet_api.store import sql
from wallet_api.store.session import Database

NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing?connect_timeout=1"


def test_a_process_without_a_database_lives_but_cannot_serve(shop: Shop) -> None:
    api = web(replace(shop.app, db=Database(NOWHERE))).test_client()

    alive, ready = api.get("/healthz"), api.get("/readyz")

    assert (alive.status_code, told(alive)) == (200, {"status": "ok"})
    assert refused(ready) == (503, "not_ready")
    assert told(ready)["because"] == "The database cannot be reached. Start it, or correct DATABASE_URL."


def test_a_database_that_is_up_to_date_is_ready(api: FlaskClient) -> None:
    response = api.get("/readyz")

    assert (response.status_code, told(response)) == (200, {"status": "ready"})


def test_a_database_that_lacks_a_migration_is_not_ready(api: FlaskClient, shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE alembic_version SET version_num = '0001'")

    response = api.get("/readyz")

    assert refused(response) == (503, "not_ready")
    assert told(response)["because"] == "The database lacks migrations. Run `carnet migrate`."


def test_metrics_are_for_a_key_with_the_scope_or_an_admin(api: FlaskClient, shop: Shop) -> None:
    callers = [
        {},
        as_key(shop, "till"),
        as_member(shop),
        as_staff(shop, "maria", role="manager"),
        as_staff(shop, "ada", role="admin"),
        as_key(shop, "metrics"),
    ]

    answers = [api.get("/metrics", headers=caller).status_code for caller in callers]

    assert answers == [401, 403, 403, 403, 200, 200]


def test_requests_are_counted_by_route_and_status(api: FlaskClient, shop: Shop) -> None:
    for path in ("/v1/programs/points-tiers", "/v1/programs/none", "/nowhere/1", "/nowhere/2"):
        api.get(path)

    text = api.get("/metrics", headers=as_key(shop, "metrics")).text

    counted = 'carnet_http_requests_total{method="GET",route="%s",status="%d"} %s'
    assert counted % ("/v1/programs/<slug:program>", 200, "1.0") in text
    assert counted % ("/v1/programs/<slug:program>", 404, "1.0") in text
    assert counted % ("unmatched", 404, "2.0") in text
    assert 'carnet_http_request_duration_seconds_count{method="GET",route="unmatched",status="404"} 2.0' in text
    assert "nowhere" not in text


def test_what_waits_for_a_worker_is_told(api: FlaskClient, shop: Shop) -> None:
    api.post("/v1/programs/points-tiers/codes", json={"email": "alice@example.org"})
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE outbox SET failed = 'planted'")

    text = api.get("/metrics", headers=as_key(shop, "metrics")).text

    assert 'carnet_waiting{what="deliveries"} 1.0' in text
    assert 'carnet_waiting{what="events"} 0.0' in text
    assert 'carnet_failed{what="events"} 1.0' in text
    assert 'carnet_failed{what="deliveries"} 0.0' in text


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_need_no_credential(api: FlaskClient, path: str) -> None:
    assert api.get(path, headers={"Authorization": "Bearer nonsense"}).status_code == 200
