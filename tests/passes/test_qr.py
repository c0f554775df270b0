import re
from io import BytesIO
from xml.etree import ElementTree

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from passes.errors import PassRefused
from passes.qr import qr_png, qr_svg

ROTATING = "7123456789012346179000000079175564"
SVG = "{http://www.w3.org/2000/svg}"


def decoded(image: Image.Image) -> zxingcpp.Barcode:
    (code,) = zxingcpp.read_barcodes(image.convert("L"))
    return code


def from_png(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def from_svg(data: bytes, *, pixels: int = 4) -> Image.Image:
    """Draw the SVG's one path: rectangles one module high, as this package writes them."""
    root = ElementTree.fromstring(data)
    side = int(root.attrib["viewBox"].split()[2])
    image = Image.new("L", (side * pixels, side * pixels), 255)
    draw = ImageDraw.Draw(image)
    path = root.findall(f"{SVG}path")[1].attrib["d"]
    for x, y, width in (map(int, run) for run in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", path)):
        box = (x * pixels, y * pixels, (x + width) * pixels - 1, (y + 1) * pixels - 1)
        draw.rectangle(box, fill=0)
    return image


@pytest.mark.parametrize("image", [from_png(qr_png(ROTATING)), from_svg(qr_svg(ROTATING))])
def test_a_rotating_code_reads_back_from_the_smallest_symbol(image: Image.Image) -> None:
    code = decoded(image)

    assert code.text == ROTATING
    assert isinstance(code.extra, dict)
    assert code.extra["Version"] == "1"
    assert code.ec_level == "M"


def test_a_png_has_crisp_modules_and_four_free_ones_around() -> None:
    image = from_png(qr_png(ROTATING))

    assert image.size == (290, 290)
    assert image.mode == "1"
    bounds = Image.eval(image.convert("L"), lambda value: 255 - value).getbbox()
    assert bounds == (40, 40, 250, 250)


def test_an_svg_scales_and_has_a_name_for_screen_readers() -> None:
    root = ElementTree.fromstring(qr_svg(ROTATING, label='Alice\'s "card" <1>'))

    assert root.attrib["viewBox"] == "0 0 29 29"
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'Alice\'s "card" <1>'
    assert not {"width", "height"} & root.attrib.keys()


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60))
def test_any_text_reads_back(text: str) -> None:
    assert decoded(from_png(qr_png(text))).text == text


def test_digits_of_other_scripts_are_not_packed_as_digits() -> None:
    assert decoded(from_png(qr_png("٣٤٥"))).text == "٣٤٥"


@pytest.mark.parametrize("text", ["", "x" * 1_001])
def test_nothing_and_too_much_are_refused(text: str) -> None:
    with pytest.raises(PassRefused):
        qr_png(text)
    with pytest.raises(PassRefused):
        qr_svg(text)
