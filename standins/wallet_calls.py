"""One call to the web service of a pass, as Wallet makes it."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server answered; the names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswerError(Exception):
    """The server is away, or what it said is no HTTP."""


def call(
    web_service_url: str,
    method: str,
    path: str,
    *,
    through: str | None = None,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: object = None,
) -> Answer:
    """Call `path` below a pass's webServiceURL; raises NoAnswerError.

    `through` replaces scheme, host and port of the URL, `token` is shown as a pass shows its own, `body` goes as JSON.
    """
    base = urlsplit(web_service_url)
    door = urlsplit(through) if through else base
    connect = http.client.HTTPSConnection if door.scheme == "https" else http.client.HTTPConnection
    sent = {**(headers or {}), **({"Authorization": f"ApplePass {token}"} if token is not None else {})}
    if body is not None:
        sent["Content-Type"] = "application/json"
    connection = connect(door.hostname or "", door.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(
            method,
            base.path.rstrip("/") + path,
            body=None if body is None else json.dumps(body).encode(),
            headers=sent,
        )
        response = connection.getresponse()
        return Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=response.read(),
        )
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(type(error).__name__) from error
    finally:
        connection.close()


def segment(value: str) -> str:
    """A value as one segment of a path."""
    return quote(value, safe="")
