"""Merging two members: what one of them has goes to the other, lot by lot, by entries that cancel out.

Nothing is edited: the ledger of each tells the move, and a lot keeps its expiry, its wait and the sale that it came
from. What is counted per day or per period, badges, vouchers and redemptions have been moved by the store before; this
is about units, the tier and the membership.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from wallet_api.domain import lots, standing
from wallet_api.domain.decision import Decision, Entry, EntryKind
from wallet_api.domain.definition import Definition
from wallet_api.domain.posting import Outcome, Posting
from wallet_api.domain.state import Account, Lot, Membership, MembershipStatus, MemberState, Standing, Take


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What is to be written on the member who stays, and on the one who goes."""

    kept: Decision
    gone: Decision


@dataclass(frozen=True, kw_only=True)
class Merge:
    """Two members are one person: why, and when."""

    id: UUID
    occurred_at: datetime
    reason: str


def merge(definition: Definition, kept: MemberState, gone: MemberState, event: Merge, *, ids: Iterator[UUID]) -> Merged:
    """Move everything of `gone` to `kept`; both are up to date, nothing of `gone` is held.

    The better tier stays, and what both have done together may reach a higher one. A membership stays where there is
    one; of two, the one of the member who stays.
    """
    leaving = _empty(gone, event, to=kept.member_id, ids=ids)
    arriving, after = _receive(kept, gone, event, ids=ids)
    posting = Posting(definition, after, ids)
    _stand(posting, gone.standing, at=event.occurred_at)
    decision = posting.decision(Outcome())
    return Merged(kept=replace(decision, before=kept, entries=(*arriving, *decision.entries)), gone=leaving)


def lots_of_former_selves(state: MemberState, former: Mapping[UUID, Lot]) -> MemberState:
    """The state with the empty lots of members who were merged into this one: a return may put units back into them."""
    missing = {lot.id: replace(lot, left=0, usable_at=None) for lot in former.values() if lot.id not in state.lots}
    return replace(state, lots={**missing, **state.lots})


def _empty(gone: MemberState, event: Merge, *, to: UUID, ids: Iterator[UUID]) -> Decision:
    """What the ledger of the member who goes says: every lot leaves, and a debt is taken over."""
    why = {"reason": event.reason, "merged_into": str(to)}
    entries, emptied = [], dict(gone.lots)
    for lot in _live(gone):
        entries.append(_entry(event, lot.unit, -lot.left, ids=ids, why=why, takes=((lot.id, lot.left),)))
        emptied[lot.id] = replace(lot, left=0)
    for account in gone.accounts.values():
        if account.debt:
            entry = _entry(event, account.unit, account.debt, ids=ids, why=why)
            entries.append(entry)
            emptied[entry.id] = _lot_of(entry, left=0)
    after = replace(
        gone,
        lots=emptied,
        accounts={unit: Account(unit=unit) for unit in gone.accounts},
        membership=Membership(),
    )
    return Decision(before=gone, after=after, entries=tuple(entries))


def _receive(
    kept: MemberState, gone: MemberState, event: Merge, *, ids: Iterator[UUID]
) -> tuple[list[Entry], MemberState]:
    """The entries of the member who stays, and their state with the units, the lifetimes and the membership of both."""
    why = {"reason": event.reason, "merged_from": str(gone.member_id)}
    entries: list[Entry] = []
    state = replace(
        kept,
        accounts={**kept.accounts, **{unit: _together(kept, gone, unit) for unit in gone.accounts}},
        membership=_better_membership(kept.membership, gone.membership),
        referred_by=kept.referred_by or (gone.referred_by if gone.referred_by != kept.member_id else None),
    )
    for lot in _live(gone):
        entry = _entry(event, lot.unit, lot.left, ids=ids, why=why, expires_at=lot.expires_at, usable_at=lot.usable_at)
        entries.append(entry)
        account = state.accounts.get(lot.unit, Account(unit=lot.unit))
        repaid = 0 if lot.usable_at else min(account.debt, lot.left)
        moved = replace(lot, id=entry.id, amount=lot.left, left=lot.left - repaid)
        state = replace(
            state,
            lots={**state.lots, moved.id: moved},
            accounts={**state.accounts, lot.unit: replace(account, debt=account.debt - repaid)},
        )
    for account in gone.accounts.values():
        if account.debt:
            entry, state = _take_over(state, account, event, ids=ids, why=why)
            entries.append(entry)
    return entries, state


