"""Push notifications through Firebase Cloud Messaging's HTTP v1 API.

firebase-admin builds and validates what is posted and holds the credentials; the posting is ours, because
its own client tries again by itself, which the phone would show twice.
"""

import asyncio
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
from firebase_admin import messaging  # type: ignore[import-untyped]  # the package ships no types

from notifications.channels.push_fcm.access_token import AccessToken, TokenRefused, TokenUnavailable
from notifications.message import EXPIRED, Message, Outcome, SendResult

ENDPOINT = "https://fcm.googleapis.com"
TTL_MAX = timedelta(weeks=4)
QUOTA_PAUSE_S = 60
RETRY_AFTER_MAX_S = 24 * 3_600
ANSWER_MAX_BYTES = 64 * 1_024


class FcmChannel:
    """Sends each message with one POST, over at most `connections` kept-alive connections.

    `deadline_s` bounds one try from its first byte to the answer's last, `batch_deadline_s` when the last try of a
    batch may begin: what is left then comes to LATER unsent. The one second POST that there is follows a 401, by
    which FCM says that it took nothing. Messages to one device go one after the other, and none follows the answer
    that it is gone.

    Raises ValueError or OSError for a `credentials_file` that is no service account.
    """

    name = "fcm"

    def __init__(
        self,
        *,
        credentials_file: Path,
        endpoint: str = ENDPOINT,
        connections: int = 100,
        deadline_s: float = 10.0,
        batch_deadline_s: float = 30.0,
    ) -> None:
        self._token = AccessToken(credentials_file, deadline_s=deadline_s)
        self._url = f"{endpoint.rstrip('/')}/v1/projects/{self._token.project_id}/messages:send"
        self._connections = connections
        self._slots = asyncio.Semaphore(connections)
        self._deadline_s = deadline_s
        self._batch_deadline_s = batch_deadline_s
        self._session: aiohttp.ClientSession | None = None

    async def send(self, messages: Sequence[Message], *, now: datetime) -> list[SendResult]:
        batch = _Batch(ends_at=asyncio.get_running_loop().time() + self._batch_deadline_s)
        by_device: dict[str, list[int]] = {}
        for number, message in enumerate(messages):
            by_device.setdefault(message.to, []).append(number)
        results: dict[int, SendResult] = {}
        devices = iter(by_device.values())

        async def send_in_turn() -> None:
            for numbers in devices:
                gone: SendResult | None = None
                for number in numbers:
                    result = gone or await self._send(messages[number], batch, now=now)
                    gone = result if result.outcome is Outcome.GONE else None
                    results[number] = result

        # As many tasks as can post: one a device would be made for each message of a fan-out.
        await asyncio.gather(*(send_in_turn() for _ in range(min(self._connections, len(by_device)))))
        return [results[number] for number in range(len(messages))]

    async def close(self) -> None:
        self._token.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, message: Message, batch: "_Batch", *, now: datetime) -> SendResult:
        if message.has_expired(now=now):
            return EXPIRED
        try:
            body = encode(message, now=now)
        except ValueError:
            # Its reason may quote the value, so it stays out of the result.
            return SendResult(outcome=Outcome.REJECTED, detail="refused by firebase-admin")
        async with self._slots:  # the deadline below starts only here: waiting in line is no one's fault
            if asyncio.get_running_loop().time() >= batch.ends_at:
                return _TOO_LONG
            return batch.stopped or await self._try(body, batch, now=now)

    async def _try(self, body: bytes, batch: "_Batch", *, now: datetime) -> SendResult:
        try:
            token = await self._token.get()
            status, result = await self._post(body, token, now=now)
            if status == 401 and result.detail not in _NOT_OUR_TOKEN:
                token = await self._token.get(other_than=token)
                status, result = await self._post(body, token, now=now)
                if status == 401:
                    batch.stopped = result
        except TokenUnavailable as error:
            result = batch.stopped = SendResult(outcome=Outcome.LATER, detail=str(error))
        except TokenRefused as error:
            result = batch.stopped = SendResult(outcome=Outcome.MISCONFIGURED, detail=str(error))
        return result

    async def _post(self, body: bytes, token: str, *, now: datetime) -> tuple[int, SendResult]:
        """One POST, and what it came to; status 0 where there was no answer."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._open_session().post(self._url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                answer = await _read(response)
        except TimeoutError:
            return 0, SendResult(outcome=Outcome.LATER, detail="no answer in time")
        except (aiohttp.ClientError, OSError) as error:
            return 0, SendResult(outcome=Outcome.LATER, detail=type(error).__name__)
        pause = retry_after(response.headers.get("Retry-After"), now=now)
        return response.status, read_answer(response.status, answer, retry_after=pause)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # `deadline_s` rules
            )
        return self._session


@dataclass(kw_only=True)
class _Batch:
    """What the messages of one `send` tell each other."""

    ends_at: float
    stopped: SendResult | None = None
    """Once nothing can be accepted (no token, or a fresh one refused), the rest is not posted at all."""


def encode(message: Message, *, now: datetime) -> bytes:
    """The body of FCM's `messages:send`; raises ValueError for what firebase-admin refuses.

    All that makes a phone show a repeated message once is equal on every try: `data.mid` for the app,
    the notification tag for Android, `apns-collapse-id` for iOS, and the collapse key for FCM itself.
    """
    mid = str(message.id)
    built = messaging.Message(
        data={**message.data, "mid": mid, "kind": message.kind},
        notification=messaging.Notification(title=message.title, body=message.body),
        android=messaging.AndroidConfig(
            collapse_key=message.collapse_key,
            ttl=min(timedelta(seconds=math.ceil(message.ttl(now=now).total_seconds())), TTL_MAX),
            notification=messaging.AndroidNotification(tag=mid),
        ),
        apns=messaging.APNSConfig(
            headers={
                "apns-collapse-id": message.collapse_key,
                "apns-expiration": str(int(message.expires_at.timestamp())),
            },
            payload=messaging.APNSPayload(aps=messaging.Aps(sound="default")),
        ),
    )
    # As an argument `token` warns in favour of `fid`, the installation id. Apps hand us registration
    # tokens, which FCM takes in this field only; set as an attribute it is encoded and checked the same.
    built.token = message.to
    return b'{"message":' + str(built).encode() + b"}"


def read_answer(status: int, body: bytes, *, retry_after: int | None) -> SendResult:
    """What FCM's answer means, by its own `errorCode`; where there is none, by the status.

    https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode. A device is forgotten only for
    UNREGISTERED with 404: another 404 is a wrong project or endpoint, and would forget them all.
    """
    answer = _parse(body)
    if status == 200 and isinstance(name := answer.get("name"), str):
        return SendResult(outcome=Outcome.ACCEPTED, provider_id=name)
    code = _error_code(answer)
    if status == 404:
        outcome = Outcome.GONE if code == "UNREGISTERED" else Outcome.MISCONFIGURED
    elif status == 429:
        outcome = Outcome.LATER
    elif 300 <= status < 400:
        outcome = Outcome.MISCONFIGURED
    else:
        outcome = _BY_CODE.get(code, Outcome.MISCONFIGURED if status in (401, 403) else Outcome.LATER)
    if outcome is Outcome.LATER and retry_after is None and (status == 429 or code in _QUOTA):
        retry_after = QUOTA_PAUSE_S
    return SendResult(
        outcome=outcome,
        detail=code or f"HTTP {status}",
        retry_after=retry_after if outcome is Outcome.LATER else None,
    )


def retry_after(header: str | None, *, now: datetime) -> int | None:
    """The seconds of a Retry-After header, which may hold a date; at most a day, None if unreadable."""
    if header is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", header.strip()):
        return min(int(header), RETRY_AFTER_MAX_S)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(math.ceil((until - now).total_seconds()), 0), RETRY_AFTER_MAX_S)


_BY_CODE = {
    "INVALID_ARGUMENT": Outcome.REJECTED,
    "SENDER_ID_MISMATCH": Outcome.MISCONFIGURED,
    "THIRD_PARTY_AUTH_ERROR": Outcome.MISCONFIGURED,
    "PERMISSION_DENIED": Outcome.MISCONFIGURED,
    "UNAUTHENTICATED": Outcome.MISCONFIGURED,
}
_TOO_LONG = SendResult(outcome=Outcome.LATER, detail="the batch took too long")
_QUOTA = ("QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED")
_NOT_OUR_TOKEN = ("THIRD_PARTY_AUTH_ERROR",)
"""A 401 about the APNs key that the Firebase project holds; another token of ours changes nothing."""


async def _read(response: aiohttp.ClientResponse) -> bytes:
    answer = bytearray()
    async for chunk in response.content.iter_chunked(ANSWER_MAX_BYTES):
        answer += chunk
        if len(answer) > ANSWER_MAX_BYTES:
            break
    return bytes(answer)


def _parse(body: bytes) -> dict[str, object]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _error_code(answer: dict[str, object]) -> str:
    """FCM's code, else Google's canonical status, else nothing; never another text of the answer."""
    error = answer.get("error")
    if not isinstance(error, dict):
        return ""
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict) and _is_code(code := detail.get("errorCode")):
            return str(code)
    return str(error["status"]) if _is_code(error.get("status")) else ""


def _is_code(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Z_]{1,40}", value) is not None
