"""Apple passes per CPU second, beside the RSA-2048 signature alone, which no way of making them can do without.

The same store card in each way: about 60 KB of pictures, two languages, every pass its own. The peers get its pass.json
ready made; Carnet lays it out and holds it against Apple's rules besides, and is measured without that too. The first
four ways take turns in short rounds, and the best round of each counts: what else runs on the machine slows them all.
"""

from __future__ import annotations

import importlib
import random
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha1
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder
from PIL import Image

from bench.peers import NODE_TOOLS, node, peers
from passes.apple.check import check_pass
from passes.apple.development import DevelopmentCertificates, development_certificates
from passes.apple.package import BrandAssets, build_pass
from passes.apple.pass_json import pass_json
from passes.apple.signing import Signer
from passes.apple.strip import Strip
from passes.face import (
    BrandFace,
    CardFace,
    Colours,
    FaceBalance,
    FaceLink,
    FaceLocation,
    FaceProgress,
    FaceTier,
    Translation,
)

MEMBERS = 100
ROUNDS = 30
SLOW = 20
"""How many passes the peers make that take 50 ms each."""
LOGO = (160, 50)
TYPE, TEAM = "pass.org.example.bench", "BENCH12345"


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """What every way of making a pass begins with."""

    made: DevelopmentCertificates
    signer: Signer
    assets: BrandAssets
    drawn: BrandAssets
    faces: list[CardFace]
    documents: list[bytes]
    files: dict[str, bytes]
    now: datetime


def run() -> None:
    """Measure and print."""
    with peers(), tempfile.TemporaryDirectory(prefix="carnet-bench-") as folder:
        prepared = _prepare()
        _write(prepared, Path(folder))
        ways = {
            "RSA-2048 signature alone": _alone(prepared),
            "Carnet": _ours(prepared),
            "Carnet from a pass.json that is there": _signed(prepared),
            "PKCS7SignatureBuilder, all else prepared": _by_builder(prepared),
        }
        pictures = sum(len(content) for name, content in prepared.files.items() if name.endswith(".png"))
        print(
            f"Passes: {MEMBERS} store cards, {len(prepared.files) + 3} files, {pictures / 1000:.0f} KB of pictures, "
            f"pass.json {len(prepared.documents[0]) / 1000:.1f} KB, {ROUNDS} rounds, each way in turn"
        )
        rates: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, make in ways.items():
                rates[name].append(_per_cpu_second(make, range(MEMBERS)))
        best = {name: max(measured) for name, measured in rates.items()}
        best["passkit-generator (npm), one node process"] = SLOW / float(
            node(NODE_TOOLS / "passes.mjs", folder, str(SLOW))
        )
        best["py-pkpass"] = _per_cpu_second(_by_py_pkpass(prepared, Path(folder)), range(SLOW))
        limit = best["RSA-2048 signature alone"]
        for name, rate in best.items():
            print(f"  {name:<42} {rate:8.0f} a CPU second   {rate / limit:6.1%} of the signature alone")


# ── The ways ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _alone(prepared: _Prepared) -> Callable[[int], bytes]:
    key, scheme, digest = prepared.signer.identity.key, padding.PKCS1v15(), hashes.SHA256()
    return lambda number: key.sign(b"%d" % number, scheme, digest)


def _ours(prepared: _Prepared) -> Callable[[int], bytes]:
    faces, assets, signer, now = prepared.faces, prepared.assets, prepared.signer, prepared.now
    _check(build_pass(faces[0], assets=assets, signer=signer, now=now), prepared)
    return lambda number: build_pass(faces[number], assets=assets, signer=signer, now=now)


def _signed(prepared: _Prepared) -> Callable[[int], bytes]:
    """What is left of ours for the peers' task: manifest, signature, archive."""
    sign, now = prepared.signer.sign, prepared.now
    return lambda number: _packed(prepared, prepared.documents[number], lambda manifest: sign(manifest, now=now))


def _by_builder(prepared: _Prepared) -> Callable[[int], bytes]:
    """The library's own way to sign; manifest and archive as ours makes them, from a pass.json that is there."""
    identity = prepared.signer.identity
    options = [PKCS7Options.DetachedSignature, PKCS7Options.Binary, PKCS7Options.NoCapabilities]
    builder = PKCS7SignatureBuilder().add_certificate(identity.intermediate)

    def sign(manifest: bytes) -> bytes:
        signing = builder.set_data(manifest).add_signer(identity.certificate, identity.key, hashes.SHA256())
        return signing.sign(Encoding.DER, options)

    return lambda number: _packed(prepared, prepared.documents[number], sign)


