"""The till behind a call: its key, and the location that the call names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from flask import current_app

from wallet_api.domain.errors import Forbidden
from wallet_api.domain.events import Line
from wallet_api.http.auth import caller
from wallet_api.http.problems import Fault, InvalidRequest
from wallet_api.services.app import App
from wallet_api.services.identify import Till, Who

WAYS = ("scan_id", "code", "member_id")


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
    given = {way: body[way] for way in WAYS if body.get(way) is not None}
    if len(given) != 1:
        raise InvalidRequest(
            [Fault(pointer="#", detail="Name the customer by exactly one of scan_id, code, member_id.")]
        )
    return Who(**given)


def lines_of(body: Mapping[str, Any], *, needed: bool) -> tuple[Line, ...]:
    """The lines of a receipt; one without a name where only an amount is given."""
    lines, amount = body.get("lines"), body.get("amount")
    if lines is not None and amount is not None:
        raise InvalidRequest([Fault(pointer="#", detail="Give the amount or the lines, not both.")])
    if lines is not None:
        return tuple(Line(**{**line, "tags": frozenset(line["tags"])}) for line in lines)
    if not needed:
        return ()
    if amount is None:
        raise InvalidRequest([Fault(pointer="#", detail="Give the amount or the lines.")])
    return (Line(sku="", amount=amount),)
