"""A .pkpass file, read as a phone words it."""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from standins.wallet_device import InvalidPassError
from wallet_api.pages.apple_pass import ApplePass, ShownField, read_apple_pass

STRINGS = '"Beans" = "Grains";\n"Loyalty card" = "Carte de fidélité";\n"Cup\\n\\"x\\"" = "Tasse";\n'


@pytest.mark.parametrize(
    ("field", "english", "french"),
    [
        ({"value": "plain"}, "plain", "plain"),
        ({"value": "Beans"}, "Beans", "Grains"),
        ({"value": 1250}, "1,250", "1\u202f250"),
        ({"value": 21.75, "currencyCode": "EUR"}, "€21.75", "21,75\xa0€"),
        ({"value": 0.25, "numberStyle": "PKNumberStylePercent"}, "25%", "25\xa0%"),
        (
            {"value": "2024-03-01T00:00:00Z", "dateStyle": "PKDateStyleMedium", "timeStyle": "PKDateStyleNone"},
            "Mar 1, 2024",
            "1 mars 2024",
        ),
        (
            {"value": "2024-03-01T09:05:00Z", "dateStyle": "PKDateStyleNone", "timeStyle": "PKDateStyleShort"},
            "9:05\u202fAM",
            "09:05",
        ),
        (
            {"value": "2024-03-01T09:05:00Z", "dateStyle": "PKDateStyleShort", "timeStyle": "PKDateStyleShort"},
            "3/1/24, 9:05\u202fAM",
            "01/03/2024 09:05",
        ),
    ],
)
def test_values_are_worded_in_the_phones_language(field: dict[str, Any], english: str, french: str) -> None:
    data = _pkpass(auxiliaryFields=[{"key": "a", "label": "Beans", **field}])

    assert _read(data)["auxiliaryFields"] == (ShownField(label="Beans", value=english),)
    assert _read(data, language="fr")["auxiliaryFields"] == (ShownField(label="Grains", value=french),)


@pytest.mark.parametrize(
    ("anchor", "shown"),
    [
        (
            '<a href="https://lea.example/?a=1&amp;b=2">Shop &amp; menu</a>',
            ("Shop & menu", "https://lea.example/?a=1&b=2"),
        ),
        ('<a href="javascript:alert(1)">Shop</a>', ("Shop", None)),
        ('<a href="https://x.example" onclick="alert(1)">Shop</a>', ("as it is", None)),
        ("<b>Shop</b>", ("as it is", None)),
    ],
)
def test_a_link_leads_nowhere_but_to_the_web_to_mail_or_to_a_phone(anchor: str, shown: tuple[str, str | None]) -> None:
    data = _pkpass(backFields=[{"key": "a", "label": "x", "value": "as it is", "attributedValue": anchor}])

    (field,) = _read(data)["backFields"]

    assert (field.value, field.url) == shown


def test_a_colour_that_is_none_does_not_reach_a_style_sheet() -> None:
    shown = _read(_pkpass(top={"backgroundColor": "rgb(1, 2, 3)", "labelColor": "red} body{display:none"}))

    assert (shown.background, shown.label) == ("rgb(1, 2, 3)", "rgb(0, 0, 0)")


def test_the_largest_picture_is_taken_and_the_languages_own_before_the_one_for_all() -> None:
    files = {
        "strip.png": b"1",
        "strip@2x.png": b"2",
        "strip@3x.png": b"3",
        "fr.lproj/strip@2x.png": b"f",
        "logo.png": b"l",
    }

    data = _pkpass(files=files)

    assert _read(data).pictures == {"strip": "data:image/png;base64,Mw==", "logo": "data:image/png;base64,bA=="}
    assert _read(data, language="fr").pictures["strip"] == "data:image/png;base64,Zg=="


def test_the_code_its_text_and_the_card_s_name_are_read() -> None:
    barcode = {"format": "PKBarcodeFormatQR", "message": "512345678901234400112233", "altText": "123"}

    shown = _read(_pkpass(top={"barcodes": [barcode], "voided": True}), language="fr")

    assert (shown.name, shown.code_text, shown.is_void) == ("Carte de fidélité", "123", True)
    assert shown.code_svg is not None
    assert 'aria-label="Code &lt;of&gt; it"' in shown.code_svg
    assert _read(_pkpass()).code_svg is None


def test_a_file_that_a_phone_would_refuse_is_refused() -> None:
    data = _pkpass().replace(b"Loyalty card", b"Loyalty cart")

    with pytest.raises(InvalidPassError):
        _read(data)


def _read(data: bytes, *, language: str = "en") -> ApplePass:
    return read_apple_pass(data, language=language, code_label="Code <of> it")


def _pkpass(
    *, top: dict[str, Any] | None = None, files: dict[str, bytes] | None = None, **groups: list[dict[str, Any]]
) -> bytes:
    content = {
        "passTypeIdentifier": "pass.example",
        "serialNumber": "1",
        "description": "Loyalty card",
        "organizationName": "Café Léa",
        "storeCard": groups,
        **(top or {}),
    }
    all_files = {"pass.json": json.dumps(content).encode(), "fr.lproj/pass.strings": STRINGS.encode(), **(files or {})}
    digests = {name: hashlib.sha1(part, usedforsecurity=False).hexdigest() for name, part in all_files.items()}
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        for name, part in {**all_files, "manifest.json": json.dumps(digests).encode(), "signature": b"x"}.items():
            archive.writestr(name, part)
    return out.getvalue()
