"""What signs passes: read and checked at start, changed over, made for development where there is none."""

from __future__ import annotations

import shutil
import stat
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from math import isnan
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from structlog.testing import capture_logs

from passes.apple.check import check_pass
from passes.apple.development import DevelopmentCertificates, development_certificates
from passes.apple.package import BrandAssets, build_pass
from passes.apple.signing import Signer
from passes.face import BrandFace, Colours
from tests.passes.faces import plain_card
from tests.shop import NOON, SETTINGS
from wallet_api.credentials import certificate_alarm, certificate_seconds, wallet_credentials
from wallet_api.development_wallets import (
    ACCOUNT,
    CERT,
    FOLDER,
    KEY,
    ROOT,
    WWDR,
    DevelopmentWallets,
    development_wallets,
)
from wallet_api.settings import Settings, SettingsFaults

TYPE, TEAM = "pass.org.example.carnet", "ABCDE12345"
LATER = NOON + timedelta(days=330)
"""When the second certificate begins, an hour before."""


@pytest.fixture(scope="module")
def made() -> DevelopmentCertificates:
    return development_certificates(pass_type_id=TYPE, team_id=TEAM, now=NOON)


@pytest.fixture(scope="module")
def next_made() -> DevelopmentCertificates:
    return development_certificates(pass_type_id=TYPE, team_id=TEAM, now=LATER)


def settings_of(folder: Path, made: DevelopmentCertificates, **others: object) -> Settings:
    files = {"cert": made.cert_pem, "key": made.key_pem, "wwdr": made.wwdr_pem}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    settings = replace(
        SETTINGS, apple_pass_cert=folder / "cert", apple_pass_key=folder / "key", apple_wwdr_cert=folder / "wwdr"
    )
    return replace(settings, **others)  # type: ignore[arg-type]  # named by the tests


def with_next(folder: Path, settings: Settings, made: DevelopmentCertificates) -> Settings:
    (folder / "next").mkdir()
    following = settings_of(folder / "next", made)
    return replace(
        settings,
        apple_pass_cert_next=following.apple_pass_cert,
        apple_pass_key_next=following.apple_pass_key,
        apple_wwdr_cert_next=following.apple_wwdr_cert,
    )


def fault_of(settings: Settings) -> str:
    with pytest.raises(SettingsFaults) as refused:
        wallet_credentials(settings, now=NOON)
    (fault,) = refused.value.faults
    return fault


def test_a_key_of_another_certificate_stops_the_start(
    tmp_path: Path, made: DevelopmentCertificates, next_made: DevelopmentCertificates
) -> None:
    fault = fault_of(settings_of(tmp_path, replace(made, key_pem=next_made.key_pem)))

    assert fault.startswith("APPLE_PASS_KEY: the private key belongs to another certificate; name the key")


def test_another_intermediate_stops_the_start_and_the_right_one_is_named(
    tmp_path: Path, made: DevelopmentCertificates, next_made: DevelopmentCertificates
) -> None:
    fault = fault_of(settings_of(tmp_path, replace(made, wwdr_pem=next_made.wwdr_pem)))

    assert fault.startswith("APPLE_WWDR_CERT: the WWDR certificate did not issue the pass certificate")
    assert "get Worldwide Relations Stand-in (Carnet development, not Apple)." in fault


def test_another_pass_type_or_team_stops_the_start(tmp_path: Path, made: DevelopmentCertificates) -> None:
    pass_type = fault_of(settings_of(tmp_path, made, apple_pass_type_id="pass.rival"))
    team = fault_of(settings_of(tmp_path, made, apple_team_id="RIVAL00001"))

    assert pass_type.startswith(
        f"APPLE_PASS_TYPE_ID: the pass type id is pass.rival, but the certificate is for {TYPE};"
    )
    assert team.startswith(f"APPLE_TEAM_ID: the team id is RIVAL00001, but the certificate is for {TEAM};")


def test_a_file_that_is_no_certificate_stops_the_start(tmp_path: Path, made: DevelopmentCertificates) -> None:
    fault = fault_of(settings_of(tmp_path, replace(made, cert_pem=b"-----BEGIN NOTHING-----")))

    assert fault == "APPLE_PASS_CERT: the pass certificate cannot be read as PEM or DER."


