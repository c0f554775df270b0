"""Five hundred passes of random cards, looked at by OpenSSL, by our validator and by another maker's."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from passes.apple.check import check_pass
from passes.apple.development import DevelopmentCertificates
from passes.apple.package import BrandAssets, build_pass
from passes.apple.pass_json import pass_json
from passes.apple.signing import Signer
from passes.face import BrandFace, CardFace
from passes.face_rules import shown_name
from tests.passes.faces import brands, faces

PASSES = 500
# Preparing a brand takes as long as making fifty passes, so they share some.
BRANDS = 40
TOOLS = Path(__file__).parents[2] / "tools" / "node"


@pytest.fixture(scope="module")
def some_brands() -> tuple[BrandFace, ...]:
    drawn: list[BrandFace] = []

    @settings(max_examples=BRANDS, phases=[Phase.generate], database=None, deadline=None)
    @given(brands())
    def draw(brand: BrandFace) -> None:
        drawn.append(brand)

    draw()
    return tuple(drawn)


def test_random_passes_are_sound_for_openssl_for_us_and_for_another_maker(
    some_brands: tuple[BrandFace, ...],
    signer: Signer,
    certificates: DevelopmentCertificates,
    now: datetime,
    tmp_path: Path,
) -> None:
    assets_of = lru_cache(maxsize=None)(BrandAssets.of)
    root = tmp_path / "root.pem"
    root.write_bytes(certificates.root_pem)
    passes = tmp_path / "passes"
    made: list[Path] = []

    @settings(
        max_examples=PASSES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(faces(st.sampled_from(some_brands)))
    def make(face: CardFace) -> None:
        package = build_pass(face, assets=assets_of(face.brand), signer=signer, now=now)
        folder = passes / str(len(made))
        made.append(folder)
        files = _unpacked(package, folder)
        assert _openssl_says(folder, root=root, now=now) == (0, files["manifest.json"])
        assert json.loads(files["manifest.json"]) == _digests(files)
        assert check_pass(package, root_pem=certificates.root_pem, now=now) == []
        assert _shown(files, face)

    make()

    assert len(made) >= PASSES
    assert _refused_by_passkit_generator(passes) == {}


def _unpacked(package: bytes, folder: Path) -> dict[str, bytes]:
    with ZipFile(BytesIO(package)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}  # which checks their sums too
        archive.extractall(folder, [name for name in files if not name.endswith(".png")])
    return files


def _openssl_says(folder: Path, *, root: Path, now: datetime) -> tuple[int, bytes]:
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature"]
    command += ["-content", "manifest.json", "-CAfile", str(root), "-attime", str(int(now.timestamp()))]
    ran = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=30)
    return ran.returncode, ran.stdout


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return {
        name: hashlib.sha1(content, usedforsecurity=False).hexdigest()
        for name, content in files.items()
        if name not in ("manifest.json", "signature")
    }


def _shown(files: dict[str, bytes], face: CardFace) -> bool:
    """Whether the pass shows what the face holds: amounts and rewards as they are, the name as it can be shown."""
    document = json.loads(files["pass.json"])
    values = [field["value"] for group in document["storeCard"].values() for field in group]
    wanted = {balance.amount for balance in face.balances} | {name for name in (shown_name(face.holder),) if name}
    return document["barcodes"][0]["message"] == face.static_code and wanted <= set(values)


def _refused_by_passkit_generator(passes: Path) -> dict[str, list[str]]:
    ran = subprocess.run(
        ["node", "validate-passes.mjs", str(passes)], cwd=TOOLS, capture_output=True, check=False, timeout=120
    )
    assert ran.returncode == 0, f"run scripts/install-node-tools: {ran.stderr.decode()}"
    refused: dict[str, list[str]] = json.loads(ran.stdout)
    return refused


def test_the_other_maker_does_refuse_what_is_wrong(face: CardFace, tmp_path: Path) -> None:
    wrong: dict[str, Callable[[dict[str, Any]], object]] = {
        "backgroundColor": lambda d: d.update(backgroundColor="red"),
        "format": lambda d: d["barcodes"][0].update(format="QR"),
        "value": lambda d: d["storeCard"]["headerFields"][0].pop("value"),
        "holder": lambda d: d["storeCard"]["headerFields"][0].update(key="holder"),
        "no type": lambda d: d.pop("storeCard"),
    }
    for name, change in wrong.items():
        document = json.loads(pass_json(face, pass_type_id="pass.example.carnet", team_id="CARNET0001"))
        change(document)
        (tmp_path / name).mkdir()
        (tmp_path / name / "pass.json").write_text(json.dumps(document))

    refused = _refused_by_passkit_generator(tmp_path)

    assert [name for name in wrong if name not in " ".join(refused.get(name, []))] == []
