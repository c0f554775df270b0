"""Trouble of the database is no fault of an event: it stays in the outbox, and is worked on when the trouble is over."""

from __future__ import annotations

import pytest

from tests.shop import Shop
from wallet_api.domain.errors import Busy
from wallet_api.jobs.expand import expand
from wallet_api.store import sql

LOSE = """
CREATE SEQUENCE tries;
CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('tries') <= {times} THEN RAISE EXCEPTION 'lost' USING ERRCODE = '{code}'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER lose BEFORE INSERT ON notifications FOR EACH ROW EXECUTE FUNCTION lose()
"""
DEADLOCK, CANCELLED = "40P01", "57014"


def spoil(shop: Shop, *, code: str, times: int) -> None:
    """Have the next messages fail in the database."""
    with shop.app.db.begin() as tx:
        tx.exec_driver_sql(LOSE.format(code=code, times=times))


def rest_and_told(shop: Shop) -> tuple[list[str | None], int]:
    """Why each event that is left in the outbox was put aside (None: it was not), and how many messages there are."""
    with shop.app.db.read() as tx:
        left = [row.failed for row in sql.every(tx, "SELECT failed FROM outbox")]
        return left, len(sql.every(tx, "SELECT 1 FROM notifications"))


def test_who_loses_a_deadlock_begins_again(shop: Shop) -> None:
    spoil(shop, code=DEADLOCK, times=2)

    handled = expand(shop.app)

    assert handled == 1
    assert rest_and_told(shop) == ([], 1)


def test_in_trouble_that_lasts_every_event_waits_for_the_next_run(shop: Shop) -> None:
    spoil(shop, code=CANCELLED, times=1)

    with pytest.raises(Busy):
        expand(shop.app)
    meanwhile = rest_and_told(shop)
    expand(shop.app)

    assert meanwhile == ([None], 0)
    assert rest_and_told(shop) == ([], 1)
