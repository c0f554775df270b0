"""The shop of the demo: its program, location, till, manager and member, and CDNOW's purchases as its history.

Made step by step, and each step only if it is missing, so that a start that was cut short goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson

from wallet_api import cdnow, tokens
from wallet_api.domain import calendar
from wallet_api.services import sign_in
from wallet_api.services.app import App
from wallet_api.services.create_key import create_key
from wallet_api.services.create_location import create_location
from wallet_api.services.create_staff import create_staff
from wallet_api.services.enrol import Consents, enrol
from wallet_api.services.import_transactions import Progress, import_transactions
from wallet_api.services.publish import publish
from wallet_api.services.register_device import Device, register_device
from wallet_api.services.show_card import card_of
from wallet_api.services.sign_in import Tokens
from wallet_api.settings import Settings
from wallet_api.store import access, members, programs
from wallet_api.store.members import NewMember
from wallet_api.tokens import AccessClaims

PROGRAM = "cd-shop"
LOCATION = "main-street"
MANAGER = "maria@example.org"
MEMBER = "alice@example.org"
PHONE = "alices-phone"
DEFINITIONS = Path(__file__).parents[2] / "programs"
IMPORTED = "history-imported"
ASIDE = "demo.before.json"


@dataclass(frozen=True, kw_only=True)
class DemoShop:
    """What a visitor of the demo works with; written to `demo.json`."""

    till_key: str
    location_id: UUID
    manager_password: str
    member_id: UUID
    card_number: str
    tokens: Tokens
    claims: AccessClaims

    def told(self, settings: Settings, *, now: datetime) -> dict[str, object]:
        """The contents of `demo.json`, as the command line's contract names them, with an access token made now."""
        return {
            "base_url": settings.base_url,
            "program": PROGRAM,
            "till_key": self.till_key,
            "location_id": str(self.location_id),
            "manager": {"email": MANAGER, "password": self.manager_password},
            "member": {
                "email": MEMBER,
                "access_token": self._access_token(settings, now=now),
                "refresh_token": self.tokens.refresh_token,
                "card_number": self.card_number,
            },
        }

    def _access_token(self, settings: Settings, *, now: datetime) -> str:
        keys = tokens.token_keys(settings)
        return tokens.issue_access_token(self.claims, keys=keys, now=now)


def prepare_shop(app: App, folder: Path, *, progress: Callable[[Progress], None]) -> DemoShop:
    """Make what is missing of the shop; a second start finds it all and only renews the member's tokens."""
    before = _remembered(folder / ASIDE)
    with app.db.read() as tx:
        is_published = programs.latest_version(tx, PROGRAM) is not None
    if not is_published:
        publish(app, (DEFINITIONS / f"{PROGRAM}.yaml").read_text(encoding="utf-8"), now=app.clock.now())
    location = create_location(app, PROGRAM, code=LOCATION, name="12 Main Street", latitude=40.7484, longitude=-73.9857)
    _import_history(app, folder, progress=progress)
    member_id = _member(app)
    with app.db.begin() as tx:
        register_device(app, tx, member_id, Device(fcm_token=PHONE, platform="ios"), program=PROGRAM)
        card = card_of(tx, member_id)
    opened = sign_in.open_session(app, PROGRAM, member_id)
    now = app.clock.now()  # not that of the start: on a slow machine the import takes longer than clocks may differ
    return DemoShop(
        till_key=_till_key(app, before),
        location_id=location.id,
        manager_password=_manager_password(app, before),
        member_id=member_id,
        card_number=card.number,
        tokens=opened,
        claims=tokens.read_access_token(opened.access_token, keys=tokens.token_keys(app.settings), now=now),
    )


def put_aside(folder: Path) -> None:
    """Take an earlier start's `demo.json` out of sight: that the file is there means that everything answers."""
    with contextlib.suppress(FileNotFoundError):
        (folder / "demo.json").replace(folder / ASIDE)


def remove_put_aside(folder: Path) -> None:
    """Forget what was put aside, once a new `demo.json` has taken its secrets over."""
    (folder / ASIDE).unlink(missing_ok=True)


def is_new(folder: Path) -> bool:
    """Whether the history is still to be imported."""
    return not (folder / IMPORTED).exists()


def _import_history(app: App, folder: Path, *, progress: Callable[[Progress], None]) -> None:
    """Move CDNOW's purchases so that the last was yesterday, once: later starts keep the days of the first."""
    if not is_new(folder):
        return
    started = folder / f"{IMPORTED}.days"
    if started.exists():
        days = int(started.read_text(encoding="ascii"))
    else:
        with app.db.read() as tx:
            zone = app.current_definition(tx, PROGRAM).time_zone
        yesterday = calendar.local_day(app.clock.now(), zone) - timedelta(days=1)
        days = cdnow.days_until(yesterday)
        started.write_text(str(days), encoding="ascii")
    import_transactions(app, PROGRAM, cdnow.rows(shift_days=days), location=LOCATION, progress=progress)
    (folder / IMPORTED).touch()


def _member(app: App) -> UUID:
    now = app.clock.now()
    with app.db.begin() as tx:
        known = members.by_address(tx, PROGRAM, MEMBER)
        if known is not None:
            return known
        alice = NewMember(
            program_id=PROGRAM, joined_at=now, email=MEMBER, given_name="Alice", family_name="Martin", locale="en"
        )
        return enrol(app, tx, alice, Consents(terms=True), now=now)


def _till_key(app: App, before: dict[str, str]) -> str:
    known = before.get("till_key")
    if known and app.authenticate_key(known):
        return known
    return create_key(app, PROGRAM, name="the demo's till", scopes=["till", "members:act"], locations=[LOCATION])


def _manager_password(app: App, before: dict[str, str]) -> str:
    known = before.get("manager_password")
    with app.db.read() as tx:
        person = access.staff_by_email(tx, MANAGER)
    if person and known:
        return known
    password = secrets.token_urlsafe(12)
    if person:
        with app.db.begin() as tx:
            access.set_staff_password(tx, MANAGER, sign_in.hash_password(password))
    else:
        create_staff(app, PROGRAM, email=MANAGER, role="manager", password=password)
    return password


def _remembered(path: Path) -> dict[str, str]:
    """The secrets that only an earlier start's `demo.json` knows: the database keeps hashes."""
    try:
        told = orjson.loads(path.read_bytes())
        return {"till_key": str(told["till_key"]), "manager_password": str(told["manager"]["password"])}
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return {}
