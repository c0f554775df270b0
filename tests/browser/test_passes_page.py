"""The passes of both wallets as the demo draws them, in a real browser: everything out of the real file and object."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from typing import Any, Literal, cast
from zipfile import ZipFile

import orjson
import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Locator, expect

from passes.google.development import ISSUER_ID
from tests.browser.conftest import OpenPage, Site
from tests.browser.looks import CONTRASTS, READABLE_CONTRAST, SPILLING, widths
from tests.shop import NOON, Shop
from wallet_api.demo.phone import file_of
from wallet_api.development_wallets import DevelopmentWallets, development_wallets
from wallet_api.services.app import GoogleIssuer
from wallet_api.services.scan import scan_card
from wallet_api.services.show_card import card_of
from wallet_api.services.show_pass import shown_pass, signed
from wallet_api.store import sql

PATH = "/demo/passes"


@pytest.fixture(scope="module")
def wallets(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentWallets:
    """What a Carnet without credentials makes for itself."""
    return development_wallets(tmp_path_factory.mktemp("data"), now=NOON)


@pytest.fixture
def shop(shop: Shop, wallets: DevelopmentWallets) -> Shop:
    """The shop with both wallets, after a purchase that lifted Alice."""
    google = GoogleIssuer(issuer_id=ISSUER_ID, credentials=wallets.google, is_development=True)
    shop = replace(shop, app=replace(shop.app, apple=wallets.apple, google=google))
    shop.sell(62_050)
    return shop


def test_the_apple_pass_shows_all_that_its_file_says(site: Site, open_page: OpenPage) -> None:
    page = open_page(width=900)
    for language, words in (
        ("en", {"Card number": None, "Member since": "Mar 10, 2026"}),
        ("fr", {"Numéro de carte": None, "Membre depuis": "10 mars 2026"}),
    ):
        content, strings = _opened(site.shop, language)
        groups, (barcode,) = content["storeCard"], content["barcodes"]

        page.goto(f"{site.base_url}{PATH}?language={language}")

        front, back = page.locator("#apple-front"), page.locator("#apple-back")
        on_front = [field for group, fields in groups.items() if group != "backFields" for field in fields]
        assert _pairs(front) == [
            (strings.get(f["label"], f["label"]), strings.get(f["value"], f["value"])) for f in on_front
        ]
        shown = dict(_pairs(back))
        assert shown.keys() == {strings.get(field["label"], field["label"]) for field in groups["backFields"]}
        assert [shown[word] for word in words] == [value or barcode["altText"] for value in words.values()]
        expect(front.get_by_role("group")).to_have_attribute("lang", language)
        assert _read(front.locator(".code svg")) == barcode["message"]
        assert (
            front.locator(".apple").evaluate("e => getComputedStyle(e).backgroundColor") == content["backgroundColor"]
        )
        assert front.locator("img").count() == 2  # logo and strip


def test_the_google_card_shows_a_code_that_the_till_takes_for_fresh(site: Site, open_page: OpenPage) -> None:
    page = open_page(width=900)

    page.goto(f"{site.base_url}{PATH}?language=fr")

    front, details = page.locator("#google-front"), dict(_pairs(page.locator("#google-details")))
    assert ("points", "670") in _pairs(front)
    assert ("Niveau", "Argent") in _pairs(front)
    assert details["Membre"] == "Alice"
    with site.shop.app.db.begin() as tx:
        seen = scan_card(site.shop.app, tx, site.shop.till, _read(front.locator(".code svg")))
    assert (cast("dict[str, Any]", seen["member"])["id"], seen["fresh"]) == (site.shop.alice, True)
    loaded = front.locator("img").evaluate("e => e.complete && e.naturalWidth > 0")
    assert loaded


def test_the_phones_language_is_chosen_with_the_keyboard(site: Site, open_page: OpenPage) -> None:
    page = open_page(language="fr-CA")
    page.goto(f"{site.base_url}{PATH}?language=<script>")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    chosen = page.get_by_role("navigation", name="Le téléphone parle").get_by_role("link")
    expect(chosen.and_(page.locator("[aria-current=page]"))).to_have_text("Français")

    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="English")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#apple-front").get_by_role("group")).to_have_attribute("lang", "en")
    assert page.get_by_role("heading", level=2).all_inner_texts() == ["Apple Wallet", "Google Wallet"]


def test_it_fits_a_small_phone_and_can_be_read_by_day_and_by_night(site: Site, open_page: OpenPage) -> None:
    page = open_page(width=320)
    page.goto(site.base_url + PATH)

    assert widths(page) == (320, 320)
    assert page.evaluate(SPILLING) == []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(CONTRASTS)
        assert len(found) > 30
        assert [(text, contrast) for text, contrast in found if contrast < READABLE_CONTRAST] == []


def test_a_blocked_card_is_grey_and_its_google_card_has_no_code(site: Site, open_page: OpenPage) -> None:
    with site.shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE cards SET status = 'blocked'")
    page = open_page(width=900)

    page.goto(site.base_url + PATH)

    expect(page.locator("#apple-front .apple")).to_have_css("filter", "grayscale(1)")
    expect(page.locator("#google-front .code")).to_have_count(0)


def test_the_emulated_iphone_is_drawn_from_the_file_that_it_holds(site: Site, open_page: OpenPage) -> None:
    with site.shop.app.db.begin() as tx:
        shown = shown_pass(site.shop.app, tx, card_of(tx, site.shop.alice))
    folder = site.folder / "wallet"
    folder.mkdir()
    file = file_of(str(shown.card.id))
    held = {"file": file, "language": "en", "last_modified": None, "lock_screen": ["points: 670"]}
    (folder / file).write_bytes(signed(site.shop.app, shown))
    (folder / "device.json").write_bytes(orjson.dumps([held]))
    page = open_page()

    page.goto(f"{site.base_url}/demo/wallet")

    assert ("points", "670") in _pairs(page.locator(".apple"))
    assert ("Card number", shown.card.number) in _pairs(page.locator(".apple-back"))
    expect(page.get_by_role("region", name="Lock screen").get_by_role("listitem")).to_have_text(["points: 670"])
    assert page.evaluate(SPILLING) == []


def _opened(shop: Shop, language: str) -> tuple[dict[str, Any], dict[str, str]]:
    """pass.json, and the words of a language, of Alice's pass."""
    with shop.app.db.begin() as tx:
        shown = shown_pass(shop.app, tx, card_of(tx, shop.alice))
    with ZipFile(BytesIO(signed(shop.app, shown))) as archive:
        lines = archive.read(f"{language}.lproj/pass.strings").decode().splitlines()
        pairs = [line.removesuffix(";").split(" = ") for line in lines]
        return json.loads(archive.read("pass.json")), {json.loads(text): json.loads(says) for text, says in pairs}


def _pairs(part: Locator) -> list[tuple[str, str]]:
    """Labels and values, as they stand in the page: a style may write labels in capitals."""
    labels, values = part.locator("dt").all_text_contents(), part.locator("dd").all_text_contents()
    return list(zip(labels, values, strict=True))


def _read(drawing: Locator) -> str:
    picture = Image.open(BytesIO(drawing.screenshot())).convert("L")
    (read,) = zxingcpp.read_barcodes(picture)
    return str(read.text)
