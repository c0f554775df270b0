"""When and how often messages go out, and what members are reminded of, as a definition file says it."""

# ruff: noqa: RUF009 -- `required`, `optional` and `essential` make a field, as dataclasses.field does

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from fractions import Fraction
from typing import Final

from wallet_api.domain.definition import Span
from wallet_api.domain.definition.sending import QuietHours
from wallet_api.domain.messages import CHANNELS, PREFERABLE

from .phrases import DAYS_BEFORE, PERCENT
from .shapes import At, Choice, FirstOf, MapOf, OneOrMore, Phrase, Record, Shape, Written, optional

NONE: Final = "none"
CLOCK: Final = "([01][0-9]|2[0-3]):([0-5][0-9])"


@dataclass(frozen=True, kw_only=True)
class Cap:
    """`3 per week`."""

    times: int
    per: str


def _quiet_hours(match: re.Match[str]) -> QuietHours | None:
    begin, end = time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))
    return QuietHours(begin=begin, end=end) if begin != end else None


def _cap(match: re.Match[str]) -> Cap:
    return Cap(times=int(match[1]), per=match[2])


def _on_the_day(_: re.Match[str]) -> Span:
    return Span()


def _after(match: re.Match[str]) -> Span:
    return Span(days=int(match[1]))


QUIET_HOURS: Final = Phrase(f"{CLOCK} to {CLOCK}", "two different times such as `21:00 to 08:00`", _quiet_hours)
CAP: Final = Phrase("([1-9][0-9]{0,2}) per (day|week)", "such as `1 per day` or `3 per week`", _cap)
ON_THE_DAY: Final = Phrase("on the day", "`on the day`", _on_the_day)
AFTER: Final = Phrase("after ([1-9][0-9]{0,3}) days?", "such as `after 90 days`", _after)
BIRTHDAY: Final[Shape[At[Span]]] = FirstOf((ON_THE_DAY, DAYS_BEFORE))
CHANNEL: Final = Choice({channel: channel for channel in (*CHANNELS, NONE)}, "channels")


@dataclass(frozen=True, kw_only=True)
class SendingWritten(Written):
    """When, how often and by which way messages go out."""

    quiet_hours: At[QuietHours] | None = optional(
        QUIET_HOURS, says="When nothing is sent, in the member's time zone; it waits until their end."
    )
    at_most: tuple[At[Cap], ...] | None = optional(
        OneOrMore(CAP, most=2), says="The most messages a day and a week; offers beyond that are not sent."
    )
    channels: tuple[tuple[At[str], tuple[At[str], ...] | None], ...] | None = optional(
        MapOf(
            Choice({kind: kind for kind in PREFERABLE}, "kinds of message"),
            OneOrMore(CHANNEL, most=len(CHANNELS)),
            most=len(PREFERABLE),
            wanted="kinds of message and their channels",
        ),
        says="By which ways each kind goes out; `none`: not at all.",
    )
    hold_out: At[Fraction] | None = optional(
        PERCENT, says="The share of members who get no offers, always the same ones, for comparison."
    )


@dataclass(frozen=True, kw_only=True)
class RemindersWritten(Written):
    """What members are reminded of; what is left out is off."""

    points_expiring: At[Span] | None = optional(DAYS_BEFORE, says="Units that end.")
    voucher_expiring: At[Span] | None = optional(DAYS_BEFORE, says="Vouchers that end.")
    tier_ending: At[Span] | None = optional(DAYS_BEFORE, says="A tier that ends and is not earned again yet.")
    birthday: At[Span] | None = optional(BIRTHDAY, says="Birthdays, for members who agreed to offers.")
    win_back: At[Span] | None = optional(
        AFTER, says="Members who stopped coming, once so many days after they last did."
    )


SENDING: Final = Record(SendingWritten, "quiet hours, limits and channels")
REMINDERS: Final = Record(RemindersWritten, "reminders and how long before they come")
