"""The pages' own words, in English and in French."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGES = ("en", "fr")


@dataclass(frozen=True, kw_only=True)
class Words:
    """The texts of one language, by name; called with the facts that a text names."""

    language: str

    def __call__(self, text: str, **facts: object) -> str:
        return _TEXTS[text][LANGUAGES.index(self.language)].format(**facts)


def words_in(locale: str) -> Words:
    """The words for a locale such as `fr-CA`; English for a language that we do not speak."""
    language = locale.replace("_", "-").split("-")[0].lower()
    return Words(language=language if language in LANGUAGES else LANGUAGES[0])


_TEXTS: Mapping[str, tuple[str, str]] = {
    # Troubles
    "trouble": ("That did not work", "Cela n’a pas marché"),
    "not_found": (
        "There is nothing at this address. Check it, or follow a link again.",
        "Il n’y a rien à cette adresse. Vérifiez-la ou suivez à nouveau un lien.",
    ),
    "too_many": (
        "That was too often. Wait {seconds} seconds, then try again.",
        "C’était trop souvent. Attendez {seconds} secondes, puis réessayez.",
    ),
    # Mail that is to stop
    "unsubscribe_title": ("Mail from {program}", "E-mails de {program}"),
    "unsubscribe_marketing": (
        "Offers and news will no longer come by e-mail. Messages about your card still do.",
        "Vous ne recevrez plus d’offres par e-mail. Les messages sur votre carte continueront.",
    ),
    "unsubscribe_service": (
        "Messages about your card, such as points and tiers, will no longer come by e-mail.",
        "Vous ne recevrez plus par e-mail les messages sur votre carte, comme les points ou le niveau.",
    ),
    "unsubscribe_do": ("Stop these e-mails", "Ne plus recevoir ces e-mails"),
    "unsubscribed": ("It is done. No more of these e-mails.", "C’est fait. Vous ne recevrez plus ces e-mails."),
    "busy": (
        "The service is busy. Try again in a moment.",
        "Le service est occupé. Réessayez dans un instant.",
    ),
    "refused": (
        "This page does not take such a request. Go back and try again.",
        "Cette page n’accepte pas cette demande. Revenez en arrière et réessayez.",
    ),
    "failed": (
        "Something broke on our side, and it has been noted. Try again later.",
        "Une panne est survenue chez nous et a été notée. Réessayez plus tard.",
    ),
    "not_from_here": (
        "This form was not sent from this page. Open the page again and retry.",
        "Ce formulaire n’a pas été envoyé depuis cette page. Rouvrez-la et réessayez.",
    ),
    # Choosing a program
    "your_cards": ("Your cards", "Vos cartes"),
    "choose": ("Choose a program to see your card.", "Choisissez un programme pour voir votre carte."),
    # Signing in
    "sign_in": ("Sign in", "Connexion"),
    "sign_in_to": (
        "Sign in to see your card.",
        "Connectez-vous pour voir votre carte.",
    ),
    "email": ("E-mail address", "Adresse e-mail"),
    "send_code": ("Send me a code", "Envoyez-moi un code"),
    "code": ("Code", "Code"),
    "code_sent": (
        "If {email} belongs to a member, a code of 6 digits is on its way. It is good for {minutes} minutes.",
        "Si {email} est l’adresse d’un membre, un code à 6 chiffres est en route. Il est valable {minutes} minutes.",
    ),
    "code_waits": (
        "A code was sent a moment ago: enter that one, or wait {seconds} seconds for another.",
        "Un code vient d’être envoyé : saisissez-le, ou attendez {seconds} secondes pour en avoir un autre.",
    ),
    "show_card": ("Show my card", "Voir ma carte"),
    "other_address": ("Use another address", "Utiliser une autre adresse"),
    "wrong_email": (
        "This is not an e-mail address. It looks like name@example.org.",
        "Ceci n’est pas une adresse e-mail. Exemple : nom@example.org.",
    ),
    "wrong_code": (
        "This code is wrong or too old. Check the digits, or ask for a new code.",
        "Ce code est faux ou trop ancien. Vérifiez les chiffres ou demandez un nouveau code.",
    ),
    "demo_hint": (
        "In the demo, codes are shown in the outbox.",
        "Dans la démo, les codes s’affichent dans la boîte d’envoi.",
    ),
    # The card
    "colon": (": ", "\u00a0: "),
    "card_of": ("Card of {name}", "Carte de {name}"),
    "qr_label": ("QR code of your card", "QR code de votre carte"),
    "show_at_till": (
        "Show this code at the till. It renews itself.",
        "Présentez ce code en caisse. Il se renouvelle tout seul.",
    ),
    "code_stale": (
        "No connection: this code may be too old for the till. The card number always works.",
        "Pas de connexion : ce code est peut-être trop ancien pour la caisse. Le numéro de carte marche toujours.",
    ),
    "card_blocked": (
        "This card is blocked. Ask at the till for a new one.",
        "Cette carte est bloquée. Demandez-en une nouvelle en caisse.",
    ),
    "card_number": ("Card number", "Numéro de carte"),
    "balance": ("Balance", "Solde"),
    "your_tier": ("Your level", "Votre niveau"),
    "top_tier": ("This is the highest level.", "C’est le niveau le plus haut."),
    "progress_to": ("Progress to {tier}", "Progression vers {tier}"),
    "rewards": ("Rewards", "Récompenses"),
    "for_price": ("for {price}", "pour {price}"),
    "reward_ready": ("You can have it now, at the till.", "À vous dès maintenant, en caisse."),
    "reward_missing": ("{missing} to go", "encore {missing}"),
    "reward_not_for_tier": ("for other levels", "pour d’autres niveaux"),
    "recommended": ("You may like", "Vous aimerez peut-être"),
    "history": ("Latest entries", "Dernières écritures"),
    "no_entries": ("Nothing yet.", "Rien pour l’instant."),
    "apple": ("Add to Apple Wallet", "Ajouter à Apple Wallet"),
    "google": ("Add to Google Wallet", "Ajouter à Google Wallet"),
    "print": ("Print my card", "Imprimer ma carte"),
    "apple_development": (
        "The pass for Apple Wallet is signed for development only: a real iPhone takes it once the shop has a pass "
        "certificate from Apple.",
        "Le pass pour Apple Wallet n’est signé que pour le développement : un véritable iPhone l’acceptera quand le "
        "magasin aura un certificat d’Apple.",
    ),
    "google_development": (
        "The card for Google Wallet is made for development only: a real Android phone gets it once the shop has an "
        "issuer account at Google.",
        "La carte pour Google Wallet n’est faite que pour le développement : un véritable téléphone Android la recevra "
        "quand le magasin aura un compte d’émetteur chez Google.",
    ),
    "sign_out": ("Sign out", "Se déconnecter"),
    # The demo
    "demo_title": ("Carnet is running", "Carnet est en marche"),
    "demo_lead": (
        "A record shop with real purchases, on your machine. Nothing leaves it.",
        "Un magasin de disques avec de vrais achats, sur votre machine. Rien n’en sort.",
    ),
    "pages": ("Pages", "Pages"),
    "figures": ("The shop today", "Le magasin aujourd’hui"),
    "figures_source": (
        "Purchases of 2,357 customers of CDNOW (Fader and Hardie’s sample), moved so that the last one was on the day "
        "before the first start.",
        "Achats de 2 357 clients de CDNOW (échantillon de Fader et Hardie), décalés pour que le dernier ait eu lieu la "
        "veille du premier démarrage.",
    ),
    "members": ("Members", "Membres"),
    "sales": ("Sales", "Ventes"),
    "revenue": ("Revenue", "Chiffre d’affaires"),
    "outstanding": ("{unit} outstanding", "{unit} en circulation"),
    "members_by_tier": ("Members by level", "Membres par niveau"),
    "tier": ("Level", "Niveau"),
    "share": ("Share", "Part"),
    "open_card": ("{name}’s card", "La carte de {name}"),
    "open_card_what": (
        "The card page of a member, with a QR code that renews itself",
        "La page carte d’un membre, avec un QR code qui se renouvelle",
    ),
    "open_wallet": ("{name}’s iPhone", "L’iPhone de {name}"),
    "open_wallet_what": (
        "An emulated Apple Wallet: its pass updates itself after a sale",
        "Un Apple Wallet émulé : son pass se met à jour après une vente",
    ),
    "open_passes": ("{name}’s passes", "Les passes de {name}"),
    "open_passes_what": (
        "How both wallets draw the card, front and back",
        "Comment les deux wallets dessinent la carte, des deux côtés",
    ),
    "open_outbox": ("Outbox", "Boîte d’envoi"),
    "open_outbox_what": (
        "Sign-in codes, e-mail and push messages that would go out",
        "Codes de connexion, e-mails et notifications qui partiraient",
    ),
    "open_docs": ("API", "API"),
    "open_docs_what": ("Every call, with its answers and refusals", "Chaque appel, avec ses réponses et ses refus"),
    "main_job": ("The main job, from a shell", "L’essentiel, dans un terminal"),
    "step_code": (
        "{name}’s phone shows a code that changes every 30 seconds",
        "Le téléphone de {name} montre un code qui change toutes les 30 secondes",
    ),
    "step_scan": ("The till scans it", "La caisse le lit"),
    "step_sale": (
        "The till records a sale: see points and level move",
        "La caisse enregistre une vente : points et niveau bougent",
    ),
    "step_told": ("{name} is told at once", "{name} l’apprend aussitôt"),
    "next": ("What to try next", "À essayer ensuite"),
    "next_join": (
        "Join as a new member; the code is in the outbox, and the text is in your language:",
        "Devenez membre ; le code est dans la boîte d’envoi, et le texte dans votre langue :",
    ),
    "next_rules": (
        "Change the rules: edit programs/{program}.yaml, then publish the new version:",
        "Changez les règles : modifiez programs/{program}.yaml, puis publiez la nouvelle version :",
    ),
    "all_values": (
        "The till’s key, the manager’s password and tokens of {name} are in {file}.",
        "La clé de la caisse, le mot de passe du gérant et les jetons de {name} sont dans {file}.",
    ),
    "starting": (
        "The demo is still starting. Load this page again in a moment.",
        "La démo démarre encore. Rechargez cette page dans un instant.",
    ),
    "outbox_lead": (
        "What would have gone out by e-mail, Firebase or SMS, the newest first.",
        "Ce qui serait parti par e-mail, Firebase ou SMS, le plus récent d’abord.",
    ),
    "as_json": ("The same as JSON", "La même chose en JSON"),
    "reload": ("Load again", "Recharger"),
    "nothing_sent": ("Nothing has been sent yet.", "Rien n’a encore été envoyé."),
    "to": ("to {to}", "à {to}"),
    "back": ("Back to the start", "Retour au début"),
    "wallet_title": ("{name}’s iPhone", "L’iPhone de {name}"),
    "wallet_lead": (
        "The pass is signed and pushed as Apple wants it, with certificates that are not Apple’s. This device asks "
        "Carnet over HTTP, as a real one does.",
        "Le pass est signé et notifié comme Apple le demande, avec des certificats qui ne sont pas ceux d’Apple. Cet "
        "appareil interroge Carnet par HTTP, comme un vrai.",
    ),
    "passes_title": ("{name}’s passes", "Les passes de {name}"),
    "passes_lead": (
        "Read out of the signed .pkpass file and of what Google Wallet is sent, and drawn here as the phones lay it out. "
        "The real apps choose their own letters and spacing.",
        "Lu dans le fichier .pkpass signé et dans ce que reçoit Google Wallet, et dessiné ici selon la disposition des "
        "téléphones. Les vraies applications choisissent leurs lettres et leurs espacements.",
    ),
    "phone_language": ("The phone speaks", "Le téléphone parle"),
    "pass_front": ("Front", "Recto"),
    "pass_back": ("Back", "Verso"),
    "pass_details": ("Details", "Détails"),
    "wallet_pass": ("The pass", "Le pass"),
    "wallet_code": ("Barcode of the pass", "Code-barres du pass"),
    "lock_screen": ("Lock screen", "Écran verrouillé"),
    "lock_screen_empty": (
        "Nothing yet. Record a sale to {name} and load this page again.",
        "Rien pour l’instant. Enregistrez une vente à {name} et rechargez cette page.",
    ),
    "back_of_pass": ("The back of the pass", "Le dos du pass"),
    "updated_at": ("Last update: {at}", "Dernière mise à jour : {at}"),
}
