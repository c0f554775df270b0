"""A voucher's code: what a till scans or types."""

from __future__ import annotations

import hashlib
from uuid import UUID

PREFIX = "V"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O and U, which are misread
_CHARACTERS = 12


def voucher_code(voucher_id: UUID) -> str:
    """The code of a voucher: 60 bits drawn from its id, whose own random bits nobody knows before it is issued."""
    number = int.from_bytes(hashlib.sha256(voucher_id.bytes).digest()[:8], "big")
    return PREFIX + "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_CHARACTERS))
