"""Simulating a program: the CDNOW sample against a count that knows nothing of the engine, and a shop's own past."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import pytest

from tests.services.wishes import sell_at, wish_of
from tests.shop import PROGRAMS, Shop, open_shop
from wallet_api import cdnow
from wallet_api.clock import FixedClock
from wallet_api.domain.definition import Definition, Expiry, MoneyOff, Price, Rate, Span, Worth
from wallet_api.domain.errors import InsufficientBalance
from wallet_api.domain.events import Adjust, Line, PlanAction, Sale
from wallet_api.services.identify import Who
from wallet_api.services.import_transactions import Rejection, SaleLine
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.pasts import BadLines, NothingToReplay, Past, PastReturn, Pasts, PastSale, recorded, written
from wallet_api.services.plan import PlanWish, change_plan
from wallet_api.services.publish import check
from wallet_api.services.record_activity import RecordActivity, record_activity
from wallet_api.services.replay import LeftOut
from wallet_api.services.simulate import Simulation, simulate, worth_of
from wallet_api.services.simulation_plot import draw
from wallet_api.store import sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
TODAY = {"silver": 500, "gold": 2000}
HALVED = {"silver": 250, "gold": 1000}


def points_tiers(**levels: int) -> Definition:
    """The template, with other thresholds where they are given."""
    text = (PROGRAMS / "points-tiers.yaml").read_text(encoding="utf-8")
    for tier, threshold in levels.items():
        text = text.replace(f"id: {tier}, from: {TODAY[tier]}", f"id: {tier}, from: {threshold}")
    return check(text)


def with_points(definition: Definition, **changes: object) -> Definition:
    """A definition whose points are otherwise."""
    points = replace(definition.units["points"], **changes)  # type: ignore[arg-type]
    return replace(definition, units={"points": points})


# ── The sample ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("last_day", "end"),
    [
        pytest.param(None, date(1998, 6, 30), id="until the last purchase"),
        pytest.param(date(1999, 1, 1), date(1999, 1, 1), id="until the tiers of 1997 have ended"),
    ],
)
def test_halved_thresholds_move_the_members_whom_a_count_of_the_file_moves(last_day: date | None, end: date) -> None:
    today, halved = points_tiers(), points_tiers(**HALVED)

    with written(cdnow.rows(), today, now=NOON, last_day=last_day) as past:
        simulation = simulate(past, halved, today=today)

    counted_today, counted_halved = (_count(levels, end=end) for levels in (TODAY, HALVED))
    moves = Counter(zip(counted_today.tiers.values(), counted_halved.tiers.values(), strict=True))
    assert simulation.moves == moves
    assert sum(count for (before, after), count in moves.items() if before != after) > 0
    assert simulation.today is not None
    for outcome, counted in ((simulation.today, counted_today), (simulation.changed, counted_halved)):
        assert {tier: n for tier, n in outcome.members_by_tier.items() if n} == Counter(counted.tiers.values())
        assert (outcome.ups, outcome.downs) == (counted.ups, counted.downs)
    assert (simulation.members, simulation.sales, simulation.first, simulation.last) == (
        2_357,
        6_919,
        date(1997, 1, 1),
        end,
    )


def test_what_the_sample_earns_is_worth_what_its_reward_takes_off() -> None:
    definition = points_tiers()

    with written(cdnow.rows(), definition, now=NOON) as past:
        outcome = simulate(past, definition).changed

    points = outcome.units["points"]
    earned = 50 * 2_357 + sum(int(Decimal(dollars)) for _, _, dollars in _purchases())
    assert (points.earned, points.open, points.worth) == (earned, earned, Fraction(5_00, 200))
    assert outcome.liability == round(Decimal(earned) * Decimal("2.5"))
    assert outcome.revenue == 244_091_94
    assert outcome.cost_per_sale == Fraction(earned * 5, 2 * 6_919)
    assert outcome.cost_share == Fraction(earned * 5, 2 * 244_091_94)


class _Counted:
    """Where members stand by a count of the file, and how often they went up and down."""

    def __init__(self) -> None:
        self.tiers: dict[str, str] = {}
        self.ups = self.downs = 0


def _count(levels: dict[str, int], *, end: date) -> _Counted:
    """Spend of a calendar year; valid for the rest of it and the next; then what the last closed year earned."""
    names = ["bronze", *levels]
    sales: defaultdict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    for member, day, dollars in _purchases():
        sales[member].append((day, Decimal(dollars)))
    counted = _Counted()
    for member, purchases in sorted(sales.items()):
        spent: defaultdict[int, Decimal] = defaultdict(Decimal)
        held, until = 0, 0

        def reached(year: int, spent: defaultdict[int, Decimal] = spent) -> int:
            return sum(spent[year] >= threshold for threshold in levels.values())

        for day, amount in [*sorted(purchases, key=lambda each: each[0]), (end, Decimal(0))]:
            while held and until < day.year:
                kept = reached(until)
                counted.downs += kept < held
                held, until = kept, until + 1
            spent[day.year] += amount
            if reached(day.year) > held:
                counted.ups += 1
                held, until = reached(day.year), day.year + 1
        counted.tiers[member] = names[held]
    return counted


def _purchases() -> list[tuple[str, date, str]]:
    lines = (line.split() for line in cdnow.SAMPLE.read_text(encoding="ascii").splitlines())
    return [(member, date.fromisoformat(day), dollars) for _, member, day, _, dollars in lines]


# ── A shop's own past ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def trading(shop: Shop, clock: FixedClock) -> Shop:
    """A shop where Alice bought, redeemed, used her voucher, and brought a part back; and where Bob only joined."""
    first = shop.sell(350_00)
    clock.set(NOON + timedelta(days=1))
    voucher = shop.redeem("off-5")
    shop.visit()
    shop.sell(30_00, vouchers=(str(voucher["code"]),))
    clock.set(NOON + timedelta(days=2))
    shop.take_back(first, amount=100_00)
    shop.join("bob")
    return shop


def own_past(shop: Shop, changed: Definition, *, last_day: date | None = None) -> Simulation:
    """The simulation of a definition on what is on record, beside the one in force."""
    with shop.app.db.read() as tx:
        today = shop.app.current_definition(tx, shop.program)
    return simulate(recorded(shop.app, shop.program, today, last_day=last_day), changed, today=today)


def test_todays_definition_replayed_gives_what_the_ledger_has(trading: Shop) -> None:
    with trading.app.db.read() as tx:
        available = sql.one(tx, "SELECT sum(available) AS n FROM accounts").n
        kinds = {row.kind: row.n for row in sql.every(tx, "SELECT kind, sum(amount) AS n FROM entries GROUP BY kind")}

    simulation = own_past(trading, points_tiers())

    assert simulation.today is not None
    assert simulation.today.units == simulation.changed.units
    points = simulation.changed.units["points"]
    assert points.open == available == 50 + 350 - 200 + 25 - 100 + 50
    assert points.earned == kinds["earn"] + kinds["bonus"]
    assert (points.redeemed, points.returned) == (-kinds["redeem"], -kinds["reversal"]) == (200, 100)
    assert simulation.changed.revenue == 350_00 + 25_00 - 100_00
    assert simulation.changed.taken_off == 5_00
    assert (simulation.members, simulation.sales, simulation.returns) == (2, 2, 1)
    assert (simulation.first, simulation.last) == (date(2026, 3, 10), date(2026, 3, 12))
    assert simulation.changed.left_out == {}


def test_a_redemption_of_a_reward_that_is_gone_is_counted_and_said(trading: Shop) -> None:
    today = points_tiers()
    gone = replace(today, rewards={"off-9": replace(today.rewards["off-5"], id="off-9")})

    simulation = own_past(trading, gone)

    assert {(left.what, left.which): count for left, count in simulation.changed.left_out.items()} == {
        ("redemption", "off-5"): 1,
        ("voucher", "off-5"): 1,
    }
    assert simulation.changed.units["points"].redeemed == 0
    assert simulation.changed.units["points"].open == 50 + 350 + 30 - 100 + 50
    assert (simulation.changed.revenue, simulation.changed.taken_off) == (350_00 + 30_00 - 100_00, 0)
    assert simulation.today is not None
    assert simulation.today.left_out == {}


def test_a_reward_that_has_become_too_dear_is_left_out_too(trading: Shop) -> None:
    today = points_tiers()
    dear = replace(today, rewards={"off-5": replace(today.rewards["off-5"], price=Price(unit="points", amount=401))})

    left_out = own_past(trading, dear).changed.left_out

    assert left_out == {
        LeftOut(what="redemption", which="off-5", why=InsufficientBalance.__doc__ or ""): 1,
        LeftOut(what="voucher", which="off-5", why="The member has none in the replay."): 1,
    }


def test_an_earlier_last_day_leaves_out_what_came_after_it(trading: Shop) -> None:
    simulation = own_past(trading, points_tiers(), last_day=date(2026, 3, 10))

    assert (simulation.sales, simulation.returns, simulation.members) == (1, 0, 1)
    assert simulation.changed.units["points"].open == 400


def test_a_later_last_day_lets_time_pass(trading: Shop) -> None:
    short = with_points(points_tiers(), expires=Expiry(after=Span(months=1)))

    simulation = own_past(trading, short, last_day=date(2026, 6, 30))

    points = simulation.changed.units["points"]
    assert (points.expired, points.open) == (175, 0)
    assert list(simulation.changed.liabilities) == [date(2026, month, 1) for month in (3, 4, 5, 6)]
    assert [amount > 0 for amount in simulation.changed.liabilities.values()] == [True, False, False, False]


def test_visits_activities_and_the_past_of_merged_members_are_replayed(trading: Shop) -> None:
    carol = trading.join("carol")
    trading.sell(40_00, to=carol)
    brought = RecordActivity(
        who=Who(member_id=carol), kind="referral", external_id="a-1", occurred_at=trading.app.clock.now()
    )
    with trading.app.db.begin() as tx:
        record_activity(trading.app, tx, trading.till, brought)
    with trading.app.db.begin() as tx:
        wish = MergeWish(gone=carol, into=trading.alice, reason="the same person")
        merge_members(trading.app, tx, wish, program=trading.program)

    simulation = own_past(trading, points_tiers())

    assert (simulation.members, simulation.sales) == (2, 3)
    points = simulation.changed.units["points"]
    assert points.open == 175 + 40 + 100  # one welcome gift less: they are one person
    assert (points.adjusted, simulation.changed.left_out) == (0, {})


def test_a_membership_that_was_paid_for_is_had_again(db: Database, clock: FixedClock) -> None:
    shop = open_shop(db, clock, program="rei")
    with db.begin() as tx:
        start = PlanWish(action=PlanAction.START, plan="lifetime")
        change_plan(shop.app, tx, shop.alice, start, program=shop.program)
    sell_at(shop, shop.till, replace(wish_of(shop, 200_00), currency="USD"))
    with db.read() as tx:
        today = shop.app.current_definition(tx, "rei")
    double = replace(today, credits=tuple(replace(each, rate=Rate(earn=20, per=100)) for each in today.credits))
    without = replace(today, plans={})

    doubled = own_past(shop, double, last_day=date(2027, 3, 31))
    nobody = own_past(shop, without, last_day=date(2027, 3, 31))

    assert doubled.today is not None
    assert doubled.today.units["dividend"].earned == 20_00
    assert (doubled.changed.units["dividend"].earned, doubled.changed.liability) == (40_00, 40_00)
    assert nobody.changed.units["dividend"].earned == 0
    assert nobody.changed.left_out == {LeftOut(what="membership", which="lifetime", why="There is no such plan."): 1}


def test_an_adjustment_is_a_part_of_the_past() -> None:
    by_hand = Adjust(id=new_id(), occurred_at=NOON + timedelta(hours=2), unit="points", amount=-20, reason="a mistake")
    elsewhere = replace(by_hand, id=new_id(), unit="stars")

    outcome = simulate(_pasts(_past(_sale(100_00), by_hand, elsewhere)), points_tiers()).changed

    assert (outcome.units["points"].adjusted, outcome.units["points"].open) == (-20, 130)
    assert {(left.what, left.which): count for left, count in outcome.left_out.items()} == {("adjustment", "stars"): 1}


def test_a_program_without_sales_has_nothing_to_replay(shop: Shop) -> None:
    with pytest.raises(NothingToReplay):
        recorded(shop.app, shop.program, points_tiers())


# ── Units and money ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_unit_is_worth_the_best_that_it_buys() -> None:
    definition = points_tiers()
    off_5 = definition.rewards["off-5"]
    better = replace(off_5, id="off-15", price=Price(unit="points", amount=500), gives=MoneyOff(amount=15_00))

    none = replace(definition, rewards={})
    both = replace(definition, rewards={"off-5": off_5, "off-15": better})
    at_the_till = with_points(none, worth=Worth(units=100, money=1_00))

    assert worth_of(none, "points") is None
    assert worth_of(both, "points") == Fraction(15_00, 500)
    assert worth_of(at_the_till, "points") == 1


def test_units_that_paid_for_a_sale_pay_again_and_come_back_with_it() -> None:
    definition = with_points(points_tiers(), worth=Worth(units=1, money=1))
    first, second = _sale(200_00), _sale(10_00, hours=1, pay_with=(("points", 100),))
    half, rest = (
        PastReturn(id=new_id(), occurred_at=NOON + timedelta(hours=hours), sale_id=second.id, amount=amount)
        for hours, amount in ((2, 5_00), (3, None))
    )

    paid = simulate(_pasts(_past(first, second)), definition).changed
    partly = simulate(_pasts(_past(first, second, half)), definition).changed
    wholly = simulate(_pasts(_past(first, second, half, rest)), definition).changed

    assert (paid.units["points"].redeemed, paid.revenue) == (100, 209_00)
    assert (partly.units["points"].redeemed, partly.revenue) == (50, 204_50)
    assert (wholly.units["points"].redeemed, wholly.revenue) == (0, 200_00)
    assert wholly.units["points"].open == 250


def test_a_payment_in_units_that_pay_no_longer_is_left_out_and_the_sale_stays() -> None:
    past = _past(_sale(200_00), _sale(10_00, hours=1, pay_with=(("points", 100),)))

    outcome = simulate(_pasts(past), points_tiers()).changed

    assert [(left.what, left.which) for left in outcome.left_out] == [("payment", "points")]
    assert (outcome.sales, outcome.revenue) == (2, 210_00)


def test_whoever_owes_units_does_not_lower_what_others_are_owed() -> None:
    redeemed = Adjust(id=new_id(), occurred_at=NOON + timedelta(hours=1), unit="points", amount=-500, reason="theft")

    outcome = simulate(_pasts(_past(_sale(100_00), redeemed), _past(_sale(100_00))), points_tiers()).changed

    points = outcome.units["points"]
    assert (points.open, points.owed, points.liability) == (-200, 150, 3_75)
    assert outcome.liabilities == {date(2026, 3, 1): 3_75}


def test_the_figures_of_a_unit_add_up_and_the_last_month_is_the_end() -> None:
    definition = with_points(points_tiers(), expires=Expiry(after=Span(months=6)))

    with written(_some(10), definition, now=NOON) as past:
        outcome = simulate(past, definition).changed

    points = outcome.units["points"]
    assert points.expired > 0
    assert points.open == points.earned - points.redeemed - points.expired - points.returned + points.adjusted
    assert len(outcome.liabilities) == 18
    assert outcome.liabilities[date(1998, 6, 1)] == outcome.liability


@pytest.mark.parametrize("file", sorted(PROGRAMS.glob("*.yaml")), ids=lambda file: str(file.stem))
def test_every_program_can_be_simulated(file: Path) -> None:
    definition = check(file.read_text(encoding="utf-8"), files=lambda name: (file.parent / name).read_bytes())

    with written(_some(200), definition, now=NOON, last_day=date(1999, 12, 31)) as past:
        simulation = simulate(past, definition, today=definition)

    outcome = simulation.changed
    assert simulation.today is not None
    assert simulation.today.units == outcome.units
    assert (outcome.left_out, outcome.sales) == ({}, simulation.sales)
    assert sum(outcome.members_by_tier.values()) == simulation.members > 0
    assert all(before == after for before, after in simulation.moves)
    for unit in outcome.units.values():
        assert unit.open == unit.earned - unit.redeemed - unit.expired - unit.returned + unit.adjusted
    assert list(outcome.liabilities.values())[-1] == outcome.liability


def _some(every: int) -> list[SaleLine]:
    """The sample's purchases of some of its members."""
    return [line for line in cdnow.rows() if int(line.columns["member"]) % every == 0]


