"""Joining and signing in: one-time codes by e-mail or phone, sessions, rotating refresh tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from wallet_api import tokens
from wallet_api.domain import card_code, errors
from wallet_api.services import enrol as enrolment
from wallet_api.services.app import App
from wallet_api.services.enrol import Consents
from wallet_api.services.messages import say
from wallet_api.store import access, deliveries, locks, members, preferences
from wallet_api.store.members import NewMember
from wallet_api.store.session import Tx
from wallet_api.tokens import AccessClaims

CODE_LIVES = timedelta(minutes=10)
CODE_TRIES = 5
CODE_EVERY = timedelta(minutes=1)
CODES_AN_HOUR = 5
TOTP_DIGITS = 6
REFRESH_IDLE = timedelta(days=30)
REFRESH_ABSOLUTE = timedelta(days=180)
ANSWER_LOST_WITHIN = timedelta(seconds=30)
"""A client that lost the answer to a refresh may ask again within this time, with the same token and key."""

_PASSWORDS = PasswordHasher()
_NO_PASSWORD = _PASSWORDS.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True, kw_only=True)
class Joining:
    """What a newcomer fills in."""

    address: str
    given_name: str
    family_name: str | None = None
    birth_date: date | None = None
    locale: str | None = None
    time_zone: str | None = None
    marketing: bool = False
    profiling: bool = False
    referral_code: str | None = None


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """A new pair of tokens, and whose they are."""

    access_token: str
    refresh_token: str
    expires_in: int
    program: str
    member_id: UUID | None = None
    role: str | None = None


def request_to_join(app: App, program: str, joining: Joining) -> None:
    """Send a code to a newcomer; the member is made when it comes back. A known address gets a plain code."""
    now = app.clock.now()
    with app.db.begin() as tx:
        definition = app.current_definition(tx, program)
        locale = joining.locale or definition.languages[0]
        form: dict[str, object] = {
            "given_name": joining.given_name,
            "family_name": joining.family_name,
            "birth_date": joining.birth_date,
            "locale": locale,
            "time_zone": joining.time_zone,
            "referral_code": joining.referral_code,
            "consents": {
                "marketing": joining.marketing,
                "profiling": joining.profiling,
            },
        }
        _send_code(app, tx, program, joining.address, locale=locale, joining=form, now=now)


def request_code(app: App, program: str, address: str) -> None:
    """Send a code to a member; an address that nobody has gets none, and the caller cannot tell."""
    now = app.clock.now()
    with app.db.begin() as tx:
        definition = app.current_definition(tx, program)
        spoken = members.locale_by_address(tx, program, address)
        locale = spoken or definition.languages[0]
        _send_code(app, tx, program, address, locale=locale, joining=None, now=now, to_nobody=spoken is None)


def sign_in(app: App, program: str, address: str, code: str) -> Tokens:
    """Exchange a code for a session; a newcomer becomes a member here. Raises InvalidCode."""
    now = app.clock.now()

    def exchange(tx: Tx) -> Tokens | None:
        known = access.try_code(tx, program, address, now=now)
        is_right = known is not None and hmac.compare_digest(
            bytes(known.code_hash), _code_hash(app, program, address, code)
        )
        if known is None or not is_right:
            return None  # the wrong try is counted: this transaction is committed
        if not access.use_code(tx, known.id, now=now):
            raise errors.InvalidCode()
        preferences.revive(tx, program, address)
        member_id = members.by_address(tx, program, address)
        if member_id is None:
            if known.joining is None:
                raise errors.InvalidCode()
            member_id = _enrol(app, tx, program, address, known.joining, now=now)
        return _open(app, tx, program, member_id=member_id, now=now)

    if (pair := app.db.run(exchange)) is None:
        raise errors.InvalidCode()
    return pair


def open_session(app: App, program: str, member_id: UUID) -> Tokens:
    """A session for a member whom nobody asked for a code; only the demo does that, for its own member."""
    now = app.clock.now()
    with app.db.begin() as tx:
        return _open(app, tx, program, member_id=member_id, now=now)


def refresh(app: App, refresh_token: str, *, key: str | None = None) -> Tokens:
    """Exchange a refresh token for a new pair. A token used twice ends its session.

    A client that sends a key of its own with the request may ask again under it for 30 seconds, in case the answer
    was lost: it gets the same pair. A thief who has the token does not have the key.
    """
    now = app.clock.now()
    hashed, under = tokens.token_hash(refresh_token), tokens.token_hash(key) if key else None
    with app.db.begin() as tx:
        known = access.refresh_token(tx, hashed)
        if known is None or known.ended_at or _is_too_old(known, now=now):
            raise errors.InvalidRefreshToken()
        if known.used_at is None or _has_lost_the_answer(known, under=under, now=now):
            # The successor is derived from the token, so whoever lost the answer gets the same one again.
            successor = _successor(app, refresh_token)
            if known.used_at is None:
                access.use_refresh_token(tx, hashed, known.session_id, under=under, now=now)
                access.add_refresh_token(tx, known.session_id, tokens.token_hash(successor), now=now)
            return _pair(app, known.program_id, known, known.session_id, successor, now=now)
        access.end_session(tx, known.session_id, because="refresh_token_reused", now=now)
    app.forget_session(known.session_id)
    raise errors.RefreshTokenReused()


def sign_out(app: App, session_id: UUID) -> None:
    """End a session."""
    with app.db.begin() as tx:
        access.end_session(tx, session_id, because="signed_out", now=app.clock.now())
    app.forget_session(session_id)


def sign_in_staff(app: App, email: str, password: str, *, totp: str | None = None) -> Tokens:
    """Exchange a staff member's password, and the code of their authenticator where they have one, for a session.

    Raises InvalidCredentials after the same work for anyone.
    """
    now = app.clock.now()
    with app.db.read() as tx:
        person = access.staff_by_email(tx, email)
    if not _is_password(person.password_hash if person else _NO_PASSWORD, password) or person is None:
        raise errors.InvalidCredentials()
    if person.totp_secret is not None and not _is_totp(person.totp_secret, totp, now=now):
        raise errors.InvalidCredentials()
    with app.db.begin() as tx:
        if _PASSWORDS.check_needs_rehash(person.password_hash):
            access.set_staff_password(tx, email, _PASSWORDS.hash(password))
        return _open(app, tx, person.program_id, staff_id=person.id, role=person.role, now=now)


def hash_password(password: str) -> str:
    """Argon2id with the library's recommended parameters (RFC 9106, low memory)."""
    return _PASSWORDS.hash(password)


