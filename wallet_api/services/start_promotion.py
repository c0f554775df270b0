"""Turning a promotion on for some days."""

from __future__ import annotations

from wallet_api.domain.definition import DayRange
from wallet_api.domain.errors import NotFound
from wallet_api.services.app import App
from wallet_api.store import programs


def start_promotion(app: App, program: str, promotion: str, *, days: DayRange) -> None:
    """Turn a promotion of the definition in force on, for these program-local days; NotFound for any other."""
    with app.db.begin() as tx:
        definition = app.current_definition(tx, program)
        if promotion not in {known.id for known in definition.promotions}:
            raise NotFound(what="promotion")
        programs.start_promotion(tx, program, promotion, days=days)
