"""Publishing a program's definition: a new version, in force at once or from an instant on."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime

from notifications.render import check_template
from passes.apple.images import logo_fault
from wallet_api.domain.definition import Definition
from wallet_api.domain.errors import InThePast
from wallet_api.program_file import read_definition
from wallet_api.services.app import App
from wallet_api.store import programs


def check(text: str, *, files: Callable[[str], bytes] | None = None) -> Definition:
    """Read a definition and check everything about it; raises DefinitionFaults with all that is wrong."""
    return read_definition(
        text,
        files=files,
        check_template=lambda kind, message: check_template(message, kind),
        check_logo=logo_fault,
    )


def publish(
    app: App,
    text: str,
    *,
    now: datetime,
    files: Callable[[str], bytes] | None = None,
    valid_from: datetime | None = None,
) -> tuple[Definition, int]:
    """Check a definition and file it as the program's next version, in force from an instant on (None: now).

    Entries keep the version under which they were made. A version that is to come gives way to one that is published
    after it, once that is in force. Raises DefinitionFaults, and InThePast for an instant that is over.
    """
    if valid_from is not None and valid_from < now:
        raise InThePast(valid_from=valid_from, now=now)
    named: dict[str, str] = {}

    def remember(name: str) -> bytes:
        if files is None:
            raise LookupError(name)
        content = files(name)
        named[name] = base64.b64encode(content).decode()
        return content

    definition = check(text, files=remember)
    version = app.db.run(
        lambda tx: programs.publish(tx, definition.program, text, named, now=now, valid_from=valid_from or now)
    )
    return definition, version
