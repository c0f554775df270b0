import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest

from passes.apple.check import check_pass
from passes.apple.development import DevelopmentCertificates
from passes.apple.package import BUNDLE_BYTES_MAX, BUNDLE_CONTENT_TYPE, BrandAssets, build_pass, bundle
from passes.apple.signing import Signer
from passes.apple.strip import Strip
from passes.errors import PassRefused
from passes.face import BrandFace, CardFace, FaceProgress, Translation

Verify = Callable[[bytes], subprocess.CompletedProcess[bytes]]


@pytest.fixture
def openssl_verifies(tmp_path: Path, certificates: DevelopmentCertificates, now: datetime) -> Verify:
    """Let OpenSSL check a package's signature over its manifest against the root."""

    def verify(package: bytes) -> subprocess.CompletedProcess[bytes]:
        with ZipFile(BytesIO(package)) as archive:
            archive.extractall(tmp_path)
        (tmp_path / "root.pem").write_bytes(certificates.root_pem)
        command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature"]
        command += ["-content", "manifest.json", "-CAfile", "root.pem"]
        command += ["-attime", str(int(now.timestamp()))]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=30)

    return verify


def test_openssl_verifies_a_pass_up_to_the_root(
    face: CardFace, assets: BrandAssets, signer: Signer, now: datetime, openssl_verifies: Verify
) -> None:
    package = build_pass(face, assets=assets, signer=signer, now=now)

    verified = openssl_verifies(package)

    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout).keys() >= {"pass.json", "icon.png"}


def test_openssl_refuses_a_pass_whose_manifest_was_changed_after_signing(
    face: CardFace,
    assets: BrandAssets,
    signer: Signer,
    now: datetime,
    openssl_verifies: Verify,
    tmp_path: Path,
) -> None:
    package = build_pass(face, assets=assets, signer=signer, now=now)
    changed = BytesIO()
    with ZipFile(BytesIO(package)) as old, ZipFile(changed, "w") as new:
        for name in old.namelist():
            extra = b" " if name == "manifest.json" else b""
            new.writestr(name, old.read(name) + extra)

    verified = openssl_verifies(changed.getvalue())

    assert verified.returncode != 0
    assert (tmp_path / "manifest.json").exists()


def test_the_manifest_lists_every_file_with_its_sha1(
    face: CardFace, assets: BrandAssets, signer: Signer, now: datetime
) -> None:
    package = build_pass(face, assets=assets, signer=signer, now=now)

    with ZipFile(BytesIO(package)) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {ZIP_STORED}
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files["manifest.json"])
    assert files.keys() - manifest.keys() == {"manifest.json", "signature"}
    assert manifest == {name: hashlib.sha1(files[name], usedforsecurity=False).hexdigest() for name in manifest}
    assert {"en.lproj/pass.strings", "fr.lproj/pass.strings", "logo@3x.png"} <= manifest.keys()


def test_labels_and_lock_screen_texts_are_translated(
    face: CardFace, assets: BrandAssets, signer: Signer, now: datetime
) -> None:
    package = build_pass(face, assets=assets, signer=signer, now=now)

    with ZipFile(BytesIO(package)) as archive:
        french = archive.read("fr.lproj/pass.strings").decode()
        english = archive.read("en.lproj/pass.strings").decode()
    assert '"Your level is now %@" = "Votre niveau est maintenant %@";\n' in french
    assert '"Beans" = "Grains";\n' in french
    assert '"Beans: %@" = "Grains\N{NO-BREAK SPACE}: %@";\n' in french
    assert '"Card number" = "Card number";\n' in english


def test_a_translation_cannot_break_out_of_its_quotes(
    brand: BrandFace, face: CardFace, signer: Signer, now: datetime
) -> None:
    sly = Translation(text='Be"ans\\', language="fr", says='Gr"ains";\n"Level" = "Roi\\')
    brand = replace(brand, translations=(sly,))

    assets = BrandAssets.of(brand)

    package = build_pass(replace(face, brand=brand), assets=assets, signer=signer, now=now)
    with ZipFile(BytesIO(package)) as archive:
        french = archive.read("fr.lproj/pass.strings").decode()
    assert '"Be\\"ans\\\\" = "Gr\\"ains\\";\\n\\"Level\\" = \\"Roi\\\\";\n' in french
    assert check_pass(package, now=now) == []


