"""Making a key for a till or a POS."""

from __future__ import annotations

from collections.abc import Sequence

from wallet_api import tokens
from wallet_api.domain import errors
from wallet_api.services.app import App
from wallet_api.store import access, programs

SCOPES = {
    "till": "scan cards, record sales, returns and check-ins, redeem",
    "members:act": "act for a member named by id, as a web shop does",
    "messages:bounces": "report mail that came back, as a mail provider does",
    "metrics": "read the metrics of operation",
}
"""What a key may be allowed to do."""


def create_key(app: App, program: str, *, name: str, scopes: Sequence[str], locations: Sequence[str]) -> str:
    """Add a key and give it in clear, which is never possible again; no locations (codes): all of the program's.

    Raises NotFound for the program or a location.
    """
    raw, hashed = tokens.new_api_key()
    with app.db.begin() as tx:
        app.current_definition(tx, program)
        known = {location.code: location.id for location in programs.locations(tx, program)}
        if unknown := [code for code in locations if code not in known]:
            raise errors.NotFound(what=f"location {unknown[0]}")
        ids = [known[code] for code in locations]
        access.add_key(tx, program, name=name, key_hash=hashed, scopes=scopes, location_ids=ids)
    return raw
