"""The strip picture: how far the next level or reward is, drawn in the brand's colours.

Wallet writes the primary field over it, large and at the left. So stamps stand at the right, and a bar below.
"""

from dataclasses import dataclass
from typing import Final, Literal

from PIL import Image, ImageChops, ImageDraw

from passes.apple.png import SCALES, png
from passes.face import Colours, FaceProgress
from passes.face_rules import rgb

STRIP_POINTS: Final = (375, 144)
BAR_STEPS: Final = 50
STAMPS_MAX: Final = 30
"""A card of more stamps shows a bar: its circles would be smaller than a letter."""

# In points. Older phones show the middle 123 of the strip's height, so nothing stands in the outermost 11.
_BAR: Final = (20, 114, 355, 124)
_GRID: Final = (136, 18, 355, 126)
_PITCH_MOST: Final = 43  # of two circles, from one's edge to the next one's
_GAP: Final = 5  # one part in so many of that stays free
_RING: Final = 2
# How much of one colour is mixed into another: the ground towards its own shade, what is still open into the ground.
_SHADE: Final = 0.16
_OPEN: Final = 0.25
# Drawn so many times as large, then averaged: that is what smooths the edges.
_FINE: Final = 4
_SHADES: Final = 128

Rgb = tuple[int, int, int]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class Strip:
    """What a strip shows, as few values as there are different pictures: `filled` of `parts`."""

    kind: Literal["plain", "bar", "stamps"]
    filled: int = 0
    parts: int = 0

    @classmethod
    def of(cls, progress: FaceProgress | None) -> "Strip":
        """Return the picture of a progress: a bar rounds it down, so that only who is there sees it full."""
        if progress is None or progress.needed < 1:
            return cls(kind="plain")
        done = min(max(progress.done, 0), progress.needed)
        if progress.kind == "stamps" and progress.needed <= STAMPS_MAX:
            return cls(kind="stamps", filled=done, parts=progress.needed)
        step = done * BAR_STEPS // progress.needed
        return cls(kind="bar", filled=max(step, 1) if done else 0, parts=BAR_STEPS)


def strip_images(colours: Colours, strip: Strip) -> dict[str, bytes]:
    """Return the picture at three scales, as PNG files by name."""
    palette = _palette(colours)
    return {
        f"strip{suffix}.png": png(_picture(strip, palette=palette, scale=scale)) for suffix, scale in SCALES.items()
    }


def _picture(strip: Strip, *, palette: bytes, scale: int) -> Image.Image:
    """Draw in shades of two colours over the ground, one number a pixel: a third of the bytes to pack."""
    canvas = _Canvas(image=Image.new("L", (STRIP_POINTS[0] * scale, STRIP_POINTS[1] * scale), 0), scale=scale)
    if strip.kind == "bar":
        left, top, right, bottom = _BAR
        canvas.draw(_BAR, strength=_OPEN)
        if strip.filled:
            length = (right - left) * strip.filled // strip.parts
            canvas.draw((left, top, left + max(length, bottom - top), bottom))
    for index, box in enumerate(_stamps(strip.parts) if strip.kind == "stamps" else ()):
        canvas.draw(box, is_ring=index >= strip.filled)
    canvas.image.putpalette(palette)
    return canvas.image


def _palette(colours: Colours) -> bytes:
    """Return what the numbers of a picture's pixels stand for: the ground turning into the text's colour, and the label's."""
    ground = _ground(colours)
    ink, label = rgb(colours.foreground, field="foregroundColor"), rgb(colours.label, field="labelColor")
    shades = [_mixed(ground, full, step / (_SHADES - 1)) for full in (ink, label) for step in range(_SHADES)]
    return bytes(channel for shade in shades for channel in shade)


@dataclass(frozen=True, kw_only=True)
class _Canvas:
    """A picture that is drawn on in points."""

    image: Image.Image
    scale: int

    def draw(self, box: Box, *, strength: float = 1, is_ring: bool = False) -> None:
        """Draw a bar with round ends, which is a disc where it is as wide as high; or its line, in the label's colour."""
        left, top, right, bottom = box
        fine = self.scale * _FINE
        width, height = (right - left) * fine, (bottom - top) * fine
        mask = Image.new("L", (width, height), 0)
        shape, radius = (0, 0, width - 1, height - 1), height / 2
        if is_ring:
            ImageDraw.Draw(mask).rounded_rectangle(shape, radius, outline=255, width=_RING * fine)
        else:
            ImageDraw.Draw(mask).rounded_rectangle(shape, radius, fill=255)
        first = _SHADES if is_ring else 0
        last = round((_SHADES - 1) * strength)
        shades = mask.reduce(_FINE).point([first + step * last // 255 if step else 0 for step in range(256)])
        corner = left * self.scale, top * self.scale
        below = self.image.crop((*corner, corner[0] + shades.width, corner[1] + shades.height))
        self.image.paste(ImageChops.lighter(below, shades), corner)


def _stamps(number: int) -> list[Box]:
    """Return the circles' boxes, row by row: as large as the grid has room for, then in as few rows as that takes."""
    left, top, right, bottom = _GRID

    def pitch(columns: int) -> int:
        rows = -(-number // columns)
        return min((right - left) // columns, (bottom - top) // rows, _PITCH_MOST)

    widest = max(range(1, number + 1), key=lambda columns: (pitch(columns), columns))
    rows = -(-number // widest)
    columns = -(-number // rows)  # the last row is as full as the others, or nearly
    step = pitch(columns)
    gap = step // _GAP
    size = step - gap
    first_left = right - columns * step + gap
    first_top = top + (bottom - top - rows * step + gap) // 2
    corners = [(first_left + step * (at % columns), first_top + step * (at // columns)) for at in range(number)]
    return [(x, y, x + size, y + size) for x, y in corners]


def _ground(colours: Colours) -> Rgb:
    """Return the brand's ground, a shade away from the text's colour: whatever is read on one is read on the other."""
    ground = rgb(colours.background, field="backgroundColor")
    is_light_text = sum(rgb(colours.foreground, field="foregroundColor")) > sum(ground)
    return _mixed(ground, (0, 0, 0) if is_light_text else (255, 255, 255), _SHADE)


def _mixed(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
