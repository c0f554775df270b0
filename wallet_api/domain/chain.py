"""The ledger's hash chain: each entry's hash covers the one before it, so that none can be changed or left out."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC

from wallet_api.domain.decision import Entry


def link(previous: bytes, entry: Entry, *, position: int) -> bytes:
    """SHA-256 over the previous hash and the entry's facts, as a JSON list; `position` counts a member's entries."""
    facts = [
        position,
        str(entry.id),
        entry.unit,
        entry.kind.value,
        entry.amount,
        entry.occurred_at.astimezone(UTC).isoformat(timespec="microseconds"),
        str(entry.source_id) if entry.source_id else None,
        entry.rule,
        str(entry.reverses) if entry.reverses else None,
        [[str(take.lot_id), take.amount] for take in entry.takes],
    ]
    return hashlib.sha256(previous + json.dumps(facts, separators=(",", ":")).encode()).digest()
