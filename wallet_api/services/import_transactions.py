"""Importing the purchase history of a program's members.

Lines are read once, checked, and staged in a temporary SQLite file, so that a file of any length is sorted by member
without filling the memory. Then each member's new sales are decided in time order in memory and written in one
transaction: what is committed stays, and a second run goes on where the first one stopped.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import groupby, islice
from typing import TypeAlias
from uuid import UUID

from wallet_api.domain import errors
from wallet_api.domain.definition import Definition
from wallet_api.domain.events import Event, Join, Line, Sale, TimePasses
from wallet_api.domain.fold import combined, fold
from wallet_api.services import load_member
from wallet_api.services.app import App
from wallet_api.services.enrol import Consents, admit
from wallet_api.services.find_member import canonical, find_member, is_address
from wallet_api.services.identify import Who
from wallet_api.services.load_member import Loaded
from wallet_api.services.record_sale import CLOCKS_MAY_DIFFER, RecordSale, answer_of, receipt_contents
from wallet_api.store import decisions, history, programs, transactions
from wallet_api.store.history import Receipt
from wallet_api.store.ids import fresh_ids, new_id
from wallet_api.store.members import NewMember
from wallet_api.store.session import Tx

REQUIRED = ("member", "external_id", "occurred_at", "amount")
OPTIONAL = ("location", "currency", "given_name")
TEXT_CHARACTERS_MAX = 255
AMOUNT_MAX = 10**12
FIRST_YEAR = 1900
SALES_A_TRANSACTION = 500
"""Few members have more new sales; those take several transactions, so that no till waits long for their lock."""
TRIES = 3

Columns: TypeAlias = Mapping[str, str]
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_AMOUNT = re.compile(r"\d{1,15}(\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class SaleLine:
    """One line of the source as it was written: its number there, and its columns by name."""

    number: int
    columns: Columns


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """A line that was not imported, and the reason as a sentence."""

    line: SaleLine
    reason: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an import is: lines read in the first pass, then lines dealt with out of all that can be imported."""

    read: int = 0
    done: int = 0
    to_do: int | None = None


@dataclass(kw_only=True)
class Summary:
    """What an import did, in lines; `guests` are the members it made."""

    imported: int = 0
    known: int = 0
    rejected: int = 0
    guests: int = 0


