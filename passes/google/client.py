"""Writes loyalty classes and objects to Google Wallet over its REST API (walletobjects v1).

Google allows 20 requests a second to a project and tells nothing about what is left, so each request
waits for its turn (`pace.py`). Nothing is tried again in here: who calls has the outbox, and the
outbox has the patience.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

import aiohttp
from google.auth import crypt, jwt

from passes.delivery import Outcome, PushResult, retry_after_seconds
from passes.google.pace import Pace, alone

PRODUCTION = "https://walletobjects.googleapis.com/walletobjects/v1"
SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"
REQUESTS_PER_SECOND = 15.0
Kind = Literal["loyaltyClass", "loyaltyObject"]
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIFETIME = timedelta(minutes=30)
_TOKEN_MARGIN_SECONDS = 300  # a token this near its end is not used: the request must outlive the journey
_PAUSE_SECONDS = 1.0  # after a failed token request: the rest of a batch does not ask again one by one
_TOO_FAST = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RESOURCE_EXHAUSTED"})
_NETWORK_FAULTS = (aiohttp.ClientError, OSError)  # TimeoutError is an OSError


class GoogleWalletClient:
    """A client of one issuer's service account; it belongs to one event loop.

    Raises ValueError if the credentials file is not a service account's, OSError if it can't be
    read. Without `pace` it takes 15 turns a second for itself alone: processes that share a project
    share the source of their turns.
    """

    def __init__(
        self,
        *,
        credentials_file: Path,
        endpoint: str = PRODUCTION,
        pace: Pace | None = None,
        deadline_seconds: float = 10.0,
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=deadline_seconds)
        self._pace = pace or Pace(alone(REQUESTS_PER_SECOND))
        self._account = _ServiceAccount.load(credentials_file)
        self._session: aiohttp.ClientSession | None = None
        self._refreshing = asyncio.Lock()
        # Each with the moment of the loop's clock until which it holds.
        self._token: tuple[str, float] | None = None
        self._failure: tuple[PushResult, float] | None = None

    async def save(
        self, kind: Kind, resource: Mapping[str, object], *, changes: Mapping[str, object] | None = None
    ) -> PushResult:
        """Bring a class, or an object whose class exists, to what `resource` says.

        `changes` are the fields to send of one that Google has; None inserts it. Where Google has it
        against our belief, or has it not, all of it is sent the other way. `notifyPreference` may
        stand in `changes` only: an insert notifies nobody.
        """
        path = _path(kind, str(resource["id"]))
        insert = ("POST", kind, {name: value for name, value in resource.items() if value is not None})
        replace = ("PATCH", path, resource)
        if changes is None:
            return await self._call(insert, (409, replace))
        # The last step is for another worker that inserted it between the first and the second.
        return await self._call(("PATCH", path, changes), (404, insert), (409, replace))

    async def add_message(
        self, object_id: str, message: Mapping[str, object], *, is_repeated: bool = False
    ) -> PushResult:
        """Add a message to an object.

        Google notifies of three a pass and day. The fourth of type TEXT_AND_NOTIFY is REJECTED with
        the reason QuotaExceeded: send it as TEXT. Google takes several messages of one id and shows
        each: where an earlier try may have arrived (`is_repeated`), it is asked first what it has.
        """
        path = _path("loyaltyObject", object_id)
        if is_repeated:
            try:
                answer = await self._authorized(("GET", path, None))
            except _NoAnswer as error:
                return error.result
            if answer.status != 200 or _has_message(answer.facts, message["id"]):
                return _result(answer)
        return await self._call(("POST", f"{path}/addMessage", {"message": dict(message)}))

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _call(self, first: "_Request", *otherwise: "tuple[int, _Request]") -> PushResult:
        """Send a request, and each further one only if the one before it got that status."""
        try:
            answer = await self._authorized(first)
            for status, request in otherwise:
                if answer.status != status:
                    break
                answer = await self._authorized(request)
        except _NoAnswer as error:
            return error.result
        return _result(answer)

    async def _authorized(self, request: "_Request") -> "_Answer":
        token = await self._access_token()
        answer = await self._send(request, token)
        if answer.status == 401:
            # Revoked before its end. Google did nothing, so once more with a new one, which another
            # request may have fetched already.
            if self._token is not None and self._token[0] == token:
                self._token = None
            answer = await self._send(request, await self._access_token())
        return answer

    async def _send(self, request: "_Request", token: str) -> "_Answer":
        method, path, body = request
        if (wait := await self._pace.take_turn()) is not None:
            raise _NoAnswer(PushResult(outcome=Outcome.LATER, reason="our own limit", retry_after=wait))
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            async with self._http().request(
                method,
                f"{self._endpoint}/{path}",
                data=None if body is None else json.dumps(body),
                headers=headers,
                allow_redirects=False,
            ) as response:
                return await _Answer.read(response)
        except _NETWORK_FAULTS as error:
            raise _NoAnswer(_later(error)) from error

    async def _access_token(self) -> str:
        async with self._refreshing:  # one request for a token, however many wait for it
            now = asyncio.get_running_loop().time()
            if self._token is not None and now < self._token[1]:
                return self._token[0]
            if self._failure is not None and now < self._failure[1]:
                raise _NoAnswer(self._failure[0])
            try:
                self._token = await self._ask_for_token()
            except _NoAnswer as error:
                self._failure = (error.result, asyncio.get_running_loop().time() + _PAUSE_SECONDS)
                raise
            return self._token[0]

    async def _ask_for_token(self) -> tuple[str, float]:
        """RFC 7523, by ourselves: google-auth's refresh tries three times and may block minutes."""
        # Google compares with its own clock: the real one, also where a simulation moves ours.
        form = {"grant_type": _GRANT, "assertion": self._account.assertion(now=datetime.now(UTC))}
        try:
            async with self._http().post(self._account.token_uri, data=form, allow_redirects=False) as response:
                answer = await _Answer.read(response)
        except _NETWORK_FAULTS as error:
            raise _NoAnswer(_later(error)) from error
        token, seconds = answer.facts.get("access_token"), answer.facts.get("expires_in")
        if answer.status == 200 and isinstance(token, str) and isinstance(seconds, int):
            usable = max(0, seconds - _TOKEN_MARGIN_SECONDS)
            return token, asyncio.get_running_loop().time() + usable
        outcome = Outcome.MISCONFIGURED if answer.status in {400, 401, 403} else Outcome.LATER
        reason = f"token refused: {_word(answer.facts.get('error')) or answer.status}"
        raise _NoAnswer(PushResult(outcome=outcome, reason=reason, retry_after=answer.retry_after))

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self._session


