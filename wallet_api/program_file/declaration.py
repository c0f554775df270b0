"""The format of a definition file: every key, what it holds, and one sentence about it.

The reader, the JSON Schema and the check of the documentation all come from these declarations.
"""

# ruff: noqa: RUF009 -- `required`, `optional` and `essential` make a field, as dataclasses.field does

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Final, TypeAlias, TypeVar
from zoneinfo import available_timezones

from babel import localedata
from babel.numbers import list_currencies

from wallet_api.domain.definition import DayRange, EventKind, Expiry, ExpiryAnchor, Period, Season, Span

from .shapes import (
    CAP,
    DAYS,
    MONEY,
    PERCENT,
    PRICE,
    SPAN,
    TIMES,
    YES,
    Amount,
    At,
    Choice,
    DecimalNumber,
    Either,
    Ignored,
    Known,
    Limit,
    ListOf,
    MapOf,
    Pattern,
    Record,
    Shape,
    Text,
    Whole,
    Written,
    essential,
    identifier,
    one_key,
    optional,
    required,
)

T = TypeVar("T")

MESSAGE_KINDS: Final = (
    "welcome",
    "sign_in_code",
    "points_earned",
    "tier_changed",
    "tier_upgraded",
    "tier_downgraded",
    "reward_redeemed",
    "points_returned",
)
BODY_TEXT: Final = Text(500, lines=10)

IDS: Final = 100  # the most ids in one list of a rule
LANGUAGE: Final = Pattern("[a-z]{2,3}", "a language code such as `en` or `fr`", localedata.exists)
COLOUR: Final = Pattern("#[0-9a-fA-F]{6}", "a colour in quotes, such as '#1f2937'")
TAGS: Final = ListOf(identifier("a tag such as `coffee`"), most=IDS)
TIERS: Final = ListOf(identifier("the id of a tier"), most=IDS)
UNIT_ID: Final = identifier("the id of a unit")
FIELD: Final = identifier("the name of a field, such as `quantity`")

ByLanguage: TypeAlias = tuple[tuple[At[str], At[str] | None], ...]
Words: TypeAlias = At[str] | ByLanguage


def _in_languages(value: Shape[T]) -> MapOf[T]:
    return MapOf(LANGUAGE, value, most=30, wanted="one for each language")


def _words(most: int = 100) -> Shape[Words]:
    return Either(Text(most), _in_languages(Text(most)))


@cache
def _currencies() -> Collection[str]:
    return frozenset(list_currencies())


@cache
def _time_zones() -> Collection[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})  # a machine's own, and "not set"


# ── Brand ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class ColoursWritten(Written):
    """The card's colours."""

    background: At[str] | None = optional(COLOUR, says="The card's ground.")
    text: At[str] | None = optional(COLOUR, says="Names and numbers on the card; must stand out from the ground.")
    label: At[str] | None = optional(COLOUR, says="Small headings on the card; like the text where left out.")


@dataclass(frozen=True, kw_only=True)
class BrandWritten(Written):
    """How the card looks."""

    name: At[str] | None = optional(Text(50), says="The brand's name on the card; the program's name where left out.")
    colours: ColoursWritten | None = optional(Record(ColoursWritten, "background, text and label"), says="The colours.")
    logo: At[str] | None = optional(
        Text(700_000), says="A PNG: the path of a file beside this one, or `data:image/png;base64,…`."
    )


# ── Units and earning ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class OneAndOther(Written):
    """A unit's name for one and for many."""

    one: At[str] = required(Text(40), says="The name of one: point.")
    other: At[str] = required(Text(40), says="The name of many: points.")


UnitWord: TypeAlias = At[str] | OneAndOther
UnitName: TypeAlias = At[str] | tuple[tuple[At[str], UnitWord | None], ...]

UNIT_WORD: Final[Shape[UnitWord]] = Either(Text(40), Record(OneAndOther, "`one` and `other`"))
UNIT_NAME: Final[Shape[UnitName]] = Either(Text(40), _in_languages(UNIT_WORD))


@dataclass(frozen=True, kw_only=True)
class ExpiryWritten(Written):
    """When units expire: one of the keys."""

    after: At[Span] | None = optional(SPAN, says="So long after they were earned, each lot on its own.")
    after_end_of_year: At[Span] | None = optional(
        SPAN, says="So long after the end of the year in which they were earned; 31 December is the last day."
    )
    after_inactivity: At[Span] | None = optional(
        SPAN, says="All together, so long after the last time that the member earned or spent."
    )


ExpiryWords: TypeAlias = At[Expiry] | ExpiryWritten

