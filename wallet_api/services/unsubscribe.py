"""Ending mail by one click (RFC 8058): a link in each mail that works for whoever has the mail, and says nothing more."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from uuid import UUID

from wallet_api.domain.errors import NotFound
from wallet_api.domain.messages import KINDS, MessageClass
from wallet_api.services.app import App
from wallet_api.services.preferences import stop_mail
from wallet_api.settings import Settings
from wallet_api.store.locks import member_unlocked
from wallet_api.store.session import Tx

_CLASSES = (MessageClass.SERVICE, MessageClass.MARKETING)
_MAC_BYTES = 16
_TOKEN_BYTES = 16 + 1 + _MAC_BYTES


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """The mails that a link ends: those of one class to one member."""

    member_id: UUID
    message_class: MessageClass

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of message that belong to it."""
        return tuple(kind for kind, each in KINDS.items() if each.message_class is self.message_class)


def link_to_end(settings: Settings, subscription: Subscription) -> str:
    """The address that ends it, by POST at once, in a browser after a question; it never runs out."""
    said = subscription.member_id.bytes + bytes([_CLASSES.index(subscription.message_class)])
    token = base64.urlsafe_b64encode(said + _mac(settings, said)).decode().rstrip("=")
    return f"{settings.base_url}/v1/unsubscribe/{token}"


def subscription_of(settings: Settings, token: str) -> Subscription:
    """What a link's token stands for; NotFound for one that was not made here."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise NotFound(what="link") from None
    said, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    if len(raw) != _TOKEN_BYTES or not hmac.compare_digest(mac, _mac(settings, said)) or said[16] >= len(_CLASSES):
        raise NotFound(what="link")
    return Subscription(member_id=UUID(bytes=said[:16]), message_class=_CLASSES[said[16]])


def unsubscribe(app: App, tx: Tx, token: str) -> None:
    """Send the member no more mail of this class; twice is the same as once. Raises NotFound."""
    subscription = subscription_of(app.settings, token)
    stop_mail(app, tx, subscription.member_id, kinds=subscription.kinds)


def program_of(tx: Tx, subscription: Subscription) -> tuple[str, str]:
    """The program whose mails they are, and the member's language."""
    row = member_unlocked(tx, subscription.member_id)
    return row.program_id, row.locale


def _mac(settings: Settings, said: bytes) -> bytes:
    return hmac.digest(_key(settings), said, hashlib.sha256)[:_MAC_BYTES]


def _key(settings: Settings) -> bytes:
    return settings.derive("unsubscribe")
