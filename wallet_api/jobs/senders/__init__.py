"""The ways out of the house: one sender a channel, made from the settings.

A sender takes leased deliveries and says what became of each. Firebase and SMTP stand in `notifications`, the wallets in
`passes`; where a setting is missing the console channel keeps what would have gone out.
"""

from __future__ import annotations

from notifications.channels.email_smtp import EmailChannel, SmtpServer
from notifications.channels.push_fcm import FcmChannel
from wallet_api.jobs.senders.apple import AppleSender
from wallet_api.jobs.senders.google import GoogleSender
from wallet_api.jobs.senders.messages import MailSender, MessageSender, console
from wallet_api.jobs.senders.sender import Result, Sender
from wallet_api.jobs.senders.unsent import Unsent
from wallet_api.jobs.senders.wallet import WalletSender
from wallet_api.services.app import App

__all__ = ["Result", "Sender", "senders"]


def senders(app: App) -> dict[str, Sender]:
    """A sender for each channel that this Carnet has."""
    settings = app.settings
    # No text message provider is built in: what would go to phone numbers is kept by the console channel.
    made: dict[str, Sender] = {"push": _push(app), "email": _email(app), "sms": MessageSender(console(app, "sms"))}
    if app.apple is not None:
        made["apple"] = AppleSender(app)
    if app.google is not None and app.google.is_development:
        made["google"] = Unsent()
    elif app.google is not None:
        assert settings.google_wallet_credentials is not None
        made["google"] = GoogleSender(app, app.google, credentials_file=settings.google_wallet_credentials)
    if app.wallets:
        made["wallet"] = WalletSender(app, made.get("google"))
    return made


def _push(app: App) -> Sender:
    credentials, endpoint = app.settings.firebase_credentials, app.settings.firebase_endpoint
    if credentials is None:
        return MessageSender(console(app, "push"))
    if endpoint is None:
        return MessageSender(FcmChannel(credentials_file=credentials))
    return MessageSender(FcmChannel(credentials_file=credentials, endpoint=endpoint))


def _email(app: App) -> Sender:
    if app.settings.smtp_url is None:
        return MailSender(app, console(app, "email"))
    server = SmtpServer.from_url(app.settings.smtp_url)
    return MailSender(app, EmailChannel(server=server, mail_from=app.settings.sender))
