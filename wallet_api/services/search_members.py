"""Finding members at the counter or on the telephone: by address, card number, or the beginning of a name."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row

from wallet_api.services.app import App
from wallet_api.services.explain import Explainer
from wallet_api.services.find_member import canonical, find_member
from wallet_api.services.present import Json
from wallet_api.store import members
from wallet_api.store.locks import display_name
from wallet_api.store.session import Tx

HIDDEN = "•••"


def search_members(app: App, tx: Tx, query: str, *, program: str, before: UUID | None, limit: int) -> list[Json]:
    """Who is meant: the one with this address, card number or reference, else whose names begin so, the newest first.

    Just enough to tell people apart: no more than a hint of the address.
    """
    definition = app.current_definition(tx, program)
    words = Explainer(definition, definition.languages[0])
    name = " ".join(query.split())
    known = find_member(tx, program, canonical(name)) if name else None
    if known is not None:
        rows = [members.found(tx, known)] if before is None or known < before else []
    else:
        rows = list(members.by_name(tx, program, name, before=before, limit=limit)) if name else []
    return [hint(row, words) for row in rows]


def masked(address: str) -> str:
    """As much of an address as its owner recognises: `a•••@example.org`, `+33•••78`."""
    if "@" in address:
        return f"{address[0]}{HIDDEN}@{address.rpartition('@')[2]}"
    return f"{address[:3]}{HIDDEN}{address[-2:]}"


def hint(row: Row[Any], words: Explainer) -> Json:
    """Just enough of a member to tell people apart."""
    address = row.email or row.phone
    return {
        "id": row.id,
        "display_name": display_name(row.given_name, row.family_name),
        "tier": {"id": row.tier, "name": words.tier(row.tier)} if row.tier else None,
        "address": masked(address) if address else None,
    }
