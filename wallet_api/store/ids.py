"""New ids: UUIDv7, so that they sort by the time at which they were made."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh id."""
    return uuid7()


def fresh_ids() -> Iterator[UUID]:
    """As many fresh ids as are asked for."""
    while True:
        yield uuid7()
