"""A conformance test for the web service of Apple Wallet passes, yours too: can iPhones live with it.

It takes passes that your server made, plays the devices that hold them, and tells of each rule whether it held, with the
requests that it made. The rules are Apple's, and those that devices were seen to need; several failures are silent on a
phone: it just shows an old balance. It knows nothing of the server but what stands in the passes.

    report = conformance([pkpass, another], cause_change=sell_something, pushes=apns)
    print(report)
    assert report.passed

`cause_change(serial)` makes what that pass shows change, as a sale does; it may return before the server is done.
`pushes` is a running `standins.apns.ApnsStandIn` that the server pushes to. Without it, and with one pass only, some
rules are not tried, and the report says so.

From a shell, against a server that runs on this machine:

    python -m standins.wallet_conformance --pass card.pkpass --pass other.pkpass --change-command './sell-to {serial}'

and with `--client-ca wwdr.pem --apns-port 2197` it takes the server's pushes too.
"""

import argparse
import base64
import json
import secrets
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from standins.apns import ApnsStandIn
from standins.wallet_calls import Answer, NoAnswerError, call, segment
from standins.wallet_device import DevicePass, InvalidPassError, Pushing

CauseChange = Callable[[str], None]

_PKPASS = "application/vnd.apple.pkpass"
_LOOK_AGAIN_SECONDS = 0.1
_LOOK_AGAIN_SECONDS_MAX = 2.0
_GRACE_SECONDS = 0.5  # for a push that should not come, once another one of the same change is there
_CHANGES = 3
_TOKEN_CHARACTERS_MIN = 16


@dataclass(frozen=True, kw_only=True)
class Check:
    """One rule: what was wrong (nothing: it holds), why it was not tried, and the requests that were made."""

    name: str
    rule: str
    faults: tuple[str, ...] = ()
    not_tried: str | None = None
    requests: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong; also where it was not tried."""
        return not self.faults


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found, rule by rule."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether no rule was broken."""
        return all(check.passed for check in self.checks)

    @property
    def broken(self) -> set[str]:
        """The names of the rules that were broken."""
        return {check.name for check in self.checks if not check.passed}

    def __str__(self) -> str:
        lines = []
        for check in self.checks:
            state = "BROKEN" if check.faults else "not tried" if check.not_tried else "holds"
            lines.append(f"{state:9}  {check.name}: {check.rule}")
            lines += [f"           - {fault}" for fault in check.faults]
            if check.faults:
                lines += [f"             {request}" for request in check.requests]
            elif check.not_tried:
                lines.append(f"           - {check.not_tried}")
        broken, tried = len(self.broken), sum(1 for check in self.checks if not check.not_tried)
        return "\n".join([*lines, f"{tried} of {len(self.checks)} rules tried, {broken} broken"])


def conformance(
    passes: Sequence[bytes],
    *,
    cause_change: CauseChange,
    pushes: Pushing | None = None,
    through: str | None = None,
    wait_seconds: float = 90.0,
    only: Collection[str] = (),
) -> Report:
    """Try every rule, or `only` some and those that they build on, against the web service that these .pkpass files name; they are of one type and web service.

    `through` replaces scheme, host and port of the webServiceURL. `wait_seconds`: how long a change may take until the
    service tells of it, and until it pushes. Raises InvalidPassError for a file that is no pass, ValueError for none.
    """
    held = [DevicePass.read(data, language="en") for data in passes]
    if not held or any(other.pass_type_id != held[0].pass_type_id for other in held):
        message = "one pass at least, and all of one type"
        raise ValueError(message)
    run = _Run(held=held, cause_change=cause_change, pushes=pushes, through=through, wait_seconds=wait_seconds)
    wanted = {*only, *_GROUND} if only else {name for name, _, _ in _RULES}
    return Report(checks=tuple(run.check(name, rule, attempt) for name, rule, attempt in _RULES if name in wanted))


class _NotTriedError(Exception):
    """This rule needs something that is not there; the text says what."""


