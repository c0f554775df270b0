"""The card page in a real browser, as members with a phone, a keyboard, a screen reader or no scripts meet it."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import Literal, cast
from uuid import UUID

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pypdfium2 import PdfDocument  # type: ignore[import-untyped]  # it ships no types

from tests.browser.conftest import OpenPage, Site
from tests.browser.looks import CONTRASTS, READABLE_CONTRAST, SPILLING, widths
from tests.http.calls import code_sent_to
from tests.jobs.world import eventually
from tests.shop import Shop
from wallet_api.clock import FixedClock
from wallet_api.services.scan import scan_card

WIDTHS = [320, 1280]


def test_a_member_signs_in_with_the_keyboard_alone(site: Site, open_page: OpenPage) -> None:
    page = open_page()
    page.goto(site.card_url)

    page.keyboard.press("Tab")
    _expect_visible_focus(page, "email")
    page.keyboard.type("alice@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("alice@example.org")
    expect(page.get_by_label("Code")).to_be_focused()
    _expect_visible_focus(page, "code")
    page.keyboard.type(_code_of_alice(site.shop))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Alice")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Print my card")).to_be_focused()
    page.keyboard.press("Tab")
    _expect_visible_focus(page, "")
    page.keyboard.press("Enter")
    expect(page.get_by_label("E-mail address")).to_be_visible()


def test_the_till_takes_the_code_on_the_screen(site: Site, open_page: OpenPage) -> None:
    page = _card(site, open_page)

    code = _read(page)

    assert _scanned(site.shop, code) == (site.shop.alice, True)


@pytest.mark.parametrize("when", ["looked at again", "time passes"])
def test_the_code_renews_itself(site: Site, open_page: OpenPage, clock: FixedClock, when: str) -> None:
    page = open_page()
    if when == "time passes":
        page.clock.install()
    site.sign_in(page.context)
    page.goto(site.card_url)
    first = _read(page)
    clock.advance(timedelta(minutes=2))

    if when == "time passes":
        page.clock.run_for(20_000)
    else:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    eventually(lambda: _read(page) != first)
    assert _scanned(site.shop, _read(page)) == (site.shop.alice, True)
    expect(page.get_by_role("status")).to_contain_text("Show this code at the till")


def test_without_a_connection_the_page_says_that_its_code_grows_old(site: Site, browser: Browser) -> None:
    # A page of its own: a browser that finds no server says so on its console.
    with browser.new_context() as context:
        site.sign_in(context)
        page = context.new_page()
        page.goto(site.card_url)
        context.set_offline(True)

        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

        expect(page.get_by_role("status")).to_contain_text("No connection")


def test_a_french_member_reads_french_whatever_the_browser_speaks(site: Site, open_page: OpenPage) -> None:
    bob = site.shop.join("bob", locale="fr")
    site.shop.sell(62_050, to=bob)
    page = open_page(language="en")
    site.sign_in(page.context, bob)

    page.goto(site.card_url)

    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_role("status")).to_have_text("Présentez ce code en caisse. Il se renouvelle tout seul.")
    expect(page.get_by_role("heading", level=2)).to_have_text(
        ["Votre niveau\u00a0: Argent", "Récompenses", "Dernières écritures"]
    )
    expect(page.get_by_role("button", name="Se déconnecter")).to_be_visible()


def test_a_stranger_is_asked_in_the_browsers_language(site: Site, open_page: OpenPage) -> None:
    page = open_page(language="fr-CA")

    page.goto(site.card_url)

    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_label("Adresse e-mail")).to_be_visible()


def test_the_card_tells_a_screen_reader_what_stands_where(site: Site, open_page: OpenPage) -> None:
    site.shop.sell(62_050)

    page = _card(site, open_page)

    assert page.title().startswith("Card of Alice · ")
    expect(page.get_by_role("region", name="Card of Alice")).to_contain_text("670 points")
    expect(page.get_by_role("img", name="QR code of your card")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert page.get_by_role("heading", level=2).all_inner_texts() == ["Your level: Silver", "Rewards", "Latest entries"]
    expect(page.get_by_role("progressbar", name="Progress to Gold")).to_be_visible()
    expect(page.get_by_role("region", name="Latest entries").get_by_role("listitem")).to_have_count(2)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", ["/card/points-tiers", "/", "/demo/outbox"])
def test_nothing_is_wider_than_the_screen(site: Site, open_page: OpenPage, width: int, path: str) -> None:
    site.shop.sell(62_050)
    page = open_page(width=width)
    page.goto(site.base_url + path)
    widths_of_form = widths(page)
    site.sign_in(page.context)

    page.goto(site.base_url + path)

    assert widths_of_form == (width, width)
    assert widths(page) == (width, width)
    assert page.evaluate(SPILLING) == []


@pytest.mark.parametrize("path", ["/card/points-tiers", "/", "/demo/outbox"])
def test_every_text_stands_out_from_its_background(site: Site, open_page: OpenPage, path: str) -> None:
    site.shop.sell(62_050)
    page = open_page()
    page.goto(site.base_url + path)
    found = _contrasts(page)
    site.sign_in(page.context)
    page.goto(site.base_url + path)

    found += _contrasts(page)

    assert len(found) > 16
    assert [(text, contrast) for text, contrast in found if contrast < READABLE_CONTRAST] == []


def test_the_card_can_be_printed(site: Site, open_page: OpenPage) -> None:
    page = _card(site, open_page)

    with page.expect_download() as saved:
        page.get_by_role("link", name="Print my card").click()

    assert saved.value.suggested_filename == f"{site.shop.program}.pdf"
    (printed,) = PdfDocument(saved.value.path())
    text = printed.get_textpage().get_text_range()
    assert "Alice" in text
    assert page.locator(".number").inner_text() in text


def test_without_scripts_a_member_signs_in_and_has_a_code_that_works(site: Site, open_page: OpenPage) -> None:
    page = open_page(scripts=False)
    page.goto(site.card_url)
    page.get_by_label("E-mail address").fill("alice@example.org")
    page.get_by_role("button").click()
    page.get_by_label("Code").fill(_code_of_alice(site.shop))
    page.get_by_role("button", name="Show my card").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Alice")
    assert _scanned(site.shop, _read(page)) == (site.shop.alice, True)
    refresh = page.locator("meta[http-equiv=refresh]")
    expect(refresh).to_have_attribute("content", "20")


def test_the_browser_runs_no_script_but_the_pages_own(site: Site, browser: Browser) -> None:
    # A page of its own: the browser notes on its console what it refused.
    with browser.new_context() as context:
        site.sign_in(context)
        page = context.new_page()
        answer = page.goto(site.card_url)
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        with page.expect_console_message(lambda said: "Content Security Policy" in said.text):
            page.evaluate(
                "const foreign = document.createElement('script'); foreign.textContent = 'window.foreign = 1';"
                "document.body.append(foreign)"
            )

        assert page.evaluate("window.foreign") is None
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy


def _card(site: Site, open_page: OpenPage) -> Page:
    page = open_page()
    site.sign_in(page.context)
    page.goto(site.card_url)
    return page


def _contrasts(page: Page) -> list[tuple[str, float]]:
    """By day and by night."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    found: list[tuple[str, float]] = []
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        found += page.evaluate(CONTRASTS)
    return found


def _code_of_alice(shop: Shop) -> str:
    code = code_sent_to(shop, "alice@example.org")
    assert code is not None
    return code


def _expect_visible_focus(page: Page, name: str) -> None:
    focused, style, width = page.evaluate(
        "() => { const e = document.activeElement, s = getComputedStyle(e);"
        " return [e.name ?? '', s.outlineStyle, parseFloat(s.outlineWidth)]; }"
    )
    assert (focused, style) == (name, "solid")
    assert width >= 2


def _read(page: Page) -> str:
    """What a camera reads from the screen."""
    picture = Image.open(BytesIO(page.locator("#qr").screenshot())).convert("L")
    (read,) = zxingcpp.read_barcodes(picture)
    return str(read.text)


def _scanned(shop: Shop, code: str) -> tuple[UUID, bool]:
    """Whom the till sees, and whether it takes the code for fresh."""
    with shop.app.db.begin() as tx:
        seen = scan_card(shop.app, tx, shop.till, code)
    customer = cast("dict[str, object]", seen["member"])
    return UUID(str(customer["id"])), bool(seen["fresh"])
