"""Every setting of a Carnet, read from the environment once, checked, and frozen.

Nothing else reads the environment. A secret has no default; a path must be there; a URL must be one. All faults are
collected, so that one start names them all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from passes.apple.rules import is_p256_compressed

DEFAULT_BASE_URL = "http://127.0.0.1:8080"
DEFAULT_DATA_DIR = "var"
DEFAULT_APPLE_PUSH_PAUSE_SECONDS = 30
"""Wallet is said to stop fetching for a device that is pushed to in quick succession; why 30: decision 0016."""

DEFAULT_GOOGLE_REQUESTS_PER_SECOND = 15
"""Google allows a project 20 and says nothing of what is left."""

SECRET_KEY_CHARACTERS_MIN = 32
DERIVED_KEY_BYTES = 32

APPLE_DEVELOPMENT = (
    "Apple Wallet passes are signed for development only: a real iPhone takes them once APPLE_PASS_CERT, APPLE_PASS_KEY "
    "and APPLE_WWDR_CERT name a pass certificate from Apple (docs/wallets.md)."
)
GOOGLE_DEVELOPMENT = (
    "Google Wallet objects are made for development only and sent to nobody: a real Android phone gets them once "
    "GOOGLE_WALLET_ISSUER_ID and GOOGLE_WALLET_CREDENTIALS name an account at Google (docs/wallets.md)."
)

# The first generation of derived keys: it stands in `kid`, so that a later generation can live beside it.
KEY_ID = "1"


class SettingsFaults(Exception):
    """The settings do not allow a start; each fault is a sentence that says what to do."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment says, typed; None where a setting is absent. Secrets stay out of `repr`."""

    secret_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    data_dir: Path = Path(DEFAULT_DATA_DIR)
    database_url: str | None = field(default=None, repr=False)  # carries a password, like the next one
    replica_url: str | None = field(default=None, repr=False)
    firebase_credentials: Path | None = None
    firebase_endpoint: str | None = None
    apple_pass_cert: Path | None = None
    apple_pass_key: Path | None = None
    apple_pass_key_password: str | None = field(default=None, repr=False)
    apple_wwdr_cert: Path | None = None
    apple_pass_cert_next: Path | None = None
    apple_pass_key_next: Path | None = None
    apple_pass_key_password_next: str | None = field(default=None, repr=False)
    apple_wwdr_cert_next: Path | None = None
    apple_pass_type_id: str | None = None
    apple_team_id: str | None = None
    apple_nfc_public_key: str | None = None
    apns_endpoint: str | None = None
    apns_ca: Path | None = None
    apple_push_pause_seconds: int = DEFAULT_APPLE_PUSH_PAUSE_SECONDS
    google_wallet_issuer_id: str | None = None
    google_wallet_credentials: Path | None = None
    google_wallet_endpoint: str | None = None
    google_wallet_requests_per_second: int = DEFAULT_GOOGLE_REQUESTS_PER_SECOND
    google_wallet_keys_url: str | None = None
    google_wallet_callback_sender: str | None = None
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str | None = None
    development_wallets: bool = False
    trusted_proxies: int = 0  # how many proxies in front add to X-Forwarded-For; what the others say is not believed
    demo_dir: Path | None = None  # set by `carnet demo` only: turns on the pages that show what others would not see

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read and check every setting. Raises SettingsFaults that names all that is wrong."""
        read = _Reader(environ)
        settings = cls(
            secret_key=read.secret("CARNET_SECRET_KEY"),
            base_url=(base_url := read.origin("CARNET_BASE_URL") or DEFAULT_BASE_URL),
            data_dir=read.folder("CARNET_DATA_DIR") or Path(DEFAULT_DATA_DIR),
            database_url=read.database("DATABASE_URL"),
            replica_url=read.database("REPLICA_URL"),
            firebase_credentials=read.file("FIREBASE_CREDENTIALS"),
            firebase_endpoint=read.web("FIREBASE_ENDPOINT"),
            apple_pass_cert=read.file("APPLE_PASS_CERT"),
            apple_pass_key=read.file("APPLE_PASS_KEY"),
            apple_pass_key_password=read.text("APPLE_PASS_KEY_PASSWORD"),
            apple_wwdr_cert=read.file("APPLE_WWDR_CERT"),
            apple_pass_cert_next=read.file("APPLE_PASS_CERT_NEXT"),
            apple_pass_key_next=read.file("APPLE_PASS_KEY_NEXT"),
            apple_pass_key_password_next=read.text("APPLE_PASS_KEY_PASSWORD_NEXT"),
            apple_wwdr_cert_next=read.file("APPLE_WWDR_CERT_NEXT"),
            apple_pass_type_id=read.text("APPLE_PASS_TYPE_ID"),
            apple_team_id=read.text("APPLE_TEAM_ID"),
            apple_nfc_public_key=read.nfc_key("APPLE_NFC_PUBLIC_KEY"),
            apns_endpoint=read.web("APNS_ENDPOINT", schemes=("https",)),
            apns_ca=read.file("APNS_CA"),
            apple_push_pause_seconds=int(read.digits("APPLE_PUSH_PAUSE_SECONDS") or DEFAULT_APPLE_PUSH_PAUSE_SECONDS),
            google_wallet_issuer_id=read.digits("GOOGLE_WALLET_ISSUER_ID"),
            google_wallet_credentials=read.file("GOOGLE_WALLET_CREDENTIALS"),
            google_wallet_endpoint=read.web("GOOGLE_WALLET_ENDPOINT"),
            google_wallet_requests_per_second=read.rate(
                "GOOGLE_WALLET_REQUESTS_PER_SECOND", default=DEFAULT_GOOGLE_REQUESTS_PER_SECOND
            ),
            google_wallet_keys_url=read.web("GOOGLE_WALLET_KEYS_URL"),
            google_wallet_callback_sender=read.text("GOOGLE_WALLET_CALLBACK_SENDER"),
            smtp_url=read.url("SMTP_URL", schemes=("smtp", "smtps", "smtp+starttls")),
            mail_from=read.sender("MAIL_FROM"),
            # A shop's members must not be offered passes that their phones refuse; on one's own machine they are welcome.
            development_wallets=read.switch("CARNET_DEVELOPMENT_WALLETS", default=_is_loopback(base_url)),
            trusted_proxies=int(read.digits("CARNET_TRUSTED_PROXIES") or 0),
            demo_dir=read.folder("CARNET_DEMO"),
        )
        read.faults += settings.change_over_faults()
        if read.faults:
            raise SettingsFaults(read.faults)
        return settings

    def change_over_faults(self) -> list[str]:
        """What is missing for the change-over to another pass certificate that is set up."""
        named = {
            "APPLE_PASS_KEY_NEXT": self.apple_pass_key_next,
            "APPLE_PASS_KEY_PASSWORD_NEXT": self.apple_pass_key_password_next,
            "APPLE_WWDR_CERT_NEXT": self.apple_wwdr_cert_next,
        }
        given = [name for name, value in named.items() if value is not None]
        if self.apple_pass_cert_next is None and given:
            return [f"{given[0]} is set, and APPLE_PASS_CERT_NEXT is not. Set that too, or unset {given[0]}."]
        if self.apple_pass_cert_next is not None and self.missing_for_apple:
            return [
                f"APPLE_PASS_CERT_NEXT follows another certificate, and {_not_set(self.missing_for_apple)}. "
                "Set the first certificate without _NEXT."
            ]
        return []

    def derive(self, label: str) -> bytes:
        """A key of 32 bytes for one purpose (HKDF-SHA256, RFC 5869), so that no two purposes share a key."""
        info = f"carnet/{KEY_ID}/{label}".encode()
        return HKDF(algorithm=SHA256(), length=DERIVED_KEY_BYTES, salt=None, info=info).derive(self.secret_key.encode())

    @property
    def missing_for_firebase(self) -> tuple[str, ...]:
        """The settings without which pushes go to the console channel; none when Firebase is on."""
        return _absent(FIREBASE_CREDENTIALS=self.firebase_credentials)

    @property
    def missing_for_mail(self) -> tuple[str, ...]:
        """The settings without which e-mail goes to the console channel; none when mail is on."""
        return _absent(SMTP_URL=self.smtp_url)

    @property
    def sender(self) -> str:
        """The address that e-mail comes from: MAIL_FROM, else `no-reply` at the host of the base URL."""
        host = urlsplit(self.base_url).hostname or ""
        is_name = any(letter.isalpha() for letter in host) and ":" not in host  # an IP address is no mail domain
        return self.mail_from or f"no-reply@{host if is_name else 'localhost'}"

    @property
    def missing_for_apple(self) -> tuple[str, ...]:
        """The settings without which no Apple passes are made; type and team may be read from the certificate."""
        return _absent(
            APPLE_PASS_CERT=self.apple_pass_cert,
            APPLE_PASS_KEY=self.apple_pass_key,
            APPLE_WWDR_CERT=self.apple_wwdr_cert,
        )

    @property
    def missing_for_google(self) -> tuple[str, ...]:
        """The settings without which no Google Wallet passes are made."""
        return _absent(
            GOOGLE_WALLET_ISSUER_ID=self.google_wallet_issuer_id,
            GOOGLE_WALLET_CREDENTIALS=self.google_wallet_credentials,
        )

    @property
    def apple_for_development(self) -> bool:
        """Whether Apple passes are signed with a certificate of our own, since none of Apple's is set up in any part."""
        named = (self.apple_pass_cert, self.apple_pass_key, self.apple_wwdr_cert)
        return self.development_wallets and not any(named)

    @property
    def google_for_development(self) -> bool:
        """Whether Google's objects are made for an issuer of our own, since no account is set up in any part."""
        named = (self.google_wallet_issuer_id, self.google_wallet_credentials)
        return self.development_wallets and not any(named)

    def describe(self) -> list[str]:
        """What is on, what goes to the console instead and what is missing for it, one sentence each, no secrets."""
        firebase, mail = self.missing_for_firebase, self.missing_for_mail
        return [
            f"Links and tokens carry the base URL {self.base_url}.",
            f"Files are kept in {self.data_dir}.",
            f"The database is {_place(self.database_url)}."
            if self.database_url
            else f"The database is a private one in {self.data_dir / 'postgres'}, because DATABASE_URL is not set.",
            f"Push messages go to the console channel, because {_not_set(firebase)}."
            if firebase
            else f"Push messages go through Firebase{_by_way_of(self.firebase_endpoint)}.",
            f"E-mail goes to the console channel, because {_not_set(mail)}."
            if mail or self.smtp_url is None
            else f"E-mail goes through {_place(self.smtp_url)} as {self.sender}.",
            "Text messages go to the console channel, because no provider of them is built in.",
            self._apple_says(),
            self._google_says(),
        ]

    def _apple_says(self) -> str:
        if self.apple_for_development:
            return APPLE_DEVELOPMENT
        if missing := self.missing_for_apple:
            return f"Apple Wallet passes are off, because {_not_set(missing)}."
        return f"Apple Wallet passes are on{_by_way_of(self.apns_endpoint)}."

    def _google_says(self) -> str:
        if self.google_for_development:
            return GOOGLE_DEVELOPMENT
        if missing := self.missing_for_google:
            return f"Google Wallet passes are off, because {_not_set(missing)}."
        return f"Google Wallet passes are on{_by_way_of(self.google_wallet_endpoint)}."


