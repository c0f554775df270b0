"""Checking the ledger: whatever is kept twice must agree, for every member.

The laws are TRUST.md's ("Ledger") and ARCHITECTURE.md's third decision. Nothing is mended here: a difference means that
somebody changed the database by hand or that Carnet has a fault, and a person has to look.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from math import floor
from typing import Any, TypeAlias
from uuid import UUID

from wallet_api.domain import calendar, chain
from wallet_api.domain.earning import Basket
from wallet_api.services.app import App
from wallet_api.store import ledger, transactions
from wallet_api.store.ledger import Ledger
from wallet_api.store.session import Tx

MEMBERS_AT_A_TIME = 200
ADDING = ("earn", "bonus", "reversal")
"""The kinds of entries that make up what a member has ever earned."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Something that does not agree: whose, which law, and the two figures in words."""

    member_id: UUID
    law: str
    detail: str


LocalDay: TypeAlias = Callable[[datetime, int], date]
"""The program-local day of an instant, by a version of the definition."""

Finding: TypeAlias = tuple[str, str]
"""A law that is broken, and how."""


def verify_ledger(
    app: App, *, program: str | None = None, checked: Callable[[int], None] = lambda _: None
) -> Iterator[Difference]:
    """Everything that does not agree, in one program or in all; `checked` hears of each batch how many it held."""
    after: UUID | None = None
    while True:
        with app.db.read() as tx:
            batch = ledger.ledgers(tx, program=program, after=after, limit=MEMBERS_AT_A_TIME)
            found = [
                Difference(member_id=one.member.id, law=law, detail=detail)
                for one in batch
                for law, detail in _differences(one, _local_days(app, tx, one.member.program_id))
            ]
        yield from found
        if not batch:
            return
        checked(len(batch))
        after = batch[-1].member.id


def _local_days(app: App, tx: Tx, program: str) -> LocalDay:
    return lambda at, version: calendar.local_day(at, app.definition(tx, program, version).time_zone)


def _differences(one: Ledger, day: LocalDay) -> Iterator[Finding]:
    yield from _balances(one)
    yield from _lots(one)
    yield from _chain(one)
    yield from _reversals(one)
    yield from _measures(one, day)
    yield from _holds(one)
    yield from _tier(one)


def _balances(one: Ledger) -> Iterator[Finding]:
    """The cached balance is the sum of the entries, and the lots less the debt; lifetime is what was earned."""
    entries, lifetime, lots = Counter[str](), Counter[str](), Counter[str]()
    for entry in one.entries:
        entries[entry.unit] += entry.amount
        if entry.kind in ADDING:
            lifetime[entry.unit] += entry.amount
    for lot in one.lots:
        lots[lot.unit] += lot.remaining
    accounts = {account.unit: account for account in one.accounts}
    for unit in sorted({*entries, *lots, *accounts}):
        account = accounts.get(unit)
        available, debt = (account.available, account.debt) if account else (0, 0)
        if available != entries[unit]:
            yield "balance", f"{unit}: the balance is {available}, its entries add up to {entries[unit]}"
        if available != lots[unit] - debt:
            yield "lots", f"{unit}: the balance is {available}, its lots less the debt are {lots[unit] - debt}"
        if (kept := account.lifetime if account else 0) != lifetime[unit]:
            yield "lifetime", f"{unit}: lifetime is {kept}, what was earned and not reversed is {lifetime[unit]}"


def _lots(one: Ledger) -> Iterator[Finding]:
    """No lot holds less than nothing, or more than it began with; each began with an entry of its amount."""
    amounts = {entry.id: entry.amount for entry in one.entries}
    for lot in one.lots:
        if not 0 <= lot.remaining <= lot.amount:
            yield "lot", f"lot {lot.id} holds {lot.remaining} of {lot.amount}"
        if amounts.get(lot.id) != lot.amount:
            yield "lot", f"lot {lot.id} began with {lot.amount}, its entry says {amounts.get(lot.id, 'nothing')}"


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


def _reversals(one: Ledger) -> Iterator[Finding]:
    """What reverses an entry never exceeds it."""
    originals = {entry.id: entry for entry in one.entries}
    reversed_of = Counter[UUID]()
    for entry in one.entries:
        if entry.kind == "reversal":
            reversed_of[entry.reverses] -= entry.amount
    for entry_id, amount in reversed_of.items():
        original = originals.get(entry_id)
        if original is None:
            yield "reversal", f"{amount} of entry {entry_id} are reversed, which the member does not have"
        elif amount > original.amount:
            yield "reversal", f"{amount} of entry {entry_id} are reversed, it gave {original.amount}"


def _measures(one: Ledger, day: LocalDay) -> Iterator[Finding]:
    """Each day's measures are what the sales, visits and entries of that day say."""
    expected = Counter[tuple[str, date]]()
    for sale, kept in _sales(one):
        lines = [transactions.line_of(line) for line in sale.lines]
        on = day(sale.occurred_at, sale.definition_version)
        expected["spend", on] += floor(Basket(lines=lines, net=sale.net, kept=kept).merchandise)
        expected["orders", on] += 1 if any(kept) else 0
    for visit in one.check_ins:
        expected["visits", day(visit.occurred_at, one.member.version)] += 1
    for done in one.activities:
        expected[f"activity:{done.kind}", day(done.occurred_at, one.member.version)] += 1
    originals = {entry.id: entry for entry in one.entries}
    for entry in one.entries:
        if entry.kind in ADDING:
            # A return lowers the measures of the day on which its goods were bought.
            earned = originals.get(entry.reverses, entry) if entry.reverses else entry
            expected[f"earned:{entry.unit}", day(earned.occurred_at, earned.definition_version)] += entry.amount
    found = {(row.measure, row.day): row.value for row in one.measures}
    for measure, on in sorted({*expected, *found}):
        have, want = found.get((measure, on), 0), expected[measure, on]
        if have != want:
            yield "measure", f"{measure} of {on} is {have}, what is on record says {want}"


def _sales(one: Ledger) -> Iterator[tuple[Any, list[Fraction]]]:
    """The sales, each with the part of its lines that all its returns have left."""
    kept: defaultdict[UUID, list[list[Fraction]]] = defaultdict(list)
    for row in one.transactions:
        kept[row.sale_id or row.id].append([Fraction(part) for part in row.kept])
    for row in one.transactions:
        if row.type == "sale":
            yield row, [min(parts) for parts in zip(*kept[row.id], strict=True)]


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
    member, last = one.member, next(iter(one.tier_changes), None)
    have = _standing(member.tier, member.tier_since, member.tier_until)
    want = _standing(last.tier, last.since, last.until) if last else _standing(None, None, None)
    if have != want:
        yield "tier", f"the member has {have}, the last change led to {want}"


def _standing(tier: str | None, since: date | None, until: date | None) -> str:
    return f"{tier} since {since} until {until or 'further notice'}" if tier else "no tier"