# ── Files, size, pictures ────────────────────────────────────────────────────────────────────────────────────────


def test_all_bad_lines_are_told_and_nothing_is_simulated() -> None:
    good = {"member": "1", "external_id": "r-1", "occurred_at": "2026-01-01", "amount": "5"}
    lines: list[SaleLine | Rejection] = [
        SaleLine(number=2, columns=good),
        SaleLine(number=3, columns=good),
        SaleLine(number=4, columns={**good, "external_id": "r-2", "currency": "USD"}),
        Rejection(line=SaleLine(number=5, columns={}), reason="The line has 2 fields, the header 4."),
        SaleLine(number=6, columns={**good, "external_id": "r-3", "location": "anywhere"}),
    ]

    with pytest.raises(BadLines) as bad, written(lines, points_tiers(), now=NOON):
        pass

    assert bad.value.count == 3
    assert [(line.line.number, line.reason) for line in bad.value.first] == [
        (3, "Line 2 has the same receipt (location and external_id)."),
        (4, "The program counts in EUR, not in USD."),
        (5, "The line has 2 fields, the header 4."),
    ]


def test_memory_does_not_grow_with_the_members() -> None:
    definition = points_tiers()

    def peak(members: int, kept: list[Past] | None = None) -> int:
        def each() -> Iterator[Past]:
            for _ in range(members):
                gc.collect()  # else it is left to chance how many members' garbage has piled up
                past = _past(_sale(400_00), _sale(200_00, hours=1))
                if kept is not None:
                    kept.append(past)
                yield past

        tracemalloc.start()
        simulate(replace(_pasts(), members=each), definition, today=definition)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(5)  # what is loaded once
    gc.freeze()  # collecting looks at what is new only, and so is quick
    few, many, all_kept = peak(20), peak(200), peak(200, kept=[])
    gc.unfreeze()

    # Caches of the standard library may grow between two measurements; members who stay are seen.
    assert many - few < (all_kept - few) / 4, (few, many, all_kept)


