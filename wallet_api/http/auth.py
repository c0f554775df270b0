"""Who may call: guards that stand before a resource, before a single argument is parsed.

    class Sales(MethodView):
        decorators = [guarded(by_key("transactions"), by_staff("cashier"))]

A guard knows the caller by `Authorization: Bearer …`, an access token or a key, refuses with 401 or 403, and leaves a
`Caller` for the endpoint. It fails closed: the Blueprint refuses a resource that declares none, and a session that has
ended, or that cannot be looked up, opens nothing.

Apple Wallet is a caller of another kind: `guarded(by_pass)` stands before paths with `pass_type_id` and `serial`, and
asks for `Authorization: ApplePass …` with the token of that very pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Literal, Protocol, TypeVar, cast
from uuid import UUID

from flask import current_app, g, request

from wallet_api.clock import Clock
from wallet_api.domain.errors import Forbidden, Refusal, Unauthenticated, WrongPassToken
from wallet_api.settings import Settings
from wallet_api.tokens import API_KEY_PREFIX, read_access_token, token_keys

Kind = Literal["member", "staff", "key", "pass"]
Role = Literal["cashier", "manager", "admin"]

# Each role may do all that the ones before it may.
ROLES: tuple[Role, ...] = ("cashier", "manager", "admin")

SECURITY_SCHEMES: Mapping[Kind, Mapping[str, str]] = {
    "member": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A member's access token, from `POST /v1/programs/{program}/sessions`",
    },
    "staff": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A staff member's access token, from `POST /v1/staff/sessions`",
    },
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": f"A till's or POS's key, `{API_KEY_PREFIX}…`, tied to locations and scopes",
    },
    "pass": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`ApplePass …`, the `authenticationToken` of the pass that the path names, as Apple Wallet sends it",
    },
}

V = TypeVar("V", bound=Callable[..., object])


class KeyCaller(Protocol):
    """What the app tells of a valid key."""

    @property
    def id(self) -> UUID: ...
    @property
    def program(self) -> str: ...
    @property
    def scopes(self) -> Collection[str]: ...
    @property
    def locations(self) -> Collection[UUID]: ...


class Doorkeeper(Protocol):
    """What a guard needs of the app, found at `app.extensions["carnet"]`."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Clock: ...
    def authenticate_key(self, raw: str) -> KeyCaller | None:
        """Whose key this is; None for one that is unknown or revoked."""
        ...

    def session_is_open(self, session: UUID) -> bool:
        """Whether nobody has ended this session."""
        ...

    def is_pass_token(self, token: str, *, pass_type_id: str, serial: str) -> bool:
        """Whether this is the token of this pass; never for a pass that was not made here."""
        ...


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls: `role` is set for staff, `session` for members and staff, `scopes` and `locations` for keys."""

    kind: Kind
    id: UUID
    program: str
    role: Role | None = None
    session: UUID | None = None
    scopes: frozenset[str] = frozenset()
    locations: frozenset[UUID] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """One kind of caller that a guard lets pass, with the least role or the scope that it needs."""

    kind: Kind
    role: Role | None = None
    scope: str | None = None

    @property
    def refusals(self) -> tuple[type[Refusal], ...]:
        """How others are refused."""
        return (WrongPassToken,) if self.kind == "pass" else (Unauthenticated, Forbidden)

    @property
    def needs(self) -> str:
        """The need in words, as a refused caller reads it."""
        if self.kind == "key":
            return f"a key with the scope {self.scope}" if self.scope else "a key"
        return f"staff with the role {self.role}" if self.role else f"a {self.kind}'s access token"

    def admits(self, caller: Caller) -> bool:
        """Whether this caller is of this kind, and has what it needs."""
        if caller.kind != self.kind or (self.scope is not None and self.scope not in caller.scopes):
            return False
        return self.role is None or (caller.role is not None and ROLES.index(caller.role) >= ROLES.index(self.role))


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Stands before a resource; as a member of `MethodView.decorators` it runs before arguments are parsed."""

    allowed: tuple[Allowed, ...]
    by_method: Mapping[str, tuple[Allowed, ...]] = field(default_factory=dict)

    def allowed_for(self, method: str) -> tuple[Allowed, ...]:
        """Who may call this method; nobody in particular, so everybody, where it is empty."""
        return self.by_method.get("GET" if method == "HEAD" else method, self.allowed)

    def __call__(self, view: V) -> V:
        @wraps(view)
        def guarded_view(*args: object, **kwargs: object) -> object:
            if (allowed := self.allowed_for(request.method)) == (by_pass,):
                g.pass_token = _pass_token(request.headers.get("Authorization", ""), kwargs)
            elif allowed:
                caller = _authenticate(request.headers.get("Authorization", ""))
                if not any(way.admits(caller) for way in allowed):
                    raise Forbidden(needs=" or ".join(way.needs for way in allowed))
                g.caller = caller
            return view(*args, **kwargs)

        return cast("V", guarded_view)


