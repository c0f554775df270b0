"""Apple's rules for pass.json, as its documentation and the public validators have them.

The same rules refuse a pass before it is signed (`pass_json`) and find faults in a finished
file (`check_pass`), so they take whatever JSON gives them. iOS shows "cannot be added" at most:
each fault therefore names its field.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeGuard

from passes.face_rules import text_faults

STYLES: Final = ("storeCard", "coupon", "generic", "eventTicket", "boardingPass")
LOCATIONS_MAX: Final = 10
NFC_MESSAGE_BYTES_MAX: Final = 64
TOKEN_CHARACTERS_MIN: Final = 16
_HEADER_MAX: Final = 3
_ROW_MAX: Final = 4

Json = dict[str, object]
# A key of a field or place and what is wrong with it. The path before it is written for faults only: a sound pass, which
# is nearly every one, costs none.
_Named = tuple[str, str]
_DEMANDING: Final = frozenset(
    ("numberStyle", "currencyCode", "dateStyle", "timeStyle", "textAlignment", "attributedValue", "dataDetectorTypes")
)


@dataclass(frozen=True)
class Fault:
    """A field, called as in the file, and what is wrong with it."""

    field: str
    what: str


def faults_of(document: object, *, nfc_allowed: bool = False) -> Iterator[Fault]:
    """Find every rule that a pass.json breaks; in doubt Apple's documentation is followed.

    `nfc_allowed`: whether the certificate that signs it has Apple's leave for NFC; without it, NFC kills the pass.
    """
    if not isinstance(document, dict):
        yield Fault("pass.json", "is not a JSON object")
        return
    yield from (Fault(path, what) for path, what in text_faults(document))
    yield from _identity(document)
    for key, value in document.items():
        if key not in _TOP and key not in STYLES:
            yield Fault(key, "is not a key that this kind of pass may have")
        elif key in _TOP and (what := _TOP[key](value)):
            yield Fault(key, what)
    yield from _updates(document)
    yield from _barcodes(document)
    yield from _places(document)
    yield from _dates(document)
    yield from _nfc(document, allowed=nfc_allowed)
    yield from _style(document)


def _identity(document: Json) -> Iterator[Fault]:
    for key in _REQUIRED:
        if key not in document:
            yield Fault(key, "is missing")
    styles = [style for style in STYLES if style in document]
    if len(styles) != 1:
        yield Fault("style", f"needs exactly one of {', '.join(STYLES)}; has {styles or 'none'}")
    if "groupingIdentifier" in document and styles not in (["eventTicket"], ["boardingPass"]):
        yield Fault("groupingIdentifier", "is for event tickets and boarding passes")
    if "appLaunchURL" in document and "associatedStoreIdentifiers" not in document:
        yield Fault("appLaunchURL", "needs associatedStoreIdentifiers")


def _updates(document: Json) -> Iterator[Fault]:
    if ("webServiceURL" in document) != ("authenticationToken" in document):
        missing = "webServiceURL" if "authenticationToken" in document else "authenticationToken"
        yield Fault(missing, "webServiceURL and authenticationToken come both or not at all")


def _barcodes(document: Json) -> Iterator[Fault]:
    many = document.get("barcodes", [])
    if not isinstance(many, list):
        yield Fault("barcodes", "is not a list")
        return
    for index, code in enumerate(many):
        yield from _barcode(code, f"barcodes[{index}]", _FORMATS)
    if "barcode" in document:
        yield from _barcode(document["barcode"], "barcode", _FORMATS - {"PKBarcodeFormatCode128"})


def _barcode(code: object, path: str, formats: frozenset[str]) -> Iterator[Fault]:
    if not isinstance(code, dict):
        yield Fault(path, "is not an object")
        return
    if not isinstance(form := code.get("format"), str) or form not in formats:
        yield Fault(f"{path}.format", f"is none of {', '.join(sorted(formats))}")
    message, encoding = code.get("message"), code.get("messageEncoding")
    if not isinstance(message, str) or not message:
        yield Fault(f"{path}.message", "is not a text")
    elif not isinstance(encoding, str) or not _is_charset(encoding):
        yield Fault(f"{path}.messageEncoding", "is not the name of a character set")
    elif not _is_encodable(message, encoding):
        yield Fault(f"{path}.message", f"cannot be written in {encoding}")
    if "altText" in code and not isinstance(code["altText"], str):
        yield Fault(f"{path}.altText", "is not a text")


def _places(document: Json) -> Iterator[Fault]:
    for key in ("locations", "beacons"):
        places = document.get(key, [])
        if not isinstance(places, list) or len(places) > LOCATIONS_MAX:
            yield Fault(key, f"is not a list of at most {LOCATIONS_MAX}")
            continue
        of_place = _location if key == "locations" else _beacon
        for index, place in enumerate(places):
            if not isinstance(place, dict):
                yield Fault(f"{key}[{index}]", "is not an object")
                continue
            for name, what in of_place(place):
                yield Fault(f"{key}[{index}].{name}", what)


def _location(place: Json) -> Iterator[_Named]:
    for key, most in (("latitude", 90), ("longitude", 180)):
        degrees = place.get(key)
        if not _is_number(degrees) or not -most <= degrees <= most:
            yield key, f"is not between -{most} and {most} degrees"
    if "altitude" in place and not _is_number(place["altitude"]):
        yield "altitude", "is not a number"
    if "relevantText" in place and (what := _text(place["relevantText"])):
        yield "relevantText", what


def _beacon(beacon: Json) -> Iterator[_Named]:
    if what := _uuid(beacon.get("proximityUUID")):
        yield "proximityUUID", what
    for key in ("major", "minor"):
        if key in beacon and not (type(number := beacon[key]) is int and 0 <= number <= _UINT16_MAX):
            yield key, f"is not a whole number from 0 to {_UINT16_MAX}"
    if "relevantText" in beacon and (what := _text(beacon["relevantText"])):
        yield "relevantText", what


def _dates(document: Json) -> Iterator[Fault]:
    dates = document.get("relevantDates", [])
    if not isinstance(dates, list):
        yield Fault("relevantDates", "is not a list")
        return
    for index, when in enumerate(dates):
        path = f"relevantDates[{index}]"
        if not isinstance(when, dict) or when.keys() not in ({"date"}, {"startDate", "endDate"}):
            yield Fault(path, "has neither date alone nor startDate and endDate")
            continue
        for key, value in when.items():
            if what := _not_date(value):
                yield Fault(f"{path}.{key}", what)


def _nfc(document: Json, *, allowed: bool) -> Iterator[Fault]:
    """Find what is wrong with what an NFC reader is told (WALLETS.md, 1.1)."""
    if "nfc" not in document:
        return
    if not allowed:
        yield Fault(
            "nfc", "needs a pass certificate to which Apple has given NFC; from another, Wallet refuses the pass"
        )
    nfc = document["nfc"]
    if not isinstance(nfc, dict):
        yield Fault("nfc", "is not an object")
        return
    message = nfc.get("message")
    if not isinstance(message, str) or not 1 <= len(message.encode(errors="replace")) <= NFC_MESSAGE_BYTES_MAX:
        yield Fault("nfc.message", f"is not a text of 1 to {NFC_MESSAGE_BYTES_MAX} bytes")
    if not is_p256_compressed(nfc.get("encryptionPublicKey")):
        yield Fault("nfc.encryptionPublicKey", "is not base64 of a P-256 public key, compressed, in X.509's form")
    if "requiresAuthentication" in nfc and (what := _flag(nfc["requiresAuthentication"])):
        yield Fault("nfc.requiresAuthentication", what)
    for key in sorted(nfc.keys() - {"message", "encryptionPublicKey", "requiresAuthentication"}):
        yield Fault(f"nfc.{key}", "is not a key that nfc may have")


def _style(document: Json) -> Iterator[Fault]:
    seen: set[str] = set()
    for style in [each for each in STYLES if each in document]:
        body = document[style]
        if not isinstance(body, dict):
            yield Fault(style, "is not an object")
            continue
        for group, fields in body.items():
            path = f"{style}.{group}"
            if group == "transitType" and style == "boardingPass":
                continue
            if group not in _GROUPS or not isinstance(fields, list):
                yield Fault(path, "is not a list of fields that Wallet knows")
                continue
            for index, field in enumerate(fields):
                if not isinstance(field, dict):
                    yield Fault(f"{path}[{index}]", "is not an object")
                    continue
                for name, what in _field(field, group, seen):
                    yield Fault(f"{path}[{index}].{name}", what)
        yield from _room(style, body)
        if style == "boardingPass" and "transitType" not in body:
            yield Fault(f"{style}.transitType", "is missing")


def _room(style: str, body: Json) -> Iterator[Fault]:
    def count(*groups: str) -> int:
        return sum([len(fields) for group in groups if isinstance(fields := body.get(group), list)])

    if count("headerFields") > _HEADER_MAX:
        yield Fault(f"{style}.headerFields", f"has room for {_HEADER_MAX}")
    if count("primaryFields") > (most := 2 if style == "boardingPass" else 1):
        yield Fault(f"{style}.primaryFields", f"has room for {most}")
    if style in ("storeCard", "coupon") and count("secondaryFields", "auxiliaryFields") > _ROW_MAX:
        yield Fault(f"{style}.auxiliaryFields", f"has room for {_ROW_MAX} together with secondaryFields")
    if style == "generic":
        for group in ("secondaryFields", "auxiliaryFields"):
            if count(group) > _ROW_MAX:
                yield Fault(f"{style}.{group}", f"has room for {_ROW_MAX}")


def _field(field: Json, group: str, seen: set[str]) -> Iterator[_Named]:
    key, value = field.get("key"), field.get("value")
    if not isinstance(key, str) or not key:
        yield "key", "is not a text"
    elif key in seen:
        yield "key", f"{key!r} is there twice; keys are unique in the whole pass"
    else:
        seen.add(key)
    if not isinstance(value, str) and not _is_number(value):
        yield "value", "is neither a text nor a number"
    for name, part in field.items():
        if (test := _FIELD.get(name)) is None:
            yield name, "is not a key that a field may have"
        elif what := test(part):
            yield name, what
    if not _DEMANDING.isdisjoint(field):
        yield from _field_pairs(field, group)


def _field_pairs(field: Json, group: str) -> Iterator[_Named]:
    """Find what one key of a field demands of the others, and of where the field stands; it is one of `_DEMANDING`."""
    value = field.get("value")
    if "numberStyle" in field and "currencyCode" in field:
        yield "numberStyle", "excludes currencyCode"
    if ("numberStyle" in field or "currencyCode" in field) and not _is_number(value):
        yield "value", "is not a number, but is to be shown as one"
    if ("dateStyle" in field or "timeStyle" in field) and _not_date(value):
        yield "value", "is not a W3C date with a time zone"
    if "textAlignment" in field and group in ("primaryFields", "backFields"):
        yield "textAlignment", f"is not for {group}"
    for name in ("attributedValue", "dataDetectorTypes"):
        if name in field and group != "backFields":
            yield name, "is for backFields only"


def _is_number(value: object) -> TypeGuard[int | float]:
    """Tell whether this is a number that JSON readers keep exactly; NaN and infinity are not."""
    return (type(value) is int or type(value) is float) and abs(value) <= 2**53  # not bool, which is an int too


def is_p256_compressed(text: object) -> bool:
    """Tell whether this is a SubjectPublicKeyInfo of which only the point differs from one key to the next."""
    if not isinstance(text, str):
        return False
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(key) == _P256_BYTES and key.startswith(_P256_PREFIX) and key[len(_P256_PREFIX)] in {2, 3}


def _is_charset(name: str) -> bool:
    try:
        codecs.lookup(name)
    except (LookupError, ValueError):
        return False
    return True


def _is_encodable(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except (UnicodeError, LookupError):
        return False
    return True


# What a single value must be: each returns what is wrong with it, or None.
_Test = Callable[[object], str | None]


def _text(value: object) -> str | None:
    return None if isinstance(value, str) else "is not a text"


def _filled(value: object) -> str | None:
    return None if isinstance(value, str) and value.strip() else "is not a text, or is empty"


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "is neither true nor false"


def _anything(_: object) -> str | None:
    return None


def _looks_like(pattern: str, what: str) -> _Test:
    fits = re.compile(pattern).fullmatch

    def test(value: object) -> str | None:
        return None if isinstance(value, str) and fits(value) else what

    return test


def _one_of(prefix: str, *names: str) -> _Test:
    allowed = [prefix + name for name in names]

    def test(value: object) -> str | None:
        return None if value in allowed else f"is none of {', '.join(allowed)}"

    return test


def _format_version(value: object) -> str | None:
    return None if type(value) is int and value == 1 else "is not the number 1"


def _token(value: object) -> str | None:
    long_enough = isinstance(value, str) and len(value) >= TOKEN_CHARACTERS_MIN
    return None if long_enough else f"is shorter than {TOKEN_CHARACTERS_MIN} characters"


def _not_date(value: object) -> str | None:
    if isinstance(value, str) and re.fullmatch(_W3C_DATE, value):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return "is not a date of the calendar"
        return None
    return "is not a W3C date with hours, minutes and a time zone"


def _change_message(value: object) -> str | None:
    if isinstance(value, str) and value.count("%@") == 1 and value.count("%") == 1:
        return None
    return "does not hold %@ once, and no other %"


def _links_only(value: object) -> str | None:
    tags = re.findall(r"<[^>]*>?", value) if isinstance(value, str) else [""]
    fine = all(re.fullmatch(r"""<a href=("[^"<>]*"|'[^'<>]*')>|</a>""", tag) for tag in tags)
    return None if fine else "holds more than text and <a href>"


