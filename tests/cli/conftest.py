"""The command line as a person would run it, on a database of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

from tests.shop import SETTINGS
from wallet_api.cli import main

Carnet: TypeAlias = Callable[..., Result]


@pytest.fixture
def carnet(database_url: str) -> Carnet:
    """Run a command: `carnet("ledger", "verify")`."""
    env = {"DATABASE_URL": database_url, "CARNET_SECRET_KEY": SETTINGS.secret_key}

    def run(*words: object, stdin: str | None = None, **settings: str | None) -> Result:
        result = CliRunner().invoke(main, [str(word) for word in words], input=stdin, env={**env, **settings})
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run
