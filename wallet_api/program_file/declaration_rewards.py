"""What members get: the keys of `rewards`, `gifts`, `challenges`, `contests`, `partners` and `causes`."""

# ruff: noqa: RUF009 -- `required`, `optional` and `essential` make a field, as dataclasses.field does

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from wallet_api.domain.definition import DayRange, Occasion, Period, Season, Span

from .parts import LOCATIONS, MEASURE, REWARD_ID, SHARE, TAGS, TIER_ID, TIERS, Measure, Share, Words, words
from .phrases import DAYS, PRICE, SPAN, TIMES, YES, Amount, Limit
from .shapes import (
    MONEY,
    At,
    Choice,
    ChoiceOr,
    DecimalNumber,
    Either,
    ListOf,
    MapOf,
    OneOrMore,
    Record,
    Shape,
    Whole,
    Written,
    essential,
    identifier,
    optional,
    required,
)

# ── Rewards ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class GivesWritten(Written):
    """What a reward gives: one of `money_off`, `percent_off`, `item`, `units` and `donation`."""

    money_off: At[Decimal] | None = optional(MONEY, says="So much off a purchase.")
    percent_off: Share | None = optional(SHARE, says="Such a share off a purchase: `10 %`; or one for each tier.")
    item: Words | None = optional(words(), says="Something handed over, in words.")
    tags: tuple[At[str], ...] | None = optional(
        TAGS, says="With `item`: the cheapest item with one of these tags costs nothing on a sale."
    )
    units: At[Amount] | None = optional(PRICE, says="So many units, put on the card at once.")
    donation: At[str] | None = optional(
        identifier("the id of a cause"), says="The price goes to this good cause, in the member's name."
    )


GIVES: Final = ("money_off", "percent_off", "item", "units", "donation")

Days: TypeAlias = At[int] | tuple[tuple[At[str], At[int] | None], ...]
DAY_COUNT: Final = Whole(1, 366)
DAYS_OF_SEASON: Final[Shape[Days]] = Either(
    DAY_COUNT, MapOf(TIER_ID, DAY_COUNT, most=20, wanted="a number of days for each tier")
)
OCCASIONS: Final = {"birthday": Occasion.BIRTHDAY, "anniversary": Occasion.ANNIVERSARY}
SEASONS: Final = {
    "birthday month": Season(occasion=Occasion.BIRTHDAY_MONTH),
    "birthday": Season(occasion=Occasion.BIRTHDAY, days_for_all=1),
    "anniversary": Season(occasion=Occasion.ANNIVERSARY, days_for_all=1),
}
WHOLE_SEASON: Final = "season"


@dataclass(frozen=True, kw_only=True)
class SeasonWritten(Written):
    """Some days from an occasion on."""

    from_: At[Occasion] | None = essential(
        Choice(OCCASIONS, "occasions"), says="`birthday`, or `anniversary` of joining: the first of the days."
    )
    days: Days | None = essential(
        DAYS_OF_SEASON,
        says="How many days; or how many in each tier, none in one that is not named.",
    )


SeasonWords: TypeAlias = At[Season] | SeasonWritten
Valid: TypeAlias = At[str] | At[Span]

SEASON: Final[Shape[SeasonWords]] = Either(Choice(SEASONS, "seasons"), Record(SeasonWritten, "`from` and `days`"))
VALID: Final[Shape[Valid]] = ChoiceOr(Choice({WHOLE_SEASON: WHOLE_SEASON}, "validities"), SPAN)


@dataclass(frozen=True, kw_only=True)
class RewardWritten(Written):
    """An item of the reward list."""

    id: At[str] = required(identifier(), says="The reward's id.")
    name: Words | None = optional(words(60), says="Its name; made from the id where left out.")
    price: At[Amount] | None = optional(PRICE, says="What it costs: `200 points`; nothing where left out.")
    gives: GivesWritten | None = essential(
        Record(GivesWritten, "`money_off`, `percent_off`, `item`, `units` or `donation`", one_of=GIVES),
        says="What it gives.",
    )
    tiers: tuple[At[str], ...] | None = optional(TIERS, says="Only for members in one of these tiers.")
    season: SeasonWords | None = optional(SEASON, says="When in a member's year it may be taken.")
    by_itself: At[bool] | None = optional(YES, says="It is given when its season opens, without being asked for.")
    stock: At[int] | None = optional(Whole(1, 999_999_999), says="How many there are in all.")
    limit: tuple[At[Limit], ...] | None = optional(
        OneOrMore(TIMES, most=5),
        says="How often a member may have it: `1 per year`, or `[1 per transaction, 2 per day]`.",
    )
    choose_one: At[str] | None = optional(
        identifier("a name for the choice"), says="Rewards with the same name here share their limit."
    )
    needs_purchase_of: At[Decimal] | None = optional(MONEY, says="The least purchase that it can be used on.")
    valid: Valid | None = optional(
        VALID,
        says="How long its voucher is valid: the day of issue and so long after, or its `season`; for ever where left out.",
    )


