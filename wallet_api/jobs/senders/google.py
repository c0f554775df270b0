"""Bringing the objects of Google Wallet up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from passes.delivery import Outcome
from passes.errors import PassRefused
from passes.google.client import PRODUCTION as GOOGLE_WALLET
from passes.google.client import GoogleWalletClient
from passes.google.objects import loyalty_class, loyalty_object
from wallet_api.jobs.senders.sender import Result, wallet_result
from wallet_api.services import card_face, show_card, show_pass
from wallet_api.services.app import App, GoogleIssuer
from wallet_api.store import cards, passes
from wallet_api.store.deliveries import Delivery
from wallet_api.store.session import Tx


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
            if made.outcome is not Outcome.ACCEPTED:
                return wallet_result(made)
            self._classes.add((delivery.program_id, version))
        result = await self._client.upsert_object(wallet_object)
        if result.outcome is Outcome.ACCEPTED:
            await asyncio.to_thread(self._saved, card_id, fingerprint)
        return wallet_result(result)

    def _newest(self, card_id: UUID, now: datetime) -> tuple[int, dict[str, object], dict[str, object], str]:
        with self._app.db.read() as tx:
            card = cards.by_id(tx, card_id)
            assert card is not None
            face = card_face.face_of(self._app, tx, card, now=now)
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
