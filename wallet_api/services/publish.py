"""Publishing a program's definition: a new version, in force at once."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime

from notifications.render import check_template
from wallet_api.domain.definition import Definition
from wallet_api.program_file import read_definition
from wallet_api.services.app import App
from wallet_api.store import programs


def check(text: str, *, files: Callable[[str], bytes] | None = None) -> Definition:
    """Read a definition and check everything about it; raises DefinitionFaults with all that is wrong."""
    return read_definition(text, files=files, check_template=lambda kind, message: check_template(message, kind))


def publish(
    app: App, text: str, *, now: datetime, files: Callable[[str], bytes] | None = None
) -> tuple[Definition, int]:
    """Check a definition, file it as the program's next version, and put it in force."""
    named: dict[str, str] = {}

    def remember(name: str) -> bytes:
        if files is None:
            raise LookupError(name)
        content = files(name)
        named[name] = base64.b64encode(content).decode()
        return content

    definition = check(text, files=remember)
    with app.db.begin() as tx:
        version = programs.publish(tx, definition.program, text, named, now=now)
    return definition, version
