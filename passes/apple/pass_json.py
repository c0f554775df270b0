"""pass.json: a store card laid out from a card's face."""

from datetime import UTC, date, datetime
from functools import lru_cache
from html import escape
from urllib.parse import urlsplit

import orjson

from passes import texts
from passes.apple.rules import faults_of
from passes.errors import PassRefused
from passes.face import CardFace, Colours, FaceBalance, FaceLink, FaceNfc
from passes.face_rules import check_contrast, link_url, rgb, shown_name, shown_text

Field = dict[str, object]

# Secondary and auxiliary fields share one row of four, and a square code leaves no other.
_BALANCES_ON_FRONT = 3


def pass_json(face: CardFace, *, pass_type_id: str, team_id: str, nfc_allowed: bool = False) -> bytes:
    """Lay out a card as Apple's pass.json (UTF-8); the same face gives the same bytes.

    `nfc_allowed`: whether the pass certificate has Apple's leave; without it, NFC is left out. Raises `PassRefused` for
    the first rule of Apple's that the card would break.
    """
    document = pass_document(face, pass_type_id=pass_type_id, team_id=team_id, nfc_allowed=nfc_allowed)
    for fault in faults_of(document, nfc_allowed=nfc_allowed):
        raise PassRefused(fault.field, fault.what)
    return orjson.dumps(document)


def pass_document(face: CardFace, *, pass_type_id: str, team_id: str, nfc_allowed: bool = False) -> dict[str, object]:
    """Lay out a card as pass.json would hold it, unchecked but for colours, dates and links."""
    brand = face.brand
    document: dict[str, object] = {
        "formatVersion": 1,
        "passTypeIdentifier": pass_type_id,
        "teamIdentifier": team_id,
        "serialNumber": face.serial,
        "organizationName": brand.organization,
        "description": brand.description,
        "sharingProhibited": True,
        "barcodes": [
            {
                "format": "PKBarcodeFormatQR",
                "message": face.static_code,
                "messageEncoding": "iso-8859-1",
                "altText": face.card_number,
            }
        ],
        "storeCard": _store_card(face),
        **_colours(brand.colours),
    }
    optional = {
        "logoText": brand.logo_text or None,
        "locations": _locations(face) or None,
        "webServiceURL": face.web_service_url,
        "authenticationToken": face.authentication_token,
        "expirationDate": _moment(face.expires_at) if face.expires_at else None,
        "voided": face.voided or None,
        "nfc": _nfc(face.nfc) if face.nfc and nfc_allowed else None,
    }
    return document | {key: value for key, value in optional.items() if value is not None}


def _store_card(face: CardFace) -> dict[str, list[Field]]:
    name = shown_name(face.holder)
    holder = [_field("holder", texts.MEMBER, name)] if name else []
    balances = [_balance(balance) for balance in face.balances]
    ahead = _ahead(face)
    program = _field("program", face.brand.organization, face.brand.program_name)
    large = balances[:1] or holder or [program]
    groups = {
        "headerFields": [_tier(face.tier.name)] if face.tier else [],
        "primaryFields": large,
        # Of what lies ahead, the one that the strip draws stands in front.
        "secondaryFields": [*(holder if balances else []), *ahead[:1]],
        "auxiliaryFields": balances[1:_BALANCES_ON_FRONT],
        "backFields": [
            _announced("message", texts.MESSAGE, shown_text(face.message or "")),
            *_given("earlier-messages", texts.EARLIER_MESSAGES, shown_text("\n\n".join(face.earlier_messages))),
            _announced("promotion", texts.PROMOTION, face.promotion),
            *balances[_BALANCES_ON_FRONT:],
            *ahead[1:],
            *_given("expiry", texts.EXPIRY, face.expiry),
            *_given("rewards", texts.REWARDS, "\n".join(face.rewards)),
            *([program] if large != [program] else []),
            _field("card-number", texts.CARD_NUMBER, face.card_number),
            *([_since(face.member_since)] if face.member_since else []),
            *(_link(index, link) for index, link in enumerate(face.brand.links)),
        ],
    }
    return {group: fields for group, fields in groups.items() if fields}


