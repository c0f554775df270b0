"""A folder with a certificate and an account of our own, for a Carnet that has none of Apple's and Google's.

Passes are then really signed, and verify against `apple-root.pem` in it; no phone knows that root.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from google.oauth2.service_account import Credentials

from passes.apple.development import development_certificates
from passes.apple.signing import Signer, is_issued_by, read_certificate
from passes.errors import PassRefused
from passes.google.development import development_account

FOLDER = "development-wallets"
ROOT, WWDR, CERT, KEY = "apple-root.pem", "apple-wwdr.pem", "apple-pass.pem", "apple-pass.key"
ACCOUNT = "google-service-account.json"
PASS_TYPE = "pass.org.example.carnet-development"
TEAM = "CARNETDEV0"
MADE_ANEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class DevelopmentWallets:
    """What the folder holds, ready for use."""

    apple: Signer
    google: Credentials


def development_wallets(data_dir: Path, *, now: datetime) -> DevelopmentWallets:
    """Read the folder; make it first where it is missing or broken, or its certificates end within 30 days.

    Several processes may start at once: one makes it, the others wait for it. Raises OSError for a place that cannot be
    written. Making takes half a second.
    """
    folder = data_dir / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        try:
            return _read(folder, now=now)
        except (OSError, ValueError):  # PassRefused is one; a start that was cut short leaves half of the files
            _make(folder, now=now)
            return _read(folder, now=now)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which goes with the process however that ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(folder: Path, *, now: datetime) -> DevelopmentWallets:
    signer = Signer.load(
        cert_pem=(folder / CERT).read_bytes(),
        key_pem=(folder / KEY).read_bytes(),
        password=None,
        wwdr_pem=(folder / WWDR).read_bytes(),
        pass_type_id=PASS_TYPE,
        team_id=TEAM,
    )
    signer.required_at(now)
    signer.required_at(now + MADE_ANEW_BEFORE)
    root = read_certificate((folder / ROOT).read_bytes(), name="root certificate")
    if not is_issued_by(signer.identity.intermediate, root):
        raise PassRefused("root certificate", "did not issue the intermediate")
    account = Credentials.from_service_account_file(str(folder / ACCOUNT))  # type: ignore[no-untyped-call]  # google-auth's own
    return DevelopmentWallets(apple=signer, google=account)


def _make(folder: Path, *, now: datetime) -> None:
    made = development_certificates(pass_type_id=PASS_TYPE, team_id=TEAM, now=now)
    files = {
        ROOT: made.root_pem,
        WWDR: made.wwdr_pem,
        CERT: made.cert_pem,
        KEY: made.key_pem,
        ACCOUNT: development_account(),
    }
    for name, content in files.items():
        (folder / name).unlink(missing_ok=True)  # whatever was there, with whatever permissions
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
