"""A stand-in for Firebase Cloud Messaging: a real HTTP server on 127.0.0.1 that your app can be tested with.

    with FcmStandIn() as fcm:
        fcm.service_account_file(path)                # FIREBASE_CREDENTIALS
        …                                             # FIREBASE_ENDPOINT = fcm.url
        fcm.fault("quota_429", token="alices-phone", times=1)
        assert fcm.shown("alices-phone") == […]

It gives access tokens against a signed JWT grant, takes messages as FCM's HTTP v1 API does (an unknown field
is a 400), and remembers them. `shown(token)` is what the phone would show: an app must remember the last
200 `data.mid` and drop what it has seen, because a try that timed out may have been delivered. So does this
one, and a message that was taken before a fault counts as delivered.

On its own: `python -m standins.fcm --port 9099 --credentials fcm.json`, then
`GET /shown/{token}`, `GET /requests`, `GET /taken`, `POST /faults {"kind": …, "token": …, "times": …, "probability": …}`.

| fault | the phone gets it | the sender gets |
|---|---|---|
| `unregistered_404` | no | 404 UNREGISTERED |
| `sender_mismatch` | no | 403 SENDER_ID_MISMATCH |
| `invalid_400` | no | 400 INVALID_ARGUMENT |
| `quota_429` | no | 429 QUOTA_EXCEEDED, `Retry-After: 7` |
| `unavailable_503` | no | 503 UNAVAILABLE |
| `unavailable_503_after` | yes | 503 UNAVAILABLE |
| `unauthorized_401` | no | 401 UNAUTHENTICATED |
| `slow` | yes | nothing for `slow_s` seconds, then 200 |
| `slow_then_200` | yes | 200 after a quarter of a second |
| `drip` | yes | 200, a byte of it every 50 ms |
| `reset_after_body` | yes | a reset connection |
| `bad_json` | yes | 200 with half a JSON |
| `token_503`, `token_refused` | no | 503, or 400 `invalid_grant`, from the token endpoint |
"""

import argparse
import asyncio
import base64
import json
import random
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from standins import ServerThread

PROJECT = "carnet-stand-in"
CLIENT_EMAIL = f"carnet@{PROJECT}.iam.gserviceaccount.com"
_GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
"""google-auth names it in its grants wherever `token_uri` leads."""
REMEMBERED_IDS = 200
PAYLOAD_MAX_BYTES = 4_096
TTL_MAX_S = 4 * 7 * 24 * 3_600
RETRY_AFTER_S = 7

Json = dict[str, Any]

FaultKind = Literal[
    "unregistered_404",
    "sender_mismatch",
    "invalid_400",
    "quota_429",
    "unavailable_503",
    "unavailable_503_after",
    "unauthorized_401",
    "slow",
    "slow_then_200",
    "drip",
    "reset_after_body",
    "bad_json",
    "token_503",
    "token_refused",
]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One POST to messages:send with a valid bearer, as it came."""

    at: datetime
    token: str
    message: Json
    fault: FaultKind | None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One notification on a phone."""

    mid: str
    kind: str
    title: str
    body: str
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class _Fault:
    kind: FaultKind
    token: str | None
    times: int | None
    probability: float


