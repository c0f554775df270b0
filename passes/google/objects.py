"""Google Wallet's loyalty class (a brand) and loyalty object (a card) as JSON.

Names and enums as in the discovery document of walletobjects v1.
"""

import re
from datetime import UTC, datetime
from typing import Final

from babel.dates import format_date

from passes import texts
from passes.errors import PassRefused
from passes.face import BrandFace, CardFace, FaceBalance
from passes.face_rules import link_url, rgb, text_faults

Json = dict[str, object]

LOCATIONS_MAX: Final = 10
PERIOD_MILLIS: Final = 30_000
CODE_DIGITS: Final = 8
TOTP_KEY_BYTES: Final = 20
_INT32_MAX: Final = 2**31 - 1


def wallet_id(issuer_id: str, suffix: str) -> str:
    """Return Google's name for a class or an object; raises `PassRefused` for other characters."""
    if not re.fullmatch(r"[0-9]+", issuer_id):
        raise PassRefused("issuer id", "is not a number")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", suffix):
        raise PassRefused("id", f"{suffix[:20]!r} has more than letters, digits, dots, _ and -")
    return f"{issuer_id}.{suffix}"


def loyalty_class(
    brand: BrandFace,
    *,
    issuer_id: str,
    class_suffix: str,
    logo_url: str,
    callback_url: str | None = None,
) -> Json:
    """Lay out a brand's class; `logo_url` must be public, since Google fetches the picture.

    Google approves a class that says UNDER_REVIEW by itself, and wants to hear it every time.
    """
    rgb(brand.colours.background, field="hexBackgroundColor")
    if len(brand.locations) > LOCATIONS_MAX:
        raise PassRefused("merchantLocations", f"has room for {LOCATIONS_MAX}")
    made: Json = {
        "id": wallet_id(issuer_id, class_suffix),
        "issuerName": brand.organization,
        **_localized("programName", brand.program_name, brand),
        "programLogo": {
            "sourceUri": {"uri": _https("programLogo", logo_url)},
            "contentDescription": _in_all_languages(brand.organization, brand),
        },
        "reviewStatus": "UNDER_REVIEW",
        "hexBackgroundColor": brand.colours.background,
        **_localized("accountNameLabel", texts.MEMBER, brand),
        **_localized("accountIdLabel", texts.CARD_NUMBER, brand),
        "multipleDevicesAndHoldersAllowedStatus": "ONE_USER_ALL_DEVICES",
        "merchantLocations": [{"latitude": place.latitude, "longitude": place.longitude} for place in brand.locations],
        "linksModuleData": {
            "uris": [
                {
                    "id": f"link-{index}",
                    "uri": link_url(link.url, field="links"),
                    "description": link.label,
                }
                for index, link in enumerate(brand.links)
            ]
        },
    }
    if callback_url is not None:
        made["callbackOptions"] = {"url": _https("callbackOptions", callback_url)}
    return _clean(made)


def loyalty_object(face: CardFace, *, issuer_id: str, class_suffix: str, totp_key: bytes) -> Json:
    """Lay out a card's object; it holds the card's key, so it goes to Google over REST only.

    Every key is always there: a PATCH then also takes away what the card no longer shows. A
    voided card gets no code at all.
    """
    if len(totp_key) != TOTP_KEY_BYTES:
        raise PassRefused("totp_key", f"is not {TOTP_KEY_BYTES} bytes")
    main, second = [*face.balances[:2], None, None][:2]
    codes = not face.voided
    made: Json = {
        "id": wallet_id(issuer_id, face.serial),
        "classId": wallet_id(issuer_id, class_suffix),
        "state": "INACTIVE" if face.voided else "ACTIVE",
        "accountName": face.holder,
        "accountId": face.card_number,
        "loyaltyPoints": _points(main, face.brand),
        "secondaryLoyaltyPoints": _points(second, face.brand),
        "barcode": _static_code(face) if codes else None,
        "rotatingBarcode": _rotating_code(face, totp_key) if codes else None,
        "textModulesData": _text_modules(face),
        "validTimeInterval": _valid_until(face.expires_at) if face.expires_at else None,
    }
    return _clean(made)


def _points(balance: FaceBalance | None, brand: BrandFace) -> Json | None:
    if balance is None:
        return None
    return _localized("label", balance.label, brand) | {"balance": _amount(balance)}


def _amount(balance: FaceBalance) -> Json:
    """Whole units as a number, which Google writes in the phone's language; money in millionths."""
    if balance.currency is not None:
        micros = balance.raw * 10 ** (6 - balance.currency.digits)
        return {"money": {"micros": str(micros), "currencyCode": balance.currency.code}}
    if abs(balance.raw) <= _INT32_MAX:
        return {"int": balance.raw}
    return {"string": balance.amount}


def _static_code(face: CardFace) -> Json:
    """Lay out what phones show that cannot draw a rotating code: it earns, but redeems nothing."""
    return {
        "type": "QR_CODE",
        "renderEncoding": "UTF_8",
        "value": face.static_code,
        "alternateText": face.card_number,
    }


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
    """List what has no place of its own; `rewardsTier` is the class's, so the tier stands here."""
    since = face.member_since and format_date(face.member_since, "long", locale=face.locale)
    balances = ((f"balance-{more.unit}", more.label, more.amount) for more in face.balances[2:])
    lines = [
        ("promotion", texts.PROMOTION, face.promotion),
        ("tier", texts.TIER, face.tier and face.tier.name),
        ("next-tier", texts.NEXT_TIER, face.next_tier),
        *balances,
        ("expiry", texts.EXPIRY, face.expiry),
        ("rewards", texts.REWARDS, "\n".join(face.rewards)),
        ("member-since", texts.MEMBER_SINCE, since),
    ]
    return [{"id": key, **_localized("header", label, face.brand), "body": body} for key, label, body in lines if body]


def _valid_until(moment: datetime) -> Json:
    if moment.tzinfo is None:
        raise PassRefused("validTimeInterval", "has no time zone")
    return {"end": {"date": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}}


def _localized(key: str, text: str, brand: BrandFace) -> Json:
    """Give a text as it is, and beside it in every language that it is translated to."""
    return {key: text, f"localized{key[0].upper()}{key[1:]}": _in_all_languages(text, brand)}


def _in_all_languages(text: str, brand: BrandFace) -> Json:
    translated = [
        {"language": language, "value": says}
        for language in texts.LANGUAGES
        if (says := texts.texts_in(language, brand=brand).get(text, text)) != text
    ]
    return {"defaultValue": {"language": "en", "value": text}, "translatedValues": translated}


def _clean(made: Json) -> Json:
    for path, what in text_faults(made):
        raise PassRefused(path, what)
    return made


def _https(field: str, url: str) -> str:
    if not re.fullmatch(r"https://[^\s]+", url):
        raise PassRefused(field, "is not an https address")
    return url
