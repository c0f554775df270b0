"""Messages to members: `Message` in, `SendResult` out; no database, no web framework, nothing of wallet_api."""

from notifications.message import Message, Outcome, SendResult

__all__ = ["Message", "Outcome", "SendResult"]
