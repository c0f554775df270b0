"""The words that every pass carries, in English and in what else we speak."""

from collections.abc import Mapping

from passes.face import BrandFace

LANGUAGES = ("en", "fr")

MEMBER = "Member"
TIER = "Level"
TIER_CHANGED = "Your level is now %@"
NEXT_TIER = "Next level"
NEXT_REWARD = "Next reward"
CARD_NUMBER = "Card number"
MEMBER_SINCE = "Member since"
REWARDS = "Rewards"
EXPIRY = "Expiring next"
PROMOTION = "News"
MESSAGE = "Latest message"
EARLIER_MESSAGES = "Earlier messages"
NOTHING_NOW = "Nothing at the moment"

_FRENCH = {
    MEMBER: "Membre",
    TIER: "Niveau",
    TIER_CHANGED: "Votre niveau est maintenant %@",
    NEXT_TIER: "Prochain niveau",
    NEXT_REWARD: "Prochaine récompense",
    CARD_NUMBER: "Numéro de carte",
    MEMBER_SINCE: "Membre depuis",
    REWARDS: "Récompenses",
    EXPIRY: "Prochaine expiration",
    PROMOTION: "Actualités",
    MESSAGE: "Dernier message",
    EARLIER_MESSAGES: "Messages précédents",
    NOTHING_NOW: "Rien pour le moment",
}


def texts_in(language: str, *, brand: BrandFace) -> Mapping[str, str]:
    """Return what our texts and the brand's say in a language, keyed by what a pass says itself."""
    own = {text: _FRENCH[text] if language == "fr" else text for text in _FRENCH}
    theirs = {t.text: t.says for t in brand.translations if t.language == language}
    # What has no unit's name in it is the same in every language, whoever says it.
    changed = {
        message: balance_changed(says, language=language)
        for text, says in theirs.items()
        if (message := balance_changed(text)) != "%@"
    }
    return own | changed | theirs


def balance_changed(label: str, *, language: str = "en") -> str:
    """Return the lock screen's text for a new balance; Apple puts the amount where `%@` stands.

    The unit stands before a colon, so that no noun has to agree with the number: `Points: 1`. A label with a per cent
    sign is left out: it would be read as another placeholder.
    """
    if "%" in label:
        return "%@"
    colon = "\N{NO-BREAK SPACE}:" if language == "fr" else ":"
    return f"{label}{colon} %@"
