"""QR codes per CPU second: a card's 34 digits as SVG and as PNG, beside what other libraries make of them.

Each code is its own; error correction M, four free modules around, ten pixels a module. zxing-cpp reads what each way
drew first, so that all are of the same size: version 1.
"""

from __future__ import annotations

import importlib
import json
import random
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import qrcode
import zxingcpp
from PIL import Image
from qrcode.constants import ERROR_CORRECT_M
from qrcode.image.pil import PilImage
from qrcode.image.svg import SvgPathImage

from bench.peers import NODE_TOOLS, node, peers
from passes.qr import qr_png, qr_svg

CODES = 200
ROUNDS = 5
DIGITS = 34
Draw = Callable[[str], bytes]


def run() -> None:
    """Measure and print."""
    chance = random.Random(7)
    codes = ["".join(chance.choices("0123456789", k=DIGITS)) for _ in range(CODES)]
    with peers(), tempfile.TemporaryDirectory(prefix="carnet-bench-") as folder:
        ways = _ways()
        for name, draw in ways.items():
            if name.endswith("PNG"):
                (read,) = zxingcpp.read_barcodes(Image.open(BytesIO(draw(codes[0]))).convert("L"))
                assert isinstance(read.extra, dict)
                assert (read.text, read.ec_level, read.extra["Version"]) == (codes[0], "M", "1"), name
        rates = {name: max(_per_cpu_second(draw, codes) for _ in range(ROUNDS)) for name, draw in ways.items()}
        file = Path(folder, "codes.json")
        file.write_text(json.dumps(codes))
        seconds = json.loads(node(NODE_TOOLS / "qr.mjs", str(file)))
        rates |= {f"qrcode (npm), {kind.upper()}": CODES / seconds[kind] for kind in ("svg", "png")}
    print(f"QR codes: {CODES} of {DIGITS} digits, the best of {ROUNDS} rounds")
    for name, rate in rates.items():
        print(f"  {name:<42} {rate:8.0f} a CPU second")


def _ways() -> dict[str, Draw]:
    segno: Any = importlib.import_module("segno")
    # Both looked for pypng when qrcode was imported, before it was there.
    importlib.reload(importlib.import_module("qrcode.compat.png"))
    pure: Any = importlib.reload(importlib.import_module("qrcode.image.pure"))

    def by_segno(code: str, kind: str) -> bytes:
        out = BytesIO()
        segno.make(code, error="m", boost_error=False, micro=False).save(out, kind=kind, scale=10, border=4)
        return out.getvalue()

    return {
        "Carnet: qrcode's modules, a path, SVG": qr_svg,
        "Carnet: qrcode's modules, Pillow, PNG": qr_png,
        "qrcode, its path, SVG": lambda code: _by_qrcode(code, SvgPathImage),
        "qrcode, Pillow, PNG": lambda code: _by_qrcode(code, PilImage),
        "qrcode, pypng, PNG": lambda code: _by_qrcode(code, pure.PyPNGImage),
        "segno, SVG": lambda code: by_segno(code, "svg"),
        "segno, PNG": lambda code: by_segno(code, "png"),
        "zxing-cpp, SVG": lambda code: zxingcpp.write_barcode_to_svg(_by_zxing(code)).encode(),
        "zxing-cpp and Pillow, PNG": lambda code: _png(zxingcpp.write_barcode_to_image(_by_zxing(code), scale=10)),
    }


def _by_qrcode(code: str, image: type[Any]) -> bytes:
    made = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4, box_size=10, image_factory=image)
    made.add_data(code)
    out = BytesIO()
    made.make_image().save(out)
    return out.getvalue()


def _by_zxing(code: str) -> Any:
    return zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.QRCode, ec_level="M")


def _png(drawn: Any) -> bytes:
    out = BytesIO()
    Image.frombytes("L", (drawn.shape[1], drawn.shape[0]), bytes(memoryview(drawn))).save(out, "PNG")
    return out.getvalue()


def _per_cpu_second(draw: Draw, codes: list[str]) -> float:
    start = time.process_time()
    for code in codes:
        draw(code)
    return len(codes) / (time.process_time() - start)
