"""Google Wallet's loyalty class (a brand, or one of its tiers) and loyalty object (a card) as JSON.

Names and enums as in the discovery document of walletobjects v1. A text longer than Google says that phones show is cut
with an ellipsis, so that the cut is ours and can be seen.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from babel.dates import format_date

from passes import texts
from passes.errors import PassRefused
from passes.face import BrandFace, CardFace, FaceBalance, FaceLocation, FaceTier
from passes.face_rules import link_url, rgb, shown_name, shown_text, text_faults

Json = dict[str, object]

LOCATIONS_MAX: Final = 10
TEXT_MODULES_MAX: Final = 10
NAME_CHARACTERS_MAX: Final = 20
POINTS_LABEL_CHARACTERS_MAX: Final = 9
ACCOUNT_LABEL_CHARACTERS_MAX: Final = 15
HEADER_CHARACTERS_MAX: Final = 35
BODY_CHARACTERS_MAX: Final = 500
SUFFIX_CHARACTERS_MAX: Final = 140
PERIOD_MILLIS: Final = 30_000
CODE_DIGITS: Final = 8
TOTP_KEY_BYTES: Final = 20
_INT32_MAX: Final = 2**31 - 1


def wallet_id(issuer_id: str, suffix: str) -> str:
    """Return Google's name for a class or an object; raises `PassRefused` for other characters."""
    if not re.fullmatch(r"[0-9]+", issuer_id):
        raise PassRefused("issuer id", "is not a number")
    if not re.fullmatch(rf"[A-Za-z0-9._-]{{1,{SUFFIX_CHARACTERS_MAX}}}", suffix):
        raise PassRefused("id", f"{suffix[:20]!r} has more than letters, digits, dots, _ and -")
    return f"{issuer_id}.{suffix}"


def loyalty_class(
    brand: BrandFace,
    *,
    issuer_id: str,
    class_suffix: str,
    logo_url: str,
    tier: FaceTier | None = None,
    callback_url: str | None = None,
) -> Json:
    """Lay out a brand's class; `logo_url` must be public, since Google fetches the picture.

    Google shows a tier from the class, so each tier has a class of its own; its name is in the brand's own language, as
    the other texts are. Google approves a class that says UNDER_REVIEW by itself, and wants to hear it every time.
    Every key is always there: a PATCH then also takes away what the brand no longer has.
    """
    rgb(brand.colours.background, field="hexBackgroundColor")
    return _clean(
        {
            "id": wallet_id(issuer_id, class_suffix),
            **_localized("issuerName", brand.organization, brand, most=NAME_CHARACTERS_MAX),
            **_localized("programName", brand.program_name, brand, most=NAME_CHARACTERS_MAX),
            "programLogo": _image(logo_url, brand),
            "reviewStatus": "UNDER_REVIEW",
            "hexBackgroundColor": brand.colours.background,
            **_tier(tier, brand),
            **_localized("accountNameLabel", texts.MEMBER, brand, most=ACCOUNT_LABEL_CHARACTERS_MAX),
            **_localized("accountIdLabel", texts.CARD_NUMBER, brand, most=ACCOUNT_LABEL_CHARACTERS_MAX),
            "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
            "merchantLocations": _locations(brand.locations),
            "linksModuleData": {"uris": _links(brand)},
            "callbackOptions": {"url": _https("callbackOptions", callback_url)} if callback_url else None,
        }
    )


def loyalty_object(face: CardFace, *, issuer_id: str, class_suffix: str, totp_key: bytes, now: datetime) -> Json:
    """Lay out a card's object; it holds the card's key, so it goes to Google over REST only.

    Every key is always there, as in a class. The phone draws the rotating code by itself, without a network too, so there
    is no static code to fall back on: Google would show it on the web, where nothing hides it. A card that is voided or
    over gets no code at all.
    """
    if len(totp_key) != TOTP_KEY_BYTES:
        raise PassRefused("totp_key", f"is not {TOTP_KEY_BYTES} bytes")
    main, second = [*face.balances[:2], None, None][:2]
    state = _state(face, now=now)
    return _clean(
        {
            "id": wallet_id(issuer_id, face.serial),
            "classId": wallet_id(issuer_id, class_suffix),
            "state": state,
            "accountName": shown_name(face.holder, most=NAME_CHARACTERS_MAX),
            "accountId": face.card_number,
            "loyaltyPoints": _points(main, face.brand),
            "secondaryLoyaltyPoints": _points(second, face.brand),
            "barcode": None,
            "rotatingBarcode": _rotating_code(face, totp_key) if state == "ACTIVE" else None,
            "textModulesData": _text_modules(face),
            "merchantLocations": None if face.locations is None else _locations(face.locations[:LOCATIONS_MAX]),
            "validTimeInterval": _valid_until(face.expires_at) if face.expires_at else None,
            "passConstraints": {"screenshotEligibility": "INELIGIBLE"},
        }
    )


def loyalty_message(*, message_id: str, title: str, body: str, until: datetime, notify: bool) -> Json:
    """Lay out a message for `addMessage`; Google takes it off the card at its end."""
    return _clean(
        {
            "id": message_id,
            "header": shown_text(title),
            "body": shown_text(body),
            "messageType": "TEXT_AND_NOTIFY" if notify else "TEXT",
            "displayInterval": _valid_until(until),
        }
    )


def _state(face: CardFace, *, now: datetime) -> str:
    if face.voided:
        return "INACTIVE"
    return "EXPIRED" if face.expires_at is not None and _aware(face.expires_at) <= now else "ACTIVE"


