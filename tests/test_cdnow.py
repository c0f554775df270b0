"""The CDNOW sample through the rules of the CD shop, against a count that knows nothing of the engine."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.shop import PROGRAMS, SETTINGS
from wallet_api import cdnow
from wallet_api.clock import FixedClock
from wallet_api.services.app import App
from wallet_api.services.import_transactions import Summary, import_transactions
from wallet_api.services.publish import publish
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import programs, sql
from wallet_api.store.ids import new_id
from wallet_api.store.programs import Location
from wallet_api.store.session import Database

PROGRAM = "cd-shop"
SALES, MEMBERS, CENTS = 6_919, 2_357, 244_091_94


def test_the_sample_is_what_its_source_says() -> None:
    lines = list(cdnow.rows())

    assert len(lines) == SALES
    assert len({line.columns["member"] for line in lines}) == MEMBERS
    assert sum(Decimal(line.columns["amount"]) for line in lines) * 100 == CENTS
    assert max(line.columns["occurred_at"] for line in lines) == cdnow.LAST_DAY.isoformat()


@pytest.mark.parametrize(
    ("today", "shift_days"),
    [
        pytest.param(date(1998, 7, 1), 0, id="the day after its last purchase"),
        pytest.param(date(2026, 3, 10), cdnow.days_until(date(2026, 3, 9)), id="moved to the present"),
    ],
)
def test_members_stand_where_their_purchases_put_them(db: Database, today: date, shift_days: int) -> None:
    app = _cd_shop(db, at=datetime(today.year, today.month, today.day, 12, tzinfo=UTC))

    summary = import_transactions(app, PROGRAM, cdnow.rows(shift_days=shift_days))

    assert summary == Summary(imported=SALES, guests=MEMBERS)
    with db.read() as tx:
        total = sql.one(tx, "SELECT count(*) AS sales, sum(amount) AS cents FROM transactions")
        tiers = sql.every(tx, "SELECT tier, count(*) AS members FROM members GROUP BY tier")
        points = sql.one(tx, "SELECT sum(available) AS points FROM accounts").points
        told = sql.one(tx, "SELECT count(*) AS rows FROM outbox").rows
    assert (total.sales, total.cents) == (SALES, CENTS)
    assert {row.tier: row.members for row in tiers} == _members_by_tier(today, shift_days)
    assert points == 50 * MEMBERS + sum(int(Decimal(dollars)) for _, _, dollars in _purchases())
    assert told == 0
    assert list(verify_ledger(app)) == []


def _cd_shop(db: Database, *, at: datetime) -> App:
    app = App(settings=SETTINGS, clock=FixedClock(at), db=db)
    publish(app, (PROGRAMS / "cd-shop.yaml").read_text(encoding="utf-8"), now=at)
    shop = Location(id=new_id(), program_id=PROGRAM, code="web", name="Web", latitude=None, longitude=None)
    with db.begin() as tx:
        programs.add_location(tx, shop)
    return app


def _purchases() -> list[tuple[str, date, str]]:
    lines = (line.split() for line in cdnow.SAMPLE.read_text(encoding="ascii").splitlines())
    return [(member, date.fromisoformat(day), dollars) for _, member, day, _, dollars in lines]


def _members_by_tier(today: date, shift_days: int) -> dict[str, int]:
    """The better of what this calendar year and the last one brought: from 100 silver, from 300 gold."""
    dollars: defaultdict[str, defaultdict[int, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for member, day, amount in _purchases():
        dollars[member][(day + timedelta(days=shift_days)).year] += Decimal(amount)
    best = (max(years[today.year], years[today.year - 1]) for years in dollars.values())
    return dict(Counter("gold" if most >= 300 else "silver" if most >= 100 else "bronze" for most in best))
