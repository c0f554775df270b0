"""Google's root keys for callbacks: fetched when one is needed, and kept until they end."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar

import requests

from passes.google.callback import RootKey, UnknownRoot, read_roots

PRODUCTION: Final = "https://pay.google.com/gp/m/issuer/keys"
KEPT_FOR: Final = timedelta(days=1)
# Whoever forges callbacks must not make us ask Google for each.
ASKED_AGAIN_AFTER: Final = timedelta(minutes=1)
ASKED_AGAIN_WITHOUT_ANY_AFTER: Final = timedelta(seconds=10)
_DEADLINE_SECONDS: Final = 5
_BYTES_MAX: Final = 256 * 1024

T = TypeVar("T")


class RootsUnavailable(Exception):
    """Google's keys cannot be fetched now, and none that holds is known."""


class RootKeys:
    """The root keys of one address; safe to share between threads."""

    def __init__(self, url: str = PRODUCTION) -> None:
        self._url, self._lock = url, threading.Lock()
        self._roots: tuple[RootKey, ...] = ()
        self._asked_at: datetime | None = None
        self._fresh_until: datetime | None = None

    def verified(self, check: Callable[[Sequence[RootKey]], T], *, now: datetime) -> T:
        """Return what `check` makes of the roots, with newly fetched ones if it does not know the root by those we have.

        Raises what `check` raises, and RootsUnavailable.
        """
        roots = self._roots_at(now)
        try:
            return check(roots)
        except UnknownRoot:
            newer = self._fetched(now)
            if newer == roots:
                raise
            return check(newer)

    def _roots_at(self, now: datetime) -> tuple[RootKey, ...]:
        roots, fresh_until = self._roots, self._fresh_until
        if fresh_until is None or now >= fresh_until:
            roots = self._fetched(now)
        if not any(root.expires_at > now for root in roots):
            raise RootsUnavailable
        return roots

    def _fetched(self, now: datetime) -> tuple[RootKey, ...]:
        """Return Google's newest keys; those that we have where it was asked a moment ago, or does not answer."""
        with self._lock:  # one asks, the others wait for its answer
            pause = ASKED_AGAIN_AFTER if self._roots else ASKED_AGAIN_WITHOUT_ANY_AFTER
            if self._asked_at is not None and abs(now - self._asked_at) < pause:
                return self._roots
            self._asked_at = now
            try:
                self._roots = read_roots(self._ask())
            except (requests.RequestException, ValueError):
                return self._roots
            ends = [root.expires_at for root in self._roots if root.expires_at > now]
            self._fresh_until = min([*ends, now + KEPT_FOR])
            return self._roots

    def _ask(self) -> bytes:
        with requests.get(self._url, timeout=_DEADLINE_SECONDS, allow_redirects=False, stream=True) as answer:
            if answer.status_code != 200:
                raise ValueError(f"HTTP {answer.status_code}")
            text = b""
            for chunk in answer.iter_content(_BYTES_MAX):
                text += chunk
                if len(text) > _BYTES_MAX:
                    raise ValueError("more than a list of keys")
            return text
