"""What a card's passes show: the member's state and the brand, as one value for both wallets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row

from passes.face import (
    BrandFace,
    CardFace,
    Colours,
    FaceBalance,
    FaceCurrency,
    FaceLink,
    FaceLocation,
    FaceNfc,
    FaceProgress,
    FaceTier,
    Translation,
)
from wallet_api.domain import calendar, card_code, tiers
from wallet_api.domain.card_code import CardKey
from wallet_api.domain.definition import Definition, Localised, Promotion, Reward, Unit
from wallet_api.domain.state import MembershipStatus, MemberState
from wallet_api.domain.tiers import Progress
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.load_member import Loaded
from wallet_api.store import merges, passes, programs, transactions
from wallet_api.store.cards import Card
from wallet_api.store.programs import Location
from wallet_api.store.session import Tx

PROGRAM_LOCATIONS_ON_A_PASS = 10
PROMOTIONS_ON_A_PASS = 3
MESSAGES_ON_A_PASS = 3
REWARDS_ON_A_PASS = 20

_AN_INSTANT = timedelta(microseconds=1)


def face_of(app: App, tx: Tx, card: Card, *, now: datetime) -> CardFace:
    """Everything that a card's passes show now; one whose member was merged into another goes on as that one's."""
    member_id = card.member_id
    if card.status == "merged":
        member_id = merges.survivor(tx, member_id, program_id=card.program_id) or member_id
    member = load_member.as_of_now(app, tx, member_id, now=now)
    definition, state = member.definition, member.state
    locale: Literal["en", "fr"] = "fr" if member.row.locale.startswith("fr") else "en"
    words = Explainer(definition, member.row.locale)
    today = calendar.local_day(now, definition.time_zone)
    ahead = _Ahead.of(member, today=today)
    message, earlier = _messages(tx, card, now=now)
    shops = programs.places(tx, card.program_id, most=PROGRAM_LOCATIONS_ON_A_PASS + 1)
    key = CardKey(master=app.card_master, card_id=card.id, key_version=card.key_version)
    static_code, head = card_code.static_code(card.number, key), "7" + card.number
    return CardFace(
        brand=brand_face(definition, shops),
        serial=str(card.id),
        card_number=card.number,
        static_code=static_code,
        rotating_prefix=head + card_code.damm_digit(head),
        holder=" ".join(filter(None, (member.row.given_name, member.row.family_name))),
        locale=locale,
        balances=_balances(member, words),
        tier=FaceTier(id=state.standing.tier, name=words.tier(state.standing.tier)) if state.standing else None,
        next_tier=ahead.tier_in(words),
        next_reward=ahead.reward_in(words),
        progress=ahead.drawn(words),
        member_since=calendar.local_day(member.row.joined_at, definition.time_zone),
        rewards=tuple(_rewards(member, words, today=today, now=now)[:REWARDS_ON_A_PASS]),
        expiry=_expiry(member, words),
        promotion=_promotions(member, words, today=today),
        message=message,
        earlier_messages=earlier,
        locations=tuple(_placed(shop, words) for shop in _near(tx, member, shops)),
        voided=_is_void(card, member),
        expires_at=_ends_at(definition, state),
        web_service_url=f"{app.settings.base_url}/passes/apple",
        authentication_token=app.pass_token(card.id),
        nfc=_nfc(app, static_code),
    )


def brand_face(definition: Definition, shops: Sequence[Location]) -> BrandFace:
    """What all cards of a program share; the first ten of these shops stand for those that have no others."""
    language = definition.languages[0]
    words = Explainer(definition, language)
    colours = definition.brand.colours
    names = [definition.name, *(unit.name for unit in definition.units.values())]
    names += [level.name for level in definition.tiers.levels] if definition.tiers else []
    names += [link.name for link in definition.brand.links]
    return BrandFace(
        organization=definition.brand.name,
        program_name=definition.name.text(language),
        description=f"{definition.brand.name}: {definition.name.text(language)}",
        colours=Colours(background=colours.background, foreground=colours.text, label=colours.label),
        logo_text=definition.brand.name,
        logo=definition.brand.logo,
        locations=tuple(_placed(shop, words) for shop in shops[:PROGRAM_LOCATIONS_ON_A_PASS]),
        links=tuple(FaceLink(label=link.name.text(language), url=link.url) for link in definition.brand.links),
        translations=tuple(translation for name in names for translation in _translations(name, language)),
    )


@dataclass(frozen=True, kw_only=True)
class _Ahead:
    """What a member is on the way to: the next tier, and the next reward with what is done and needed for it."""

    measure: str = ""
    tier: Progress | None = None
    reward: Reward | None = None
    unit: str = ""
    done: int = 0
    needed: int = 0
    has_stamps: bool = False

    @classmethod
    def of(cls, member: Loaded, *, today: date) -> _Ahead:
        definition, state = member.definition, member.state
        progress = tiers.progress(definition, state, today=today)
        tier = progress if progress and progress.next else None
        measure = definition.tiers.measure if definition.tiers else ""
        for place, unit in enumerate(definition.units.values()):
            if unit.converts and unit.converts.into in definition.rewards:
                have, every = state.available(unit.id), unit.converts.every
                return cls(
                    measure=measure,
                    tier=tier,
                    reward=definition.rewards[unit.converts.into],
                    unit=unit.id,
                    # Where it turns at a window's end, several blocks may have come together; below zero it stays.
                    done=have % every if have > 0 else have,
                    needed=every,
                    has_stamps=place == 0 and not unit.decimals,
                )
        priced = _next_priced(definition, state)
        if priced is None or priced.price is None:
            return cls(measure=measure, tier=tier)
        unit_id, price = priced.price.unit, priced.price.amount
        return cls(
            measure=measure,
            tier=tier,
            reward=priced,
            unit=unit_id,
            done=state.available(unit_id),
            needed=price,
        )

    def tier_in(self, words: Explainer) -> str | None:
        return words.next_tier(self.measure, self.tier) if self.tier else None

    def reward_in(self, words: Explainer) -> str | None:
        return words.next_reward(self.reward.id, self.unit, self.needed - self.done) if self.reward else None

    def drawn(self, words: Explainer) -> FaceProgress | None:
        """What the pass draws: stamps where there are any, else the way to the next tier, else to the next reward."""
        if self.tier and self.tier.next and not self.has_stamps:
            label = words.missing_for_tier(self.measure, self.tier) or ""
            return FaceProgress(kind="tier", done=self.tier.value, needed=self.tier.next.threshold or 0, label=label)
        if reward := self.reward_in(words):
            kind: Literal["stamps", "reward"] = "stamps" if self.has_stamps else "reward"
            return FaceProgress(kind=kind, done=self.done, needed=self.needed, label=reward)
        return None


def _next_priced(definition: Definition, state: MemberState) -> Reward | None:
    """The reward that the member is nearest to among those whose price they do not have yet, in the first unit that has any."""
    for unit in definition.units:
        have = state.available(unit)
        short = [
            (item.price.amount, place, item)
            for place, item in enumerate(definition.rewards.values())
            if item.price and item.price.unit == unit and item.price.amount > have and not item.only_given
            if not item.tiers or state.tier in item.tiers
        ]
        if short:
            return min(short)[-1]
    return None


def _balances(member: Loaded, words: Explainer) -> tuple[FaceBalance, ...]:
    return tuple(_balance(member, unit, words) for unit in member.definition.units.values())


def _balance(member: Loaded, unit: Unit, words: Explainer) -> FaceBalance:
    """A unit that is worth just as much money is shown as money."""
    definition, available = member.definition, member.state.available(unit.id)
    label = unit.name.text(definition.languages[0])
    worth, cents = unit.worth, 10**definition.currency_decimals
    if worth and worth.units * cents == worth.money * 10**unit.decimals:
        minor = available * cents // 10**unit.decimals
        currency = FaceCurrency(code=definition.currency, digits=definition.currency_decimals)
        return FaceBalance(unit=unit.id, label=label, amount=words.money(minor), raw=minor, currency=currency)
    return FaceBalance(
        unit=unit.id,
        label=label,
        amount=words.number(unit.id, available),
        raw=available // 10**unit.decimals,
    )


def _rewards(member: Loaded, words: Explainer, *, today: date, now: datetime) -> list[str]:
    """What the member can have: the vouchers they hold, the first to end first, then the rewards that they can ask for."""
    definition, state = member.definition, member.state
    held: Counter[tuple[date, str]] = Counter()
    for voucher in state.vouchers.values():
        if voucher.is_usable(today):
            held[voucher.valid_until or date.max, voucher.reward] += voucher.quantity
    lines = []
    for (last, reward), number in sorted(held.items()):
        name = words.reward(reward) if number == 1 else f"{number} × {words.reward(reward)}"
        lines.append(words.until(name, None if last == date.max else last))
    return lines + [
        str(item["name"]) for item in present.rewards_for(definition, state, words, now=now) if item["available"]
    ]


def _expiry(member: Loaded, words: Explainer) -> str | None:
    """What expires next of each unit, the soonest first; None where nothing does."""
    zone = member.definition.time_zone
    found = [(*expiry, unit) for unit in member.definition.units if (expiry := member.state.next_expiry(unit))]
    lines = [
        words.expiring(unit, amount, last=calendar.local_day(at - _AN_INSTANT, zone))
        for at, amount, unit in sorted(found)
    ]
    return "\n".join(lines) or None


def _promotions(member: Loaded, words: Explainer, *, today: date) -> str | None:
    """The promotions that are on today for this member, the one that ends first on top; None without any."""
    running = [
        (last, promotion.id, promotion)
        for promotion in member.definition.promotions
        if promotion.name and _is_for(promotion, member.state) and (last := _last_day(promotion, today))
    ]
    lines = [
        words.until(words.rule(promotion.id), last) for last, _, promotion in sorted(running)[:PROMOTIONS_ON_A_PASS]
    ]
    return "\n".join(lines) or None


def _is_for(promotion: Promotion, state: MemberState) -> bool:
    """Whether a promotion may be this member's; one for a segment or a birthday is told by a message, not by the pass."""
    where = promotion.where
    if where.segments or where.birthday_month or where.first_in_month or where.first_ever:
        return False
    is_in_tier = not where.tiers or state.tier in where.tiers
    return is_in_tier and (not where.memberships or state.membership.status.value in where.memberships)


