"""Why a message did not go out, in a sentence for whoever reads the list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REASONS: Final[Mapping[str, Mapping[str, str]]] = {
    "no_address": {
        "en": "There is no device or address for it.",
        "fr": "Il n’y a ni appareil ni adresse pour l’envoyer.",
    },
    "not_wanted": {
        "en": "The member does not want messages of this kind this way.",
        "fr": "Le membre ne souhaite pas ce type de message par cette voie.",
    },
    "no_consent": {
        "en": "The member has not agreed to offers and news.",
        "fr": "Le membre n’a pas accepté de recevoir d’offres.",
    },
    "quiet_hours_past_its_end": {
        "en": "Its time was over before the quiet hours were.",
        "fr": "Son délai était passé avant la fin des heures calmes.",
    },
    "cap_day": {
        "en": "The most messages of a day had gone out already.",
        "fr": "Le maximum de messages pour une journée était atteint.",
    },
    "cap_week": {
        "en": "The most messages of a week had gone out already.",
        "fr": "Le maximum de messages pour une semaine était atteint.",
    },
    "replaced": {"en": "A newer message took its place.", "fr": "Un message plus récent l’a remplacé."},
    "cancelled_out": {
        "en": "Another change undid this one before anything was sent.",
        "fr": "Un autre changement a annulé celui-ci avant tout envoi.",
    },
    "hold_out": {
        "en": "The member is in the group that gets no offers, for comparison.",
        "fr": "Le membre fait partie du groupe sans offres, pour comparaison.",
    },
    "control_group": {
        "en": "The member is in the control group of an experiment.",
        "fr": "Le membre fait partie du groupe témoin d’un test.",
    },
    "kind_off": {
        "en": "The program does not send messages of this kind.",
        "fr": "Le programme n’envoie pas ce type de message.",
    },
    "erased": {"en": "The member has left.", "fr": "Le membre est parti."},
    "expired": {"en": "Its time was over before it was sent.", "fr": "Son délai était passé avant l’envoi."},
    "device_gone": {
        "en": "The app or the pass is no longer on this device, or somebody else uses it.",
        "fr": "L’application ou la carte n’est plus sur cet appareil, ou quelqu’un d’autre l’utilise.",
    },
    "refused": {"en": "The provider refused the message.", "fr": "Le fournisseur a refusé le message."},
    "merged": {
        "en": "The member is one with another member now.",
        "fr": "Le membre ne fait plus qu’un avec un autre membre.",
    },
    "campaign_cancelled": {
        "en": "The campaign was called off before it went out.",
        "fr": "La campagne a été annulée avant l’envoi.",
    },
    "answered": {
        "en": "The member has answered the survey already.",
        "fr": "Le membre a déjà répondu à l’enquête.",
    },
    "survey_closed": {
        "en": "The survey was closed before it went out.",
        "fr": "L’enquête a été close avant l’envoi.",
    },
    "reward_gone": {
        "en": "Nothing was left of the reward that goes with it.",
        "fr": "La récompense qui l’accompagne est épuisée.",
    },
    "failed": {"en": "It could not be made for this member.", "fr": "Il n’a pas pu être préparé pour ce membre."},
    "channel_off": {"en": "This way of sending is not set up.", "fr": "Cette voie d’envoi n’est pas configurée."},
}


def why(reason: str, *, locale: str) -> str:
    """The sentence for a reason, in the reader's language, else in English."""
    texts = REASONS[reason]
    return texts.get(locale.replace("_", "-").split("-")[0].lower(), texts["en"])