@dataclass(kw_only=True)
class _Device:
    """A device: its id, its push token, the tag that it was given last, and the pushes that came."""

    id: str = field(default_factory=lambda: secrets.token_hex(16))
    push_token: str = field(default_factory=lambda: secrets.token_hex(32))
    tag: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Changes:
    serials: tuple[str, ...] = ()
    tag: str | None = None


class _Run:
    """The state that goes from rule to rule, and what is noted of the present one."""

    def __init__(
        self,
        *,
        held: Sequence[DevicePass],
        cause_change: CauseChange,
        pushes: Pushing | None,
        through: str | None,
        wait_seconds: float,
    ) -> None:
        self._pass, self._others = held[0], list(held[1:])
        self._cause_change, self._through, self._wait = cause_change, through, wait_seconds
        self._apns = pushes
        self._pushed: dict[str, int] = {}
        self._news = threading.Condition()
        self._phone = self._device()
        self._fetched: tuple[DevicePass, str] | None = None  # the pass as it was fetched last, and its Last-Modified
        self._faults: list[str] = []
        self._requests: list[str] = []

    def check(self, name: str, rule: str, attempt: "Callable[[_Run], None]") -> Check:
        """Try one rule; whatever goes wrong in it is its fault alone."""
        self._faults, self._requests, not_tried = [], [], None
        try:
            attempt(self)
        except _NotTriedError as reason:
            not_tried = str(reason)
        except NoAnswerError as error:
            self._faults.append(f"no answer ({error})")
        return Check(
            name=name,
            rule=rule,
            faults=tuple(self._faults),
            not_tried=not_tried,
            requests=tuple(self._requests),
        )

    # ── The rules, in the order in which they are tried ─────────────────────────────────────────────────────────

    def names_its_web_service(self) -> None:
        for one in (self._pass, *self._others):
            url, token = one.content.get("webServiceURL"), one.content.get("authenticationToken")
            parts = urlsplit(url) if isinstance(url, str) else None
            is_secret = parts is not None and (parts.scheme == "https" or parts.hostname in {"127.0.0.1", "localhost"})
            self._want(is_secret, f"webServiceURL is {url!r}, no https address")
            is_long = isinstance(token, str) and len(token) >= _TOKEN_CHARACTERS_MIN
            self._want(is_long, "authenticationToken has fewer than 16 characters")

    def registers(self) -> None:
        answer = self._register(self._phone, self._pass)
        self._want(answer.status == 201, f"registering for the first time answered {answer.status}, not 201")
        answer = self._register(self._phone, self._pass)
        self._want(answer.status == 200, f"registering again answered {answer.status}, not 200")

    def tells_the_passes(self) -> None:
        told = self._ask(self._phone, with_tag=False)
        self._want(
            told.serials == (self._pass.serial,),
            f"a device that registered {self._pass.serial} was told {list(told.serials)}",
        )
        self._phone.tag = told.tag

    def tells_nothing_new(self) -> None:
        self._needs_tag()
        answer = self._list(self._phone, self._phone.tag)
        self._want(answer.status == 204, f"asking where nothing is new answered {answer.status}, not 204")
        self._want(not answer.body, "204 came with a body")

    def gives_the_pass(self) -> None:
        self._fetch()

    def answers_head(self) -> None:
        answer = self._call("HEAD", self._pass_path(self._pass), self._pass)
        self._want(answer.status == 200, f"HEAD answered {answer.status}, not 200")
        self._want(not answer.body, "HEAD came with a body")
        got = self._call("GET", self._pass_path(self._pass), self._pass)
        for name in ("content-type", "last-modified"):
            said, meant = answer.headers.get(name), got.headers.get(name)
            self._want(said == meant, f"HEAD says {name} {said}, GET says {meant}")

    def spares_what_is_there(self) -> None:
        modified = self._needs_fetched()[1]
        for method in ("GET", "HEAD"):
            answer = self._call(
                method, self._pass_path(self._pass), self._pass, headers={"If-Modified-Since": modified}
            )
            self._want(answer.status == 304, f"{method} with the newest date answered {answer.status}, not 304")
            self._want(not answer.body, "304 came with a body")

    def refuses_wrong_tokens(self) -> None:
        right = str(self._pass.content.get("authenticationToken"))
        wrong = [
            ("a wrong token", f"ApplePass {secrets.token_hex(len(right) // 2)}"),
            ("no token", None),
            ("an empty token", "ApplePass "),
            ("the beginning of the token", f"ApplePass {right[:-1]}"),
            ("the token as a Bearer", f"Bearer {right}"),
            ("the token in Base64", f"Basic {base64.b64encode(right.encode()).decode()}"),
        ]
        for what, authorization in wrong:
            headers = {} if authorization is None else {"Authorization": authorization}
            for method, path, body in self._guarded_calls(self._pass):
                answer = self._call(method, path, None, headers=headers, body=body)
                self._want(answer.status == 401, f"{method} with {what} answered {answer.status}, not 401")
        still = self._ask(self._phone, with_tag=False)
        self._want(self._pass.serial in still.serials, "a wrong token has unregistered the pass")

    def refuses_unknown_passes(self) -> None:
        token = str(self._pass.content.get("authenticationToken"))
        serial = _alike(self._pass.serial)
        guards = zip(self._guarded_calls(self._pass, serial=serial), self._guarded_calls(self._pass), strict=True)
        for (method, path, body), (_, known, _) in guards:
            unknown = self._call(method, path, None, token=token, body=body)
            self._want(
                unknown.status == 401, f"{method} for a pass that does not exist answered {unknown.status}, not 401"
            )
            wrong = self._call(method, known, None, token=secrets.token_hex(16), body=body)
            said = [
                (one.status, one.headers.get("content-type"), one.headers.get("www-authenticate"), one.body)
                for one in (unknown, wrong)
            ]
            self._want(
                said[0] == said[1],
                f"{method} tells a pass that does not exist from a wrong token: {said[0]}, {said[1]}",
            )

    def refuses_other_types(self) -> None:
        token = str(self._pass.content.get("authenticationToken"))
        for method, path, body in self._guarded_calls(self._pass, type_id=f"{self._pass.pass_type_id}.other"):
            answer = self._call(method, path, None, token=token, body=body)
            self._want(answer.status == 401, f"{method} with another type answered {answer.status}, not 401")

    def knows_no_strange_device(self) -> None:
        answer = self._list(self._device(), None)
        self._want(answer.status in {204, 404}, f"an unknown device was answered {answer.status}, not 204 or 404")

    def decodes_paths(self) -> None:
        encoded = "".join(f"%{ord(letter):02X}" for letter in self._pass.pass_type_id)
        path = f"/v1/passes/{encoded}/{segment(self._pass.serial)}"
        answer = self._call("GET", path, self._pass)
        self._want(answer.status == 200, f"a path with encoded letters answered {answer.status}, not 200")

    def tells_a_change(self) -> None:
        self._needs_tag()
        pushed = self._pushes(self._phone)
        self._cause_change(self._pass.serial)
        told = self._until_told(self._phone, self._pass)
        self._note_tag(told)
        if self._apns is not None:
            self._want(
                self._is_pushed(self._phone, after=pushed), f"no push came within {self._wait:g} s of the change"
            )

    def gives_what_is_new(self) -> None:
        self._fetch_change()

    def skips_nothing(self) -> None:
        self._needs_tag()
        tags = [self._phone.tag]
        for _ in range(_CHANGES):
            self._cause_change(self._pass.serial)
            told = self._until_told(self._phone, self._pass)
            if not told.serials:
                return
            self._note_tag(told)
            tags.append(self._phone.tag)
            self._fetch_change()
        self._want(len(set(tags)) == len(tags), f"lastUpdated came back to a tag of before: {tags}")
        for tag in tags[:-1]:
            answer = self._list(self._phone, tag)
            told = self._read(answer)
            self._want(
                self._pass.serial in told.serials,
                f"a device that asks with the tag {tag} is not told of the changes since",
            )
        answer = self._list(self._phone, tags[-1])
        self._want(answer.status == 204, f"asking with the newest tag answered {answer.status}, not 204")

    def tells_all_passes(self) -> None:
        others = self._needs_others()
        for other in others:
            self._register(self._phone, other)
        everything = {self._pass.serial, *(other.serial for other in others)}
        before = self._ask(self._phone, with_tag=False)
        self._want_serials(before, everything, "a device that asks without a tag")
        self._phone.tag = before.tag
        for one in (self._pass, *others):
            self._cause_change(one.serial)
            self._until_told(self._phone, one)
        since = self._read(self._list(self._phone, before.tag))
        self._want_serials(since, everything, "all passes changed since the tag, one after the other, and a device")
        self._note_tag(since)
        again = self._ask(self._phone, with_tag=False)
        self._want_serials(again, everything, "a device that asks without a tag, after changes,")

    def tells_of_old_copies(self) -> None:
        (other, *_) = self._needs_others()
        phone = self._device()
        self._cause_change(self._pass.serial)
        self._until_told(self._phone, self._pass)
        self._cause_change(other.serial)
        self._until_told(self._phone, other)
        self._register(phone, other)
        phone.tag = self._ask(phone, with_tag=False).tag
        self._register(phone, self._pass)  # an old copy: it has changed before the tag was given
        told = self._read(self._list(phone, phone.tag))
        self._want(
            self._pass.serial in told.serials,
            "a device that registers a pass after it changed, and has a newer tag of another pass, is never told",
        )
        for one in (self._pass, other):
            self._unregister(phone, one)

    def follows_a_new_token(self) -> None:
        self._needs_pushes()
        old = self._phone.push_token
        self._phone.push_token = secrets.token_hex(32)
        self._listen(self._phone.push_token)
        answer = self._register(self._phone, self._pass)
        self._want(answer.status == 200, f"registering with a new push token answered {answer.status}, not 200")
        at_old, at_new = self._pushed[old], self._pushes(self._phone)
        self._cause_change(self._pass.serial)
        self._until_told(self._phone, self._pass)
        self._want(self._is_pushed(self._phone, after=at_new), "no push came to the new token")
        time.sleep(_GRACE_SECONDS)
        self._want(self._pushed[old] == at_old, "a push went to the old token")

    def unregisters(self) -> None:
        phone = self._device()
        self._register(phone, self._pass)
        for what in ("", " a second time"):
            answer = self._unregister(phone, self._pass)
            self._want(answer.status == 200, f"unregistering{what} answered {answer.status}, not 200")
        answer = self._list(phone, None)
        self._want(answer.status in {204, 404}, f"a device without passes was answered {answer.status}, not 204 or 404")
        if self._apns is not None:
            pushed, witness = self._pushes(phone), self._pushes(self._phone)
            self._cause_change(self._pass.serial)
            self._is_pushed(self._phone, after=witness)
            time.sleep(_GRACE_SECONDS)
            self._want(self._pushes(phone) == pushed, "a device that has unregistered is pushed to")

    def takes_logs(self) -> None:
        answer = self._call("POST", "/v1/log", None, body={"logs": ["a complaint", "one\nwith \x1b[2J controls"]})
        self._want(answer.status == 200, f"a log answered {answer.status}, not 200")

    # ── What the rules are made of ──────────────────────────────────────────────────────────────────────────────

    def _want(self, holds: bool, fault: str) -> None:  # noqa: FBT001 (reads as a sentence: want this, else say that)
        if not holds and fault not in self._faults:
            self._faults.append(fault)

    def _want_serials(self, told: _Changes, everything: set[str], who: str) -> None:
        missing, strange = everything - set(told.serials), set(told.serials) - everything
        self._want(not missing, f"{who} is not told of {sorted(missing)}")
        self._want(not strange, f"{who} is told of {sorted(strange)}, which it has not")

    def _needs_tag(self) -> None:
        if self._phone.tag is None:
            raise _NotTriedError("the service has given no tag that a device can use")

    def _needs_fetched(self) -> tuple[DevicePass, str]:
        if self._fetched is None:
            raise _NotTriedError("the pass could not be fetched before")
        return self._fetched

    def _needs_others(self) -> list[DevicePass]:
        if not self._others:
            raise _NotTriedError("it takes a second pass")
        return self._others

    def _needs_pushes(self) -> None:
        if self._apns is None:
            raise _NotTriedError("it takes an APNs stand-in that the server pushes to")

    def _device(self) -> _Device:
        device = _Device()
        self._listen(device.push_token)
        return device

    def _listen(self, token: str) -> None:
        self._pushed[token] = 0
        if self._apns is None:
            return

        def count(_: object) -> None:
            with self._news:
                self._pushed[token] += 1
                self._news.notify_all()

        self._apns.on_push(token, count)

    def _pushes(self, device: _Device) -> int:
        return self._pushed[device.push_token]

    def _is_pushed(self, device: _Device, *, after: int) -> bool:
        with self._news:
            return self._news.wait_for(lambda: self._pushes(device) > after, self._wait)

    def _register(self, device: _Device, one: DevicePass) -> Answer:
        return self._call("POST", _registration(device.id, one), one, body={"pushToken": device.push_token})

    def _unregister(self, device: _Device, one: DevicePass) -> Answer:
        return self._call("DELETE", _registration(device.id, one), one)

    def _list(self, device: _Device, tag: str | None) -> Answer:
        path = f"/v1/devices/{segment(device.id)}/registrations/{segment(self._pass.pass_type_id)}"
        return self._call("GET", f"{path}?{urlencode({'passesUpdatedSince': tag})}" if tag is not None else path, None)

    def _ask(self, device: _Device, *, with_tag: bool) -> _Changes:
        answer = self._list(device, device.tag if with_tag else None)
        self._want(answer.status == 200, f"asking what changed answered {answer.status}, not 200")
        return self._read(answer)

    def _read(self, answer: Answer) -> _Changes:
        """What was told; an answer that a device could not use is a fault, and tells nothing."""
        if answer.status != 200:
            return _Changes()
        self._want_type(answer, "application/json", "what changed")
        try:
            facts = json.loads(answer.body)
            serials, tag = facts["serialNumbers"], facts["lastUpdated"]
        except (ValueError, KeyError, TypeError):
            self._faults.append("what changed is no JSON object with serialNumbers and lastUpdated")
            return _Changes()
        is_list = isinstance(serials, list) and all(isinstance(serial, str) for serial in serials)
        self._want(is_list, f"serialNumbers is no list of strings: {serials!r}")
        self._want(isinstance(tag, str), f"lastUpdated is no string: {tag!r}")
        if not is_list or not isinstance(tag, str):
            return _Changes()
        self._want(len(set(serials)) == len(serials), f"serialNumbers names a pass twice: {serials}")
        return _Changes(serials=tuple(serials), tag=tag)

    def _until_told(self, device: _Device, one: DevicePass) -> _Changes:
        """Ask with the device's tag until it is told of a pass; nothing, and a fault, if it never is."""
        end, pause = time.monotonic() + self._wait, _LOOK_AGAIN_SECONDS
        asked = list(self._requests)
        while True:
            self._requests = list(asked)  # the same question over and over is worth one line
            told = self._read(self._list(device, device.tag))
            if one.serial in told.serials:
                return told
            if time.monotonic() >= end:
                self._faults.append(
                    f"a device that asks with the tag {device.tag} was not told of a change within {self._wait:g} s"
                )
                return _Changes()
            time.sleep(pause)
            pause = min(2 * pause, _LOOK_AGAIN_SECONDS_MAX)

    def _note_tag(self, told: _Changes) -> None:
        if told.tag is not None:
            self._want(
                told.tag != self._phone.tag,
                f"a pass has changed, but the lastUpdated tag ({told.tag}) remained the same",
            )
            self._phone.tag = told.tag

    def _fetch(self, *, since: str | None = None) -> tuple[DevicePass, str] | None:
        """Fetch the pass as a device does, and remember it; None, and a fault, where it cannot be used."""
        headers = {"Accept-Encoding": "gzip, deflate, br", **({"If-Modified-Since": since} if since else {})}
        answer = self._call("GET", self._pass_path(self._pass), self._pass, headers=headers)
        self._want(answer.status == 200, f"fetching the pass answered {answer.status}, not 200")
        if answer.status != 200:
            return None
        self._want_type(answer, _PKPASS, "the pass")
        encoding = answer.headers.get("content-encoding")
        self._want(encoding is None, f"the pass came with Content-Encoding {encoding}")
        modified = answer.headers.get("last-modified")
        self._want(_moment(modified) is not None, f"Last-Modified is no date: {modified}")
        try:
            fresh = DevicePass.read(answer.body, language="en")
        except InvalidPassError as error:
            self._faults.append(f"what came is no pass: {error}")
            return None
        for name in ("serialNumber", "passTypeIdentifier", "authenticationToken", "webServiceURL"):
            is_same = fresh.content.get(name) == self._pass.content.get(name)
            self._want(is_same, f"{name} is another one than in the pass that is held")
        if modified is None:
            return None
        self._fetched = fresh, modified
        return self._fetched

    def _fetch_change(self) -> None:
        before, modified = self._needs_fetched()
        fetched = self._fetch(since=modified)
        if fetched is None:
            return
        self._want(fetched[0].content != before.content, "a pass that is said to have changed shows the same")
        was, now = _moment(modified), _moment(fetched[1])
        has_risen = was is not None and now is not None and now > was
        self._want(has_risen, f"the pass changed, but Last-Modified did not rise: {modified}, then {fetched[1]}")

    def _want_type(self, answer: Answer, content_type: str, what: str) -> None:
        came = answer.headers.get("content-type", "none")
        is_right = came.partition(";")[0].strip() == content_type
        self._want(is_right, f"{what} came with content type {came}, not {content_type}")

    def _guarded_calls(
        self, one: DevicePass, *, serial: str | None = None, type_id: str | None = None
    ) -> list[tuple[str, str, object]]:
        type_id, serial = segment(type_id or one.pass_type_id), segment(serial or one.serial)
        registration = f"/v1/devices/{self._phone.id}/registrations/{type_id}/{serial}"
        return [
            ("GET", f"/v1/passes/{type_id}/{serial}", None),
            ("POST", registration, {"pushToken": self._phone.push_token}),
            ("DELETE", registration, None),
        ]

    def _pass_path(self, one: DevicePass) -> str:
        return f"/v1/passes/{segment(one.pass_type_id)}/{segment(one.serial)}"

    def _call(
        self,
        method: str,
        path: str,
        one: DevicePass | None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        body: object = None,
    ) -> Answer:
        """Call the web service, as the holder of a pass where one is given."""
        if one is not None:
            token = str(one.content.get("authenticationToken"))
        try:
            answer = call(
                self._pass.web_service_url or "",
                method,
                path,
                through=self._through,
                token=token,
                headers={"User-Agent": "Carnet-Conformance/1", **(headers or {})},
                body=body,
            )
        except NoAnswerError:
            self._requests.append(f"{method} {path} → no answer")
            raise
        self._requests.append(f"{method} {path} → {answer.status}")
        return answer


