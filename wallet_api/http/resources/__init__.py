"""The API's resources, by area."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import cast

from wallet_api.http.api import Blueprint


def blueprints() -> list[Blueprint]:
    """Every module of this package brings one blueprint, called `blueprint`."""
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return [cast("Blueprint", module.blueprint) for module in modules]