def _last_day(promotion: Promotion, today: date) -> date | None:
    """The last day of the stretch in which a promotion is on today; None where it is off, or always on and so no news."""
    return max((days.last for days in promotion.where.days or () if today in days), default=None)


def _messages(tx: Tx, card: Card, *, now: datetime) -> tuple[str | None, tuple[str, ...]]:
    """The message that the lock screen was given last, until its end, and the others that the pass carries."""
    told = passes.messages_on(tx, card.id, now=now, most=MESSAGES_ON_A_PASS)
    last = next((_said(row) for row in told if row.is_last), None)
    return last, tuple(_said(row) for row in told if not row.is_last)


def _said(message: Row[Any]) -> str:
    return f"{message.title}\n{message.body}"


def _near(tx: Tx, member: Loaded, shops: Sequence[Location]) -> Sequence[Location]:
    """The shops near which the phone offers the card: all where a pass has room, else those around the usual one."""
    if len(shops) <= PROGRAM_LOCATIONS_ON_A_PASS:
        return shops
    usual = transactions.usual_location(tx, member.row.id)
    home = programs.location(tx, usual) if usual else None
    if home is None or home.latitude is None or home.longitude is None:
        return shops[:PROGRAM_LOCATIONS_ON_A_PASS]
    return programs.nearest(tx, member.row.program_id, home, most=PROGRAM_LOCATIONS_ON_A_PASS)


