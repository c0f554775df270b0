"""`carnet pass check`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from passes.apple.development import DevelopmentCertificates, development_certificates
from passes.apple.package import BrandAssets, build_pass, bundle
from passes.apple.signing import Signer
from passes.face import BrandFace, Colours
from tests.passes.faces import plain_card
from wallet_api.cli import main

SIGNED = datetime(2026, 9, 21, 14, 30, tzinfo=UTC)
THAT_DAY = ("--at", "2026-09-21T15:00")


def carnet_pass_check(*words: object) -> Result:
    """Run it as on a machine without any settings and without a database."""
    return CliRunner().invoke(main, ["pass", "check", *map(str, words)], env={"DATABASE_URL": None})


@pytest.fixture(scope="module")
def certificates() -> DevelopmentCertificates:
    return development_certificates(pass_type_id="pass.example.carnet", team_id="CARNET0001", now=SIGNED)


@pytest.fixture(scope="module")
def package(certificates: DevelopmentCertificates) -> bytes:
    signer = Signer.load(
        cert_pem=certificates.cert_pem, key_pem=certificates.key_pem, password=None, wwdr_pem=certificates.wwdr_pem
    )
    brand = BrandFace(
        organization="Café Léa",
        program_name="Léa Club",
        description="Loyalty card of Café Léa",
        colours=Colours(background="#7a1f3d", foreground="#ffffff", label="#f2c6d3"),
    )
    face = plain_card(brand, locale="fr")
    return build_pass(face, assets=BrandAssets.of(brand), signer=signer, now=SIGNED)


def test_a_sound_pass_and_a_sound_bundle_are_said_to_be(
    package: bytes, certificates: DevelopmentCertificates, tmp_path: Path
) -> None:
    card, cards, root = (tmp_path / name for name in ("card.pkpass", "cards.pkpasses", "root.pem"))
    card.write_bytes(package)
    cards.write_bytes(bundle([package, package]))
    root.write_bytes(certificates.root_pem)

    results = [carnet_pass_check(file, "--root", root, *THAT_DAY) for file in (card, cards)]

    assert [(result.exit_code, result.stdout) for result in results] == [
        (0, "card.pkpass is sound.\n"),
        (0, "cards.pkpasses is sound.\n"),
    ]


def test_each_fault_is_named_with_its_field(package: bytes, tmp_path: Path) -> None:
    file = tmp_path / "card.pkpass"
    file.write_bytes(package)

    result = carnet_pass_check(file, "--at", "2028-01-01")

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "signature: was made at 2026-09-21T14:30Z, over a day away",
        "pass certificate: has expired on 2027-09-21",
        "WWDR certificate: has expired on 2027-09-21",
    ]
    assert result.stderr == "Error: card.pkpass has 3 faults.\n"


def test_a_fault_of_a_pass_in_a_bundle_is_named_with_the_pass(package: bytes, tmp_path: Path) -> None:
    file = tmp_path / "cards.pkpasses"
    file.write_bytes(bundle([package]))

    result = carnet_pass_check(file, "--at", "2026-12-01")

    assert result.exit_code == 1
    assert result.stdout == "card-1.pkpass: signature: was made at 2026-09-21T14:30Z, over a day away\n"
    assert result.stderr == "Error: cards.pkpasses has 1 fault.\n"


def test_what_is_no_pass_or_no_root_is_said_so(package: bytes, tmp_path: Path) -> None:
    card, other = tmp_path / "card.pkpass", tmp_path / "card.txt"
    card.write_bytes(package)
    other.write_text("no pass")

    not_pass, not_root = carnet_pass_check(other), carnet_pass_check(card, "--root", other)

    assert (not_pass.exit_code, not_pass.stdout) == (1, "package: is not a ZIP file, or a damaged one\n")
    assert (not_root.exit_code, not_root.stderr) == (1, "Error: root certificate: cannot be read as PEM or DER.\n")
