"""What goes out, and what became of it."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

COLLAPSE_KEY_MAX_BYTES = 64
"""Apple's limit for `apns-collapse-id`."""

_OURS = frozenset({"mid", "kind"})
_RESERVED = frozenset({"from", "message_type"})
_RESERVED_PREFIXES = ("google", "gcm")


@dataclass(frozen=True, kw_only=True)
class Brand:
    """Whose message it is: the name, colours as `#rrggbb`, where the logo stands, where a mail's name leads."""

    name: str
    background: str
    text: str
    logo_url: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message to one device or mailbox, already in its reader's language.

    Raises ValueError for a naive `expires_at`, an empty or too long `collapse_key`, and for `data` keys
    that Carnet or FCM use themselves.
    """

    id: UUID
    """The delivery's id, the same on every try: phones and mail programs recognise a repeated one by it."""
    kind: str
    to: str = field(repr=False)
    """An FCM registration token, or an e-mail address."""
    title: str = field(repr=False)
    body: str = field(repr=False)
    locale: str
    """A BCP 47 tag such as `fr` or `en-GB`."""
    collapse_key: str
    """Of several messages with the same key, a phone that was away shows the last."""
    expires_at: datetime
    """After this moment the message is not worth showing, and is not sent."""
    data: Mapping[str, str] = field(default_factory=dict, repr=False)
    brand: Brand | None = None
    """How a mail looks; phones show the app's own."""
    unsubscribe_url: str | None = field(default=None, repr=False)
    """Ends mails of this sort by one POST; none for what must always come."""

    def __post_init__(self) -> None:
        if self.expires_at.tzinfo is None:
            raise ValueError("expires_at must be an aware time")
        if not 1 <= len(self.collapse_key.encode()) <= COLLAPSE_KEY_MAX_BYTES:
            raise ValueError(f"collapse_key must have 1 to {COLLAPSE_KEY_MAX_BYTES} bytes")
        for key in self.data:
            if key in _OURS or key in _RESERVED or key.startswith(_RESERVED_PREFIXES):
                raise ValueError(f"data key {key!r} is reserved")

    def ttl(self, *, now: datetime) -> timedelta:
        """How long the message is still worth showing; never negative."""
        return max(self.expires_at - now, timedelta(0))

    def has_expired(self, *, now: datetime) -> bool:
        return self.expires_at <= now


class Outcome(enum.Enum):
    """What a try came to; each value asks one thing of the sender."""

    ACCEPTED = "accepted"
    """The provider took it: done. Nobody promises that it was delivered."""
    GONE = "gone"
    """The device no longer exists: forget it."""
    REJECTED = "rejected"
    """This message will never be taken: keep it as a dead letter."""
    MISCONFIGURED = "misconfigured"
    """Our keys or settings are refused: stop the channel and raise the alarm; the message is kept."""
    LATER = "later"
    """Not taken, or nobody knows: try again with the same id."""


@dataclass(frozen=True, kw_only=True)
class SendResult:
    """What became of one try to send one message."""

    outcome: Outcome
    detail: str = ""
    """The reason in a few words for logs; holds no token, address or text."""
    provider_id: str | None = None
    retry_after: int | None = None
    """Seconds that the provider asked us to wait; None where it did not say."""


EXPIRED = SendResult(outcome=Outcome.REJECTED, detail="expired before it was sent")
