"""The till behind a call: its key, and the location that the call names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from flask import current_app

from wallet_api.domain.errors import Forbidden
from wallet_api.domain.events import Line
from wallet_api.http.auth import caller
from wallet_api.http.schemas.till import WAYS
from wallet_api.services.app import App
from wallet_api.services.identify import Till, Who


def the_app() -> App:
    """The running Carnet."""
    return cast("App", current_app.extensions["carnet"])


def till_at(location_id: UUID | None) -> Till:
    """The till that calls, at this location; Forbidden where its key is tied to others.

    A call that names no location happens at the only one of its key, if there is just one.
    """
    by = caller()
    if location_id is not None and by.locations and location_id not in by.locations:
        raise Forbidden(needs="a key of this location")
    if location_id is None and len(by.locations) == 1:
        (location_id,) = by.locations
    return Till(key_id=by.id, program=by.program, scopes=by.scopes, location_id=location_id)


def who_of(body: Mapping[str, Any]) -> Who:
    """The customer, named in exactly one way."""
    return Who(**{way: body[way] for way in WAYS})


def lines_of(body: Mapping[str, Any]) -> tuple[Line, ...]:
    """The lines of a receipt, as its schema has checked them; tags are kept once."""
    return tuple(Line(**{**line, "tags": frozenset(line.get("tags", ()))}) for line in body["lines"] or ())
