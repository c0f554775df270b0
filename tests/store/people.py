"""Members to test the store with, and decisions made by hand on them, without services and program files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from wallet_api.domain.decision import Decision, Entry, EntryKind, TierChange
from wallet_api.domain.definition import Brand, Definition, Localised, Reward, Unit
from wallet_api.domain.state import MemberState
from wallet_api.store import decisions, locks, member_state, members, programs
from wallet_api.store.ids import new_id
from wallet_api.store.member_state import Asked
from wallet_api.store.members import NewMember
from wallet_api.store.session import Database, Tx

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
PROGRAM = "club"


def text(words: str) -> Localised:
    """A text in English."""
    return Localised(by_language={"en": words})


def club(*rewards: Reward) -> Definition:
    """A program with one unit and these rewards."""
    return Definition(
        program=PROGRAM,
        name=text("Club"),
        currency="EUR",
        currency_decimals=2,
        time_zone=ZoneInfo("Europe/Paris"),
        languages=("en",),
        brand=Brand(name="Club"),
        units={"points": Unit(id="points", name=text("points"), one=text("point"))},
        earning=(),
        tiers=None,
        rewards={reward.id: reward for reward in rewards},
    )


@dataclass(frozen=True, kw_only=True)
class Person:
    """A member in the database, and the rules that decisions on them are written under."""

    db: Database
    id: UUID
    definition: Definition
    stock: Mapping[str, int] = field(default_factory=dict)

    def load(self, tx: Tx, *, also: tuple[UUID, ...] = (), since: date = date(2000, 1, 1)) -> MemberState:
        """The member as the store gives them."""
        row, periods = locks.member_unlocked(tx, self.id), ["2026", "lifetime"]
        return member_state.load(tx, Asked(member=row, since=since, periods=periods, also=also, stock=self.stock))

    @property
    def state(self) -> MemberState:
        """The member as they stand."""
        with self.db.read() as tx:
            return self.load(tx)

    def write(
        self,
        *,
        now: datetime = NOON,
        before: MemberState | None = None,
        entries: tuple[Entry, ...] = (),
        tier_changes: tuple[TierChange, ...] = (),
        **changes: object,
    ) -> MemberState:
        """Write a decision that changes these fields of the state; the state after it."""
        with self.db.begin() as tx:
            row = locks.member(tx, self.id)
            before = before or self.load(tx)
            after = replace(before, **changes)  # type: ignore[arg-type]  # fields by their names
            decision = Decision(before=before, after=after, entries=entries, tier_changes=tier_changes)
            decisions.write(tx, row, self.definition, decision, now=now)
        return after


def join(db: Database, *, definition: Definition | None = None, joined_at: datetime = NOON) -> Person:
    """Somebody becomes a member of the club, which opens with its first one."""
    definition = definition or club()
    with db.begin() as tx:
        if programs.latest_version(tx, PROGRAM) is None:
            programs.publish(tx, PROGRAM, "the rules are made by hand", {}, now=joined_at, valid_from=joined_at)
        member_id = members.add(tx, NewMember(program_id=PROGRAM, joined_at=joined_at, locale="en"))
    assert member_id is not None
    stock = {reward.id: reward.stock for reward in definition.rewards.values() if reward.stock is not None}
    return Person(db=db, id=member_id, definition=definition, stock=stock)


def entry(kind: EntryKind, amount: int, *, at: datetime = NOON, **facts: object) -> Entry:
    """An entry of points."""
    values = {"id": new_id(), "unit": "points", "source_id": None, **facts}
    return Entry(kind=kind, amount=amount, occurred_at=at, **values)  # type: ignore[arg-type]  # fields by their names