def test_a_broken_account_of_google_stops_the_start_and_is_not_quoted(tmp_path: Path) -> None:
    file = tmp_path / "google.json"
    file.write_text('{"type": "service_account", "private_key": "hunter2"}')

    fault = fault_of(replace(SETTINGS, google_wallet_issuer_id="33880", google_wallet_credentials=file))

    assert fault.startswith("GOOGLE_WALLET_CREDENTIALS: the file is no key of a service account.")
    assert "hunter2" not in fault


@pytest.mark.parametrize(("days", "why"), [(-2, "is valid from 2026-03-10 only"), (366, "has expired on 2027-03-10")])
def test_a_certificate_outside_its_time_starts_all_the_same_with_passes_off(
    tmp_path: Path, made: DevelopmentCertificates, days: int, why: str
) -> None:
    then = NOON + timedelta(days=days)

    signer, _ = wallet_credentials(settings_of(tmp_path, made), now=then)

    assert signer is not None
    assert signer.at(then) is None
    alarm = certificate_alarm(signer, now=then)
    assert alarm is not None
    assert alarm.startswith(f"Apple Wallet passes are off, and all else goes on: the pass certificate {why}.")


@pytest.fixture
def signer(tmp_path: Path, made: DevelopmentCertificates) -> Signer:
    """A signer as if its certificate were Apple's."""
    loaded, _ = wallet_credentials(settings_of(tmp_path, made), now=NOON)
    assert loaded is not None
    return replace(loaded, is_development=False)


@pytest.mark.parametrize(
    ("before_the_end", "alarm"),
    [
        (timedelta(days=31), None),
        (
            timedelta(days=29, hours=1),
            "The pass certificate ends on 2027-03-10, in 29 days, and Apple Wallet passes go off",
        ),
        (timedelta(hours=1), "The pass certificate ends on 2027-03-10, in 0 days, and Apple Wallet passes go off"),
    ],
)
def test_the_alarm_comes_30_days_before_the_end(signer: Signer, before_the_end: timedelta, alarm: str | None) -> None:
    now = signer.ends_at - before_the_end

    told = certificate_alarm(signer, now=now)

    assert (told or "")[: len(alarm or "")] == (alarm or "")
    assert (told is None) == (alarm is None)
    assert told is None or "set it as APPLE_PASS_CERT_NEXT" in told
    assert certificate_seconds(signer, now=now) == before_the_end.total_seconds()


def test_the_end_of_the_intermediate_is_an_alarm_of_its_own(signer: Signer) -> None:
    now = signer.ends_at - timedelta(days=100)
    ending = replace(signer, ends_at=now + timedelta(days=10))

    told = certificate_alarm(ending, now=now)

    assert told is not None
    assert told.startswith("The WWDR certificate ends on")
    assert "as APPLE_WWDR_CERT_NEXT" in told


def test_the_seconds_are_negative_after_the_end_and_no_number_without_a_certificate_of_apples(
    signer: Signer,
) -> None:
    assert certificate_seconds(signer, now=signer.ends_at + timedelta(seconds=90)) == -90
    assert isnan(certificate_seconds(None, now=NOON))
    assert isnan(certificate_seconds(replace(signer, is_development=True), now=NOON))


def test_the_next_certificate_takes_over_and_ends_the_alarm(
    tmp_path: Path, made: DevelopmentCertificates, next_made: DevelopmentCertificates
) -> None:
    alone, _ = wallet_credentials(settings_of(tmp_path, made), now=NOON)
    both, _ = wallet_credentials(with_next(tmp_path, settings_of(tmp_path, made), next_made), now=NOON)

    assert alone is not None
    assert both is not None
    assert certificate_alarm(alone, now=LATER + timedelta(days=10)) is not None
    assert certificate_alarm(both, now=LATER + timedelta(days=10)) is None
    chosen = both.at(LATER)
    assert chosen is not None
    assert chosen is both.successor


def test_a_next_certificate_from_the_same_request_needs_no_key_of_its_own(
    tmp_path: Path, made: DevelopmentCertificates
) -> None:
    key = load_pem_private_key(made.key_pem, password=None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"correct horse"))
    settings = settings_of(tmp_path, replace(made, key_pem=locked), apple_pass_key_password="correct horse")

    signer, _ = wallet_credentials(replace(settings, apple_pass_cert_next=settings.apple_pass_cert), now=NOON)

    assert signer is not None
    assert signer.successor is not None


