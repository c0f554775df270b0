"""An Apple pass as a phone words it: everything is read out of the .pkpass file, as the device does."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_currency, format_decimal, format_percent

from passes.errors import PassRefused
from passes.face_rules import link_url
from passes.qr import qr_svg
from standins.wallet_device import DevicePass

_STYLE = "storeCard"
_STYLES_OF_DATES = {f"PKDateStyle{name}": name.lower() for name in ("Short", "Medium", "Long", "Full")}
_COLOUR = re.compile(r"rgb\((\d{1,3}), (\d{1,3}), (\d{1,3})\)")
_ANCHOR = re.compile(r'<a href="([^"<>]*)">([^<>]*)</a>')


@dataclass(frozen=True, kw_only=True)
class ShownField:
    """A field's label and value in the phone's language; `url` where a tap on the value leads."""

    label: str
    value: str
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class ApplePass:
    """What the phone draws; pictures are `data:` addresses, colours `rgb(r, g, b)`."""

    language: str
    name: str
    organization: str
    logo_text: str
    background: str
    foreground: str
    label: str
    pictures: Mapping[str, str]
    fields: Mapping[str, tuple[ShownField, ...]]
    code_text: str | None
    code_svg: str | None
    is_void: bool

    def __getitem__(self, group: str) -> tuple[ShownField, ...]:
        """The fields of a group such as `headerFields`."""
        return self.fields.get(group, ())


def read_apple_pass(data: bytes, *, language: str, code_label: str) -> ApplePass:
    """Read a .pkpass as a phone of this language does; raises InvalidPassError where the device would refuse it.

    `code_label` is what a screen reader says of the barcode.
    """
    held = DevicePass.read(data, language=language)
    content: Mapping[str, Any] = held.content
    barcode = next(iter(content.get("barcodes", [])), None)
    return ApplePass(
        language=language,
        name=held.text(str(content["description"])),
        organization=str(content["organizationName"]),
        logo_text=held.text(str(content.get("logoText", ""))),
        background=_colour(content.get("backgroundColor"), "rgb(255, 255, 255)"),
        foreground=_colour(content.get("foregroundColor"), "rgb(0, 0, 0)"),
        label=_colour(content.get("labelColor"), "rgb(0, 0, 0)"),
        pictures=_pictures(data, language),
        fields={
            group: tuple(_field(held, field, language) for field in fields) for group, fields in content[_STYLE].items()
        },
        code_text=str(barcode.get("altText", "")) if barcode else None,
        code_svg=qr_svg(barcode["message"], label=code_label).decode() if barcode else None,
        is_void=bool(content.get("voided")),
    )


def _pictures(data: bytes, language: str) -> dict[str, str]:
    """Each picture at its largest, the language's own before the one for all."""
    found = {}
    with ZipFile(BytesIO(data)) as archive:
        names = set(archive.namelist())
        for picture in ("icon", "logo", "strip"):
            places = [f"{folder}{picture}{scale}.png" for folder in (f"{language}.lproj/", "") for scale in _SCALES]
            if name := next((place for place in places if place in names), None):
                found[picture] = "data:image/png;base64," + base64.b64encode(archive.read(name)).decode()
    return found


_SCALES = ("@3x", "@2x", "")


def _field(held: DevicePass, field: Mapping[str, Any], language: str) -> ShownField:
    label = held.text(str(field.get("label", "")))
    if anchor := _ANCHOR.fullmatch(str(field.get("attributedValue", ""))):
        try:
            url = link_url(unescape(anchor[1]), field="attributedValue")
        except PassRefused:
            return ShownField(label=label, value=unescape(anchor[2]))
        return ShownField(label=label, value=unescape(anchor[2]), url=url)
    value = field["value"]
    return ShownField(label=label, value=_worded(value, field, language) or held.text(str(value)))


def _worded(value: object, field: Mapping[str, Any], language: str) -> str | None:
    """A date or number as the field's styles say; None for a plain text."""
    if isinstance(value, int | float):
        if currency := field.get("currencyCode"):
            return str(format_currency(value, currency, locale=language))
        if field.get("numberStyle") == "PKNumberStylePercent":
            return str(format_percent(value, locale=language))
        return str(format_decimal(value, locale=language))
    date_style = _STYLES_OF_DATES.get(field.get("dateStyle", ""))
    time_style = _STYLES_OF_DATES.get(field.get("timeStyle", ""))
    if date_style and time_style:
        return str(format_datetime(_moment(value), format=date_style, locale=language))
    if date_style:
        return str(format_date(_moment(value), format=date_style, locale=language))
    if time_style:
        return str(format_time(_moment(value), format=time_style, locale=language))
    return None


def _moment(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


def _colour(text: object, without: str) -> str:
    """A colour that may stand in a style sheet as it is."""
    return text if isinstance(text, str) and _COLOUR.fullmatch(text) else without