def import_transactions(
    app: App,
    program: str,
    lines: Iterable[SaleLine | Rejection],
    *,
    location: str | None = None,
    reject: Callable[[Rejection], None] = lambda _: None,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Summary:
    """Import sales; `location` is the code of those that name none (else the program's only one).

    A `member` is an e-mail address, a phone number (`+…`), a card number, or the reference by which another system
    knows them; an unknown reference becomes a guest who joined at their first sale. A receipt that is known with the
    same contents is counted and left alone. Nobody is told of history. What the source itself has rejected is counted
    and handed on to `reject` with the rest. Raises NotFound for the program or the location.
    """
    now = app.clock.now()
    summary = Summary()

    def refuse(rejection: Rejection) -> None:
        summary.rejected += 1
        reject(rejection)

    with app.db.read() as tx:
        definition = app.current_definition(tx, program)
        reader = _Reader(definition, _Places.of(tx, program, location), now=now)
    with contextlib.closing(_Staged()) as staged:
        for read, line in enumerate(lines, 1):
            if isinstance(line, Rejection):
                refuse(line)
            else:
                try:
                    staged.add(line, reader.sale(line.columns))
                except BadLine as bad:
                    refuse(Rejection(line=line, reason=str(bad)))
            progress(Progress(read=read))
        importer = _Importer(app=app, program=program, definition=definition, now=now)
        done, to_do = 0, staged.count()
        for who, sales in staged.by_member():
            outcome = importer.member(who, sales)
            summary.imported += outcome.imported
            summary.known += outcome.known
            summary.guests += outcome.guests
            for rejection in outcome.rejections:
                refuse(rejection)
            done += len(sales)
            progress(Progress(read=to_do, done=done, to_do=to_do))
    with app.db.begin() as tx:
        history.make_durable(tx)
    return summary


class BadLine(Exception):
    """A line that cannot be imported; its text says why."""


# ── Reading a line ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class _WrittenSale:
    """A line that has been understood; `occurred_at` is aware and in UTC, `amount` in minor units."""

    member: str
    location: UUID
    external_id: str
    occurred_at: datetime
    amount: int
    given_name: str | None


@dataclass(frozen=True, kw_only=True)
class _Places:
    """The program's locations by code, and the one of lines that name none."""

    by_code: Mapping[str, UUID]
    default: UUID | None

    @classmethod
    def of(cls, tx: Tx, program: str, code: str | None) -> _Places:
        by_code = {location.code: location.id for location in programs.locations(tx, program)}
        if code is not None and code not in by_code:
            raise errors.NotFound(what=f"location {code}")
        only = next(iter(by_code.values())) if len(by_code) == 1 else None
        return cls(by_code=by_code, default=by_code[code] if code is not None else only)


class _Reader:
    """Turns what was written into a sale, or says what is wrong with it."""

    def __init__(self, definition: Definition, places: _Places, *, now: datetime) -> None:
        self._definition = definition
        self._places = places
        self._latest = now + CLOCKS_MAY_DIFFER

    def sale(self, columns: Columns) -> _WrittenSale:
        """The sale that a line stands for; raises BadLine."""
        self._check_currency(columns)
        return _WrittenSale(
            member=canonical(_text(columns, "member")),
            location=self._location(columns),
            external_id=_text(columns, "external_id"),
            occurred_at=self._moment(_text(columns, "occurred_at")),
            amount=self._amount(_text(columns, "amount")),
            given_name=_text(columns, "given_name") if columns.get("given_name", "").strip() else None,
        )

    def _check_currency(self, columns: Columns) -> None:
        given, expected = columns.get("currency", "").strip(), self._definition.currency
        if given and given != expected:
            raise BadLine(f"The program counts in {expected}, not in {given}.")

    def _location(self, columns: Columns) -> UUID:
        code = columns.get("location", "").strip()
        if not code:
            if self._places.default is None:
                raise BadLine("No location: name one in the line, or one for all with --location.")
            return self._places.default
        if code not in self._places.by_code:
            raise BadLine(f"The program has no location {code}.")
        return self._places.by_code[code]

    def _moment(self, written: str) -> datetime:
        try:
            if _DAY.fullmatch(written):
                noon = datetime.combine(date.fromisoformat(written), time(12), self._definition.time_zone)
                moment = noon.astimezone(UTC)
            elif _RFC_3339.fullmatch(written):
                moment = datetime.fromisoformat(written.upper()).astimezone(UTC)
            else:
                raise BadLine("occurred_at is neither a day (2026-03-01) nor a time with its zone (RFC 3339).")
        except (ValueError, OverflowError):
            raise BadLine(f"There is no such time as {written}.") from None
        if moment > self._latest:
            raise BadLine("occurred_at lies in the future; a day without a time means its noon.")
        if moment.year < FIRST_YEAR:
            raise BadLine(f"occurred_at lies before {FIRST_YEAR}.")
        return moment

    def _amount(self, written: str) -> int:
        if not _AMOUNT.fullmatch(written):
            raise BadLine("amount is not a number of 0 or more such as 12.90; returns are not imported.")
        minor = Decimal(written).scaleb(self._definition.currency_decimals)
        if minor != int(minor):
            raise BadLine(f"amount has more than {self._definition.currency_decimals} decimals.")
        if minor > AMOUNT_MAX:
            raise BadLine("amount is too large.")
        return int(minor)


def _text(columns: Columns, name: str) -> str:
    text = columns.get(name, "").strip()
    if not text:
        raise BadLine(f"{name} is missing.")
    if len(text) > TEXT_CHARACTERS_MAX or not text.isprintable():
        raise BadLine(f"{name} is longer than {TEXT_CHARACTERS_MAX} characters, or has some that cannot be printed.")
    return text


# ── Staging ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class _StagedSale:
    """A sale that is ready to be imported, with the line it came from."""

    line: SaleLine
    written: _WrittenSale
    id: UUID = field(default_factory=new_id)

    @property
    def receipt(self) -> Receipt:
        return Receipt(self.written.location, self.written.external_id)


class _Staged:
    """The sales of a file on disk, each receipt once, to be taken out by member and time."""

    def __init__(self) -> None:
        # An empty name is a private file that SQLite deletes by itself; the journal would guard what is thrown away.
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("BEGIN")
        self._db.execute(
            """
            CREATE TABLE sales (number INTEGER, member TEXT, location TEXT, external_id TEXT, occurred_at TEXT,
                                amount INTEGER, given_name TEXT, columns TEXT,
                                PRIMARY KEY (location, external_id)) WITHOUT ROWID
            """
        )

    def add(self, line: SaleLine, sale: _WrittenSale) -> None:
        """Stage a sale; raises BadLine if an earlier line has its receipt."""
        location, columns = sale.location.hex, json.dumps(dict(line.columns))
        moment = sale.occurred_at.isoformat(timespec="microseconds")  # always as long, so that texts sort as times
        row = (line.number, sale.member, location, sale.external_id, moment, sale.amount, sale.given_name, columns)
        if self._db.execute("INSERT OR IGNORE INTO sales VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).rowcount == 0:
            query = "SELECT number FROM sales WHERE location = ? AND external_id = ?"
            first = self._db.execute(query, (location, sale.external_id)).fetchone()[0]
            raise BadLine(f"Line {first} has the same receipt (location and external_id).")

    def count(self) -> int:
        """How many sales are staged."""
        return int(self._db.execute("SELECT count(*) FROM sales").fetchone()[0])

    def by_member(self) -> Iterator[tuple[str, list[_StagedSale]]]:
        """Each member with their sales in time order, in parts of at most `SALES_A_TRANSACTION`."""
        rows = self._db.execute("SELECT * FROM sales ORDER BY member, occurred_at, number")
        for who, group in groupby(rows, key=lambda row: str(row[1])):
            while part := [_staged_sale(row) for row in islice(group, SALES_A_TRANSACTION)]:
                yield who, part

    def close(self) -> None:
        """Throw the staged sales away."""
        self._db.close()


def _staged_sale(row: tuple[int, str, str, str, str, int, str | None, str]) -> _StagedSale:
    number, member, location, external_id, moment, amount, given_name, columns = row
    written = _WrittenSale(
        member=member,
        location=UUID(location),
        external_id=external_id,
        occurred_at=datetime.fromisoformat(moment),
        amount=amount,
        given_name=given_name,
    )
    return _StagedSale(line=SaleLine(number=number, columns=json.loads(columns)), written=written)


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


class _Raced(Exception):
    """Somebody recorded one of these receipts between our look and our claim."""


@dataclass(frozen=True, kw_only=True)
class _Importer:
    """Writes one member's sales after the other."""

    app: App
    program: str
    definition: Definition
    now: datetime

    def member(self, who: str, sales: Sequence[_StagedSale]) -> _Outcome:
        """Import a member's sales in a transaction, again if another one crossed it; Busy after some tries."""
        for _ in range(TRIES):
            with contextlib.suppress(_Raced, errors.AlreadyMember, errors.Busy):
                return self._member(who, sales)
        raise errors.Busy()

    def _member(self, who: str, sales: Sequence[_StagedSale]) -> _Outcome:
        with self.app.db.begin() as tx:
            history.commit_later(tx)  # what a crash loses, the next run brings back
            # The receipts before the member: an import that crosses this one commits both at once, so who sees its
            # receipts then sees its guest too.
            recorded = history.known_receipts(tx, [sale.receipt for sale in sales])
            member_id = find_member(tx, self.program, who)
            if member_id is None and is_address(who):
                reason = (
                    f"Nobody in the program has the address {who}; only a reference of another system makes a guest."
                )
                return _Outcome(rejections=tuple(Rejection(line=sale.line, reason=reason) for sale in sales))
            outcome, new = self._sort_out(member_id, sales, recorded)
            if new:
                guests = 1 if member_id is None else 0
                self._record(tx, who, member_id, new)
                outcome = replace(outcome, imported=len(new), guests=guests)
        return outcome

    def _sort_out(
        self, member_id: UUID | None, sales: Sequence[_StagedSale], recorded: Mapping[Receipt, bytes]
    ) -> tuple[_Outcome, list[_StagedSale]]:
        """Which of the sales are new; the others are known, or contradict what is recorded."""
        new = [sale for sale in sales if sale.receipt not in recorded]
        known = [
            sale
            for sale in sales
            if member_id and recorded.get(sale.receipt) == receipt_contents(member_id, self._wish(member_id, sale))
        ]
        same = {sale.id for sale in (*new, *known)}
        reason = "This receipt is recorded with other contents (member, time or amount)."
        contradicting = (Rejection(line=sale.line, reason=reason) for sale in sales if sale.id not in same)
        return _Outcome(known=len(known), rejections=tuple(contradicting)), new

    def _record(self, tx: Tx, who: str, member_id: UUID | None, sales: Sequence[_StagedSale]) -> None:
        """Decide and write new sales; the receipts first, then the member, in the order of `locks`."""
        guest = self._admit(tx, who, sales) if member_id is None else None
        member_id = guest.row.id if guest else member_id
        assert member_id is not None
        claims = {sale.receipt: (sale.id, receipt_contents(member_id, self._wish(member_id, sale))) for sale in sales}
        if not history.claim_receipts(tx, claims):
            raise _Raced()
        member = guest or self._load(tx, member_id, [sale.written.occurred_at for sale in sales])
        joining = [Join(id=new_id(), occurred_at=guest.row.joined_at)] if guest else []
        events = [self._event(tx, sale) for sale in sales]
        until_now: list[Event] = [*joining, *events, TimePasses(occurred_at=self.now)]
        made = list(fold(member.definition, member.state, until_now, ids=fresh_ids()))
        decisions.write(tx, member.row, member.definition, combined(made), now=self.now, quiet=True)
        rows = [
            {
                "id": event.id,
                "location_id": sale.written.location,
                "external_id": sale.written.external_id,
                "occurred_at": event.occurred_at,
                "currency": member.definition.currency,
                "amount": event.amount,
                "paid": decision.paid,
                "lines": [transactions.line_json(line) for line in event.lines],
                "net": decision.net,
                "kept": [str(part) for part in decision.kept],
                "tier": decision.tier,
                "answer": answer_of(member, event, decision),
            }
            for sale, event, decision in zip(sales, events, made[len(joining) : -1], strict=True)
        ]
        history.add_sales(tx, self.program, member_id, member.row.version, rows)

    def _admit(self, tx: Tx, who: str, sales: Sequence[_StagedSale]) -> Loaded:
        """A guest who joined at their first sale; nobody else sees the row yet, so it waits for no lock."""
        guest = NewMember(
            program_id=self.program,
            joined_at=sales[0].written.occurred_at,
            external_ref=who,
            given_name=next((sale.written.given_name for sale in sales if sale.written.given_name), None),
            locale=self.definition.languages[0],
            status="guest",
        )
        return admit(self.app, tx, guest, Consents(terms=True, channel="import"), now=self.now)

    def _event(self, tx: Tx, sale: _StagedSale) -> Sale:
        location = self.app.location(tx, sale.written.location, program=self.program)
        at = sale.written.occurred_at
        return Sale(id=sale.id, occurred_at=at, location=location.code, lines=_lines(sale))

    def _load(self, tx: Tx, member_id: UUID, moments: Sequence[datetime]) -> Loaded:
        """Lock a member and load what all these moments need."""
        return load_member.locked(self.app, tx, member_id, at=self.now, and_at=moments, now=self.now)

    def _wish(self, member_id: UUID, sale: _StagedSale) -> RecordSale:
        """The sale as a till would send it: a receipt is the same whichever way it came."""
        return RecordSale(
            who=Who(member_id=member_id),
            external_id=sale.written.external_id,
            occurred_at=sale.written.occurred_at,
            currency=self.definition.currency,
            lines=_lines(sale),
        )


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What became of one member's sales."""

    imported: int = 0
    known: int = 0
    guests: int = 0
    rejections: tuple[Rejection, ...] = ()


def _lines(sale: _StagedSale) -> tuple[Line, ...]:
    return (Line(sku="", amount=sale.written.amount),)
