"""An emulated iPhone's Wallet: it adds passes, is woken by APNs, fetches what changed and shows it.

It behaves as Apple documents and as devices were seen to behave, and it is picky where they fail in
silence: what a server gets wrong stands in `complaints`. It checks the hashes of a pass, not its
signature.

    device = WalletDevice(language="fr")
    device.connect(apns)                      # a running standins.apns.ApnsStandIn
    device.add(pkpass)                        # registers with the pass's web service
    ...                                       # the balance changes, the server pushes
    device.wait_until_quiet(after_pushes=1)
    assert device.lock_screen == ["Vous avez maintenant 120 points"]
    assert device.complaints == []
"""

import hashlib
import io
import json
import re
import secrets
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Protocol, Self
from urllib.parse import urlencode

from standins.wallet_calls import Answer, NoAnswerError, call, segment

Json = dict[str, object]

_PKPASS = "application/vnd.apple.pkpass"
_STYLES = ("storeCard", "coupon", "generic", "eventTicket", "boardingPass")
_FIELD_GROUPS = (
    "headerFields",
    "primaryFields",
    "secondaryFields",
    "auxiliaryFields",
    "backFields",
)
_STRING = r'"((?:[^"\\]|\\.)*)"'
_STRINGS_LINE = re.compile(rf"{_STRING}\s*=\s*{_STRING}\s*;", re.DOTALL)


class Pushing(Protocol):
    """What wakes the device: `standins.apns.ApnsStandIn`, or whatever calls back for a token."""

    def on_push(self, token: str, listener: Callable[..., None], /) -> None: ...


class InvalidPassError(ValueError):
    """Not a pass that Wallet would take."""


