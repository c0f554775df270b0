"""E-mail over SMTP, with the standard library."""

import asyncio
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import getaddresses
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from notifications.channels.email_smtp import pages
from notifications.message import EXPIRED, Message, Outcome, SendResult

_PORTS: dict[str, int] = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_TLS: dict[str, Literal["none", "implicit", "starttls"]] = {
    "smtp": "none",
    "smtps": "implicit",
    "smtp+starttls": "starttls",
}


@dataclass(frozen=True, kw_only=True)
class SmtpServer:
    """Where mail goes out: `smtp://`, `smtps://` or `smtp+starttls://`, with `user:password@` if needed."""

    host: str
    port: int
    tls: Literal["none", "implicit", "starttls"]
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_url(cls, url: str) -> "SmtpServer":
        """Read SMTP_URL; raises ValueError, which never quotes the URL, since a password may stand in it."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("SMTP_URL must have a number as its port") from None
        if parts.scheme not in _TLS:
            raise ValueError(f"SMTP_URL must begin with {', '.join(f'{each}://' for each in _TLS)}")
        if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("SMTP_URL must name a host, and nothing after its port")
        if (parts.username is None) != (parts.password is None):
            raise ValueError("SMTP_URL must have both a user and a password, or neither")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not (user + password).isascii():
            raise ValueError("SMTP_URL's user and password must be ASCII: smtplib can send no other")
        return cls(
            host=parts.hostname,
            port=port or _PORTS[parts.scheme],
            tls=_TLS[parts.scheme],
            user=user,
            password=password,
        )


class EmailChannel:
    """Sends a batch over one connection, in a thread; another is opened only when the server drops it.

    `mail_from` is an address or `Name <address>`, ValueError if it is neither. `timeout_s` bounds each
    answer of the server, `deadline_s` the batch: what is left then comes to LATER. `tls` replaces the
    system's certificates.
    """

    name = "email"

    def __init__(
        self,
        *,
        server: SmtpServer,
        mail_from: str,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = 10.0,
        deadline_s: float = 60.0,
    ) -> None:
        self._server = server
        self._sender = _mailbox(mail_from)
        self._tls = tls or ssl.create_default_context()
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s

    async def send(self, messages: Sequence[Message], *, now: datetime) -> list[SendResult]:
        return await asyncio.to_thread(self._send_all, messages, now)

    async def close(self) -> None:
        """Nothing stays open between batches."""

    def _send_all(self, messages: Sequence[Message], now: datetime) -> list[SendResult]:
        with _Line(self._open, deadline_s=self._deadline_s) as line:
            return [self._send_one(message, line, now=now) for message in messages]

    def _send_one(self, message: Message, line: "_Line", *, now: datetime) -> SendResult:
        if message.has_expired(now=now):
            return EXPIRED
        try:
            mail = compose(message, sender=self._sender, now=now)
        except (ValueError, MessageError):
            # Its reason may quote the address, so it stays out of the result.
            return SendResult(outcome=Outcome.REJECTED, detail="address or header refused")
        return line.send(mail, self._sender.addr_spec, message.to)

    def _open(self) -> smtplib.SMTP:
        server = self._server
        # We greet with the sender's domain; smtplib would ask the DNS for ours, without a time limit.
        if server.tls == "implicit":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host,
                server.port,
                local_hostname=self._sender.domain,
                timeout=self._timeout_s,
                context=self._tls,
            )
        else:
            smtp = smtplib.SMTP(
                server.host,
                server.port,
                local_hostname=self._sender.domain,
                timeout=self._timeout_s,
            )
        try:
            if server.tls == "starttls":
                smtp.starttls(context=self._tls)
            if server.user:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp


def compose(message: Message, *, sender: Address, now: datetime) -> EmailMessage:
    """The mail: plain text and a simple page, in the reader's language.

    The Message-ID comes from the message's id, so a mail program that gets two tries can show one.
    Raises ValueError or MessageError for an address that is not exactly one, and for line breaks in headers.
    """
    if not _ADDRESS.fullmatch(message.to):
        raise ValueError("not one address")
    language = message.locale.replace("_", "-")
    mail = EmailMessage(policy=SMTP_POLICY)
    name = message.brand.name if message.brand and not sender.display_name else sender.display_name
    mail["From"] = Address(display_name=name, addr_spec=sender.addr_spec)
    mail["To"] = Address(addr_spec=message.to)
    mail["Subject"] = message.title
    mail["Date"] = now
    mail["Message-ID"] = f"<{message.id}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence notes in return
    if message.unsubscribe_url is not None:
        # RFC 8058: a mail program posts there by itself once its reader has pressed its button.
        mail["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # Quoted-printable passes servers that still know 7 bits only.
    mail.set_content(pages.text(message), cte="quoted-printable")
    mail.add_alternative(pages.html(message, language), subtype="html", cte="quoted-printable")
    mail["Content-Language"] = language  # last: setting content drops the Content-* headers before it
    return mail


def read_failure(error: OSError) -> SendResult:
    """What a failure to send means: 4xx and lost connections pass, 5xx stay.

    A 5xx about the recipient or the text is the message's; one about us (sender, password, missing
    authentication) stops the channel. https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1
    """
    match error:
        case smtplib.SMTPRecipientsRefused():
            code = next(code for code, _ in error.recipients.values())
            ours = code == _AUTHENTICATION_REQUIRED
            permanent = Outcome.MISCONFIGURED if ours else Outcome.REJECTED
        case smtplib.SMTPDataError(smtp_code=code):
            permanent = Outcome.REJECTED
        case smtplib.SMTPSenderRefused(smtp_code=code) | smtplib.SMTPAuthenticationError(smtp_code=code):
            permanent = Outcome.MISCONFIGURED
        case smtplib.SMTPNotSupportedError():
            return SendResult(outcome=Outcome.REJECTED, detail="server cannot take this address")
        case ssl.SSLCertVerificationError():
            return SendResult(outcome=Outcome.MISCONFIGURED, detail="server's certificate not trusted")
        case _:  # lost, refused or late connections, and servers that turn everyone away at the door
            return SendResult(outcome=Outcome.LATER, detail=type(error).__name__)
    return SendResult(outcome=permanent if 500 <= code < 600 else Outcome.LATER, detail=f"SMTP {code}")


_AUTHENTICATION_REQUIRED = 530
_ADDRESS = re.compile(r"""[^\s@<>()\[\]\\,;:"]+@[^\s@<>()\\,;:"]+""")
_TOO_LONG = SendResult(outcome=Outcome.LATER, detail="the batch took too long")


class _Line:
    """The connection of one batch: opened when first needed, anew after a drop, never after a refusal."""

    def __init__(self, open_: Callable[[], smtplib.SMTP], *, deadline_s: float) -> None:
        self._open = open_
        self._smtp: smtplib.SMTP | None = None
        self._stopped: SendResult | None = None
        self._watchdog = threading.Timer(deadline_s, self._cut)

    def __enter__(self) -> Self:
        self._watchdog.daemon = True
        self._watchdog.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._watchdog.cancel()
        self._watchdog.join()
        if self._smtp is not None:
            with suppress(OSError):
                if self._stopped is None:
                    self._smtp.quit()
            self._smtp.close()

    def send(self, mail: EmailMessage, sender: str, to: str) -> SendResult:
        if self._stopped is not None:
            return self._stopped
        try:
            if self._smtp is None:
                self._smtp = self._open()
        except smtplib.SMTPNotSupportedError:
            self._stopped = SendResult(outcome=Outcome.MISCONFIGURED, detail="no STARTTLS or AUTH")
            return self._stopped
        except OSError as error:  # smtplib's errors are OSErrors too
            self._stopped = read_failure(error)
            return self._stopped
        try:
            self._smtp.send_message(mail, sender, [to])
        except OSError as error:
            return self._after(error)
        except ValueError:  # it cannot be written as bytes, which is found before the first command
            return SendResult(outcome=Outcome.REJECTED, detail="text or header refused")
        return SendResult(outcome=Outcome.ACCEPTED, provider_id=str(mail["Message-ID"]))

    def _after(self, error: OSError) -> SendResult:
        result = read_failure(error)
        if result.outcome is Outcome.MISCONFIGURED:
            self._stopped = result
        if self._smtp is not None and self._smtp.sock is None:
            self._smtp = None  # dropped; the next message may have more luck
        return result

    def _cut(self) -> None:
        """End the batch from the watchdog's thread: a server that drips keeps no reader for ever."""
        self._stopped = self._stopped or _TOO_LONG
        if self._smtp is not None and self._smtp.sock is not None:
            with suppress(OSError):
                self._smtp.sock.shutdown(socket.SHUT_RDWR)


def _mailbox(text: str) -> Address:
    match getaddresses([text]):
        case [(name, address)] if _ADDRESS.fullmatch(address):
            return Address(display_name=name, addr_spec=address)
    raise ValueError("MAIL_FROM must be one address, or a name and an <address>")
