"""What members did, to be replayed: as a program's database has it, or as a CSV file of sales tells it.

Both come one member at a time, so that a replay needs no more memory for a million members than for ten.
"""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from itertools import groupby
from typing import Any, TypeAlias
from uuid import NAMESPACE_OID, UUID, uuid5

from sqlalchemy import Row

from wallet_api.domain import calendar
from wallet_api.domain.definition import Definition
from wallet_api.domain.events import Activity, Adjust, CheckIn, Line, Redeem, Sale
from wallet_api.domain.money import half_up
from wallet_api.domain.state import Membership
from wallet_api.services.app import App
from wallet_api.services.import_transactions import (
    BadLine,
    Rejection,
    SaleLine,
    _Places,
    _Reader,
    _Staged,
    _StagedSale,
)
from wallet_api.store import memberships, pasts, transactions
from wallet_api.store.ids import new_id
from wallet_api.store.pasts import PastRows
from wallet_api.store.session import Tx

MEMBERS_AT_A_TIME = 200
BAD_LINES_TOLD_MAX = 20
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,6})?", re.ASCII)


class NothingToReplay(Exception):
    """There are no sales in this time: nothing to replay."""


class OtherCurrency(Exception):
    """The sales are in another currency than the definition; its text says which."""


class BadLines(Exception):
    """Lines of the file that cannot be read: the first of them, and how many there are."""

    def __init__(self, first: Sequence[Rejection], *, count: int) -> None:
        super().__init__(count)
        self.first = tuple(first)
        self.count = count


@dataclass(frozen=True, kw_only=True)
class UsedVoucher:
    """A voucher that was used on a sale: the redemption that it came from, and for which reward it was."""

    redemption_id: UUID
    reward: str


@dataclass(frozen=True, kw_only=True)
class PastSale:
    """A sale as it was, without its vouchers: those are other ones in a replay."""

    sale: Sale
    used: tuple[UsedVoucher, ...] = ()

    @property
    def id(self) -> UUID:
        """Under which the sale is filed."""
        return self.sale.id

    @property
    def occurred_at(self) -> datetime:
        """When it was made."""
        return self.sale.occurred_at


@dataclass(frozen=True, kw_only=True)
class PastReturn:
    """Goods of a sale brought back: the lines, else an amount in the sale's own prices, else all of it."""

    id: UUID
    occurred_at: datetime
    sale_id: UUID
    lines: tuple[Line, ...] = ()
    amount: int | None = None


@dataclass(frozen=True, kw_only=True)
class PastMembership:
    """A paid or verified membership became this: whether it was paid for or proven is a fact, whatever the rules."""

    id: UUID
    occurred_at: datetime
    membership: Membership


Happening: TypeAlias = PastSale | PastReturn | PastMembership | CheckIn | Activity | Redeem | Adjust


@dataclass(frozen=True, kw_only=True)
class Past:
    """One member: when they joined, and what happened since, in the order of its times."""

    member_id: UUID
    joined_at: datetime
    birth_date: date | None
    happenings: tuple[Happening, ...]
    referred_by: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Pasts:
    """What all members did before the instant `until`: since which transaction, how many there are, the members one by one."""

    first: datetime
    until: datetime
    transactions: int
    members: Callable[[], Iterator[Past]]


# ── Out of the database ──────────────────────────────────────────────────────────────────────────────────────────


