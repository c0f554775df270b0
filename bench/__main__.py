"""`python -m bench [NAME …]`: run all benchmarks, or some."""

from __future__ import annotations

import sys

from bench import due, passes, qr, replay, sales, segments

ALL = {
    "sales": sales.run,
    "replay": replay.run,
    "due": due.run,
    "segments": segments.run,
    "passes": passes.run,
    "qr": qr.run,
}

for name in sys.argv[1:] or ALL:
    ALL[name]()
