"""Reading and writing PNG files: what Wallet takes pictures in."""

import struct
from io import BytesIO
from typing import Final

from PIL import Image

# What Pillow raises for a file that is not what its header says.
DAMAGED: Final = (
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    OSError,
    ValueError,
    SyntaxError,
    struct.error,
)
PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
SCALES: Final = {"": 1, "@2x": 2, "@3x": 3}
"""What a picture's name says of its size, and how many pixels a point has."""


def png_size(data: bytes) -> tuple[int, int] | None:
    """Return a PNG file's width and height in pixels from its header; None for other data."""
    if len(data) < 33 or data[:8] != PNG_MAGIC or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">2L", data[16:24])
    return width, height


def png_fault(data: bytes) -> str | None:
    """Say what is wrong with a PNG file of a size that is known to be small, or None."""
    try:
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            if image.size == png_size(data):  # a second header may name another, far larger one
                image.load()
                return None
    except DAMAGED:
        pass
    return "is a damaged PNG file"


def png(image: Image.Image) -> bytes:
    """Write a picture as a PNG file; zlib's best takes three times as long, and saves a tenth."""
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
