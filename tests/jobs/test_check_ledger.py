"""The nightly check of the ledger: it goes on where it stopped, and is loud."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.shop import Shop
from wallet_api.clock import FixedClock
from wallet_api.jobs import check_ledger as jobs
from wallet_api.jobs.check_ledger import Check, check_ledger
from wallet_api.services import verify_ledger
from wallet_api.store import sql

ALARM = "the ledger does not agree"


@pytest.fixture
def in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_ledger, "MEMBERS_AT_A_TIME", 2)


def give_for_nothing(shop: Shop) -> None:
    """A point more on every account than the entries say."""
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE accounts SET available = available + 1")


def test_a_sound_ledger_raises_no_alarm(shop: Shop, clock: FixedClock) -> None:
    shop.join("bob")
    shop.sell(12_345)

    with capture_logs() as logs:
        check = check_ledger(shop.app)

    assert check == Check(members=2, differences=0, after=None, ended_at=clock.now())
    assert [line for line in logs if line["log_level"] == "error"] == []


def test_each_difference_is_an_error_in_the_log_with_member_and_law(shop: Shop) -> None:
    give_for_nothing(shop)

    with capture_logs() as logs:
        check = check_ledger(shop.app)

    alarms = [line for line in logs if line["event"] == ALARM]
    assert check.differences == len(alarms) == 2
    assert {alarm["log_level"] for alarm in alarms} == {"error"}
    assert {alarm["member"] for alarm in alarms} == {str(shop.alice)}
    assert {alarm["law"] for alarm in alarms} == {"balance", "lots"}


def test_a_broken_database_does_not_fill_the_log(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "DIFFERENCES_LOGGED_MAX", 3)
    for number in range(4):
        shop.join(f"member-{number}")
    give_for_nothing(shop)

    with capture_logs() as logs:
        check = check_ledger(shop.app)

    errors = [line["event"] for line in logs if line["log_level"] == "error"]
    assert check.differences == 10
    assert errors == [ALARM] * 3 + ["more differences than are logged; `carnet ledger verify` lists them all"]


@pytest.mark.usefixtures("in_small_batches")
def test_a_check_that_stopped_goes_on_after_the_last_member_and_comes_to_the_same(shop: Shop) -> None:
    for number in range(4):
        shop.join(f"member-{number}")
    give_for_nothing(shop)
    at_once = check_ledger(shop.app)

    parts = [check_ledger(shop.app, seconds=0)]
    while parts[-1].ended_at is None:
        parts.append(check_ledger(shop.app, Check.of_json(parts[-1].as_json()), seconds=0))

    assert [part.members for part in parts] == [2, 4, 5, 5]
    assert parts[-1] == at_once


def test_what_belongs_to_no_member_is_checked_too(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "INSERT INTO reward_stock VALUES (:program, 'off-5', 3)", program=shop.program)

    with capture_logs() as logs:
        check = check_ledger(shop.app)

    (alarm,) = [line for line in logs if line["event"] == ALARM]
    assert check.differences == 1
    assert (alarm["member"], alarm["law"]) == (None, "stock")
