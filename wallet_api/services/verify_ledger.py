"""Checking the ledger: whatever is kept twice must agree, for every member.

The laws are TRUST.md's ("Ledger") and ARCHITECTURE.md's third decision. Nothing is mended here: a difference means that
somebody changed the database by hand or that Carnet has a fault, and a person has to look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import Row

from wallet_api.domain import chain
from wallet_api.domain.definition import Definition
from wallet_api.domain.replay import Replayed
from wallet_api.services import recount
from wallet_api.services.app import App
from wallet_api.services.recount import DefinitionOf
from wallet_api.store import ledger, memberships
from wallet_api.store.ledger import Ledger
from wallet_api.store.session import Tx

MEMBERS_AT_A_TIME = 200


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Something that does not agree: whose (a member's, or None: the program's), which law, the two figures in words."""

    member_id: UUID | None
    law: str
    detail: str


Finding: TypeAlias = tuple[str, str]
"""A law that is broken, and how."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some members whose ledgers have been checked, the last of them, and what does not agree.

    What belongs to no member comes with the last batch, which has none.
    """

    members: int
    last: UUID | None
    differences: Sequence[Difference]


def verify_ledger(
    app: App, *, program: str | None = None, checked: Callable[[int], None] = lambda _: None
) -> Iterator[Difference]:
    """Everything that does not agree, in one program or in all; `checked` hears of each batch how many it held."""
    for batch in verify_in_batches(app, program=program):
        yield from batch.differences
        if batch.members:
            checked(batch.members)


def verify_in_batches(
    app: App, *, program: str | None = None, after: UUID | None = None, limit: int = MEMBERS_AT_A_TIME
) -> Iterator[Batch]:
    """The same, batch by batch in the order of the members' ids; it may go on later `after` the last member of one."""
    while True:
        with app.db.read() as tx:
            batch = ledger.ledgers(tx, program=program, after=after, limit=limit)
            found = [
                Difference(member_id=one.member.id, law=law, detail=detail)
                for one in batch
                for law, detail in _differences(one, _definitions(app, tx, one.member.program_id))
            ]
        if not batch:
            break
        after = batch[-1].member.id
        yield Batch(members=len(batch), last=after, differences=found)
    with app.db.read() as tx:
        yield Batch(members=0, last=None, differences=list(_stock(tx, program)))


def _definitions(app: App, tx: Tx, program: str) -> DefinitionOf:
    return lambda version: app.definition(tx, program, version)


def _differences(one: Ledger, definition_of: DefinitionOf) -> Iterator[Finding]:
    results = {each.member.id: recount.replayed(each) for each in one.selves}
    yield from _balances(one)
    yield from _lots(one)
    yield from _replay(one, results[one.member.id])
    yield from _chain(one)
    yield from _holds(one)
    yield from _tier(one)
    yield from _membership(one)
    versions = [definition_of(version) for version in range(1, one.member.version + 1)]
    yield from _badges(one, versions)
    if one.member.merged_into is None:
        yield from _lifetimes(one)
        yield from _reversals(one)
        yield from _measures(one, definition_of, versions, results)


def _balances(one: Ledger) -> Iterator[Finding]:
    """The cached balance, with what waits, is the sum of the entries; and the lots less the debt."""
    entries, lots, waiting = Counter[str](), Counter[str](), Counter[str]()
    for entry in one.entries:
        entries[entry.unit] += entry.amount
    for lot in one.lots:
        (lots if lot.usable_at is None else waiting)[lot.unit] += lot.remaining
    accounts = {account.unit: account for account in one.accounts}
    for unit in sorted({*entries, *lots, *waiting, *accounts}):
        account = accounts.get(unit)
        available, pending, debt = (account.available, account.pending, account.debt) if account else (0, 0, 0)
        if available + pending != entries[unit]:
            waits = f" and {pending} that wait" if pending else ""
            yield "balance", f"{unit}: the balance is {available}{waits}, its entries add up to {entries[unit]}"
        if available != lots[unit] - debt:
            yield "lots", f"{unit}: the balance is {available}, its lots less the debt are {lots[unit] - debt}"
        if pending != waiting[unit]:
            yield "pending", f"{unit}: {pending} are said to wait, in lots that wait there are {waiting[unit]}"


