"""Alice's emulated iPhone: it holds her pass, is pushed by the APNs stand-in, and says what it shows.

The pages of the demo read what it shows from a small file, since they run in the API's processes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import orjson
import requests

from standins.apns import ApnsStandIn
from standins.wallet_device import DevicePass, WalletDevice

LANGUAGE = "en"
SHOWN = "device.json"
LOOK_EVERY_SECONDS = 0.3


@contextlib.contextmanager
def phone(apns: ApnsStandIn, *, base_url: str, access_token: str, folder: Path) -> Iterator[WalletDevice]:
    """A phone that adds the member's pass over HTTP, registers, and follows its changes while the block lasts."""
    answer = requests.get(
        f"{base_url}/v1/me/card/apple.pkpass", headers={"Authorization": f"Bearer {access_token}"}, timeout=30
    )
    answer.raise_for_status()
    library_id, push_token = _identity(folder / "phone.json")
    with WalletDevice(language=LANGUAGE, library_id=library_id, push_token=push_token) as device:
        device.connect(apns)
        device.add(answer.content)
        stop = threading.Event()
        reporter = threading.Thread(target=_report, args=(device, folder / SHOWN, stop), daemon=True)
        reporter.start()
        try:
            yield device
        finally:
            stop.set()
            reporter.join()


def _identity(path: Path) -> tuple[str, str]:
    """The device's ids, kept from start to start: a new phone at each would leave the old ones registered for ever."""
    try:
        known = orjson.loads(path.read_bytes())
        return str(known["library_id"]), str(known["push_token"])
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        library_id, push_token = secrets.token_hex(16), secrets.token_hex(32)
        write_private(path, orjson.dumps({"library_id": library_id, "push_token": push_token}))
        return library_id, push_token


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # made with mode 0600
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Path(temporary).replace(path)


def _report(device: WalletDevice, path: Path, stop: threading.Event) -> None:
    told, kept = b"", dict[str, bytes]()
    while True:
        held = list(device.passes.values())
        for each in held:
            if kept.get(each.serial) != each.data:
                write_private(path.parent / file_of(each.serial), each.data)
                kept[each.serial] = each.data
        shown = orjson.dumps([_shown(each, device.lock_screen) for each in held])
        if shown != told:
            write_private(path, shown)
            told = shown
        if stop.wait(LOOK_EVERY_SECONDS):
            return


def _shown(held: DevicePass, lock_screen: list[str]) -> dict[str, object]:
    """Where a pass's file lies, the language it is read in, and what the lock screen has said."""
    return {
        "file": file_of(held.serial),
        "language": LANGUAGE,
        "last_modified": held.last_modified,
        "lock_screen": list(lock_screen),
    }


def file_of(serial: str) -> str:
    """The name of the file in which the phone keeps a pass."""
    return f"{UUID(serial)}.pkpass"
