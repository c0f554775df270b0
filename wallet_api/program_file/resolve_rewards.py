"""Rewards, gifts, challenges, contests, partners as they are written → as the engine reckons with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wallet_api.domain.definition import (
    Challenge,
    Condition,
    Contest,
    Donation,
    EarningRule,
    EventKind,
    Flat,
    FreeItem,
    Gift,
    Limit,
    Localised,
    MoneyOff,
    Occasion,
    Partner,
    PercentOff,
    Period,
    Price,
    Reward,
    Season,
    Span,
    Units,
)

from .declaration_rewards import (
    ChallengeWritten,
    ContestWritten,
    GiftsWritten,
    GiftWritten,
    GivesWritten,
    PartnerWritten,
    RewardWritten,
    SeasonWords,
)
from .faults import Place, shown
from .lookup import first_place, values
from .phrases import Limit as LimitWritten
from .resolve_earning import EarningReader
from .shapes import At

Gives = MoneyOff | PercentOff | FreeItem | Units | Donation

WELCOME: Final = "welcome"
EARNED: Final = "earned:"
OCCASIONS: Final = {
    WELCOME: Occasion.JOIN,
    "birthday": Occasion.BIRTHDAY,
    "birthday_month": Occasion.BIRTHDAY_MONTH,
    "anniversary": Occasion.ANNIVERSARY,
    "invited": Occasion.REFERRED,
}


class RewardReader(EarningReader):
    """Makes rewards, gifts, challenges, contests and partners out of a file's parts."""

    # ── Rewards ──────────────────────────────────────────────────────────────────────────────────────────────────

    def rewards(self) -> list[Reward]:
        written = self.file.rewards or ()
        self.once((reward.id for reward in written), what="reward")
        self.same_limit((reward.choose_one, _all_limits(reward)) for reward in written)
        return [reward for each in written if (reward := self.reward(each)) is not None]

    def reward(self, reward: RewardWritten) -> Reward | None:
        name = self.words_or_id(reward.name, reward.id.value)
        tiers = self.all_known(reward.tiers, "tier")
        price = self.price(reward)
        gives = self.gives(reward.gives) if reward.gives else None
        self.reward_fits(reward, gives)
        self.gift_fits(reward)
        season = self.season(reward.season) if reward.season else None
        needs = self.minor_units(reward.needs_purchase_of) if reward.needs_purchase_of else 0
        valid = reward.valid.value if reward.valid else None
        per_sale, limits = self.limits(reward)
        if gives is None:
            return None
        return Reward(
            id=reward.id.value,
            name=name,
            price=price,
            gives=gives,
            tiers=tiers,
            valid=valid if isinstance(valid, Span) else None,
            needs_purchase_of=needs,
            limits=limits,
            season=season,
            per_sale=per_sale,
            stock=reward.stock.value if reward.stock else None,
            by_itself=reward.by_itself is not None,
            valid_in_season=isinstance(valid, str),
            only_given=self.is_only_given(reward),
        )

    def price(self, reward: RewardWritten) -> Price | None:
        """What is written; else what units turn into it; else it is a gift."""
        if reward.price:
            return self.spendable(reward.price, what="a reward")
        for unit_id, unit in self.units.items():
            into = unit.turns_into if unit else None
            if into and into.reward.value == reward.id.value:
                return Price(unit=unit_id, amount=int(into.every.value.scaleb(self.unit_decimals(unit_id))))
        if (
            reward.limit is None
            and not self.is_only_given(reward)
            and not self.has_faults(reward.place, "price", "limit")
        ):
            self.report.add(
                reward.place,
                f"the reward {shown(reward.id.value)} costs nothing, and may be had without end",
                "write its `price`, or a `limit` such as `1 per year`",
            )
        spendable = (unit_id for unit_id in self.units if not self.is_counter(unit_id))
        unit_of_gift = next(spendable, None)
        return Price(unit=unit_of_gift, amount=0) if unit_of_gift else None

    def is_only_given(self, reward: RewardWritten) -> bool:
        """Whether something gives it, and nobody can ask for it: at a window's end, or a gift without a limit."""
        for unit in self.units.values():
            into = unit.turns_into if unit else None
            if into and into.reward.value == reward.id.value:
                return into.windows is not None and reward.price is None
        return not reward.price and not reward.limit and reward.id.value in set(self.given_by_something())

    def given_by_something(self) -> Iterator[str]:
        """The rewards that rules, gifts, challenges and contests give."""
        file = self.file
        yield from (rule.reward.value for rule in file.earning or () if rule.reward)
        yield from (gift.reward.value for _, gift in _gifts(file.gifts) if gift.reward)
        for challenge in file.challenges or ():
            yield from values(challenge.rewards)
        for contest in file.contests or ():
            yield from values(contest.prizes)

    def gives(self, gives: GivesWritten) -> Gives | None:
        if gives.tags and gives.item is None and not self.has_fault(gives.place, "item"):
            self.report.add(
                gives.tags[0].place, "`tags` say which items are free", "write `item` too, or leave them out"
            )
        if gives.money_off:
            self.positive(gives.money_off, what="`money_off`")
            return MoneyOff(amount=self.minor_units(gives.money_off))
        if gives.percent_off:
            return self.share(gives.percent_off)
        if gives.units:
            given = self.units_of(gives.units)
            return Units(unit=given.unit, amount=given.amount)
        if gives.donation:
            self.known(gives.donation, "cause")
            return Donation(cause=gives.donation.value)
        return FreeItem(item=self.words(gives.item), tags=values(gives.tags)) if gives.item else None

    def reward_fits(self, reward: RewardWritten, gives: Gives | None) -> None:
        """What the keys of a reward say together with what it gives."""
        what = None
        if isinstance(gives, FreeItem) and not gives.tags:
            what = "an item is handed over"
        elif isinstance(gives, Units):
            what = "units are put on the card"
        elif isinstance(gives, Donation):
            what = "units are given to a cause"
        if what:
            on_a_sale = [limit for limit in reward.limit or () if limit.value.per is Period.TRANSACTION]
            for part in (reward.needs_purchase_of, *on_a_sale):
                if part:
                    self.report.add(part.place, f"{what} without a purchase", "leave this out")
        if isinstance(gives, Units | Donation) and reward.valid:
            self.report.add(reward.valid.place, f"{what} at once, without a voucher", "leave this key out")
        if isinstance(gives, Donation) and not reward.price and not self.has_fault(reward.place, "price"):
            self.report.add(reward.place, "a donation gives its price, and it has none", "write `price: 100 points`")
        if reward.choose_one and reward.limit is None and not self.has_fault(reward.place, "limit"):
            self.report.add(
                reward.choose_one.place, "a choice needs a limit", "write `limit: 1 per year` with each of its rewards"
            )

    def gift_fits(self, reward: RewardWritten) -> None:
        """What comes by itself has a season, costs nothing, and is not chosen."""
        if reward.by_itself:
            if not reward.season and not self.has_fault(reward.place, "season"):
                self.report.add(
                    reward.by_itself.place,
                    "when it is given does not stand here",
                    "write a `season` such as `birthday month`",
                )
            for key, part in (("price", reward.price), ("choose_one", reward.choose_one)):
                if part:
                    self.report.add(
                        reward.by_itself.place,
                        f"what comes by itself is a gift, and here stands `{key}`",
                        f"leave `{key}` out, or `by_itself`",
                    )
        is_in_season = reward.valid is not None and isinstance(reward.valid.value, str)
        if reward.valid and is_in_season and not reward.season and not self.has_fault(reward.place, "season"):
            self.report.add(reward.valid.place, "this reward has no season", "write `season`, or a length of time")

    def season(self, season: SeasonWords) -> Season | None:
        if isinstance(season, At):
            return season.value
        if season.from_ is None or season.days is None:
            return None
        if isinstance(season.days, At):
            return Season(occasion=season.from_.value, days_for_all=season.days.value)
        self.all_known([tier for tier, _ in season.days], "tier")
        return Season(occasion=season.from_.value, days={tier.value: days.value for tier, days in season.days if days})

    def limits(self, reward: RewardWritten) -> tuple[int | None, tuple[Limit, ...]]:
        """The most that one sale takes, and how often a member may have it."""
        read: dict[Period, At[LimitWritten]] = {}
        for limit in reward.limit or ():
            per = limit.value.per
            if per is Period.WINDOW:
                self.report.add(limit.place, "a reward has no windows", "write `per year`, `per month` and so on")
            elif per in read:
                self.report.add(limit.place, f"a limit per {per} stands already", "keep one of the two")
            read.setdefault(per, limit)
        per_sale = read.pop(Period.TRANSACTION, None)
        name = reward.choose_one.value if reward.choose_one else None
        limits = tuple(Limit(times=int(limit.value.number), per=per, name=name) for per, limit in read.items())
        return (int(per_sale.value.number) if per_sale else None), limits

    # ── Gifts ────────────────────────────────────────────────────────────────────────────────────────────────────

    def gift_ids(self) -> Iterator[At[str]]:
        """The gifts' ids: those that are written, else made from the occasion."""
        for occasion, gift in _gifts(self.file.gifts):
            yield gift.id or At(value=_gift_id(occasion), place=gift.place)

    def gifts(self) -> list[Gift]:
        """The gifts; units for joining are a rule, so that they stand where members look for them."""
        by_tier = (self.file.gifts.tiers or ()) if self.file.gifts else ()
        self.all_known([tier for tier, _ in by_tier], "tier")
        gifts = [self.gift(occasion, gift) for occasion, gift in _gifts(self.file.gifts)]
        return [gift for gift in gifts if gift.occasion is not Occasion.JOIN or gift.units is None]

    def welcomes(self) -> list[EarningRule]:
        """Units for joining, as rules."""
        return [
            EarningRule(
                id=gift.id.value if gift.id else WELCOME,
                on=EventKind.JOIN,
                unit=gift.earn.value.unit,
                amount=Flat(earn=int(gift.earn.value.number.scaleb(self.unit_decimals(gift.earn.value.unit)))),
                where=Condition(tiers=values(gift.tiers)),
                name=self.words(gift.name) if gift.name else None,
            )
            for occasion, gift in _gifts(self.file.gifts)
            if occasion == WELCOME and gift.earn
        ]

    def gift(self, occasion: str, gift: GiftWritten) -> Gift:
        kind, _, tier = occasion.partition(" ")
        if tier and gift.tiers:
            self.report.add(gift.tiers[0].place, "the tier of this gift stands above it", "leave `tiers` out here")
        if gift.reward:
            self.known(gift.reward, "reward")
        units = self.units_of(gift.earn) if gift.earn else None
        return Gift(
            id=gift.id.value if gift.id else _gift_id(occasion),
            occasion=OCCASIONS.get(kind, Occasion.TIER),
            units=Units(unit=units.unit, amount=units.amount) if units else None,
            reward=gift.reward.value if gift.reward else None,
            tiers=frozenset({tier}) if tier else self.all_known(gift.tiers, "tier"),
            name=self.words(gift.name) if gift.name else None,
        )

    # ── Challenges and contests ──────────────────────────────────────────────────────────────────────────────────

    def challenges(self) -> list[Challenge]:
        return [read for each in self.file.challenges or () if (read := self.challenge(each)) is not None]

    def challenge(self, challenge: ChallengeWritten) -> Challenge | None:
        name = self.words_or_id(challenge.name, challenge.id.value)
        measured = self.measured(challenge.measure)
        given = (challenge.badge, challenge.earn, challenge.rewards)
        if not any(given) and not self.has_faults(challenge.place, "badge", "earn", "rewards"):
            self.report.add(
                challenge.place,
                f"the challenge {shown(challenge.id.value)} gives nothing",
                "write a `badge`, `earn` or `rewards`",
            )
        if challenge.days and challenge.per:
            self.report.add(challenge.per.place, "`per` and `days` stand here", "keep one of the two")
        per = challenge.per.value if challenge.per else Period.LIFETIME
        is_lifelong = (
            per is Period.LIFETIME and not challenge.days and not self.has_faults(challenge.place, "per", "days")
        )
        if measured and is_lifelong and not measured.name.startswith(EARNED):
            self.report.add(
                first_place(challenge.measure) or challenge.place,
                "over a whole lifetime only units are counted",
                "write `per: year` or `days`, or count in a unit with `counter: yes`",
            )
        if challenge.goal:
            self.positive(challenge.goal, what="the goal")
        units = self.units_of(challenge.earn) if challenge.earn else None
        self.all_known(challenge.rewards, "reward")
        days = self.in_order(challenge.days) if challenge.days else None
        if measured is None or challenge.goal is None:
            return None
        return Challenge(
            id=challenge.id.value,
            name=name,
            measure=measured.name,
            goal=self.of_measure(challenge.goal, measured),
            per=per,
            days=days,
            badge=challenge.badge.value if challenge.badge else None,
            units=Units(unit=units.unit, amount=units.amount) if units else None,
            rewards=tuple(reward.value for reward in challenge.rewards or ()),
        )

    def contests(self) -> list[Contest]:
        self.once((contest.id for contest in self.file.contests or ()), what="contest")
        return [read for each in self.file.contests or () if (read := self.contest(each)) is not None]

    def contest(self, contest: ContestWritten) -> Contest | None:
        name = self.words_or_id(contest.name, contest.id.value)
        measured = self.measured(contest.measure)
        self.all_known(contest.prizes, "reward")
        if measured is None or contest.days is None:
            return None
        return Contest(
            id=contest.id.value,
            name=name,
            measure=measured.name,
            days=self.in_order(contest.days),
            prizes=tuple(prize.value for prize in contest.prizes or ()),
        )

    # ── Partners and causes ──────────────────────────────────────────────────────────────────────────────────────

    def partners(self) -> list[Partner]:
        first: dict[str, tuple[str, Place]] = {}
        for partner_id, partner in self.file.partners or ():
            for location in (partner.locations or ()) if partner else ():
                other, place = first.setdefault(location.value, (partner_id.value, location.place))
                if place is not location.place:
                    self.report.add(
                        location.place,
                        f"the location {shown(location.value)} stands at the partner {shown(other)} already, in line"
                        f" {place.line}",
                        "a location belongs to one partner, once",
                    )
        return [
            read
            for partner_id, partner in self.file.partners or ()
            if partner and (read := self.partner(partner_id.value, partner)) is not None
        ]

    def partner(self, partner_id: str, partner: PartnerWritten) -> Partner | None:
        name = self.words_or_id(partner.name, partner_id)
        per = self.spendable(partner.per, what="what a partner settles") if partner.per else None
        if partner.pays:
            self.positive(partner.pays, what="`pays`")
        pays = self.minor_units(partner.pays) if partner.pays else 0
        if per is None:
            return None
        return Partner(
            id=partner_id, name=name, locations=values(partner.locations), pays=pays, per=per.amount, unit=per.unit
        )

    def causes(self) -> dict[str, Localised]:
        return {cause.value: self.words(text) for cause, text in self.file.causes or () if text is not None}


def _gifts(gifts: GiftsWritten | None) -> Iterator[tuple[str, GiftWritten]]:
    """Every gift with its occasion; `tiers gold` for reaching one."""
    if gifts is None:
        return
    for occasion in OCCASIONS:
        for gift in getattr(gifts, occasion) or ():
            yield occasion, gift
    for tier, given in gifts.tiers or ():
        for gift in given or ():
            yield f"tiers {tier.value}", gift


def _gift_id(occasion: str) -> str:
    kind, _, tier = occasion.partition(" ")
    return f"tier-{tier}" if tier else kind


def _all_limits(reward: RewardWritten) -> At[tuple[LimitWritten, ...]] | None:
    """What rewards that are a choice have in common: how often, apart from how many one sale takes."""
    limits = [limit for limit in reward.limit or () if limit.value.per is not Period.TRANSACTION]
    return At(value=tuple(limit.value for limit in limits), place=limits[0].place) if limits else None
