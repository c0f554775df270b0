"""A call that loses against another in the database begins again, and the caller hears nothing of it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_member, code_sent_to
from tests.shop import Shop

LOSE_ONCE = """
CREATE SEQUENCE tries;
CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('tries') = 1 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40P01'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER lose BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION lose()
"""


def lose_once(shop: Shop, table: str) -> None:
    """Have the next write into a table lose a deadlock."""
    with shop.app.db.begin() as tx:
        tx.exec_driver_sql(LOSE_ONCE.format(table=table))


def tries(shop: Shop) -> int:
    with shop.app.db.read() as tx:
        return int(tx.exec_driver_sql("SELECT last_value FROM tries").scalar_one())


@pytest.mark.parametrize(
    ("table", "method", "path", "body", "status"),
    [
        ("members", "PATCH", "/v1/me", {"given_name": "Alicia"}, 200),
        ("devices", "POST", "/v1/me/devices", {"fcm_token": "token", "platform": "android"}, 201),
        ("consents", "POST", "/v1/me/consents", {"kind": "marketing", "granted": True}, 201),
        ("referral_codes", "GET", "/v1/me/referral", None, 200),
    ],
)
def test_a_call_of_a_member_that_lost_is_done_all_the_same(
    api: FlaskClient, shop: Shop, table: str, method: str, path: str, body: dict[str, object] | None, status: int
) -> None:
    headers = as_member(shop)
    lose_once(shop, table)

    response = api.open(path, method=method, json=body, headers=headers)

    assert response.status_code == status
    assert tries(shop) == 2


def test_who_signs_in_while_another_goes_first_is_let_in_with_the_same_code(api: FlaskClient, shop: Shop) -> None:
    address = {"email": "alice@example.org"}
    api.post("/v1/programs/points-tiers/codes", json=address)
    code = code_sent_to(shop, "alice@example.org")
    lose_once(shop, "sessions")

    response = api.post("/v1/programs/points-tiers/sessions", json={**address, "code": code})

    assert response.status_code == 201
    assert tries(shop) == 2
