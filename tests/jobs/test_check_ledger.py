"""The nightly check of the ledger: it goes on where it stopped, and is loud."""

from __future__ import annotations

from structlog.testing import capture_logs

from tests.shop import Shop
from wallet_api.clock import FixedClock
from wallet_api.jobs.check_ledger import Check, check_ledger
from wallet_api.store import sql

ALARM = "the ledger does not agree"


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


def test_a_broken_database_does_not_fill_the_log(shop: Shop) -> None:
    for number in range(52):
        shop.join(f"member-{number}")
    give_for_nothing(shop)

    with capture_logs() as logs:
        check = check_ledger(shop.app)

    errors = [line["event"] for line in logs if line["log_level"] == "error"]
    assert check.differences == 106
    assert errors == [ALARM] * 100 + ["more differences than are logged; `carnet ledger verify` lists them all"]


def test_a_check_that_stopped_goes_on_after_the_last_member_and_comes_to_the_same(shop: Shop) -> None:
    for number in range(4):
        shop.join(f"member-{number}")
    give_for_nothing(shop)
    at_once = check_ledger(shop.app)

    parts = [check_ledger(shop.app, seconds=0, batch_size=2)]
    while parts[-1].ended_at is None:
        parts.append(check_ledger(shop.app, Check.of_json(parts[-1].as_json()), seconds=0, batch_size=2))

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
