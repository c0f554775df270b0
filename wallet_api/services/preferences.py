"""What a member wants to hear of, by which way, and when not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from uuid import UUID

from wallet_api.domain.messages import CHANNELS, KINDS, PREFERABLE
from wallet_api.services.app import App
from wallet_api.services.present import Json
from wallet_api.store import locks, members, preferences
from wallet_api.store.session import Tx


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """What a member chose: by kind the channels that they do not want, their quiet hours (equal: none), their zone."""

    unwanted: Mapping[str, Sequence[str]]
    quiet: tuple[time, time] | None
    time_zone: str | None


def show_preferences(tx: Tx, member_id: UUID) -> Json:
    """What the member chose; every kind and channel is on until they say otherwise."""
    row, person = preferences.of_member(tx, member_id), members.profile(tx, member_id)
    unwanted = row.unwanted if row else {}
    quiet = row and row.quiet_from is not None and row
    return {
        "kinds": [
            {
                "kind": kind,
                "class": KINDS[kind].message_class.value,
                **{channel: channel not in unwanted.get(kind, ()) for channel in CHANNELS},
            }
            for kind in PREFERABLE
        ],
        "quiet_hours": {"from": f"{quiet.quiet_from:%H:%M}", "until": f"{quiet.quiet_until:%H:%M}"} if quiet else None,
        "time_zone": person.time_zone,
    }


def put_preferences(app: App, tx: Tx, member_id: UUID, wish: Preferences) -> Json:
    """Replace what the member chose; what waits and is not wanted any more is not sent."""
    locks.member(tx, member_id)
    preferences.put(tx, member_id, unwanted=wish.unwanted, quiet=wish.quiet, now=app.clock.now())
    preferences.end_unwanted(tx, member_id, wish.unwanted)
    members.alter(tx, member_id, {"time_zone": wish.time_zone})
    return show_preferences(tx, member_id)


def stop_mail(app: App, tx: Tx, member_id: UUID, *, kinds: Sequence[str]) -> None:
    """Send no e-mail of these kinds any more; the rest of what the member chose stays."""
    locks.member(tx, member_id)
    row = preferences.of_member(tx, member_id)
    unwanted = {kind: list(channels) for kind, channels in (row.unwanted if row else {}).items()}
    for kind in kinds:
        unwanted[kind] = sorted({*unwanted.get(kind, ()), "email"})
    quiet = (row.quiet_from, row.quiet_until) if row and row.quiet_from is not None else None
    preferences.put(tx, member_id, unwanted=unwanted, quiet=quiet, now=app.clock.now())
    preferences.end_unwanted(tx, member_id, unwanted)