_Request = tuple[str, str, Mapping[str, object] | None]  # method, path below the endpoint, body


class _NoAnswer(Exception):
    def __init__(self, result: PushResult) -> None:
        super().__init__(result.reason)
        self.result = result


@dataclass(frozen=True, kw_only=True)
class _Answer:
    status: int
    facts: Mapping[str, object]
    retry_after: int | None

    @classmethod
    async def read(cls, response: aiohttp.ClientResponse) -> Self:
        facts = _object(await response.read())
        return cls(
            status=response.status,
            facts=facts,
            retry_after=retry_after_seconds(response.headers.get("Retry-After")),
        )


@dataclass(frozen=True, kw_only=True)
class _ServiceAccount:
    email: str
    token_uri: str
    signer: crypt.RSASigner

    @classmethod
    def load(cls, file: Path) -> Self:
        facts = _object(file.read_bytes())
        email, token_uri = facts.get("client_email"), facts.get("token_uri")
        if not isinstance(email, str) or not isinstance(token_uri, str):
            message = f"{file.name} is no service account's file: client_email or token_uri is missing"
            raise ValueError(message)  # noqa: TRY004 a file that is not what it should be
        signer = crypt.RSASigner.from_service_account_info(facts)  # type: ignore[no-untyped-call]  # google-auth's
        return cls(email=email, token_uri=token_uri, signer=signer)

    def assertion(self, *, now: datetime) -> str:
        claims = {
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": int(now.timestamp()),
            "exp": int((now + _ASSERTION_LIFETIME).timestamp()),
        }
        assertion: bytes = jwt.encode(self.signer, claims)  # type: ignore[no-untyped-call]  # google-auth's
        return assertion.decode()


def _result(answer: _Answer) -> PushResult:
    if 200 <= answer.status < 300:
        return PushResult(outcome=Outcome.ACCEPTED)
    reason = _reason(answer.facts) or f"HTTP {answer.status}"
    if answer.status in {408, 429} or answer.status >= 500 or (answer.status == 403 and reason in _TOO_FAST):
        return PushResult(outcome=Outcome.LATER, reason=reason, retry_after=answer.retry_after)
    if answer.status in {401, 403}:
        # The account is not the issuer's, or the API is off: all will fail alike.
        return PushResult(outcome=Outcome.MISCONFIGURED, reason=reason)
    return PushResult(outcome=Outcome.REJECTED, reason=reason)


def _has_message(facts: Mapping[str, object], message_id: object) -> bool:
    messages = facts.get("messages")
    return isinstance(messages, list) and any(
        isinstance(each, dict) and each.get("id") == message_id for each in messages
    )


def _reason(facts: Mapping[str, object]) -> str | None:
    """Google's own word: `errors[0].reason`, else `status`; never its message: names in it."""
    error = facts.get("error")
    if not isinstance(error, dict):
        return None
    match error.get("errors"):
        case [{"reason": reason}, *_] if _word(reason):
            return _word(reason)
    return _word(error.get("status"))


def _word(value: object) -> str | None:
    return value if isinstance(value, str) and value.isidentifier() and len(value) <= 60 else None


def _later(error: BaseException) -> PushResult:
    return PushResult(outcome=Outcome.LATER, reason=type(error).__name__)


def _path(kind: str, resource_id: str) -> str:
    return f"{kind}/{quote(resource_id, safe='')}"


def _object(data: bytes) -> Mapping[str, object]:
    """A JSON object; an empty one for anything else."""
    try:
        value: object = json.loads(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