def _detectors(value: object) -> str | None:
    known = {"PhoneNumber", "Link", "Address", "CalendarEvent"}
    allowed = {f"PKDataDetectorType{name}" for name in known}
    fine = isinstance(value, list) and all(isinstance(v, str) and v in allowed for v in value)
    return None if fine else f"holds more than {', '.join(sorted(allowed))}"


def _semantics(value: object) -> str | None:
    """Look at the one that store cards have: what is on the card, as an amount in text and its currency."""
    if not isinstance(value, dict):
        return "is not an object"
    balance = value.get("balance")
    if "balance" not in value or (
        isinstance(balance, dict)
        and isinstance(balance.get("amount"), str)
        and re.fullmatch(r"-?\d+(\.\d+)?", balance["amount"])
        and isinstance(balance.get("currencyCode"), str)
        and re.fullmatch("[A-Z]{3}", balance["currencyCode"])
    ):
        return None
    return 'has a balance that is not like {"amount": "21.75", "currencyCode": "EUR"}'


def _numbers(value: object) -> str | None:
    fine = isinstance(value, list) and all(_is_number(number) for number in value)
    return None if fine else "is not a list of numbers"


def _metres(value: object) -> str | None:
    return None if _is_number(value) and value > 0 else "is not a number above 0"


def _row(value: object) -> str | None:
    return None if value in (0, 1) else "is neither 0 nor 1"


