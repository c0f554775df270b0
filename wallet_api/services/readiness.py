"""Whether this process can serve: the database is there and has the newest schema."""

from __future__ import annotations

from wallet_api.domain.errors import Busy
from wallet_api.services.app import App
from wallet_api.store import schema


def why_not_ready(app: App) -> str | None:
    """What keeps this process from serving, and what to do about it; None if nothing does."""
    try:
        with app.db.read() as tx:
            is_current = schema.is_current_in(tx)
    except Busy:
        return "The database cannot be reached. Start it, or correct DATABASE_URL."
    return None if is_current else "The database lacks migrations. Run `carnet migrate`."