by_member = Allowed(kind="member")
by_pass = Allowed(kind="pass")


def by_staff(role: Role) -> Allowed:
    """A staff member of at least this role."""
    return Allowed(kind="staff", role=role)


def by_key(scope: str | None = None) -> Allowed:
    """A till's or POS's key with this scope; any valid key where none is named."""
    return Allowed(kind="key", scope=scope)


def guarded(*allowed: Allowed, **by_method: tuple[Allowed, ...]) -> Guard:
    """A guard that lets these callers pass, and others for the methods named: `guarded(by_key(), PUT=(…,))`."""
    if not allowed or not all(by_method.values()):
        raise ValueError("A guard names who may pass. A resource for everybody says `anyone`.")
    if any(by_pass in ways and ways != (by_pass,) for ways in (allowed, *by_method.values())):
        raise ValueError("A pass shows its token in a way of its own, so that nobody else can call beside it.")
    return Guard(allowed=allowed, by_method=by_method)


anyone = Guard(allowed=())


def caller() -> Caller:
    """Who calls the present endpoint. Raises Unauthenticated where the resource is for anyone."""
    if (known := getattr(g, "caller", None)) is None:
        raise Unauthenticated
    return cast("Caller", known)


def pass_token() -> str:
    """The token that Apple Wallet showed, checked. Raises WrongPassToken where the resource asked for none."""
    if (token := g.get("pass_token")) is None:
        raise WrongPassToken
    return cast("str", token)


_BEARER = re.compile(r"Bearer +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)
_APPLE_PASS = re.compile(r"ApplePass +([A-Za-z0-9._~+/=-]+)", re.IGNORECASE)


def _pass_token(authorization: str, path: Mapping[str, object]) -> str:
    match = _APPLE_PASS.fullmatch(authorization)
    pass_type_id, serial = str(path["pass_type_id"]), str(path["serial"])
    if match is None or not _doorkeeper().is_pass_token(match[1], pass_type_id=pass_type_id, serial=serial):
        raise WrongPassToken
    return match[1]


def _authenticate(authorization: str) -> Caller:
    if (match := _BEARER.fullmatch(authorization)) is None:
        raise Unauthenticated
    credential, app = match[1], _doorkeeper()
    if credential.startswith(API_KEY_PREFIX):
        return _by_key(app, credential)
    return _by_token(app, credential)


def _by_key(app: Doorkeeper, raw: str) -> Caller:
    if (key := app.authenticate_key(raw)) is None:
        raise Unauthenticated
    return Caller(
        kind="key",
        id=key.id,
        program=key.program,
        scopes=frozenset(key.scopes),
        locations=frozenset(key.locations),
    )


def _by_token(app: Doorkeeper, token: str) -> Caller:
    claims = read_access_token(token, keys=token_keys(app.settings), now=app.clock.now())
    if not app.session_is_open(claims.session):
        raise Unauthenticated
    role = next((role for role in ROLES if role == claims.role), None)
    return Caller(kind=claims.kind, id=claims.subject, program=claims.program, role=role, session=claims.session)


def _doorkeeper() -> Doorkeeper:
    return cast("Doorkeeper", current_app.extensions["carnet"])