def _send_code(
    app: App,
    tx: Tx,
    program: str,
    address: str,
    *,
    locale: str,
    joining: dict[str, object] | None,
    now: datetime,
    to_nobody: bool = False,
) -> None:
    """File a code and its message. For an address that nobody has, the same is done and then taken back.

    So neither the limits, which count it too, nor the time that it takes tell who is a member.
    """
    _refuse_too_many_codes(tx, program, address, now=now)
    code = f"{secrets.randbelow(10**6):06d}"
    code_hash = _code_hash(app, program, address, code)
    if to_nobody:
        access.add_code_for_nobody(tx, program, address, now=now)
    else:
        access.add_code(
            tx,
            program,
            address,
            code_hash=code_hash,
            joining=joining,
            tries=CODE_TRIES,
            now=now,
            expires_at=now + CODE_LIVES,
        )
    definition = app.current_definition(tx, program)
    words = say(
        definition,
        "sign_in_code",
        locale=locale,
        code=code,
        minutes=int(CODE_LIVES.total_seconds()) // 60,
    )
    with tx.begin_nested() as message:
        deliveries.add_sign_in_code(
            tx,
            program,
            address,
            title=words.title,
            body=words.body,
            code=code,
            locale=locale,
            now=now,
            expires_at=now + CODE_LIVES,
        )
        if to_nobody:
            message.rollback()