EXPIRES: Final[Shape[ExpiryWords]] = Either(
    Choice(
        {
            "same day": Expiry(after=Span()),
            "end of year": Expiry(after=Span(), anchor=ExpiryAnchor.END_OF_YEAR),
        },
        "ends",
    ),
    one_key(ExpiryWritten),
)


@dataclass(frozen=True, kw_only=True)
class TurnsIntoWritten(Written):
    """What a full number of units becomes by itself."""

    reward: At[str] = required(identifier("the id of a reward"), says="The reward that a voucher is issued for.")
    every: At[Decimal] = required(DecimalNumber(), says="How many units become one.")


@dataclass(frozen=True, kw_only=True)
class UnitWritten(Written):
    """What is counted."""

    name: UnitName | None = optional(
        UNIT_NAME,
        says="Its name: one text, or one for each language, with the words for one and for many.",
    )
    decimals: At[int] | None = optional(Whole(0, 4), says="Decimal places that are kept; 0 where left out.")
    expires: ExpiryWords | None = optional(EXPIRES, says="When it expires; never where left out.")
    turns_into: TurnsIntoWritten | None = optional(
        Record(TurnsIntoWritten, "`reward` and `every`"), says="Which reward so many turn into by themselves."
    )


EVENTS: Final = {kind.value: kind for kind in EventKind}

ByTier: TypeAlias = tuple[tuple[At[str], At[Decimal] | None], ...]
Earn: TypeAlias = At[Decimal] | ByTier

EARN: Final[Shape[Earn]] = Either(
    DecimalNumber(),
    MapOf(identifier("the id of a tier"), DecimalNumber(), most=20, wanted="one number for each tier"),
)


@dataclass(frozen=True, kw_only=True)
class BandWritten(Written):
    """What purchases up to a size give."""

    up_to: At[Decimal] | None = optional(MONEY, says="Up to this much, this included; without end where left out.")
    earn: At[Decimal] | None = essential(DecimalNumber(), says="How many units.")


@dataclass(frozen=True, kw_only=True)
class ByFieldWritten(Written):
    """What each value of a field gives."""

    field: At[str] | None = essential(FIELD, says="Which field of the activity.")
    table: tuple[tuple[At[str], At[Decimal] | None], ...] | None = essential(
        MapOf(Text(64), DecimalNumber(), most=IDS, wanted="one number for each value"),
        says="How many units each of its values gives; another value gives nothing.",
    )


@dataclass(frozen=True, kw_only=True)
class EarningWritten(Written):
    """One way to earn."""

    id: At[str] = required(identifier(), says="The rule's id; the history of every member names it.")
    on: At[EventKind] | None = essential(
        Choice(EVENTS, "events"), says="What earns: a sale, a visit (check_in), an activity, or joining."
    )
    kind: At[str] | None = optional(identifier("a kind of activity, such as `workout`"), says="Which kind of activity.")
    earn: Earn | None = optional(EARN, says="How many units; or how many in each tier.")
    bands: tuple[BandWritten, ...] | None = optional(
        ListOf(Record(BandWritten, "a band with `up_to` and `earn`"), most=50, least=2),
        says="How many units by the size of the purchase, from the smallest band on; the last has no `up_to`.",
    )
    by_streak: tuple[At[Decimal], ...] | None = optional(
        ListOf(DecimalNumber(), most=366),
        says="How many units on the first day of visits in a row, on the second, and so on; the last number stays.",
    )
    by: ByFieldWritten | None = optional(
        Record(ByFieldWritten, "`field` and `table`"), says="How many units by a field of the activity."
    )
    unit: At[str] | None = optional(UNIT_ID, says="Of which unit; may be left out where there is one.")
    per: At[Decimal] | None = optional(
        MONEY, says="For each so much of the sale's amount; where left out, once for the whole sale."
    )
    each: At[str] | None = optional(
        identifier("`item`, or a number that the activity brings, such as `quantity`"),
        says="For each item of a sale (`item`), or for each 1 of a number that the activity brings (`quantity`).",
    )
    tags: tuple[At[str], ...] | None = optional(TAGS, says="Only lines with one of these tags count.")
    not_tags: tuple[At[str], ...] | None = optional(TAGS, says="Lines with one of these tags do not count.")
    tiers: tuple[At[str], ...] | None = optional(TIERS, says="Only for members in one of these tiers.")
    locations: tuple[At[str], ...] | None = optional(
        ListOf(Text(64), most=1000), says="Only at these locations, by their codes."
    )
    minimum: At[Decimal] | None = optional(MONEY, says="Only if the sale's amount that counts is at least this.")
    quantity_from: At[Decimal] | None = optional(
        DecimalNumber(), says="Only if the activity's quantity is at least this."
    )
    fields: tuple[tuple[At[str], At[str] | None], ...] | None = optional(
        MapOf(FIELD, Text(64), most=20, wanted="fields of the activity and their values"),
        says="Only if these fields of the activity have these values.",
    )
    days: tuple[At[DayRange], ...] | None = optional(ListOf(DAYS, most=IDS), says="Only on these days.")
    birthday_month: At[bool] | None = optional(YES, says="Only in the month of the member's birthday.")
    first_in_month: At[bool] | None = optional(YES, says="Only for the member's first sale in a month.")
    at_most: At[Limit] | None = optional(CAP, says="The most that the rule gives: `1 per day`.")
    shared: At[str] | None = optional(
        identifier("a name for the limit"), says="Rules with the same name here share their limit."
    )
    beyond: At[bool] | None = optional(
        Choice({"refused": True}, "answers"),
        says="What is beyond the limit is refused; where left out, it is recorded and earns nothing.",
    )
    name: Words | None = optional(_words(), says="What the member's history calls it.")


