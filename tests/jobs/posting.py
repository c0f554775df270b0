"""A process that posts what is due by a given time, to be killed: `python -m tests.jobs.posting URL TIME BATCH`."""

from __future__ import annotations

import sys
from datetime import datetime

from tests.shop import SETTINGS
from wallet_api.clock import FixedClock
from wallet_api.jobs.post_due import post_all_due
from wallet_api.services.app import App
from wallet_api.store.session import Database

if __name__ == "__main__":
    url, now, batch = sys.argv[1:]
    app = App(settings=SETTINGS, clock=FixedClock(datetime.fromisoformat(now)), db=Database(url))
    post_all_due(app, batch=int(batch))