def recorded(app: App, program: str, definition: Definition, *, last_day: date | None = None) -> Pasts:
    """What is on record in a program, up to the day of its last transaction, or to another day.

    `definition` says where days end, and what units turn into by themselves. Everything is read in transactions that
    can only read. Raises NothingToReplay, and OtherCurrency where a transaction is in another one than the definition's.
    """
    zone = definition.time_zone
    with app.db.read() as tx:
        bounds = pasts.bounds(tx, program, until=calendar.end_of(last_day, zone) if last_day else None)
    if bounds is None:
        raise NothingToReplay(NothingToReplay.__doc__)
    if foreign := sorted(bounds.currencies - {definition.currency}):
        raise OtherCurrency(f"The program's sales are in {foreign[0]}, the definition counts in {definition.currency}.")
    until = calendar.end_of(last_day or calendar.local_day(bounds.last, zone), zone)

    def members() -> Iterator[Past]:
        after: UUID | None = None
        while True:
            with app.db.read() as tx:
                batch = pasts.pasts(tx, program, until=until, after=after, limit=MEMBERS_AT_A_TIME)
                read = [_of_rows(app, tx, program, rows, definition) for rows in batch]
            # Not while the transaction is open: a replay takes longer than the database lets one idle.
            yield from (past for past in read if past.joined_at < until)
            if not batch:
                return
            after = batch[-1].member.id

    return Pasts(first=bounds.first, until=until, transactions=bounds.transactions, members=members)


def _of_rows(app: App, tx: Tx, program: str, rows: PastRows, definition: Definition) -> Past:
    def code(location_id: UUID) -> str:
        return app.location(tx, location_id, program=program).code

    happenings: list[Happening] = [
        *_sales(rows, code),
        *_returns(rows),
        *(CheckIn(id=row.id, occurred_at=row.occurred_at, location=code(row.location_id)) for row in rows.check_ins),
        *map(_activity, rows.activities),
        *_redemptions(rows, definition),
        *map(_membership, rows.memberships),
        *map(_adjustment, (entry for entry in rows.entries if entry.kind == "adjust")),
    ]
    # Ids are made in the order of time: they tell the order of what happened at one instant.
    happenings.sort(key=lambda happening: (happening.occurred_at, happening.id))
    return Past(
        member_id=rows.member.id,
        # Imported sales may be older than the membership; a replay lets who made them join with the first.
        joined_at=min(
            [row.joined_at for row in (rows.member, *rows.former)] + [each.occurred_at for each in happenings[:1]]
        ),
        birth_date=rows.member.birth_date,
        referred_by=rows.member.referred_by,
        happenings=tuple(happenings),
    )


def _sales(rows: PastRows, code: Callable[[UUID], str]) -> Iterator[PastSale]:
    vouchers = {row.id: UsedVoucher(redemption_id=row.redemption_id, reward=row.reward) for row in rows.vouchers}
    spent: defaultdict[UUID, list[tuple[str, int]]] = defaultdict(list)
    for entry in rows.entries:
        if entry.kind == "redeem":
            spent[entry.source_id].append((entry.unit, -entry.amount))
    for row in rows.transactions:
        if row.type == "sale":
            sale = Sale(
                id=row.id,
                occurred_at=row.occurred_at,
                location=code(row.location_id),
                lines=tuple(transactions.line_of(line) for line in row.lines),
                pay_with=tuple(spent[row.id]),
            )
            yield PastSale(sale=sale, used=tuple(vouchers[used] for used in row.voucher_ids if used in vouchers))


def _returns(rows: PastRows) -> Iterator[PastReturn]:
    """Each return by its lines; else, where some of the sale stayed, by what it took of it in the sale's own prices."""
    sales = {row.id: row for row in rows.transactions if row.type == "sale"}
    kept = {sale_id: [Fraction(part) for part in row.kept] for sale_id, row in sales.items()}
    # Each leaves less of every line than the one before; their times need not tell the order.
    for row in sorted(
        (row for row in rows.transactions if row.type == "return" and row.sale_id in sales),
        key=lambda row: sum(map(Fraction, row.kept)),
        reverse=True,
    ):
        left, before = [Fraction(part) for part in row.kept], kept[row.sale_id]
        kept[row.sale_id] = left
        lines = tuple(transactions.line_of(line) for line in row.lines)
        amount = None
        if any(left) and not lines:
            parts = zip(sales[row.sale_id].lines, before, left, strict=True)
            amount = half_up(sum((line["amount"] * (was - now) for line, was, now in parts), Fraction()))
        yield PastReturn(
            id=row.id, occurred_at=row.occurred_at, sale_id=row.sale_id, lines=lines if any(left) else (), amount=amount
        )


