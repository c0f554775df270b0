"""Finished files in the memory of a process: bounded by their bytes, those that were asked for longest ago go first."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock


class KeptBytes:
    """Files by key; safe to share between threads. `at_most`: how many bytes all of them may have."""

    def __init__(self, *, at_most: int) -> None:
        self.bytes = 0
        self._most = at_most
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> bytes | None:
        """The file, if it is still kept."""
        with self._lock:
            if (content := self._files.get(key)) is not None:
                self._files.move_to_end(key)
            return content

    def put(self, key: str, content: bytes) -> None:
        """Keep a file; one that is larger than all may be is not kept."""
        with self._lock:
            self.bytes += len(content) - len(self._files.pop(key, b""))
            self._files[key] = content
            while self.bytes > self._most:
                _, gone = self._files.popitem(last=False)
                self.bytes -= len(gone)
