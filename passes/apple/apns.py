"""Wakes Apple Wallet through APNs: "something changed, ask for it".

A push carries nothing. It says to a device that a pass of this type has changed; the device then
asks the web service which one. So sending one twice costs a request and harms nobody, and sending
none leaves an old balance on the phone: where it is unclear whether APNs took a push, the answer is
LATER.

What is sent, and why (Apple, "Adding a Web Service to Update Passes" and "Sending notification
requests to APNs"):

- no `apns-push-type`: none of the types fits a pass topic; "background" demands priority 5, which
  saves battery by waiting, and APNs has refused the header with certificate authentication (400
  InvalidPushType);
- `apns-priority: 10`: at once, since the shopper stands at the till;
- `apns-expiration`: a day; 0 would drop the push for a phone that is switched off.
"""

import asyncio
import json
import re
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from passes.apple.http2 import Answer, Connection, NotHttp2Error, UnprocessedError
from passes.delivery import Outcome, PushResult, retry_after_seconds

PRODUCTION = "https://api.push.apple.com:443"
_BODY = b"{}"
_LIFETIME = timedelta(days=1)
_TOKEN = re.compile(r"(?:[0-9a-fA-F]{2}){1,100}")
_TOPIC = re.compile(r"[A-Za-z0-9.-]{1,255}")
_GONE = frozenset({"BadDeviceToken", "DeviceTokenNotForTopic"})
_OUR_FAULT = frozenset({"BadTopic", "MissingTopic", "TopicDisallowed", "InvalidPushType"})
_CONNECTIONS_A_PUSH = 3  # APNs closes connections at will; more than this in one push is an outage
_PAUSE_SECONDS = 1.0  # after a failed connect: the rest of a batch does not knock again one by one
# In the names that OpenSSL gives to alerts.
_TLS_REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
_YEAR_2109_MILLISECONDS = 2**42  # no date of ours, and dates far beyond cannot be told


def client_tls(
    *, cert_pem: bytes, key_pem: bytes, password: bytes | None = None, ca_file: Path | None = None
) -> ssl.SSLContext:
    """Make the TLS settings that APNs knows us by: the pass certificate and its key.

    `ca_file` is trusted beside the system's authorities, for a test server. Raises `ssl.SSLError`
    if the key is not the certificate's or the password is wrong. `cert_pem` may hold the
    intermediate too; Apple has its own.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2"])
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    # The ssl module reads keys from files only; this one is 0600, and gone when the block ends.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(cert_pem + b"\n" + key_pem)
        file.flush()
        context.load_cert_chain(file.name, password=password or b"")
    return context


class ApnsClient:
    """Pushes to Apple Wallet over one connection, which it opens when needed and reopens when lost.

    One client belongs to one event loop. `streams` is the most pushes under way at once,
    `deadline_seconds` the most that one push may take, connecting included, and `idle_seconds` the
    silence after which the connection is asked whether it still lives.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext,
        endpoint: str = PRODUCTION,
        streams: int = 500,
        deadline_seconds: float = 10.0,
        idle_seconds: float = 60.0,
    ) -> None:
        address = urlsplit(endpoint)
        if address.scheme != "https" or not address.hostname:
            message = f"APNs needs an https address, not {endpoint!r}"
            raise ValueError(message)
        self._host, self._port = address.hostname, address.port or 443
        self._tls, self._streams = tls, streams
        self._deadline, self._idle = deadline_seconds, idle_seconds
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        # Until when not to connect, and what to say meanwhile.
        self._failure: tuple[float, PushResult] | None = None

    async def push(self, tokens: Sequence[str], *, topic: str, now: datetime) -> list[PushResult]:
        """Tell each device that a pass of type `topic` has changed; one result a token, in order.

        `now` sets the day after which APNs gives up. Raises nothing for what APNs or the network
        does.
        """
        if not _TOPIC.fullmatch(topic):
            return [PushResult(outcome=Outcome.MISCONFIGURED, reason="BadTopic")] * len(tokens)
        results: dict[int, PushResult] = {}
        queue = iter(enumerate(tokens))
        senders = min(self._streams, len(tokens))
        await asyncio.gather(*(self._send_from(queue, results, topic=topic, now=now) for _ in range(senders)))
        return [results[index] for index in range(len(tokens))]

    async def close(self) -> None:
        """Close the connection; a later push opens a new one."""
        if self._connection is not None:
            await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _send_from(
        self,
        queue: Iterator[tuple[int, str]],
        results: dict[int, PushResult],
        *,
        topic: str,
        now: datetime,
    ) -> None:
        headers = [
            ("apns-topic", topic),
            ("apns-priority", "10"),
            ("apns-expiration", str(int((now + _LIFETIME).timestamp()))),
        ]
        for index, token in queue:
            if _TOKEN.fullmatch(token):
                results[index] = await self._send(token, headers)
            else:  # would be a path of somebody's choosing; APNs says the same of it
                results[index] = PushResult(outcome=Outcome.GONE, reason="BadDeviceToken")

    async def _send(self, token: str, headers: list[tuple[str, str]]) -> PushResult:
        connection, asked_at, reason = None, 0.0, ""
        try:
            async with asyncio.timeout(self._deadline):
                for _ in range(_CONNECTIONS_A_PUSH):
                    connection = await self._open_connection()
                    asked_at = asyncio.get_running_loop().time()
                    try:
                        return _result(await connection.post(f"/3/device/{token}", headers, _BODY))
                    except UnprocessedError as error:
                        reason = str(error)
        except _NoConnection as error:
            return error.result
        except TimeoutError:
            if connection is not None and connection.silent_since(asked_at):
                # Nobody is there: the next push must not wait for it too.
                connection.abort("silent")
            return PushResult(outcome=Outcome.LATER, reason="no answer in time")
        except OSError as error:
            return _failure(error)
        return PushResult(outcome=Outcome.LATER, reason=reason)

    async def _open_connection(self) -> Connection:
        async with self._connecting:
            if self._connection is not None and await self._connection.is_alive(idle_seconds=self._idle):
                return self._connection
            now = asyncio.get_running_loop().time()
            if self._failure is not None and now < self._failure[0]:
                raise _NoConnection(self._failure[1])
            try:
                self._connection = await Connection.open(self._host, self._port, self._tls)
            except OSError as error:
                self._failure = (
                    asyncio.get_running_loop().time() + _PAUSE_SECONDS,
                    _failure(error),
                )
                raise _NoConnection(self._failure[1]) from error
            return self._connection


