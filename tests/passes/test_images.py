import struct
import zlib
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image

from passes.apple.images import LOGO_BYTES_MAX, brand_images, logo_fault
from passes.apple.png import PNG_MAGIC, png_size
from passes.errors import PassRefused
from passes.face import BrandFace, Colours

WINE = (0x7A, 0x1F, 0x3D)
SIZES = {"icon.png": 29, "icon@2x.png": 58, "icon@3x.png": 87}


def png(width: int, height: int, colour: str = "#00ff00", mode: str = "RGBA") -> bytes:
    out = BytesIO()
    Image.new(mode, (width, height), colour).save(out, "PNG")
    return out.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))


def header(width: int, height: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">2L5B", width, height, 8, 6, 0, 0, 0))


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def test_a_brand_without_a_logo_gets_its_initials_in_its_colours(brand: BrandFace) -> None:
    images = brand_images(brand)

    assert {name: png_size(images[name]) for name in SIZES} == {name: (side, side) for name, side in SIZES.items()}
    icon = opened(images["icon@3x.png"])
    assert icon.getpixel((0, 0)) == WINE
    assert (255, 255, 255) in {colour for _, colour in icon.getcolors(maxcolors=10_000) or []}


def test_names_that_begin_alike_have_the_same_initials_and_others_do_not(brand: BrandFace) -> None:
    cafe = brand_images(replace(brand, organization="Café Léa"))
    same = brand_images(replace(brand, organization="🎉 capital Letters"))
    other = brand_images(replace(brand, organization="Zoë"))

    assert cafe == same
    assert cafe != other


def test_a_name_without_latin_letters_gets_a_ring_and_not_empty_boxes(brand: BrandFace) -> None:
    arabic = brand_images(replace(brand, organization="محل"))
    emoji = brand_images(replace(brand, organization="🍕"))

    assert arabic == emoji
    middle = opened(arabic["icon@3x.png"]).getpixel((43, 43))
    assert middle == WINE


def test_a_logo_is_fitted_into_both_places_at_three_scales(brand: BrandFace) -> None:
    images = brand_images(replace(brand, logo=png(640, 200)))

    assert {name: png_size(data) for name, data in images.items()} == {
        "icon.png": (29, 29),
        "icon@2x.png": (58, 58),
        "icon@3x.png": (87, 87),
        "logo.png": (160, 50),
        "logo@2x.png": (320, 100),
        "logo@3x.png": (480, 150),
    }
    icon = opened(images["icon@3x.png"])
    assert icon.getpixel((0, 0)) == WINE
    assert icon.getpixel((43, 43)) == (0, 255, 0)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_every_kind_of_png_is_a_logo(brand: BrandFace, mode: str) -> None:
    colour = "#ffffff"

    images = brand_images(replace(brand, logo=png(50, 50, colour, mode)))

    assert opened(images["icon@2x.png"]).getpixel((29, 29)) == (255, 255, 255)


@pytest.mark.parametrize(("width", "height"), [(16, 16), (2000, 200), (160, 16), (50, 200), (16, 64)])
def test_logos_as_wide_and_as_high_as_may_be_give_pictures_that_one_can_see(
    brand: BrandFace, width: int, height: int
) -> None:
    images = brand_images(replace(brand, logo=png(width, height)))

    for data in images.values():
        size = png_size(data)
        assert size is not None
        assert min(size) >= 2
    logo = png_size(images["logo@2x.png"])
    assert logo is not None
    assert logo[0] == 320 or logo[1] == 100


@pytest.mark.parametrize(
    ("width", "height", "why"),
    [
        (1, 1, "smaller than 16 pixels"),
        (15, 100, "smaller than 16 pixels"),
        (4000, 1, "smaller than 16 pixels"),
        (1010, 100, "10 times as wide"),
        (100, 401, "4 times as high"),
    ],
)
def test_a_logo_that_nobody_could_make_out_is_refused(brand: BrandFace, width: int, height: int, why: str) -> None:
    logo = png(width, height)

    with pytest.raises(PassRefused, match=why) as refused:
        brand_images(replace(brand, logo=logo))

    assert refused.value.field == "logo"
    assert why in str(logo_fault(logo))


def test_a_good_logo_has_no_fault() -> None:
    assert logo_fault(png(160, 50)) is None


@pytest.mark.parametrize(
    ("colours", "field"),
    [
        (Colours(background="#ffffff", foreground="#eeeeee", label="#000000"), "foregroundColor"),
        (Colours(background="#1f2937", foreground="#ffffff", label="#374151"), "labelColor"),
        (Colours(background="#777777", foreground="#777777", label="#777777"), "foregroundColor"),
        (Colours(background="wine", foreground="#ffffff", label="#ffffff"), "backgroundColor"),
        (Colours(background="#7a1f3d", foreground="#fff", label="#ffffff"), "foregroundColor"),
        (Colours(background="#7a1f3d", foreground="#ffffff", label="rgb(1, 2, 3)"), "labelColor"),
    ],
)
def test_colours_that_cannot_be_told_apart_or_are_none_are_refused_by_field(
    brand: BrandFace, colours: Colours, field: str
) -> None:
    with pytest.raises(PassRefused) as refused:
        brand_images(replace(brand, colours=colours))

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("logo", "why"),
    [
        (b"", "not a PNG"),
        (b"GIF89a" + bytes(60), "not a PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>" + bytes(20), "not a PNG"),
        (PNG_MAGIC, "not a PNG"),
        (PNG_MAGIC + header(20, 20), "damaged"),
        (png(50, 50)[:-40], "damaged"),
        (PNG_MAGIC + header(20, 20) + chunk(b"IDAT", zlib.compress(b"short")), "damaged"),
        (PNG_MAGIC + header(60_000, 60_000) + chunk(b"IEND", b""), "pixels"),
        (PNG_MAGIC + header(0, 10) + chunk(b"IEND", b""), "pixels"),
        (PNG_MAGIC + header(20, 20) + header(3_000, 3_000) + chunk(b"IDAT", b""), "pixels"),
        (PNG_MAGIC + header(20, 20) + header(10_000, 10_000) + chunk(b"IDAT", b""), "pixels"),
        (PNG_MAGIC + header(20, 20) + header(50_000, 50_000) + chunk(b"IDAT", b""), "pixels"),
        (
            PNG_MAGIC
            + header(20, 20)
            + chunk(b"zTXt", b"bomb\0\0" + zlib.compress(bytes(80_000_000)))
            + png(20, 20)[33:],
            "damaged",
        ),
        (PNG_MAGIC + bytes(LOGO_BYTES_MAX), "larger"),
    ],
)
def test_what_is_no_logo_or_a_bomb_is_refused(brand: BrandFace, logo: bytes, why: str) -> None:
    with pytest.raises(PassRefused, match=why) as refused:
        brand_images(replace(brand, logo=logo))

    assert refused.value.field == "logo"
