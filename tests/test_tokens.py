"""Access tokens are read only as this Carnet would issue them now; refresh tokens and keys are kept as hashes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest

from wallet_api.domain.errors import Unauthenticated
from wallet_api.settings import Settings
from wallet_api.tokens import (
    AccessClaims,
    issue_access_token,
    new_api_key,
    new_refresh_token,
    read_access_token,
    token_hash,
    token_keys,
)

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
SETTINGS = Settings(secret_key="0123456789abcdefghijklmnopqrstuvwxyz", base_url="https://cards.example")
KEYS = token_keys(SETTINGS)
ALICE = AccessClaims(
    subject=UUID("01957e3a-0000-7000-8000-00000000a11c"),
    kind="member",
    program="plain",
    session=UUID("01957e3a-0000-7000-8000-000000000001"),
)
MARIA = replace(ALICE, kind="staff", role="manager")


def forged(header: Mapping[str, object] | None = None, key: bytes | None = None, **claims: object) -> str:
    """Alice's token with other headers, another key or other claims; a claim of None is left out."""
    good = jwt.decode(
        issue_access_token(ALICE, keys=KEYS, now=NOW), options={"verify_signature": False}, algorithms=["HS256"]
    )
    payload = {name: value for name, value in {**good, **claims}.items() if value is not None or name == "role"}
    return jwt.encode(
        payload, key or KEYS.by_kid["1"], algorithm="HS256", headers={"typ": "at+jwt", "kid": "1", **(header or {})}
    )


@pytest.mark.parametrize("claims", [ALICE, MARIA], ids=["member", "staff"])
def test_an_access_token_tells_whom_it_speaks_for(claims: AccessClaims) -> None:
    token = issue_access_token(claims, keys=KEYS, now=NOW)

    assert read_access_token(token, keys=KEYS, now=NOW) == claims


@pytest.mark.parametrize(
    ("after", "is_good"),
    [
        (timedelta(seconds=-31), False),
        (timedelta(seconds=-30), True),
        (timedelta(minutes=15, seconds=29), True),
        (timedelta(minutes=15, seconds=30), False),
    ],
)
def test_an_access_token_is_good_for_fifteen_minutes_and_half_a_minute_of_clock_error(
    after: timedelta, is_good: bool
) -> None:
    token = issue_access_token(ALICE, keys=KEYS, now=NOW)

    if is_good:
        assert read_access_token(token, keys=KEYS, now=NOW + after) == ALICE
    else:
        with pytest.raises(Unauthenticated):
            read_access_token(token, keys=KEYS, now=NOW + after)


def test_a_forged_token_that_changes_nothing_is_read() -> None:
    assert read_access_token(forged(), keys=KEYS, now=NOW) == ALICE  # else the table below would prove nothing


REFUSED = [
    ("another key", forged(key=b"k" * 32)),
    ("another type, such as an ID token", forged(header={"typ": "JWT"})),
    ("an unknown key id", forged(header={"kid": "2"})),
    ("another issuer", forged(iss="https://other.example")),
    ("another audience", forged(aud="https://cards.example/other")),
    ("no audience", forged(aud=None)),
    ("no end", forged(exp=None)),
    ("no subject", forged(sub=None)),
    ("no session", forged(sid=None)),
    ("an end that is no number", forged(exp="tomorrow")),
    ("a subject that is no id", forged(sub="alice")),
    ("another kind of person", forged(kind="admin")),
    ("a member with a role", forged(role="admin")),
    ("staff without a role", forged(kind="staff")),
    ("no token", "abc"),
    ("a header that is deeper than Python goes", base64.urlsafe_b64encode(b"[" * 700).decode() + ".e30.x"),
    ("a token longer than any of ours", forged(program="x" * 2000)),
]


@pytest.mark.parametrize("token", [token for _, token in REFUSED], ids=[why for why, _ in REFUSED])
def test_a_token_is_refused_for(token: str) -> None:
    with pytest.raises(Unauthenticated):
        read_access_token(token, keys=KEYS, now=NOW)


def test_a_token_without_signature_is_refused() -> None:
    parts = [{"alg": "none", "typ": "at+jwt", "kid": "1"}, jwt.decode(forged(), options={"verify_signature": False})]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]

    with pytest.raises(Unauthenticated):
        read_access_token(".".join([*encoded, ""]), keys=KEYS, now=NOW)


def test_another_secret_makes_other_keys() -> None:
    others = token_keys(replace(SETTINGS, secret_key="zyxwvutsrqponmlkjihgfedcba9876543210"))

    with pytest.raises(Unauthenticated):
        read_access_token(issue_access_token(ALICE, keys=KEYS, now=NOW), keys=others, now=NOW)


def test_keys_stay_out_of_repr() -> None:
    assert repr(KEYS.by_kid["1"]) not in repr(KEYS)


def test_a_refresh_token_has_256_bits_and_is_found_by_its_hash() -> None:
    token, kept = new_refresh_token()

    assert len(base64.urlsafe_b64decode(f"{token}=")) == 32
    assert kept == token_hash(token) == hashlib.sha256(token.encode()).digest()
    assert new_refresh_token()[0] != token


def test_an_api_key_is_recognised_by_its_prefix_and_found_by_its_hash() -> None:
    key, kept = new_api_key()

    assert re.fullmatch(r"ck_live_[0-9A-Za-z]{43}", key)
    assert kept == token_hash(key)
    assert new_api_key()[0] != key