EARNS: Final = ("earn", "bands", "by_streak", "by")


@dataclass(frozen=True, kw_only=True)
class PromotionWritten(Written):
    """Days or members for which sales earn a multiple."""

    id: At[str] = required(identifier(), says="The promotion's id.")
    multiply: At[Decimal] | None = essential(DecimalNumber(), says="What sales earn is multiplied by this.")
    unit: At[str] | None = optional(UNIT_ID, says="Which unit; may be left out where there is one.")
    tags: tuple[At[str], ...] | None = optional(TAGS, says="Only lines with one of these tags are multiplied.")
    tiers: tuple[At[str], ...] | None = optional(TIERS, says="Only for members in one of these tiers.")
    days: tuple[At[DayRange], ...] | None = optional(
        ListOf(DAYS, most=IDS, least=0),
        says="Only on these days; always where left out, and with an empty list only when it is started.",
    )
    birthday_month: At[bool] | None = optional(YES, says="Only in the month of the member's birthday.")
    first_in_month: At[bool] | None = optional(YES, says="Only for the member's first sale in a month.")
    name: Words | None = optional(_words(), says="What the member's history calls it.")


@dataclass(frozen=True, kw_only=True)
class GiftWritten(Written):
    """Units given on an occasion."""

    earn: At[Amount] = required(PRICE, says="How many of which unit: `50 points`.")
    name: Words | None = optional(_words(), says="What the member's history calls it.")


@dataclass(frozen=True, kw_only=True)
class GiftsWritten(Written):
    """What is given on an occasion."""

    welcome: GiftWritten | None = optional(
        Record(GiftWritten, "`earn`, such as `50 points`"),
        says="For joining; the same as an earning rule `welcome` on `join`.",
    )


# ── Tiers ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class LevelWritten(Written):
    """One tier."""

    id: At[str] = required(identifier(), says="The tier's id.")
    name: Words | None = optional(_words(40), says="Its name; made from the id where left out.")
    from_: At[Decimal] | None = essential(DecimalNumber(), says="Reached from this much on, exactly this included.")


@dataclass(frozen=True, kw_only=True)
class TiersWritten(Written):
    """How tiers are reached and kept."""

    measure: At[str] | None = essential(
        identifier("`spend` or the id of a unit"), says="What counts: `spend`, or the id of a unit that was earned."
    )
    period: At[Period] | None = essential(
        Choice({"calendar year": Period.YEAR}, "periods"), says="The time over which it is counted."
    )
    valid: At[int] | None = essential(
        Choice({"rest of the year": 0, "rest of the year and the next": 1}, "validities"),
        says="How long a tier is kept once it is reached.",
    )
    then: At[str] | None = essential(
        Choice({"as earned in the last period": "as earned"}, "endings"), says="Which tier follows when it ends."
    )
    levels: tuple[LevelWritten, ...] | None = essential(
        ListOf(Record(LevelWritten, "a tier with `id` and `from`"), most=20),
        says="The tiers, from the lowest (from 0) to the highest.",
    )


# ── Rewards and messages ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class GivesWritten(Written):
    """What a reward gives: one of the keys."""

    money_off: At[Decimal] | None = optional(MONEY, says="So much off a purchase.")
    percent_off: At[Fraction] | None = optional(PERCENT, says="Such a share off a purchase: `10 %`.")
    item: Words | None = optional(_words(), says="Something handed over, in words.")
    units: At[Amount] | None = optional(PRICE, says="So many units, put on the card at once.")