REWARDS: Final = ListOf(Record(RewardWritten, "a reward with `id`, `price` and `gives`"), most=500)

# ── Gifts ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class GiftWritten(Written):
    """Units, or a voucher, given on an occasion."""

    id: At[str] | None = optional(identifier(), says="The gift's id; the occasion's word where left out.")
    earn: At[Amount] | None = optional(PRICE, says="How many of which unit: `50 points`.")
    reward: At[str] | None = optional(REWARD_ID, says="A voucher for this reward.")
    tiers: tuple[At[str], ...] | None = optional(TIERS, says="Only for members in one of these tiers.")
    name: Words | None = optional(words(), says="What the member's history calls it.")


Gifts: TypeAlias = tuple[GiftWritten, ...]

GIFT: Final = Record(GiftWritten, "`earn`, such as `50 points`, or `reward`", one_of=("earn", "reward"))
GIFT_OR_MORE: Final = OneOrMore(GIFT)


@dataclass(frozen=True, kw_only=True)
class GiftsWritten(Written):
    """What is given by itself on an occasion: one gift, or a list."""

    welcome: Gifts | None = optional(GIFT_OR_MORE, says="For joining.")
    birthday: Gifts | None = optional(GIFT_OR_MORE, says="On the birthday.")
    birthday_month: Gifts | None = optional(GIFT_OR_MORE, says="On the first day of the birthday's month.")
    anniversary: Gifts | None = optional(GIFT_OR_MORE, says="On each anniversary of joining.")
    invited: Gifts | None = optional(
        GIFT_OR_MORE, says="For the first purchase of a member whom another one invited, to the one who bought."
    )
    tiers: tuple[tuple[At[str], Gifts | None], ...] | None = optional(
        MapOf(TIER_ID, GIFT_OR_MORE, most=20, wanted="gifts by the tier that is reached"),
        says="For reaching a tier.",
    )


GIFTS: Final = Record(GiftsWritten, "`welcome`, `birthday` and so on")

# ── Challenges and contests ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class ChallengeWritten(Written):
    """A goal."""

    id: At[str] = required(identifier(), says="The challenge's id.")
    name: Words | None = optional(words(60), says="Its name; made from the id where left out.")
    measure: Measure | None = essential(
        MEASURE, says="What counts: `spend`, `orders`, `visits`, the id of a unit that was earned, `{activity: run}`."
    )
    goal: At[Decimal] | None = essential(DecimalNumber(), says="How much of it has to be reached.")
    per: At[Period] | None = optional(
        Choice(
            {period.value: period for period in (Period.DAY, Period.WEEK, Period.MONTH, Period.YEAR, Period.LIFETIME)},
            "periods",
        ),
        says="In which time: in each `week`, `month` or `year` anew, or once in a `lifetime`, as where left out.",
    )
    days: At[DayRange] | None = optional(DAYS, says="On these days, once.")
    badge: At[str] | None = optional(identifier("the id of a badge"), says="The badge that it gives.")
    earn: At[Amount] | None = optional(PRICE, says="The units that it gives: `100 points`.")
    rewards: tuple[At[str], ...] | None = optional(
        ListOf(REWARD_ID, most=20), says="The rewards for which it gives vouchers."
    )


CHALLENGES: Final = ListOf(Record(ChallengeWritten, "a challenge with `id`, `measure` and `goal`"), most=100)


@dataclass(frozen=True, kw_only=True)
class ContestWritten(Written):
    """A ranking of those who take part."""

    id: At[str] = required(identifier(), says="The contest's id.")
    name: Words | None = optional(words(60), says="Its name; made from the id where left out.")
    measure: Measure | None = essential(
        MEASURE, says="By what members are ranked: `spend`, `orders`, `visits`, a unit, `{activity: run}`."
    )
    days: At[DayRange] | None = essential(DAYS, says="The days on which it counts.")
    prizes: tuple[At[str], ...] | None = optional(
        ListOf(REWARD_ID, most=100), says="The rewards for the first, the second, and so on."
    )


CONTESTS: Final = ListOf(Record(ContestWritten, "a contest with `id`, `measure` and `days`"), most=100)

# ── Partners and causes ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class PartnerWritten(Written):
    """Another brand at whose locations members earn and redeem."""

    name: Words | None = optional(words(60), says="Its name; made from the id where left out.")
    locations: tuple[At[str], ...] | None = essential(LOCATIONS, says="Its locations, by their codes.")
    pays: At[Decimal] | None = essential(
        MONEY, says="So much it pays for what members earn there, and gets for what they spend there …"
    )
    per: At[Amount] | None = essential(PRICE, says="… for each so many units: `100 points`.")


PARTNERS: Final = MapOf(
    identifier("the id of a partner"),
    Record(PartnerWritten, "locations, pays and per"),
    most=200,
    wanted="partners by their ids",
)
CAUSES: Final = MapOf(identifier("the id of a cause"), words(100), most=50, wanted="causes by their ids, in words")