_DATABASE = ("postgresql", "postgresql+psycopg", "postgres")


class _Reader:
    """Reads one setting at a time and keeps the faults; an empty setting counts as absent."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.faults: list[str] = []

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def secret(self, name: str) -> str:
        secret = self.text(name)
        if secret is None:
            self.faults.append(
                f"{name} is missing. Make one with `openssl rand -base64 32`, set it, and keep it safe: "
                "without it tokens and card codes stop working."
            )
        elif len(secret) < SECRET_KEY_CHARACTERS_MIN or len(set(secret)) < SECRET_KEY_CHARACTERS_MIN // 4:
            self.faults.append(
                f"{name} is too easy to guess. Make one of at least {SECRET_KEY_CHARACTERS_MIN} random characters "
                "with `openssl rand -base64 32`."
            )
        return secret or ""

    def file(self, name: str) -> Path | None:
        if (text := self.text(name)) is None:
            return None
        path = Path(text)
        if not path.is_file():
            self.faults.append(f"{name} names {path}, and no file is there. Put it there, or correct the path.")
        elif not os.access(path, os.R_OK):
            self.faults.append(f"{name} names {path}, which this user may not read. Change its permissions.")
        return path

    def folder(self, name: str) -> Path | None:
        if (text := self.text(name)) is None:
            return None
        path = Path(text)
        if path.exists() and not path.is_dir():
            self.faults.append(f"{name} names {path}, which is not a folder. Name a folder, or a free place for one.")
        return path

    def url(self, name: str, *, schemes: tuple[str, ...]) -> str | None:
        if (text := self.text(name)) is None:
            return None
        parts = _parts(text)
        has_place = parts is not None and (parts.hostname or "host=" in parts.query)  # a PostgreSQL socket is a query
        if parts is None or parts.scheme not in schemes or not has_place:
            # The value may carry a password, so it is not repeated here.
            self.faults.append(f"{name} is not a URL of the form {schemes[0]}://host…. Correct it.")
            return None
        return text

    def web(self, name: str, *, schemes: tuple[str, ...] = ("https", "http")) -> str | None:
        url = self.url(name, schemes=schemes)
        return None if url is None else url.rstrip("/")  # paths are put behind it

    def origin(self, name: str) -> str | None:
        url = self.web(name)
        if url is not None and ((parts := urlsplit(url)).path or parts.query or parts.fragment or parts.username):
            self.faults.append(f"{name} is more than scheme, host and port. Leave out the rest: https://cards.example.")
        return url

    def database(self, name: str) -> str | None:
        url = self.url(name, schemes=_DATABASE)
        if url is None or not url.startswith("postgres://"):
            return url
        return url.replace("postgres://", "postgresql://", 1)  # some hosters still hand out the old name of the scheme

    def digits(self, name: str) -> str | None:
        text = self.text(name)
        if text is not None and not (text.isascii() and text.isdigit()):
            self.faults.append(f"{name} must be a number, in digits only.")
            return None  # the callers make numbers of it, before all faults are told
        return text

    def rate(self, name: str, *, default: int) -> int:
        number = int(self.digits(name) or default)
        if number < 1:
            self.faults.append(f"{name} must be at least 1.")
        return number

    def nfc_key(self, name: str) -> str | None:
        text = self.text(name)
        if text is not None and not is_p256_compressed(text):
            self.faults.append(
                f"{name} is not base64 of a P-256 public key, compressed, in X.509's form. Make it as docs/wallets.md says."
            )
        return text

    def switch(self, name: str, *, default: bool) -> bool:
        text = self.text(name)
        if text not in {None, "on", "off"}:
            self.faults.append(f"{name} is neither `on` nor `off`. Set one of them, or unset it.")
        return default if text is None else text == "on"

    def sender(self, name: str) -> str | None:
        text = self.text(name)
        if text is not None and ("@" not in text or not text.isprintable()):
            self.faults.append(f"{name} is not an e-mail address. Write it as `Name <cards@shop.example>`.")
        return text


def _is_loopback(url: str) -> bool:
    """Whether an address leads to the machine itself, where no phone can follow."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _parts(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - read for its check: a port that is no port raises
    except ValueError:
        return None
    return parts


def _place(url: str) -> str:
    """The URL without user, password and query."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _absent(**settings: object) -> tuple[str, ...]:
    return tuple(name for name, value in settings.items() if value is None)


def _not_set(names: tuple[str, ...]) -> str:
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} not set"


def _by_way_of(endpoint: str | None) -> str:
    return f", by way of {_place(endpoint)}" if endpoint else ""
