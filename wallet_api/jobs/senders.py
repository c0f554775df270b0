"""The ways out of the house: one sender a channel, made from the settings.

A sender takes leased deliveries and says what became of each. Firebase and SMTP stand in `notifications`, the wallets in
`passes`; where a setting is missing the console channel keeps what would have gone out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding

from notifications.channels import Channel
from notifications.channels.console import ConsoleChannel
from notifications.channels.email import EmailChannel, SmtpServer
from notifications.channels.fcm import FcmChannel
from notifications.message import Message
from passes import delivery as passes_delivery
from passes.apple.apns import PRODUCTION as APNS
from passes.apple.apns import ApnsClient, client_tls
from passes.apple.signing import read_certificate
from passes.errors import PassRefused
from passes.google.client import PRODUCTION as GOOGLE_WALLET
from passes.google.client import GoogleWalletClient
from passes.google.objects import loyalty_class, loyalty_object
from wallet_api.services import show_card, show_pass
from wallet_api.services.app import App, GoogleIssuer
from wallet_api.store import cards, deliveries, passes
from wallet_api.store.deliveries import Delivery
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a delivery: `outcome` is accepted, gone, rejected, misconfigured or later."""

    outcome: str
    detail: str = ""
    provider_id: str | None = None
    retry_after: int | None = None
    gone_since: datetime | None = None


class Sender(Protocol):
    """Sends deliveries of one channel, with no transaction open."""

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        """One result a delivery, in their order."""

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        """Drop a target that is gone."""

    async def close(self) -> None:
        """Close the connections."""


def senders(app: App) -> dict[str, Sender]:
    """A sender for each channel that this Carnet has."""
    settings = app.settings
    # No text message provider is built in: what would go to phone numbers is kept by the console channel.
    made: dict[str, Sender] = {"push": _push(app), "email": _email(app), "sms": MessageSender(_console(app, "sms"))}
    if app.apple is not None:
        assert settings.apple_pass_cert is not None
        assert settings.apple_pass_key is not None
        made["apple"] = AppleSender(app, cert=settings.apple_pass_cert, key=settings.apple_pass_key)
    if app.google is not None:
        assert settings.google_wallet_credentials is not None
        made["google"] = GoogleSender(app, app.google, credentials_file=settings.google_wallet_credentials)
    return made


def _push(app: App) -> Sender:
    credentials, endpoint = app.settings.firebase_credentials, app.settings.firebase_endpoint
    if credentials is None:
        return MessageSender(_console(app, "push"))
    if endpoint is None:
        return MessageSender(FcmChannel(credentials_file=credentials))
    return MessageSender(FcmChannel(credentials_file=credentials, endpoint=endpoint))


def _email(app: App) -> Sender:
    if app.settings.smtp_url is None:
        return MessageSender(_console(app, "email"))
    server = SmtpServer.from_url(app.settings.smtp_url)
    return MessageSender(EmailChannel(server=server, mail_from=app.settings.sender))


def _console(app: App, channel: str) -> ConsoleChannel:
    def record(messages: Sequence[Message]) -> None:
        now = app.clock.now()
        with app.db.begin() as tx:
            for message in messages:
                deliveries.add_console_message(
                    tx,
                    message_id=message.id,
                    channel=channel,
                    recipient=message.to,
                    title=message.title,
                    body=message.body,
                    code=message.data.get("code"),
                    now=now,
                )

    return ConsoleChannel(record)


