"""Apple's push service, as it knows us by the pass certificate that signs now."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from passes.apple.apns import PRODUCTION, ApnsClient, client_tls
from passes.apple.signing import Signer
from passes.delivery import Outcome, PushResult
from wallet_api.services.app import App
from wallet_api.settings import Settings


class Apns:
    """Pushes with the certificate of the moment, and connects anew when another one takes over."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._signer: Signer | None = None
        self._client: ApnsClient | None = None

    async def push(self, tokens: Sequence[str], *, now: datetime) -> list[PushResult]:
        """Tell each device that a pass has changed; one result a token, in order."""
        signer = self._app.apple and self._app.apple.at(now)
        if signer is None:
            return [PushResult(outcome=Outcome.MISCONFIGURED, reason="no pass certificate is valid")] * len(tokens)
        if signer.is_development and self._app.settings.apns_endpoint is None:
            # Apple would refuse us, and no phone of its holds such a pass: there is nobody to wake.
            return [PushResult(outcome=Outcome.ACCEPTED, reason="development")] * len(tokens)
        if self._client is None or signer is not self._signer:
            await self.close()
            self._signer, self._client = signer, _client(signer, self._app.settings)
        return await self._client.push(tokens, topic=signer.pass_type_id, now=now)

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.close()


def _client(signer: Signer, settings: Settings) -> ApnsClient:
    identity = signer.identity
    # OpenSSL reads a key from a file only: it gets one that is worth nothing without this word.
    password = secrets.token_urlsafe(32).encode()
    tls = client_tls(
        cert_pem=identity.certificate.public_bytes(Encoding.PEM),
        key_pem=identity.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password)),
        password=password,
        ca_file=settings.apns_ca,
    )
    return ApnsClient(tls=tls, endpoint=settings.apns_endpoint or PRODUCTION)
