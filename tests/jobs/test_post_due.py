"""What time brings, written for all who are due: in batches, by several workers, past faults and kills."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from tests.jobs.world import eventually
from tests.services.everything import everything, open_everything
from tests.shop import SETTINGS, Shop, open_shop
from tests.store.threads import at_once
from wallet_api.clock import FixedClock
from wallet_api.domain.events import PlanAction, TimePasses
from wallet_api.jobs.post_due import Progress, post_all_due
from wallet_api.services import load_member
from wallet_api.services.app import App
from wallet_api.services.plan import PlanWish, change_plan
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import sql
from wallet_api.store.scratch import scratch_database
from wallet_api.store.session import Database

BIRTHDAY = date(1990, 4, 1)
DAY_AFTER = datetime(2026, 4, 2, 12, 0, tzinfo=UTC)
GIFTS = "SELECT m.email, count(e.id) AS gifts FROM members m LEFT JOIN entries e ON e.member_id = m.id AND e.rule = 'birthday' GROUP BY 1"


def born_in_april(shop: Shop, count: int) -> list[UUID]:
    """Members who get a birthday gift on 1 April."""
    return [shop.join(f"member-{number:03}", birth_date=BIRTHDAY) for number in range(count)]


def gifts(shop: Shop) -> dict[str, int]:
    with shop.app.db.read() as tx:
        return {row.email.split("@")[0]: row.gifts for row in sql.every(tx, GIFTS)}


def told(logs: Sequence[Mapping[str, Any]], event: str) -> list[object]:
    return [line.get("member") for line in logs if line["event"] == event]


def spoil(shop: Shop, *statements: str) -> None:
    with shop.app.db.begin() as tx:
        for statement in statements:
            tx.exec_driver_sql(statement)


def test_time_is_written_for_everybody_who_is_due_and_for_nobody_else(shop: Shop, clock: FixedClock) -> None:
    born_in_april(shop, 7)
    clock.set(DAY_AFTER)
    heard: list[Progress] = []

    done, again = post_all_due(shop.app, batch=3, tell=heard.append), post_all_due(shop.app)

    assert (done.members, done.failed, done.due) == (7, 0, 0)
    assert (again.members, again.failed, again.due) == (0, 0, 0)
    assert gifts(shop) == {"alice": 0} | {f"member-{number:03}": 1 for number in range(7)}
    assert [(each.members, each.due) for each in heard] == [(0, 7), (7, 0)]
    assert list(verify_ledger(shop.app)) == []


def test_a_worker_that_has_just_started_and_knows_no_program_yet_writes_a_batch_at_once(
    shop: Shop, clock: FixedClock
) -> None:
    born_in_april(shop, 3)
    clock.set(DAY_AFTER)

    with capture_logs() as logs:
        done = post_all_due(App(settings=SETTINGS, clock=clock, db=shop.app.db))

    assert (done.members, done.due) == (3, 0)
    assert logs == []


def test_a_run_that_is_short_of_time_stops_after_a_batch(shop: Shop, clock: FixedClock) -> None:
    born_in_april(shop, 7)
    clock.set(DAY_AFTER)

    done = post_all_due(shop.app, batch=3, seconds=0)

    assert (done.members, done.due) == (3, 4)


REFUSE_BOB = """
CREATE FUNCTION refuse_bob() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.member_id = '{bob}' AND NEW.rule = 'birthday' THEN RAISE EXCEPTION 'not bob'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_bob BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION refuse_bob()
"""


@pytest.mark.parametrize(
    ("fault", "mended"),
    [
        pytest.param(
            "UPDATE members SET membership = '[]' WHERE id = '{bob}'",
            "UPDATE members SET membership = NULL WHERE id = '{bob}'",
            id="a row that cannot be read",
        ),
        pytest.param(REFUSE_BOB, "DROP TRIGGER refuse_bob ON entries", id="a write that the database refuses"),
    ],
)
def test_a_member_who_fails_stops_nobody_and_is_tried_again(
    shop: Shop, clock: FixedClock, fault: str, mended: str
) -> None:
    bob = shop.join("bob", birth_date=BIRTHDAY)
    born_in_april(shop, 7)
    spoil(shop, fault.format(bob=bob))
    clock.set(DAY_AFTER)

    with capture_logs() as logs:
        first = post_all_due(shop.app, batch=3)
    without_bob = gifts(shop)
    spoil(shop, mended.format(bob=bob))
    then = post_all_due(shop.app, batch=3)

    assert (first.members, first.failed, first.due) == (7, 1, 1)
    assert told(logs, "posting failed") == [str(bob)]
    assert without_bob == {"alice": 0, "bob": 0} | {f"member-{number:03}": 1 for number in range(7)}
    assert (then.members, then.failed, then.due) == (1, 0, 0)
    assert gifts(shop)["bob"] == 1


KEEP_BOB_DUE = """
CREATE FUNCTION keep_bob_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.next_due := OLD.next_due;
  RETURN NEW;
