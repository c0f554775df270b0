"""Two or more real threads that start at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from wallet_api.domain.errors import Refusal

T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T | Refusal]:
    """What each call gave or was refused with; anything else that goes wrong is raised."""
    start = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | Refusal:
        start.wait(timeout=10)
        try:
            return call()
        except Refusal as refusal:
            return refusal

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return [future.result(timeout=30) for future in [pool.submit(run, call) for call in calls]]