class MessageSender:
    """Push messages and e-mail."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        """Send what a member reads."""
        results = await self._channel.send([_message(delivery) for delivery in leased], now=now)
        return [
            Result(
                outcome=result.outcome.value,
                detail=result.detail,
                provider_id=result.provider_id,
                retry_after=result.retry_after,
            )
            for result in results
        ]

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        """The app is gone from this phone."""
        if delivery.device_id is not None:
            deliveries.forget_device(tx, delivery.device_id, now=now)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


class AppleSender:
    """Wakes Apple Wallet."""

    def __init__(self, app: App, *, cert: Path, key: Path) -> None:
        settings = app.settings
        password = settings.apple_pass_key_password
        tls = client_tls(
            cert_pem=read_certificate(cert.read_bytes(), name="pass certificate").public_bytes(Encoding.PEM),
            key_pem=key.read_bytes(),
            password=password.encode() if password else None,
            ca_file=settings.apns_ca,
        )
        self._app = app
        self._client = ApnsClient(tls=tls, endpoint=settings.apns_endpoint or APNS)

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        """Tell each device to ask what has changed; one that has unregistered meanwhile needs no push."""
        assert self._app.apple is not None
        tokens = await asyncio.to_thread(self._tokens, leased)
        awake = [token for token in tokens if token is not None]
        answers = iter(await self._client.push(awake, topic=self._app.apple.pass_type_id, now=now))
        return [Result(outcome="gone") if token is None else _result(next(answers)) for token in tokens]

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        """The device is gone, unless it has registered anew since."""
        pass_type_id = delivery.data["pass_type_id"]
        token = passes.push_token(tx, device_id=delivery.target, pass_type_id=pass_type_id)
        if token is not None:
            passes.forget_apple_device(
                tx,
                device_id=delivery.target,
                pass_type_id=pass_type_id,
                push_token=token,
                gone_since=result.gone_since,
            )

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()

    def _tokens(self, leased: Sequence[Delivery]) -> list[str | None]:
        with self._app.db.read() as tx:
            return [
                passes.push_token(tx, device_id=delivery.target, pass_type_id=delivery.data["pass_type_id"])
                for delivery in leased
            ]


class GoogleSender:
    """Brings Google Wallet's objects up to date."""

    def __init__(self, app: App, issuer: GoogleIssuer, *, credentials_file: Path) -> None:
        self._app, self._issuer = app, issuer
        self._client = GoogleWalletClient(
            credentials_file=credentials_file, endpoint=app.settings.google_wallet_endpoint or GOOGLE_WALLET
        )
        self._classes: set[tuple[str, int]] = set()

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        """Write the newest state of each pass."""
        return [await self._write(delivery, now=now) for delivery in leased]

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        """Google never says that an object is gone."""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _write(self, delivery: Delivery, *, now: datetime) -> Result:
        card_id = UUID(delivery.target)
        try:
            version, loyalty, wallet_object, fingerprint = await asyncio.to_thread(self._newest, card_id, now)
        except PassRefused as refused:
            return Result(outcome="rejected", detail=str(refused))
        if (delivery.program_id, version) not in self._classes:
            made = await self._client.upsert_class(loyalty)
            if made.outcome is not passes_delivery.Outcome.ACCEPTED:
                return _result(made)
            self._classes.add((delivery.program_id, version))
        result = await self._client.upsert_object(wallet_object)
        if result.outcome is passes_delivery.Outcome.ACCEPTED:
            await asyncio.to_thread(self._saved, card_id, fingerprint)
        return _result(result)

    def _newest(self, card_id: UUID, now: datetime) -> tuple[int, dict[str, object], dict[str, object], str]:
        with self._app.db.read() as tx:
            card = cards.by_id(tx, card_id)
            assert card is not None
            face = show_pass.face_of(self._app, tx, card, now=now)
            suffix = show_pass.class_suffix(card.program_id)
            loyalty = loyalty_class(
                face.brand,
                issuer_id=self._issuer.issuer_id,
                class_suffix=suffix,
                logo_url=f"{self._app.settings.base_url}/v1/programs/{card.program_id}/logo.png",
            )
            wallet_object = loyalty_object(
                face,
                issuer_id=self._issuer.issuer_id,
                class_suffix=suffix,
                totp_key=show_card.key_of(self._app, card).totp,
            )
            version = self._app.current_version(tx, card.program_id)
            return version or 0, loyalty, wallet_object, face.fingerprint()

    def _saved(self, card_id: UUID, fingerprint: str) -> None:
        with self._app.db.begin() as tx:
            passes.saved_by_google(tx, card_id, fingerprint)


def _message(delivery: Delivery) -> Message:
    return Message(
        id=delivery.message_id,
        kind=delivery.kind,
        to=delivery.target,
        title=delivery.title or "",
        body=delivery.body or "",
        locale=delivery.locale,
        collapse_key=delivery.collapse_key,
        expires_at=delivery.expires_at,
        data=delivery.data,
    )


def _result(answer: passes_delivery.PushResult) -> Result:
    return Result(
        outcome=answer.outcome.value,
        detail=answer.reason or "",
        retry_after=answer.retry_after,
        gone_since=answer.gone_since,
    )
