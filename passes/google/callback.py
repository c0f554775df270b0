"""What Google tells when a holder saves or deletes a pass, and the proof that Google said it.

The message is signed by a key that a root key of Google's has signed, after the scheme ECv2SigningOnly (as in Tink's
PaymentMethodTokenRecipient): https://developers.google.com/wallet/generic/use-cases/use-callbacks-for-saves-and-deletions
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

PROTOCOL: Final = "ECv2SigningOnly"
SENDER: Final = "GooglePayPasses"
SIGNATURES_MAX: Final = 10
NONCE_CHARACTERS_MAX: Final = 200
_MILLIS_MAX: Final = 253_402_300_799_999  # the end of the year 9999, and of what datetime holds


class CallbackRefused(Exception):
    """A message that is not Google's, not for this issuer, or too old; its text says which step failed."""


class UnknownRoot(CallbackRefused):
    """No root key known signed this: it is forged, or Google has a new key."""


@dataclass(frozen=True, kw_only=True)
class RootKey:
    """A key that Google signs its signing keys with, and its end."""

    key: ec.EllipticCurvePublicKey
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class Callback:
    """What happened to a pass; the same event may be told more than once, under the same nonce."""

    event: Literal["save", "del"]
    class_id: str
    object_id: str
    nonce: str
    expires_at: datetime


def read_roots(text: bytes) -> tuple[RootKey, ...]:
    """Read Google's list of root keys; keys of other kinds are passed over. Raises ValueError if it is no list."""
    listed = _object(text)
    keys = listed.get("keys")
    if not isinstance(keys, list):
        raise ValueError("not a list of keys")  # noqa: TRY004 a document that is not what it should be
    ours = [entry for entry in keys if isinstance(entry, dict) and entry.get("protocolVersion") == PROTOCOL]
    return tuple(root for root in map(_root, ours) if root is not None)


def verify(
    body: Mapping[str, object],
    *,
    roots: Sequence[RootKey],
    issuer_id: str,
    now: datetime,
    sender: str = SENDER,
) -> Callback:
    """Return what a callback says once each signature, end and name on the way to it is right.

    Nothing in the message says whom it is for: `issuer_id` is ours. Whether the nonce was seen before is for the caller,
    who remembers it. Raises `UnknownRoot` where other roots might help, `CallbackRefused` else.
    """
    if body.get("protocolVersion") != PROTOCOL:
        raise CallbackRefused("protocol version")
    intermediate = body.get("intermediateSigningKey")
    if not isinstance(intermediate, Mapping):
        raise CallbackRefused("intermediate key missing")
    signed_key = _text(intermediate.get("signedKey"), "intermediate key")
    key = _intermediate_key(signed_key, intermediate.get("signatures"), roots=roots, now=now, sender=sender)
    signed_message = _text(body.get("signedMessage"), "message")
    proof = _signature(body.get("signature"))
    if not _is_signed(key, proof, sender, issuer_id, PROTOCOL, signed_message):
        raise CallbackRefused("message signature")
    return _message(signed_message, issuer_id=issuer_id, now=now)


def _root(entry: Mapping[str, object]) -> RootKey | None:
    try:
        return RootKey(key=_public_key(entry.get("keyValue")), expires_at=_moment(entry.get("keyExpiration")))
    except ValueError:
        return None


def _intermediate_key(
    signed_key: str, signatures: object, *, roots: Sequence[RootKey], now: datetime, sender: str
) -> ec.EllipticCurvePublicKey:
    if not isinstance(signatures, list) or not 0 < len(signatures) <= SIGNATURES_MAX:
        raise CallbackRefused("intermediate key's signatures")
    live = [root.key for root in roots if root.expires_at > now]
    proofs = [_signature(signature) for signature in signatures]
    if not any(_is_signed(root, proof, sender, PROTOCOL, signed_key) for root in live for proof in proofs):
        raise UnknownRoot("root signature")
    try:
        facts = _object(signed_key.encode())
        key, expires_at = _public_key(facts.get("keyValue")), _moment(facts.get("keyExpiration"))
    except ValueError as malformed:
        raise CallbackRefused("intermediate key") from malformed
    if expires_at <= now:
        raise CallbackRefused("intermediate key expired")
    return key


def _message(signed_message: str, *, issuer_id: str, now: datetime) -> Callback:
    try:
        facts = _object(signed_message.encode())
        expires_at = _moment(facts.get("expTimeMillis"))
    except ValueError as malformed:
        raise CallbackRefused("message") from malformed
    if expires_at <= now:
        raise CallbackRefused("message expired")
    class_id, object_id, nonce = facts.get("classId"), facts.get("objectId"), facts.get("nonce")
    if not _is_ours(class_id, issuer_id) or not _is_ours(object_id, issuer_id):
        raise CallbackRefused("another issuer's pass")
    if not isinstance(nonce, str) or not re.fullmatch(rf"[!-~]{{1,{NONCE_CHARACTERS_MAX}}}", nonce):
        raise CallbackRefused("nonce")
    event = facts.get("eventType")
    if event != "save" and event != "del":  # noqa: PLR1714 mypy narrows to these two by it
        raise CallbackRefused("event type")
    return Callback(event=event, class_id=str(class_id), object_id=str(object_id), nonce=nonce, expires_at=expires_at)


def _is_ours(resource_id: object, issuer_id: str) -> bool:
    pattern = rf"{re.escape(issuer_id)}\.[A-Za-z0-9._-]{{1,200}}"
    return isinstance(resource_id, str) and re.fullmatch(pattern, resource_id) is not None


def _is_signed(key: ec.EllipticCurvePublicKey, proof: bytes, *parts: str) -> bool:
    try:
        key.verify(proof, b"".join(map(_with_length, parts)), ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _with_length(text: str) -> bytes:
    """The text in UTF-8, and how many bytes that are before it: not how many characters, which may be fewer."""
    encoded = text.encode()
    return len(encoded).to_bytes(4, "little") + encoded


def _signature(text: object) -> bytes:
    try:
        return base64.b64decode(_text(text, "signature"), validate=True)
    except ValueError as malformed:
        raise CallbackRefused("signature is not base64") from malformed


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise CallbackRefused(f"{what} missing")
    try:
        value.encode()
    except UnicodeEncodeError as malformed:
        raise CallbackRefused(f"{what} is half a character") from malformed
    return value


def _public_key(text: object) -> ec.EllipticCurvePublicKey:
    if not isinstance(text, str):
        raise ValueError("no key")  # noqa: TRY004 as above
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except UnsupportedAlgorithm as unknown:
        raise ValueError("not a key on a curve that we know") from unknown
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError("not a key on P-256")  # noqa: TRY004 as above
    return key


def _moment(millis: object) -> datetime:
    """Read milliseconds since 1970; Google writes some as numbers, some as texts."""
    if isinstance(millis, str) and millis.isascii() and millis.isdigit() and len(millis) < 16:
        millis = int(millis)
    if not isinstance(millis, int) or isinstance(millis, bool) or not 0 <= millis <= _MILLIS_MAX:
        raise ValueError("not a time")
    return datetime.fromtimestamp(millis / 1000, tz=UTC)


def _object(text: bytes) -> Mapping[str, object]:
    try:
        value: object = json.loads(text)
    except RecursionError as deep:
        raise ValueError("nested too deep") from deep
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 as above
    return value
