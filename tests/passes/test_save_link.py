import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from google.oauth2.service_account import Credentials

from passes.errors import PassRefused
from passes.google.save_link import SAVE_URL, save_link

ISSUER = "3388000000012345678"
NOW = datetime(2026, 9, 21, 14, 30, tzinfo=UTC)
EMAIL = "wallet@carnet-shop.example"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def credentials(key: rsa.RSAPrivateKey) -> Credentials:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    info = {
        "type": "service_account",
        "client_email": EMAIL,
        "private_key": pem,
        "private_key_id": "key-7",
        "token_uri": "https://tokens.example/token",
    }
    made: Credentials = Credentials.from_service_account_info(info)  # type: ignore[no-untyped-call]  # google-auth leaves it untyped
    return made


def parts(link: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    token = link.removeprefix(SAVE_URL)
    header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split("."))
    signed = token.rpartition(".")[0].encode()
    return json.loads(header), json.loads(claims), signature, signed


def test_a_link_is_a_signed_token_with_ids_only(credentials: Credentials, key: rsa.RSAPrivateKey) -> None:
    link = save_link(f"{ISSUER}.card", f"{ISSUER}.club", credentials=credentials, now=NOW)

    header, claims, signature, signed = parts(link)
    key.public_key().verify(signature, signed, padding.PKCS1v15(), SHA256())
    assert header == {"alg": "RS256", "typ": "JWT", "kid": "key-7"}
    assert claims == {
        "iss": EMAIL,
        "aud": "google",
        "typ": "savetowallet",
        "iat": 1790001000,
        "origins": [],
        "payload": {"loyaltyObjects": [{"id": f"{ISSUER}.card", "classId": f"{ISSUER}.club"}]},
    }
    assert link.startswith("https://pay.google.com/gp/v/save/")
    assert "=" not in link
    assert len(link) < 1_800


def test_a_link_with_another_id_has_another_signature(credentials: Credentials, key: rsa.RSAPrivateKey) -> None:
    mine = save_link(f"{ISSUER}.alice", f"{ISSUER}.club", credentials=credentials, now=NOW)
    other = save_link(f"{ISSUER}.bob", f"{ISSUER}.club", credentials=credentials, now=NOW)

    *_, signature, _ = parts(mine)
    *_, signed = parts(other)

    with pytest.raises(InvalidSignature):
        key.public_key().verify(signature, signed, padding.PKCS1v15(), SHA256())


def test_the_longest_ids_still_fit_and_longer_ones_are_refused(credentials: Credentials) -> None:
    longest = f"{ISSUER}." + "x" * 100

    link = save_link(longest, longest, credentials=credentials, now=NOW)

    assert len(link) < 1_800
    with pytest.raises(PassRefused, match="shorter than 1800"):
        save_link("x" * 1_000, longest, credentials=credentials, now=NOW)
