"""Watching the certificates that sign passes."""

from __future__ import annotations

import structlog

from wallet_api.credentials import certificate_alarm
from wallet_api.services.app import App

log = structlog.get_logger(__name__)


def watch_certificate(app: App) -> None:
    """Alarm while there is time to order a new pass certificate: without one, passes no longer change."""
    if app.apple and (alarm := certificate_alarm(app.apple, now=app.clock.now())):
        log.error(alarm)
