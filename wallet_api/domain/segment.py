"""Segments: what a rule that selects members is made of. How one is written stands in `segment_reading.py`."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias


class RfmClass(enum.StrEnum):
    """How recently, how often and for how much a member has bought, beside all others who bought in the last year."""

    CHAMPIONS = "champions"
    LOYAL = "loyal"
    POTENTIAL = "potential"
    NEW = "new"
    NEED_ATTENTION = "need_attention"
    ABOUT_TO_SLEEP = "about_to_sleep"
    AT_RISK = "at_risk"
    CANNOT_LOSE = "cannot_lose"
    HIBERNATING = "hibernating"


RFM_DAYS = 365

RFM_CLASSES: Sequence[Sequence[RfmClass]] = (
    (
        RfmClass.HIBERNATING,
        RfmClass.HIBERNATING,
        RfmClass.AT_RISK,
        RfmClass.AT_RISK,
        RfmClass.CANNOT_LOSE,
    ),
    (
        RfmClass.ABOUT_TO_SLEEP,
        RfmClass.ABOUT_TO_SLEEP,
        RfmClass.AT_RISK,
        RfmClass.AT_RISK,
        RfmClass.AT_RISK,
    ),
    (
        RfmClass.ABOUT_TO_SLEEP,
        RfmClass.NEED_ATTENTION,
        RfmClass.NEED_ATTENTION,
        RfmClass.LOYAL,
        RfmClass.LOYAL,
    ),
    (RfmClass.NEW, RfmClass.POTENTIAL, RfmClass.LOYAL, RfmClass.CHAMPIONS, RfmClass.CHAMPIONS),
    (RfmClass.NEW, RfmClass.POTENTIAL, RfmClass.LOYAL, RfmClass.CHAMPIONS, RfmClass.CHAMPIONS),
)
"""By the fifth of recency (rows, the longest ago first) and of frequency and amount together (columns, the least first)."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """At least, and at most, so many (or so much); None: no bound."""

    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True, kw_only=True)
class Tier:
    """The tier held now is one of these."""

    any_of: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Balance(Bounds):
    """So much of a unit can be spent now, in smallest steps."""

    unit: str


@dataclass(frozen=True, kw_only=True)
class Measured(Bounds):
    """The sum of a measure over the last days, today included; over all time without `within_days`.

    `measure`: `spend` in minor units, `orders`, `visits`, `activity:<kind>`, or `earned:<unit>` in smallest steps.
    """

    measure: str
    within_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class AveragePurchase(Bounds):
    """What a purchase comes to on average, in minor units, rounded down; who has bought nothing has none."""

    within_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class LargestPurchase(Bounds):
    """What was paid for the largest purchase of all time, in minor units, less what came back."""


@dataclass(frozen=True, kw_only=True)
class SincePurchase(Bounds):
    """The last purchase was so many days ago, today is 0; who has bought nothing has none."""


class Bought(enum.StrEnum):
    """What was bought, or where."""

    CATEGORIES = "categories"
    SKUS = "skus"
    LOCATIONS = "locations"


@dataclass(frozen=True, kw_only=True)
class BoughtOneOf:
    """Bought one of these at least so often, and within the last days for the last time.

    Locations are named by their codes. What came back altogether was not bought.
    """

    what: Bought
    any_of: tuple[str, ...]
    at_least: int = 1
    last_within_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class Interest:
    """One of these is among what the member is likely to buy next; of who has not agreed to profiling nothing is known.

    `what`: skus or categories.
    """

    what: Bought
    any_of: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Language:
    """The member's language is one of these."""

    any_of: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Age(Bounds):
    """So many years old today; of who has given no date of birth nobody knows."""


@dataclass(frozen=True, kw_only=True)
class BirthdayMonth:
    """Born in one of these months, from 1 to 12."""

    any_of: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Birthday:
    """The next birthday is today or within so many days; who was born on 29 February has it on the 28th in other years."""

    within_days: int


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Became a member between these days of the program, both included."""

    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, kw_only=True)
class SinceJoining(Bounds):
    """Became a member so many days ago, today is 0."""


class Reach(enum.StrEnum):
    """A way to a member, or what they carry."""

    APP = "app"
    APPLE_PASS = "apple_pass"
    GOOGLE_PASS = "google_pass"
    EMAIL = "email"
    PHONE = "phone"


@dataclass(frozen=True, kw_only=True)
class Has:
    """Has one of these: the app on a device, a pass in a wallet, an address."""

    any_of: tuple[Reach, ...]


@dataclass(frozen=True, kw_only=True)
class Consent:
    """Has given this consent and not withdrawn it; with `granted` false: has not."""

    kind: str
    granted: bool


@dataclass(frozen=True, kw_only=True)
class Wants:
    """Has not said no to messages of this kind by this channel."""

    kind: str
    channel: str


@dataclass(frozen=True, kw_only=True)
class Badge:
    """Has won one of these badges."""

    any_of: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Has answered this survey."""

    survey: str


@dataclass(frozen=True, kw_only=True)
class Scored(Bounds):
    """Has given a score from 0 to 10 to this question of a survey."""

    survey: str
    question: str


@dataclass(frozen=True, kw_only=True)
class Chose:
    """Has chosen one of these options at this question of a survey."""

    survey: str
    question: str
    any_of: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rfm:
    """Is in one of these classes."""

    any_of: tuple[RfmClass, ...]


@dataclass(frozen=True, kw_only=True)
class All:
    """All of these hold; everybody where there are none."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, kw_only=True)
class AnyOf:
    """One of these holds; nobody where there are none."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, kw_only=True)
class Not:
    """This does not hold."""

    rule: Rule


Condition: TypeAlias = (
    Tier
    | Balance
    | Measured
    | AveragePurchase
    | LargestPurchase
    | SincePurchase
    | BoughtOneOf
    | Interest
    | Language
    | Age
    | BirthdayMonth
    | Birthday
    | Joined
    | SinceJoining
    | Has
    | Consent
    | Wants
    | Badge
    | Answered
    | Scored
    | Chose
    | Rfm
)
Rule: TypeAlias = All | AnyOf | Not | Condition


def conditions(rule: Rule) -> Iterator[Condition]:
    """Every condition of a rule, however deep."""
    match rule:
        case All(rules=rules) | AnyOf(rules=rules):
            for each in rules:
                yield from conditions(each)
        case Not(rule=inner):
            yield from conditions(inner)
        case _:
            yield rule
