"""The check of the ledger: silent on what Carnet wrote, loud about each fault that was planted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.services.everything import everything, open_everything
from tests.shop import Shop
from wallet_api.clock import FixedClock
from wallet_api.domain.events import Line, PlanAction
from wallet_api.services.identify import Who
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.plan import PlanWish, change_plan
from wallet_api.services.record_sale import RecordSale, record_sale
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


# ── The parts that few programs have ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def club(db: Database, clock: FixedClock) -> Shop:
    """Alice has a membership, a badge, a mug of few, points that wait and moons that live longer; Bob was her too."""
    shop = open_everything(db, clock, everything("continuous"))
    shop = replace(shop, alice=shop.join("alice", birth_date=date(1990, 3, 20)))
    bob = shop.join("bob")
    shop.sell(120_00, to=bob)
    with db.begin() as tx:
        change_plan(shop.app, tx, shop.alice, PlanWish(action=PlanAction.START, plan="monthly"), program=shop.program)
    for _ in range(2):
        shop.visit()
    shop.redeem("mug")
    shop.hold("mug", by=bob)
    clock.advance(timedelta(days=1))
    with db.begin() as tx:
        merge_members(shop.app, tx, MergeWish(gone=bob, into=shop.alice, reason="the same"), program=shop.program)
    clock.advance(timedelta(days=10))
    shop.visit()
    coffee = Line(sku="coffee", amount=80_00, quantity=4, tags=frozenset({"coffee"}))
    wish = RecordSale(
        who=Who(member_id=shop.alice),
        external_id="r-1",
        occurred_at=clock.now(),
        currency="EUR",
        lines=(coffee, Line(sku="cup", amount=70_00)),
        pay_with=(("points", 30),),
    )
    with db.begin() as tx:
        sold = record_sale(shop.app, tx, shop.till, wish)
    shop.take_back(sold, amount=50_00)
    clock.advance(timedelta(days=3))
    return shop


_SPENT = "(SELECT id FROM lots WHERE unit = 'points' AND remaining < amount ORDER BY id LIMIT 1)"
_WHOLE = "(SELECT id FROM lots WHERE unit = 'points' AND remaining = amount ORDER BY id LIMIT 1)"


def test_a_club_with_everything_agrees_with_itself(club: Shop) -> None:
    assert list(verify_ledger(club.app)) == []


@pytest.mark.parametrize(
    ("fault", "laws"),
    [
        pytest.param(
            "UPDATE accounts SET pending = pending + 1 WHERE pending > 0", {"balance", "pending"}, id="waiting"
        ),
        pytest.param("UPDATE lots SET usable_at = NULL", {"lots", "pending", "replay"}, id="wait ended early"),
        pytest.param(
            f"UPDATE lots SET remaining = remaining + CASE id WHEN {_SPENT} THEN 1 ELSE -1 END WHERE id IN ({_SPENT}, {_WHOLE})",
            {"replay"},
            id="from one lot into another",
        ),
        pytest.param("UPDATE lots SET expires_at = expires_at + interval '1 day'", {"expiry"}, id="longer life"),
        pytest.param("DELETE FROM lot_dates", {"expiry"}, id="longer life without a reason"),
        pytest.param("UPDATE members SET membership = NULL", {"membership"}, id="membership lost"),
        pytest.param("DELETE FROM membership_changes", {"membership"}, id="membership from nowhere"),
        pytest.param("DELETE FROM badges", {"badge"}, id="badge lost"),
        pytest.param("UPDATE badges SET badge = 'champion'", {"badge"}, id="badge invented"),
        pytest.param(
            "UPDATE day_measures SET value = value + 1 WHERE measure = 'credit:spring'", {"measure"}, id="credit"
        ),
        pytest.param(
            "UPDATE day_measures SET value = value - 1 WHERE measure = 'usable:points'", {"measure"}, id="usable"
        ),
        pytest.param("UPDATE transactions SET by_units = '[]'", {"measure"}, id="paid with units forgotten"),
    ],
)
def test_each_fault_planted_in_the_club_is_found(club: Shop, db: Database, fault: str, laws: set[str]) -> None:
    with db.begin() as tx:
        tx.exec_driver_sql("SET LOCAL session_replication_role = replica")
        changed = tx.exec_driver_sql(fault).rowcount

    differences = list(verify_ledger(club.app))

    assert changed
    assert {difference.law for difference in differences if difference.member_id == club.alice} == laws


def test_stock_that_was_not_redeemed_is_found(club: Shop, db: Database) -> None:
    with db.begin() as tx:
        sql.run(tx, "UPDATE reward_stock SET taken = taken + 1")

    differences = list(verify_ledger(club.app))

    assert [(each.member_id, each.law) for each in differences] == [(None, "stock")]
