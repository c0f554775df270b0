"""The check of the ledger: silent on what Carnet wrote, loud about each fault that was planted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.shop import Shop
from wallet_api.clock import FixedClock
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import sql
from wallet_api.store.session import Database


@pytest.fixture
def busy_shop(shop: Shop, clock: FixedClock) -> Shop:
    """Alice has done everything that leaves a trace; Bob has only joined."""
    shop.join("bob")
    first = shop.sell(61_999)
    clock.advance(timedelta(days=1))
    shop.visit()
    shop.redeem("off-5")
    shop.hold("off-5")
    shop.take_back(first, amount=10_000)
    clock.advance(timedelta(minutes=11))
    whole = shop.sell(5_000)
    shop.take_back(whole)
    shop.hold("off-5")
    return shop


def test_what_carnet_writes_agrees_with_itself(busy_shop: Shop) -> None:
    checked: list[int] = []

    differences = list(verify_ledger(busy_shop.app, checked=checked.append))

    assert differences == []
    assert sum(checked) == 2


def test_a_program_without_members_has_nothing_to_check(busy_shop: Shop) -> None:
    assert list(verify_ledger(busy_shop.app, program="another")) == []


_EARN = "(SELECT id FROM entries WHERE member_id = :alice AND kind = 'earn' ORDER BY position LIMIT 1)"
_HELD = "(SELECT id FROM redemptions WHERE member_id = :alice AND status = 'held')"
_REVERSAL = "(SELECT id FROM entries WHERE member_id = :alice AND kind = 'reversal' ORDER BY position LIMIT 1)"
_LOT = "(SELECT id FROM lots WHERE member_id = :alice AND remaining > 0 LIMIT 1)"


@pytest.mark.parametrize(
    ("fault", "laws"),
    [
        pytest.param("UPDATE accounts SET available = available + 1", {"balance", "lots"}, id="balance raised"),
        pytest.param("DELETE FROM accounts", {"balance", "lots", "lifetime"}, id="account lost"),
        pytest.param("UPDATE accounts SET debt = debt + 1", {"lots", "replay"}, id="debt invented"),
        pytest.param("UPDATE accounts SET lifetime = lifetime - 1", {"lifetime"}, id="lifetime lowered"),
        pytest.param(
            f"UPDATE lots SET remaining = remaining - 1 WHERE id = {_LOT}", {"lots", "replay"}, id="lot spent in secret"
        ),
        pytest.param(
            f"UPDATE lots SET remaining = -1 WHERE id = {_LOT}", {"lots", "lot", "replay"}, id="lot below zero"
        ),
        pytest.param(f"UPDATE lots SET amount = amount + 1 WHERE id = {_LOT}", {"lot"}, id="lot grown"),
        pytest.param(
            f"UPDATE entries SET amount = amount + 1 WHERE id = {_EARN}",
            {"balance", "lifetime", "chain", "lot", "measure", "replay"},
            id="entry raised",
        ),
        pytest.param(f"UPDATE entries SET rule = 'gift' WHERE id = {_EARN}", {"chain"}, id="entry retold"),
        pytest.param(
            f"DELETE FROM entries WHERE id = {_EARN}",
            {"balance", "lifetime", "chain", "lot", "measure", "replay", "reversal"},
            id="entry removed",
        ),
        pytest.param(
            "DELETE FROM entries WHERE kind = 'hold' AND position = (SELECT max(position) FROM entries)",
            {"balance", "chain", "hold", "replay"},
            id="last entry removed",
        ),
        pytest.param(
            f"UPDATE entries SET amount = -1000 WHERE id = {_REVERSAL}",
            {"balance", "lifetime", "chain", "measure", "replay", "reversal"},
            id="more reversed than earned",
        ),
        pytest.param("UPDATE members SET ledger_position = ledger_position + 1", {"chain"}, id="position"),
        pytest.param("UPDATE members SET ledger_head = '\\x00'", {"chain"}, id="head"),
        pytest.param(
            "UPDATE day_measures SET value = value + 1 WHERE measure = 'spend' AND value > 0", {"measure"}, id="spend"
        ),
        pytest.param("DELETE FROM day_measures WHERE measure = 'orders'", {"measure"}, id="orders"),
        pytest.param("DELETE FROM check_ins", {"measure"}, id="visits"),
        pytest.param(
            "UPDATE day_measures SET day = day + 7 WHERE measure = 'earned:points'", {"measure"}, id="earned elsewhen"
        ),
        pytest.param("DELETE FROM transactions WHERE type = 'return'", {"measure"}, id="returns lost"),
        pytest.param(f"UPDATE redemptions SET status = 'captured' WHERE id = {_HELD}", {"hold"}, id="hold forgotten"),
        pytest.param("UPDATE redemptions SET status = 'held'", {"hold"}, id="hold invented"),
        pytest.param("UPDATE members SET tier = 'gold'", {"tier"}, id="tier given"),
        pytest.param("UPDATE members SET tier_until = '2099-12-31'", {"tier"}, id="tier prolonged"),
        pytest.param("DELETE FROM tier_changes", {"tier"}, id="tier changes lost"),
    ],
)
def test_each_planted_fault_is_found(busy_shop: Shop, db: Database, fault: str, laws: set[str]) -> None:
    with db.begin() as tx:
        tx.exec_driver_sql("ALTER TABLE lots DROP CONSTRAINT lots_check")
        tx.exec_driver_sql("SET LOCAL session_replication_role = replica")  # no triggers: somebody meddles
        sql.run(tx, fault, alice=busy_shop.alice) if ":alice" in fault else tx.exec_driver_sql(fault)

    differences = list(verify_ledger(busy_shop.app, program=busy_shop.program))

    assert {difference.law for difference in differences if difference.member_id == busy_shop.alice} == laws
