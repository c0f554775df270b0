"""What members change about themselves: their profile, and what they agree to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from wallet_api.domain import calendar, errors
from wallet_api.services.app import App
from wallet_api.services.present import Json
from wallet_api.store import deliveries, locks, members, recommendations
from wallet_api.store.session import Tx

TERMS = "terms"
PROFILING = "profiling"


def alter_member(app: App, tx: Tx, member_id: UUID, changes: Mapping[str, object]) -> None:
    """Change some of name, birth date, locale and time zone; the address has a way of its own, as it must be proved."""
    row = locks.member(tx, member_id)
    birth_date = changes.get("birth_date")
    if isinstance(birth_date, date):
        check_birth_date(app, tx, birth_date, program=row.program_id)
    members.alter(tx, member_id, dict(changes))
    deliveries.add_event(tx, row.program_id, member_id, kind="profile_changed", now=app.clock.now())


def check_birth_date(app: App, tx: Tx, birth_date: date, *, program: str) -> None:
    """Nobody is born after today, as the program's days go. Raises Invalid."""
    zone = app.current_definition(tx, program).time_zone
    if birth_date > calendar.local_day(app.clock.now(), zone):
        raise errors.Invalid(pointer="#/birth_date", detail="Lies in the future.")


def record_consent(app: App, tx: Tx, member_id: UUID, *, kind: str, granted: bool) -> Json:
    """Note that a member gave or withdrew a consent, and to which text; the terms bind for as long as they are a member.

    Raises TermsNotAccepted.
    """
    if kind == TERMS and not granted:
        raise errors.TermsNotAccepted()
    row = locks.member(tx, member_id)
    consent: Json = {
        "kind": kind,
        "granted": granted,
        "terms_version": app.current_definition(tx, row.program_id).terms_version,
        "channel": "app",
        "at": app.clock.now(),
    }
    members.add_consent(
        tx,
        member_id,
        kind=kind,
        granted=granted,
        terms_version=str(consent["terms_version"]),
        channel="app",
        at=app.clock.now(),
    )
    if kind == PROFILING and not granted:
        recommendations.forget(tx, member_id)
    return consent
