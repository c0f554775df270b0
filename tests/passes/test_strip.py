from io import BytesIO
from itertools import pairwise

import pytest
from PIL import Image

from passes.apple.png import SCALES, png_size
from passes.apple.strip import BAR_STEPS, STAMPS_MAX, STRIP_POINTS, Strip, strip_images
from passes.contrast import LEAST_CONTRAST, contrast
from passes.face import Colours, FaceProgress

WINE = Colours(background="#7a1f3d", foreground="#ffffff", label="#f2c6d3")
CREAM = Colours(background="#fdf6e3", foreground="#1f2937", label="#6b4f2a")


def progress(kind: str, done: int, needed: int) -> FaceProgress:
    assert kind in ("tier", "reward", "stamps")
    return FaceProgress(kind=kind, done=done, needed=needed, label="")  # type: ignore[arg-type]  # asserted above


def drawn(strip: Strip, colours: Colours = WINE, *, suffix: str = "@2x") -> Image.Image:
    return Image.open(BytesIO(strip_images(colours, strip)[f"strip{suffix}.png"])).convert("RGB")


def inked(image: Image.Image, colour: tuple[int, int, int] = (255, 255, 255)) -> int:
    """How many pixels have just this colour."""
    return next((number for number, each in image.getcolors(maxcolors=10_000) or [] if each == colour), 0)


def test_a_strip_has_wallets_size_at_three_scales() -> None:
    images = strip_images(WINE, Strip.of(progress("tier", 1, 2)))

    sizes = {name: png_size(data) for name, data in images.items()}

    width, height = STRIP_POINTS
    assert sizes == {f"strip{suffix}.png": (width * scale, height * scale) for suffix, scale in SCALES.items()}


@pytest.mark.parametrize(
    ("done", "needed", "filled"),
    [
        (0, 2_000, 0),
        (-50, 2_000, 0),
        (1, 2_000, 1),
        (999, 2_000, 24),
        (1_000, 2_000, 25),
        (1_999, 2_000, 49),
        (2_000, 2_000, 50),
        (9_000, 2_000, 50),
        (1, 10**15, 1),
    ],
)
def test_a_bar_is_rounded_down_so_that_only_who_is_there_sees_it_full(done: int, needed: int, filled: int) -> None:
    strip = Strip.of(progress("tier", done, needed))

    assert strip == Strip(kind="bar", filled=filled, parts=BAR_STEPS)


def test_each_stamp_is_a_circle_of_its_own() -> None:
    pictures = [strip_images(WINE, Strip.of(progress("stamps", done, 9)))["strip@3x.png"] for done in range(10)]
    ink = [inked(drawn(Strip.of(progress("stamps", done, 9)))) for done in range(10)]

    assert len(set(pictures)) == 10
    assert ink[0] == 0
    steps = {after - before for before, after in pairwise(ink)}
    assert len(steps) == 1


@pytest.mark.parametrize("needed", range(1, STAMPS_MAX + 1))
def test_stamps_of_any_card_stand_apart_on_the_right_and_inside(needed: int) -> None:
    full = drawn(Strip.of(progress("stamps", needed, needed)), suffix="")

    band = full.getpixel((0, 0))
    columns = {x for x in range(375) if any(full.getpixel((x, y)) != band for y in range(144))}
    rows = {y for y in range(144) if any(full.getpixel((x, y)) != band for x in range(375))}
    assert min(columns) >= 136  # what Wallet writes over the strip stands left of it
    assert max(columns) <= 355
    assert min(rows) >= 11  # older phones cut so much
    assert max(rows) <= 133
    assert islands(full, band) == needed


def islands(image: Image.Image, band: object) -> int:
    """Count the shapes that touch no other."""
    left = {(x, y) for x in range(image.width) for y in range(image.height) if image.getpixel((x, y)) != band}
    count = 0
    while left:
        count += 1
        todo = [left.pop()]
        while todo:
            x, y = todo.pop()
            near = {(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} & left
            left -= near
            todo += near
    return count


def test_a_card_of_very_many_stamps_shows_a_bar() -> None:
    assert Strip.of(progress("stamps", 3, STAMPS_MAX + 1)).kind == "bar"


@pytest.mark.parametrize("nothing", [None, progress("tier", 0, 0), progress("stamps", 3, -1)])
def test_without_a_way_to_go_the_strip_is_plain(nothing: FaceProgress | None) -> None:
    strip = Strip.of(nothing)

    assert strip == Strip(kind="plain")
    assert len(drawn(strip).getcolors() or []) == 1


@pytest.mark.parametrize("colours", [WINE, CREAM, Colours(background="#000000", foreground="#ffffff", label="#ffd166")])
def test_what_can_be_read_on_the_brands_ground_can_be_read_on_the_strip(colours: Colours) -> None:
    band = drawn(Strip(kind="plain"), colours).getpixel((0, 0))

    assert isinstance(band, tuple)
    ground = "#" + bytes(int(channel) for channel in band[:3]).hex()
    assert contrast(ground, colours.foreground) >= contrast(colours.background, colours.foreground) >= LEAST_CONTRAST


def test_what_is_done_has_the_texts_colour_and_edges_are_smooth() -> None:
    half = drawn(Strip.of(progress("tier", 1, 2)), CREAM, suffix="@3x")

    y = 119 * 3
    assert half.getpixel((30 * 3, y)) == (0x1F, 0x29, 0x37)
    assert half.getpixel((350 * 3, y)) not in ((0x1F, 0x29, 0x37), half.getpixel((0, 0)))
    shades = {colour for _, colour in half.getcolors(maxcolors=1_000) or []}
    assert 8 < len(shades) < 128
