import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.apple.check import check_pass
from passes.apple.development import DevelopmentCertificates
from passes.apple.package import BrandAssets, build_pass
from passes.apple.signing import Signer
from passes.errors import PassRefused
from passes.face import BrandFace, CardFace, FaceBalance, FaceTier, Translation

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


def texts(*, least: int = 0) -> st.SearchStrategy[str]:
    """Whatever people type: emoji, right-to-left, quotes, line breaks; what we refuse left out."""
    alphabet = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\"'\\%@{}<>&")
    return st.text(alphabet, min_size=least, max_size=300)


balances = st.lists(
    st.builds(
        FaceBalance,
        unit=st.text("abcdefgh-", min_size=1, max_size=12),
        label=texts(),
        amount=texts(),
        raw=st.integers(),
    ),
    max_size=7,
    unique_by=lambda balance: balance.unit,
).map(tuple)


@settings(max_examples=50, deadline=None)
@given(
    change=st.fixed_dictionaries(
        {
            "serial": st.uuids().map(str),
            "static_code": st.from_regex(r"5[0-9]{23}", fullmatch=True),
            "card_number": st.from_regex(r"[0-9]{14}", fullmatch=True),
            "holder": texts(),
            "balances": balances,
            "tier": st.none() | st.builds(FaceTier, id=texts(), name=texts()),
            "next_tier": st.none() | texts(),
            "member_since": st.none() | st.dates(min_value=date(1, 1, 1)),
            "rewards": st.lists(texts(), max_size=5).map(tuple),
            "expiry": st.none() | texts(),
            "promotion": st.none() | texts(),
            "voided": st.booleans(),
            "expires_at": st.none() | st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)),
        }
    )
)
def test_whatever_a_member_is_called_the_pass_is_sound(
    face: CardFace,
    assets: BrandAssets,
    signer: Signer,
    certificates: DevelopmentCertificates,
    now: datetime,
    change: dict[str, object],
) -> None:
    card = replace(face, **change)  # type: ignore[arg-type]  # drawn by type above

    package = build_pass(card, assets=assets, signer=signer, now=now)

    assert check_pass(package, root_pem=certificates.root_pem, now=now) == []
    with ZipFile(BytesIO(package)) as archive:
        document = json.loads(archive.read("pass.json"))
    assert document["barcodes"][0]["message"] == card.static_code
    shown = [field["value"] for group in document["storeCard"].values() for field in group]
    assert card.holder in shown
    assert {balance.amount for balance in card.balances} <= set(shown)
