"""A pass's pictures: made from the brand's logo, or drawn where it has none."""

import struct
import unicodedata
from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from passes.apple.png import SCALES, png, png_size
from passes.errors import PassRefused
from passes.face import BrandFace
from passes.face_rules import check_contrast, rgb

LOGO_BYTES_MAX: Final = 1_000_000
LOGO_PIXELS_MAX: Final = 4_000_000
# A smaller one is a blur on a phone; of a wider or taller one, a hair is left in the place that Wallet has for it.
LOGO_SIDE_MIN: Final = 16
LOGO_WIDTHS_MAX: Final = 10
LOGO_HEIGHTS_MAX: Final = 4
ICON_POINTS: Final = (29, 29)
LOGO_POINTS: Final = (160, 50)
# Of the icon's height: what stays free around a logo, and how high the monogram's letters are.
_MARGIN: Final = 0.1
_LETTERS: Final = 0.5


def brand_images(brand: BrandFace) -> dict[str, bytes]:
    """Return icon and logo at three scales, as PNG files by name; raises `PassRefused`."""
    check_contrast(brand.colours)
    source = _logo(brand.logo) if brand.logo is not None else None
    images: dict[str, bytes] = {}
    for suffix, scale in SCALES.items():
        if source is None:
            icon = _monogram(brand, side=ICON_POINTS[0] * scale)
            logo = _monogram(brand, side=LOGO_POINTS[1] * scale)
        else:
            icon = _icon(source, background=brand.colours.background, scale=scale)
            logo = _fitted(source, LOGO_POINTS[0] * scale, LOGO_POINTS[1] * scale)
        images |= {f"icon{suffix}.png": png(icon), f"logo{suffix}.png": png(logo)}
    return images


def monogram(brand: BrandFace, *, side: int) -> bytes:
    """Return the brand's initials in its colours as a square PNG: what stands for a logo where there is none."""
    return png(_monogram(brand, side=side))


def logo_fault(data: bytes) -> str | None:
    """Say why no pass could be made with this logo, or None."""
    try:
        _logo(data)
    except PassRefused as refused:
        return refused.why
    return None


def _logo(data: bytes) -> Image.Image:
    """Open a logo that comes from outside: its size is known before a pixel is unpacked."""
    if len(data) > LOGO_BYTES_MAX:
        raise PassRefused("logo", f"is larger than {LOGO_BYTES_MAX:,} bytes")
    size = png_size(data)
    if size is None:
        raise PassRefused("logo", "is not a PNG file")
    _check_size(*size)
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            _check_size(*image.size)
            return image.convert("RGBA")
    except PassRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # A second header may name a size that the first did not.
        raise PassRefused("logo", "unpacks to far more pixels than it says") from error
    except (OSError, ValueError, SyntaxError, struct.error) as error:
        raise PassRefused("logo", "is a damaged PNG file") from error


def _check_size(width: int, height: int) -> None:
    if not 0 < width * height <= LOGO_PIXELS_MAX:
        raise PassRefused("logo", f"has not between 1 and {LOGO_PIXELS_MAX:,} pixels")
    if min(width, height) < LOGO_SIDE_MIN:
        raise PassRefused("logo", f"is smaller than {LOGO_SIDE_MIN} pixels on a side")
    if width > height * LOGO_WIDTHS_MAX or height > width * LOGO_HEIGHTS_MAX:
        shapes = f"over {LOGO_WIDTHS_MAX} times as wide as high, or {LOGO_HEIGHTS_MAX} times as high as wide"
        raise PassRefused("logo", f"is {shapes}")


def _icon(source: Image.Image, *, background: str, scale: int) -> Image.Image:
    """Set the logo into a square of the brand's colour; iOS rounds the corners."""
    side = ICON_POINTS[0] * scale
    icon = Image.new("RGBA", (side, side), rgb(background, field="backgroundColor"))
    room = side - 2 * round(side * _MARGIN)
    logo = _fitted(source, room, room)
    icon.alpha_composite(logo, ((side - logo.width) // 2, (side - logo.height) // 2))
    return icon.convert("RGB")


def _fitted(source: Image.Image, width: int, height: int) -> Image.Image:
    ratio = min(width / source.width, height / source.height)
    size = max(1, round(source.width * ratio)), max(1, round(source.height * ratio))
    return source.resize(size, Image.Resampling.LANCZOS)


def _monogram(brand: BrandFace, *, side: int) -> Image.Image:
    """Draw the brand's initials, or a ring where its name has no Latin letters."""
    colours = brand.colours
    image = Image.new("RGB", (side, side), rgb(colours.background, field="backgroundColor"))
    ink = rgb(colours.foreground, field="foregroundColor")
    draw, middle = ImageDraw.Draw(image), side / 2
    if initials := _initials(brand.organization):
        font = ImageFont.load_default(size=side * _LETTERS)
        draw.text((middle, middle), initials, fill=ink, font=font, anchor="mm")
    else:
        radius = side * _LETTERS / 2
        draw.circle((middle, middle), radius, outline=ink, width=max(1, side // 10))
    return image


def _initials(name: str) -> str:
    """Return up to two letters that Pillow's own font has: é becomes E, emoji fall away."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = "".join(c if c.isalnum() else " " for c in plain).split()
    return "".join(word[0] for word in words[:2]).upper()