def test_a_next_certificate_of_another_pass_type_stops_the_start(tmp_path: Path, made: DevelopmentCertificates) -> None:
    rival = development_certificates(pass_type_id="pass.rival", team_id=TEAM, now=NOON)

    fault = fault_of(with_next(tmp_path, settings_of(tmp_path, made), rival))
    no_key = fault_of(replace(with_next_key_of(tmp_path, made), apple_pass_key_next=tmp_path / "key"))

    assert fault.startswith(f"APPLE_PASS_CERT_NEXT: the pass type id is {TYPE}, but the certificate is for pass.rival;")
    assert no_key.startswith("APPLE_PASS_KEY_NEXT: the private key belongs to another certificate")


def with_next_key_of(folder: Path, made: DevelopmentCertificates) -> Settings:
    """A change-over, and both certificates have been set up before."""
    other = development_certificates(pass_type_id=TYPE, team_id=TEAM, now=NOON)
    (folder / "other").mkdir()
    return with_next(folder / "other", settings_of(folder, made), other)


# ── Without credentials ──────────────────────────────────────────────────────────────────────────────────────────


def for_development(data_dir: Path) -> Settings:
    return replace(SETTINGS, data_dir=data_dir, development_wallets=True)


def a_pass(signer: Signer, now: datetime) -> bytes:
    colours = Colours(background="#7a1f3d", foreground="#ffffff", label="#f2c6d3")
    brand = BrandFace(organization="Café Léa", program_name="Club", description="Card", colours=colours)
    return build_pass(plain_card(brand), assets=BrandAssets.of(brand), signer=signer, now=now)


def test_without_credentials_passes_are_signed_for_development_and_verify_against_the_local_root(
    tmp_path: Path,
) -> None:
    apple, google = wallet_credentials(for_development(tmp_path), now=NOON)

    assert apple is not None
    assert apple.is_development
    assert google is not None
    assert google.is_development
    assert google.credentials.service_account_email.endswith(".invalid")
    root = (tmp_path / FOLDER / ROOT).read_bytes()
    assert check_pass(a_pass(apple, NOON), root_pem=root, now=NOON) == []


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory of which a Carnet was started before; to be copied, not changed."""
    data_dir = tmp_path_factory.mktemp("kept")
    development_wallets(data_dir, now=NOON)
    return data_dir


def test_what_is_made_for_development_is_kept_and_for_its_owner_only(kept: Path) -> None:
    first = development_wallets(kept, now=NOON)
    again = development_wallets(kept, now=NOON + timedelta(days=330))

    assert again.apple.identity.certificate == first.apple.identity.certificate
    assert stat.S_IMODE((kept / FOLDER).stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (kept / FOLDER).iterdir()} == {0o600}


def test_certificates_for_development_are_made_anew_before_they_end(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept / FOLDER, tmp_path / FOLDER)

    renewed = development_wallets(tmp_path, now=NOON + timedelta(days=340))

    assert renewed.apple.ends_at == NOON + timedelta(days=340 + 365)


@pytest.mark.parametrize(
    ("name", "content"),
    [(ROOT, None), (WWDR, None), (CERT, None), (KEY, None), (ACCOUNT, None), (ACCOUNT, b"{}"), (CERT, b"-----BEGIN")],
)
def test_a_folder_that_was_left_half_written_is_mended(
    kept: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    shutil.copytree(kept / FOLDER, tmp_path / FOLDER)
    (tmp_path / FOLDER / name).unlink()
    if content is not None:
        (tmp_path / FOLDER / name).write_bytes(content)

    mended = development_wallets(tmp_path, now=NOON)

    again = development_wallets(tmp_path, now=NOON)
    assert again.apple.identity.certificate == mended.apple.identity.certificate
    assert again.google.signer_email == mended.google.signer_email


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    made: list[DevelopmentWallets] = []
    gate = threading.Barrier(4)

    def start() -> None:
        gate.wait()
        made.append(development_wallets(tmp_path, now=NOON))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({each.apple.identity.certificate.serial_number for each in made}) == 1
    assert len(made) == 4


def test_a_place_that_cannot_be_written_leaves_passes_off_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with capture_logs() as logs:
        credentials = wallet_credentials(for_development(tmp_path / "file"), now=NOON)

    assert credentials == (None, None)
    assert logs[0]["event"] == "no wallet passes: their development certificates cannot be kept"


def test_an_account_of_ones_own_is_left_alone(tmp_path: Path, made: DevelopmentCertificates) -> None:
    settings = settings_of(tmp_path, made, data_dir=tmp_path / "data", development_wallets=True)

    apple, google = wallet_credentials(settings, now=NOON)

    assert apple is not None
    assert apple.pass_type_id == TYPE
    assert google is not None
    assert google.is_development
