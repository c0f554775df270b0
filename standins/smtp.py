"""A stand-in for a mail server: real SMTP on 127.0.0.1, for the mail that Carnet sends.

    with SmtpStandIn() as mail:
        …                                             # SMTP_URL = mail.url
        mail.fault("greylist", to="alice@example.test", times=1)
        assert mail.to("alice@example.test")[0]["Subject"] == "…"

With `login=("carnet", "secret")` it asks for a password; with `tls="implicit"` or `"starttls"` it speaks TLS
under a certificate of its own authority, which `mail.client_context()` trusts.
On its own: `python -m standins.smtp --port 9025`, which prints each mail.

| fault | the mail arrives | the sender gets |
|---|---|---|
| `greylist` | no | 451 to the recipient |
| `mailbox_unavailable` | no | 550 to the recipient |
| `sender_refused` | no | 550 to the sender |
| `text_refused` | no | 554 to the text |
| `drop` | no | a lost connection |
| `drop_after_data` | yes | a lost connection |
"""

import argparse
import asyncio
import ssl
import threading
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from standins import ServerThread
from standins.pki import CertificateAuthority

FaultKind = Literal["greylist", "mailbox_unavailable", "sender_refused", "text_refused", "drop", "drop_after_data"]

_ACCEPTED = "250 OK"
_AT_RECIPIENT = {
    "greylist": "451 4.7.1 come back later",
    "mailbox_unavailable": "550 5.1.1 nobody of that name",
}


@dataclass(kw_only=True)
class _Fault:
    kind: FaultKind
    to: str | None
    times: int | None


class SmtpStandIn(ServerThread):
    """The server, in a thread of its own while the context is open; its attributes may be read at any time.

    `messages` are the mails that arrived, parsed, in their order; `connections` counts those that said hello.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        login: tuple[str, str] | None = None,
        tls: Literal["none", "implicit", "starttls"] = "none",
    ) -> None:
        super().__init__()
        self.messages: list[EmailMessage] = []
        self.connections = 0
        self.port = port
        self._arrived: list[tuple[str, EmailMessage]] = []
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()
        self._login = login
        self._tls = tls
        self._authority = CertificateAuthority.create()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        scheme = {"none": "smtp", "implicit": "smtps", "starttls": "smtp+starttls"}[self._tls]
        login = "{}:{}@".format(*self._login) if self._login else ""
        return f"{scheme}://{login}127.0.0.1:{self.port}"

    def to(self, address: str) -> list[EmailMessage]:
        """The mails that arrived for an address, oldest first."""
        with self._lock:
            return [mail for recipient, mail in self._arrived if recipient == address]

    def fault(self, kind: FaultKind, *, to: str | None = None, times: int | None = None) -> None:
        """Misbehave from now on: for one recipient or all, `times` times or until `heal`."""
        if kind not in get_args(FaultKind):
            raise ValueError(f"no fault is called {kind}")
        with self._lock:
            self._faults.append(_Fault(kind=kind, to=to, times=times))

    def heal(self) -> None:
        """End all faults."""
        with self._lock:
            self._faults.clear()

    def client_context(self) -> ssl.SSLContext:
        """What a client needs to trust this server."""
        return ssl.create_default_context(cadata=self._authority.pem.decode())

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        context = self._server_context() if self._tls != "none" else None
        handler = _Handler(self)

        def serve() -> SMTP:
            return SMTP(
                handler,
                hostname="localhost",
                loop=loop,
                enable_SMTPUTF8=True,
                tls_context=context if self._tls == "starttls" else None,
                require_starttls=self._tls == "starttls",
                authenticator=self._authenticate,
                auth_require_tls=self._tls == "starttls",
            )

        implicit = context if self._tls == "implicit" else None
        self._server = await loop.create_server(serve, "127.0.0.1", self.port, ssl=implicit)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    def _server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            context.load_cert_chain(*self._authority.server().write(Path(folder), name="smtp"))
        return context

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: object
    ) -> AuthResult:
        wanted = LoginPassword(*(part.encode() for part in self._login or ("", "")))
        # handled=False leaves the 535 of a wrong password to aiosmtpd.
        return AuthResult(success=self._login is not None and given == wanted, handled=False)

    def _draw(self, kinds: tuple[FaultKind, ...], to: str | None) -> FaultKind | None:
        """The first of these faults that applies; `times` counts it as used."""
        with self._lock:
            for fault in self._faults:
                if fault.kind not in kinds or fault.to not in (None, to) or fault.times == 0:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                return fault.kind
        return None

    def _keep(self, recipients: list[str], content: bytes) -> None:
        mail = message_from_bytes(content, policy=default_policy)
        with self._lock:
            self.messages.append(mail)
            self._arrived += [(recipient, mail) for recipient in recipients]


class _Handler:
    """aiosmtpd's hooks, called by their names."""

    def __init__(self, mail: SmtpStandIn) -> None:
        self._mail = mail

    async def handle_EHLO(  # noqa: N802 (aiosmtpd's name)
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self._mail.connections += 1
        return responses

    async def handle_MAIL(  # noqa: N802 (aiosmtpd's name)
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        # Not by aiosmtpd's `auth_required`, which warns wherever there is no STARTTLS.
        if self._mail._login is not None and not session.authenticated:
            return "530 5.7.0 authentication required"
        if self._mail._draw(("sender_refused",), None):
            return "550 5.7.1 not from you"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return _ACCEPTED

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        fault = self._mail._draw(("greylist", "mailbox_unavailable", "drop"), address)
        if fault == "drop":
            _hang_up(server)
        if fault in _AT_RECIPIENT:
            return _AT_RECIPIENT[fault]
        envelope.rcpt_tos.append(address)
        return _ACCEPTED

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        first = envelope.rcpt_tos[0]
        fault = self._mail._draw(("text_refused", "drop_after_data"), first)
        if fault == "text_refused":
            return "554 5.6.0 not this text"
        content = envelope.content
        self._mail._keep(envelope.rcpt_tos, content if isinstance(content, bytes) else b"")
        if fault == "drop_after_data":
            _hang_up(server)
        return _ACCEPTED


def _hang_up(server: SMTP) -> None:
    transport = server.transport
    assert isinstance(transport, asyncio.Transport)
    transport.abort()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m standins.smtp", description="A mail server on 127.0.0.1")
    parser.add_argument("--port", type=int, default=9_025)
    with SmtpStandIn(port=parser.parse_args().port) as mail:
        print(f"SMTP_URL={mail.url}", flush=True)
        shown = 0
        try:
            while not threading.Event().wait(0.5):
                for each in mail.messages[shown:]:
                    shown += 1
                    print(each.as_string(), flush=True)
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
