"""Whether a message goes to a member, by which ways, and when: the one place that says no, and always why.

Pure: a wish, what is known of the member, the program's rules and the time come in, a verdict for each channel goes out.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from wallet_api.domain.definition.sending import QuietHours, Sending
from wallet_api.domain.messages import CHANNELS, EMAIL, KINDS, PUSH, Kind, MessageClass

ROLLING = timedelta(days=7)
ONE_DAY = timedelta(days=1)


class Reason(enum.StrEnum):
    """Why a message does not go out, or did not; `services/reasons.py` says it in sentences."""

    NO_ADDRESS = "no_address"
    NOT_WANTED = "not_wanted"
    NO_CONSENT = "no_consent"
    QUIET_HOURS_PAST_ITS_END = "quiet_hours_past_its_end"
    CAP_DAY = "cap_day"
    CAP_WEEK = "cap_week"
    REPLACED = "replaced"
    CANCELLED_OUT = "cancelled_out"
    HOLD_OUT = "hold_out"
    CONTROL_GROUP = "control_group"
    KIND_OFF = "kind_off"
    ERASED = "erased"
    EXPIRED = "expired"
    DEVICE_GONE = "device_gone"
    REFUSED = "refused"
    CHANNEL_OFF = "channel_off"


# ── Quiet hours ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """Quiet hours where they are meant."""

    hours: QuietHours
    zone: ZoneInfo

    def __str__(self) -> str:
        return f"{self.hours.begin:%H:%M} {self.hours.end:%H:%M} {self.zone.key}"

    @classmethod
    def read(cls, text: str) -> Quiet:
        """The same from its own text, as a delivery keeps it."""
        begin, end, zone = text.split(" ")
        hours = QuietHours(begin=time.fromisoformat(begin), end=time.fromisoformat(end))
        return cls(hours=hours, zone=ZoneInfo(zone))

    def after(self, at: datetime, *, margin: timedelta = timedelta()) -> datetime:
        """The first instant from `at` on at which something may be sent; `margin` before quiet hours belongs to them.

        Where summer time skips their beginning or end it is the first instant after; where it makes one happen twice,
        they begin the first time and end the second.
        """
        begin, end = self.hours.begin, self.hours.end
        if begin == end:
            return at
        local = at.astimezone(self.zone)
        for day in (local.date() - ONE_DAY, local.date(), local.date() + ONE_DAY):
            last = day if begin < end else day + ONE_DAY
            opens, closes = _instant(day, begin, self.zone, fold=0), _instant(last, end, self.zone, fold=1)
            if opens - margin <= at < closes:
                return closes
        return at


@lru_cache(maxsize=4_096)
def _instant(day: date, at: time, zone: ZoneInfo, *, fold: int) -> datetime:
    """A local time of a day as an instant: of two, by `fold`; of none, the first instant after the gap."""
    wall = datetime.combine(day, at)
    earlier, later = (wall.replace(tzinfo=zone, fold=each).astimezone(UTC) for each in (0, 1))
    if earlier <= later:
        return later if fold else earlier
    # Skipped: by the offset before the gap it lies behind it, by the one after the gap before it.
    low, high = later, earlier
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == later.astimezone(zone).utcoffset():
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


# ── What a verdict is made of ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A message that somebody would like a member to have.

    `about`: what it is about, where it may be said only once to a member. `channels`: the ways to take, where the one
    who wishes chooses. `caused_at` and `expires_at` bound its life; it does not go out before `not_before`. `facts`
    say what changed, so that a change that undoes it is known. `refused`: why it must not go out, where that is known.
    """

    member_id: Any
    kind: str
    caused_at: datetime
    expires_at: datetime
    about: str | None = None
    channels: tuple[str, ...] | None = None
    not_before: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    refused: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What the governor needs to know of a member.

    `reachable`: the channels that lead anywhere. `unwanted`: by kind the channels that they do not want. `quiet`: their
    own quiet hours, in the place of the program's. `sent`: when messages went out, or will, from a week ago on.
    """

    zone: ZoneInfo
    reachable: frozenset[str]
    is_erased: bool = False
    unwanted: Mapping[str, Collection[str]] = field(default_factory=dict)
    quiet: QuietHours | None = None
    marketing: bool = False
    is_held_out: bool = False
    sent: Sequence[datetime] = ()


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of a wish: by channel when it may go out first, or why not; and the hours in which it may not."""

    goes: Mapping[str, datetime] = field(default_factory=dict)
    withheld: Mapping[str, Reason] = field(default_factory=dict)
    quiet: Quiet | None = None

    @property
    def goes_at(self) -> datetime | None:
        """When it goes out first; None where it does not."""
        return min(self.goes.values(), default=None)


