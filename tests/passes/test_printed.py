"""Printed cards as a camera and a ruler see them: each PDF is drawn to pixels."""

from __future__ import annotations

import gc
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # its wheel has no types
import pypdfium2  # type: ignore[import-untyped]  # it ships no types
import pytest
import zxingcpp
from PIL import Image, ImageChops
from pypdfium2 import PdfDocument, PdfPage

from passes import printed
from passes.errors import PassRefused
from passes.face import BrandFace
from passes.printed import BLEED_MM, CARD_MM, CARDS_MAX, CORNER_MM, PrintedCard, cards_pdf, sheet_pdf

FONTS = Path(printed.__file__).resolve().parent / "fonts"
DPI = 150
NUMBER, CODE = "12345678901234", "512345678901234400112233"
WINE = (0x7A, 0x1F, 0x3D)
WHITE = (255, 255, 255)
ALICE = PrintedCard(card_number=NUMBER, static_code=CODE, holder="Alice Martin")


def test_a_card_has_a_bank_cards_size_and_rounded_corners(brand: BrandFace, now: datetime) -> None:
    (page,) = PdfDocument(cards_pdf(brand, [ALICE], now=now))

    assert _size_mm(page) == pytest.approx(CARD_MM, abs=0.01)
    image = _drawn(page, dpi=600)
    inside = CORNER_MM * (1 - 2**-0.5)  # how far the arc is from the corner, along each side
    for beyond, colour in ((-0.15, WHITE), (0.15, WINE)):
        at = inside + beyond
        corners = [(x, y) for x in (at, CARD_MM[0] - at) for y in (at, CARD_MM[1] - at)]
        assert [_colour(image, *corner, dpi=600) for corner in corners] == [colour] * 4


def test_with_bleed_the_colour_goes_three_millimetres_beyond_every_cut(brand: BrandFace, now: datetime) -> None:
    (page,) = PdfDocument(cards_pdf(brand, [ALICE], now=now, with_bleed=True))

    width, height = (side + 2 * BLEED_MM for side in CARD_MM)
    assert _size_mm(page) == pytest.approx((width, height), abs=0.01)
    image = _drawn(page)
    assert {_colour(image, x, y) for x in (0.2, width - 0.2) for y in (0.2, height - 0.2)} == {WINE}
    (code,) = _codes(page)
    assert _middle_mm(code)[0] == pytest.approx(width - BLEED_MM - 5 - 31 / 2, abs=0.3)


def test_a_camera_reads_the_static_code_from_the_smallest_symbol(brand: BrandFace, now: datetime) -> None:
    (page,) = PdfDocument(cards_pdf(brand, [ALICE], now=now))

    (code,) = _codes(page)

    assert (code.text, code.ec_level) == (CODE, "M")
    assert isinstance(code.extra, dict)
    assert code.extra["Version"] == "1"


def test_the_code_is_drawn_not_pictured(brand: BrandFace, now: datetime) -> None:
    (page,) = PdfDocument(cards_pdf(brand, [ALICE], now=now))

    kinds = {found.type for found in page.get_objects()}

    assert pypdfium2.raw.FPDF_PAGEOBJ_PATH in kinds
    assert pypdfium2.raw.FPDF_PAGEOBJ_IMAGE not in kinds


def test_the_logo_is_printed_beside_the_name(brand: BrandFace, now: datetime) -> None:
    out = BytesIO()
    Image.new("RGBA", (300, 100), "#00ff00").save(out, "PNG")

    (page,) = PdfDocument(cards_pdf(replace(brand, logo=out.getvalue()), [ALICE], now=now))

    assert _colour(_drawn(page), 20, 10) == (0, 255, 0)
    assert "Léa Club" in _text(page)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Card 1234 5678 9012 34", "Card number", "Show this card at the till.")),
        ("fr", ("Carte 1234 5678 9012 34", "Numéro de carte", "Présentez cette carte en caisse.")),
    ],
)
def test_a_card_speaks_its_holders_language(
    brand: BrandFace, now: datetime, language: str, words: tuple[str, ...]
) -> None:
    card = replace(ALICE, language="fr" if language == "fr" else "en")

    document = PdfDocument(cards_pdf(brand, [card], now=now))

    said = document.get_metadata_dict()
    assert (said["Title"], said["CreationDate"]) == (f"Café Léa: {words[0]}", "D:20260921143000Z")
    text = _text(document[0])
    assert all(word in text for word in (*words[1:], "1234 5678 9012 34", "Alice Martin", "Léa & Co Club"))
    assert CODE not in text


