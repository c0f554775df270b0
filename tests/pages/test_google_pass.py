"""Google's class and object, read as a phone words them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from passes.face import BrandFace, CardFace, Colours, FaceBalance, FaceCurrency, FaceLink, FaceTier, Translation
from passes.google.objects import loyalty_class, loyalty_object
from tests.passes.faces import plain_card
from wallet_api.pages.apple_pass import ShownField
from wallet_api.pages.google_pass import GooglePass, _code, read_google_pass

NOW = datetime(2026, 9, 21, 14, 30, tzinfo=UTC)
BRAND = BrandFace(
    organization="Café Léa",
    program_name="Léa Club",
    description="Card",
    colours=Colours(background="#7a1f3d", foreground="#ffffff", label="#f2c6d3"),
    links=(FaceLink(label="Menu", url="https://lea.example/menu"),),
    translations=(
        Translation(text="Beans", language="fr", says="Grains"),
        Translation(text="Gold", language="fr", says="Or"),
    ),
)
FACE = replace(
    plain_card(BRAND),
    balances=(
        FaceBalance(unit="beans", label="Beans", amount="1,250", raw=1250),
        FaceBalance(unit="cash", label="Cash", amount="€21.75", raw=2175, currency=FaceCurrency(code="EUR", digits=2)),
    ),
    tier=FaceTier(id="gold", name="Gold"),
    rewards=("Coffee",),
)
KEY = bytes(range(20))


def test_points_money_and_tier_stand_in_front_in_the_phones_language() -> None:
    front = _read(language="fr").front

    assert list(front) == [
        ShownField(label="Grains", value="1\u202f250"),
        ShownField(label="Cash", value="21,75\xa0€"),
        ShownField(label="Niveau", value="Or"),
    ]


def test_who_it_is_and_what_else_there_is_stand_behind() -> None:
    details = {field.label or field.value: field for field in _read().details}

    assert details["Member"].value == "Alice Martin"
    assert details["Card number"].value == "12345678901234"
    assert details["Rewards"].value == "Coffee"
    assert details["Menu"].url == "https://lea.example/menu"


def test_a_number_that_google_could_not_hold_is_shown_as_its_text() -> None:
    many = FaceBalance(unit="beans", label="Beans", amount="9,999,999,999", raw=9_999_999_999)

    assert _read(face=replace(FACE, balances=(many,))).front[0].value == "9,999,999,999"


def test_the_code_is_the_one_of_the_moment() -> None:
    # The vector of docs/card-codes.md.
    code = _object(key=bytes.fromhex("01b1b6c0a634f19b782766468cbdd188ebe0c4d7"))["rotatingBarcode"]

    assert _code(code, now=datetime.fromtimestamp(1_790_000_000, UTC)) == "7123456789012346179000000079175564"
    assert _code({"value": FACE.static_code}, now=NOW) == FACE.static_code
    assert _read().code_text == FACE.card_number


@pytest.mark.parametrize(("background", "ink"), [("#7a1f3d", "#ffffff"), ("#ffd166", "#000000"), ("red", "#000000")])
def test_letters_are_black_or_white_as_can_be_read(background: str, ink: str) -> None:
    loyalty = {**_class(), "hexBackgroundColor": background}

    shown = read_google_pass(loyalty, _object(), language="en", code_label="code", now=NOW)

    assert shown.ink == ink
    assert shown.background == (background if background.startswith("#") else "#ffffff")


def test_a_card_that_is_void_shows_no_code() -> None:
    shown = _read(face=replace(FACE, voided=True))

    assert (shown.is_active, shown.code_svg, shown.code_text) == (False, None, None)


def _read(*, face: CardFace = FACE, language: str = "en") -> GooglePass:
    return read_google_pass(_class(), _object(face=face), language=language, code_label="code", now=NOW)


def _class() -> dict[str, Any]:
    return loyalty_class(
        BRAND, issuer_id="1", class_suffix="lea", logo_url="https://lea.example/logo.png", tier=FACE.tier
    )


def _object(*, face: CardFace = FACE, key: bytes = KEY) -> dict[str, Any]:
    return loyalty_object(face, issuer_id="1", class_suffix="lea", totp_key=key, now=NOW)