def test_a_translation_with_nul_is_refused(brand: BrandFace) -> None:
    bad = Translation(text="Beans", language="fr", says="Gra\0ins")

    with pytest.raises(PassRefused) as refused:
        BrandAssets.of(replace(brand, translations=(bad,)))

    assert refused.value.field == "pass.strings"


def test_the_same_card_at_the_same_moment_gives_the_same_file(
    face: CardFace, assets: BrandAssets, signer: Signer, now: datetime
) -> None:
    one = build_pass(face, assets=assets, signer=signer, now=now)
    two = build_pass(face, assets=assets, signer=signer, now=now)

    assert one == two


def test_assets_of_another_brand_are_not_taken(
    face: CardFace, assets: BrandAssets, signer: Signer, now: datetime
) -> None:
    other = replace(face, brand=replace(face.brand, organization="Rival"))

    with pytest.raises(ValueError, match="another brand"):
        build_pass(other, assets=assets, signer=signer, now=now)


def test_a_pass_has_the_strip_of_its_progress_and_no_other(
    face: CardFace, assets: BrandAssets, signer: Signer, now: datetime
) -> None:
    steps = [None, *(FaceProgress(kind="stamps", done=done, needed=9, label="") for done in (3, 4))]

    packages = [build_pass(replace(face, progress=step), assets=assets, signer=signer, now=now) for step in steps]

    strips = []
    for package in packages:
        with ZipFile(BytesIO(package)) as archive:
            strips.append(archive.read("strip@3x.png"))
            assert archive.namelist().count("strip@2x.png") == 1
    assert len(set(strips)) == 3


def test_the_pictures_of_one_step_are_drawn_and_laid_out_once(assets: BrandAssets) -> None:
    one, again, other = (assets.with_strip(Strip(kind="bar", filled=step, parts=50)) for step in (7, 7, 8))

    assert one is again
    assert one.members is not other.members
    assert assets.digests.keys() < one.digests.keys()


def test_a_void_card_and_one_that_has_ended_say_so_and_are_sound(
    face: CardFace, assets: BrandAssets, signer: Signer, now: datetime
) -> None:
    ended = replace(face, voided=True, expires_at=datetime(2026, 1, 1, tzinfo=UTC))

    package = build_pass(ended, assets=assets, signer=signer, now=now)

    with ZipFile(BytesIO(package)) as archive:
        document = json.loads(archive.read("pass.json"))
    assert (document["voided"], document["expirationDate"]) == (True, "2026-01-01T00:00:00Z")
    assert check_pass(package, now=now) == []


@pytest.fixture
def package(face: CardFace, assets: BrandAssets, signer: Signer, now: datetime) -> bytes:
    return build_pass(face, assets=assets, signer=signer, now=now)


@pytest.mark.parametrize("number", [1, 10])
def test_up_to_ten_passes_fit_into_a_bundle(package: bytes, number: int) -> None:
    made = bundle([package] * number)

    with ZipFile(BytesIO(made)) as archive:
        assert archive.testzip() is None
        assert {info.compress_type for info in archive.infolist()} == {ZIP_STORED}
        assert archive.namelist() == [f"card-{at}.pkpass" for at in range(1, number + 1)]
        assert {archive.read(name) for name in archive.namelist()} == {package}
    assert BUNDLE_CONTENT_TYPE == "application/vnd.apple.pkpasses"


@pytest.mark.parametrize(
    ("passes", "why"),
    [([], "1 to 10"), ([b"x"] * 11, "1 to 10"), ([bytes(BUNDLE_BYTES_MAX // 2 + 1)] * 2, "larger than 150,000,000")],
)
def test_a_bundle_that_safari_would_not_take_is_refused(passes: list[bytes], why: str) -> None:
    with pytest.raises(PassRefused, match=why) as refused:
        bundle(passes)

    assert refused.value.field == "passes"