def _refuse_too_many_codes(tx: Tx, program: str, address: str, *, now: datetime) -> None:
    locks.address(tx, program, address)
    recent = access.codes_since(tx, program, address, now - timedelta(hours=1))
    if recent and recent[0].created_at > now - CODE_EVERY:
        raise errors.TooManyRequests(retry_after=int((recent[0].created_at + CODE_EVERY - now).total_seconds()) + 1)
    if len(recent) >= CODES_AN_HOUR:
        wait = recent[-1].created_at + timedelta(hours=1) - now
        raise errors.TooManyRequests(retry_after=int(wait.total_seconds()) + 1)


def _code_hash(app: App, program: str, address: str, code: str) -> bytes:
    # Six digits are soon guessed from a plain hash, so the hash is keyed.
    message = f"{program}\x00{address}\x00{code}".encode()
    return hmac.digest(app.settings.derive("sign-in-code"), message, hashlib.sha256)


def _enrol(app: App, tx: Tx, program: str, address: str, form: dict[str, Any], *, now: datetime) -> UUID:
    is_email = "@" in address
    newcomer = NewMember(
        program_id=program,
        joined_at=now,
        email=address if is_email else None,
        phone=None if is_email else address,
        given_name=form["given_name"],
        family_name=form["family_name"],
        birth_date=date.fromisoformat(form["birth_date"]) if form["birth_date"] else None,
        locale=form["locale"],
        time_zone=form["time_zone"],
        referral_code=form["referral_code"],
    )
    return enrolment.enrol(app, tx, newcomer, Consents(terms=True, optional=form["consents"]), now=now)


def _open(
    app: App,
    tx: Tx,
    program: str,
    *,
    member_id: UUID | None = None,
    staff_id: UUID | None = None,
    role: str | None = None,
    now: datetime,
) -> Tokens:
    session_id = access.add_session(tx, program, member_id=member_id, staff_id=staff_id, now=now)
    refresh_token, hashed = tokens.new_refresh_token()
    access.add_refresh_token(tx, session_id, hashed, now=now)
    owner = _Owner(member_id=member_id, staff_id=staff_id, role=role)
    return _pair(app, program, owner, session_id, refresh_token, now=now)


@dataclass(frozen=True, kw_only=True)
class _Owner:
    member_id: UUID | None
    staff_id: UUID | None
    role: str | None


def _pair(
    app: App,
    program: str,
    owner: Any,
    session_id: UUID,
    refresh_token: str,
    *,
    now: datetime,
) -> Tokens:
    claims = AccessClaims(
        subject=owner.member_id or owner.staff_id,
        kind="member" if owner.member_id else "staff",
        program=program,
        session=session_id,
        role=owner.role,
    )
    return Tokens(
        access_token=tokens.issue_access_token(claims, keys=tokens.token_keys(app.settings), now=now),
        refresh_token=refresh_token,
        expires_in=int(tokens.ACCESS_TOKEN_LIFE.total_seconds()),
        program=program,
        member_id=owner.member_id,
        role=owner.role,
    )


def _successor(app: App, refresh_token: str) -> str:
    return hmac.digest(app.settings.derive("refresh-successor"), refresh_token.encode(), hashlib.sha256).hex()


def _has_lost_the_answer(known: Any, *, under: bytes | None, now: datetime) -> bool:
    is_same = under is not None and known.used_under is not None and bytes(known.used_under) == under
    return is_same and bool(now <= known.used_at + ANSWER_LOST_WITHIN)


def _is_too_old(known: Any, *, now: datetime) -> bool:
    return bool(now > known.last_used_at + REFRESH_IDLE or now > known.opened_at + REFRESH_ABSOLUTE)


def _is_password(password_hash: str, password: str) -> bool:
    try:
        return bool(_PASSWORDS.verify(password_hash, password))
    except (Argon2Error, InvalidHashError):
        return False


def _is_totp(secret: str, code: str | None, *, now: datetime) -> bool:
    """RFC 6238 as authenticator apps have it: base 32, six digits, 30 s; a step to either side for clocks that differ."""
    key = base64.b32decode(secret.upper())
    step = int(now.timestamp()) // card_code.STEP_SECONDS
    likely = [card_code.totp(key, step=step + off, digits=TOTP_DIGITS).encode() for off in (-1, 0, 1)]
    return any(hmac.compare_digest(one, (code or "").encode()) for one in likely)
