"""Access tokens, refresh tokens and API keys: how they are made, and how an access token is read.

Pure functions of keys derived from the settings and of `now`. Rules: RFC 8725 (one algorithm per key, `typ`, `iss`,
`aud`, a fixed set of `kid`), RFC 9068 (`at+jwt`), RFC 9700 (opaque refresh tokens, kept as hashes only).
"""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, TypeGuard
from uuid import UUID

import jwt

from wallet_api.domain.errors import Unauthenticated
from wallet_api.settings import KEY_ID, Settings

ACCESS_TOKEN_LIFE = timedelta(minutes=15)
CLOCK_LEEWAY = timedelta(seconds=30)
ACCESS_TOKEN_CHARACTERS_MAX = 1024
REFRESH_TOKEN_BYTES = 32
API_KEY_PREFIX = "ck_live_"
API_KEY_BYTES = 32

_TYPE = "at+jwt"
_ALGORITHM = "HS256"
_CLAIMS = ["iss", "aud", "sub", "exp", "nbf", "iat", "program", "kind", "sid"]
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE62_WIDTH = 43  # 62 ** 43 is the first power of 62 above 2 ** 256

PersonKind = Literal["member", "staff"]


@dataclass(frozen=True, kw_only=True)
class AccessClaims:
    """Who an access token speaks for; `role` is a staff member's, and None for a member."""

    subject: UUID
    kind: PersonKind
    program: str
    session: UUID
    role: str | None = None


@dataclass(frozen=True, kw_only=True)
class TokenKeys:
    """What signs and checks access tokens: the issuer and a fixed set of keys, of which one signs."""

    issuer: str
    signing_kid: str
    by_kid: Mapping[str, bytes] = field(repr=False)

    @property
    def audience(self) -> str:
        """The one audience of every access token: this Carnet's API."""
        return f"{self.issuer}/v1"


@lru_cache(maxsize=8)
def token_keys(settings: Settings) -> TokenKeys:
    """The keys for access tokens; nothing else is signed with them."""
    return TokenKeys(issuer=settings.base_url, signing_kid=KEY_ID, by_kid={KEY_ID: settings.derive("access-token")})


def issue_access_token(claims: AccessClaims, *, keys: TokenKeys, now: datetime) -> str:
    """A signed access token that is good for fifteen minutes from `now`."""
    issued_at = int(now.timestamp())
    payload = {
        "iss": keys.issuer,
        "aud": keys.audience,
        "sub": str(claims.subject),
        "iat": issued_at,
        "nbf": issued_at,
        "exp": issued_at + int(ACCESS_TOKEN_LIFE.total_seconds()),
        "program": claims.program,
        "kind": claims.kind,
        "role": claims.role,
        "sid": str(claims.session),
    }
    header = {"typ": _TYPE, "kid": keys.signing_kid}
    return jwt.encode(payload, keys.by_kid[keys.signing_kid], algorithm=_ALGORITHM, headers=header)


def read_access_token(token: str, *, keys: TokenKeys, now: datetime) -> AccessClaims:
    """Whom this token speaks for. Raises Unauthenticated for anything that this Carnet would not issue now."""
    if len(token) > ACCESS_TOKEN_CHARACTERS_MAX:
        raise Unauthenticated
    try:
        header = jwt.get_unverified_header(token)
        key = keys.by_kid.get(header.get("kid", ""))
        if key is None or header.get("typ") != _TYPE:
            raise Unauthenticated
        payload = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=keys.audience,
            issuer=keys.issuer,
            # The times are checked below against `now`: PyJWT would read the machine's clock.
            options={"require": _CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except (jwt.PyJWTError, RecursionError, TypeError, ValueError) as unreadable:
        raise Unauthenticated from unreadable
    if not _is_current(payload, now=now):
        raise Unauthenticated
    return _claims(payload)


def new_refresh_token() -> tuple[str, bytes]:
    """An opaque token of 256 random bits, and the SHA-256 hash to keep instead of it."""
    token = secrets.token_urlsafe(REFRESH_TOKEN_BYTES)
    return token, token_hash(token)


def new_api_key() -> tuple[str, bytes]:
    """A key `ck_live_…` of 256 random bits in base 62, and the SHA-256 hash to keep instead of it."""
    key = API_KEY_PREFIX + _base62(secrets.token_bytes(API_KEY_BYTES))
    return key, token_hash(key)


def token_hash(token: str) -> bytes:
    """The SHA-256 under which a refresh token or an API key is found; plain, as 256 random bits need no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _is_current(payload: Mapping[str, object], *, now: datetime) -> bool:
    times = (payload["iat"], payload["nbf"], payload["exp"])
    if not _are_integers(times):
        return False
    issued, opens, ends = times
    second, leeway = now.astimezone(UTC).timestamp(), CLOCK_LEEWAY.total_seconds()
    return max(issued, opens) <= second + leeway and second < ends + leeway


def _are_integers(times: tuple[object, ...]) -> TypeGuard[tuple[int, int, int]]:
    return all(type(time) is int for time in times)


def _claims(payload: Mapping[str, object]) -> AccessClaims:
    kind, role = payload["kind"], payload.get("role")
    if kind not in ("member", "staff") or (kind == "staff") != isinstance(role, str):
        raise Unauthenticated
    try:
        return AccessClaims(
            subject=UUID(str(payload["sub"])),
            kind="staff" if kind == "staff" else "member",
            program=str(payload["program"]),
            session=UUID(str(payload["sid"])),
            role=role if isinstance(role, str) else None,
        )
    except ValueError as malformed:
        raise Unauthenticated from malformed


def _base62(raw: bytes) -> str:
    number, digits = int.from_bytes(raw), []
    for _ in range(_BASE62_WIDTH):
        number, digit = divmod(number, len(_BASE62))
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))