def _placed(shop: Location, words: Explainer) -> FaceLocation:
    assert shop.latitude is not None
    assert shop.longitude is not None
    return FaceLocation(latitude=shop.latitude, longitude=shop.longitude, text=words.place(shop.name))


def _nfc(app: App, static_code: str) -> FaceNfc | None:
    """What a reader hears: the code that it would see, which earns but redeems nothing by itself either."""
    key = app.settings.apple_nfc_public_key
    return FaceNfc(message=static_code, public_key=key) if key else None


def _is_void(card: Card, member: Loaded) -> bool:
    """Whether no till takes the card any more.

    A membership that was paid for and has ended voids it only where nothing else is on it: who has units keeps it.
    """
    if card.status not in {"active", "merged"} or member.row.status in {"erased", "merged"}:
        return True
    definition, has_ended = member.definition, member.state.membership.status is MembershipStatus.ENDED
    return has_ended and bool(definition.plans) and not definition.units


def _ends_at(definition: Definition, state: MemberState) -> datetime | None:
    """When such a card is over by itself: at the end of a membership that was cancelled. Others are renewed."""
    held = state.membership
    if not definition.plans or definition.units or not held.is_cancelled or held.until is None:
        return None
    return calendar.end_of(held.until, definition.time_zone)


def _translations(name: Localised, language: str) -> list[Translation]:
    text = name.text(language)
    return [
        Translation(text=text, language=other, says=says)
        for other, says in name.by_language.items()
        if other != language and says != text
    ]
