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


_ALWAYS = frozenset({"program", "given_name"})
_POINTS_NOW = _ALWAYS | {"points", "balance"}
_CAMPAIGN = _ALWAYS | {"balance", "tier", "items", "voucher", "day"}

PLACEHOLDERS: Mapping[str, frozenset[str]] = {
    "welcome": _ALWAYS,
    "sign_in_code": frozenset({"program", "code", "minutes"}),
    "points_earned": _POINTS_NOW,
    "points_returned": _POINTS_NOW,
    "points_usable": _POINTS_NOW,
    "points_expiring": _POINTS_NOW | {"day"},
    "points_expired": _POINTS_NOW,
    "tier_changed": _ALWAYS | {"tier"},
    "tier_upgraded": _ALWAYS | {"tier"},
    "tier_downgraded": _ALWAYS | {"tier"},
    "tier_ending": _ALWAYS | {"tier", "day", "missing"},
    "reward_unlocked": _ALWAYS | {"reward", "balance"},
    "reward_redeemed": _POINTS_NOW | {"reward"},
    "reward_given": _ALWAYS | {"reward"},
    "reward_gone": _ALWAYS | {"reward"},
    "voucher_expiring": _ALWAYS | {"reward", "day"},
    "challenge_done": _ALWAYS | {"challenge"},
    "referral_done": _ALWAYS,
    "membership_changed": _ALWAYS | {"status"},
    "membership_ends_soon": _ALWAYS | {"day"},
    "birthday": _ALWAYS,
    "win_back": _ALWAYS | {"balance"},
    "promotion": _CAMPAIGN,
    "survey": _CAMPAIGN | {"survey"},
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
    "points_usable": {
        "en": Text(title="Now yours to use: {points}", body="Your {program} balance is now {balance}."),
        "fr": Text(title="Désormais utilisables : {points}", body="Votre solde {program} est maintenant de {balance}."),
    },
    "points_expiring": {
        "en": Text(
            title="Use {points} before they are gone",
            body="On {day} they expire. Your {program} balance is {balance}.",
        ),
        "fr": Text(
            title="À utiliser bientôt : {points}",
            body="Date d’expiration : {day}. Votre solde {program} est de {balance}.",
        ),
    },
    "points_expired": {
        "en": Text(title="Expired: {points}", body="Your {program} balance is now {balance}."),
        "fr": Text(title="Points expirés : {points}", body="Votre solde {program} est maintenant de {balance}."),
    },
    "tier_ending": {
        "en": Text(title="Keep {tier}", body="You are {tier} until {day}. Still missing to stay: {missing}."),
        "fr": Text(
            title="Restez {tier}",
            body="Votre niveau {tier} court jusqu’au {day}. Il vous manque pour le garder : {missing}.",
        ),
    },
    "reward_unlocked": {
        "en": Text(title="You can have: {reward}", body="Your {program} balance of {balance} is enough for it."),
        "fr": Text(title="À votre portée : {reward}", body="Votre solde {program} de {balance} suffit pour l’obtenir."),
    },
    "reward_given": {
        "en": Text(title="A gift for you: {reward}", body="It is in your {program} card."),
        "fr": Text(title="Un cadeau pour vous : {reward}", body="Il vous attend dans votre carte {program}."),
    },
    "reward_gone": {
        "en": Text(title="{reward}: none left", body="We are sorry. Your {program} balance is untouched."),
        "fr": Text(title="{reward} : épuisé", body="Nous sommes désolés. Votre solde {program} reste inchangé."),
    },
    "voucher_expiring": {
        "en": Text(title="Use it soon: {reward}", body="Your voucher is valid until {day}."),
        "fr": Text(title="À utiliser bientôt : {reward}", body="Votre bon est valable jusqu’au {day}."),
    },
    "challenge_done": {
        "en": Text(title="Done: {challenge}", body="Well done! The badge is in your {program} card."),
        "fr": Text(title="Défi réussi : {challenge}", body="Bravo ! Le badge est dans votre carte {program}."),
    },
    "referral_done": {
        "en": Text(title="Thank you for bringing a friend", body="Your friend has made a first purchase at {program}."),
        "fr": Text(title="Merci pour votre parrainage", body="Votre filleul a fait son premier achat chez {program}."),
    },
    "membership_changed": {
        "en": Text(
            title="Your {program} membership",
            body="{status, select, trial {Your trial has begun.} paid {Your membership is active.} "
            "grace {We could not renew it yet. Please check how you pay.} pending {We are looking at your proof.} "
            "verified {Your membership is confirmed.} ended {Your membership has ended.} "
            "lapsed {Your membership has ended. Show your proof again to renew it.} "
            "other {Your membership has changed. See in your card how it stands.}}",
        ),
        "fr": Text(
            title="Votre adhésion {program}",
            body="{status, select, trial {Votre essai a commencé.} paid {Votre adhésion est active.} "
            "grace {Nous n’avons pas encore pu la renouveler. Vérifiez votre moyen de paiement.} "
            "pending {Nous examinons votre justificatif.} verified {Votre adhésion est confirmée.} "
            "ended {Votre adhésion a pris fin.} lapsed {Votre adhésion a pris fin. Un nouveau justificatif la rétablit.} "
            "other {Votre adhésion a changé. Votre carte indique où vous en êtes.}}",
        ),
    },
    "membership_ends_soon": {
        "en": Text(title="Your {program} membership ends soon", body="It is valid until {day}. Renew it to keep it."),
        "fr": Text(
            title="Votre adhésion {program} prend bientôt fin",
            body="Elle est valable jusqu’au {day}. Renouvelez-la pour la garder.",
        ),
    },
    "birthday": {
        "en": Text(
            title="Happy birthday!", body="All the best from {program}. See in your card what is there for you."
        ),
        "fr": Text(
            title="Joyeux anniversaire !",
            body="Toute l’équipe {program} pense à vous. Votre carte vous réserve peut-être une surprise.",
        ),
    },
    "win_back": {
        "en": Text(title="It has been a while", body="We would like to see you again at {program}."),
        "fr": Text(title="Cela fait longtemps", body="Nous serions heureux de vous revoir chez {program}."),
    },
    "promotion": {
        "en": Text(title="News from {program}", body="Open your card to see what is new for you."),
        "fr": Text(title="Du nouveau chez {program}", body="Ouvrez votre carte pour découvrir nos nouveautés."),
    },
    "survey": {
        "en": Text(title="How was it?", body="{program} would like your opinion. It takes a minute."),
        "fr": Text(title="Votre avis ?", body="{program} aimerait connaître votre avis. Cela prend une minute."),
    },
}
