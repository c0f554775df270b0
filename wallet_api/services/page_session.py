"""Who is looking at the card page: the session behind its cookie.

The cookie holds a refresh token that the page never exchanges. It is found by its hash, like any other, and is worth
nothing once the session has ended, was idle for too long, or an app has exchanged the token.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from wallet_api import tokens
from wallet_api.services.app import App
from wallet_api.services.sign_in import REFRESH_ABSOLUTE, REFRESH_IDLE
from wallet_api.store import access

SEEN_EVERY = timedelta(hours=1)
"""How exactly the last visit is known: a page that renews its code every 20 seconds need not write each time."""


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A member who has signed in to the card page."""

    member_id: UUID
    session_id: UUID


def visitor_of(app: App, token: str, *, program: str) -> Visitor | None:
    """The member of this program whose page holds the token; None where they must sign in (again)."""
    now = app.clock.now()
    with app.db.begin() as tx:
        known = access.refresh_token(tx, tokens.token_hash(token))
        if known is None or known.member_id is None or known.program_id != program or known.used_at:
            return None
        if now > known.last_used_at + REFRESH_IDLE or now > known.opened_at + REFRESH_ABSOLUTE:
            return None
        if not access.session_is_open(tx, known.session_id):
            return None
        if now > known.last_used_at + SEEN_EVERY:
            access.touch_session(tx, known.session_id, now=now)
        return Visitor(member_id=known.member_id, session_id=known.session_id)
