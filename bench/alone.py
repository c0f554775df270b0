"""One piece of work in a process of its own, so that its time and its memory are its own.

`python -m bench.alone WHAT URL TIME` prints what was measured as JSON; `alone()` runs that and reads it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wallet_api.clock import FixedClock
from wallet_api.jobs.post_due import post_all_due
from wallet_api.services.app import App
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.settings import Settings
from wallet_api.store.session import Database


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How many, how long, how much of the process' own CPU time, and its resident memory at most."""

    done: int
    seconds: float
    cpu_seconds: float
    resident_mb: float

    @property
    def rate(self) -> float:
        """How many a second."""
        return self.done / self.seconds


def alone(what: str, url: str, *, now: datetime) -> Measured:
    """Do this (`post` or `verify`) for everybody in a database."""
    command = [sys.executable, "-m", "bench.alone", what, url, now.isoformat()]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=Path(__file__).parents[1])
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def _post(app: App) -> int:
    done = post_all_due(app)
    assert (done.failed, done.due) == (0, 0), done
    return done.members


def _verify(app: App) -> int:
    members = 0

    def count(batch: int) -> None:
        nonlocal members
        members += batch

    differences = list(verify_ledger(app, checked=count))
    assert not differences, differences[:3]
    return members


_WORK: dict[str, Callable[[App], int]] = {"post": _post, "verify": _verify}


def _main(what: str, url: str, now: str) -> None:
    settings = Settings(
        secret_key="a secret for benchmarks only, long enough", database_url=url, data_dir=Path(tempfile.gettempdir())
    )
    app = App(settings=settings, clock=FixedClock(datetime.fromisoformat(now)), db=Database(url))
    start, cpu = time.monotonic(), time.process_time()
    done = _WORK[what](app)
    measured = Measured(
        done=done,
        seconds=time.monotonic() - start,
        cpu_seconds=time.process_time() - cpu,
        resident_mb=_resident_kb_max() / 1024,
    )
    print(json.dumps(measured.__dict__))


def _resident_kb_max() -> int:
    """From /proc: what `getrusage` tells begins with the memory of the process that started this one."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    assert found is not None
    return int(found[1])


if __name__ == "__main__":
    _main(*sys.argv[1:])