END $$;
CREATE TRIGGER keep_bob_due BEFORE UPDATE ON members FOR EACH ROW
WHEN (OLD.id = '{bob}') EXECUTE FUNCTION keep_bob_due()
"""


def test_a_member_who_is_due_again_at_once_does_not_hold_up_the_run(shop: Shop, clock: FixedClock) -> None:
    bob = shop.join("bob", birth_date=BIRTHDAY)
    born_in_april(shop, 4)
    spoil(shop, KEEP_BOB_DUE.format(bob=bob))
    clock.set(DAY_AFTER)

    with capture_logs() as logs:
        done = post_all_due(shop.app, batch=3)

    assert (done.members, done.failed, done.due) == (4, 1, 1)
    assert told(logs, "member is due again at once") == [str(bob)]


def test_a_member_who_stands_at_a_till_is_passed_over(shop: Shop, clock: FixedClock) -> None:
    bob, *_ = born_in_april(shop, 3)
    clock.set(DAY_AFTER)

    with shop.app.db.begin() as tx:
        sql.run(tx, "SELECT FROM members WHERE id = :id FOR UPDATE", id=bob)
        done = post_all_due(shop.app)
    then = post_all_due(shop.app)

    assert (done.members, done.failed, done.due) == (2, 0, 1)
    assert (then.members, then.due) == (1, 0)


def test_two_workers_share_the_members_and_do_none_twice(shop: Shop, clock: FixedClock) -> None:
    born_in_april(shop, 60)
    clock.set(DAY_AFTER)

    runs = at_once([lambda: post_all_due(shop.app, batch=5)] * 2)

    counts = [run.members for run in runs if isinstance(run, Progress)]
    assert sum(counts) == 60
    assert min(counts) > 0
    assert set(gifts(shop).values()) == {0, 1}
    assert list(verify_ledger(shop.app)) == []


SLOWLY = """
CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
CREATE TRIGGER slowly BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION slowly()
"""


def test_a_worker_that_is_killed_midway_leaves_each_member_done_or_not_and_the_next_one_goes_on(
    shop: Shop, clock: FixedClock, database_url: str
) -> None:
    born_in_april(shop, 100)
    with scratch_database(shop.app.db) as beside:
        undisturbed = open_shop(beside, FixedClock(clock.now()))
        born_in_april(undisturbed, 100)
        clock.set(DAY_AFTER)
        undisturbed.app.clock.set(DAY_AFTER)  # type: ignore[attr-defined]  # a FixedClock, as above
        post_all_due(undisturbed.app)
        expected = picture(undisturbed)
    spoil(shop, SLOWLY)

    command = [sys.executable, "-m", "tests.jobs.posting", database_url, DAY_AFTER.isoformat(), "10"]
    with subprocess.Popen(command) as process:
        eventually(lambda: sum(gifts(shop).values()) >= 20)
        process.send_signal(signal.SIGKILL)
    done = sum(gifts(shop).values())
    differences = list(verify_ledger(shop.app))
    # The killed worker's connection ends when its server process notices; until then its batch is passed over.
    eventually(lambda: post_all_due(shop.app).due == 0)

    assert process.returncode == -signal.SIGKILL
    assert 20 <= done < 100
    assert differences == []
    assert picture(shop) == expected
    assert list(verify_ledger(shop.app)) == []


def picture(shop: Shop) -> list[tuple[object, ...]]:
    """Everything that posting writes, without the ids."""
    with shop.app.db.read() as tx:
        rows = sql.every(
            tx,
            """
            SELECT m.email, a.unit, m.tier, m.tier_until, m.next_due, m.settled_at, m.ledger_position, a.available, a.lifetime,
                   (SELECT array_agg(ROW(e.position, e.kind, e.rule, e.amount, e.occurred_at)::text ORDER BY e.position)
                    FROM entries e WHERE e.member_id = m.id) AS entries,
                   (SELECT sum(remaining) FROM lots l WHERE l.member_id = m.id) AS lots,
                   (SELECT array_agg(regexp_replace(o.notices::text, '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', 'id', 'g')
                                     ORDER BY o.id) FROM outbox o WHERE o.member_id = m.id) AS notices
            FROM members m JOIN accounts a ON a.member_id = m.id ORDER BY m.email, a.unit
            """,
        )
    return [tuple(row) for row in rows]


def busy_club(db: Database, clock: FixedClock) -> Shop:
    """Everything that time brings: waits, expiries, windows, gifts, credits, a membership, holds of what is limited."""
    shop = open_everything(db, clock, everything())
    shop = replace(shop, alice=shop.join("alice", birth_date=BIRTHDAY))
    members = [shop.alice, *born_in_april(shop, 3)]
    with db.begin() as tx:
        change_plan(shop.app, tx, shop.alice, PlanWish(action=PlanAction.START, plan="monthly"), program=shop.program)
    for number, member in enumerate(members):
        shop.sell(120_00 + number * 50_00, to=member)
        shop.visit(by=member)
    for member in members[:3]:
        shop.hold("mug", by=member)
    return shop


def test_members_posted_together_become_what_each_becomes_alone(db: Database, clock: FixedClock) -> None:
    begin = clock.now()
    shop = busy_club(db, clock)
    clock.set(later := begin + timedelta(days=400))
    with capture_logs() as logs:
        done = post_all_due(shop.app)
    with scratch_database(db) as beside:
        clock.set(begin)
        other = busy_club(beside, clock)
        clock.set(later)
        with beside.read() as tx:
            due = [row.id for row in sql.every(tx, "SELECT id FROM members WHERE next_due <= :now", now=later)]
        for member_id in due:
            with beside.begin() as tx:
                member = load_member.locked(other.app, tx, member_id, at=later, now=later)
                load_member.post(tx, member, TimePasses(occurred_at=later), now=later)
        alone = picture(other)

    assert (done.members, done.failed, done.due, logs) == (len(due), 0, 0, [])
    assert picture(shop) == alone
    assert list(verify_ledger(shop.app)) == []


def test_members_who_become_due_while_a_run_goes_on_are_done_by_it(shop: Shop, clock: FixedClock) -> None:
    shop.join("bob", birth_date=BIRTHDAY)
    shop.join("dora", birth_date=date(1990, 4, 3))
    clock.set(DAY_AFTER)

    done = post_all_due(shop.app, batch=1, tell=lambda _: clock.set(DAY_AFTER + timedelta(days=2)))

    assert (done.members, done.due) == (2, 0)
