"""Turns, by a clock that moves when everybody sleeps; by the real one they are counted in `tests/jobs`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import pairwise

from passes.google.pace import Pace, Reserve, Turns, alone


@dataclass
class Clock:
    """It moves to where the first of all who sleep wakes; `late` is by how much more than asked for, once a sleep."""

    now: float = 1_000.0
    late: list[float] = field(default_factory=list)
    asleep_until: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        until = self.now + seconds + (self.late.pop(0) if self.late else 0.0)
        heappush(self.asleep_until, until)
        for _ in range(10):  # until everybody has gone to sleep who wants to
            await asyncio.sleep(0)
        while self.asleep_until[0] < until:
            await asyncio.sleep(0)
        heappop(self.asleep_until)
        self.now = max(self.now, until)


def times_of(pace: Pace, clock: Clock, requests: int) -> list[float | int]:
    """When each of so many requests at once had its turn; in whole seconds, how long it is to stay away."""

    async def one() -> float | int:
        stay_away = await pace.take_turn()
        return clock.now if stay_away is None else stay_away

    async def main() -> list[float | int]:
        return list(await asyncio.gather(*(one() for _ in range(requests))))

    return asyncio.run(main())


def most_in_a_second(times: Sequence[float]) -> int:
    return max(sum(start <= at < start + 1 for at in times) for start in times)


def pace_of(clock: Clock, reserve: Reserve, *, patience_seconds: float = 30.0) -> Pace:
    return Pace(reserve, patience_seconds=patience_seconds, clock=clock, sleep=clock.sleep)


def test_turns_are_evenly_spread() -> None:
    clock = Clock()

    times = times_of(pace_of(clock, alone(15, clock=clock)), clock, 60)

    assert most_in_a_second(times) <= 16
    assert times[-1] - times[0] < 4  # and none is lost


def test_several_that_share_a_source_stay_under_its_limit_together() -> None:
    clock = Clock()
    shared = alone(15, clock=clock)
    paces = [pace_of(clock, shared) for _ in range(4)]
    times: list[float] = []

    async def worker(pace: Pace) -> None:
        for _ in range(25):
            assert await pace.take_turn() is None
            times.append(clock.now)

    async def main() -> None:
        await asyncio.gather(*map(worker, paces))

    asyncio.run(main())

    assert len(times) == 100
    assert most_in_a_second(times) < 20


def test_who_stalled_does_not_make_up_for_it() -> None:
    clock = Clock(late=[0.0, 5.0])

    times = times_of(pace_of(clock, alone(10, clock=clock)), clock, 30)

    assert max(b - a for a, b in pairwise(times)) >= 5
    assert most_in_a_second(times) <= 11


def test_turns_are_asked_for_by_the_handful_and_never_more_than_there_are_requests() -> None:
    clock = Clock()
    asked: list[int] = []
    source = alone(15, clock=clock)

    async def reserve(count: int) -> Turns:
        asked.append(count)
        return await source(count)

    times_of(pace_of(clock, reserve), clock, 12)
    times_of(pace_of(clock, reserve), clock, 1)

    assert asked == [1, 5, 5, 1, 1]  # the first one came alone


def test_who_waits_longer_than_our_patience_is_sent_away() -> None:
    clock = Clock()

    times = times_of(pace_of(clock, alone(10, clock=clock), patience_seconds=0.35), clock, 10)

    sent_away = [time for time in times if time < 1_000]
    assert len(sent_away) == 6
    assert set(sent_away) == {1}


def test_a_source_that_fails_is_asked_again_by_the_next_request() -> None:
    clock = Clock()
    source = alone(10, clock=clock)
    faults = [OSError("away")]

    async def reserve(count: int) -> Turns:
        if faults:
            raise faults.pop()
        return await source(count)

    async def main() -> list[object]:
        pace = pace_of(clock, reserve)
        return list(await asyncio.gather(*(pace.take_turn() for _ in range(3)), return_exceptions=True))

    first, *others = asyncio.run(main())

    assert isinstance(first, OSError)
    assert others == [None, None]
