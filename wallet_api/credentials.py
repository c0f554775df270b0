"""What passes are signed with: read from the files that the settings name, and checked, at every start."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import nan
from pathlib import Path

import structlog
from google.oauth2.service_account import Credentials

from passes.apple.signing import PASS_CERTIFICATE, WWDR_CERTIFICATE, Signer
from passes.errors import PassRefused
from passes.google.development import ISSUER_ID
from wallet_api.development_wallets import DevelopmentWallets, development_wallets
from wallet_api.services.app import GoogleIssuer
from wallet_api.settings import Settings, SettingsFaults

log = structlog.get_logger(__name__)

ALARM_BEFORE = timedelta(days=30)
_SETTINGS = {
    PASS_CERTIFICATE: "APPLE_PASS_CERT",
    "private key": "APPLE_PASS_KEY",
    WWDR_CERTIFICATE: "APPLE_WWDR_CERT",
    "pass type id": "APPLE_PASS_TYPE_ID",
    "team id": "APPLE_TEAM_ID",
}


def wallet_credentials(settings: Settings, *, now: datetime) -> tuple[Signer | None, GoogleIssuer | None]:
    """What signs Apple's passes and the account that Google's are made under; None for a wallet that is off.

    Raises SettingsFaults for a certificate, a key or an account that can never be right. One that has ended is none of
    these: the tills of a shop go on, and `certificate_alarm` says it.
    """
    apple, google = _apple(settings), _google(settings)
    if settings.apple_for_development or settings.google_for_development:
        made = _for_development(settings, now=now)
        if made and settings.apple_for_development:
            apple = made.apple
        if made and settings.google_for_development:
            google = GoogleIssuer(issuer_id=ISSUER_ID, credentials=made.google, is_development=True)
    return apple, google


def certificate_alarm(signer: Signer, *, now: datetime) -> str | None:
    """What is wrong with the dates of what signs passes, or will be soon, and what to do; None while there is time."""
    try:
        signer.required_at(now)
    except PassRefused as refused:
        return (
            f"Apple Wallet passes are off, and all else goes on: the {refused.field} {refused.why}. "
            f"{_what_to_do(signer, refused.field)}"
        )
    end, name = signer.ends(now)
    if end > now + ALARM_BEFORE:
        return None
    return (
        f"The {name} ends on {end:%Y-%m-%d}, in {(end - now).days} days, and Apple Wallet passes go off with it. "
        f"{_what_to_do(signer, name)}"
    )


def certificate_seconds(signer: Signer | None, *, now: datetime) -> float:
    """For how long passes can be signed yet, negative where they no longer can; NaN where no certificate is set up."""
    if signer is None or signer.is_development:
        return nan
    end, _ = signer.ends(now)
    return (end - now).total_seconds()


def _what_to_do(signer: Signer, name: str) -> str:
    if signer.is_development:
        return "Restart Carnet: it makes a new one for development."
    if name == WWDR_CERTIFICATE:
        return (
            "Make a new pass certificate for the same pass type id; set it as APPLE_PASS_CERT_NEXT, and the intermediate "
            "of Apple's that it is issued by as APPLE_WWDR_CERT_NEXT (docs/wallets.md)."
        )
    return "Make a new one for the same pass type id and set it as APPLE_PASS_CERT_NEXT (docs/wallets.md)."


def _apple(settings: Settings) -> Signer | None:
    cert, key, wwdr = settings.apple_pass_cert, settings.apple_pass_key, settings.apple_wwdr_cert
    if cert is None or key is None or wwdr is None:
        return None
    signer = _signer(settings, cert=cert, key=key, password=settings.apple_pass_key_password, wwdr=wwdr)
    if settings.apple_pass_cert_next is None:
        return signer
    # A certificate that is made anew from the same request has the same key.
    has_own_key = settings.apple_pass_key_next is not None
    successor = _signer(
        settings,
        cert=settings.apple_pass_cert_next,
        key=settings.apple_pass_key_next or key,
        password=settings.apple_pass_key_password_next if has_own_key else settings.apple_pass_key_password,
        wwdr=settings.apple_wwdr_cert_next or wwdr,
        suffix="_NEXT",
    )
    try:
        return signer.followed_by(successor)
    except PassRefused as refused:
        raise SettingsFaults([f"APPLE_PASS_CERT_NEXT: the {refused.field} {refused.why}."]) from refused


def _signer(settings: Settings, *, cert: Path, key: Path, password: str | None, wwdr: Path, suffix: str = "") -> Signer:
    try:
        return Signer.load(
            cert_pem=cert.read_bytes(),
            key_pem=key.read_bytes(),
            password=password.encode() if password else None,
            wwdr_pem=wwdr.read_bytes(),
            pass_type_id=settings.apple_pass_type_id,
            team_id=settings.apple_team_id,
        )
    except PassRefused as refused:
        name = _SETTINGS[refused.field]
        own = suffix if refused.field not in {"pass type id", "team id"} else ""
        raise SettingsFaults([f"{name}{own}: the {refused.field} {refused.why}."]) from refused


def _google(settings: Settings) -> GoogleIssuer | None:
    issuer_id, file = settings.google_wallet_issuer_id, settings.google_wallet_credentials
    if issuer_id is None or file is None:
        return None
    try:
        credentials = Credentials.from_service_account_file(str(file))  # type: ignore[no-untyped-call]  # google-auth's own
    except ValueError as fault:  # its text may quote the key
        raise SettingsFaults(
            ["GOOGLE_WALLET_CREDENTIALS: the file is no key of a service account. Make one in JSON (docs/wallets.md)."]
        ) from fault
    return GoogleIssuer(issuer_id=issuer_id, credentials=credentials)


def _for_development(settings: Settings, *, now: datetime) -> DevelopmentWallets | None:
    try:
        return development_wallets(settings.data_dir, now=now)
    except OSError as trouble:
        log.error("no wallet passes: their development certificates cannot be kept", why=trouble.strerror)  # noqa: TRY400 a sentence says it all
        return None