def _lots(one: Ledger) -> Iterator[Finding]:
    """No lot holds less than nothing, or more than it began with; each began with an entry of its amount and its end."""
    entries = {entry.id: entry for each in one.selves for entry in each.entries}
    moved = {row.lot_id: row for row in one.lot_dates}  # the last one of each
    for lot in one.lots:
        entry = entries.get(lot.id)
        if not 0 <= lot.remaining <= lot.amount:
            yield "lot", f"lot {lot.id} holds {lot.remaining} of {lot.amount}"
        if entry is None or entry.amount != lot.amount:
            yield "lot", f"lot {lot.id} began with {lot.amount}, its entry says {entry.amount if entry else 'nothing'}"
        if lot.id in moved:
            if lot.expires_at != moved[lot.id].expires_at:
                yield "expiry", f"lot {lot.id} expires {lot.expires_at}, it was moved to {moved[lot.id].expires_at}"
        elif entry is not None and entry.expires_at not in (None, lot.expires_at):
            # Entries of before version 0003 of the schema do not say when their lots expire.
            yield "expiry", f"lot {lot.id} expires {lot.expires_at}, its entry says {entry.expires_at}"


def _replay(one: Ledger, result: Replayed) -> Iterator[Finding]:
    """Lots and debts are what the entries lead to."""
    lots = {lot.id: lot for lot in one.lots}
    for lot_id in sorted({*lots, *result.lots}):
        lot = lots.get(lot_id)
        have, want = lot.remaining if lot else 0, result.lots.get(lot_id, 0)
        if have != want:
            yield "replay", f"lot {lot_id} holds {have}, its entries leave {want}"
        # Nobody looks any more at when an empty lot can be used.
        if lot and lot.remaining and (lot.usable_at is not None) != (lot_id in result.pending):
            waits = "waits" if lot.usable_at else "is usable"
            yield "replay", f"lot {lot_id} {waits}, by its entry it {'is usable' if lot.usable_at else 'waits'}"
    debts = {account.unit: account.debt for account in one.accounts}
    for unit in sorted({*debts, *result.debts}):
        if (have := debts.get(unit, 0)) != (want := result.debts.get(unit, 0)):
            yield "replay", f"{unit}: {have} are owed, the entries leave a debt of {want}"


def _chain(one: Ledger) -> Iterator[Finding]:
    """Entries are numbered without a gap, each hash covers the one before, and the member knows the last."""
    head = b""
    for position, row in enumerate(one.entries, 1):
        if row.position != position:
            yield "chain", f"entry {row.id} stands at {row.position}, where {position} comes next"
            return
        head = chain.link(head, ledger.entry_of(row), position=position)
        if head != bytes(row.hash):
            yield "chain", f"entry {row.id} (position {position}) is not what was linked into the chain"
            return
    if one.member.ledger_position != len(one.entries):
        yield "chain", f"the member counts {one.member.ledger_position} entries, there are {len(one.entries)}"
    elif bytes(one.member.ledger_head) != head:
        yield "chain", "the member's head is not the hash of the last entry"


def _lifetimes(one: Ledger) -> Iterator[Finding]:
    """Lifetime is what was earned, by former selves too, less what was taken back."""
    earned = Counter[str]()
    for each in one.selves:
        for unit, amount in recount.replayed(each).lifetimes.items():
            earned[unit] += amount
    accounts = {account.unit: account.lifetime for account in one.accounts}
    for unit in sorted({*earned, *accounts}):
        if (kept := accounts.get(unit, 0)) != earned[unit]:
            yield "lifetime", f"{unit}: lifetime is {kept}, what was earned and not reversed is {earned[unit]}"


def _reversals(one: Ledger) -> Iterator[Finding]:
    """What reverses an entry never exceeds it."""
    originals = {entry.id: entry for each in one.selves for entry in each.entries}
    reversed_of = Counter[UUID]()
    for entry in originals.values():
        if entry.kind == "reversal" and entry.reverses is not None:
            reversed_of[entry.reverses] -= entry.amount
    for entry_id, amount in reversed_of.items():
        original = originals.get(entry_id)
        if original is None:
            yield "reversal", f"{amount} of entry {entry_id} are reversed, which the member does not have"
        elif not min(0, original.amount) <= amount <= max(0, original.amount):
            yield "reversal", f"{amount} of entry {entry_id} are reversed, it gave {original.amount}"


