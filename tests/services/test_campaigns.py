"""Campaigns: each member once, whatever happens to whoever sends; and nobody who is not to be written to."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest

from tests.services.campaigning import agree, campaign, counts, crowd, do, messages, reasons, rules, send, state, work
from tests.shop import NOON, PROGRAMS, Shop
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.domain.campaign import Act
from wallet_api.domain.experiment import Arm, arm_of, is_held_out
from wallet_api.domain.segment_reading import read_rule
from wallet_api.services import walk_campaigns as walking
from wallet_api.services.campaigns import campaign_of, note_opened
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.publish import publish
from wallet_api.services.segments import select
from wallet_api.services.walk_campaigns import walk_campaigns
from wallet_api.store import campaigns, deliveries, sql

LIMITED = """
rewards:
  - {id: mug, name: A mug, price: 10 points, gives: {item: a mug}, stock: 3}
"""
NIGHT = NOON.replace(hour=22)


# ── Whom it reaches, with what ───────────────────────────────────────────────────────────────────────────────────


def test_each_member_gets_it_once_in_their_language_with_what_is_theirs(shop: Shop) -> None:
    fred = shop.join("fred", locale="fr-CH")
    shop.sell(600_00)
    agree(shop, shop.alice, fred)
    spring = campaign(
        shop,
        title={"en": "{given_name}, hello", "fr": "{given_name}, bonjour"},
        body={"en": "{tier}: {balance}. Code {voucher}", "fr": "{tier} : {balance}. Code {voucher}"},
        reward="off-5",
    )

    done = send(shop, spring)

    alice, french = messages(shop, spring)
    with shop.app.db.read() as tx:
        codes = {
            row.member_id: row.code
            for row in sql.every(tx, "SELECT member_id, code FROM vouchers WHERE status = 'issued'")
        }
    assert done["status"] == "done"
    assert (alice.title, alice.body) == ("Alice, hello", f"Silver: 650 points. Code {codes[shop.alice]}")
    assert french.title == "Fred, bonjour"
    assert french.body.replace("\xa0", " ") == f"Bronze : 50 points. Code {codes[fred]}"
    assert [(each.deliveries, each.status) for each in (alice, french)] == [(1, "waiting")] * 2


def test_a_text_in_one_language_is_everybodys(shop: Shop) -> None:
    fred = shop.join("fred", locale="fr")
    agree(shop, fred)
    spring = campaign(shop, rule={"language": {"any_of": ["fr"]}}, title="Spring", body="It is here.")

    send(shop, spring)

    assert [(each.title, each.body) for each in messages(shop, spring)] == [("Spring", "It is here.")]


def test_whom_it_reaches_is_fixed_when_it_begins(shop: Shop) -> None:
    bob = shop.join("bob")
    agree(shop, shop.alice, bob)
    spring = campaign(shop, rule={"tier": {"any_of": ["bronze"]}})
    do(shop, spring, Act.SEND)
    walk_campaigns(shop.app, seconds=0)
    with shop.app.db.read() as tx:
        [open_one] = campaigns.to_walk(tx)
    walking._begin(shop.app, campaign_of(open_one))

    shop.sell(600_00)  # Alice is silver now, and Dora comes too late
    dora = shop.join("dora")
    agree(shop, dora)
    walk_campaigns(shop.app)

    assert {each.member_id for each in messages(shop, spring)} == {shop.alice, bob}


def test_a_segment_of_nobody_is_done_at_once(shop: Shop) -> None:
    spring = campaign(shop, rule={"any": []})

    done = send(shop, spring)

    assert (done["status"], done["progress"]["audience"], done["results"]) == ("done", 0, [])


def test_it_begins_by_itself_when_its_time_has_come(shop: Shop, clock: FixedClock) -> None:
    crowd(shop, 2)
    spring = campaign(shop, starts_at=NOON + timedelta(hours=1))
    walk_campaigns(shop.app)
    before = state(shop, spring)["status"]

    clock.set(NOON + timedelta(hours=1))
    walk_campaigns(shop.app)

    assert before == "scheduled"
    assert counts(shop, spring) == {"sent": 2}


def test_who_is_not_to_be_written_to_is_told_apart_with_the_reason(shop: Shop) -> None:
    people = crowd(shop, 5)
    spring = campaign(shop)
    do(shop, spring, Act.SEND)
    with shop.app.db.begin() as tx:
        selected = select(shop.app, tx, read_rule({"all": []}, None), program=shop.program)
        campaigns.fix_audience(tx, spring, selected)
        merge_members(
            shop.app, tx, MergeWish(gone=people[1], into=people[0], reason="one person"), program=shop.program
        )
        sql.run(tx, "UPDATE members SET status = 'erased' WHERE id = :id", id=people[2])
    agree(shop, people[3], granted=False)

    walk_campaigns(shop.app)

    assert counts(shop, spring) == {"sent": 2, "withheld": 3}
    assert reasons(shop, spring) == {"merged": 1, "erased": 1, "no_consent": 1}
    texts = {each["reason"]: each["text"] for each in state(shop, spring)["progress"]["reasons"]}
    assert texts["merged"] == "The member is one with another member now."


def test_a_consent_that_is_withdrawn_while_it_runs_counts(shop: Shop) -> None:
    people = crowd(shop, 6)
    spring = campaign(shop)
    do(shop, spring, Act.SEND)
    walk_some(shop, spring, 2)
    agree(shop, *people, granted=False)

    walk_campaigns(shop.app)

    assert counts(shop, spring) == {"sent": 2, "withheld": 4}
    assert reasons(shop, spring) == {"no_consent": 4}
    with shop.app.db.begin() as tx:  # nor is what was filed before sent
        leased = deliveries.lease(tx, "push", now=NOON, limit=100)
    assert [each.is_unwanted for each in leased if each.kind == "promotion"] == [True, True]


def test_the_program_holds_some_members_out(shop: Shop) -> None:
    rules(shop, "sending:\n  hold_out: 50%")
    people = crowd(shop, 20)
    spring = campaign(shop, reward="off-5")

    send(shop, spring)

    held = {member for member in people if is_out(shop, member)}
    assert 0 < len(held) < 20
    assert reasons(shop, spring) == {"hold_out": len(held)}
    # They neither read of it in their list nor have a voucher.
    assert {each.member_id for each in messages(shop, spring)} == set(people) - held
    assert owners(shop) == set(people) - held


def test_in_quiet_hours_it_waits_until_they_end(shop: Shop, clock: FixedClock) -> None:
    rules(shop, "sending:\n  quiet_hours: 21:00 to 08:00")
    crowd(shop, 3)
    short, spring = campaign(shop, ends_at=NIGHT + timedelta(hours=2)), campaign(shop)
    clock.set(NIGHT)

    for each in (short, spring):
        send(shop, each)
    at_night = counts(shop, spring)
    do(shop, spring, Act.PAUSE)
    clock.set(NIGHT + timedelta(hours=10))
    walk_campaigns(shop.app)
    paused = counts(shop, spring)
    do(shop, spring, Act.RESUME)
    walk_campaigns(shop.app)

    assert reasons(shop, short) == {"quiet_hours_past_its_end": 3}
    assert at_night == paused == {"waiting": 3}
    assert counts(shop, spring) == {"sent": 3}


# ── What goes with it ────────────────────────────────────────────────────────────────────────────────────────────


def test_of_a_limited_reward_the_first_get_one_and_the_others_no_message(shop: Shop) -> None:
    rules(shop, "")
    people = crowd(shop, 5)
    with_limited(shop)
    spring = campaign(shop, reward="mug", body="Yours: {voucher}")

    send(shop, spring)

    assert counts(shop, spring) == {"sent": 3, "withheld": 2}
    assert reasons(shop, spring) == {"reward_gone": 2}
    assert owners(shop) == {each.member_id for each in messages(shop, spring)} < set(people)


def test_a_promotion_starts_with_its_campaign(shop: Shop) -> None:
    rules(shop, "promotions:\n  - {id: double, multiply: 2, unit: points, days: []}")
    crowd(shop, 1)
    before = earned_by(shop.sell(10_00))
    spring = campaign(shop, promotion="double", ends_at=NOON + timedelta(days=3))

    send(shop, spring)

    with shop.app.db.read() as tx:
        days = sql.one(tx, "SELECT promotion, first, last FROM promotion_days")
    assert (days.promotion, days.first, days.last) == ("double", date(2026, 3, 10), date(2026, 3, 13))
    assert (before, earned_by(shop.sell(10_00))) == (10, 20)


# ── Experiments and results ──────────────────────────────────────────────────────────────────────────────────────


def test_arms_differ_in_what_they_read_and_the_control_group_reads_nothing(shop: Shop) -> None:
    people = crowd(shop, 40)
    arms = [Arm(name="a", share=Fraction(40, 100)), Arm(name="b", share=Fraction(40, 100))]
    arms.append(Arm(name="control", share=Fraction(20, 100)))
    experiment = {
        "arms": [{"name": "a", "share": 40}, {"name": "b", "share": 40, "title": "Extra"}],
        "control": 20,
    }
    spring = campaign(shop, experiment=experiment, title="Usual")

    send(shop, spring)

    expected = {member: arm_of(spring, member, arms) for member in people}
    titles = {each.member_id: each.title for each in messages(shop, spring)}
    assert set(expected.values()) == {"a", "b", "control"}
    assert titles == {member: {"a": "Usual", "b": "Extra"}[arm] for member, arm in expected.items() if arm != "control"}
    assert counts(shop, spring)["control"] == list(expected.values()).count("control")


def test_results_count_what_was_opened_used_and_bought_in_time(shop: Shop, clock: FixedClock) -> None:
    people = crowd(shop, 12)
    shop.sell(99_00)  # before the campaign
    experiment = {"arms": [{"name": "a", "share": 50}], "control": 50}
    spring = campaign(shop, experiment=experiment, reward="off-5", purchases_within_days=2)
    clock.set(NOON + timedelta(minutes=1))
    send(shop, spring)
    arms = [Arm(name="a", share=Fraction(1, 2)), Arm(name="control", share=Fraction(1, 2))]
    reached = [member for member in people if arm_of(spring, member, arms) == "a"]
    spared = [member for member in people if member not in reached]
    first = next(each for each in messages(shop, spring) if each.member_id == reached[0])

    for _ in range(2):
        with shop.app.db.begin() as tx:
            note_opened(shop.app, tx, reached[0], first.id)
    with pytest.raises(errors.NotFound), shop.app.db.begin() as tx:
        note_opened(shop.app, tx, reached[1], first.id)
    clock.set(NOON + timedelta(hours=2))
    shop.sell(30_00, to=reached[0], vouchers=(code_of(shop, reached[0]),))
    back = shop.sell(20_00, to=reached[1])
    shop.take_back(back, amount=5_00)
    shop.sell(7_00, to=spared[0])
    clock.set(NOON + timedelta(days=3))
    shop.sell(50_00, to=reached[1])  # too late to count

    assert state(shop, spring)["results"] == [
        {
            "arm": "a",
            "members": len(reached),
            "opened": 1,
            "redeemed": 1,
            "buyers": 2,
            "purchases": 2,
            "amount": 25_00 + 15_00,
        },
        {
            "arm": "control",
            "members": len(spared),
            "opened": 0,
            "redeemed": 0,
            "buyers": 1,
            "purchases": 1,
            "amount": 7_00,
        },
    ]


# ── Faults ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_sent_from_two_browsers_at_once_and_walked_by_two_workers_it_reaches_each_once(shop: Shop) -> None:
    people = crowd(shop, 60)
    spring = campaign(shop, reward="off-5")

    at_once(*[lambda: do(shop, spring, Act.SEND)] * 2)
    at_once(*[lambda: walk_campaigns(shop.app, chunk=7)] * 2)

    assert [each.member_id for each in messages(shop, spring)] == sorted(people)
    assert {each.deliveries for each in messages(shop, spring)} == {1}
    assert counts(shop, spring) == {"sent": 60}
    assert len(owners(shop)) == 60


def test_a_worker_that_is_killed_again_and_again_reaches_each_member_once(shop: Shop, database_url: str) -> None:
    people = crowd(shop, 150)
    spring = campaign(shop, reward="off-5", body="{voucher}")
    do(shop, spring, Act.SEND)
    workers = multiprocessing.get_context("forkserver")
    workers.set_forkserver_preload(["tests.services.campaigning"])

    for _ in range(10):
        seen = len(messages(shop, spring))
        worker = workers.Process(target=work, args=(database_url, NOON, 5))
        worker.start()
        while len(messages(shop, spring)) <= seen and worker.is_alive():
            time.sleep(0.005)
        worker.kill()
        worker.join()
        assert worker.exitcode == -signal.SIGKILL
    in_between = len(messages(shop, spring))
    walk_campaigns(shop.app)

    told = messages(shop, spring)
    assert 0 < in_between < 150
    assert [each.member_id for each in told] == sorted(people)
    assert {each.deliveries for each in told} == {1}
    with shop.app.db.read() as tx:
        vouchers = {
            row.member_id: (row.vouchers, row.code)
            for row in sql.every(
                tx, "SELECT member_id, count(*) AS vouchers, min(code) AS code FROM vouchers GROUP BY member_id"
            )
        }
    assert vouchers == {each.member_id: (1, each.body) for each in told}
    assert state(shop, spring)["status"] == "done"


def test_paused_it_writes_to_nobody_until_it_goes_on(shop: Shop) -> None:
    crowd(shop, 6)
    spring = campaign(shop)
    do(shop, spring, Act.SEND)
    walk_some(shop, spring, 2)

    do(shop, spring, Act.PAUSE)
    walk_campaigns(shop.app)
    paused = counts(shop, spring)
    do(shop, spring, Act.RESUME)
    walk_campaigns(shop.app)

    assert paused == {"sent": 2, "waiting": 4}
    assert counts(shop, spring) == {"sent": 6}


def test_called_off_in_the_middle_the_rest_get_nothing_and_a_reason(shop: Shop) -> None:
    crowd(shop, 6)
    spring = campaign(shop)
    do(shop, spring, Act.SEND)
    walk_some(shop, spring, 2)
    with shop.app.db.begin() as tx:
        sql.run(
            tx,
            "UPDATE deliveries SET status = 'accepted' WHERE id = (SELECT id FROM deliveries WHERE campaign_id IS NOT NULL LIMIT 1)",
        )

    do(shop, spring, Act.CANCEL)
    walk_campaigns(shop.app)

    over = state(shop, spring)
    assert counts(shop, spring) == {"sent": 2, "cancelled": 4}
    assert reasons(shop, spring) == {"campaign_cancelled": 4}
    assert over["progress"]["deliveries"] == {"waiting": 0, "accepted": 1, "failed": 1}
    assert over["finished_at"] is not None


def test_called_off_before_it_began_it_reaches_nobody(shop: Shop) -> None:
    crowd(shop, 2)
    spring = campaign(shop, starts_at=NOON)

    do(shop, spring, Act.CANCEL)
    walk_campaigns(shop.app)

    assert state(shop, spring)["progress"]["audience"] is None
    assert messages(shop, spring) == []


def test_it_does_not_run_ahead_of_what_goes_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "DELIVERIES_WAITING_MAX", 4)
    crowd(shop, 20)
    with shop.app.db.begin() as tx:
        sql.run(tx, "DELETE FROM deliveries")
    spring = campaign(shop)
    do(shop, spring, Act.SEND)

    is_done = walk_campaigns(shop.app, seconds=0.6, chunk=3)
    ahead = counts(shop, spring)
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE deliveries SET status = 'accepted'")
    walk_campaigns(shop.app, seconds=0.6, chunk=3)

    assert not is_done
    assert ahead == {"sent": 6, "waiting": 14}
    assert counts(shop, spring) == {"sent": 12, "waiting": 8}


def test_a_member_for_whom_it_cannot_be_made_is_left_out_and_the_others_get_theirs(shop: Shop) -> None:
    people = crowd(shop, 4)
    spring = campaign(shop, reward="off-5")
    with shop.app.db.begin() as tx:  # no version of the rules knows this member's membership
        sql.run(tx, """UPDATE members SET membership = '{"status": "unheard-of"}' WHERE id = :id""", id=people[2])

    send(shop, spring)

    assert counts(shop, spring) == {"sent": 3, "failed": 1}
    assert reasons(shop, spring) == {"failed": 1}
    assert {each.member_id for each in messages(shop, spring)} == {*people} - {people[2]}


# ── Parts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def walk_some(shop: Shop, campaign_id: UUID, number: int) -> None:
    """A worker that has just begun, and worked on so many members."""
    with shop.app.db.read() as tx:
        [row] = campaigns.to_walk(tx)
    assert row.id == campaign_id
    if row.audience is None:
        walking._begin(shop.app, campaign_of(row))
    with shop.app.db.read() as tx:
        [row] = campaigns.to_walk(tx)
    walking._walk(shop.app, campaign_of(row), limit=number)


def owners(shop: Shop) -> set[UUID]:
    """Who has a voucher."""
    with shop.app.db.read() as tx:
        return {row.member_id for row in sql.every(tx, "SELECT member_id FROM vouchers")}


def earned_by(sale: Any) -> int:
    """How many points a sale brought."""
    return sum(each["amount"] for each in sale["earned"])


def code_of(shop: Shop, member: UUID) -> str:
    """The code of the member's voucher."""
    with shop.app.db.read() as tx:
        return str(sql.one(tx, "SELECT code FROM vouchers WHERE member_id = :id", id=member).code)


def with_limited(shop: Shop) -> None:
    """The shop's rewards are few."""
    source = (PROGRAMS / f"{shop.program}.yaml").read_text(encoding="utf-8")
    limited = source.replace("rewards:\n", f"{LIMITED.strip()}\n", 1)
    publish(shop.app, limited, now=shop.app.clock.now())


def is_out(shop: Shop, member: UUID) -> bool:
    """Whether the program holds this member out."""
    return is_held_out(shop.program, member, share=Fraction(1, 2))


def at_once(*work: object) -> None:
    """Run these at the same time."""
    threads = [threading.Thread(target=each) for each in work]  # type: ignore[arg-type]  # callables
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