_RULES: tuple[tuple[str, str, Callable[[_Run], None]], ...] = (
    (
        "names-its-web-service",
        "A pass has an https webServiceURL and a token of 16 characters.",
        _Run.names_its_web_service,
    ),
    ("registers", "A new registration is 201, a known one 200.", _Run.registers),
    (
        "tells-the-passes",
        "A device is told its passes, as strings, with a tag that is a string.",
        _Run.tells_the_passes,
    ),
    ("tells-nothing-new", "Where nothing changed since the tag, the answer is 204.", _Run.tells_nothing_new),
    ("gives-the-pass", "A pass comes as what it is: type, date, not encoded, the same pass.", _Run.gives_the_pass),
    ("answers-head", "HEAD is answered as GET is.", _Run.answers_head),
    ("spares-what-is-there", "A device that has the newest pass is answered 304.", _Run.spares_what_is_there),
    ("refuses-wrong-tokens", "Without the pass's own token the answer is 401.", _Run.refuses_wrong_tokens),
    (
        "refuses-unknown-passes",
        "A pass that does not exist is 401, in the same words as a wrong token.",
        _Run.refuses_unknown_passes,
    ),
    ("refuses-other-types", "A token opens its pass under its own type only.", _Run.refuses_other_types),
    ("knows-no-strange-device", "An unknown device is told nothing: 204 or 404.", _Run.knows_no_strange_device),
    ("decodes-paths", "Segments of a path are decoded.", _Run.decodes_paths),
    (
        "tells-a-change",
        "After a change the device is woken, told the pass, and given another tag.",
        _Run.tells_a_change,
    ),
    (
        "gives-what-is-new",
        "A pass that changed is given, whatever date the device has, under a later one.",
        _Run.gives_what_is_new,
    ),
    (
        "skips-nothing",
        "Changes in quick succession each have a tag and a date; any earlier tag still leads to them, pushed or not.",
        _Run.skips_nothing,
    ),
    ("tells-all-passes", "A device with several passes is told all that changed since its tag.", _Run.tells_all_passes),
    (
        "tells-of-old-copies",
        "A device that registers a pass that changed before is told of it, whatever its tag.",
        _Run.tells_of_old_copies,
    ),
    (
        "follows-a-new-token",
        "A device that registers with a new push token is woken there only.",
        _Run.follows_a_new_token,
    ),
    ("unregisters", "Unregistering is 200, also when done already, and ends pushes.", _Run.unregisters),
    ("takes-logs", "What a device complains about is taken, without a token.", _Run.takes_logs),
)