def _tier(tier: FaceTier | None, brand: BrandFace) -> Json:
    """Lay out the tier's name and its label; the name has more than the 7 characters of Google's advice, as PLATINUM has."""
    if tier is None:
        keys = ("rewardsTier", "localizedRewardsTier", "rewardsTierLabel", "localizedRewardsTierLabel")
        return dict.fromkeys(keys)
    return {
        **_localized("rewardsTier", tier.name, brand, most=NAME_CHARACTERS_MAX),
        **_localized("rewardsTierLabel", texts.TIER, brand, most=POINTS_LABEL_CHARACTERS_MAX),
    }


def _points(balance: FaceBalance | None, brand: BrandFace) -> Json | None:
    if balance is None:
        return None
    label = _localized("label", balance.label, brand, most=POINTS_LABEL_CHARACTERS_MAX)
    return label | {"balance": _amount(balance)}


def _amount(balance: FaceBalance) -> Json:
    """Whole units as a number, which Google writes in the phone's language; money in millionths."""
    if balance.currency is not None:
        micros = balance.raw * 10 ** (6 - balance.currency.digits)
        return {"money": {"micros": str(micros), "currencyCode": balance.currency.code}}
    if abs(balance.raw) <= _INT32_MAX:
        return {"int": balance.raw}
    return {"string": balance.amount}


def _rotating_code(face: CardFace, totp_key: bytes) -> Json:
    """Lay out the code that the app draws too: prefix, second, RFC 6238 code of the half minute."""
    if not re.fullmatch(r"7[0-9]{15}", face.rotating_prefix):
        raise PassRefused("rotatingBarcode", "its prefix is not 7, card number and check digit")
    return {
        "type": "QR_CODE",
        "renderEncoding": "UTF_8",
        "valuePattern": face.rotating_prefix + "{totp_timestamp_seconds}{totp_value_0}",
        "totpDetails": {
            "algorithm": "TOTP_SHA1",
            "periodMillis": str(PERIOD_MILLIS),
            "parameters": [{"key": totp_key.hex(), "valueLength": CODE_DIGITS}],
        },
        "alternateText": face.card_number,
    }


def _text_modules(face: CardFace) -> list[Json]:
    """List what has no place of its own, what matters first: phones show ten."""
    since = face.member_since and format_date(face.member_since, "long", locale=face.locale)
    balances = ((f"balance-{more.unit}", more.label, more.amount) for more in face.balances[2:])
    lines = [
        ("promotion", texts.PROMOTION, face.promotion),
        ("next-tier", texts.NEXT_TIER, face.next_tier),
        ("next-reward", texts.NEXT_REWARD, face.next_reward),
        ("expiry", texts.EXPIRY, face.expiry),
        ("rewards", texts.REWARDS, "\n".join(face.rewards)),
        ("member-since", texts.MEMBER_SINCE, since),
        *balances,
    ]
    return [
        {
            "id": re.sub(r"[^A-Za-z0-9_-]", "-", key),  # a dot would part it into a path
            **_localized("header", label, face.brand, most=HEADER_CHARACTERS_MAX),
            "body": _cut_lines(body, most=BODY_CHARACTERS_MAX),
        }
        for key, label, body in lines
        if body
    ][:TEXT_MODULES_MAX]


def _links(brand: BrandFace) -> list[Json]:
    return [
        {
            "id": f"link-{index}",
            "uri": link_url(link.url, field="links"),
            **_localized("description", link.label, brand, most=NAME_CHARACTERS_MAX),
        }
        for index, link in enumerate(brand.links)
    ]


def _locations(places: Sequence[FaceLocation]) -> list[Json]:
    if len(places) > LOCATIONS_MAX:
        raise PassRefused("merchantLocations", f"has room for {LOCATIONS_MAX}")
    if not all(-90 <= place.latitude <= 90 and -180 <= place.longitude <= 180 for place in places):
        raise PassRefused("merchantLocations", "holds a place that is not on Earth")
    return [{"latitude": place.latitude, "longitude": place.longitude} for place in places]


def _image(url: str, brand: BrandFace) -> Json:
    return {
        "sourceUri": {"uri": _https("programLogo", url)},
        "contentDescription": _in_all_languages(brand.organization, brand),
    }


def _valid_until(moment: datetime) -> Json:
    return {"end": {"date": _aware(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise PassRefused("validTimeInterval", "has no time zone")
    return moment


def _localized(key: str, text: str, brand: BrandFace, *, most: int) -> Json:
    """Give a text as it is, and beside it in every language that it is translated to."""
    localized = f"localized{key[0].upper()}{key[1:]}"
    return {key: _cut(text, most=most), localized: _in_all_languages(text, brand, most=most)}


def _in_all_languages(text: str, brand: BrandFace, *, most: int = BODY_CHARACTERS_MAX) -> Json:
    says = {language: texts.texts_in(language, brand=brand).get(text, text) for language in texts.LANGUAGES}
    translated = [
        {"language": language, "value": _cut(value, most=most)} for language, value in says.items() if value != text
    ]
    # A text that is translated into English is in another of our languages itself, or in one that is not ours.
    own = next((language for language in texts.LANGUAGES if says[language] == text), "und")
    return {"defaultValue": {"language": own, "value": _cut(text, most=most)}, "translatedValues": translated}


def _cut(text: str, *, most: int) -> str:
    return text if len(text) <= most else shown_name(text, most=most)


def _cut_lines(text: str, *, most: int) -> str:
    """Keep whole lines where there are several."""
    if len(text) <= most:
        return text
    kept, _, _ = text[: most - 1].rpartition("\n")
    return f"{kept}\n…" if kept else _cut(text, most=most)


def _clean(made: Json) -> Json:
    for path, what in text_faults(made):
        raise PassRefused(path, what)
    return made


def _https(field: str, url: str) -> str:
    if not re.fullmatch(r"https://[^\s]+", url):
        raise PassRefused(field, "is not an https address")
    return url
