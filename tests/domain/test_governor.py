"""Who gets a message, by which way and when, and why anybody does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallet_api.domain.definition.sending import QuietHours, Sending
from wallet_api.domain.governor import Quiet, Reader, Reason, Waiting, Wish, decide, follow, since_last_told

PARIS, NEW_YORK = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
NIGHT = QuietHours(begin=time(21), end=time(8))
READER = Reader(zone=PARIS, reachable=frozenset({"push", "email"}), marketing=True)
WEEK = timedelta(days=7)


def wish(kind: str = "points_earned", *, now: datetime = NOON, **rest: Any) -> Wish:
    return Wish(member_id=1, kind=kind, caused_at=now, expires_at=now + WEEK, **rest)


def local(*when: int, zone: ZoneInfo = PARIS, fold: int = 0) -> datetime:
    return datetime(*when, tzinfo=zone, fold=fold).astimezone(UTC)  # type: ignore[misc,arg-type]  # year, month, day …


# ── Quiet hours ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("now", "goes"),
    [
        (local(2026, 3, 10, 12), local(2026, 3, 10, 12)),
        (local(2026, 3, 10, 20, 59, 59), local(2026, 3, 10, 20, 59, 59)),
        (local(2026, 3, 10, 21), local(2026, 3, 11, 8)),
        (local(2026, 3, 11, 0), local(2026, 3, 11, 8)),
        (local(2026, 3, 11, 7, 59, 59), local(2026, 3, 11, 8)),
        (local(2026, 3, 11, 8), local(2026, 3, 11, 8)),
        (local(2026, 3, 28, 22), local(2026, 3, 29, 8)),  # ten hours: summer time begins
        (local(2026, 10, 24, 22), local(2026, 10, 25, 8)),  # eleven: it ends
    ],
)
def test_at_night_a_message_waits_for_the_morning(now: datetime, goes: datetime) -> None:
    verdict = decide(wish(now=now), READER, Sending(quiet_hours=NIGHT), now=now)

    assert verdict.goes == {"push": goes}


@pytest.mark.parametrize(
    ("begin", "end", "now", "goes"),
    [
        # 02:30 is skipped on 29 March: whatever begins or ends then does so at 03:00, the first instant after.
        (time(23), time(2, 30), local(2026, 3, 29, 0), local(2026, 3, 29, 3)),
        (time(2, 30), time(4), local(2026, 3, 29, 3), local(2026, 3, 29, 4)),
        (time(2, 30), time(4), local(2026, 3, 29, 1, 59), local(2026, 3, 29, 1, 59)),
        # On 25 October 02:30 happens twice: they begin the first time and end the second.
        (time(23), time(2, 30), local(2026, 10, 25, 2, 45), local(2026, 10, 25, 2, 30, fold=1)),
        (time(2, 30), time(4), local(2026, 10, 25, 2, 30), local(2026, 10, 25, 4)),
        (time(2, 30), time(4), local(2026, 10, 25, 2, 15, fold=1), local(2026, 10, 25, 4)),
    ],
)
def test_quiet_hours_are_right_when_clocks_change(begin: time, end: time, now: datetime, goes: datetime) -> None:
    quiet = Quiet(hours=QuietHours(begin=begin, end=end), zone=PARIS)

    assert quiet.after(now) == goes


@given(
    hours=st.builds(QuietHours, begin=st.times(), end=st.times()),
    zone=st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]),
    at=st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(lambda each: each.replace(tzinfo=UTC)),
)
def test_after_quiet_hours_it_is_not_quiet(hours: QuietHours, zone: str, at: datetime) -> None:
    quiet = Quiet(hours=hours, zone=ZoneInfo(zone))

    then = quiet.after(at)

    assert at <= then <= at + timedelta(hours=26)
    assert quiet.after(then) == then


def test_quiet_hours_survive_being_written_down() -> None:
    quiet = Quiet(hours=NIGHT, zone=PARIS)

    assert Quiet.read(str(quiet)) == quiet


def test_shortly_before_quiet_hours_nothing_is_begun() -> None:
    quiet, before = Quiet(hours=NIGHT, zone=PARIS), local(2026, 3, 10, 20, 59, 30)

    assert quiet.after(before, margin=timedelta(minutes=1)) == local(2026, 3, 11, 8)


def test_the_members_own_quiet_hours_and_zone_go_before_the_programs() -> None:
    sleeper = replace(READER, zone=NEW_YORK, quiet=QuietHours(begin=time(6), end=time(10)))

    verdict = decide(wish(), sleeper, Sending(quiet_hours=NIGHT), now=NOON)

    assert verdict.goes == {"push": local(2026, 3, 10, 10, zone=NEW_YORK)}


def test_a_member_can_do_without_quiet_hours() -> None:
    awake, midnight = replace(READER, quiet=QuietHours(begin=time(0), end=time(0))), local(2026, 3, 11, 0)

    verdict = decide(wish(now=midnight), awake, Sending(quiet_hours=NIGHT), now=midnight)

    assert verdict.goes == {"push": midnight}


def test_a_message_that_ends_before_the_morning_is_dropped() -> None:
    now = local(2026, 3, 10, 22)
    short = replace(wish(now=now), expires_at=local(2026, 3, 11, 8))

    verdict = decide(short, READER, Sending(quiet_hours=NIGHT), now=now)

    assert verdict.withheld == {"push": Reason.QUIET_HOURS_PAST_ITS_END}


def test_a_code_comes_at_night_too() -> None:
    midnight = local(2026, 3, 11, 0)

    verdict = decide(wish("sign_in_code", now=midnight), READER, Sending(quiet_hours=NIGHT), now=midnight)

    assert verdict.goes == {"push": midnight}


# ── Who, and by which way ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "reachable", "goes", "withheld"),
    [
        ("points_earned", {"push", "email"}, {"push"}, {}),
        ("points_earned", {"email"}, set(), {"push": Reason.NO_ADDRESS}),
        ("tier_upgraded", {"push", "email"}, {"push"}, {}),
        ("tier_upgraded", {"email"}, {"email"}, {"push": Reason.NO_ADDRESS}),
        ("tier_upgraded", set(), set(), {"push": Reason.NO_ADDRESS, "email": Reason.NO_ADDRESS}),
    ],
)
def test_what_matters_goes_by_mail_to_who_has_no_phone(
    kind: str, reachable: set[str], goes: set[str], withheld: dict[str, Reason]
) -> None:
    verdict = decide(wish(kind), replace(READER, reachable=frozenset(reachable)), Sending(), now=NOON)

    assert set(verdict.goes) == goes
    assert verdict.withheld == withheld


@pytest.mark.parametrize(
    ("kind", "change", "rules", "reason"),
    [
        ("promotion", {"marketing": False}, Sending(), Reason.NO_CONSENT),
        ("promotion", {"is_held_out": True}, Sending(), Reason.HOLD_OUT),
        ("points_earned", {"is_erased": True}, Sending(), Reason.ERASED),
        ("points_earned", {"unwanted": {"points_earned": ["push"]}}, Sending(), Reason.NOT_WANTED),
        ("points_earned", {}, Sending(channels={"points_earned": ()}), Reason.KIND_OFF),
        ("points_earned", {}, Sending(channels={"points_earned": ("wallet",)}), Reason.CHANNEL_OFF),
    ],
)
def test_every_no_has_its_reason(kind: str, change: dict[str, Any], rules: Sending, reason: Reason) -> None:
    verdict = decide(wish(kind), replace(READER, **change), rules, now=NOON, channels_on=("push", "email"))

    assert verdict.goes == {}
    assert set(verdict.withheld.values()) == {reason}


def test_messages_about_the_account_need_no_consent_and_know_no_hold_out() -> None:
    verdict = decide(wish(), replace(READER, marketing=False, is_held_out=True), Sending(), now=NOON)

    assert set(verdict.goes) == {"push"}


def test_a_control_group_gets_nothing() -> None:
    verdict = decide(wish("promotion", refused=Reason.CONTROL_GROUP), READER, Sending(), now=NOON)

    assert verdict.withheld == {"push": Reason.CONTROL_GROUP}


# ── How often ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ([], None),
        ([timedelta(hours=-1)], Reason.CAP_DAY),
        ([timedelta(hours=-14)], None),  # yesterday in Paris
        ([timedelta(days=-1), timedelta(days=-2)], None),
        ([timedelta(days=-1), timedelta(days=-2), timedelta(days=-3)], Reason.CAP_WEEK),
        ([timedelta(days=-5), timedelta(days=-6), timedelta(days=-7)], None),  # the last is a week ago
        ([timedelta(hours=6)], Reason.CAP_DAY),  # one that waits for this evening
    ],
)
def test_offers_are_capped_by_the_members_day_and_by_any_seven_days(
    sent: list[timedelta], reason: Reason | None
) -> None:
    reader = replace(READER, sent=[NOON + each for each in sent])

    verdict = decide(wish("promotion"), reader, Sending(per_day=1, per_week=3), now=NOON)

    assert verdict.withheld.get("push") == reason


def test_the_day_that_counts_is_the_one_on_which_the_message_goes_out() -> None:
    now = local(2026, 3, 10, 22)
    reader = replace(READER, sent=[local(2026, 3, 10, 10)])

    verdict = decide(wish("promotion", now=now), reader, Sending(quiet_hours=NIGHT, per_day=1), now=now)

    assert verdict.goes == {"push": local(2026, 3, 11, 8)}


def test_messages_about_the_account_are_never_capped() -> None:
    reader = replace(READER, sent=[NOON] * 50)

    verdict = decide(wish(), reader, Sending(per_day=1, per_week=1), now=NOON)

    assert set(verdict.goes) == {"push"}


# ── What follows, and what cancels out ───────────────────────────────────────────────────────────────────────────


def changed(kind: str, **facts: Any) -> Waiting:
    return Waiting(kind=kind, facts=facts)


@pytest.mark.parametrize(
    ("now", "facts", "waiting", "end"),
    [
        ("tier_downgraded", {"previous": "gold", "tier": "silver"}, changed("tier_upgraded", previous="silver", tier="gold"), Reason.CANCELLED_OUT),
        ("tier_upgraded", {"previous": "silver", "tier": "gold"}, changed("tier_upgraded", previous="bronze", tier="silver"), Reason.REPLACED),
        ("tier_downgraded", {"previous": "gold", "tier": "bronze"}, changed("tier_upgraded", previous="silver", tier="gold"), Reason.REPLACED),
        ("points_returned", {"unit": "p", "amount": 20}, changed("points_earned", unit="p", amount=20), Reason.CANCELLED_OUT),
        ("points_returned", {"unit": "p", "amount": 10}, changed("points_earned", unit="p", amount=20), None),
        ("points_returned", {"unit": "q", "amount": 20}, changed("points_earned", unit="p", amount=20), None),
        ("points_earned", {"unit": "p", "amount": 20}, changed("points_earned", unit="p", amount=20), None),
        ("tier_upgraded", {"previous": "a", "tier": "b"}, changed("points_earned", unit="p", amount=20), None),
    ],
)  # fmt: skip
def test_what_waits_ends_when_a_newer_change_says_it_all(
    now: str, facts: dict[str, Any], waiting: Waiting, end: Reason | None
) -> None:
    assert follow(wish(now, facts=facts), waiting) == end


def test_a_way_there_and_back_over_several_steps_cancels_out() -> None:
    first = changed("tier_upgraded", previous="bronze", tier="silver")
    second = wish("tier_upgraded", facts={"previous": "silver", "tier": "gold"})
    merged = Waiting(kind="tier_upgraded", facts=since_last_told(second, first))

    end = follow(wish("tier_downgraded", facts={"previous": "gold", "tier": "bronze"}), merged)

    assert end is Reason.CANCELLED_OUT


def test_what_was_seen_already_is_not_unsaid() -> None:
    seen = Waiting(kind="tier_upgraded", facts={"previous": "silver", "tier": "gold"}, is_unsent=False)

    end = follow(wish("tier_downgraded", facts={"previous": "gold", "tier": "silver"}), seen)

    assert end is Reason.REPLACED