_GROUND = frozenset({"registers", "tells-the-passes", "gives-the-pass"})


def _registration(device_id: str, one: DevicePass) -> str:
    return f"/v1/devices/{segment(device_id)}/registrations/{segment(one.pass_type_id)}/{segment(one.serial)}"


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else parsedate_to_datetime(text)
    except ValueError:
        return None


def _alike(serial: str) -> str:
    """Another serial of the same form: its letters and digits exchanged for others of their kind."""
    digits, letters = "0123456789", "abcdef"
    return "".join(
        secrets.choice(digits) if sign.isdigit() else secrets.choice(letters) if sign.isalpha() else sign
        for sign in serial
    )


def main() -> int:
    """Try the rules and print the report; 1 if one is broken."""
    parser = argparse.ArgumentParser(
        prog="python -m standins.wallet_conformance", description=(__doc__ or "").split("\n", 1)[0]
    )
    parser.add_argument(
        "--pass", dest="passes", type=Path, action="append", required=True, help="a .pkpass file; several"
    )
    parser.add_argument(
        "--change-command", required=True, help="what changes a pass; {serial} stands for its serial number"
    )
    parser.add_argument("--through", help="scheme, host and port to call in place of the webServiceURL's")
    parser.add_argument("--wait", type=float, default=90.0, help="seconds that a change may take (90)")
    parser.add_argument("--client-ca", type=Path, help="PEM file that the pass certificate leads to: have pushes tried")
    parser.add_argument("--apns-port", type=int, default=2197, help="where the server is to push to (2197)")
    parser.add_argument(
        "--folder", type=Path, default=Path(), help="where to write apns-ca.pem, for the server to trust"
    )
    parser.add_argument("--only", action="append", default=[], help="a rule to try, with those it builds on; several")
    wish = parser.parse_args()

    def change(serial: str) -> None:
        command = [part.replace("{serial}", serial) for part in shlex.split(wish.change_command)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def run(apns: ApnsStandIn | None) -> Report:
        return conformance(
            [path.read_bytes() for path in wish.passes],
            cause_change=change,
            pushes=apns,
            through=wish.through,
            wait_seconds=wish.wait,
            only=wish.only,
        )

    if wish.client_ca is None:
        report = run(None)
    else:
        with ApnsStandIn(client_ca=wish.client_ca, port=wish.apns_port) as apns:
            wish.folder.mkdir(parents=True, exist_ok=True)
            authority = wish.folder / "apns-ca.pem"
            authority.write_bytes(apns.ca_file.read_bytes())
            sys.stderr.write(f"APNS_ENDPOINT={apns.endpoint} APNS_CA={authority}\n")
            report = run(apns)
    sys.stdout.write(f"{report}\n")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
