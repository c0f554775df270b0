"""Who the customer is: a card code, a typed number, a voucher, an earlier scan, or a member's id."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from wallet_api.domain import card_code, errors, voucher_code
from wallet_api.domain.card_code import CardKey, Reading
from wallet_api.services.app import App
from wallet_api.services.find_member import member_now
from wallet_api.store import cards, merges
from wallet_api.store.cards import Card, Scan
from wallet_api.store.session import Tx

SCAN_IS_GOOD_FOR = timedelta(minutes=10)
WRONG_CODES_WITHIN = timedelta(minutes=10)
WRONG_CODES_A_CARD = 5
WRONG_CODES_A_TILL = 20
LOCKED_FOR_SECONDS = int(WRONG_CODES_WITHIN.total_seconds())


@dataclass(frozen=True, kw_only=True)
class Till:
    """Where a call comes from: the key, its program, what it may do, and the location where it stands, if it says."""

    key_id: UUID
    program: str
    scopes: frozenset[str]
    location_id: UUID | None = None

    @property
    def place(self) -> UUID:
        """The location, in calls that cannot do without one."""
        if self.location_id is None:
            raise errors.Invalid(pointer="#/location_id", detail="Say at which location this happened.")
        return self.location_id


@dataclass(frozen=True, kw_only=True)
class Who:
    """The customer of a till's call, named in exactly one way; a guest, who is no member, in none."""

    scan_id: UUID | None = None
    code: str | None = None
    member_id: UUID | None = None

    @property
    def is_guest(self) -> bool:
        """Whether this is somebody who is no member."""
        return self.scan_id is None and self.code is None and self.member_id is None


GUEST = Who()


@dataclass(frozen=True, kw_only=True)
class Customer:
    """The member found; `fresh` says that a live code proved that their phone is here."""

    member_id: UUID
    fresh: bool


def identify(app: App, tx: Tx, till: Till, who: Who, *, now: datetime) -> Customer:
    """Find the customer of a call at a till, or refuse; a location of another program is not found either."""
    if till.location_id is not None:
        app.location(tx, till.location_id, program=till.program)
    if who.scan_id is not None:
        scan = cards.scan(tx, who.scan_id, program_id=till.program)
        if scan is None or scan.key_id != till.key_id or scan.expires_at <= now:
            raise errors.ScanExpired()
        return Customer(member_id=scan.member_id, fresh=scan.fresh)
    if who.code is not None:
        _, scan = read_code(app, tx, till, who.code, now=now)
        return Customer(member_id=scan.member_id, fresh=scan.fresh)
    assert who.member_id is not None
    if "members:act" not in till.scopes:
        raise errors.Forbidden(needs="members:act")
    return Customer(member_id=member_now(tx, who.member_id, program=till.program), fresh=False)


def read_code(app: App, tx: Tx, till: Till, code: str, *, now: datetime) -> tuple[Card, Scan]:
    """Check a code as CARDS.md orders it, and use it up at this till.

    Every failure of form, digit, number, time or proof is the same `CardNotFound` after the same work, so that nobody
    learns which card numbers exist.
    """
    reading = card_code.parse(code)
    _refuse_after_too_many(tx, till, reading, now=now)
    card = _card(tx, till, code, reading)
    if card is None:
        # Counted against the number although no card has it: a lock that only real cards have would tell them apart.
        raise WrongCode(subjects=_subjects(till, reading))
    step = _step(app, till, card, reading, now=now)
    if card.status == "merged":
        # The member behind it was merged into another one; the card in their wallet goes on working.
        survivor = merges.survivor(tx, card.member_id, program_id=card.program_id)
        if survivor is None:
            raise errors.CardNotFound()
        card = replace(card, member_id=survivor)
    elif card.status != "active":
        raise errors.CardBlocked()
    scan = cards.add_scan(
        tx,
        card,
        key_id=till.key_id,
        location_id=till.location_id,
        step=step,
        now=now,
        expires_at=now + SCAN_IS_GOOD_FOR,
    )
    if scan is None:
        assert step is not None
        scan = cards.scan_of_code(tx, card, step)
        if scan.key_id != till.key_id:
            raise WrongCode(subjects=(f"replay:{card.id}",), refusal=errors.CodeReplayed())
    return card, scan


class WrongCode(Exception):
    """A code that is to be counted before it is refused; the call wrapper turns it into its refusal."""

    def __init__(self, *, subjects: tuple[str, ...], refusal: errors.Refusal | None = None) -> None:
        super().__init__("wrong code")
        self.subjects = subjects
        self.refusal = refusal or errors.CardNotFound()


def count_wrong_code(app: App, wrong: WrongCode) -> None:
    """Count a wrong code in a transaction of its own: the call's is rolled back."""
    now = app.clock.now()
    with app.db.begin() as tx:
        for subject in wrong.subjects:
            cards.add_wrong_code(tx, subject, reason=wrong.refusal.code, now=now)


def _refuse_after_too_many(tx: Tx, till: Till, reading: Reading | None, *, now: datetime) -> None:
    since = now - WRONG_CODES_WITHIN
    if cards.wrong_codes(tx, f"till:{till.key_id}", since) >= WRONG_CODES_A_TILL or (
        reading and cards.wrong_codes(tx, f"card:{till.program}:{reading.number}", since) >= WRONG_CODES_A_CARD
    ):
        raise errors.TooManyWrongCodes(retry_after=LOCKED_FOR_SECONDS)


def _card(tx: Tx, till: Till, code: str, reading: Reading | None) -> Card | None:
    if reading is not None:
        return cards.by_number(tx, till.program, reading.number)
    if code.startswith(voucher_code.PREFIX) and (voucher := cards.voucher_by_code(tx, till.program, code)):
        return cards.of_member(tx, voucher.member_id)
    return None


def _step(app: App, till: Till, card: Card, reading: Reading | None, *, now: datetime) -> int | None:
    """The TOTP step that a genuine, timely code uses up; None for codes that may be read again and again."""
    if reading is None:
        return None
    key = CardKey(master=app.card_master, card_id=card.id, key_version=card.key_version)
    if not card_code.is_genuine(reading, key):
        raise WrongCode(subjects=_subjects(till, reading))
    if not card_code.is_timely(reading, now=now):
        if card_code.is_merely_late(reading, now=now):
            raise errors.CodeExpired()
        raise WrongCode(subjects=_subjects(till, reading))
    return reading.step


def _subjects(till: Till, reading: Reading | None) -> tuple[str, ...]:
    at_till = (f"till:{till.key_id}",)
    return (*at_till, f"card:{till.program}:{reading.number}") if reading else at_till


def new_card_number() -> str:
    """14 random digits, never in sequence."""
    return f"{secrets.randbelow(10**14):014d}"