class _NoConnection(Exception):
    def __init__(self, result: PushResult) -> None:
        super().__init__(result.reason)
        self.result = result


def _failure(error: OSError) -> PushResult:
    """Read a connection's fault: a refused certificate needs somebody, the rest needs time."""
    if isinstance(error, NotHttp2Error):
        return PushResult(outcome=Outcome.MISCONFIGURED, reason="the endpoint does not speak HTTP/2")
    if isinstance(error, ssl.SSLError) and any(word in (error.reason or "") for word in _TLS_REFUSALS):
        return PushResult(outcome=Outcome.MISCONFIGURED, reason=error.reason.lower())
    return PushResult(outcome=Outcome.LATER, reason=type(error).__name__)


def _result(answer: Answer) -> PushResult:
    """Read APNs' answer by Apple's table of status codes and reasons."""
    if answer.status == 200:
        return PushResult(outcome=Outcome.ACCEPTED)
    facts = _facts(answer.body)
    reason = word if isinstance(word := facts.get("reason"), str) and word.isalpha() else f"HTTP {answer.status}"
    if answer.status == 410:
        return PushResult(outcome=Outcome.GONE, reason=reason, gone_since=_moment(facts.get("timestamp")))
    if answer.status == 429 or answer.status >= 500:
        retry_after = retry_after_seconds(answer.headers.get("retry-after"))
        return PushResult(outcome=Outcome.LATER, reason=reason, retry_after=retry_after)
    if answer.status == 403 or reason in _OUR_FAULT:
        return PushResult(outcome=Outcome.MISCONFIGURED, reason=reason)
    if answer.status == 400 and reason in _GONE:
        return PushResult(outcome=Outcome.GONE, reason=reason)
    return PushResult(outcome=Outcome.REJECTED, reason=reason)


def _facts(body: bytes) -> dict[str, object]:
    try:
        facts: object = json.loads(body)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _moment(milliseconds: object) -> datetime | None:
    if isinstance(milliseconds, int) and 0 < milliseconds < _YEAR_2109_MILLISECONDS:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    return None
