"""From filing to marking: what follows and cancels, what has changed by the time of sending, and channels that refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.shop import NOON, PROGRAMS, Shop
from wallet_api.clock import FixedClock
from wallet_api.domain.governor import Reason
from wallet_api.jobs.deliver import ALARM_PAUSE, Line, deliver
from wallet_api.jobs.expand import expand
from wallet_api.jobs.senders import Result
from wallet_api.services.alter_member import record_consent
from wallet_api.services.notify import Filed, Wish, file_messages, recipients_of
from wallet_api.services.publish import publish
from wallet_api.store import members, preferences, sql
from wallet_api.store.deliveries import Delivery
from wallet_api.store.session import Tx

WEEK = timedelta(days=7)


@dataclass(kw_only=True)
class Recorder:
    """A sender that keeps what it is given, and answers as it is told."""

    outcome: str = "accepted"
    sent: list[Delivery] = field(default_factory=list)
    forgotten: list[UUID | None] = field(default_factory=list)

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        self.sent += leased
        return [Result(outcome=self.outcome) for _ in leased]

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        self.forgotten.append(delivery.device_id)

    async def close(self) -> None:
        pass


def line(outcome: str = "accepted", *, channel: str = "push") -> tuple[Line, Recorder]:
    recorder = Recorder(outcome=outcome)
    return Line(channel=channel, sender=recorder), recorder


def send(shop: Shop, to: Line) -> int:
    return asyncio.run(deliver(shop.app, to))


def phone(shop: Shop, token: str = "phone", *, member: UUID | None = None) -> UUID:
    with shop.app.db.begin() as tx:
        return members.add_device(
            tx,
            shop.program,
            member or shop.alice,
            token=token,
            platform="android",
            app_version=None,
            now=shop.app.clock.now(),
        )[0]


def tell(shop: Shop, *wishes: dict[str, Any], marketing: bool = False) -> list[Filed]:
    """File messages for Alice."""
    now = shop.app.clock.now()
    made = []
    for wish in wishes:
        whole = {"kind": "points_earned", "values": {"points": 1, "balance": 1, "tier": "Gold"}, **wish}
        made.append(Wish(member_id=shop.alice, caused_at=now, expires_at=now + WEEK, **whole))
    with shop.app.db.begin() as tx:
        readers = recipients_of(shop.app, tx, [shop.alice], now=now, marketing=marketing)
        return file_messages(shop.app, tx, made, readers, now=now)


def agree(shop: Shop, *, granted: bool = True) -> None:
    with shop.app.db.begin() as tx:
        record_consent(shop.app, tx, shop.alice, kind="marketing", granted=granted)


def fates(shop: Shop) -> list[tuple[str, str, str | None]]:
    with shop.app.db.read() as tx:
        rows = sql.every(tx, "SELECT kind, status, reason FROM deliveries ORDER BY id")
    return [(row.kind, row.status, row.reason) for row in rows]


# ── Filing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_member_has_been_told_about_is_not_said_again(shop: Shop) -> None:
    first, again = (tell(shop, {"about": "v1"})[0].id for _ in range(2))
    (other,) = tell(shop, {"about": "v2"})

    assert first is not None
    assert again is None
    assert other.id is not None
    assert len(fates(shop)) == 2


def test_a_tier_won_and_lost_before_anything_was_sent_is_not_mentioned(shop: Shop) -> None:
    tell(shop, {"kind": "tier_upgraded", "facts": {"previous": "silver", "tier": "gold"}})
    (down,) = tell(shop, {"kind": "tier_downgraded", "facts": {"previous": "gold", "tier": "silver"}})

    assert fates(shop) == [("tier_upgraded", "replaced", "cancelled_out")]
    assert down.verdict.withheld == {"push": Reason.CANCELLED_OUT}


def test_within_one_batch_changes_cancel_out_too(shop: Shop) -> None:
    earned = {"facts": {"unit": "points", "amount": 20}}
    taken = {"kind": "points_returned", "facts": {"unit": "points", "amount": 20}}

    filed = tell(shop, earned, taken)

    assert [each.verdict.withheld for each in filed] == [{"push": Reason.CANCELLED_OUT}] * 2
    assert fates(shop) == []


def test_the_newest_tier_takes_the_place_of_one_that_waits(shop: Shop) -> None:
    tell(shop, {"kind": "tier_upgraded", "facts": {"previous": "bronze", "tier": "silver"}})
    tell(shop, {"kind": "tier_upgraded", "facts": {"previous": "silver", "tier": "gold"}})
    to, recorder = line()

    send(shop, to)

    assert fates(shop) == [("tier_upgraded", "replaced", "replaced"), ("tier_upgraded", "accepted", None)]
    assert len(recorder.sent) == 1


def test_a_tier_that_was_told_is_not_untold(shop: Shop) -> None:
    to, _ = line()
    tell(shop, {"kind": "tier_upgraded", "facts": {"previous": "silver", "tier": "gold"}})
    send(shop, to)

    tell(shop, {"kind": "tier_downgraded", "facts": {"previous": "gold", "tier": "silver"}})

    assert [status for _, status, _ in fates(shop)] == ["accepted", "waiting"]


# ── The last look ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_that_moved_to_another_member_gets_nothing_of_the_first(shop: Shop) -> None:
    phone(shop, "shared")
    tell(shop, {})
    phone(shop, "shared", member=shop.join("bob"))
    to, recorder = line()

    send(shop, to)

    assert recorder.sent == []
    assert fates(shop) == [("points_earned", "gone", "device_gone")]


def test_a_phone_whose_owner_signed_out_gets_nothing(shop: Shop) -> None:
    device = phone(shop)
    tell(shop, {})
    with shop.app.db.begin() as tx:
        members.remove_device(tx, shop.alice, device)
    to, recorder = line()

    send(shop, to)

    assert (recorder.sent, fates(shop)) == ([], [("points_earned", "gone", "device_gone")])


def test_consent_withdrawn_while_an_offer_waits_ends_it(shop: Shop) -> None:
    agree(shop)
    tell(shop, {"kind": "promotion"}, {}, marketing=True)
    agree(shop, granted=False)
    to, recorder = line()

    send(shop, to)

    assert [delivery.kind for delivery in recorder.sent] == ["points_earned"]
    assert ("promotion", "withheld", "no_consent") in fates(shop)


def test_a_retry_does_not_land_in_quiet_hours(shop: Shop, clock: FixedClock) -> None:
    with shop.app.db.begin() as tx:
        quiet = (datetime(2026, 3, 10, 21, tzinfo=UTC).time(), datetime(2026, 3, 10, 8, tzinfo=UTC).time())
        preferences.put(tx, shop.alice, unwanted={}, quiet=quiet, now=NOON)
    clock.set(datetime(2026, 3, 10, 19, 58, tzinfo=UTC))  # two minutes to nine in Paris
    tell(shop, {})
    to, recorder = line("later")

    send(shop, to)
    clock.set(datetime(2026, 3, 10, 19, 59, 30, tzinfo=UTC))
    send(shop, to)
    with shop.app.db.read() as tx:
        (row,) = sql.every(tx, "SELECT next_try_at, attempts, status FROM deliveries")

    assert len(recorder.sent) == 1
    assert (row.next_try_at, row.attempts, row.status) == (datetime(2026, 3, 11, 7, tzinfo=UTC), 1, "waiting")


def test_a_message_whose_time_is_over_is_not_sent(shop: Shop, clock: FixedClock) -> None:
    tell(shop, {})
    clock.advance(WEEK)
    to, recorder = line()

    send(shop, to)

    assert (recorder.sent, fates(shop)) == ([], [("points_earned", "late", "expired")])


def test_a_mailbox_that_died_meanwhile_gets_nothing(shop: Shop) -> None:
    tell(shop, {"channels": ("email",)})
    with shop.app.db.begin() as tx:
        preferences.bury(tx, shop.program, "alice@example.org", reason="permanent", now=NOON)
    to, recorder = line(channel="email")

    send(shop, to)

    assert (recorder.sent, fates(shop)) == ([], [("points_earned", "gone", "no_address")])


# ── Sending ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_phone_that_a_worker_sends_to_is_left_to_it(shop: Shop) -> None:
    phone(shop)
    tell(shop, {}, {})
    (first, _), (second, recorder) = line(), line()
    first.sender.send = _while_sending(shop, second)  # type: ignore[method-assign]  # another worker comes in between
    send(shop, first)
    tell(shop, {})
    send(shop, second)

    assert [delivery.attempts for delivery in recorder.sent] == [1]
    assert [status for _, status, _ in fates(shop)] == ["accepted"] * 3


def _while_sending(shop: Shop, other: Line) -> Any:
    async def work(leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        assert len(leased) == 2
        tell(shop, {})
        assert await deliver(shop.app, other) == 0
        with shop.app.db.begin() as tx:
            sql.run(tx, "DELETE FROM deliveries WHERE lease_until IS NULL")
        return [Result(outcome="accepted") for _ in leased]

    return work


def test_a_channel_whose_keys_are_refused_rests_and_burns_no_try(shop: Shop, clock: FixedClock) -> None:
    tell(shop, {})
    to, recorder = line("misconfigured")

    send(shop, to)
    tell(shop, {})
    resting = send(shop, to)
    clock.advance(ALARM_PAUSE)
    recorder.outcome = "accepted"
    send(shop, to)

    assert resting == 0
    assert [delivery.attempts for delivery in recorder.sent] == [1, 1, 1]
    assert [status for _, status, _ in fates(shop)] == ["accepted", "accepted"]


def test_caps_hold_within_a_batch_and_over_batches(shop: Shop) -> None:
    agree(shop)
    _let_there_be_one_offer_a_day(shop)

    first = tell(shop, {"kind": "promotion"}, {"kind": "promotion"}, {}, marketing=True)
    second = tell(shop, {"kind": "promotion"}, marketing=True)

    assert [bool(each.verdict.goes) for each in first] == [True, False, True]
    assert second[0].verdict.withheld == {"push": Reason.CAP_DAY}


def _let_there_be_one_offer_a_day(shop: Shop) -> None:
    text = (PROGRAMS / f"{shop.program}.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("\njourneys:")
    publish(shop.app, f"{head}\nsending: {{at_most: 1 per day}}\njourneys:{rest}", now=NOON)


def test_an_event_becomes_what_the_member_reads(shop: Shop) -> None:
    shop.sell(1_000)
    expand(shop.app)
    to, recorder = line()

    send(shop, to)

    assert {delivery.title for delivery in recorder.sent} >= {"You earned 10 points"}


def test_a_reward_that_came_within_reach_is_told_of_once(shop: Shop) -> None:
    shop.sell(30_000)
    shop.sell(1_000)
    expand(shop.app)

    with shop.app.db.read() as tx:
        rows = sql.every(tx, "SELECT title FROM notifications WHERE kind = 'reward_unlocked'")
    assert [row.title for row in rows] == ["You can have: €5 off"]
