"""How often somebody may call what is open to anyone: fixed windows, counted in the memory of each worker process.

So several workers together let as many times more pass. That will do against floods, which a count in the database
would only pass on to it. What keeps sign-in codes from being guessed is counted in the database: five tries a code, one
code a minute, five an hour for an address.

Limits are on wherever nobody put another `RateLimiter` into `app.extensions[RATE_LIMITER]`; only load tests do.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import wraps
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from typing import Protocol, TypeVar, cast

from flask import Response, after_this_request, current_app, request

from wallet_api.clock import Clock
from wallet_api.domain.errors import TooManyRequests

RATE_LIMITER = "carnet.rate_limiter"
CALLERS_MAX = 100_000
"""Beyond so many callers in one window, the others share one count: memory stays bounded, whoever floods us."""

V = TypeVar("V", bound=Callable[..., object])


@dataclass(frozen=True, kw_only=True)
class Limit:
    """So many calls within a window, counted under a name for each caller apart."""

    name: str
    most: int
    within: timedelta = timedelta(minutes=1)


JOINS = Limit(name="joins", most=30)
"""Joining and asking for codes, from one client."""

SIGN_INS = Limit(name="sign-ins", most=10)
"""Codes and passwords tried for one address of a member or staff."""

SESSIONS = Limit(name="sessions", most=60)
"""Sessions opened or renewed from one client: a shop's whole staff may share its address."""

WALLET_LOGS = Limit(name="wallet-logs", most=60)
"""What one client's Apple Wallet writes into our log."""

WALLET_LISTS = Limit(name="wallet-lists", most=6_000)
"""How often one client asks what changed; a mobile network shows thousands of phones as one, and a push wakes them all."""

WALLET_DEVICE_LISTS = Limit(name="wallet-device-lists", most=120)
"""How often one device asks what changed: it is woken twice a minute at the most."""

WALLET_REGISTRATIONS = Limit(name="wallet-registrations", most=600)
"""Passes registered and thrown away from one client, each with its token."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a caller stands after a call: calls left, seconds until the count starts anew, whether it was one too many."""

    left: int
    resets_in: int
    is_over: bool


@dataclass(kw_only=True)
class _Window:
    opened_at: datetime
    calls: Counter[str] = field(default_factory=Counter)


class RateLimiter:
    """Counts calls; safe to share between threads."""

    def __init__(self, *, is_on: bool = True) -> None:
        self.is_on = is_on
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}

    def count(self, limit: Limit, who: str, *, now: datetime) -> Standing:
        """Count a call; the one that is too many is counted too, and changes nothing."""
        with self._lock:
            window = self._windows.get(limit.name)
            if window is None or not window.opened_at <= now < window.opened_at + limit.within:
                window = self._windows[limit.name] = _Window(opened_at=now)
            if who not in window.calls and len(window.calls) >= CALLERS_MAX:
                who = ""
            window.calls[who] += 1
            calls = window.calls[who]
        resets_in = max(1, ceil((window.opened_at + limit.within - now).total_seconds()))
        return Standing(left=max(0, limit.most - calls), resets_in=resets_in, is_over=calls > limit.most)


class _Clocked(Protocol):
    @property
    def clock(self) -> Clock: ...


def at_most(limit: Limit) -> Callable[[V], V]:
    """For `MethodView.decorators`, inside the guard: each client may call this often, before anything is parsed."""

    def decorate(view: V) -> V:
        @wraps(view)
        def limited_view(*args: object, **kwargs: object) -> object:
            count(limit, client())
            return view(*args, **kwargs)

        return cast("V", limited_view)

    return decorate


def count(limit: Limit, who: str) -> None:
    """Count a call of the present request, and say in its answer's headers what is left. Raises TooManyRequests."""
    limiter: RateLimiter = current_app.extensions.setdefault(RATE_LIMITER, RateLimiter())
    if not limiter.is_on:
        return
    now = cast("_Clocked", current_app.extensions["carnet"]).clock.now()
    standing = limiter.count(limit, who, now=now)

    @after_this_request
    def say(response: Response) -> Response:
        response.headers["RateLimit-Limit"] = str(limit.most)
        response.headers["RateLimit-Remaining"] = str(standing.left)
        response.headers["RateLimit-Reset"] = str(standing.resets_in)
        return response

    if standing.is_over:
        raise TooManyRequests(retry_after=standing.resets_in)


def client() -> str:
    """The client's address; of IPv6 its network of 64 bits, as one household has all of it."""
    text = request.remote_addr or ""
    try:
        address = ip_address(text)
    except ValueError:
        return text  # a Unix socket's peer has none
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else text