def _packed(prepared: _Prepared, document: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    digests = {**prepared.drawn.digests, "pass.json": sha1(document, usedforsecurity=False).hexdigest()}
    manifest = orjson.dumps(digests)
    own = {"pass.json": document, "manifest.json": manifest, "signature": sign(manifest)}
    return prepared.drawn.members.add(own).archive()


def _by_py_pkpass(prepared: _Prepared, folder: Path) -> Callable[[int], bytes]:
    models: Any = importlib.import_module("py_pkpass.models")
    documents = [document.decode() for document in prepared.documents]

    def make(number: int) -> bytes:
        made = models.Pass(models.StoreCard())
        made._createPassJson = lambda: documents[number]  # noqa: SLF001 the one place where it takes a document
        for name, content in prepared.files.items():
            made.addFile(name, BytesIO(content))
        place = [str(folder / name) for name in ("pass.pem", "key.pem", "wwdr.pem")]
        file: BytesIO = made.create(*place, None)
        return file.getvalue()

    return make


def _per_cpu_second(make: Callable[[int], bytes], numbers: Iterable[int]) -> float:
    start, count = time.process_time(), 0
    for number in numbers:
        make(number)
        count += 1
    return count / (time.process_time() - start)


# ── What is made ─────────────────────────────────────────────────────────────────────────────────────────────────


def _prepare() -> _Prepared:
    now = datetime.now(UTC).replace(microsecond=0)
    made = development_certificates(pass_type_id=TYPE, team_id=TEAM, now=now)
    signer = Signer.load(cert_pem=made.cert_pem, key_pem=made.key_pem, password=None, wwdr_pem=made.wwdr_pem)
    brand = _brand()
    assets = BrandAssets.of(brand)
    faces = [_face(brand, number) for number in range(MEMBERS)]
    with ZipFile(BytesIO(build_pass(faces[0], assets=assets, signer=signer, now=now))) as archive:
        own = {"pass.json", "manifest.json", "signature"}
        files = {name: archive.read(name) for name in archive.namelist() if name not in own}
    return _Prepared(
        made=made,
        signer=signer,
        assets=assets,
        drawn=assets.with_strip(Strip.of(faces[0].progress)),
        faces=faces,
        documents=[pass_json(face, pass_type_id=TYPE, team_id=TEAM) for face in faces],
        files=files,
        now=now,
    )


def _brand() -> BrandFace:
    return BrandFace(
        organization="Café Léa",
        program_name="Léa & Co Club",
        description="Loyalty card of Café Léa",
        colours=Colours(background="#7a1f3d", foreground="#ffffff", label="#f2c6d3"),
        logo_text="Léa Club",
        logo=_logo(),
        locations=tuple(
            FaceLocation(latitude=48.85 + n / 100, longitude=2.35, text=f"A coffee at Léa's, {n} rue des Halles?")
            for n in range(6)
        ),
        links=(FaceLink(label="Shop & menu", url="https://lea.example/?from=pass&page=1"),),
        translations=(Translation(text="Beans", language="fr", says="Grains"),),
    )


def _face(brand: BrandFace, number: int) -> CardFace:
    return CardFace(
        brand=brand,
        serial=f"0199c7f0-0000-7000-8000-{number:012d}",
        card_number=f"{number:014d}",
        static_code=f"5{number:023d}",
        rotating_prefix=f"7{number:015d}",
        holder=f"Alice Martin {number}",
        locale="fr",
        balances=(
            FaceBalance(unit="beans", label="Beans", amount=f"{1_000 + number}", raw=1_000 + number),
            FaceBalance(unit="stamps", label="Stamps", amount=f"{number % 10}", raw=number % 10),
        ),
        tier=FaceTier(id="gold", name="Or"),
        progress=FaceProgress(kind="tier", done=number, needed=MEMBERS, label=f"{number} grains jusqu’à Platine"),
        rewards=("Un café : 100 grains", "Un brunch : 900 grains"),
        expiry="100 grains expirent le 31 décembre",
        promotion="Double grains ce samedi",
        web_service_url="https://cards.example/apple",
        authentication_token=f"{number:032d}",
    )


def _logo() -> bytes:
    """A logo of few colours and some noise, so that the pictures made from it have the size of real ones."""
    chance = random.Random(7)
    image = Image.new("RGB", LOGO)
    image.putdata([(122, 31 + chance.randrange(8), 61 + x % 160) for x in range(LOGO[0] * LOGO[1])])
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _check(package: bytes, prepared: _Prepared) -> None:
    faults = check_pass(package, root_pem=prepared.made.root_pem, now=prepared.now)
    assert not faults, faults


def _write(prepared: _Prepared, folder: Path) -> None:
    """What the peers read from files."""
    for name, content in prepared.files.items():
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    parts = {"pass.pem": prepared.made.cert_pem, "key.pem": prepared.made.key_pem, "wwdr.pem": prepared.made.wwdr_pem}
    for name, content in parts.items():
        (folder / name).write_bytes(content)
    (folder / "documents.json").write_bytes(orjson.dumps([document.decode() for document in prepared.documents]))
