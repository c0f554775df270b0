"""The default texts, by kind and language, and the names of what they count.

A program's definition may replace any of them. Every kind knows its placeholders: a text may use some of
them and no others, so that a mistyped one is found when the program is published and not in a member's
hand. No default text needs the member's name, because a guest enrolled at the till may have none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

LAST_RESORT = "en"


@dataclass(frozen=True, kw_only=True)
class Text:
    """A title and a body: a template before rendering, what the member reads after it."""

    title: str
    body: str


PLACEHOLDERS: Mapping[str, frozenset[str]] = {
    "welcome": frozenset({"program", "given_name"}),
    "sign_in_code": frozenset({"program", "code", "minutes"}),
    "points_earned": frozenset({"program", "given_name", "points", "balance"}),
    "points_returned": frozenset({"program", "given_name", "points", "balance"}),
    "tier_changed": frozenset({"program", "given_name", "tier"}),
    "tier_upgraded": frozenset({"program", "given_name", "tier"}),
    "tier_downgraded": frozenset({"program", "given_name", "tier"}),
    "reward_redeemed": frozenset({"program", "given_name", "reward", "points", "balance"}),
}

COVERED_BY: Mapping[str, str] = {
    "tier_upgraded": "tier_changed",
    "tier_downgraded": "tier_changed",
}
"""A program that writes one text for both directions writes the wider kind."""

_POINTS = {
    "en": {"one": "point", "other": "points"},
    "fr": {"one": "point", "other": "points"},
}
_MINUTES = {
    "en": {"one": "minute", "other": "minutes"},
    "fr": {"one": "minute", "other": "minutes"},
}
COUNTED: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "points": _POINTS,
    "balance": _POINTS,
    "minutes": _MINUTES,
}
"""What a bare number in these placeholders counts: placeholder, language, CLDR plural form."""

TEXTS: Mapping[str, Mapping[str, Text]] = {
    "welcome": {
        "en": Text(
            title="Welcome to {program}!",
            body="Your card is ready. Show it each time you pay.",
        ),
        "fr": Text(
            title="Bienvenue chez {program} !",
            body="Votre carte est prête. Présentez-la à chaque passage en caisse.",
        ),
    },
    "sign_in_code": {
        "en": Text(
            title="Your {program} code: {code}",
            body="Enter {code} to sign in. It is valid for {minutes}. Nobody from {program} will ask you for it.",
        ),
        "fr": Text(
            title="Votre code {program} : {code}",
            body="Saisissez {code} pour vous connecter. Ce code est valable {minutes}. "
            "Personne chez {program} ne vous le demandera.",
        ),
    },
    "points_earned": {
        "en": Text(title="You earned {points}", body="Your {program} balance is now {balance}."),
        "fr": Text(title="Vous gagnez {points}", body="Votre solde {program} est maintenant de {balance}."),
    },
    "points_returned": {
        "en": Text(
            title="Your return was recorded",
            body="Taken back with it: {points}. Your {program} balance is now {balance}.",
        ),
        "fr": Text(
            title="Votre retour est enregistré",
            body="Points repris : {points}. Votre solde {program} est maintenant de {balance}.",
        ),
    },
    "tier_changed": {
        "en": Text(title="{program}: {tier}", body="Your tier is now {tier}."),
        "fr": Text(title="{program} : {tier}", body="Votre niveau est maintenant {tier}."),
    },
    "tier_upgraded": {
        "en": Text(title="You have reached {tier}!", body="Enjoy your new benefits at {program}."),
        "fr": Text(title="Vous passez au niveau {tier} !", body="Profitez de vos nouveaux avantages {program}."),
    },
    "tier_downgraded": {
        "en": Text(title="Your tier is now {tier}", body="See in your {program} card what leads back up."),
        "fr": Text(
            title="Votre niveau est maintenant {tier}",
            body="Votre carte {program} vous indique comment remonter.",
        ),
    },
    "reward_redeemed": {
        "en": Text(
            title="Enjoy: {reward}",
            body="You used {points}. Your {program} balance is now {balance}.",
        ),
        "fr": Text(
            title="Profitez-en : {reward}",
            body="Vous avez utilisé {points}. Votre solde {program} est maintenant de {balance}.",
        ),
    },
}