def test_a_screen_reader_is_told_the_language_and_the_whole_card(brand: BrandFace, now: datetime) -> None:
    content = cards_pdf(brand, [replace(ALICE, language="fr")], now=now)

    assert PdfDocument(content).is_tagged()
    assert b"/Lang (fr)" in content
    told = "Léa & Co Club. Alice Martin. Numéro de carte 1234 5678 9012 34. Présentez cette carte en caisse."
    assert _alternatives(content) == [told]


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("Zoë Łukasz-Ñandú d’Été", "Zoë Łukasz-Ñandú d’Été"),
        ("""Robert "Bob" O'Neil\\ (née <b>&amp;</b>)""", """Robert "Bob" O'Neil\\ (née <b>&amp;</b>)"""),
        ("**Ana** __Lima__ %@ {holder}", "**Ana** __Lima__ %@ {holder}"),
        ("Ana 👩🏽\u200d🚀🎉 Lima \ufe0f", "Ana Lima"),
        ("A\x00na\x1b[31m\u202eamiL\u2066 \ue000", "Ana[31mamiL"),
        ("𝓐𝓵𝓲𝓬𝓮\u3000Ｍartin\u2028x", "Alice Martin x"),
        ("Ελένη Юлия Անի ნინო", "Ελένη Юлия Անի ნინო"),
        ("\ud800Ana", "Ana"),
    ],
)
def test_names_are_printed_as_they_are_written_but_for_what_no_card_shows(
    brand: BrandFace, now: datetime, name: str, printed: str
) -> None:
    (page,) = PdfDocument(cards_pdf(brand, [replace(ALICE, holder=name)], now=now))

    assert printed in " ".join(_text(page).split())
    assert [code.text for code in _codes(page)] == [CODE]


@pytest.mark.parametrize("name", ["王小明", "สมชาย", "प्रिया", "Ana 王", "\x00", "👩🏽‍🚀", "", " \t\n", None])
def test_a_name_that_cannot_be_printed_whole_is_left_out(brand: BrandFace, now: datetime, name: str | None) -> None:
    (page,) = PdfDocument(cards_pdf(brand, [replace(ALICE, holder=name)], now=now))
    (without,) = PdfDocument(cards_pdf(brand, [replace(ALICE, holder=None)], now=now))

    assert _drawn(page).tobytes() == _drawn(without).tobytes()


def test_arabic_letters_are_joined_and_run_from_right_to_left(brand: BrandFace, now: datetime) -> None:
    # Where the letters are kept apart by an invisible mark they stand alone, and a letter alone is wider.
    joined, apart = "سسسس", "س\u200cس\u200cس\u200cس"

    widths = [_name_width(cards_pdf(brand, [replace(ALICE, holder=name)], now=now)) for name in (joined, apart)]
    (page,) = PdfDocument(cards_pdf(brand, [replace(ALICE, holder="שלום כהן")], now=now))

    assert widths[0] < 0.8 * widths[1]
    assert "שלום כהן" in _text(page)


