"""What anybody may know of a program: its brand, units, tiers, rewards and shops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from passes.apple.images import monogram
from wallet_api.domain.definition import Definition, Localised, Unit
from wallet_api.services import present
from wallet_api.services.app import App
from wallet_api.services.card_face import brand_face
from wallet_api.services.explain import Explainer
from wallet_api.services.present import Json
from wallet_api.store import programs
from wallet_api.store.session import Tx

LOGO_PIXELS = 660  # what Google Wallet asks for

Choose = Callable[[Sequence[str]], str]


def show_program(app: App, tx: Tx, program_id: str, *, language_among: Choose) -> Json:
    """A program in the language that the reader chooses among its own. Raises NotFound."""
    definition = app.current_definition(tx, program_id)
    language = language_among(definition.languages)
    words = Explainer(definition, language)
    return {
        "id": definition.program,
        "name": definition.name.text(language),
        "language": language,
        "languages": definition.languages,
        "brand": _brand(app, definition),
        "currency": definition.currency,
        "currency_decimals": definition.currency_decimals,
        "time_zone": definition.time_zone.key,
        "terms_version": definition.terms_version,
        "units": [
            {
                "id": unit.id,
                "name": unit.name.text(language),
                "one": unit.one.text(language),
                "decimals": unit.decimals,
                "is_counter": unit.is_counter,
                "worth": _worth(unit),
            }
            for unit in definition.units.values()
        ],
        "tiers": [
            {"id": level.id, "name": level.name.text(language), "threshold": level.threshold}
            for level in (definition.tiers.levels if definition.tiers else ())
        ],
        "rewards": [
            {**present.reward(reward, words), "tiers": sorted(reward.tiers)} for reward in definition.rewards.values()
        ],
        "plans": [
            {
                "id": plan.id,
                "name": plan.name.text(language),
                "fee": plan.fee,
                "period": {"months": plan.period.months, "days": plan.period.days} if plan.period else None,
                "trial_days": definition.plan_terms.trial_days if plan.period else 0,
            }
            for plan in definition.plans.values()
        ],
        "verification": _verification(definition, language),
        "challenges": [
            {
                "id": challenge.id,
                "name": challenge.name.text(language),
                "measure": challenge.measure,
                "goal": challenge.goal,
                "per": challenge.per.value,
                "badge": challenge.badge,
            }
            for challenge in definition.challenges
        ],
        "contests": [
            {
                "id": contest.id,
                "name": contest.name.text(language),
                "measure": contest.measure,
                "first": contest.days.first,
                "last": contest.days.last,
                "prizes": [words.reward(prize) for prize in contest.prizes],
            }
            for contest in definition.contests
        ],
        "partners": _named({each.id: each.name for each in definition.partners.values()}, language),
        "causes": _named(definition.causes, language),
        "benefits": _named(definition.benefits.others, language),
        "locations": [
            {
                "id": place.id,
                "code": place.code,
                "name": place.name,
                "partner": definition.partner_at(place.code),
                "latitude": place.latitude,
                "longitude": place.longitude,
            }
            for place in programs.locations(tx, program_id)
        ],
    }


def logo(app: App, tx: Tx, program_id: str) -> bytes:
    """The brand's logo as a PNG; its initials where it has none, since Google Wallet asks for one."""
    definition = app.current_definition(tx, program_id)
    return definition.brand.logo or monogram(brand_face(definition, []), side=LOGO_PIXELS)


def _worth(unit: Unit) -> Json | None:
    worth = unit.worth
    if worth is None:
        return None
    return {
        "units": worth.units,
        "money": worth.money,
        "multiples_of": worth.multiples_of,
        "from_balance": worth.from_balance,
        "share": float(worth.share),
    }


def _verification(definition: Definition, language: str) -> Json | None:
    asked = definition.verification
    return {"id": asked.id, "name": asked.name.text(language), "days": asked.days} if asked else None


def _named(texts: Mapping[str, Localised], language: str) -> list[Json]:
    return [{"id": name, "name": text.text(language)} for name, text in texts.items()]


def _brand(app: App, definition: Definition) -> Json:
    brand = definition.brand
    address = f"{app.settings.base_url}/v1/programs/{definition.program}/logo.png"
    return {
        "name": brand.name,
        "colours": {
            "background": brand.colours.background,
            "text": brand.colours.text,
            "label": brand.colours.label,
        },
        "logo_url": address,
    }
