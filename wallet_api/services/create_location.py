"""Opening a location of a program."""

from __future__ import annotations

from wallet_api.services.app import App
from wallet_api.store import programs
from wallet_api.store.ids import new_id
from wallet_api.store.programs import Location


def create_location(
    app: App, program: str, *, code: str, name: str, latitude: float | None = None, longitude: float | None = None
) -> Location:
    """Add a location, or change the one with this code; raises NotFound for the program."""
    with app.db.begin() as tx:
        app.current_definition(tx, program)
        location = Location(
            id=new_id(), program_id=program, code=code, name=name, latitude=latitude, longitude=longitude
        )
        return programs.add_location(tx, location)
