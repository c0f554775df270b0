"""A stand-in for Google Wallet's REST API (walletobjects v1, loyalty) and the token endpoint.

An HTTP server on 127.0.0.1 that checks what Google checks: the service account's signed grant, the
bearer token, the issuer in the ids, required and unknown fields, enums, that the class exists. It
remembers every call and what the phones would show, and fails on request:

    with GoogleWalletStandIn() as google:
        credentials = google.service_account_file(folder / "google.json")
        google.fault("too_many_429", times=1)
        ...                               # call google.endpoint with those credentials
        assert google.objects["3388000000000000001.alice"]["state"] == "ACTIVE"
        body = google.callback("save", "3388000000000000001.alice")  # post it to the class's callback address
"""

import asyncio
import base64
import datetime as dt
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from standins import ServerThread
from standins.google_callbacks import CallbackSigner

ISSUER = "3388000000000000001"
SCOPE = "https://www.googleapis.com/auth/wallet_object.issuer"

FaultKind = Literal["too_many_429", "unavailable_503", "denied_403", "slow", "token_503", "token_refused_400"]
Json = dict[str, object]

_EMAIL = "carnet@stand-in.iam.gserviceaccount.com"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
# google-auth signs for this one, wherever token_uri leads.
_AUDIENCE = "https://oauth2.googleapis.com/token"
_TOKEN_SECONDS = 3600
_NOTICES_A_DAY = 3
_DAY_SECONDS = 86_400.0
_FAULTS: Mapping[str, tuple[int, str]] = {
    "too_many_429": (429, "rateLimitExceeded"),
    "unavailable_503": (503, "backendError"),
    "denied_403": (403, "permissionDenied"),
}
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "loyaltyClass": ("id", "issuerName", "programName", "programLogo", "reviewStatus"),
    "loyaltyObject": ("id", "classId", "state"),
}
_SHARED_FIELDS = frozenset(
    [
        "appLinkData",
        "heroImage",
        "id",
        "imageModulesData",
        "infoModuleData",
        "kind",
        "linksModuleData",
        "locations",
        "merchantLocations",
        "messages",
        "notifyPreference",
        "textModulesData",
        "valueAddedModuleData",
        "version",
    ]
)
_CLASS_FIELDS = frozenset(
    [
        "accountIdLabel",
        "accountNameLabel",
        "allowMultipleUsersPerObject",
        "callbackOptions",
        "classTemplateInfo",
        "countryCode",
        "discoverableProgram",
        "enableSmartTap",
        "hexBackgroundColor",
        "homepageUri",
        "issuerName",
        "localizedAccountIdLabel",
        "localizedAccountNameLabel",
        "localizedIssuerName",
        "localizedProgramName",
        "localizedRewardsTier",
        "localizedRewardsTierLabel",
        "localizedSecondaryRewardsTier",
        "localizedSecondaryRewardsTierLabel",
        "multipleDevicesAndHoldersAllowedStatus",
        "programLogo",
        "programName",
        "redemptionIssuers",
        "review",
        "reviewStatus",
        "rewardsTier",
        "rewardsTierLabel",
        "secondaryRewardsTier",
        "secondaryRewardsTierLabel",
        "securityAnimation",
        "viewUnlockRequirement",
        "wideProgramLogo",
        "wordMark",
    ]
)
_OBJECT_FIELDS = frozenset(
    [
        "accountId",
        "accountName",
        "barcode",
        "classId",
        "classReference",
        "disableExpirationNotification",
        "groupingInfo",
        "hasLinkedDevice",
        "hasUsers",
        "linkedObjectIds",
        "linkedOfferIds",
        "loyaltyPoints",
        "passConstraints",
        "rotatingBarcode",
        "saveRestrictions",
        "secondaryLoyaltyPoints",
        "smartTapRedemptionValue",
        "state",
        "validTimeInterval",
    ]
)
_FIELDS: Mapping[str, frozenset[str]] = {
    "loyaltyClass": _SHARED_FIELDS | _CLASS_FIELDS,
    "loyaltyObject": _SHARED_FIELDS | _OBJECT_FIELDS,
}
_ENUMS: Mapping[str, frozenset[str]] = {
    "reviewStatus": frozenset({"UNDER_REVIEW", "APPROVED", "DRAFT"}),
    "state": frozenset({"ACTIVE", "COMPLETED", "EXPIRED", "INACTIVE"}),
    "notifyPreference": frozenset({"NOTIFY_ON_UPDATE", "NOTIFICATION_SETTINGS_FOR_UPDATES_UNSPECIFIED"}),
}
_NOTIFYING = (("loyaltyPoints", "balance"), ("secondaryLoyaltyPoints", "balance"))


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request to the API and its answer; `at` is in seconds of a clock that never jumps."""

    method: str
    path: str
    body: Json
    at: float
    status: int


@dataclass(kw_only=True)
class _Fault:
    kind: FaultKind
    left: int | None  # None: until cleared
    seconds: float
    retry_after: int | None


class _RefusedError(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


class GoogleWalletStandIn(ServerThread):
    """See the module; everything that it remembers may be read from any thread."""

    def __init__(self, *, port: int = 0, issuer: str = ISSUER) -> None:
        super().__init__()
        self.classes: dict[str, Json] = {}
        self.objects: dict[str, Json] = {}
        self.calls: list[Call] = []
        # Object id and what its phones show: the name of a changed field, or a text.
        self.notices: list[tuple[str, str]] = []
        self.tokens_given = 0
        self.keys_given = 0
        self.callbacks = CallbackSigner()
        self._issuer, self._port = issuer, port
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._tokens: set[str] = set()
        self._faults: list[_Fault] = []
        self._noticed: dict[str, list[float]] = {}

    @property
    def endpoint(self) -> str:
        """The address of the API, version included."""
        return f"http://127.0.0.1:{self._port}/walletobjects/v1"

    @property
    def keys_url(self) -> str:
        """Where the root keys are that callbacks lead to."""
        return f"http://127.0.0.1:{self._port}/gp/m/issuer/keys"

    def callback(self, event: Literal["save", "del"], object_id: str, *, now: dt.datetime | None = None) -> Json:
        """The body that Google posts to the class's callback address when a holder saves or deletes this object."""
        class_id = str(self.objects[object_id]["classId"])
        return self.callbacks.sign(event=event, class_id=class_id, object_id=object_id, issuer=self._issuer, now=now)

    def service_account_file(self, path: Path) -> Path:
        """Write credentials that this server knows; their token_uri leads here."""
        key = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        facts = {
            "type": "service_account",
            "project_id": "stand-in",
            "private_key_id": "stand-in-key",
            "private_key": key.decode(),
            "client_email": _EMAIL,
            "token_uri": self._token_uri,
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(facts), encoding="utf-8")
        return path

    def fault(
        self,
        kind: FaultKind,
        *,
        times: int | None = None,
        seconds: float = 60.0,
        retry_after: int | None = None,
    ) -> None:
        """Fail so many requests (None: until cleared); "slow" works after so many `seconds`."""
        self._faults.append(_Fault(kind=kind, left=times, seconds=seconds, retry_after=retry_after))

    def clear_faults(self) -> None:
        """Be well again."""
        self._faults.clear()

    def revoke_tokens(self) -> None:
        """Forget every token given, as if each were revoked before its end."""
        self._tokens.clear()

    def most_calls_in_a_second(self) -> int:
        """The most calls that came within any second; Google allows 20."""
        times = [call.at for call in list(self.calls)]
        return max((sum(start <= at < start + 1 for at in times) for start in times), default=0)

    async def start(self) -> None:
        """Listen on loopback."""
        app = web.Application()
        base = "/walletobjects/v1/{kind:loyaltyClass|loyaltyObject}"
        app.router.add_post("/token", self._give_token)
        app.router.add_get("/gp/m/issuer/keys", self._give_keys)
        app.router.add_post(base, self._api(self._insert))
        app.router.add_get(base + "/{id}", self._api(self._get))
        app.router.add_patch(base + "/{id}", self._api(self._patch))
        app.router.add_put(base + "/{id}", self._api(self._put))
        app.router.add_post(base + "/{id}/addMessage", self._api(self._add_message))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    @property
    def _token_uri(self) -> str:
        return f"http://127.0.0.1:{self._port}/token"

    def _fault_of(self, *kinds: FaultKind) -> _Fault | None:
        for fault in self._faults:
            if fault.kind in kinds and fault.left != 0:
                fault.left = None if fault.left is None else fault.left - 1
                return fault
        return None

    async def _give_token(self, request: web.Request) -> web.Response:
        form = await request.post()
        fault = self._fault_of("token_503", "token_refused_400")
        if fault is not None and fault.kind == "token_503":
            return web.json_response({"error": "backend_error"}, status=503)
        if fault is not None or form.get("grant_type") != _GRANT or not self._is_ours(str(form.get("assertion"))):
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = secrets.token_urlsafe(24)
        self._tokens.add(token)
        self.tokens_given += 1
        return web.json_response({"access_token": token, "expires_in": _TOKEN_SECONDS, "token_type": "Bearer"})

    async def _give_keys(self, _: web.Request) -> web.Response:
        self.keys_given += 1
        return web.json_response(self.callbacks.keys())

    def _is_ours(self, assertion: str) -> bool:
        """Whether our key signed who, what for, to whom and for how long (RFC 7523)."""
        try:
            head, claims, signature = assertion.split(".")
            self._key.public_key().verify(
                _decode(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
            )
            facts = json.loads(_decode(claims))
            return (
                json.loads(_decode(head))["alg"] == "RS256"
                and (facts["iss"], facts["scope"]) == (_EMAIL, SCOPE)
                and facts["aud"] in {self._token_uri, _AUDIENCE}
                and facts["iat"] - 60 <= time.time() < facts["exp"] <= facts["iat"] + 3600
            )
        except (ValueError, KeyError, TypeError, InvalidSignature):
            return False

    def _api(
        self, action: Callable[[str, str, Json], tuple[int, Json]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            at, body, headers = time.monotonic(), Json(), dict[str, str]()
            kind, resource_id = request.match_info["kind"], request.match_info.get("id", "")
            if fault := self._fault_of("slow"):
                await asyncio.sleep(fault.seconds)
            try:
                self._check_token(request)
                if fault := self._fault_of("too_many_429", "unavailable_503", "denied_403"):
                    if fault.retry_after is not None:
                        headers["Retry-After"] = str(fault.retry_after)
                    raise _RefusedError(*_FAULTS[fault.kind], "on request")
                body = await _body_of(request)
                status, answer = action(kind, resource_id, body)
            except _RefusedError as error:
                status, answer = error.status, _error(error)
            self.calls.append(Call(method=request.method, path=request.path, body=body, at=at, status=status))
            return web.json_response(answer, status=status, headers=headers)

        return handle

    def _check_token(self, request: web.Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self._tokens:
            raise _RefusedError(401, "authError", "Invalid Credentials")

    def _store(self, kind: str) -> dict[str, Json]:
        return self.classes if kind == "loyaltyClass" else self.objects

    def _known(self, kind: str, resource_id: str) -> Json:
        if resource_id not in self._store(kind):
            reason = "classNotFound" if kind == "loyaltyClass" else "resourceNotFound"
            raise _RefusedError(404, reason, f"{resource_id} not found")
        return self._store(kind)[resource_id]

    def _insert(self, kind: str, _: str, body: Json) -> tuple[int, Json]:
        if body.get("id") in self._store(kind):
            raise _RefusedError(409, "existingResource", f"{body['id']} already exists")
        return 200, self._keep(kind, body)

    def _get(self, kind: str, resource_id: str, _: Json) -> tuple[int, Json]:
        return 200, self._known(kind, resource_id)

    def _patch(self, kind: str, resource_id: str, body: Json) -> tuple[int, Json]:
        before = self._known(kind, resource_id)
        if body.get("id", resource_id) != resource_id:
            raise _RefusedError(400, "invalidResource", "the id cannot change")
        if kind == "loyaltyClass" and "reviewStatus" not in body:
            raise _RefusedError(400, "required", "a change of a class asks for a review again")
        kept = self._keep(kind, _merged(before, body))
        if kind == "loyaltyObject" and body.get("notifyPreference") == "NOTIFY_ON_UPDATE":
            changed = [path[0] for path in _NOTIFYING if _at(before, *path) != _at(kept, *path)]
            changed += ["rewardsTier"] if self._tier_of(before) != self._tier_of(kept) else []
            if changed and self._may_notify(resource_id):
                self.notices.append((resource_id, changed[0]))
        return 200, kept

    def _put(self, kind: str, resource_id: str, body: Json) -> tuple[int, Json]:
        self._known(kind, resource_id)
        return 200, self._keep(kind, {**body, "id": resource_id})

    def _add_message(self, kind: str, resource_id: str, body: Json) -> tuple[int, Json]:
        resource = self._known(kind, resource_id)
        message = body.get("message")
        if not isinstance(message, dict) or not message.get("header") or not message.get("body"):
            raise _RefusedError(400, "invalid", "message.header and message.body are required")
        if message.get("messageType", "TEXT") not in {"TEXT", "TEXT_AND_NOTIFY"}:
            raise _RefusedError(400, "invalid", "unknown messageType")
        if message.get("messageType") == "TEXT_AND_NOTIFY":
            if not self._may_notify(resource_id):
                raise _RefusedError(400, "QuotaExceeded", "three notices a pass and day")
            self.notices.append((resource_id, str(message["body"])))
        messages = resource.get("messages")
        resource["messages"] = [*(messages if isinstance(messages, list) else []), message]
        return 200, {"resource": resource}

    def _tier_of(self, loyalty_object: Json) -> object:
        return self.classes[str(loyalty_object["classId"])].get("rewardsTier")

    def _may_notify(self, resource_id: str) -> bool:
        now = time.monotonic()
        recent = [at for at in self._noticed.get(resource_id, []) if now - at < _DAY_SECONDS]
        self._noticed[resource_id] = recent if len(recent) >= _NOTICES_A_DAY else [*recent, now]
        return len(recent) < _NOTICES_A_DAY

    def _keep(self, kind: str, resource: Json) -> Json:
        # Protocol Buffers' JSON: null stands for a field that is not there.
        kept = {name: value for name, value in resource.items() if value is not None}
        self._check(kind, kept)
        kept.pop("notifyPreference", None)  # Google never remembers it
        self._store(kind)[str(resource["id"])] = kept
        return kept

    def _check(self, kind: str, resource: Json) -> None:
        if unknown := resource.keys() - _FIELDS[kind]:
            raise _RefusedError(400, "badRequest", f"Unknown name {sorted(unknown)}")
        if missing := [name for name in _REQUIRED[kind] if not resource.get(name)]:
            raise _RefusedError(400, "required", f"missing {missing}")
        for name, values in _ENUMS.items():
            if name in resource and resource[name] not in values:
                raise _RefusedError(400, "badRequest", f"Invalid value at {name}")
        ids = [str(resource[name]) for name in ("id", "classId") if name in resource]
        for resource_id in ids:
            issuer, _, suffix = resource_id.partition(".")
            if not suffix or not set(suffix) <= _ID_CHARACTERS:
                raise _RefusedError(400, "invalidResourceId", "an id is ISSUER.suffix of letters, digits, . _ -")
            if issuer != self._issuer:
                raise _RefusedError(403, "permissionDenied", "not your issuer")
        if kind == "loyaltyObject":
            self._check_object(resource)
        elif not _at(resource, "programLogo", "sourceUri", "uri"):
            raise _RefusedError(400, "required", "missing programLogo.sourceUri.uri")

    def _check_object(self, resource: Json) -> None:
        loyalty_class = self._known("loyaltyClass", str(resource["classId"]))
        if loyalty_class["reviewStatus"] == "DRAFT":
            raise _RefusedError(400, "invalidResource", "a draft class cannot have objects")
        for name in ("loyaltyPoints", "secondaryLoyaltyPoints"):
            balance = _at(resource, name, "balance")
            if name in resource and (not isinstance(balance, dict) or len(balance.keys() & _BALANCES) != 1):
                raise _RefusedError(400, "invalid", f"{name}.balance has exactly one of {sorted(_BALANCES)}")


_ID_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_BALANCES = frozenset({"string", "int", "double", "money"})


async def _body_of(request: web.Request) -> Json:
    if request.method == "GET":
        return {}
    try:
        body: object = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _RefusedError(400, "parseError", "not a JSON object")
    return body


def _merged(before: Json, changes: Json) -> Json:
    """PATCH: objects merge by field, arrays and the one-of balance go whole, null removes."""
    after = dict(before)
    for name, value in changes.items():
        old = after.get(name)
        if value is None:
            after.pop(name, None)
        elif isinstance(value, dict) and isinstance(old, dict) and name != "balance":
            after[name] = _merged(old, value)
        else:
            after[name] = value
    return after


def _at(value: object, *names: str) -> object:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _error(error: _RefusedError) -> Json:
    words = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
    }
    return {
        "error": {
            "code": error.status,
            "message": str(error),
            "errors": [{"reason": error.reason, "message": str(error), "domain": "walletobjects"}],
            "status": words.get(error.status, "UNAVAILABLE"),
        }
    }


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
