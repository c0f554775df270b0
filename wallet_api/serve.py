"""The web server: granian on the WSGI application, one process a core, each with a few threads."""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import structlog
from flask import Flask
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import MPServer
from sqlalchemy import create_engine

from wallet_api import logs
from wallet_api.app import create_app
from wallet_api.collector import collect_seldom
from wallet_api.settings import Settings
from wallet_api.store.embedded import private_server
from wallet_api.store.schema import migrate

STOPPING_SECONDS_MAX = 10
_PR_SET_PDEATHSIG = 1

log = structlog.get_logger(__name__)


class PortTaken(Exception):
    """Another program listens at the address, or the system does not let us have it; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Where the server listens, and with how many processes and threads each."""

    host: str
    port: int
    workers: int
    threads: int


def serve(settings: Settings, at: Listening) -> None:
    """Serve until SIGINT or SIGTERM; what is under way is finished first. Raises PortTaken."""
    check_port(at.host, at.port)
    server = _Server(
        target="wsgi:app",
        address=at.host,
        port=at.port,
        interface=Interfaces.WSGI,
        workers=at.workers,
        blocking_threads=at.threads,
        workers_kill_timeout=STOPPING_SECONDS_MAX,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig={"formatters": {}, "handlers": {}, "loggers": {"_granian": {"propagate": True}}},
    )
    log.info("serving", host=at.host, port=at.port, workers=at.workers, threads=at.threads)
    server.serve(target_loader=partial(_load, settings), wrap_loader=False)
    log.info("stopped serving")


@contextlib.contextmanager
def with_database(settings: Settings) -> Iterator[Settings]:
    """The settings with a database: the one they name, or a private one, migrated, for as long as the block lasts."""
    if settings.database_url is not None:
        yield settings
        return
    with private_server(settings.data_dir / "postgres") as url:
        migrate_database(url)
        yield replace(settings, database_url=url)


def migrate_database(url: str) -> None:
    """Bring a database to the newest schema."""
    engine = create_engine(url)
    try:
        migrate(engine)
    finally:
        engine.dispose()


def check_port(host: str, port: int) -> None:
    """See that the address is free; the server shares it among its processes and would share it with a stranger."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as trouble:
            reason = os.strerror(trouble.errno) if trouble.errno else str(trouble)
            raise PortTaken(f"Cannot listen at {host}:{port} ({reason}). Choose another with --port.") from trouble


class _Server(MPServer):
    def signal_handler_interrupt(self, *args: object, **kwargs: object) -> None:
        """Wake the main loop from a thread: a handler runs in between its steps, when it may hold the event's lock.

        A dying parent of several threads sends the signal once for each of them, so this is not rare.
        """
        self.interrupt_signal = True
        _thread.start_new_thread(self.main_loop_interrupt.set, ())


def _load(settings: Settings) -> Flask:
    """In a process of the server: the application that `wsgi:app` is, from settings that are checked already."""
    logs.configure()
    # Ctrl-C reaches all of a terminal's group; the server alone hears it, and stops its processes in order.
    os.setpgid(0, 0)
    stop_with_parent()
    app = create_app(settings)
    collect_seldom()
    return app


def stop_with_parent() -> None:
    """Have the kernel stop this process when its parent dies: one that was killed cannot do it. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
