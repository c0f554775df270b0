"""Google access tokens for a service account, without stopping the event loop."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import requests
from firebase_admin import credentials  # type: ignore[import-untyped]  # the package ships no types
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport import Response
from google.auth.transport.requests import Request

ANSWER_TIMEOUT_S = 5


class TokenUnavailable(Exception):
    """The token endpoint does not answer as it should; it may do so later."""


class TokenRefused(Exception):
    """The token endpoint refuses our key: trying again changes nothing."""


class _Credential(Protocol):
    """What is used of google-auth's credentials, which carry no types."""

    token: str

    @property
    def valid(self) -> bool: ...

    def refresh(self, request: "_TokenRequest") -> None: ...


class AccessToken:
    """The current access token of a service-account file, fetched when needed.

    It is renewed 225 s before its end (google-auth's threshold, against the machine's own clock). However
    many ask at once, one request is under way, and all share its token or its failure.

    Raises ValueError or OSError for a file that is no service account.
    """

    def __init__(self, credentials_file: Path, *, deadline_s: float) -> None:
        certificate = credentials.Certificate(str(credentials_file))
        self.project_id: str = certificate.project_id
        self._credential: _Credential = certificate.get_credential()
        self._request = _TokenRequest()
        self._deadline_s = deadline_s
        self._fetching: asyncio.Task[None] | None = None

    async def get(self, *, other_than: str | None = None) -> str:
        """The token; a new one if the current one is `other_than`, which the service refused.

        Raises TokenUnavailable and TokenRefused.
        """
        if not self._credential.valid or self._credential.token == other_than:
            await self._fetch()
        return self._credential.token

    def close(self) -> None:
        self._request.close()

    async def _fetch(self) -> None:
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(asyncio.to_thread(self._refresh))
        try:
            async with asyncio.timeout(self._deadline_s):
                await asyncio.shield(self._fetching)
        except TimeoutError:
            raise TokenUnavailable("token endpoint too slow") from None

    def _refresh(self) -> None:
        try:
            self._credential.refresh(self._request)
        except TransportError as error:
            raise TokenUnavailable("token endpoint failed") from error
        except RefreshError as error:
            raise TokenRefused("token endpoint refused our key") from error
        except GoogleAuthError as error:
            raise TokenUnavailable("token endpoint failed") from error


class _TokenRequest:
    """google-auth's transport with a deadline, and without its three tries on a server's error.

    Those tries sleep for seconds in our thread; the messages that wait have a better backoff of their own.
    """

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.headers["Connection"] = "close"  # the next request is an hour away
        self._request = Request(self._session)

    def __call__(self, url: str, method: str, body: bytes, headers: Mapping[str, str]) -> Response:
        response: Response = self._request(url, method=method, body=body, headers=headers, timeout=ANSWER_TIMEOUT_S)
        refused = 400 <= response.status < 500 and response.status not in (408, 429)
        if not refused and not _is_grant(response):
            why = f"token endpoint answered {response.status}"
            raise TransportError(why)  # type: ignore[no-untyped-call]  # google-auth is half typed
        return response

    def close(self) -> None:
        self._session.close()


def _is_grant(response: Response) -> bool:
    try:
        grant = json.loads(response.data)
    except ValueError:
        return False
    return (
        response.status == 200
        and isinstance(grant, dict)
        and isinstance(grant.get("access_token"), str)
        and isinstance(grant.get("expires_in"), int)
    )
