"""A Google Wallet pass as a phone words it: everything is read out of the class and the object that Google is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from babel.numbers import format_currency, format_decimal

from passes.contrast import contrast
from passes.qr import qr_svg
from wallet_api.domain import card_code
from wallet_api.pages.apple_pass import ShownField

Json = Mapping[str, Any]

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_WHITE, _BLACK = "#ffffff", "#000000"
_MICROS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class GooglePass:
    """What the phone draws; `front` are the fields beside each other, `details` what stands behind the card."""

    language: str
    issuer: str
    program: str
    logo_url: str
    background: str
    ink: str
    front: Sequence[ShownField]
    details: Sequence[ShownField]
    code_text: str | None
    code_svg: str | None
    is_active: bool


def read_google_pass(loyalty: Json, card: Json, *, language: str, code_label: str, now: datetime) -> GooglePass:
    """Read a class and an object as a phone of this language does, which draws the rotating code of the moment."""
    background = str(loyalty.get("hexBackgroundColor", _WHITE))
    background = background if _COLOUR.fullmatch(background) else _WHITE
    code = card.get("rotatingBarcode") or card.get("barcode")
    return GooglePass(
        language=language,
        issuer=_said(loyalty, "issuerName", language),
        program=_said(loyalty, "programName", language),
        logo_url=str(loyalty["programLogo"]["sourceUri"]["uri"]),
        background=background,
        ink=max((_WHITE, _BLACK), key=lambda ink: contrast(ink, background)),
        front=list(_front(loyalty, card, language)),
        details=list(_details(loyalty, card, language)),
        code_text=str(code.get("alternateText", "")) if code else None,
        code_svg=qr_svg(_code(code, now=now), label=code_label).decode() if code else None,
        is_active=card.get("state") == "ACTIVE",
    )


def _front(loyalty: Json, card: Json, language: str) -> list[ShownField]:
    points = [card.get("loyaltyPoints"), card.get("secondaryLoyaltyPoints")]
    shown = [
        ShownField(label=_said(each, "label", language), value=_amount(each["balance"], language))
        for each in points
        if each
    ]
    if loyalty.get("rewardsTier"):
        label, tier = (_said(loyalty, name, language) for name in ("rewardsTierLabel", "rewardsTier"))
        shown.append(ShownField(label=label, value=tier))
    return shown


def _details(loyalty: Json, card: Json, language: str) -> list[ShownField]:
    account = [
        ShownField(label=_said(loyalty, label, language), value=str(card[value]))
        for label, value in (("accountNameLabel", "accountName"), ("accountIdLabel", "accountId"))
        if card.get(value)
    ]
    modules = [
        ShownField(label=_said(module, "header", language), value=_said(module, "body", language))
        for module in card.get("textModulesData") or []
    ]
    links = [
        ShownField(label="", value=_said(link, "description", language), url=str(link["uri"]))
        for link in (loyalty.get("linksModuleData") or {}).get("uris") or []
    ]
    return [*account, *modules, *links]


def _said(resource: Json, name: str, language: str) -> str:
    """A text in the phone's language, where it was translated, else as it is."""
    localized = resource.get(f"localized{name[0].upper()}{name[1:]}") or {}
    of = {each["language"]: each["value"] for each in localized.get("translatedValues") or []}
    default = (localized.get("defaultValue") or {}).get("value")
    return str(of.get(language) or default or resource.get(name, ""))


def _amount(balance: Json, language: str) -> str:
    if money := balance.get("money"):
        return str(format_currency(int(money["micros"]) / _MICROS, money["currencyCode"], locale=language))
    if (number := balance.get("int")) is not None:
        return str(format_decimal(number, locale=language))
    return str(balance["string"])


def _code(code: Json, *, now: datetime) -> str:
    """The text of the barcode: a rotating one's pattern is filled as Google documents it (RFC 6238 with SHA-1)."""
    if "valuePattern" not in code:
        return str(code["value"])
    totp = code["totpDetails"]
    (parameter,) = totp["parameters"]
    seconds = int(now.timestamp())
    step = seconds * 1000 // int(totp["periodMillis"])
    value = card_code.totp(bytes.fromhex(parameter["key"]), step=step, digits=parameter["valueLength"])
    pattern = str(code["valuePattern"])
    return pattern.replace("{totp_timestamp_seconds}", str(seconds)).replace("{totp_value_0}", value)
