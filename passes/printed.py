"""Printed cards: a PDF with a card's number and its static code, one card a page or many on a sheet to cut.

A name is printed as far as the font has its letters: DejaVu Sans has the Latin, Greek, Cyrillic, Armenian, Georgian,
Hebrew and Arabic scripts. Emoji and control characters fall away; a name with any other letter is left out as a whole,
since half a name is none, and the number is what a till needs.
"""

import re
import unicodedata
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Final, Literal, Self

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, XPos, YPos
from fpdf.fonts import TTFFont

from passes import texts
from passes.apple.images import brand_images
from passes.errors import PassRefused
from passes.face import BrandFace
from passes.face_rules import rgb
from passes.qr import qr_svg

CARDS_MAX: Final = 200
# ISO/IEC 7810, size ID-1: a bank card.
CARD_MM: Final = (85.60, 53.98)
CORNER_MM: Final = 3.0
BLEED_MM: Final = 3.0
SHEET_MM: Final = (210.0, 297.0)
SHEET_COLUMNS: Final = 2
SHEET_ROWS: Final = 5

_MARGIN_MM: Final = 5.0
_CODE_MM: Final = 31.0
_LOGO_MM: Final = (30.0, 10.0)
_SHEET_BLEED_MM: Final = 2.0
_MARK_MM: Final = 4.0
_HAIRLINE_MM: Final = 0.1
_NAME_POINTS: Final = (12.0, 11.0, 10.0, 9.0, 8.0)
_NAME_LINES_MAX: Final = 2

_FONT: Final = "card"
_FONT_FILES: Final = {"": "DejaVuSansCondensed.ttf", "B": "DejaVuSansCondensed-Bold.ttf"}
_FONTS: Final = Path(__file__).parent / "fonts"

_SHOW_AT_TILL: Final = {"en": "Show this card at the till.", "fr": "Présentez cette carte en caisse."}
_CARD: Final = {"en": "Card {number}", "fr": "Carte {number}"}
_CARDS: Final = {"en": "{count} cards", "fr": "{count} cartes"}


@dataclass(frozen=True, kw_only=True)
class PrintedCard:
    """What is printed of one card: its number (14 digits), its static code (24), and its holder's name where wanted."""

    card_number: str
    static_code: str = field(repr=False)
    language: Literal["en", "fr"] = "en"
    holder: str | None = field(default=None, repr=False)


def cards_pdf(brand: BrandFace, cards: Sequence[PrintedCard], *, now: datetime, with_bleed: bool = False) -> bytes:
    """Print one card a page, the page as large as the card; with bleed it is 3 mm larger on every side, to be cut.

    Raises PassRefused for colours, a logo or codes that cannot be printed, and for more than 200 cards.
    """
    bleed = BLEED_MM if with_bleed else 0.0
    width, height = (side + 2 * bleed for side in CARD_MM)
    with _Paper(brand, cards, page=(width, height), now=now) as pdf:
        for card in cards:
            pdf.add_page()
            pdf.ground(0, 0, width, height, corner=0 if with_bleed else CORNER_MM)
            pdf.card(card, bleed, bleed)
        return bytes(pdf.output())


def sheet_pdf(brand: BrandFace, cards: Sequence[PrintedCard], *, now: datetime) -> bytes:
    """Print cards on A4, two beside each other in five rows, with crop marks and arcs where corners are rounded.

    Neighbours share a cut, since they share their colour. Raises PassRefused as `cards_pdf` does.
    """
    width, height = CARD_MM
    columns = [(SHEET_MM[0] - SHEET_COLUMNS * width) / 2 + width * column for column in range(SHEET_COLUMNS)]
    rows = [(SHEET_MM[1] - SHEET_ROWS * height) / 2 + height * row for row in range(SHEET_ROWS)]
    places = [(x, y) for y, x in product(rows, columns)]
    with _Paper(brand, cards, page=SHEET_MM, now=now) as pdf:
        for first in range(0, len(cards), len(places)):
            pdf.add_page()
            filled = list(zip(cards[first : first + len(places)], places, strict=False))
            for _, (x, y) in filled:
                pdf.ground(
                    x - _SHEET_BLEED_MM, y - _SHEET_BLEED_MM, width + 2 * _SHEET_BLEED_MM, height + 2 * _SHEET_BLEED_MM
                )
            for card, (x, y) in filled:
                pdf.corners(x, y)
                pdf.card(card, x, y)
            pdf.crop_marks([*columns, columns[-1] + width], [*rows, rows[-1] + height])
        return bytes(pdf.output())


