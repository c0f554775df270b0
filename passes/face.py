"""What a pass shows, as one value: made by the caller from a brand and the state of one member."""

import hashlib
import json
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from typing import Literal

# Raise it with every change of layout, so that passes already in wallets are made anew.
LAYOUT = 3


@dataclass(frozen=True, kw_only=True)
class Colours:
    """A brand's three colours, each as `#rrggbb`."""

    background: str
    foreground: str
    label: str


@dataclass(frozen=True, kw_only=True)
class FaceLocation:
    """A place near which the phone offers the card by itself; degrees, WGS 84."""

    latitude: float
    longitude: float
    text: str


@dataclass(frozen=True, kw_only=True)
class FaceLink:
    """A link on the back of the card: https, mailto or tel."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Translation:
    """What one of the brand's own texts says in another language, e.g. of a unit's name."""

    text: str
    language: str
    says: str


@dataclass(frozen=True, kw_only=True)
class BrandFace:
    """What all cards of one brand share; its pictures and texts are prepared once."""

    organization: str
    program_name: str
    description: str
    colours: Colours
    logo_text: str | None = None
    logo: bytes | None = field(default=None, repr=False)
    locations: tuple[FaceLocation, ...] = ()
    links: tuple[FaceLink, ...] = ()
    translations: tuple[Translation, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FaceCurrency:
    """An ISO 4217 code, and how many digits of a raw amount stand behind its decimal point."""

    code: str
    digits: int


@dataclass(frozen=True, kw_only=True)
class FaceBalance:
    """What the member can spend of one unit: as text in the member's language, and as a number.

    `raw` counts whole units, or the smallest part of the currency where there is one.
    """

    unit: str
    label: str
    amount: str
    raw: int
    currency: FaceCurrency | None = None


@dataclass(frozen=True, kw_only=True)
class FaceTier:
    """The member's tier."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class FaceProgress:
    """How far the member is on the way that the card draws: `done` of `needed`, both in the same steps.

    `stamps` are drawn one by one beside the first balance, so they are for that unit only; the way to a tier or to a
    reward is a bar. `label` says in few words what is missing for what, in the member's language.
    """

    kind: Literal["tier", "reward", "stamps"]
    done: int
    needed: int
    label: str


@dataclass(frozen=True, kw_only=True)
class FaceNfc:
    """What a phone tells an NFC reader, and the reader's key: base64 of a P-256 public key, compressed, in X.509's form.

    It stands in an Apple pass only where the pass certificate has Apple's leave for it.
    """

    message: str = field(repr=False)
    public_key: str
    asks_holder: bool = False


@dataclass(frozen=True, kw_only=True)
class CardFace:
    """Everything that one pass shows.

    `serial` is the pass's name for ever; `static_code` is drawn by Apple Wallet (24 digits), and
    `rotating_prefix` is what a rotating code starts with: `7`, card number, check digit (16
    digits). `web_service_url` and `authentication_token` are both there or both missing.
    `locations` are the member's own, the nearest first, in the place of the brand's. `message` is the newest, which the
    lock screen shows when it comes; `earlier_messages` have been there, the newest first.
    """

    brand: BrandFace
    serial: str
    card_number: str
    static_code: str = field(repr=False)
    rotating_prefix: str = field(repr=False)
    holder: str = field(repr=False)
    locale: Literal["en", "fr"]
    balances: tuple[FaceBalance, ...] = ()
    tier: FaceTier | None = None
    next_tier: str | None = None
    next_reward: str | None = None
    progress: FaceProgress | None = None
    member_since: date | None = None
    rewards: tuple[str, ...] = ()
    expiry: str | None = None
    promotion: str | None = None
    message: str | None = field(default=None, repr=False)
    earlier_messages: tuple[str, ...] = field(default=(), repr=False)
    locations: tuple[FaceLocation, ...] | None = field(default=None, repr=False)
    nfc: FaceNfc | None = None
    voided: bool = False
    expires_at: datetime | None = None
    web_service_url: str | None = None
    authentication_token: str | None = field(default=None, repr=False)

    def fingerprint(self) -> str:
        """Return the SHA-256 in hex of what is shown: a pass has changed when this has."""
        shown = {name: part for name, part in _parts(self).items() if name != "authentication_token"}
        text = json.dumps([LAYOUT, shown], default=_plain, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return _parts(value)


def _parts(value: object) -> dict[str, object]:
    if not is_dataclass(value):
        raise TypeError(f"a pass shows no {type(value).__name__}")
    return {part.name: getattr(value, part.name) for part in fields(value)}