def decide(
    wish: Wish, reader: Reader, rules: Sending, *, now: datetime, channels_on: Collection[str] = CHANNELS
) -> Verdict:
    """What becomes of a wish, by the rules of its program; `channels_on` are the channels that this Carnet has."""
    kind = KINDS[wish.kind]
    asked = _channels(wish, kind, reader, rules)
    if reason := _why_not_at_all(wish, kind, reader, asked, now=now):
        return Verdict(withheld=dict.fromkeys(asked or (PUSH,), reason))
    quiet = _quiet(kind, reader, rules)
    goes: dict[str, datetime] = {}
    withheld: dict[str, Reason] = {}
    start = max(now, wish.not_before) if wish.not_before else now
    at = quiet.after(start) if quiet else start
    for channel in asked:
        if reason := _why_not_by(channel, wish, reader, channels_on):
            withheld[channel] = reason
        elif at >= wish.expires_at:
            withheld[channel] = Reason.QUIET_HOURS_PAST_ITS_END if at > start else Reason.EXPIRED
        else:
            goes[channel] = at
    if goes and kind.message_class is MessageClass.MARKETING and (full := cap(at, reader, rules)):
        return Verdict(withheld={**withheld, **dict.fromkeys(goes, full)})
    return Verdict(goes=goes, withheld=withheld, quiet=quiet)


def _channels(wish: Wish, kind: Kind, reader: Reader, rules: Sending) -> tuple[str, ...]:
    """By which ways a message would go: as the wish says, or the program, or to the phone, else by mail if it matters."""
    chosen = wish.channels if wish.channels is not None else rules.channels.get(wish.kind)
    if chosen is not None:
        return chosen
    return (PUSH, EMAIL) if kind.mail_without_phone and PUSH not in reader.reachable else (PUSH,)


def _why_not_at_all(wish: Wish, kind: Kind, reader: Reader, asked: Sequence[str], *, now: datetime) -> Reason | None:
    if reader.is_erased:
        return Reason.ERASED
    if wish.refused is not None:
        return wish.refused
    if not asked:
        return Reason.KIND_OFF
    if kind.message_class is MessageClass.MARKETING:
        if not reader.marketing:
            return Reason.NO_CONSENT
        if reader.is_held_out:
            return Reason.HOLD_OUT
    return Reason.EXPIRED if wish.expires_at <= now else None


def _why_not_by(channel: str, wish: Wish, reader: Reader, channels_on: Collection[str]) -> Reason | None:
    if channel not in channels_on:
        return Reason.CHANNEL_OFF
    if channel in reader.unwanted.get(wish.kind, ()):
        return Reason.NOT_WANTED
    return None if channel in reader.reachable else Reason.NO_ADDRESS


def _quiet(kind: Kind, reader: Reader, rules: Sending) -> Quiet | None:
    hours = reader.quiet or rules.quiet_hours
    if kind.message_class is MessageClass.CODE or hours is None or hours.begin == hours.end:
        return None
    return Quiet(hours=hours, zone=reader.zone)


def cap(at: datetime, reader: Reader, rules: Sending) -> Reason | None:
    """Which limit marketing at this moment would go over, if any; a day is the member's own, a week any seven days."""
    if rules.per_day is not None:
        day = at.astimezone(reader.zone).date()
        if sum(each.astimezone(reader.zone).date() == day for each in reader.sent) >= rules.per_day:
            return Reason.CAP_DAY
    if rules.per_week is not None and sum(each > at - ROLLING for each in reader.sent) >= rules.per_week:
        return Reason.CAP_WEEK
    return None


# ── What follows, and what cancels out ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A message of which something waits still: what it says has changed. `is_unsent`: nobody has seen any of it."""

    kind: str
    facts: Mapping[str, Any]
    is_unsent: bool = True


def can_follow(wish: Wish) -> bool:
    """Whether this message may make one needless that waits."""
    return wish.kind == "points_returned" or KINDS[wish.kind].follows is not None


def follow(wish: Wish, waiting: Waiting) -> Reason | None:
    """What becomes of a waiting message by this one: replaced, cancelled out together with it, or nothing.

    `facts` of the wish are as `since_last_told` gives them.
    """
    if wish.kind == "points_returned":
        is_all = all(wish.facts.get(name) == waiting.facts.get(name) for name in ("unit", "amount"))
        is_undone = waiting.kind == "points_earned" and is_all and waiting.is_unsent
        return Reason.CANCELLED_OUT if is_undone else None
    group = KINDS[wish.kind].follows
    if group is None or group != KINDS[waiting.kind].follows:
        return None
    facts = since_last_told(wish, waiting)
    came_back = "previous" in facts and facts["previous"] == facts.get("tier", facts.get("status"))
    return Reason.CANCELLED_OUT if came_back and waiting.is_unsent else Reason.REPLACED


def since_last_told(wish: Wish, waiting: Waiting) -> Mapping[str, Any]:
    """What has changed since the member was told last: from what was before the waiting message to what is now."""
    if waiting.is_unsent and "previous" in waiting.facts and "previous" in wish.facts:
        return {**wish.facts, "previous": waiting.facts["previous"]}
    return wish.facts
