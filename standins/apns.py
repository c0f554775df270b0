"""A stand-in for APNs, Apple's push service, as Wallet passes use it.

HTTP/2 over TLS on 127.0.0.1. It asks for a client certificate, checks it against the authorities it
was given and holds every push against what Apple documents: the topic must be the certificate's
UID, the path a hexadecimal token, the payload empty. It remembers what it took and wakes whoever
listens to a token, so that an emulated device (`standins.wallet_device`) fetches its passes. Faults
come on request:

    with ApnsStandIn(client_ca=Path("wwdr.pem")) as apns:
        apns.fault("unregistered_410", token=token, since=last_week)
        ...                                  # push to apns.endpoint, trusting apns.ca_file
        assert [push.token for push in apns.pushes] == [...]

From a shell: `python -m standins.apns --client-ca wwdr.pem --folder var/apns --port 2197`.
"""

import argparse
import asyncio
import contextlib
import json
import re
import ssl
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.x509.oid import NameOID
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from standins import ServerThread
from standins.pki import CertificateAuthority

FaultKind = Literal[
    "bad_token_400",
    "unregistered_410",
    "too_many_429",
    "internal_500",
    "unavailable_503",
    "slow",
    "refused_stream",
]

_ANSWERS: Mapping[str, tuple[int, str]] = {
    "bad_token_400": (400, "BadDeviceToken"),
    "unregistered_410": (410, "Unregistered"),
    "too_many_429": (429, "TooManyRequests"),
    "internal_500": (500, "InternalServerError"),
    "unavailable_503": (503, "ServiceUnavailable"),
}
_PATH = re.compile(r"/3/device/([^/]+)")
_TOKEN = re.compile(r"(?:[0-9a-fA-F]{2}){8,100}")
_GOAWAY = 0x7
_LINGER_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Push:
    """One request as it came, and the status that it got (None: the stream was refused unread)."""

    token: str
    topic: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime
    status: int | None
    reason: str


@dataclass(kw_only=True)
class _Fault:
    kind: FaultKind
    token: str | None
    left: int | None  # None: until cleared
    seconds: float
    since: datetime | None


@dataclass(kw_only=True)
class _GoAway:
    after: int
    left: int