class FcmStandIn(ServerThread):
    """The server, in a thread of its own while the context is open; its attributes may be read at any time.

    `requests` are the POSTs in the order of their arrival; `token_requests` counts grants that were asked
    for, `unauthorized` POSTs without a valid bearer, `connections_peak` the most
    connections that senders had open at once. `keeps`: False only counts messages, for load that would fill memory.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token_lifetime_s: int = 3_600,
        slow_s: float = 30.0,
        seed: int = 0,
        keeps: bool = True,
    ) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self.taken = 0
        self.token_requests = 0
        self.unauthorized = 0
        self.connections_peak = 0
        self.url = ""
        self._port = port
        self._token_lifetime_s = token_lifetime_s
        self._slow_s = slow_s
        self._keeps = keeps
        self._random = random.Random(seed)  # noqa: S311 which faults a test meets
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        self._bearers: dict[str, float] = {}
        self._faults: list[_Fault] = []
        self._phones: dict[str, list[Shown]] = {}
        self._lock = threading.Lock()
        self._senders: set[asyncio.Transport] = set()
        self._runner: web.AppRunner | None = None

    def fault(
        self,
        kind: FaultKind,
        *,
        token: str | None = None,
        times: int | None = None,
        probability: float = 1.0,
    ) -> None:
        """Misbehave from now on: for one token or all, `times` times or until `heal`, always or by chance."""
        if kind not in get_args(FaultKind):
            raise ValueError(f"no fault is called {kind}")
        with self._lock:
            self._faults.append(_Fault(kind=kind, token=token, times=times, probability=probability))

    def heal(self) -> None:
        """End all faults."""
        with self._lock:
            self._faults.clear()

    def revoke_bearers(self) -> None:
        """Refuse every access token that was given out so far."""
        with self._lock:
            self._bearers.clear()

    def shown(self, token: str) -> list[Shown]:
        """What the phone with this registration token shows, oldest first."""
        with self._lock:
            return list(self._phones.get(token, []))

    def service_account_file(self, path: Path) -> Path:
        """Write a credentials file that leads here for its access tokens; the key is valid nowhere else."""
        key = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        account = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "stand-in",
            "private_key": key,
            "client_email": CLIENT_EMAIL,
            "client_id": "0",
            "token_uri": f"{self.url}/token",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(account, indent=2))
        return path

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/token", self._give_token)
        app.router.add_post(f"/v1/projects/{PROJECT}/messages:send", self._take_message)
        app.router.add_get("/requests", self._list_requests)
        app.router.add_get("/taken", self._count_taken)
        app.router.add_get("/shown/{token}", self._list_shown)
        app.router.add_post("/faults", self._add_fault)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _give_token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        with self._lock:
            self.token_requests += 1
            fault = self._draw(None, token_endpoint=True)
        if fault == "token_503":
            return web.json_response({"error": "temporarily_unavailable"}, status=503)
        if fault == "token_refused":
            return web.json_response({"error": "invalid_grant"}, status=400)
        if problem := self._grant_problem(str(form.get("grant_type")), str(form.get("assertion"))):
            return web.json_response({"error": "invalid_grant", "error_description": problem}, status=400)
        bearer = f"stand-in.{secrets.token_urlsafe(24)}"
        with self._lock:
            self._bearers[bearer] = time.monotonic() + self._token_lifetime_s
        return web.json_response({"access_token": bearer, "expires_in": self._token_lifetime_s, "token_type": "Bearer"})

    def _grant_problem(self, grant_type: str, assertion: str) -> str | None:
        """Why a grant is refused, by RFC 7523; None when it is good."""
        if grant_type != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return "wrong grant type"
        try:
            head, claims, signature = (_from_base64url(part) for part in assertion.split("."))
            signed = assertion.rpartition(".")[0].encode()
            self._key.public_key().verify(signature, signed, padding.PKCS1v15(), SHA256())
            header, claim = json.loads(head), json.loads(claims)
        except (ValueError, InvalidSignature):
            return "malformed or not signed with the service account's key"
        now = time.time()
        if header.get("alg") != "RS256":
            return "not RS256"
        if claim.get("iss") != CLIENT_EMAIL or claim.get("aud") not in (f"{self.url}/token", _GOOGLE_AUDIENCE):
            return "wrong issuer or audience"
        if not now - 3_600 < claim.get("iat", 0) <= now + 60 or not now < claim.get("exp", 0) <= now + 3_660:
            return "expired, or longer than an hour"
        scopes = str(claim.get("scope")).split()
        if not any(scope.endswith(("/auth/firebase.messaging", "/auth/cloud-platform")) for scope in scopes):
            return "no scope for messaging"
        return None

    async def _take_message(self, request: web.Request) -> web.StreamResponse:
        self._count_connection(request.transport)
        raw = await request.read()
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._bearers.get(bearer, 0.0) < time.monotonic():
            self.unauthorized += 1
            return _error(401, "UNAUTHENTICATED")
        try:
            body = json.loads(raw)
        except ValueError:
            return _bad_request("body", "not JSON")
        if violation := find_violation(body):
            return _bad_request(*violation)
        return await self._answer(request, body["message"])

    async def _answer(self, request: web.Request, message: Json) -> web.StreamResponse:
        token = str(message.get("token") or message.get("fid"))
        with self._lock:
            fault = self._draw(token, token_endpoint=False)
            self.taken += 1
            if self._keeps:
                self.requests.append(Request(at=datetime.now(UTC), token=token, message=message, fault=fault))
            if self._keeps and (fault is None or fault in _TAKEN):
                self._show(token, message)
        if fault in _REFUSALS:
            status, code = _REFUSALS[fault]
            return _error(status, code)
        accepted = json.dumps({"name": f"projects/{PROJECT}/messages/{secrets.token_hex(8)}"})
        match fault:
            case "slow":
                await asyncio.sleep(self._slow_s)
            case "slow_then_200":
                await asyncio.sleep(0.25)
            case "reset_after_body":
                _reset(request)
            case "bad_json":
                accepted = accepted[: len(accepted) // 2]
            case "drip":
                return await _drip(request, accepted.encode())
        return web.Response(text=accepted, content_type="application/json")

    def _draw(self, token: str | None, *, token_endpoint: bool) -> FaultKind | None:
        """The first fault that applies; the lock is held."""
        for fault in self._faults:
            if fault.kind.startswith("token_") != token_endpoint or fault.times == 0:
                continue
            if fault.token not in (None, token) or self._random.random() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault.kind
        return None

    def _show(self, token: str, message: Json) -> None:
        """As the app on the phone does: a `mid` among the last it saw is not shown again."""
        data = message.get("data", {})
        notification = message.get("notification", {})
        phone = self._phones.setdefault(token, [])
        if any(shown.mid == data.get("mid") for shown in phone[-REMEMBERED_IDS:] if shown.mid):
            return
        phone.append(
            Shown(
                mid=data.get("mid", ""),
                kind=data.get("kind", ""),
                title=notification.get("title", ""),
                body=notification.get("body", ""),
                data=data,
            )
        )

    def _count_connection(self, transport: asyncio.Transport | None) -> None:
        if transport is None or transport in self._senders:
            return
        self._senders = {each for each in self._senders if not each.is_closing()} | {transport}
        self.connections_peak = max(self.connections_peak, len(self._senders))

    async def _list_requests(self, _request: web.Request) -> web.Response:
        with self._lock:
            rows = [{**asdict(each), "at": each.at.isoformat()} for each in self.requests]
        return web.json_response(rows)

    async def _count_taken(self, _request: web.Request) -> web.Response:
        return web.json_response({"taken": self.taken})

    async def _list_shown(self, request: web.Request) -> web.Response:
        return web.json_response([asdict(each) for each in self.shown(request.match_info["token"])])

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            self.fault(**await request.json())
        except (TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.Response(status=204)


def find_violation(body: object) -> tuple[str, str] | None:
    """The first field that FCM would refuse and why, after its REST reference; None for a good body."""
    if not isinstance(body, dict) or not isinstance(body.get("message"), dict):
        return "message", "missing"
    message = body["message"]
    known = (
        ("", body, {"message", "validate_only"}),
        ("message", message, _MESSAGE_FIELDS),
        ("message.notification", message.get("notification", {}), {"title", "body", "image"}),
        ("message.android", message.get("android", {}), _ANDROID_FIELDS),
        ("message.android.notification", _inner(message, "android", "notification"), _ANDROID_NOTIFICATION_FIELDS),
        ("message.apns", message.get("apns", {}), {"headers", "payload", "fcm_options", "live_activity_token"}),
    )
    for where, part, fields in known:
        if not isinstance(part, dict):
            return where, "not an object"
        if unknown := sorted(part.keys() - fields):
            return f"{where}.{unknown[0]}".lstrip("."), "unknown field"
    if sum(target in message for target in ("token", "fid", "topic", "condition")) != 1:
        return "message", "exactly one of token, fid, topic and condition"
    return _data_violation(message.get("data", {})) or _platform_violation(message)


def _data_violation(data: object) -> tuple[str, str] | None:
    if not isinstance(data, dict):
        return "message.data", "not an object"
    for key, value in data.items():
        if not isinstance(value, str):
            return f"message.data.{key}", "not a string"
        if key in ("from", "message_type") or key.startswith(("google", "gcm")):
            return f"message.data.{key}", "reserved"
    return None


def _platform_violation(message: Json) -> tuple[str, str] | None:
    ttl = message.get("android", {}).get("ttl", "0s")
    if not isinstance(ttl, str) or not re.fullmatch(r"[0-9]+(\.[0-9]{1,9})?s", ttl) or float(ttl[:-1]) > TTL_MAX_S:
        return "message.android.ttl", "not a duration of at most four weeks"
    headers = _inner(message, "apns", "headers")
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        return "message.apns.headers", "not strings"
    if len(headers.get("apns-collapse-id", "").encode()) > 64:
        return "message.apns.headers.apns-collapse-id", "more than 64 bytes"
    if not re.fullmatch(r"[0-9]+", headers.get("apns-expiration", "0")):
        return "message.apns.headers.apns-expiration", "not a number of seconds"
    shown = {"data": message.get("data", {}), "notification": message.get("notification", {})}
    if len(json.dumps(shown, ensure_ascii=False).encode()) > PAYLOAD_MAX_BYTES:
        return "message", "too big"
    return None


_MESSAGE_FIELDS = frozenset(
    ["name", "data", "notification", "android", "webpush", "apns", "fcm_options", "token", "fid", "topic", "condition"]
)
_ANDROID_FIELDS = frozenset(
    [
        "collapse_key",
        "priority",
        "ttl",
        "restricted_package_name",
        "data",
        "notification",
        "fcm_options",
        "direct_boot_ok",
        "bandwidth_constrained_ok",
        "restricted_satellite_ok",
    ]
)
_ANDROID_NOTIFICATION_FIELDS = frozenset(
    [
        "title",
        "body",
        "icon",
        "color",
        "sound",
        "tag",
        "click_action",
        "body_loc_key",
        "body_loc_args",
        "title_loc_key",
        "title_loc_args",
        "channel_id",
        "ticker",
        "sticky",
        "event_time",
        "local_only",
        "notification_priority",
        "default_sound",
        "default_vibrate_timings",
        "default_light_settings",
        "vibrate_timings",
        "visibility",
        "notification_count",
        "light_settings",
        "image",
        "bypass_proxy_notification",
        "proxy",
    ]
)
_TAKEN = frozenset(("slow", "slow_then_200", "drip", "reset_after_body", "bad_json", "unavailable_503_after"))
_REFUSALS: Mapping[FaultKind | None, tuple[int, str]] = {
    "unregistered_404": (404, "UNREGISTERED"),
    "sender_mismatch": (403, "SENDER_ID_MISMATCH"),
    "invalid_400": (400, "INVALID_ARGUMENT"),
    "quota_429": (429, "QUOTA_EXCEEDED"),
    "unavailable_503": (503, "UNAVAILABLE"),
    "unavailable_503_after": (503, "UNAVAILABLE"),
    "unauthorized_401": (401, "UNAUTHENTICATED"),
}
_CANONICAL = {
    "UNREGISTERED": "NOT_FOUND",
    "SENDER_ID_MISMATCH": "PERMISSION_DENIED",
    "QUOTA_EXCEEDED": "RESOURCE_EXHAUSTED",
}


def _error(status: int, code: str) -> web.Response:
    details = [{"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code}]
    error = {
        "code": status,
        "message": "The stand-in refuses.",
        "status": _CANONICAL.get(code, code),
        # A missing or old bearer is refused by Google's front end, which knows nothing of FCM's codes.
        "details": [] if status == 401 else details,
    }
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 429 else {}
    return web.json_response({"error": error}, status=status, headers=headers)


def _bad_request(where: str, why: str) -> web.Response:
    violation = {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": where, "description": why}],
    }
    error = {"code": 400, "message": f"{where}: {why}", "status": "INVALID_ARGUMENT", "details": [violation]}
    return web.json_response({"error": error}, status=400)


async def _drip(request: web.Request, answer: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(answer))})
    await response.prepare(request)
    with suppress(ConnectionError):  # the sender lost its patience
        for byte in answer:
            await asyncio.sleep(0.05)
            await response.write(bytes([byte]))
    return response


def _reset(request: web.Request) -> None:
    """Close with a TCP reset, as a broken middle box does, instead of an orderly end."""
    assert request.transport is not None
    raw: socket.socket = request.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


def _inner(message: Json, outer: str, inner: str) -> Json:
    part = message.get(outer, {})
    return part.get(inner, {}) if isinstance(part, dict) else {}


def _from_base64url(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m standins.fcm", description="A stand-in for FCM on 127.0.0.1")
    parser.add_argument("--port", type=int, default=9_099)
    parser.add_argument("--credentials", type=Path, required=True, help="where to write the service-account file")
    parser.add_argument("--count-only", action="store_true", help="count messages instead of keeping them")
    parser.add_argument("--slow-seconds", type=float, default=30.0, help="how long the fault `slow` takes to answer")
    arguments = parser.parse_args()
    with FcmStandIn(port=arguments.port, keeps=not arguments.count_only, slow_s=arguments.slow_seconds) as fcm:
        fcm.service_account_file(arguments.credentials)
        print(f"FIREBASE_ENDPOINT={fcm.url}\nFIREBASE_CREDENTIALS={arguments.credentials}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
