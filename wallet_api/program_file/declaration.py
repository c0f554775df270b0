"""The format of a definition file: every key, what it holds, and one sentence about it.

The reader, the JSON Schema and the check of the documentation all come from these declarations.
"""

# ruff: noqa: RUF009 -- `required`, `optional` and `essential` make a field, as dataclasses.field does

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias
from zoneinfo import available_timezones

from babel.numbers import list_currencies

from wallet_api.domain.messages import KINDS

from .declaration_earning import (
    CHOICES,
    CREDITS,
    EARNING,
    PROMOTIONS,
    ChoiceWritten,
    CreditWritten,
    EarningWritten,
    PromotionWritten,
)
from .declaration_rewards import (
    CAUSES,
    CHALLENGES,
    CONTESTS,
    GIFTS,
    PARTNERS,
    REWARDS,
    ChallengeWritten,
    ContestWritten,
    GiftsWritten,
    PartnerWritten,
    RewardWritten,
)
from .declaration_sending import REMINDERS, SENDING, RemindersWritten, SendingWritten
from .declaration_status import (
    BENEFITS,
    CARRY_OVER,
    MEMBERSHIP,
    SEGMENTS,
    TIERS_PART,
    BenefitsWritten,
    CarryOverWritten,
    MembershipWritten,
    SegmentWritten,
    TiersWritten,
)
from .declaration_units import UNIT, UnitWritten
from .parts import LANGUAGE, Words, in_languages, words
from .shapes import (
    At,
    Choice,
    Either,
    Ignored,
    Known,
    ListOf,
    MapOf,
    Pattern,
    Record,
    Shape,
    Text,
    Written,
    essential,
    identifier,
    optional,
    required,
)

MESSAGE_KINDS: Final = (*KINDS, "tier_changed")  # which speaks for both directions
BODY_TEXT: Final = Text(500, lines=10)
COLOUR: Final = Pattern("#[0-9a-fA-F]{6}", "a colour in quotes, such as '#1f2937'")
LINK: Final = Pattern(
    "(?:https://|mailto:|tel:)[A-Za-z0-9._~:/?#@!$&()*+,;=%-]{1,400}",
    "an address such as https://shop.example, mailto: or tel:",
)


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
class LinkWritten(Written):
    """A link on the back of the wallet pass."""

    name: Words = required(words(30), says="What it leads to.")
    url: At[str] = required(LINK, says="The address: https, mailto or tel.")


@dataclass(frozen=True, kw_only=True)
class BrandWritten(Written):
    """How the card looks."""

    name: At[str] | None = optional(Text(50), says="The brand's name on the card; the program's name where left out.")
    colours: ColoursWritten | None = optional(Record(ColoursWritten, "background, text and label"), says="The colours.")
    logo: At[str] | None = optional(
        Text(700_000), says="A PNG: the path of a file beside this one, or `data:image/png;base64,…`."
    )
    links: tuple[LinkWritten, ...] | None = optional(
        ListOf(Record(LinkWritten, "`name` and `url`"), most=10), says="Links on the back of the wallet passes."
    )


# ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class TitleAndBody(Written):
    """A message with a title of its own."""

    title: At[str] | None = optional(Text(60), says="The first, bold line; Carnet's own where left out.")
    body: At[str] = required(BODY_TEXT, says="The text.")


Body: TypeAlias = At[str] | TitleAndBody
Message: TypeAlias = At[str] | tuple[tuple[At[str], Body | None], ...]

BODY: Final[Shape[Body]] = Either(BODY_TEXT, Record(TitleAndBody, "`title` and `body`"))
MESSAGE: Final[Shape[Message]] = Either(BODY_TEXT, in_languages(BODY))


# ── The whole ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class ProgramWritten(Written):
    """A loyalty program: its rules, as one file."""

    program: At[str] | None = essential(
        identifier("an id such as `my-shop`"), says="The program's id, in every address of it."
    )
    name: Words | None = essential(words(60), says="The program's name.")
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
    brand: BrandWritten | None = optional(
        Record(BrandWritten, "name, colours, logo and links"), says="How the card looks."
    )
    units: tuple[tuple[At[str], UnitWritten | None], ...] | None = optional(
        MapOf(identifier("the id of a unit"), UNIT, most=20, wanted="units by their ids"),
        says="What is counted: points, stars, stamps.",
    )
    earning: tuple[EarningWritten, ...] | None = optional(EARNING, says="How units are earned.")
    promotions: tuple[PromotionWritten, ...] | None = optional(
        PROMOTIONS, says="When sales, or activities, earn a multiple."
    )
    credits: tuple[CreditWritten, ...] | None = optional(
        CREDITS, says="Units for the purchases of a whole period: a dividend, a campaign."
    )
    choices: tuple[ChoiceWritten, ...] | None = optional(
        CHOICES, says="Fields of an activity by which the member chooses what it gives."
    )
    gifts: GiftsWritten | None = optional(GIFTS, says="What is given by itself on an occasion.")
    tiers: TiersWritten | None = optional(TIERS_PART, says="Status levels, and how they are reached.")
    rewards: tuple[RewardWritten, ...] | None = optional(REWARDS, says="The reward list.")
    benefits: BenefitsWritten | None = optional(
        BENEFITS, says="What a status changes on a sale: prices, shipping, returns, access."
    )
    membership: MembershipWritten | None = optional(MEMBERSHIP, says="What members pay for, or prove.")
    challenges: tuple[ChallengeWritten, ...] | None = optional(CHALLENGES, says="Goals, and what they give.")
    contests: tuple[ContestWritten, ...] | None = optional(CONTESTS, says="Rankings over some days.")
    partners: tuple[tuple[At[str], PartnerWritten | None], ...] | None = optional(
        PARTNERS, says="Other brands at whose locations members earn and redeem."
    )
    causes: tuple[tuple[At[str], Words | None], ...] | None = optional(
        CAUSES, says="Good causes that units can be given to."
    )
    segments: tuple[tuple[At[str], SegmentWritten | None], ...] | None = optional(
        SEGMENTS, says="Choices of members by what they do."
    )
    carry_over: CarryOverWritten | None = optional(
        CARRY_OVER, says="What this version makes of what members have from the one before."
    )
    messages: tuple[tuple[At[str], Message | None], ...] | None = optional(
        MapOf(
            Choice({kind: kind for kind in MESSAGE_KINDS}, "kinds of message"),
            MESSAGE,
            most=50,
            wanted="messages by their kind",
        ),
        says="Your own words for messages, with placeholders such as {points}; Carnet's own where left out.",
    )
    sending: SendingWritten | None = optional(SENDING, says="When, how often and by which way messages go out.")
    reminders: RemindersWritten | None = optional(REMINDERS, says="What members are reminded of, and how long before.")
    journeys: tuple[()] | None = optional(Ignored("a list of worked examples"), says="Worked examples, run as tests.")


PROGRAM: Final = Record(ProgramWritten, "a program, beginning with `program: ` and an id")