def _activity(row: Row[Any]) -> Activity:
    fields = {
        name: Fraction(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
        for name, value in row.fields.items()
    }
    return Activity(id=row.id, occurred_at=row.occurred_at, kind=row.kind, fields=fields)


def _membership(row: Row[Any]) -> PastMembership:
    return PastMembership(id=row.id, occurred_at=row.recorded_at, membership=memberships.of_json(row.membership))


def _redemptions(rows: PastRows, definition: Definition) -> Iterator[Redeem]:
    """What members chose; what units turned into by themselves a replay makes anew."""
    by_themselves = {(unit.id, unit.converts.into) for unit in definition.units.values() if unit.converts}
    for row in rows.redemptions:
        if (row.unit, row.reward) not in by_themselves:
            yield Redeem(
                id=row.id,
                occurred_at=row.made_at,
                reward=row.reward,
                quantity=row.quantity,
                voucher_code=str(row.id),
            )


def _adjustment(row: Row[Any]) -> Adjust:
    reason = str(row.why.get("reason", ""))
    return Adjust(id=row.id, occurred_at=row.occurred_at, unit=row.unit, amount=row.amount, reason=reason)


# ── Out of a file ────────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def written(
    lines: Iterable[SaleLine | Rejection],
    definition: Definition,
    *,
    now: datetime,
    last_day: date | None = None,
    read: Callable[[int], None] = lambda _: None,
) -> Iterator[Pasts]:
    """The sales that lines tell of, each member one who joined at their first; `read` hears how many have been read.

    The lines are those of `import_transactions`, and so is what is said of bad ones; any location will do. Raises
    BadLines with all that is wrong, and NothingToReplay.
    """
    zone = definition.time_zone
    reader = _Reader(definition, _Places(by_code=_AnyPlace(), default=NAMESPACE_OID), now=now)
    before = calendar.end_of(last_day, zone) if last_day else None
    bad: list[Rejection] = []
    faults, moments = 0, set[datetime]()
    with contextlib.closing(_Staged()) as staged:
        for number, line in enumerate(lines, 1):
            try:
                if isinstance(line, Rejection):
                    raise BadLine(line.reason)
                sale = reader.sale(line.columns)
                if before is None or sale.occurred_at < before:
                    staged.add(line, sale)
                    moments = (
                        {min(*moments, sale.occurred_at), max(*moments, sale.occurred_at)}
                        if moments
                        else {sale.occurred_at}
                    )
            except BadLine as fault:
                faults += 1
                if len(bad) < BAD_LINES_TOLD_MAX:
                    bad.append(Rejection(line=line.line if isinstance(line, Rejection) else line, reason=str(fault)))
            read(number)
        if faults:
            raise BadLines(bad, count=faults)
        if not moments:
            raise NothingToReplay(NothingToReplay.__doc__)
        until = calendar.end_of(last_day or calendar.local_day(max(moments), zone), zone)
        yield Pasts(first=min(moments), until=until, transactions=staged.count(), members=lambda: _of_lines(staged))


def _of_lines(staged: _Staged) -> Iterator[Past]:
    for _, parts in groupby(staged.by_member(), key=lambda part: part[0]):
        sales = [_sale(sale) for _, part in parts for sale in part]
        yield Past(member_id=new_id(), joined_at=sales[0].occurred_at, birth_date=None, happenings=tuple(sales))


def _sale(staged: _StagedSale) -> PastSale:
    sale = Sale(
        id=staged.id,
        occurred_at=staged.written.occurred_at,
        location=staged.line.columns.get("location", "").strip() or None,
        lines=(Line(sku="", amount=staged.written.amount),),
    )
    return PastSale(sale=sale)


class _AnyPlace(dict[str, UUID]):
    """Locations by their codes, where every code is one: a file is read without the database that knows them."""

    def __contains__(self, code: object) -> bool:
        return True

    def __missing__(self, code: str) -> UUID:
        return uuid5(NAMESPACE_OID, code)
