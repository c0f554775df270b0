"""Members by the million: a few are made through the use cases, all others are copies of them, loaded with COPY.

A copy has ids of its own and its own chain of hashes, so that `carnet ledger verify` finds it as right as the member
whom it was copied from. Cards, receipts and messages are left out: nothing here asks for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from uuid import UUID

import psycopg

from wallet_api.domain import chain
from wallet_api.domain.decision import Entry
from wallet_api.domain.voucher_code import voucher_code
from wallet_api.services.app import App
from wallet_api.store import history, ledger, sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Tx

MEMBERS_A_COMMIT = 5_000
TABLES = (
    "members",
    "entries",
    "lots",
    "accounts",
    "day_measures",
    "rule_counts",
    "tier_changes",
    "transactions",
    "check_ins",
    "redemptions",
    "vouchers",
)
"""What is copied of a member, parents before children."""
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A member as rows in COPY's text format, each table cut at its ids, codes and hashes: these stand at the odd places."""

    ids: Sequence[str]
    codes: Sequence[str]
    entries: Sequence[Entry]
    hashes: Sequence[str]
    tables: Mapping[str, Sequence[str]]


def multiply(app: App, originals: Sequence[UUID], *, members: int) -> None:
    """Have so many members in all, copies of these in turn; the planner's statistics are brought up to date."""
    with app.db.begin() as tx:
        # An address belongs to one member.
        sql.run(tx, "UPDATE members SET email = NULL, phone = NULL WHERE id = ANY(:ids)", ids=list(originals))
        shared = sql.every(tx, "SELECT id FROM locations UNION SELECT id FROM keys")
        patterns = [_pattern(tx, member, shared={str(row.id) for row in shared}) for member in originals]
    copies = islice(cycle(patterns), max(0, members - len(originals)))
    while batch := [_copy(pattern) for pattern in islice(copies, MEMBERS_A_COMMIT)]:
        with app.db.begin() as tx:
            history.commit_later(tx)
            for table in TABLES:
                _load(tx, table, "".join(copy[table] for copy in batch))
    with app.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM (ANALYZE)")
        connection.invalidate()  # its settings are not for others


def _pattern(tx: Tx, member: UUID, *, shared: set[str]) -> Pattern:
    found = ledger.of_member(tx, member)
    assert found is not None
    hashes = [bytes(row.hash).hex() for row in found.entries]
    texts = {table: _rows(tx, table, member) for table in TABLES}
    ids = {text_id for text in texts.values() for text_id in re.findall(_UUID, text)} - shared
    codes = [row.code for row in sql.every(tx, "SELECT code FROM vouchers WHERE member_id = :id", id=member)]
    cuts = re.compile(f"({'|'.join([*ids, *codes, *hashes])})")
    return Pattern(
        ids=sorted(ids),
        codes=codes,
        entries=[ledger.entry_of(row) for row in found.entries],
        hashes=hashes,
        tables={table: cuts.split(text) for table, text in texts.items()},
    )


def _copy(pattern: Pattern) -> dict[str, str]:
    """Another member like this one."""
    names = {known: str(new_id()) for known in pattern.ids}
    names |= {known: voucher_code(new_id()) for known in pattern.codes}
    link = b""
    for position, (entry, known) in enumerate(zip(pattern.entries, pattern.hashes, strict=True), 1):
        link = chain.link(link, _renamed(entry, names), position=position)
        names[known] = link.hex()
    return {
        table: "".join([names[part] if place % 2 else part for place, part in enumerate(parts)])
        for table, parts in pattern.tables.items()
    }


def _renamed(entry: Entry, names: Mapping[str, str]) -> Entry:
    return replace(
        entry,
        id=UUID(names[str(entry.id)]),
        source_id=entry.source_id and UUID(names[str(entry.source_id)]),
        reverses=entry.reverses and UUID(names[str(entry.reverses)]),
        takes=tuple(replace(take, lot_id=UUID(names[str(take.lot_id)])) for take in entry.takes),
    )


def _rows(tx: Tx, table: str, member: UUID) -> str:
    column = "id" if table == "members" else "member_id"
    with _cursor(tx).copy(f"COPY (SELECT * FROM {table} WHERE {column} = '{member}') TO STDOUT") as copy:
        return b"".join(bytes(chunk) for chunk in copy).decode()


def _load(tx: Tx, table: str, rows: str) -> None:
    if rows:
        with _cursor(tx).copy(f"COPY {table} FROM STDIN") as copy:
            copy.write(rows)


def _cursor(tx: Tx) -> psycopg.Cursor[tuple[object, ...]]:
    driver = tx.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver.cursor()
