"""Card codes: what stands in a member's QR code, how it is made and how it is checked.

Two formats, digits only, so that a QR code of version 1 holds them and cheap cameras read it:

- rotating, 34 digits: ``7``, 14 digits card number, Damm digit over the 15 before it, 10 digits Unix seconds at which
  the phone drew the code, 8 digits RFC 6238 TOTP (HMAC-SHA1, step 30 s);
- static, 24 digits: ``5``, card number, Damm digit, 8 digits MAC.

Keys are derived, never stored: raising a card's ``key_version`` revokes every code and every wallet object made before.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

STEP_SECONDS = 30
OLDEST = timedelta(seconds=60)
YOUNGEST = timedelta(seconds=30)
EXPLAINED = timedelta(minutes=10)
"""Within this a code with a right TOTP but a wrong age is called expired: the clocks differ. Beyond it is unknown."""

ROTATING = re.compile(r"7(\d{14})(\d)(\d{10})(\d{8})", re.ASCII)
STATIC = re.compile(r"5(\d{14})(\d)(\d{8})", re.ASCII)
NUMBER = re.compile(r"\d{14}", re.ASCII)

# The quasigroup of order 10 from H. Michael Damm's thesis: it detects every single wrong digit and every swap of two
# neighbours.
_DAMM = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


@dataclass(frozen=True, kw_only=True)
class CardKey:
    """What a card's codes are made from; `card_id` and `key_version` never leave the server, nor does `master`."""

    master: bytes
    card_id: UUID
    key_version: int

    @property
    def totp(self) -> bytes:
        """The 20-byte TOTP key, as Google Wallet gets it in hex."""
        return self._derive(b"card-totp\x00")[:20]

    @property
    def static(self) -> bytes:
        """The key of the static code's MAC."""
        return self._derive(b"card-static\x00")

    def _derive(self, label: bytes) -> bytes:
        message = label + self.card_id.bytes + self.key_version.to_bytes(2, "big")
        return hmac.digest(self.master, message, hashlib.sha256)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a reader read, taken apart: a rotating code (`drawn_at` and `totp`), a static one (`mac`) or a typed number."""

    number: str
    drawn_at: datetime | None = None
    totp: str | None = None
    mac: str | None = None

    @property
    def step(self) -> int | None:
        """The TOTP step in which the code was drawn."""
        return None if self.drawn_at is None else int(self.drawn_at.timestamp()) // STEP_SECONDS


def damm_digit(digits: str) -> str:
    """The check digit after these digits (Damm 2004)."""
    interim = 0
    for digit in digits:
        interim = _DAMM[interim][int(digit)]
    return str(interim)


def totp(key: bytes, *, step: int, digits: int = 8) -> str:
    """RFC 6238 with HMAC-SHA1 and RFC 4226's dynamic truncation."""
    mac = hmac.digest(key, step.to_bytes(8, "big"), hashlib.sha1)
    offset = mac[-1] & 0x0F
    value = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(value % 10**digits).zfill(digits)


def rotating_code(number: str, key: CardKey, *, drawn_at: datetime) -> str:
    """The 34 digits that a phone shows at this moment."""
    seconds = int(drawn_at.timestamp())
    head = "7" + number
    return f"{head}{damm_digit(head)}{seconds:010d}{totp(key.totp, step=seconds // STEP_SECONDS)}"


def static_code(number: str, key: CardKey) -> str:
    """The 24 digits on an Apple pass and on a printed card."""
    head = "5" + number
    return f"{head}{damm_digit(head)}{_mac(head, key)}"


def parse(text: str) -> Reading | None:
    """Take apart what a reader read or a cashier typed; None if it is no card code."""
    if rotating := ROTATING.fullmatch(text):
        number, check, seconds, code = rotating.groups()
        if damm_digit("7" + number) != check:
            return None
        return Reading(number=number, drawn_at=datetime.fromtimestamp(int(seconds), UTC), totp=code)
    if static := STATIC.fullmatch(text):
        number, check, mac = static.groups()
        return Reading(number=number, mac=mac) if damm_digit("5" + number) == check else None
    typed = text.replace(" ", "")
    return Reading(number=typed) if NUMBER.fullmatch(typed) else None


def is_genuine(reading: Reading, key: CardKey) -> bool:
    """Whether the code was made with this card's key, whatever its age; a typed number proves nothing and passes."""
    if reading.totp is not None:
        assert reading.step is not None
        return hmac.compare_digest(totp(key.totp, step=reading.step), reading.totp)
    if reading.mac is not None:
        return hmac.compare_digest(_mac("5" + reading.number, key), reading.mac)
    return True


def is_timely(reading: Reading, *, now: datetime) -> bool:
    """Whether a rotating code was drawn between 60 s ago and 30 s ahead; other codes have no age."""
    return reading.drawn_at is None or now - OLDEST <= reading.drawn_at <= now + YOUNGEST


def is_merely_late(reading: Reading, *, now: datetime) -> bool:
    """Whether a rotating code is off by no more than ten minutes, so that differing clocks explain it."""
    return reading.drawn_at is not None and abs(now - reading.drawn_at) <= EXPLAINED


def _mac(head: str, key: CardKey) -> str:
    mac = hmac.digest(key.static, head.encode(), hashlib.sha256)
    return str(int.from_bytes(mac[:8], "big") % 10**8).zfill(8)
