"""One HTTP/2 connection from asyncio: many requests at once, each answer to its own.

By `h2`, which takes GOAWAY for the end and refuses every later frame, while servers still answer
the streams that they took. So frames are read one by one, and GOAWAY is kept from h2.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import Self

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    PingAckReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import NoAvailableStreamIDError, ProtocolError
from h2.settings import SettingCodes, Settings

_CONNECT_SECONDS = 5.0
_CLOSE_SECONDS = 2.0
_PING_SECONDS = 3.0
_PING = b"alive?\r\n"
_FRAME_HEAD_BYTES = 9
_FRAME_BYTES = 16_384  # HTTP/2's default, which we never raise
_ANSWER_BYTES = 4_096  # more of an answer is not kept
_SETTINGS, _GOAWAY = 0x4, 0x7


class UnprocessedError(Exception):
    """The server has not looked at this request: it may be sent again."""


class NotHttp2Error(OSError):
    """The server does not speak HTTP/2."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Status, headers and the first 4 KiB of the body."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(kw_only=True)
class _Stream:
    answer: asyncio.Future[Answer]
    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Connection:
    """A client's connection; `open` makes one, and it lives until either side ends it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, host: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader, self._writer, self._host = reader, writer, host
        self._h2 = H2Connection(config=H2Configuration(client_side=True, header_encoding="utf-8"))
        self._h2.local_settings = Settings(client=True, initial_values={SettingCodes.ENABLE_PUSH: 0})
        self._streams: dict[int, _Stream] = {}
        self._settled: asyncio.Future[None] = self._loop.create_future()  # SETTINGS came
        self._changed, self._pong = asyncio.Event(), asyncio.Event()
        self._ending: str | None = None  # why no new stream may be opened
        self._flush_planned = False
        self._heard_at = self._loop.time()

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext) -> Self:
        """Connect, and wait for the server's settings.

        Raises OSError, `ssl.SSLError` among them, within 5 seconds. Waiting matters with TLS 1.3: a
        server refuses our certificate only after we believe to be connected.
        """
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls, ssl_shutdown_timeout=_CLOSE_SECONDS)
            connection = cls(reader, writer, host=host)
            try:
                if writer.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
                    raise NotHttp2Error
                connection._start()
                await connection._settled
            except BaseException:
                connection.abort("never opened")
                raise
            return connection

    def _start(self) -> None:
        self._h2.initiate_connection()
        self._flush()
        self._reading = asyncio.create_task(self._read())

    async def post(self, path: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
        """Send one request and wait for its answer, and before that for the server's leave.

        How many streams are open and how many bytes are under way is the server's to say. The body
        goes in one frame: at most 16 KiB. Raises `UnprocessedError` if the server has not looked at
        it, OSError if nobody knows.
        """
        while self._ending is None and not self._has_room(len(body)):
            self._changed.clear()
            await self._changed.wait()
        stream_id = self._next_stream_id()
        stream = self._streams[stream_id] = _Stream(answer=self._loop.create_future())
        pseudo = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", self._host),
            (":path", path),
        ]
        self._h2.send_headers(stream_id, pseudo + headers)
        self._h2.send_data(stream_id, body, end_stream=True)
        self._flush_soon()
        try:
            return await stream.answer
        finally:
            if stream_id in self._streams:  # the caller gave up
                with contextlib.suppress(ProtocolError):  # the connection itself is being closed
                    self._h2.reset_stream(stream_id, ErrorCodes.CANCEL)
                self._flush_soon()
                self._forget(stream_id)

    async def is_alive(self, *, idle_seconds: float) -> bool:
        """Whether a new request may be sent; a connection silent for longer is asked by PING."""
        idle = not self._streams and self.silent_since(self._loop.time() - idle_seconds)
        if self._ending is None and idle:
            self._pong.clear()
            self._h2.ping(_PING)
            self._flush()
            try:
                async with asyncio.timeout(_PING_SECONDS):
                    await self._pong.wait()
            except TimeoutError:
                self.abort("no answer to PING")
        return self._ending is None

    def silent_since(self, moment: float) -> bool:
        """Whether nothing at all came since a moment of the loop's clock."""
        return self._heard_at < moment

    def abort(self, reason: str) -> None:
        """Drop the connection at once; what is under way ends as lost."""
        self._ending = self._ending or reason
        self._writer.transport.abort()

    async def close(self) -> None:
        """Say goodbye and close; what is under way ends as lost."""
        self._ending = self._ending or "closed by us"
        if not self._reading.done():
            with contextlib.suppress(ProtocolError):
                self._h2.close_connection()
            self._flush()
            self._reading.cancel()
        self._writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._reading
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    def _has_room(self, size: int) -> bool:
        theirs = self._h2.remote_settings
        return (
            len(self._streams) < theirs.max_concurrent_streams
            and self._h2.outbound_flow_control_window >= size
            and theirs.initial_window_size >= size
        )

    def _next_stream_id(self) -> int:
        if self._ending is None:
            try:
                return self._h2.get_next_available_stream_id()
            except NoAvailableStreamIDError:  # after a thousand million requests
                self._ending = "stream ids used up"
        raise UnprocessedError(self._ending)

    def _flush_soon(self) -> None:
        """Write once for all requests of this turn of the loop: one TLS record, not hundreds."""
        if not self._flush_planned:
            self._flush_planned = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        if data := self._h2.data_to_send():
            self._writer.write(data)

    async def _read(self) -> None:
        error: OSError = ConnectionResetError("closed by the server")
        try:
            while True:
                frame = await self._frame()
                if frame[3] == _GOAWAY:
                    self._heed_goaway(frame[_FRAME_HEAD_BYTES:])
                    continue
                for event in self._h2.receive_data(frame):
                    self._handle(event)
                if frame[3] == _SETTINGS and not self._settled.done():
                    self._settled.set_result(None)
                self._flush()
        except asyncio.IncompleteReadError:
            pass  # the end of the stream: `error` says so
        except (ProtocolError, ValueError) as fault:
            error = ConnectionError(f"broke the protocol: {fault}")
        except OSError as fault:
            error = fault
        finally:
            self._lose_all(error)

    async def _frame(self) -> bytes:
        head = await self._reader.readexactly(_FRAME_HEAD_BYTES)
        if (length := int.from_bytes(head[:3], "big")) > _FRAME_BYTES:
            message = f"a frame of {length} bytes"
            raise ProtocolError(message)
        frame = head + await self._reader.readexactly(length)
        self._heard_at = self._loop.time()
        return frame

    def _handle(self, event: Event) -> None:
        match event:
            case ResponseReceived(stream_id=stream_id, headers=headers) if stream_id in self._streams:
                self._streams[stream_id].headers = {str(name): str(value) for name, value in headers}
            case DataReceived(stream_id=stream_id, data=data, flow_controlled_length=length):
                self._h2.acknowledge_received_data(length, stream_id)
                if stream_id in self._streams:
                    body = self._streams[stream_id].body
                    body += data[: _ANSWER_BYTES - len(body)]
            case StreamEnded(stream_id=stream_id) if stream_id in self._streams:
                stream = self._streams[stream_id]
                answer = Answer(
                    status=int(stream.headers[":status"]),
                    headers=stream.headers,
                    body=bytes(stream.body),
                )
                self._settle(stream_id, answer)
            case StreamReset(stream_id=stream_id, error_code=code) if stream_id in self._streams:
                unread = code == ErrorCodes.REFUSED_STREAM
                lost = UnprocessedError("refused") if unread else ConnectionResetError("reset")
                self._settle(stream_id, lost)
            case PingAckReceived():
                self._pong.set()
        self._changed.set()  # a stream, window or setting: who waits for room looks again

    def _heed_goaway(self, payload: bytes) -> None:
        """RFC 9113, 6.8: streams above the last one named went unread, the others are answered."""
        last_stream = int.from_bytes(payload[:4], "big") & 0x7FFF_FFFF
        self._ending = "GOAWAY"
        for stream_id in [stream_id for stream_id in self._streams if stream_id > last_stream]:
            self._settle(stream_id, UnprocessedError("GOAWAY"))
        self._changed.set()
        self._close_if_done()

    def _settle(self, stream_id: int, outcome: Answer | Exception) -> None:
        answer = self._streams[stream_id].answer
        self._forget(stream_id)
        if answer.cancelled():
            return
        if isinstance(outcome, Answer):
            answer.set_result(outcome)
        else:
            answer.set_exception(outcome)

    def _forget(self, stream_id: int) -> None:
        del self._streams[stream_id]
        self._changed.set()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._ending is not None and not self._streams:
            self._writer.close()

    def _lose_all(self, error: OSError) -> None:
        self._ending = self._ending or str(error)
        for stream_id in list(self._streams):
            self._settle(stream_id, error)
        if not self._settled.done():
            self._settled.set_exception(error)
        self._pong.set()
        self._changed.set()
        self._writer.close()