@dataclass(frozen=True, kw_only=True)
class DevicePass:
    """A pass as it lies in the wallet; `fields` by key, `strings` of the device's language."""

    data: bytes
    content: Json
    fields: Mapping[str, Json]
    strings: Mapping[str, str]
    last_modified: str | None = None

    @classmethod
    def read(cls, data: bytes, *, language: str) -> Self:
        """Open a .pkpass; raises InvalidPassError for what Wallet would refuse."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                files = {name: archive.read(name) for name in archive.namelist()}
            manifest, content = json.loads(files["manifest.json"]), json.loads(files["pass.json"])
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            message = f"not a pass: {error}"
            raise InvalidPassError(message) from error
        listed = files.keys() - {"manifest.json", "signature"}
        if not files.get("signature") or not isinstance(manifest, dict) or manifest.keys() != listed:
            message = "the manifest does not list the files of the pass, or the signature is missing"
            raise InvalidPassError(message)
        for name in listed:
            if hashlib.sha1(files[name], usedforsecurity=False).hexdigest() != manifest[name]:
                message = f"{name} has another hash than the manifest says"
                raise InvalidPassError(message)
        strings = _strings(files.get(f"{language}.lproj/pass.strings", b""))
        return cls(data=data, content=content, fields=_fields(content), strings=strings)

    @property
    def serial(self) -> str:
        """Its serial number, unique within its type."""
        return str(self.content["serialNumber"])

    @property
    def pass_type_id(self) -> str:
        """Its type, which is the topic of its pushes."""
        return str(self.content["passTypeIdentifier"])

    @property
    def web_service_url(self) -> str | None:
        """Where it asks for updates; None for a pass that never changes."""
        return str(url).rstrip("/") if (url := self.content.get("webServiceURL")) else None

    def text(self, literal: str) -> str:
        """A text in the device's language, itself where the pass has no translation."""
        return self.strings.get(literal, literal)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request of the device and the status of its answer."""

    method: str
    path: str
    status: int


@dataclass(kw_only=True)
class _Service:
    """What the device remembers of one web service and pass type."""

    tag: str | None = None
    old_tags: set[str] = field(default_factory=set)


class WalletDevice:
    """See the module; `through` replaces scheme, host and port of every webServiceURL."""

    def __init__(
        self,
        *,
        language: str = "en",
        through: str | None = None,
        headers: Mapping[str, str] | None = None,
        library_id: str | None = None,
        push_token: str | None = None,
    ) -> None:
        self.library_id = library_id or secrets.token_hex(16)
        self.push_token = push_token or secrets.token_hex(32)
        self.passes: dict[str, DevicePass] = {}
        self.registered: set[str] = set()
        self.lock_screen: list[str] = []
        self.complaints: list[str] = []
        self.exchanges: list[Exchange] = []
        self.pushes_handled = 0
        self._language, self._through = language, through
        self._headers = {
            "User-Agent": "Carnet-WalletDevice/1",
            "Accept-Language": language,
            **(headers or {}),
        }
        self._services: dict[tuple[str, str], _Service] = {}
        self._greeted: set[str] = set()
        self._lock = threading.RLock()
        self._pushes = threading.Condition()
        self._pushes_waiting = 0
        self._own_thread: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, data: bytes) -> DevicePass:
        """Put a pass into the wallet and register for its updates; raises InvalidPassError."""
        with self._lock:
            added = DevicePass.read(data, language=self._language)
            self.passes[added.serial] = added
            if added.web_service_url is not None:
                self._register(added)
            return added

    def remove(self, serial: str) -> None:
        """Take a pass out of the wallet and tell its web service."""
        with self._lock:
            gone = self.passes.pop(serial)
            self.registered.discard(serial)
            if gone.web_service_url is not None:
                answer = self._ask("DELETE", gone, self._registration_path(gone), authorized=True)
                self._expect(answer, {200}, "unregistering")

    def connect(self, apns: Pushing, *, threads: Executor | None = None) -> None:
        """Listen to the push token; pushes are handled one by one, on a thread of the device or on shared ones."""
        if threads is None:
            self._own_thread = threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wallet-device")
        hands = threads

        def listen(push: object) -> None:
            with self._pushes:
                self._pushes_waiting += 1
            hands.submit(self._handle_push, str(getattr(push, "topic", "")))

        apns.on_push(self.push_token, listen)

    def wait_until_quiet(self, *, after_pushes: int = 0, timeout: float = 5.0) -> None:
        """Wait until so many pushes, and every one that came, are handled; or TimeoutError."""
        with self._pushes:
            if not self._pushes.wait_for(
                lambda: self.pushes_handled >= after_pushes and not self._pushes_waiting,
                timeout,
            ):
                message = f"{self.pushes_handled} of {after_pushes} pushes handled after {timeout} s"
                raise TimeoutError(message)

    def check_for_updates(self, pass_type_id: str | None = None) -> None:
        """Do what a push makes the device do: ask each web service what changed and fetch it."""
        with self._lock:
            services = {
                (held.web_service_url, held.pass_type_id): held
                for held in self.passes.values()
                if held.serial in self.registered and pass_type_id in (None, held.pass_type_id)
            }
            for held in services.values():
                self._ask_what_changed(held)

    def refresh(self, serial: str) -> None:
        """Fetch one pass, as pulling down on its back does."""
        with self._lock:
            self._fetch(self.passes[serial])

    def post_logs(self, serial: str, messages: Sequence[str]) -> None:
        """Tell the pass's web service what went wrong, as devices do."""
        with self._lock:
            answer = self._ask("POST", self.passes[serial], "/v1/log", body={"logs": list(messages)})
            self._expect(answer, {200}, "logging")

    def probe(self, serial: str) -> None:
        """Try what a server must refuse: a wrong token, no token, a pass that does not exist."""
        with self._lock:
            held = self.passes[serial]
            unknown = replace(held, content={**held.content, "serialNumber": secrets.token_hex(8)})
            stranger = replace(held, content={**held.content, "authenticationToken": secrets.token_hex(16)})
            body: Json = {"pushToken": self.push_token}
            tries = [
                ("the pass for a wrong token", "GET", stranger, self._pass_path(held), True, None),
                ("the pass for no token", "GET", held, self._pass_path(held), False, None),
                (
                    "a pass that does not exist",
                    "GET",
                    unknown,
                    self._pass_path(unknown),
                    True,
                    None,
                ),
                (
                    "a registration for a wrong token",
                    "POST",
                    stranger,
                    self._registration_path(held),
                    True,
                    body,
                ),
                (
                    "an unregistration for a wrong token",
                    "DELETE",
                    stranger,
                    self._registration_path(held),
                    True,
                    None,
                ),
            ]
            for what, method, whose, path, authorized, content in tries:
                answer = self._ask(method, whose, path, authorized=authorized, body=content)
                if answer is not None and answer.status != 401:
                    self._complain(f"{what} answered {answer.status}, not 401")

    def close(self) -> None:
        """Handle no more pushes."""
        if self._own_thread is not None:
            self._own_thread.shutdown(cancel_futures=True)
            self._own_thread = None

    def _handle_push(self, topic: str) -> None:
        try:
            self.check_for_updates(topic)
        except Exception as error:  # noqa: BLE001 (a thread must not die unseen: the test reads it)
            self._complain(f"the device failed: {error!r}")
        finally:
            with self._pushes:
                self.pushes_handled += 1
                self._pushes_waiting -= 1
                self._pushes.notify_all()

    def _register(self, added: DevicePass) -> None:
        path = self._registration_path(added)
        answer = self._ask("POST", added, path, authorized=True, body={"pushToken": self.push_token})
        if self._expect(answer, {200, 201}, "registering"):
            self.registered.add(added.serial)

    def _ask_what_changed(self, held: DevicePass) -> None:
        service = self._services.setdefault((held.web_service_url or "", held.pass_type_id), _Service())
        path = f"/v1/devices/{segment(self.library_id)}/registrations/{segment(held.pass_type_id)}"
        if service.tag is not None:
            path += "?" + urlencode({"passesUpdatedSince": service.tag})
        answer = self._expect(self._ask("GET", held, path), {200, 204, 404}, "asking what changed")
        if answer is None or answer.status != 200:
            return
        serials, tag = self._read_changes(answer)
        if tag is None:  # a device stops here, without a word
            return
        if serials and tag == service.tag:
            self._complain(f"{len(serials)} serial numbers, but the lastUpdated tag ({tag}) remained the same")
        elif tag in service.old_tags:
            self._complain(f"the lastUpdated tag went back to {tag}")
        fetched = [self._fetch(self.passes[serial]) for serial in serials if serial in self.passes]
        if all(fetched):  # else ask again from the same tag, so that nothing is missed
            service.old_tags |= {service.tag} if service.tag not in (None, tag) else set()
            service.tag = tag

    def _read_changes(self, answer: Answer) -> tuple[list[str], str | None]:
        self._expect_type(answer, "application/json", "asking what changed")
        try:
            facts = json.loads(answer.body)
            serials, tag = facts["serialNumbers"], facts["lastUpdated"]
        except (ValueError, KeyError, TypeError):
            self._complain("asking what changed: no JSON object with serialNumbers and lastUpdated")
            return [], None
        if not isinstance(tag, str):
            self._complain(f"lastUpdated is not a string: {tag!r}")
            return [], None
        if not isinstance(serials, list) or not all(isinstance(serial, str) for serial in serials):
            self._complain(f"serialNumbers is no list of strings: {serials!r}")
            return [], None
        for serial in set(serials) - self.passes.keys():
            self._complain(f"told of pass {serial}, which is not on this device")
        return serials, tag

    def _fetch(self, held: DevicePass) -> bool:
        """Fetch a pass if it changed; returns whether the server's answer was a good one."""
        path = self._pass_path(held)
        headers = {"If-Modified-Since": held.last_modified} if held.last_modified else {}
        if held.serial not in self._greeted:  # devices were seen to send HEAD first
            self._greeted.add(held.serial)
            self._expect(self._ask("HEAD", held, path, authorized=True, headers=headers), {200, 304}, "HEAD")
        answer = self._ask("GET", held, path, authorized=True, headers=headers)
        answer = self._expect(answer, {200, 304}, "fetching a pass")
        if answer is None or answer.status == 304:
            return answer is not None
        self._expect_type(answer, _PKPASS, "fetching a pass")
        if "content-encoding" in answer.headers:
            self._complain(f"the pass came with Content-Encoding {answer.headers['content-encoding']}")
        try:
            fresh = DevicePass.read(answer.body, language=self._language)
        except InvalidPassError as error:
            self._complain(f"fetched something invalid: {error}")
            return False
        self._check_update(held, fresh, answer.headers.get("last-modified"))
        self._show_changes(held, fresh)
        self.passes[held.serial] = replace(fresh, last_modified=answer.headers.get("last-modified"))
        return True

    def _check_update(self, held: DevicePass, fresh: DevicePass, last_modified: str | None) -> None:
        for name in ("serialNumber", "passTypeIdentifier", "authenticationToken"):
            if held.content.get(name) != fresh.content.get(name):
                self._complain(f"{name} changed with an update")
        if last_modified is None:
            self._complain("the pass came without Last-Modified")
            return
        try:
            moment = parsedate_to_datetime(last_modified)
        except ValueError:
            self._complain(f"Last-Modified is no date: {last_modified}")
            return
        before = parsedate_to_datetime(held.last_modified) if held.last_modified else None
        if before is not None and moment <= before and held.content != fresh.content:
            self._complain(f"the pass changed, but Last-Modified did not rise: {last_modified}")

    def _show_changes(self, held: DevicePass, fresh: DevicePass) -> None:
        """Tell each field that was there, has another value and a changeMessage; plain digits."""
        for key, now in fresh.fields.items():
            before, message = held.fields.get(key), now.get("changeMessage")
            if before is None or before.get("value") == now.get("value") or not isinstance(message, str):
                continue
            value = now.get("value")
            shown = fresh.text(value) if isinstance(value, str) else str(value)
            self.lock_screen.append(fresh.text(message).replace("%@", shown))

    def _registration_path(self, held: DevicePass) -> str:
        device = f"/v1/devices/{segment(self.library_id)}"
        return f"{device}/registrations/{segment(held.pass_type_id)}/{segment(held.serial)}"

    def _pass_path(self, held: DevicePass) -> str:
        return f"/v1/passes/{segment(held.pass_type_id)}/{segment(held.serial)}"

    def _ask(
        self,
        method: str,
        held: DevicePass,
        path: str,
        *,
        authorized: bool = False,
        headers: Mapping[str, str] | None = None,
        body: Json | None = None,
    ) -> Answer | None:
        """One request to a pass's web service; None, with a complaint, if there was no answer."""
        try:
            answer = call(
                held.web_service_url or "",
                method,
                path,
                through=self._through,
                token=str(held.content.get("authenticationToken")) if authorized else None,
                headers={**self._headers, **(headers or {})},
                body=body,
            )
        except NoAnswerError as error:
            self._complain(f"{method} {path}: no answer ({error})")
            return None
        self.exchanges.append(Exchange(method=method, path=path, status=answer.status))
        return answer

    def _expect(self, answer: Answer | None, statuses: set[int], what: str) -> Answer | None:
        """The answer if it has one of the statuses; else a complaint and None."""
        if answer is None or answer.status in statuses:
            return answer
        self._complain(f"{what} answered {answer.status}")
        return None

    def _expect_type(self, answer: Answer, content_type: str, what: str) -> None:
        came = answer.headers.get("content-type", "none")
        if came.partition(";")[0].strip() != content_type:
            self._complain(f"{what}: content type {came}, not {content_type}")

    def _complain(self, complaint: str) -> None:
        self.complaints.append(complaint)


def _fields(content: Json) -> dict[str, Json]:
    style = next((content[name] for name in _STYLES if name in content), {})
    groups = [style.get(name, []) for name in _FIELD_GROUPS] if isinstance(style, dict) else []
    return {str(one["key"]): one for group in groups for one in group}


def _strings(data: bytes) -> dict[str, str]:
    """An Apple .strings file, UTF-8 or UTF-16."""
    text = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    return {_unescaped(key): _unescaped(value) for key, value in _STRINGS_LINE.findall(text)}


def _unescaped(text: str) -> str:
    return re.sub(
        r"\\(.)",
        lambda match: {"n": "\n", "t": "\t", "r": "\r"}.get(match[1], match[1]),
        text,
        flags=re.DOTALL,
    )
