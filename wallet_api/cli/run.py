"""Running Carnet: the API and the worker."""

from __future__ import annotations

import asyncio
import os

import click

from wallet_api import logs
from wallet_api.app import wire
from wallet_api.serve import Listening, with_database
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
    logs.configure()
    with with_database(Settings.from_env(os.environ)) as settings:
        serve_api(settings, Listening(host=host, port=port, workers=workers, threads=threads))


@click.command
def worker() -> None:
    """Deliver messages, update passes and run jobs; start as many as you like."""
    logs.configure()
    with with_database(Settings.from_env(os.environ)) as settings:
        assert settings.database_url is not None
        asyncio.run(run_worker(wire(settings), settings.database_url))