@dataclass(frozen=True, kw_only=True)
class RewardWritten(Written):
    """An item of the reward list."""

    id: At[str] = required(identifier(), says="The reward's id.")
    name: Words | None = optional(_words(60), says="Its name; made from the id where left out.")
    price: At[Amount] | None = optional(PRICE, says="What it costs: `200 points`; nothing where left out.")
    gives: GivesWritten | None = essential(one_key(GivesWritten), says="What it gives.")
    tiers: tuple[At[str], ...] | None = optional(TIERS, says="Only for members in one of these tiers.")
    season: At[Season] | None = optional(
        Choice({"birthday month": Season.BIRTHDAY_MONTH}, "seasons"), says="When in a member's year it may be taken."
    )
    limit: At[Limit] | None = optional(TIMES, says="How often a member may have it: `1 per year`.")
    choose_one: At[str] | None = optional(
        identifier("a name for the choice"), says="Rewards with the same name here share their limit."
    )
    needs_purchase_of: At[Decimal] | None = optional(MONEY, says="The least purchase that it can be used on.")
    per_sale: At[int] | None = optional(Whole(1, 100), says="The most of its vouchers that one sale takes.")
    valid: At[Span] | None = optional(
        SPAN, says="How long its voucher is valid: the day of issue and so long after; for ever where left out."
    )


@dataclass(frozen=True, kw_only=True)
class TitleAndBody(Written):
    """A message with a title of its own."""

    title: At[str] | None = optional(Text(60), says="The first, bold line; Carnet's own where left out.")
    body: At[str] = required(BODY_TEXT, says="The text.")


Body: TypeAlias = At[str] | TitleAndBody
Message: TypeAlias = At[str] | tuple[tuple[At[str], Body | None], ...]

BODY: Final[Shape[Body]] = Either(BODY_TEXT, Record(TitleAndBody, "`title` and `body`"))
MESSAGE: Final[Shape[Message]] = Either(BODY_TEXT, _in_languages(BODY))


# ── The whole ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class ProgramWritten(Written):
    """A loyalty program: its rules, as one file."""

    program: At[str] | None = essential(
        identifier("an id such as `my-shop`"), says="The program's id, in every address of it."
    )
    name: Words | None = essential(_words(60), says="The program's name.")
    currency: At[str] | None = essential(
        Known(_currencies, "currencies of ISO 4217", "EUR", "[A-Z]{3}"), says="The currency of all amounts of money."
    )
    time_zone: At[str] | None = essential(
        Known(_time_zones, "IANA time zones", "Europe/Paris", "[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*"),
        says="Where its days begin and end.",
    )
    languages: tuple[At[str], ...] | None = essential(
        ListOf(LANGUAGE, most=30), says="The languages of its texts; the first is used where another has no text."
    )
    terms_version: At[str] | None = optional(
        Text(40), says="The version of the terms that members agree to; `1` where left out."
    )
    brand: BrandWritten | None = optional(Record(BrandWritten, "name, colours and logo"), says="How the card looks.")
    units: tuple[tuple[At[str], UnitWritten | None], ...] | None = optional(
        MapOf(
            identifier("the id of a unit"),
            Record(UnitWritten, "name, decimals, expires and turns_into"),
            most=20,
            wanted="units by their ids",
        ),
        says="What is counted: points, stars, stamps.",
    )
    earning: tuple[EarningWritten, ...] | None = optional(
        ListOf(Record(EarningWritten, "a rule with `id`, `on` and `earn`", one_of=EARNS), most=500),
        says="How units are earned.",
    )
    promotions: tuple[PromotionWritten, ...] | None = optional(
        ListOf(Record(PromotionWritten, "a promotion with `id` and `multiply`"), most=500),
        says="When sales earn a multiple.",
    )
    gifts: GiftsWritten | None = optional(Record(GiftsWritten, "`welcome`"), says="What is given on an occasion.")
    tiers: TiersWritten | None = optional(
        Record(TiersWritten, "measure, period, valid, then and levels"), says="Status levels, and how they are reached."
    )
    rewards: tuple[RewardWritten, ...] | None = optional(
        ListOf(Record(RewardWritten, "a reward with `id`, `price` and `gives`"), most=500), says="The reward list."
    )
    messages: tuple[tuple[At[str], Message | None], ...] | None = optional(
        MapOf(
            Choice({kind: kind for kind in MESSAGE_KINDS}, "kinds of message"),
            MESSAGE,
            most=20,
            wanted="messages by their kind",
        ),
        says="Your own words for messages, with placeholders such as {points}; Carnet's own where left out.",
    )
    journeys: tuple[()] | None = optional(Ignored("a list of worked examples"), says="Worked examples, run as tests.")


PROGRAM: Final = Record(ProgramWritten, "a program, beginning with `program: ` and an id")