class ApnsStandIn(ServerThread):
    """See the module; `client_ca` is a PEM file of the authorities of pass certificates."""

    def __init__(self, *, client_ca: Path, port: int = 0, max_concurrent_streams: int = 1000) -> None:
        super().__init__()
        self.requests: list[Push] = []  # every request that was judged, in order
        self.knocks = 0  # connections that were begun, refused ones too
        self.connections = 0  # TLS handshakes that succeeded
        self.most_streams = 0  # the most streams open at once on one connection
        self.refusing = False  # close each new connection before the TLS handshake
        self.max_concurrent_streams = max_concurrent_streams
        self._port = port
        self._folder = tempfile.TemporaryDirectory(prefix="apns-")
        self._context = self._tls(client_ca)
        self._faults: list[_Fault] = []
        self._goaway: _GoAway | None = None
        self._listeners: dict[str, list[Callable[[Push], None]]] = {}
        self._live: set[asyncio.StreamWriter] = set()
        self._news = threading.Condition()

    @property
    def endpoint(self) -> str:
        """The address to push to."""
        return f"https://127.0.0.1:{self._port}"

    @property
    def ca_file(self) -> Path:
        """The authority that clients must trust."""
        return Path(self._folder.name) / "ca.pem"

    @property
    def pushes(self) -> list[Push]:
        """What was taken, in order."""
        return [push for push in list(self.requests) if push.status == 200]

    def on_push(self, token: str, listener: Callable[[Push], None]) -> None:
        """Call a listener, on the server's thread, for each push taken; it must not block."""
        self._listeners.setdefault(token, []).append(listener)

    def fault(
        self,
        kind: FaultKind,
        *,
        token: str | None = None,
        times: int | None = None,
        seconds: float = 60.0,
        since: datetime | None = None,
    ) -> None:
        """Fail the pushes for a token (None: all), so many times (None: until cleared).

        `seconds` is the delay of "slow", after which the push is taken; `since` the moment that 410
        tells.
        """
        self._faults.append(_Fault(kind=kind, token=token, left=times, seconds=seconds, since=since))

    def clear_faults(self) -> None:
        """Be well again."""
        self._faults.clear()
        self._goaway = None
        self.refusing = False

    def goaway(self, *, after: int, times: int = 1) -> None:
        """On the next `times` connections, say GOAWAY after so many requests and answer no more."""
        self._goaway = _GoAway(after=after, left=times)

    def drop_connections(self) -> None:
        """Reset every live connection, answers outstanding or not."""
        self._loop.call_soon_threadsafe(self._drop)

    def freeze_connections(self) -> None:
        """Fall silent on every live connection, as when a router forgot it; new ones work."""
        self._loop.call_soon_threadsafe(self._freeze)

    def wait_for(self, count: int, *, timeout: float = 5.0) -> list[Push]:
        """Wait until so many pushes were taken; raises TimeoutError after `timeout` seconds."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.pushes) >= count, timeout):
                message = f"{len(self.pushes)} of {count} pushes after {timeout} s"
                raise TimeoutError(message)
        return self.pushes

    async def start(self) -> None:
        """Listen on loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more and forget the keys."""
        self._server.close()
        self._drop()
        self._folder.cleanup()

    def _drop(self) -> None:
        for writer in self._live:
            writer.transport.abort()

    def _freeze(self) -> None:
        for writer in self._live:
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # sockets have it

    def _tls(self, client_ca: Path) -> ssl.SSLContext:
        authority = CertificateAuthority.create("Carnet APNs stand-in CA")
        self.ca_file.write_bytes(authority.pem)
        cert, key = authority.server().write(Path(self._folder.name), name="server")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(client_ca))
        context.load_cert_chain(cert, key)
        context.set_alpn_protocols(["h2"])
        context.verify_mode = ssl.CERT_REQUIRED
        # Pass certificates come from an intermediate, and most clients send the leaf alone.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._live.add(writer)
        self.knocks += 1
        try:
            if self.refusing:
                return
            tls = _Tls(self._context, reader, writer)
            topic = await tls.handshake()
            self.connections += 1
            await _Http2(self, tls, topic).run()
        except (OSError, EOFError, ProtocolError):
            pass  # the client's own business: it sees the same, and tests look at the client
        except asyncio.CancelledError:
            pass  # the stand-in stops; asyncio's own callback logs a cancelled handler as an error
        finally:
            self._live.discard(writer)
            writer.close()

    def _fault_for(self, token: str) -> _Fault | None:
        for fault in self._faults:
            if fault.token in (None, token) and fault.left != 0:
                fault.left = None if fault.left is None else fault.left - 1
                return fault
        return None

    def _take_goaway(self) -> int | None:
        if self._goaway is None or self._goaway.left == 0:
            return None
        self._goaway.left -= 1
        return self._goaway.after

    def _remember(self, push: Push) -> None:
        with self._news:
            self.requests.append(push)
            self._news.notify_all()
        if push.status == 200:
            for listener in self._listeners.get(push.token, []):
                listener(push)


class _Tls:
    """TLS by hand: asyncio's server drops the alert that tells a client why it was refused."""

    def __init__(self, context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._in, self._out, server_side=True)

    async def handshake(self) -> str:
        """Greet the client; returns the UID of its certificate."""
        while True:
            try:
                self._ssl.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except ssl.SSLError:
                await self._flush()
                await self.linger()
                raise
            else:
                await self._flush()
                return _uid(self._ssl)

    async def read(self) -> bytes:
        """Some bytes; raises EOFError at the end."""
        while True:
            try:
                if data := self._ssl.read(65536):
                    return data
                raise EOFError
            except ssl.SSLWantReadError:
                await self._fill()

    async def write(self, data: bytes) -> None:
        """Send bytes, waiting while the client does not read."""
        if data:
            self._ssl.write(data)
            await self._flush()

    async def _fill(self) -> None:
        if not (data := await self._reader.read(65536)):
            raise EOFError
        self._in.write(data)

    async def _flush(self) -> None:
        if data := self._out.read():
            self._writer.write(data)
            await self._writer.drain()

    async def linger(self) -> None:
        """Read what is under way before closing: a reset would overtake the last words."""
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while await self._reader.read(65536):
                    pass