@pytest.mark.parametrize("name", ["A" * 300, "Maria da Conceição " * 16, "משה " * 75])
def test_a_long_name_stays_between_its_neighbours(brand: BrandFace, now: datetime, name: str) -> None:
    (page,) = PdfDocument(cards_pdf(brand, [replace(ALICE, holder=name)], now=now))

    (without,) = PdfDocument(cards_pdf(brand, [replace(ALICE, holder=None)], now=now))
    assert re.search(r"…|\.\.\.", _text(page))
    inked = ImageChops.difference(_drawn(page), _drawn(without)).getbbox()
    assert inked is not None
    left, top, right, bottom = (side / DPI * 25.4 for side in inked)
    assert left > 4.9
    assert right < CARD_MM[0] - 5 - 31 - 4.9
    assert top > 20
    assert bottom < CARD_MM[1] - 5 - 12.5  # where the number's heading begins


def test_a_sheet_holds_ten_cards_a_page_at_their_places(brand: BrandFace, now: datetime) -> None:
    cards = [replace(ALICE, static_code=f"5{n:023}", card_number=f"{n:014}") for n in range(13)]

    first, second = PdfDocument(sheet_pdf(brand, cards, now=now))

    assert _size_mm(first) == pytest.approx((210, 297), abs=0.01)
    for page, on_it in ((first, cards[:10]), (second, cards[10:])):
        codes = {code.text: _middle_mm(code) for code in _codes(page)}
        assert codes.keys() == {card.static_code for card in on_it}
        for place, card in enumerate(on_it):
            left, top = 19.4 + place % 2 * CARD_MM[0], 13.55 + place // 2 * CARD_MM[1]
            middle = left + CARD_MM[0] - 5 - 31 / 2, top + CARD_MM[1] - 5 - 31 / 2
            assert codes[card.static_code] == pytest.approx(middle, abs=0.3)
    assert PdfDocument(sheet_pdf(brand, cards, now=now)).get_metadata_dict()["Title"] == "Café Léa: 13 cards"


def test_crop_marks_stand_at_every_cut_and_outside_of_the_cards(brand: BrandFace, now: datetime) -> None:
    (page,) = PdfDocument(sheet_pdf(brand, [ALICE], now=now))
    image = _drawn(page, dpi=600)

    cuts_x = [19.4 + CARD_MM[0] * column for column in range(3)]
    cuts_y = [13.55 + CARD_MM[1] * row for row in range(6)]

    assert _dark_middles(image.crop((0, _px(8), image.width, _px(8) + 1)), dpi=600) == pytest.approx(cuts_x, abs=0.1)
    assert _dark_middles(image.crop((_px(14), 0, _px(14) + 1, image.height)), dpi=600) == pytest.approx(cuts_y, abs=0.1)
    assert _colour(image, 19.4 - 2.5, 13.55 - 2.5, dpi=600) == WHITE
    assert _colour(image, 19.4 - 1.5, 13.55 - 1.5, dpi=600) == WINE


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"card_number": "1234567890123"}, "card_number"),
        ({"card_number": "1234567890123４"}, "card_number"),
        ({"static_code": "7" * 34}, "static_code"),
        ({"static_code": CODE[:-1] + "\n"}, "static_code"),
    ],
)
def test_what_is_no_number_and_no_static_code_is_not_printed(
    brand: BrandFace, now: datetime, change: dict[str, str], field: str
) -> None:
    with pytest.raises(PassRefused) as refused:
        cards_pdf(brand, [replace(ALICE, **change)], now=now)  # type: ignore[arg-type]  # texts, both of them

    assert refused.value.field == field


@pytest.mark.parametrize("count", [0, CARDS_MAX + 1])
def test_none_and_too_many_cards_are_refused(brand: BrandFace, now: datetime, count: int) -> None:
    with pytest.raises(PassRefused, match="200"):
        sheet_pdf(brand, [ALICE] * count, now=now)


def test_colours_that_are_none_and_a_damaged_logo_are_refused(brand: BrandFace, now: datetime) -> None:
    bad_colour = replace(brand, colours=replace(brand.colours, label="red"))

    for bad in (bad_colour, replace(brand, logo=b"GIF89a")):
        with pytest.raises(PassRefused):
            cards_pdf(bad, [ALICE], now=now)


