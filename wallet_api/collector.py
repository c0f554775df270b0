"""How often Python looks for cycles of garbage in the processes that run for long."""

from __future__ import annotations

import gc

NEW_OBJECTS_MAX = 20_000
"""Python's own 700 come together several times in one batch of messages."""


def collect_seldom() -> None:
    """Have what is loaded by now left out of every search for garbage, and search seldom.

    What requests and batches leave behind goes by itself, without a search: it holds no cycles to speak of. The
    searches took about a quarter of a worker's CPU time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_MAX)
