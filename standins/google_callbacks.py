"""Signs what Google tells when a holder saves or deletes a pass, with root keys of its own.

    signer = CallbackSigner()
    signer.keys()  # what Google has at https://pay.google.com/gp/m/issuer/keys
    body = signer.sign(event="save", class_id="…", object_id="…", issuer="…")

`sign` can also do each step wrong.
"""

import base64
import datetime as dt
import json
import secrets
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PROTOCOL = "ECv2SigningOnly"
SENDER = "GooglePayPasses"
ROOT_LASTS = dt.timedelta(days=365)
INTERMEDIATE_LASTS = dt.timedelta(days=7)
MESSAGE_LASTS = dt.timedelta(hours=1)

Json = dict[str, object]


class CallbackSigner:
    """Root keys, and a key between them and the messages, as Google has them."""

    def __init__(self) -> None:
        self._roots = [_new_key()]
        self._intermediate = _new_key()

    def rotate(self, *, keep_old: bool = True) -> None:
        """Sign with a new root key from now on; the old one stays in the list for a while."""
        self._roots = [_new_key(), *(self._roots if keep_old else [])]

    def keys(self, *, now: dt.datetime | None = None) -> Json:
        """The list of root keys, with one of another scheme that is to be passed over."""
        end = _millis((now or dt.datetime.now(dt.UTC)) + ROOT_LASTS)
        ours: list[Json] = [
            {"keyValue": _public(root), "protocolVersion": PROTOCOL, "keyExpiration": end} for root in self._roots
        ]
        return {"keys": [{"keyValue": _public(_new_key()), "protocolVersion": "ECv1"}, *ours]}

    def sign(
        self,
        *,
        event: Literal["save", "del"],
        class_id: str,
        object_id: str,
        issuer: str,
        now: dt.datetime | None = None,
        nonce: str | None = None,
        sender: str = SENDER,
        protocol: str = PROTOCOL,
        message_lasts: dt.timedelta = MESSAGE_LASTS,
        intermediate_lasts: dt.timedelta = INTERMEDIATE_LASTS,
        more: Json | None = None,
    ) -> Json:
        """The body of a callback; `more` stands in the signed message beside, or instead of, its other fields."""
        now = now or dt.datetime.now(dt.UTC)
        signed_key = _text(
            {"keyValue": _public(self._intermediate), "keyExpiration": _millis(now + intermediate_lasts)}
        )
        message: Json = {
            "classId": class_id,
            "objectId": object_id,
            "eventType": event,
            "expTimeMillis": int(_millis(now + message_lasts)),
            "count": 1,
            "nonce": nonce or secrets.token_urlsafe(16),
        }
        signed_message = _text(message | (more or {}))
        return {
            "signature": _sign(self._intermediate, sender, issuer, protocol, signed_message),
            "intermediateSigningKey": {
                "signedKey": signed_key,
                "signatures": [_sign(self._roots[0], sender, protocol, signed_key)],
            },
            "protocolVersion": protocol,
            "signedMessage": signed_message,
        }

    def proof_of(self, signed_message: str, *, issuer: str) -> str:
        """The signature of any text as a message."""
        return _sign(self._intermediate, SENDER, issuer, PROTOCOL, signed_message)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _public(key: ec.EllipticCurvePrivateKey) -> str:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(der).decode()


def _sign(key: ec.EllipticCurvePrivateKey, *parts: str) -> str:
    """Sign the parts, each behind the number of its bytes as four bytes, the lowest first."""
    encoded = [part.encode() for part in parts]
    signed = b"".join(len(part).to_bytes(4, "little") + part for part in encoded)
    return base64.b64encode(key.sign(signed, ec.ECDSA(SHA256()))).decode()


def _millis(moment: dt.datetime) -> str:
    return str(int(moment.timestamp() * 1000))


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
