"""A new version comes into force at an instant, and what members have is carried over as its file says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from tests.shop import NOON, Shop
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.jobs.post_due import post_all_due
from wallet_api.services import load_member
from wallet_api.services.as_of import as_of
from wallet_api.services.load_member import Loaded
from wallet_api.services.publish import publish
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import locks, members, sql

DECEMBER = datetime(2026, 11, 30, 23, tzinfo=UTC)  # 1 December in Paris
OLD = """
program: points-tiers
name: Club
currency: EUR
time_zone: Europe/Paris
languages: [en]
units:
  points: {name: {en: {one: point, other: points}}, expires: {after: 12 months}}
earning:
  - {id: purchase, on: sale, earn: 1, unit: points, per: 1.00}
tiers:
  measure: spend
  period: calendar year
  valid: rest of the year and the next
  then: as earned in the last period
  levels: [{id: bronze, from: 0}, {id: silver, from: 500}, {id: gold, from: 2000}]
"""
DOUBLE = OLD.replace("earn: 1,", "earn: 2,")
NEW_TIERS = OLD.replace(
    "levels: [{id: bronze, from: 0}, {id: silver, from: 500}, {id: gold, from: 2000}]",
    "levels: [{id: basic, from: 0}, {id: plus, from: 300}, {id: top, from: 3000}]",
)
WITH_HEIRS = NEW_TIERS + "carry_over: {tiers: {bronze: basic, silver: plus, gold: top}}\n"
SHORTER = OLD.replace("{after: 12 months}", "{after: 3 months}") + "carry_over: {lots: by the new rules}\n"
WITH_DIVIDEND = OLD + (
    "credits:\n"
    "  - {id: dividend, unit: points, earn: 1, per: 10.00, period: calendar year, credited: first Monday of March}\n"
)


@pytest.fixture
def old_rules(shop: Shop) -> Shop:
    """Alice and others live by the old rules."""
    publish(shop.app, OLD, now=NOON)
    return shop


def now_of(shop: Shop, member: UUID) -> Loaded:
    """A member as they are shown, without a write."""
    with shop.app.db.read() as tx:
        return load_member.as_of_now(shop.app, tx, member, now=shop.app.clock.now())


def test_a_version_to_come_changes_nothing_before_its_instant_and_everything_after_it(
    old_rules: Shop, clock: FixedClock
) -> None:
    shop, bob = old_rules, old_rules.join("bob")
    publish(shop.app, DOUBLE, now=clock.now(), valid_from=DECEMBER)

    clock.set(DECEMBER - timedelta(seconds=1))
    shop.sell(10_00, to=bob)
    clock.set(DECEMBER)
    shop.sell(10_00, to=bob)

    with shop.app.db.read() as tx:
        rows = sql.every(
            tx, "SELECT amount, definition_version FROM entries WHERE member_id = :id ORDER BY position", id=bob
        )
    (old, old_version), (new, new_version) = ((row.amount, row.definition_version) for row in rows)
    assert (old, new) == (10, 20)
    assert new_version == old_version + 1


def test_a_return_takes_back_by_the_rules_of_its_sale(old_rules: Shop, clock: FixedClock) -> None:
    shop, bob = old_rules, old_rules.join("bob")
    sale = shop.sell(100_00, to=bob)
    publish(shop.app, DOUBLE, now=clock.now())

    shop.take_back(sale, amount=40_00)

    assert now_of(shop, bob).state.available("points") == 60


def test_a_tier_goes_over_to_the_one_that_takes_its_place_with_its_end(old_rules: Shop, clock: FixedClock) -> None:
    shop, bob = old_rules, old_rules.join("bob")
    shop.sell(500_00, to=bob)
    publish(shop.app, WITH_HEIRS, now=clock.now(), valid_from=DECEMBER)

    before = now_of(shop, bob).state.standing
    clock.set(DECEMBER)
    shown = now_of(shop, bob).state.standing
    shop.sell(1_00, to=bob)
    written = now_of(shop, bob).state.standing

    assert before is not None
    assert before.tier == "silver"
    assert shown == written
    assert written is not None
    assert (written.tier, written.since, written.until) == ("plus", before.since, date(2027, 12, 31))


def test_a_tier_without_an_heir_becomes_what_was_earned(old_rules: Shop, clock: FixedClock) -> None:
    shop, bob = old_rules, old_rules.join("bob")
    shop.sell(299_99, to=bob)
    shop.sell(500_00, to=shop.alice)

    publish(shop.app, NEW_TIERS, now=clock.now())

    assert now_of(shop, bob).state.tier == "basic"
    assert now_of(shop, shop.alice).state.tier == "plus"


def test_open_lots_keep_their_end_or_are_dated_anew_as_the_file_says(old_rules: Shop, clock: FixedClock) -> None:
    shop, bob = old_rules, old_rules.join("bob")
    shop.sell(100_00, to=bob)
    publish(shop.app, OLD.replace("12 months", "3 months"), now=clock.now())
    kept = [lot.expires_at for lot in now_of(shop, bob).state.lots.values()]

    publish(shop.app, SHORTER, now=clock.now())
    dated_anew = [lot.expires_at for lot in now_of(shop, bob).state.lots.values()]

    assert kept == [datetime(2027, 3, 9, 23, tzinfo=UTC)]
    assert dated_anew == [datetime(2026, 6, 9, 22, tzinfo=UTC)]
    clock.set(datetime(2026, 6, 10, 12, tzinfo=UTC))
    assert now_of(shop, bob).state.available("points") == 0


def test_the_worker_carries_over_who_does_nothing_once_and_the_ledger_agrees(
    old_rules: Shop, clock: FixedClock
) -> None:
    shop, bob = old_rules, old_rules.join("bob")
    shop.sell(500_00, to=bob)
    publish(shop.app, WITH_HEIRS, now=clock.now(), valid_from=DECEMBER)

    clock.set(DECEMBER)
    post_all_due(shop.app)
    post_all_due(shop.app)

    with shop.app.db.read() as tx:
        changes = sql.every(tx, "SELECT tier FROM tier_changes WHERE member_id = :id ORDER BY id", id=bob)
    assert [row.tier for row in changes] == ["bronze", "silver", "plus"]
    assert list(verify_ledger(shop.app)) == []


def test_members_are_carried_over_together_as_each_of_them_is_alone(old_rules: Shop, clock: FixedClock) -> None:
    shop, spent = old_rules, {"bob": 600_00, "carol": 2_100_00, "dora": 0}
    alone = [shop.join(name) for name in spent]
    together = [shop.join(f"{name}'s twin") for name in spent]
    for member, amount in zip([*alone, *together], [*spent.values()] * 2, strict=True):
        if amount:
            shop.sell(amount, to=member)
    heirs = WITH_HEIRS.replace("{after: 12 months}", "{after: 3 months}").replace(
        "carry_over: {", "carry_over: {lots: by the new rules, "
    )
    dividend = WITH_DIVIDEND.removeprefix(OLD)
    publish(shop.app, heirs, now=clock.now(), valid_from=DECEMBER)
    publish(shop.app, NEW_TIERS + dividend, now=clock.now(), valid_from=DECEMBER + timedelta(days=9))
    clock.set(DECEMBER + timedelta(days=1))
    alone.append(shop.join("erin"))
    together.append(shop.join("erin's twin"))
    clock.set(datetime(2027, 3, 10, 12, tzinfo=UTC))

    for member in alone:
        with shop.app.db.begin() as tx:
            load_member.up_to_date(shop.app, tx, member, now=clock.now())
    with capture_logs() as logs:
        done = post_all_due(shop.app)

    assert (done.failed, done.due, logs) == (0, 0, [])
    assert [figures(shop, member) for member in together] == [figures(shop, member) for member in alone]
    assert [now_of(shop, member).state.available("points") for member in together] == [60, 210, 0, 0]
    assert list(verify_ledger(shop.app)) == []


def figures(shop: Shop, member: UUID) -> tuple[object, ...]:
    """How a member stands, without the ids of what they have."""
    with shop.app.db.read() as tx:
        row = sql.one(
            tx,
            """
            SELECT version, settled_at, next_due, tier, tier_since, tier_until,
                   (SELECT array_agg(ROW(position, kind, amount, occurred_at, definition_version)::text ORDER BY position)
                    FROM entries WHERE member_id = m.id) AS entries,
                   (SELECT array_agg(ROW(tier, since, at, definition_version)::text ORDER BY id)
                    FROM tier_changes WHERE member_id = m.id) AS tiers,
                   (SELECT array_agg(ROW(previous, expires_at)::text ORDER BY id) FROM lot_dates WHERE member_id = m.id) AS dates,
                   (SELECT array_agg(ROW(measure, day, value)::text ORDER BY measure, day)
                    FROM day_measures WHERE member_id = m.id) AS measures
            FROM members m WHERE id = :id
            """,
            id=member,
        )
    return tuple(row)


def test_a_credit_that_is_new_counts_what_was_bought_before_it(old_rules: Shop, clock: FixedClock) -> None:
    shop, bob = old_rules, old_rules.join("bob")
    shop.sell(100_00, to=bob)
    publish(shop.app, WITH_DIVIDEND, now=clock.now(), valid_from=DECEMBER)

    clock.set(DECEMBER)
    shop.sell(50_00, to=bob)
    clock.set(datetime(2027, 3, 1, 12, tzinfo=UTC))

    assert now_of(shop, bob).state.available("points") == 100 + 50 + 15
    post_all_due(shop.app)
    assert list(verify_ledger(shop.app)) == []


def test_rules_do_not_come_into_force_in_the_past(old_rules: Shop, clock: FixedClock) -> None:
    with pytest.raises(errors.InThePast):
        publish(old_rules.app, DOUBLE, now=clock.now(), valid_from=clock.now() - timedelta(days=1))


def test_a_later_version_in_force_stays_when_the_time_of_an_earlier_one_comes(
    old_rules: Shop, clock: FixedClock
) -> None:
    shop, bob = old_rules, old_rules.join("bob")
    publish(shop.app, DOUBLE, now=clock.now(), valid_from=DECEMBER)
    publish(shop.app, OLD.replace("earn: 1,", "earn: 5,"), now=clock.now())

    clock.set(DECEMBER + timedelta(days=1))
    shop.sell(10_00, to=bob)

    assert now_of(shop, bob).state.available("points") == 50


def test_who_sleeps_through_a_version_stands_where_they_would_have_stood(old_rules: Shop, clock: FixedClock) -> None:
    shop, bob, carol = old_rules, old_rules.join("bob"), old_rules.join("carol")
    for member in (bob, carol):
        shop.sell(2_000_00, to=member)
    publish(shop.app, WITH_HEIRS, now=clock.now(), valid_from=DECEMBER)
    publish(shop.app, NEW_TIERS, now=clock.now(), valid_from=DECEMBER + timedelta(days=9))

    clock.set(DECEMBER)
    shop.sell(1_00, to=carol)
    clock.set(DECEMBER + timedelta(days=10))
    shown = now_of(shop, bob).state.standing
    with shop.app.db.read() as tx:
        past = as_of(shop.app, tx, bob, at=clock.now()).state.standing
    post_all_due(shop.app)

    looked_at, asleep = now_of(shop, carol).state.standing, now_of(shop, bob).state.standing
    assert looked_at is not None
    assert looked_at.tier == "top"
    assert asleep == looked_at == shown == past
    assert list(verify_ledger(shop.app)) == []


def test_a_version_that_never_held_carries_nothing_over(old_rules: Shop, clock: FixedClock) -> None:
    shop, bob = old_rules, old_rules.join("bob")
    shop.sell(500_00, to=bob)
    publish(shop.app, NEW_TIERS, now=clock.now(), valid_from=DECEMBER)
    publish(shop.app, DOUBLE, now=clock.now())

    clock.set(DECEMBER + timedelta(days=1))

    with shop.app.db.read() as tx:
        changes = shop.app.changes_of_rules(tx, shop.program, settled=2, latest=4)
    assert [version for version, _ in changes] == [4]
    assert now_of(shop, bob).state.tier == "silver"


def test_rules_are_published_while_members_are_served(old_rules: Shop, clock: FixedClock) -> None:
    shop, bob = old_rules, old_rules.join("bob")
    shop.sell(500_00, to=bob)

    with shop.app.db.begin() as till:
        locks.member(till, bob)
        publish(shop.app, WITH_HEIRS, now=clock.now())
        others = post_all_due(shop.app)
    then = post_all_due(shop.app)

    assert (others.members, others.due) == (1, 1)  # Alice; Bob stands at a till
    assert (then.members, then.due) == (1, 0)
    assert now_of(shop, bob).state.tier == "plus"


def test_nobody_is_due_for_rules_before_their_instant(old_rules: Shop, clock: FixedClock) -> None:
    shop = old_rules
    post_all_due(shop.app)
    publish(shop.app, DOUBLE, now=clock.now(), valid_from=DECEMBER)

    with shop.app.db.read() as tx:
        before = members.count_due(tx, now=clock.now())
        then = members.count_due(tx, now=DECEMBER)

    assert before == (0, None)
    assert then == (1, DECEMBER)
