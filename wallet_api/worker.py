"""The worker: expands events, delivers messages, runs jobs, until it is told to stop.

Any number of workers may run on any number of machines: rows are claimed with SKIP LOCKED, jobs by Procrastinate.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Mapping

import structlog

from wallet_api.domain.errors import Busy
from wallet_api.jobs.deliver import Line, deliver
from wallet_api.jobs.expand import expand
from wallet_api.jobs.schedule import job_app
from wallet_api.jobs.senders import senders
from wallet_api.services.app import App

log = structlog.get_logger(__name__)

AT_ONCE = {"push": 2}
"""Batches of a channel at once: while one is posted, the rows of the other are leased or marked."""

IDLE_SECONDS = 0.1
TROUBLE_SECONDS = 2.0


async def run_worker(app: App, database_url: str, *, stop: asyncio.Event | None = None) -> None:
    """Work until `stop` is set, or SIGINT or SIGTERM comes; what is under way is finished first."""
    stop = stop or _stopped_by_signals()
    channels = senders(app)
    jobs = job_app(app, database_url)
    async with jobs.open_async():
        procrastinating = asyncio.create_task(
            jobs.run_worker_async(install_signal_handlers=False, delete_jobs="never", concurrency=3)
        )
        filed = {name: asyncio.Event() for name in channels}
        loops = [asyncio.create_task(_again(stop, "outbox", _expanding(app, filed), asyncio.Event()))]
        for name, sender in channels.items():
            line = Line(channel=name, sender=sender)
            loops += [
                asyncio.create_task(_again(stop, name, _delivering(app, line), filed[name]))
                for _ in range(AT_ONCE.get(name, 1))
            ]
        log.info("worker started", channels=sorted(channels))
        await stop.wait()
        await asyncio.gather(*loops)
        procrastinating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await procrastinating
    for sender in channels.values():
        await sender.close()
    log.info("worker stopped")


def _expanding(app: App, filed: Mapping[str, asyncio.Event]) -> Callable[[], Awaitable[int]]:
    """Work on events, and wake those who deliver what was filed: at rest they would look a tenth of a second later."""

    async def work() -> int:
        events = await asyncio.to_thread(expand, app)
        if events:
            for event in filed.values():
                event.set()
        return events

    return work


def _delivering(app: App, line: Line) -> Callable[[], Awaitable[int]]:
    return lambda: deliver(app, line)


async def _again(stop: asyncio.Event, name: str, work: Callable[[], Awaitable[int]], woken: asyncio.Event) -> None:
    """Work as long as there is something to do, look again every tenth of a second, or when woken, when there is not."""
    while not stop.is_set():
        pause = IDLE_SECONDS
        woken.clear()
        try:
            if await work():
                continue
        except Busy:
            log.warning("database busy", loop=name)
            pause = TROUBLE_SECONDS
        except Exception:
            # Whatever it was, the other channels go on, and this one tries again.
            log.exception("loop failed", loop=name)
            pause = TROUBLE_SECONDS
        await _rest(stop, woken, seconds=pause)


async def _rest(stop: asyncio.Event, woken: asyncio.Event, *, seconds: float) -> None:
    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(woken.wait())]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _stopped_by_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
