"""Running Carnet: the API, the worker, and the demo with everything in one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import click

from wallet_api import logs
from wallet_api.app import wire
from wallet_api.cli.imports import reports
from wallet_api.clock import SystemClock
from wallet_api.collector import collect_seldom
from wallet_api.credentials import wallet_credentials
from wallet_api.demo.run import run_demo
from wallet_api.serve import Listening, stop_with_parent, with_database
from wallet_api.serve import serve as serve_api
from wallet_api.settings import Settings
from wallet_api.worker import run_worker


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65_535))
@click.option("--workers", default=os.cpu_count() or 1, type=click.IntRange(1, 64), help="Processes; one a core.")
@click.option("--threads", default=4, show_default=True, type=click.IntRange(1, 64), help="Threads of each process.")
def serve(host: str, port: int, workers: int, threads: int) -> None:
    """Serve the API and the pages."""
    with _running() as settings:
        serve_api(settings, Listening(host=host, port=port, workers=workers, threads=threads))


@click.command
def worker() -> None:
    """Deliver messages, update passes and run jobs; start as many as you like."""
    with _running() as settings:
        assert settings.database_url is not None
        app = wire(settings)
        collect_seldom()
        asyncio.run(run_worker(app, settings.database_url))


@click.command
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65_535))
@click.option("--data-dir", default="var", show_default=True, type=click.Path(path_type=Path))
def demo(port: int, data_dir: Path) -> None:
    """Run everything in one, with a sample shop: private PostgreSQL, API, worker, pages, an emulated wallet."""
    logs.configure(level=logging.WARNING)
    run_demo(os.environ, port=port, folder=data_dir.resolve(), say=click.echo, reports=reports)


@contextlib.contextmanager
def _running() -> Iterator[Settings]:
    """The settings, with a database, of a process that runs until it is told to stop."""
    logs.configure()
    settings = Settings.from_env(os.environ)
    # Here, and not only in the processes of the server: there a fault would be an end without a sentence.
    wallet_credentials(settings, now=SystemClock().now())
    if settings.demo_dir is not None:
        stop_with_parent()
    with with_database(settings) as ready:
        yield ready
