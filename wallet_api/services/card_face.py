"""What a card's passes show: the member's state and the brand, as one value for both wallets."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from passes.face import (
    BrandFace,
    CardFace,
    Colours,
    FaceBalance,
    FaceLocation,
    FaceTier,
    Translation,
)
from wallet_api.domain import calendar, card_code, tiers
from wallet_api.domain.card_code import CardKey
from wallet_api.domain.definition import Definition, Localised
from wallet_api.services import load_member, present
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.load_member import Loaded
from wallet_api.store import programs
from wallet_api.store.cards import Card
from wallet_api.store.programs import Location
from wallet_api.store.session import Tx

PROGRAM_LOCATIONS_ON_A_PASS = 10


def face_of(app: App, tx: Tx, card: Card, *, now: datetime) -> CardFace:
    """Everything that a card's passes show now."""
    member = load_member.as_of_now(app, tx, card.member_id, now=now)
    definition, state = member.definition, member.state
    locale: Literal["en", "fr"] = "fr" if member.row.locale.startswith("fr") else "en"
    words = Explainer(definition, member.row.locale)
    key = CardKey(master=app.card_master, card_id=card.id, key_version=card.key_version)
    head = "7" + card.number
    return CardFace(
        brand=brand_face(definition, programs.locations(tx, card.program_id)),
        serial=str(card.id),
        card_number=card.number,
        static_code=card_code.static_code(card.number, key),
        rotating_prefix=head + card_code.damm_digit(head),
        holder=" ".join(filter(None, (member.row.given_name, member.row.family_name))),
        locale=locale,
        balances=_balances(member, words),
        tier=FaceTier(id=state.standing.tier, name=words.tier(state.standing.tier)) if state.standing else None,
        next_tier=_next_tier(member, words, now=now),
        member_since=calendar.local_day(member.row.joined_at, definition.time_zone),
        rewards=tuple(
            str(item["name"]) for item in present.rewards_for(definition, state, words, now=now) if item["available"]
        ),
        voided=card.status != "active",
        web_service_url=f"{app.settings.base_url}/passes/apple",
        authentication_token=app.pass_token(card.id),
    )


def brand_face(definition: Definition, locations: list[Location]) -> BrandFace:
    """What all cards of a program share."""
    language = definition.languages[0]
    colours = definition.brand.colours
    names = [definition.name, *(unit.name for unit in definition.units.values())]
    names += [level.name for level in definition.tiers.levels] if definition.tiers else []
    placed = [place for place in locations if place.latitude is not None and place.longitude is not None]
    return BrandFace(
        organization=definition.brand.name,
        program_name=definition.name.text(language),
        description=f"{definition.brand.name}: {definition.name.text(language)}",
        colours=Colours(background=colours.background, foreground=colours.text, label=colours.label),
        logo_text=definition.brand.name,
        logo=definition.brand.logo,
        locations=tuple(
            FaceLocation(
                latitude=place.latitude or 0.0,
                longitude=place.longitude or 0.0,
                text=place.name,
            )
            for place in placed[:PROGRAM_LOCATIONS_ON_A_PASS]
        ),
        translations=tuple(translation for name in names for translation in _translations(name, language)),
    )


def _balances(member: Loaded, words: Explainer) -> tuple[FaceBalance, ...]:
    balances = []
    for unit in member.definition.units.values():
        available = member.state.available(unit.id)
        balances.append(
            FaceBalance(
                unit=unit.id,
                label=unit.name.text(member.definition.languages[0]),
                amount=words.number(unit.id, available),
                raw=available // 10**unit.decimals,
            )
        )
    return tuple(balances)


def _next_tier(member: Loaded, words: Explainer, *, now: datetime) -> str | None:
    scheme = member.definition.tiers
    today = calendar.local_day(now, member.definition.time_zone)
    progress = tiers.progress(member.definition, member.state, today=today)
    return words.next_tier(scheme.measure, progress) if scheme and progress else None


def _translations(name: Localised, language: str) -> list[Translation]:
    text = name.text(language)
    return [
        Translation(text=text, language=other, says=says)
        for other, says in name.by_language.items()
        if other != language and says != text
    ]
