"""Reminders: to whom, when, once, and from where a killed worker goes on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.shop import PROGRAMS, Shop
from wallet_api.clock import FixedClock
from wallet_api.jobs.reminders import remind
from wallet_api.services.alter_member import record_consent
from wallet_api.services.publish import publish
from wallet_api.store import reminders, sql

REMINDERS = """
reminders:
  points_expiring: 30 days before
  voucher_expiring: 3 days before
  tier_ending: 30 days before
  birthday: on the day
  win_back: after 90 days
"""
PROGRAM = "points-tiers"


@pytest.fixture
def reminding(shop: Shop) -> Shop:
    """The shop, which reminds its members."""
    text = (PROGRAMS / f"{PROGRAM}.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("\njourneys:")
    publish(shop.app, head + REMINDERS + "journeys:" + rest, now=shop.app.clock.now())
    return shop


def told(shop: Shop, kind: str) -> list[Any]:
    """What members were reminded of, and when it goes out."""
    with shop.app.db.read() as tx:
        return list(
            sql.every(
                tx,
                "SELECT member_id, title, body, goes_at, withheld FROM notifications WHERE kind = :kind ORDER BY id",
                kind=kind,
            )
        )


def agree(shop: Shop, member: UUID) -> None:
    with shop.app.db.begin() as tx:
        record_consent(shop.app, tx, member, kind="marketing", granted=True)


def test_what_is_not_written_is_off(shop: Shop) -> None:
    shop.join("bob", birth_date=date(1990, 3, 10))

    remind(shop.app, seconds=5)

    with shop.app.db.read() as tx:
        assert sql.every(tx, "SELECT 1 FROM notifications UNION ALL SELECT 1 FROM reminder_walks") == []


def test_a_birthday_is_wished_on_the_day_once_a_year_and_only_with_consent(reminding: Shop, clock: FixedClock) -> None:
    bob, carol = (reminding.join(name, birth_date=date(1990, 3, 11)) for name in ("bob", "carol"))
    agree(reminding, bob)

    for _ in range(400):
        clock.advance(timedelta(days=1))
        if clock.now().date() in (date(2026, 3, 10), date(2026, 3, 11), date(2026, 3, 12), date(2027, 3, 11)):
            remind(reminding.app, seconds=5)
            remind(reminding.app, seconds=5)

    wished = [(row.member_id, row.withheld) for row in told(reminding, "birthday")]
    assert wished == [(bob, {}), (carol, {"push": "no_consent"}), (bob, {}), (carol, {"push": "no_consent"})]


def test_points_that_end_soon_are_named_with_their_last_day(reminding: Shop, clock: FixedClock) -> None:
    reminding.sell(5_000)
    with reminding.app.db.begin() as tx:
        sql.run(tx, "UPDATE lots SET expires_at = '2026-04-10T22:00:00Z'")
    remind(reminding.app, seconds=5)
    early = told(reminding, "points_expiring")

    clock.advance(timedelta(days=2))
    remind(reminding.app, seconds=5)
    clock.advance(timedelta(days=1))
    remind(reminding.app, seconds=5)

    assert early == []
    (row,) = told(reminding, "points_expiring")
    assert "April 10, 2026" in row.body


def test_a_voucher_that_ends_is_named_once(reminding: Shop, clock: FixedClock) -> None:
    reminding.sell(60_000)
    reminding.redeem("off-5")
    with reminding.app.db.begin() as tx:
        sql.run(tx, "UPDATE vouchers SET valid_until = '2026-03-12'")

    for _ in range(3):
        remind(reminding.app, seconds=5)
        clock.advance(timedelta(days=1))

    (row,) = told(reminding, "voucher_expiring")
    assert "March 12, 2026" in row.body


def test_a_tier_that_ends_unearned_is_told_and_one_that_is_earned_is_not(reminding: Shop, clock: FixedClock) -> None:
    bob = reminding.join("bob")
    reminding.sell(60_000)
    with reminding.app.db.begin() as tx:
        for member in (reminding.alice, bob):
            sql.run(
                tx,
                "UPDATE members SET tier = 'silver', tier_since = '2025-03-01', tier_until = '2026-03-31' WHERE id = :id",
                id=member,
            )

    remind(reminding.app, seconds=5)

    assert [row.member_id for row in told(reminding, "tier_ending")] == [bob]


def test_who_has_not_come_for_a_while_is_asked_back_once(reminding: Shop, clock: FixedClock) -> None:
    agree(reminding, reminding.alice)
    reminding.sell(1_000)

    days = []
    for day in (89, 90, 91, 92, 150):
        clock.set(datetime(2026, 3, 10, 12, tzinfo=UTC) + timedelta(days=day))
        remind(reminding.app, seconds=5)
        days.append(len(told(reminding, "win_back")))

    assert days == [0, 0, 1, 1, 1]


def test_nobody_is_reminded_at_night(reminding: Shop, clock: FixedClock) -> None:
    bob = reminding.join("bob", birth_date=date(1990, 3, 11))
    agree(reminding, bob)
    clock.set(datetime(2026, 3, 10, 23, 5, tzinfo=UTC))  # five past midnight in Paris

    remind(reminding.app, seconds=5)

    (row,) = told(reminding, "birthday")
    assert row.goes_at == datetime(2026, 3, 11, 8, tzinfo=UTC)


def test_a_walk_that_was_broken_off_goes_on_where_it_was(reminding: Shop, clock: FixedClock) -> None:
    names = [f"m{number}" for number in range(5)]
    for name in names:
        reminding.join(name, birth_date=date(1990, 3, 10))

    first = remind(reminding.app, seconds=0, batch=2)
    with reminding.app.db.read() as tx:
        walks = sql.every(tx, "SELECT kind, after, ended_at FROM reminder_walks")
    whole = remind(reminding.app, seconds=30, batch=2)

    assert (first, whole) == (False, True)
    assert [(row.after is not None, row.ended_at) for row in walks] == [(True, None)]
    assert len(told(reminding, "birthday")) == 5


def test_a_walk_that_another_worker_is_on_is_left_to_it(reminding: Shop) -> None:
    with reminding.app.db.begin() as tx:
        reminders.begin(tx, PROGRAM, "birthday", day=date(2026, 3, 10))
    with reminding.app.db.begin() as one, reminding.app.db.begin() as other:
        first = reminders.go_on(one, PROGRAM, "birthday", limit=10)
        second = reminders.go_on(other, PROGRAM, "birthday", limit=10)

    assert first is not None
    assert second is None