def _take_over(
    state: MemberState, owed: Account, event: Merge, *, ids: Iterator[UUID], why: Mapping[str, object]
) -> tuple[Entry, MemberState]:
    """A debt of the member who goes: out of what the other has, and what is not there is owed on."""
    usable = [lot for lot in _live(state) if lot.unit == owed.unit and lot.usable_at is None]
    takes = lots.take(usable, owed.debt)
    left = dict(state.lots)
    for part in takes:
        left[part.lot_id] = replace(left[part.lot_id], left=left[part.lot_id].left - part.amount)
    missing = owed.debt - sum(part.amount for part in takes)
    account = state.accounts[owed.unit]
    parts = tuple((part.lot_id, part.amount) for part in takes)
    entry = _entry(event, owed.unit, -owed.debt, ids=ids, why=why, takes=parts)
    accounts = {**state.accounts, owed.unit: replace(account, debt=account.debt + missing)}
    return entry, replace(state, lots=left, accounts=accounts)


def _stand(posting: Posting, other: Standing | None, *, at: datetime) -> None:
    """The better of two tiers with the better of two floors, and a higher tier where both together reach it."""
    scheme, held = posting.definition.tiers, posting.state.standing
    if scheme is None:
        return
    both = [each for each in (held, other) if each is not None]
    if both:
        better = max(both, key=lambda each: _worth(scheme.rank(each.tier), each.until))
        floor = max(both, key=lambda each: _worth(scheme.rank(each.floor), each.floor_until))
        better = replace(better, floor=floor.floor, floor_until=floor.floor_until)
        if better != held:
            posting.stand(better, at=at, reason={"because": "merged"})
        if held is None or scheme.rank(better.tier) > scheme.rank(held.tier):
            posting.tell("tier_upgraded", previous=held.tier if held else None, tier=better.tier)
    standing.promote(posting, at=at, now=at)


def _worth(rank: int, until: date | None) -> tuple[int, date]:
    return rank, until or date.max


def _better_membership(kept: Membership, gone: Membership) -> Membership:
    is_nothing = kept.status in {MembershipStatus.NONE, MembershipStatus.ENDED, MembershipStatus.LAPSED}
    better = gone if is_nothing and gone.status is not MembershipStatus.NONE else kept
    return replace(better, had_trial=kept.had_trial or gone.had_trial)


def _together(kept: MemberState, gone: MemberState, unit: str) -> Account:
    """The account of both, the debt of the member who goes not yet taken over."""
    mine, other = kept.accounts.get(unit, Account(unit=unit)), gone.accounts[unit]
    ends = [account.expires_at for account in (mine, other) if account.expires_at]
    return replace(mine, lifetime=mine.lifetime + other.lifetime, expires_at=max(ends, default=None))


def _live(state: MemberState) -> list[Lot]:
    return lots.in_spending_order(lot for lot in state.lots.values() if lot.left)


def _entry(
    event: Merge,
    unit: str,
    amount: int,
    *,
    ids: Iterator[UUID],
    why: Mapping[str, object],
    takes: tuple[tuple[UUID, int], ...] = (),
    expires_at: datetime | None = None,
    usable_at: datetime | None = None,
) -> Entry:
    return Entry(
        id=next(ids),
        unit=unit,
        kind=EntryKind.ADJUST,
        amount=amount,
        occurred_at=event.occurred_at,
        source_id=event.id,
        takes=tuple(Take(lot_id=lot_id, amount=part) for lot_id, part in takes),
        why=why,
        expires_at=expires_at,
        usable_at=usable_at,
    )


def _lot_of(entry: Entry, *, left: int) -> Lot:
    return Lot(
        id=entry.id,
        unit=entry.unit,
        amount=entry.amount,
        left=left,
        earned_at=entry.occurred_at,
        expires_at=None,
        source_id=entry.source_id,
    )