def _uid(connection: ssl.SSLObject) -> str:
    certificate = connection.getpeercert(binary_form=True)
    assert certificate, "CERT_REQUIRED lets nobody in without one"
    names = x509.load_der_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.USER_ID)
    return str(names[0].value) if names else ""


@dataclass(kw_only=True)
class _Request:
    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)


class _Http2:
    """One connection: requests in, judgements out."""

    def __init__(self, apns: ApnsStandIn, tls: _Tls, topic: str) -> None:
        self._apns, self._tls, self._topic = apns, tls, topic
        self._h2 = H2Connection(config=H2Configuration(client_side=False, header_encoding="utf-8"))
        self._requests: dict[int, _Request] = {}
        self._seen = 0
        self._goaway_after = apns._take_goaway()
        self._last_stream: int | None = None  # set once GOAWAY is out
        self._late: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until the client leaves, or until GOAWAY is out and all before it is answered."""
        self._h2.initiate_connection()
        self._h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: self._apns.max_concurrent_streams})
        await self._tls.write(self._h2.data_to_send())
        try:
            while self._last_stream is None or self._requests:
                for event in self._h2.receive_data(await self._tls.read()):
                    if isinstance(event, ConnectionTerminated):
                        return
                    await self._handle(event)
                await self._tls.write(self._h2.data_to_send())
            await self._tls.linger()
        finally:
            for task in self._late:
                task.cancel()

    async def _handle(self, event: object) -> None:
        match event:
            case RequestReceived(stream_id=stream, headers=headers) if self._takes(stream):
                self._requests[stream] = _Request(headers={str(name): str(value) for name, value in headers})
                self._apns.most_streams = max(self._apns.most_streams, len(self._requests))
            case DataReceived(stream_id=stream, data=data, flow_controlled_length=length):
                self._h2.acknowledge_received_data(length, stream)
                if stream in self._requests:
                    self._requests[stream].body += data
            case StreamEnded(stream_id=stream) if stream in self._requests:
                await self._judge(stream)
            case StreamReset(stream_id=stream):
                self._requests.pop(stream, None)

    def _takes(self, stream: int) -> bool:
        return self._last_stream is None or stream <= self._last_stream

    async def _judge(self, stream: int) -> None:
        self._seen += 1
        if self._seen == self._goaway_after:
            await self._say_goaway(stream)
        request = self._requests[stream]
        found = _PATH.fullmatch(request.headers[":path"])
        token = found[1] if found else ""
        status, reason = _refusal(request, token, topic=self._topic) or (200, "")
        fault = self._apns._fault_for(token) if status == 200 else None
        if fault and fault.kind == "slow":
            self._late.add(asyncio.create_task(self._answer_late(stream, token, fault.seconds)))
        elif fault and fault.kind == "refused_stream":
            self._h2.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
            self._record(self._requests.pop(stream), token, None, "REFUSED_STREAM")
        elif fault:
            self._answer(stream, token, *_ANSWERS[fault.kind], since=fault.since)
        else:
            self._answer(stream, token, status, reason)

    async def _answer_late(self, stream: int, token: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if stream in self._requests:  # else the client gave up
            self._answer(stream, token, 200, "")
            with contextlib.suppress(OSError):
                await self._tls.write(self._h2.data_to_send())

    def _answer(self, stream: int, token: str, status: int, reason: str, *, since: datetime | None = None) -> None:
        headers = [(":status", str(status)), ("apns-id", str(uuid.uuid4()).upper())]
        facts: dict[str, object] = {"reason": reason}
        if status == 410:
            facts["timestamp"] = int((since or datetime.now(UTC)).timestamp() * 1000)
        self._h2.send_headers(stream, headers, end_stream=status == 200)
        if status != 200:
            self._h2.send_data(stream, json.dumps(facts).encode(), end_stream=True)
        self._record(self._requests.pop(stream), token, status, reason)

    def _record(self, request: _Request, token: str, status: int | None, reason: str) -> None:
        self._apns._remember(
            Push(
                token=token,
                topic=request.headers.get("apns-topic", ""),
                headers=request.headers,
                body=bytes(request.body),
                at=datetime.now(UTC),
                status=status,
                reason=reason,
            )
        )

    async def _say_goaway(self, last_stream: int) -> None:
        """Written by hand: h2 takes its own GOAWAY as the end and would answer nothing more."""
        self._last_stream = last_stream
        for stream in [stream for stream in self._requests if stream > last_stream]:
            del self._requests[stream]
        payload = last_stream.to_bytes(4, "big") + int(ErrorCodes.NO_ERROR).to_bytes(4, "big")
        frame = len(payload).to_bytes(3, "big") + bytes([_GOAWAY, 0]) + bytes(4) + payload
        await self._tls.write(self._h2.data_to_send() + frame)


def _refusal(request: _Request, token: str, *, topic: str) -> tuple[int, str] | None:
    """What Apple's table of reasons says about a request; None where nothing is wrong."""
    headers = request.headers
    try:
        payload: object = json.loads(bytes(request.body))
    except ValueError:
        payload = None
    rules: list[tuple[bool, int, str]] = [
        (headers[":method"] != "POST", 405, "MethodNotAllowed"),
        (not token, 404, "BadPath"),
        (not _TOKEN.fullmatch(token), 400, "BadDeviceToken"),
        ("apns-topic" not in headers, 400, "MissingTopic"),
        (headers.get("apns-topic") != topic, 400, "TopicDisallowed"),
        (not headers.get("apns-expiration", "0").isdigit(), 400, "BadExpirationDate"),
        (headers.get("apns-priority", "10") not in {"1", "5", "10"}, 400, "BadPriority"),
        (
            headers.get("apns-push-type") == "background" and headers.get("apns-priority") != "5",
            400,
            "BadPriority",
        ),
        (not request.body, 400, "PayloadEmpty"),
        # Apple ignores what else is in there; here it is a mistake: Wallet will never show it.
        (payload not in ({}, {"aps": {}}), 400, "PayloadNotEmpty"),
    ]
    return next(((status, reason) for wrong, status, reason in rules if wrong), None)


def main() -> None:
    """Run until interrupted and print what comes; the CA to trust is written into the folder."""
    parser = argparse.ArgumentParser(prog="python -m standins.apns", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--client-ca", type=Path, required=True, help="PEM file that pass certificates must lead to")
    parser.add_argument("--folder", type=Path, required=True, help="where to write apns-ca.pem")
    parser.add_argument("--port", type=int, default=2197)
    wish = parser.parse_args()
    with ApnsStandIn(client_ca=wish.client_ca, port=wish.port) as apns:
        wish.folder.mkdir(parents=True, exist_ok=True)
        authority = wish.folder / "apns-ca.pem"
        authority.write_bytes(apns.ca_file.read_bytes())
        _say(f"APNS_ENDPOINT={apns.endpoint} APNS_CA={authority}")
        shown = 0
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                for push in apns.requests[shown:]:
                    _say(f"{push.at.isoformat()} {push.status} {push.reason} {push.topic}")
                    shown += 1
                time.sleep(0.2)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
