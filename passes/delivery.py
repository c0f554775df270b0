"""How a wallet provider answered: the words that Apple's and Google's clients share."""

import enum
from dataclasses import dataclass
from datetime import datetime


class Outcome(enum.Enum):
    """What the sender does next; the provider's own word stands in `PushResult.reason`."""

    ACCEPTED = "accepted"  # the provider took it; never "delivered", which no provider tells us
    GONE = "gone"  # the device gave the pass up: delete its registration
    LATER = "later"  # not taken, or not known: try again after a pause
    REJECTED = "rejected"  # this one will never be taken: dead letter
    MISCONFIGURED = "misconfigured"  # none will be taken until somebody mends the settings: stop and alarm


@dataclass(frozen=True, kw_only=True)
class PushResult:
    """The answer to one push or update.

    `reason` is a short word for the log and holds no token. `retry_after` is in seconds, None where
    the provider named none. `gone_since` is the moment from which APNs knows the token as dead:
    delete only a registration that is older, because the device may have come back under the same
    token.
    """

    outcome: Outcome
    reason: str = ""
    retry_after: int | None = None
    gone_since: datetime | None = None


def retry_after_seconds(header: str | None) -> int | None:
    """Read a Retry-After header given in seconds; None for none, for a date and for nonsense."""
    return int(header) if header is not None and header.isascii() and header.isdigit() else None