def test_no_file_stays_open_whether_cards_are_printed_or_refused(brand: BrandFace, now: datetime) -> None:
    def fonts() -> list[str]:
        """Those of the cards: matplotlib keeps its own open, where a test beside this one has drawn a plot."""
        return [each.path for each in psutil.Process().open_files() if Path(each.path).parent == FONTS]

    gc.disable()
    try:
        kept = cards_pdf(brand, [ALICE], now=now), sheet_pdf(brand, [ALICE], now=now)
        for bad in (replace(ALICE, static_code="no code"), replace(ALICE, card_number="no number")):
            with pytest.raises(PassRefused):
                cards_pdf(brand, [bad], now=now)
        still_open = fonts()
    finally:
        gc.enable()

    assert all(kept)
    assert still_open == []


def _drawn(page: PdfPage, *, dpi: int = DPI) -> Image.Image:
    image: Image.Image = page.render(scale=dpi / 72).to_pil()
    return image.convert("RGB")


def _codes(page: PdfPage) -> Sequence[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(_drawn(page).convert("L"))


def _middle_mm(code: zxingcpp.Barcode) -> tuple[float, float]:
    corners = [code.position.top_left, code.position.bottom_right]
    return sum(c.x for c in corners) / 2 / DPI * 25.4, sum(c.y for c in corners) / 2 / DPI * 25.4


def _colour(image: Image.Image, x: float, y: float, *, dpi: int = DPI) -> tuple[int, ...]:
    """The colour at a place in millimetres from the top left corner."""
    found = image.getpixel((round(x / 25.4 * dpi), round(y / 25.4 * dpi)))
    assert isinstance(found, tuple)
    return found


def _px(millimetres: float) -> int:
    return round(millimetres / 25.4 * 600)


def _dark_middles(strip: Image.Image, *, dpi: int) -> list[float]:
    """Where the black lines are that a strip of one pixel crosses, in millimetres."""
    dark = [place for place, value in enumerate(strip.convert("L").tobytes()) if value < 128]
    groups: list[list[int]] = []
    for place in dark:
        if groups and place == groups[-1][-1] + 1:
            groups[-1].append(place)
        else:
            groups.append([place])
    return [sum(group) / len(group) / dpi * 25.4 for group in groups]


def _size_mm(page: PdfPage) -> tuple[float, float]:
    width, height = page.get_size()
    return width / 72 * 25.4, height / 72 * 25.4


def _text(page: PdfPage) -> str:
    return str(page.get_textpage().get_text_range())


def _pieces(page: PdfPage) -> list[tuple[tuple[float, float, float, float], str]]:
    """The lines of text with their boxes: left, top, right, bottom, in millimetres."""
    _, height = page.get_size()
    texts = page.get_textpage()
    found = []
    for n in range(texts.count_rects()):
        left, bottom, right, top = texts.get_rect(n)
        box = [side / 72 * 25.4 for side in (left, height - top, right, height - bottom)]
        found.append(((box[0], box[1], box[2], box[3]), texts.get_text_bounded(left, bottom, right, top)))
    return found


def _name_width(content: bytes) -> float:
    (page,) = PdfDocument(content)
    boxes = [box for box, text in _pieces(page) if "س" in text]
    return max(box[2] for box in boxes) - min(box[0] for box in boxes)


def _alternatives(content: bytes) -> list[str]:
    """The texts of the pictures, in order."""
    document = PdfDocument(content)
    raw = pypdfium2.raw
    tree = raw.FPDF_StructTree_GetForPage(document[0])
    found: list[str] = []
    root = raw.FPDF_StructTree_GetChildAtIndex(tree, 0)
    for n in range(raw.FPDF_StructElement_CountChildren(root)):
        child = raw.FPDF_StructElement_GetChildAtIndex(root, n)
        size = raw.FPDF_StructElement_GetAltText(child, None, 0)
        buffer = bytearray(size)
        raw.FPDF_StructElement_GetAltText(child, (raw.c_char * size).from_buffer(buffer), size)
        found.append(buffer.decode("utf-16-le").rstrip("\0"))
    raw.FPDF_StructTree_Close(tree)
    return found
