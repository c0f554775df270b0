"""What a member's lots and debts must be, worked out from the entries alone.

An entry is never changed, so this is the second opinion on everything that is kept beside the entries. It does by the
entries what `Posting` does by the event: what is added opens a lot and repays a debt first, what is taken comes out of
the lots that the entry names and becomes a debt where they did not suffice, what is given back goes into its own lots,
a debt first. That a pending lot becomes usable is no entry: it is worked out from the instant until which it waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wallet_api.domain.decision import Entry, EntryKind

_EARNING = (EntryKind.EARN, EntryKind.BONUS)
_BY_TIME = (EntryKind.BONUS, EntryKind.EXPIRE, EntryKind.RELEASE)
"""What time brings is posted at its own instant. What an event brings is posted when it is recorded, however late."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What the entries add up to, in smallest steps.

    `lots`: what is left in each, empty ones too; `pending`: those of them that still wait; `debts` and `lifetimes` by
    unit; `usable`: by the entry that opened a lot, what of it ever became usable, less what was taken back of that.
    """

    lots: Mapping[UUID, int]
    pending: frozenset[UUID]
    debts: Mapping[str, int]
    lifetimes: Mapping[str, int]
    usable: Mapping[UUID, int]


def replay(
    entries: Iterable[Entry], *, until: datetime, recorded_at: Mapping[UUID, datetime] | None = None
) -> Replayed:
    """Replay a member's entries, in their order, up to an instant up to which time has been reckoned in.

    `recorded_at`: when each entry was written, by its id; where it is left out, when it happened. It matters where an
    event came late: a debt may have been repaid meanwhile by what became usable.
    """
    ledger = _Ledger()
    for entry in entries:
        recorded = (recorded_at or {}).get(entry.id, entry.occurred_at)
        ledger.mature(until=entry.occurred_at if entry.kind in _BY_TIME else recorded, before=entry)
        ledger.post(entry)
    ledger.mature(until=until)
    return Replayed(
        lots=dict(ledger.left),
        pending=frozenset(ledger.waiting),
        debts=dict(ledger.debts),
        lifetimes=dict(ledger.lifetimes),
        usable=dict(ledger.usable),
    )


class _Ledger:
    """The figures so far."""

    def __init__(self) -> None:
        self.left: Counter[UUID] = Counter()
        self.waiting: dict[UUID, Entry] = {}
        self.debts: Counter[str] = Counter()
        self.lifetimes: Counter[str] = Counter()
        self.usable: Counter[UUID] = Counter()

    def mature(self, *, until: datetime, before: Entry | None = None) -> None:
        """Lots whose wait has ended by then repay debts, the earliest first.

        Those of an event that is still being posted wait until it is over, however long ago it happened.
        """
        source = before.source_id if before else None
        ended = [
            opened
            for opened in self.waiting.values()
            if opened.usable_at is not None
            and opened.usable_at <= until
            and (source is None or opened.source_id != source)
        ]
        for opened in sorted(ended, key=lambda entry: entry.usable_at or until):
            del self.waiting[opened.id]
            self.usable[opened.id] += self.left[opened.id]
            self.left[opened.id] -= self._repay(opened.unit, self.left[opened.id])

    def post(self, entry: Entry) -> None:
        """What one entry does."""
        if entry.kind in _EARNING or (entry.kind is EntryKind.REVERSAL and entry.amount < 0):
            self.lifetimes[entry.unit] += entry.amount
        match entry.kind:
            case EntryKind.EARN | EntryKind.BONUS:
                self._open(entry)
            case EntryKind.ADJUST if entry.amount > 0:
                self._open(entry)
            case EntryKind.RELEASE | EntryKind.REVERSAL if entry.amount > 0:
                # A captured hold is released and redeemed at once, by two entries without takes: nothing moves.
                self._put_back(entry)
            case EntryKind.REVERSAL:
                self._reverse(entry)
            case EntryKind.ADJUST:
                self.debts[entry.unit] += self._take(entry)
            case _:
                self._take(entry)

    def _open(self, entry: Entry) -> None:
        if entry.usable_at is not None:
            self.waiting[entry.id] = entry
            self.left[entry.id] = entry.amount
            return
        self.left[entry.id] = entry.amount - self._repay(entry.unit, entry.amount)
        if entry.kind in _EARNING:
            self.usable[entry.id] += entry.amount

    def _put_back(self, entry: Entry) -> None:
        for part in entry.takes:
            self.left[part.lot_id] += part.amount - self._repay(entry.unit, part.amount)

    def _reverse(self, entry: Entry) -> None:
        """Take an earn back: what still waits was never usable."""
        waited = sum(part.amount for part in entry.takes if part.lot_id in self.waiting)
        self.debts[entry.unit] += self._take(entry)
        if entry.reverses is not None:
            self.usable[entry.reverses] += entry.amount + waited

    def _take(self, entry: Entry) -> int:
        """Take an amount out of the lots that the entry names; what they did not hold."""
        for part in entry.takes:
            self.left[part.lot_id] -= part.amount
        return -entry.amount - sum(part.amount for part in entry.takes)

    def _repay(self, unit: str, amount: int) -> int:
        repaid = max(0, min(self.debts[unit], amount))
        self.debts[unit] -= repaid
        return repaid
