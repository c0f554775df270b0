"""A ledger's entries replayed: decided again in memory, and checked in the database.

Every member has bought, come by, redeemed and brought back, ten entries each. *Decided again* is the rules alone:
`fold` makes each member's events into the same entries anew, in memory, without ids from a database or any writing.
Its limit is the chain of hashes over these entries, the least that anybody who trusts none of them must work out.
*Checked* is `carnet ledger verify`: it reads everything that is on record of each member, replays the entries, links
the hashes again, and compares lots, balances, measures, tiers. Its limit is a bare SELECT of the same entries.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from bench.alone import alone
from bench.crowd import multiply
from bench.world import CLUB, Bench, open_bench
from wallet_api.clock import FixedClock
from wallet_api.domain import chain
from wallet_api.domain.decision import Entry
from wallet_api.domain.definition import Definition
from wallet_api.domain.events import CheckIn, Event, Join, Line, Redeem, Sale
from wallet_api.domain.fold import fold
from wallet_api.domain.state import MemberState
from wallet_api.services.check_in import check_in
from wallet_api.services.identify import Who
from wallet_api.services.record_sale import RecordSale, record_sale
from wallet_api.services.redeem import Wish, redeem_reward
from wallet_api.store import sql
from wallet_api.store.ids import fresh_ids, new_id

ENTRIES = int(os.environ.get("BENCH_ENTRIES", "100000"))
ENTRIES_A_MEMBER = 10
ORIGINALS = 8
JOINED = datetime(2026, 1, 10, 12, tzinfo=UTC)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HISTORY = ("sale", "visit", "sale", "visit", "redeem", "sale", "visit", "sale", "visit", "sale")
"""One a week, each with one entry."""


def run() -> None:
    """Measure and print."""
    members = ENTRIES // ENTRIES_A_MEMBER
    with open_bench(members=ORIGINALS, program=CLUB, clock=FixedClock(JOINED)) as bench:
        for number, member in enumerate(bench.members):
            _live(bench, member, number)
        _set(bench, NOW)
        _decide_again(bench, members)
        multiply(bench.app, bench.members, members=members)
        _check(bench)


# ── Decided again ────────────────────────────────────────────────────────────────────────────────────────────────


def _decide_again(bench: Bench, members: int) -> None:
    with bench.app.db.read() as tx:
        definition = bench.app.current_definition(tx, bench.till.program)
        rows = sql.every(tx, "SELECT kind, amount, occurred_at FROM entries ORDER BY member_id, position")
    histories = [_events(number) for number in range(ORIGINALS)]
    entries = [entry for history in histories for entry in _replayed(definition, history)]
    assert [(entry.kind, entry.amount, entry.occurred_at) for entry in entries] == [tuple(row) for row in rows]

    start, done = time.monotonic(), 0
    for number in range(members):
        done += len(_replayed(definition, histories[number % ORIGINALS]))
    rate = done / (time.monotonic() - start)
    limit = _links(entries, done)
    print(
        f"Replay: {done:,} entries decided again {rate:7.0f}/s   their hashes alone {limit:7.0f}/s"
        f"   share {rate / limit:.2f}   {len(histories[0])} events a member"
    )


def _replayed(definition: Definition, events: Sequence[Event]) -> list[Entry]:
    state = MemberState(member_id=new_id(), joined_at=JOINED, birth_date=None, standing=None)
    return [entry for decision in fold(definition, state, events, ids=fresh_ids()) for entry in decision.entries]


def _links(entries: Sequence[Entry], count: int) -> float:
    """Links a second."""
    start, link = time.monotonic(), b""
    for number in range(count):
        link = chain.link(link, entries[number % len(entries)], position=number)
    return count / (time.monotonic() - start)


# ── Checked ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _check(bench: Bench) -> None:
    url = bench.settings.database_url
    assert url is not None
    limit = _select(bench)
    checked = alone("verify", url, now=NOW)
    rate = checked.rate * ENTRIES_A_MEMBER
    print(
        f"Replay: {checked.done * ENTRIES_A_MEMBER:,} entries checked in the database {rate:7.0f}/s   bare SELECT"
        f" {limit:7.0f}/s   share {rate / limit:.2f}   {checked.rate:.0f} members/s"
        f"   CPU {checked.cpu_seconds / checked.done * 1_000:.2f} ms a member   resident {checked.resident_mb:.0f} MB at most"
    )


def _select(bench: Bench) -> float:
    """Entries a second."""
    with bench.app.db.read() as tx:
        rows = tx.execution_options(yield_per=10_000).exec_driver_sql(
            "SELECT id, member_id, position, unit, kind, amount, occurred_at, source_id, rule, takes, hash FROM entries"
        )
        start, count = time.monotonic(), 0
        for _ in rows:
            count += 1
        return count / (time.monotonic() - start)


# ── The history ──────────────────────────────────────────────────────────────────────────────────────────────────


def _at(week: int) -> datetime:
    return JOINED + timedelta(weeks=week)


def _price(number: int, week: int) -> int:
    return 60_00 + number * 1_00 + week * 10


def _live(bench: Bench, member: UUID, number: int) -> None:
    """Through the use cases."""
    for week, what in enumerate(HISTORY, 1):
        _set(bench, _at(week))
        with bench.app.db.begin() as tx:
            if what == "sale":
                wish = RecordSale(
                    who=Who(member_id=member),
                    external_id=str(new_id()),
                    occurred_at=_at(week),
                    currency="EUR",
                    lines=(Line(sku="", amount=_price(number, week)),),
                )
                record_sale(bench.app, tx, bench.till, wish)
            elif what == "visit":
                check_in(bench.app, tx, bench.till, Who(member_id=member), occurred_at=_at(week))
            else:
                redeem_reward(bench.app, tx, member, Wish(reward="off-5", quantity=1))


def _events(number: int) -> list[Event]:
    """As events of the domain."""
    events: list[Event] = [Join(id=new_id(), occurred_at=JOINED)]
    for week, what in enumerate(HISTORY, 1):
        if what == "sale":
            lines = (Line(sku="", amount=_price(number, week)),)
            events.append(Sale(id=new_id(), occurred_at=_at(week), location="shop", lines=lines))
        elif what == "visit":
            events.append(CheckIn(id=new_id(), occurred_at=_at(week), location="shop"))
        else:
            events.append(Redeem(id=new_id(), occurred_at=_at(week), reward="off-5", quantity=1, voucher_code="code"))
    return events


def _set(bench: Bench, now: datetime) -> None:
    clock = bench.app.clock
    assert isinstance(clock, FixedClock)
    clock.set(now)
