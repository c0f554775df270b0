"""`python -m bench [NAME …]`: run all benchmarks, or some."""

from __future__ import annotations

import sys

from bench import due, outbox, passes, push, qr, recommendations, replay, sales, segments, wallets

ALL = {
    "sales": sales.run,
    "replay": replay.run,
    "due": due.run,
    "outbox": outbox.run,
    "push": push.run,
    "segments": segments.run,
    "recommendations": recommendations.run,
    "passes": passes.run,
    "qr": qr.run,
    "wallets": wallets.run,
}

for name in sys.argv[1:] or ALL:
    ALL[name]()
