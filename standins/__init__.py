"""Stand-ins: small real servers and devices on loopback, for those of Apple, Google and others.

Tests and the demo run against them, and whoever builds an app on Carnet may too. Each is a context
manager that runs in a thread of its own, remembers what it was sent and fails on request. They
import nothing of Carnet.
"""

import asyncio
import threading
from abc import ABC, abstractmethod
from typing import Self


class ServerThread(ABC):
    """An asyncio server in its own thread, where the subclass's `start` and `stop` run too."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=type(self).__name__, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.start(), self._loop).result(timeout=10)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._stop_all(), self._loop).result(timeout=10)
        finally:
            self._end()

    @abstractmethod
    async def start(self) -> None:
        """Bind the server; its address must be known when this returns."""

    @abstractmethod
    async def stop(self) -> None:
        """Take no new connections; what still runs is cancelled afterwards."""

    async def _stop_all(self) -> None:
        await self.stop()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()
