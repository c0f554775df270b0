"""Parts that many keys of a definition file share: texts by language, lists of ids, conditions, measures."""

# ruff: noqa: RUF009 -- `required`, `optional` and `essential` make a field, as dataclasses.field does

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeAlias, TypeVar

from babel import localedata

from wallet_api.domain.state import MembershipStatus

from .phrases import FIELD_VALUE, PERCENT, WEEKDAYS, YES
from .shapes import (
    At,
    Choice,
    Either,
    ListOf,
    MapOf,
    Pattern,
    Shape,
    Text,
    Written,
    identifier,
    one_key,
    optional,
)

T = TypeVar("T")

IDS: Final = 100  # the most ids in one list
LANGUAGE: Final = Pattern("[a-z]{2,3}", "a language code such as `en` or `fr`", localedata.exists)
TAGS: Final = ListOf(identifier("a tag such as `coffee`"), most=IDS)
TIER_ID: Final = identifier("the id of a tier")
TIERS: Final = ListOf(TIER_ID, most=IDS)
UNIT_ID: Final = identifier("the id of a unit")
REWARD_ID: Final = identifier("the id of a reward")
FIELD: Final = identifier("the name of a field, such as `quantity`")
KIND: Final = identifier("a kind of activity, such as `workout`")
LOCATIONS: Final = ListOf(Text(64), most=1000)
MEMBERSHIPS: Final = ListOf(
    Choice({status.value: status.value for status in MembershipStatus}, "memberships"), most=len(MembershipStatus)
)

ByLanguage: TypeAlias = tuple[tuple[At[str], At[str] | None], ...]
Words: TypeAlias = At[str] | ByLanguage


def in_languages(value: Shape[T]) -> MapOf[T]:
    """One of something for each language."""
    return MapOf(LANGUAGE, value, most=30, wanted="one for each language")


def words(most: int = 100) -> Shape[Words]:
    """A text in the first language, or one for each."""
    return Either(Text(most), in_languages(Text(most)))


ShareByTier: TypeAlias = tuple[tuple[At[str], At[Fraction] | None], ...]
Share: TypeAlias = At[Fraction] | ShareByTier

SHARE: Final[Shape[Share]] = Either(PERCENT, MapOf(TIER_ID, PERCENT, most=20, wanted="a share for each tier"))


# ── What is measured ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class MeasureWritten(Written):
    """Something that is counted and has no word of its own."""

    usable: At[str] | None = optional(UNIT_ID, says="How much of this unit became usable and has not expired.")
    activity: At[str] | None = optional(KIND, says="How often the member did an activity of this kind.")


Measure: TypeAlias = At[str] | MeasureWritten

MEASURE: Final[Shape[Measure]] = Either(
    identifier("`spend`, `orders`, `visits`, or the id of a unit (how much of it was earned)"),
    one_key(MeasureWritten),
)


# ── Conditions ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class WhenWritten(Written):
    """For whom, where and when something applies; what is left out asks for nothing."""

    tiers: tuple[At[str], ...] | None = optional(TIERS, says="Only for members in one of these tiers.")
    memberships: tuple[At[str], ...] | None = optional(
        MEMBERSHIPS, says="Only for members whose paid or verified membership stands so: `[trial, paid]`."
    )
    segments: tuple[At[str], ...] | None = optional(
        ListOf(identifier("the id of a segment"), most=IDS), says="Only for members in one of these segments."
    )
    locations: tuple[At[str], ...] | None = optional(LOCATIONS, says="Only at these locations, by their codes.")
    partners: tuple[At[str], ...] | None = optional(
        ListOf(identifier("the id of a partner"), most=IDS),
        says="Only at these partners' locations; where left out, only at your own.",
    )
    weekdays: tuple[At[int], ...] | None = optional(
        ListOf(Choice(WEEKDAYS, "days of the week"), most=7), says="Only on these days of the week."
    )
    birthday_month: At[bool] | None = optional(YES, says="Only in the month of the member's birthday.")
    first_in_month: At[bool] | None = optional(YES, says="Only for the member's first sale in a month.")
    first_ever: At[bool] | None = optional(YES, says="Only for the member's first sale of all.")


@dataclass(frozen=True, kw_only=True)
class LinesWritten(WhenWritten):
    """Which lines of a sale count."""

    tags: tuple[At[str], ...] | None = optional(TAGS, says="Only lines with one of these tags count.")
    not_tags: tuple[At[str], ...] | None = optional(TAGS, says="Lines with one of these tags do not count.")
    categories: tuple[At[str], ...] | None = optional(
        ListOf(Text(64), most=IDS), says="Only lines of one of these categories count."
    )


@dataclass(frozen=True, kw_only=True)
class AudienceWritten(Written):
    """Who has a benefit: everybody whom these keys do not leave out."""

    guests: At[bool] | None = optional(YES, says="Only people who are no members.")
    members: At[bool] | None = optional(YES, says="Only members.")
    tiers: tuple[At[str], ...] | None = optional(TIERS, says="Only members in one of these tiers.")
    memberships: tuple[At[str], ...] | None = optional(
        MEMBERSHIPS, says="Only members whose paid or verified membership stands so: `[trial, paid]`."
    )


FieldValues: TypeAlias = tuple[tuple[At[str], At[str] | None], ...]

FIELD_VALUES: Final[Shape[FieldValues]] = MapOf(
    FIELD, FIELD_VALUE, most=20, wanted="fields of the activity and their values"
)
