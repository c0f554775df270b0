"""Turns to call Google, evenly spread: never more in any second than its limit, whoever shares it."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

# A third of a second at 15 a second: asking for turns costs little, and few are lost with a process that ends.
TURNS_AT_ONCE_MAX: Final = 5


@dataclass(frozen=True, kw_only=True)
class Turns:
    """Turns that nobody else has: the first one comes in so many seconds, the others evenly after it."""

    first_in_seconds: float
    apart_seconds: float
    count: int


Reserve = Callable[[int], Awaitable[Turns]]


def alone(per_second: float, *, clock: Callable[[], float] = time.monotonic) -> Reserve:
    """Return a source of turns for one process that shares the limit with nobody."""
    free_at = -math.inf

    async def reserve(count: int) -> Turns:
        nonlocal free_at
        now = clock()
        first = max(now, free_at)
        free_at = first + count / per_second
        return Turns(first_in_seconds=first - now, apart_seconds=1 / per_second, count=count)

    return reserve


class Pace:
    """Hands out turns one after the other; it belongs to one event loop.

    A turn that was missed is lost, so a process that stalled does not make up for it. `patience_seconds` is the longest
    that a request waits for its turn. `clock` and `sleep` are for tests.
    """

    def __init__(
        self,
        reserve: Reserve,
        *,
        patience_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._reserve, self._patience = reserve, patience_seconds
        self._clock, self._sleep = clock, sleep
        self._one_by_one, self._waiting, self._apart = asyncio.Lock(), 0, 0.0
        self._turns: deque[float] = deque()

    async def take_turn(self) -> int | None:
        """Wait for a turn and return None; or return the seconds to stay away, if the wait is longer than our patience."""
        if (wait := self._waiting * self._apart) > self._patience:
            return math.ceil(wait)
        came_at = self._clock()
        self._waiting += 1
        try:
            async with self._one_by_one:
                while self._clock() - came_at <= self._patience:
                    if not self._turns:
                        await self._take_more()
                    turn = self._turns.popleft()
                    await self._sleep(max(0.0, turn - self._clock()))
                    if self._clock() < turn + self._apart:
                        return None
                return max(1, math.ceil(self._waiting * self._apart))
        finally:
            self._waiting -= 1

    async def _take_more(self) -> None:
        turns = await self._reserve(min(self._waiting, TURNS_AT_ONCE_MAX))
        first = self._clock() + turns.first_in_seconds
        self._apart = turns.apart_seconds
        self._turns.extend(first + number * turns.apart_seconds for number in range(turns.count))