def _measures(
    one: Ledger, definition_of: DefinitionOf, versions: list[Definition], results: Mapping[UUID, Replayed]
) -> Iterator[Finding]:
    """Each day's measures are what the sales, visits, activities and entries of that day say."""
    expected = recount.measures(one, definition_of, results, now=versions[-1])
    found = {(row.measure, row.day): row.value for row in one.measures}
    unknown = {
        credit.measure for definition in versions for credit in definition.credits if not recount.is_on_record(credit)
    }
    for measure, on in sorted({*expected, *found}):
        if measure in unknown or not _is_measured(measure, versions):
            continue
        have, want = found.get((measure, on), 0), expected[measure, on]
        if have != want:
            yield "measure", f"{measure} of {on} is {have}, what is on record says {want}"


def _is_measured(measure: str, versions: list[Definition]) -> bool:
    """Whether a measure has been kept all along: what became usable is counted only while something looks at it."""
    return not measure.startswith("usable:") or all(measure in definition.measured for definition in versions)


def _holds(one: Ledger) -> Iterator[Finding]:
    """What is held by entries is held by redemptions."""
    held = Counter[UUID]()
    for entry in one.entries:
        if entry.kind in ("hold", "release"):
            held[entry.source_id] -= entry.amount
    redemptions = {row.id: row for row in one.redemptions}
    for redemption_id in sorted({*held, *redemptions}):
        row = redemptions.get(redemption_id)
        want = row.amount if row and row.status == "held" else 0
        if held[redemption_id] != want:
            status = row.status if row else "not on record"
            yield "hold", f"redemption {redemption_id} ({status}): entries hold {held[redemption_id]}, not {want}"


def _tier(one: Ledger) -> Iterator[Finding]:
    """The tier is the one that the last change led to."""
    member, last = one.member, next(reversed(one.tier_changes), None)
    have = _standing(member.tier, member.tier_since, member.tier_until)
    want = _standing(last.tier, last.since, last.until) if last else _standing(None, None, None)
    if have != want:
        yield "tier", f"the member has {have}, the last change led to {want}"


def _standing(tier: str | None, since: date | None, until: date | None) -> str:
    return f"{tier} since {since} until {until or 'further notice'}" if tier else "no tier"


def _membership(one: Ledger) -> Iterator[Finding]:
    """The membership is the one that the last change led to."""
    last: Row[Any] | None = next(reversed(one.membership_changes), None)
    have = memberships.of_json(one.member.membership)
    want = memberships.of_json(last.membership if last else None)
    if have != want:
        yield "membership", f"the member has {have}, the last change led to {want}"


def _badges(one: Ledger, versions: list[Definition]) -> Iterator[Finding]:
    """Each badge comes from a challenge that was won, and each challenge that was won has given its badge."""
    badges_of: dict[str, set[str | None]] = {}
    for definition in versions:
        for challenge in definition.challenges:
            badges_of.setdefault(challenge.id, set()).add(challenge.badge)
    have = {row.badge for row in one.badges}
    won = {row.rule.removeprefix("challenge:") for row in one.counts if row.rule.startswith("challenge:")}
    given = {badge for challenge in won for badge in badges_of.get(challenge, ())}
    for badge in sorted(have - given):
        yield "badge", f"the member has the badge {badge}, no challenge that they won gives it"
    for challenge in sorted(won):
        badges = badges_of.get(challenge, {None})
        if None not in badges and not badges & have:
            yield "badge", f"the member won {challenge} and does not have its badge"


def _stock(tx: Tx, program: str | None) -> Iterator[Difference]:
    """What is taken of a limited reward is what has been redeemed or is held."""
    for row in ledger.stock(tx, program=program):
        if row.taken != row.redeemed:
            detail = f"{row.program_id}: of {row.reward} {row.taken} are taken, redeemed or held are {row.redeemed}"
            yield Difference(member_id=None, law="stock", detail=detail)