class _Paper(FPDF):
    """A document in a brand's colours; lengths are millimetres from a page's top left corner."""

    def __init__(
        self, brand: BrandFace, cards: Sequence[PrintedCard], *, page: tuple[float, float], now: datetime
    ) -> None:
        super().__init__(unit="mm", format=page)
        if not 1 <= len(cards) <= CARDS_MAX:
            raise PassRefused("cards", f"are not between 1 and {CARDS_MAX}")
        self._brand = brand
        self._ground = rgb(brand.colours.background, field="backgroundColor")
        self._ink = rgb(brand.colours.foreground, field="foregroundColor")
        self._label = rgb(brand.colours.label, field="labelColor")
        self._logo = brand_images(brand)["logo@3x.png"] if brand.logo is not None else None
        first = cards[0]
        what = _CARD if len(cards) == 1 else _CARDS
        said = what[first.language].format(number=_grouped(first.card_number), count=len(cards))
        self.set_title(f"{brand.organization}: {said}")
        self.set_lang(first.language)
        self.set_author(brand.organization)
        self.set_creator("Carnet")
        self.set_creation_date(now)
        self.set_margin(0)
        self.set_auto_page_break(auto=False)
        self.c_margin = 0

    def __enter__(self) -> Self:
        """Open the fonts."""
        for style, file in _FONT_FILES.items():
            self.add_font(_FONT, style, _FONTS / file)
        self.set_text_shaping(use_shaping_engine=True)  # Arabic letters are joined
        return self

    def __exit__(self, *_: object) -> None:
        """Close the fonts' files, which fpdf2 leaves open."""
        for font in self.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    def ground(self, x: float, y: float, width: float, height: float, *, corner: float = 0) -> None:
        """Fill a rectangle with the brand's colour."""
        self.set_fill_color(*self._ground)
        self.rect(x, y, width, height, style="F", round_corners=corner > 0, corner_radius=corner)

    def card(self, card: PrintedCard, x: float, y: float) -> None:
        """Print what stands on a card whose top left corner is here."""
        number = _grouped(card.card_number)
        right, bottom = x + CARD_MM[0] - _MARGIN_MM, y + CARD_MM[1] - _MARGIN_MM
        left, column = x + _MARGIN_MM, CARD_MM[0] - _CODE_MM - 3 * _MARGIN_MM
        self._head(left, y + _MARGIN_MM, right - left)
        words = texts.texts_in(card.language, brand=self._brand)
        program = self._printable(words.get(self._brand.program_name, self._brand.program_name))
        name = self._printable(card.holder or "")
        # All of the card, since of a page where pictures have a text some screen readers read nothing else.
        told = [program, name, f"{words[texts.CARD_NUMBER]} {number}", _SHOW_AT_TILL[card.language]]
        self._code(card, right - _CODE_MM, bottom - _CODE_MM, told=". ".join(filter(None, told)))
        top = bottom - _CODE_MM
        self._line(program, left, top, column, points=7, colour=self._label)
        if name:
            self._name(name, left, top + 5, column)
        self._line(words[texts.CARD_NUMBER], left, bottom - 12.5, column, points=6, colour=self._label)
        self._line(number, left, bottom - 9.5, column, points=11, style="B")
        self._line(_SHOW_AT_TILL[card.language], left, bottom - 2.5, column, points=6, colour=self._label)

    def corners(self, x: float, y: float) -> None:
        """Draw the four arcs along which a card's corners are rounded."""
        self.set_draw_color(*self._label)
        self.set_line_width(_HAIRLINE_MM)
        far = 2 * CORNER_MM
        right, bottom = x + CARD_MM[0] - far, y + CARD_MM[1] - far
        for at_x, at_y, start in ((right, y, 0), (x, y, 90), (x, bottom, 180), (right, bottom, 270)):
            self.arc(at_x, at_y, far, start_angle=start, end_angle=start + 90)

    def crop_marks(self, xs: Sequence[float], ys: Sequence[float]) -> None:
        """Mark every cut on the four edges of the sheet, outside of what is printed."""
        self.set_draw_color(0)
        self.set_line_width(_HAIRLINE_MM)
        gap = _SHEET_BLEED_MM + 1
        for x in xs:
            self.line(x, ys[0] - gap - _MARK_MM, x, ys[0] - gap)
            self.line(x, ys[-1] + gap, x, ys[-1] + gap + _MARK_MM)
        for y in ys:
            self.line(xs[0] - gap - _MARK_MM, y, xs[0] - gap, y)
            self.line(xs[-1] + gap, y, xs[-1] + gap + _MARK_MM, y)

    def _head(self, x: float, y: float, width: float) -> None:
        """Print the brand: its logo, and its name beside it."""
        if self._logo is not None:
            logo = self.image(
                BytesIO(self._logo),
                x,
                y,
                *_LOGO_MM,
                keep_aspect_ratio=True,
                alt_text=self._brand.organization,
            )
            taken = logo.rendered_width + 3
            x, width = x + taken, width - taken
        name = self._brand.logo_text if self._logo is not None else self._brand.organization
        if name and (name := self._printable(name)):
            self._line(name, x, y, width, points=13, style="B", height=_LOGO_MM[1])

    def _code(self, card: PrintedCard, x: float, y: float, *, told: str) -> None:
        if not re.fullmatch(r"[0-9]{24}", card.static_code):
            raise PassRefused("static_code", "is not 24 digits")
        self.set_fill_color(255)
        self.rect(x, y, _CODE_MM, _CODE_MM, style="F")
        self.set_fill_color(0)  # of the modules: a drawing that names no colour takes the one in use
        self.image(BytesIO(qr_svg(card.static_code)), x, y, _CODE_MM, _CODE_MM, alt_text=told)

    def _name(self, name: str, x: float, y: float, width: float) -> None:
        """Print a name in two lines at the most: smaller where it is long, and cut where that does not suffice."""
        for points in _NAME_POINTS:
            self.set_font(_FONT, "B", points)
            lines = self._broken(name, width)
            if len(lines) <= _NAME_LINES_MAX:
                break
        else:
            lines = [*lines[: _NAME_LINES_MAX - 1], self._cut(lines[_NAME_LINES_MAX - 1], width)]
        self.set_text_color(*self._ink)
        self.set_xy(x, y)
        for line in lines:
            self.cell(width, self.font_size * 1.2, line, new_x=XPos.LEFT, new_y=YPos.NEXT)

    def _broken(self, text: str, width: float) -> list[str]:
        lines = self.multi_cell(width, text=text, align=Align.L, dry_run=True, output=MethodReturnValue.LINES)
        assert isinstance(lines, list)
        return lines

    def _cut(self, text: str, width: float) -> str:
        while self.get_string_width(text + "…") > width:
            text = text[:-1]
        return text.rstrip() + "…"

    def _line(
        self,
        text: str,
        x: float,
        y: float,
        width: float,
        *,
        points: float,
        style: Literal["", "B"] = "",
        colour: tuple[int, int, int] | None = None,
        height: float | None = None,
    ) -> None:
        """Print one line, cut where it is too long."""
        self.set_font(_FONT, style, points)
        self.set_text_color(*(colour or self._ink))
        self.set_xy(x, y)
        fitting = text if self.get_string_width(text) <= width else self._cut(text, width)
        self.cell(width, height or self.font_size * 1.2, fitting)

    def _printable(self, name: str) -> str:
        """Return a name as the font can print it; empty where it lacks a letter of it."""
        font = self.fonts[_FONT + "B"]
        assert isinstance(font, TTFFont)
        return _printable(name, font.cmap)


def _printable(name: str, known: Container[int]) -> str:
    kept = []
    for character in unicodedata.normalize("NFKC", name):
        kind = unicodedata.category(character)
        if character.isspace():
            kept.append(" ")
        elif unicodedata.name(character, "").startswith("VARIATION SELECTOR"):
            continue  # it says how the emoji before it is to look
        elif ord(character) in known and (kind[0] != "C" or character in _JOINERS):
            kept.append(character)
        elif kind[0] == "L" or kind in {"Mc", "Mn", "Nd"}:
            return ""
    return " ".join(_LONELY_JOINER.sub("", "".join(kept)).split())


# Persian and Arabic are spelled with them; all other invisible characters could turn a line around.
_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_LONELY_JOINER: Final = re.compile(rf"(?<!\w)[{_JOINERS}]+|[{_JOINERS}]+(?!\w)")


def _grouped(number: str) -> str:
    """Return a card number in groups of four digits, as people read it aloud."""
    if not re.fullmatch(r"[0-9]{14}", number):
        raise PassRefused("card_number", "is not 14 digits")
    return " ".join(re.findall(r"\d{1,4}", number))