@pytest.mark.parametrize(("name", "begins"), [("moves.png", b"\x89PNG"), ("moves.svg", b"<?xml")])
def test_a_picture_shows_tiers_and_liability(name: str, begins: bytes, tmp_path: Path) -> None:
    past = _past(_sale(300_00), _sale(30_00, hours=24 * 40))
    simulation = simulate(_pasts(past), points_tiers(**HALVED), today=points_tiers())

    draw(simulation, tmp_path / name)

    drawn = (tmp_path / name).read_bytes()
    assert drawn.startswith(begins)
    if name.endswith(".svg"):
        assert {text for text in (b"Silver", b"today", b"changed", b"Mar 2026") if text in drawn} == {
            b"Silver",
            b"today",
            b"changed",
            b"Mar 2026",
        }


def _sale(amount: int, *, hours: int = 0, pay_with: tuple[tuple[str, int], ...] = ()) -> PastSale:
    at = NOON + timedelta(hours=hours)
    sale = Sale(id=new_id(), occurred_at=at, location=None, lines=(Line(sku="", amount=amount),), pay_with=pay_with)
    return PastSale(sale=sale)


def _past(*happenings: PastSale | PastReturn | Adjust) -> Past:
    return Past(member_id=UUID(int=1), joined_at=NOON, birth_date=None, happenings=happenings)


def _pasts(*members: Past) -> Pasts:
    ends = datetime(2026, 3, 11, tzinfo=UTC)
    last = max((happening.occurred_at for past in members for happening in past.happenings), default=ends)
    return Pasts(
        first=NOON,
        until=max(ends, last) + timedelta(hours=1),
        transactions=sum(len(past.happenings) for past in members),
        members=lambda: iter(members),
    )