def _ahead(face: CardFace) -> list[Field]:
    """Return how far the next level and the next reward are: first what is drawn, in few words, since a row is short."""
    tier = _given("next-tier", texts.NEXT_TIER, face.next_tier)
    reward = _given("next-reward", texts.NEXT_REWARD, face.next_reward)
    if face.progress is None:
        return [*tier, *reward]
    label, whole, other = (
        (texts.NEXT_TIER, tier, reward) if face.progress.kind == "tier" else (texts.NEXT_REWARD, reward, tier)
    )
    drawn = _given("progress", label, face.progress.label)
    is_all = [field["value"] for field in drawn] == [field["value"] for field in whole]
    return [*drawn, *([] if is_all else whole), *other]


def _field(key: str, label: str, value: str) -> Field:
    return {"key": key, "label": label, "value": value}


def _given(key: str, label: str, value: str | None) -> list[Field]:
    return [_field(key, label, value)] if value else []


def _announced(key: str, label: str, value: str | None) -> Field:
    """Show a text that comes to the lock screen when it comes to the pass, and goes without a word.

    The phone tells only of a field that was there before, and whose new state has a changeMessage: so the field is always
    there, and has one while it says something. The text itself is told, without words of ours around it.
    """
    return _field(key, label, value) | {"changeMessage": "%@"} if value else _field(key, label, texts.NOTHING_NOW)


def _tier(name: str) -> Field:
    return _field("tier", texts.TIER, name) | {"changeMessage": texts.TIER_CHANGED}


def _balance(balance: FaceBalance) -> Field:
    field = _field(f"balance-{balance.unit}", balance.label, balance.amount)
    return field | {"changeMessage": texts.balance_changed(balance.label)}


def _since(day: date) -> Field:
    """Show a day; it is the same in every time zone, so the phone must not shift it."""
    return _field("member-since", texts.MEMBER_SINCE, f"{day.isoformat()}T00:00:00Z") | {
        "dateStyle": "PKDateStyleMedium",
        "timeStyle": "PKDateStyleNone",
        "ignoresTimeZone": True,
    }


@lru_cache(maxsize=256)
def _link(index: int, link: FaceLink) -> Field:
    """Show where a link leads, not its label again: the label is translated, a text with a link in it is not."""
    url = link_url(link.url, field=f"links[{index}]")
    anchor = f'<a href="{escape(url)}">{escape(_address(url))}</a>'
    return _field(f"link-{index}", link.label, url) | {"attributedValue": anchor}


def _address(url: str) -> str:
    """Return what people call an address: `shop.example/menu`, `hello@shop.example`, `+33100000000`."""
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path.rstrip('/')}" if parts.scheme == "https" else parts.path


def _locations(face: CardFace) -> list[Field]:
    places = face.brand.locations if face.locations is None else face.locations
    return [
        {"latitude": place.latitude, "longitude": place.longitude}
        | ({"relevantText": place.text} if place.text else {})
        for place in places
    ]


def _nfc(nfc: FaceNfc) -> Field:
    return {
        "message": nfc.message,
        "encryptionPublicKey": nfc.public_key,
        "requiresAuthentication": nfc.asks_holder,
    }


@lru_cache(maxsize=64)
def _colours(colours: Colours) -> dict[str, str]:
    check_contrast(colours)
    return {
        "backgroundColor": _rgb("backgroundColor", colours.background),
        "foregroundColor": _rgb("foregroundColor", colours.foreground),
        "labelColor": _rgb("labelColor", colours.label),
    }


def _rgb(field: str, colour: str) -> str:
    red, green, blue = rgb(colour, field=field)
    return f"rgb({red}, {green}, {blue})"


def _moment(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise PassRefused("expirationDate", "has no time zone")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