_UINT16_MAX: Final = 65_535
# AlgorithmIdentifier (id-ecPublicKey, prime256v1) and the BIT STRING's head, of a point of 33 bytes (RFC 5480).
_P256_PREFIX: Final = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
_P256_BYTES: Final = len(_P256_PREFIX) + 33
_W3C_DATE: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)"
_BYTE: Final = r"(25[0-5]|2[0-4]\d|1?\d?\d)"
_colour: Final = _looks_like(
    rf"rgb\(\s*{_BYTE}\s*,\s*{_BYTE}\s*,\s*{_BYTE}\s*\)", "is not rgb(r, g, b) with 0 to 255 each"
)
_uuid: Final = _looks_like(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", "is not a UUID")
_date_style: Final = _one_of("PKDateStyle", "None", "Short", "Medium", "Long", "Full")
_FORMATS: Final = frozenset(f"PKBarcodeFormat{name}" for name in ("QR", "PDF417", "Aztec", "Code128"))
_GROUPS: Final = (
    "headerFields",
    "primaryFields",
    "secondaryFields",
    "auxiliaryFields",
    "backFields",
)
_REQUIRED: Final = (
    "formatVersion",
    "passTypeIdentifier",
    "teamIdentifier",
    "organizationName",
    "serialNumber",
    "description",
)
_TOP: Final[dict[str, _Test]] = {
    "formatVersion": _format_version,
    "passTypeIdentifier": _looks_like(r"pass(\.[A-Za-z0-9-]+)+", "is not of the form pass.…"),
    "teamIdentifier": _looks_like(r"[A-Z0-9]{10}", "is not 10 capitals and digits"),
    "organizationName": _filled,
    "serialNumber": _filled,
    "description": _filled,
    # iOS follows plain http only with its developer setting, so it is for trials on one machine.
    "webServiceURL": _looks_like(
        r"(https://[^\s/?#]+|http://(127\.0\.0\.1|localhost)(:[0-9]+)?(?=/))[^\s?#]*", "is not an https address"
    ),
    "authenticationToken": _token,
    "barcode": _anything,
    "barcodes": _anything,
    "locations": _anything,
    "beacons": _anything,
    "maxDistance": _metres,
    "relevantDate": _not_date,
    "relevantDates": _anything,
    "nfc": _anything,
    "expirationDate": _not_date,
    "voided": _flag,
    "sharingProhibited": _flag,
    "associatedStoreIdentifiers": _numbers,
    "appLaunchURL": _filled,
    "userInfo": _anything,
    "groupingIdentifier": _filled,
    "backgroundColor": _colour,
    "foregroundColor": _colour,
    "labelColor": _colour,
    "logoText": _text,
    "suppressStripShine": _flag,
    "semantics": _semantics,
}
_FIELD: Final[dict[str, _Test]] = {
    "key": _anything,
    "value": _anything,
    "label": _text,
    "attributedValue": _links_only,
    "changeMessage": _change_message,
    "textAlignment": _one_of("PKTextAlignment", "Left", "Center", "Right", "Natural"),
    "dateStyle": _date_style,
    "timeStyle": _date_style,
    "ignoresTimeZone": _flag,
    "isRelative": _flag,
    "numberStyle": _one_of("PKNumberStyle", "Decimal", "Percent", "Scientific", "SpellOut"),
    "currencyCode": _looks_like(r"[A-Z]{3}", "is not an ISO 4217 code"),
    "dataDetectorTypes": _detectors,
    "row": _row,
    "semantics": _semantics,
}
