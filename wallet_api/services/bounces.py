"""Mail that came back: what the mail provider tells."""

from __future__ import annotations

from wallet_api.services.addresses import canonical_email
from wallet_api.services.app import App
from wallet_api.store import preferences
from wallet_api.store.session import Tx

PASSING = "transient"
KINDS = ("permanent", "complaint", PASSING)


def record_bounce(app: App, tx: Tx, program: str, *, address: str, kind: str) -> None:
    """Stop mail to an address that does not exist, or whose owner complained; what passes by itself changes nothing.

    Whoever signs in by a code that was sent there brings it back to life.
    """
    if kind != PASSING:
        preferences.bury(tx, program, canonical_email(address), reason=kind, now=app.clock.now())
