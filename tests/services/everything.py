"""A club with everything that leaves a trace in the ledger, made by hand, and a shop that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from fractions import Fraction
from uuid import UUID

from tests.shop import SCOPES, SETTINGS, Shop
from tests.store.people import PROGRAM, club, text
from wallet_api import tokens
from wallet_api.clock import Clock
from wallet_api.domain.definition import (
    Access,
    Audience,
    Benefits,
    Challenge,
    Condition,
    Conversion,
    Credit,
    DayRange,
    Definition,
    EarningRule,
    EventKind,
    Expiry,
    ExpiryAnchor,
    Flat,
    FreeItem,
    Gift,
    Limit,
    MonthDay,
    Occasion,
    Period,
    PerItem,
    PerQuantity,
    Plan,
    PlanTerms,
    Price,
    Rate,
    Reward,
    Rounding,
    Season,
    Shipping,
    Span,
    TierLevel,
    TierScheme,
    Unit,
    Units,
    Window,
    Worth,
    YearKind,
)
from wallet_api.services.app import App
from wallet_api.services.identify import Till
from wallet_api.store import access, programs
from wallet_api.store.ids import new_id
from wallet_api.store.programs import Location
from wallet_api.store.session import Database

LEVELS = (
    TierLevel(id="bronze", name=text("Bronze"), threshold=0),
    TierLevel(id="silver", name=text("Silver"), threshold=100),
    TierLevel(id="gold", name=text("Gold"), threshold=300),
    TierLevel(id="team", name=text("Team"), threshold=None),
)
SCHEMES: Mapping[str, TierScheme] = {
    "years": TierScheme(measure="earned:points", levels=LEVELS),
    "membership years": TierScheme(measure="earned:points", levels=LEVELS, years=YearKind.MEMBERSHIP, years_after=0),
    "valid": TierScheme(
        measure="earned:points",
        levels=LEVELS,
        years=None,
        years_after=None,
        rolling=Span(months=2),
        valid=Span(months=2),
        grace=Span(days=5),
    ),
    "month's end": TierScheme(
        measure="earned:points", levels=LEVELS, years=None, years_after=None, rolling=Span(months=2), effective_day=8
    ),
    "continuous": TierScheme(
        measure="usable:points", levels=LEVELS, years=None, years_after=None, rolling=Span(months=2)
    ),
}


def _unit(unit_id: str, **facts: object) -> Unit:
    return Unit(id=unit_id, name=text(unit_id), one=text(unit_id), **facts)  # type: ignore[arg-type]  # by name


_UNITS = (
    _unit(
        "points",
        pending=Span(days=5),
        expires=Expiry(after=Span(days=40), tiers=frozenset({"bronze", "silver"})),
        worth=Worth(units=1, money=1_00, share=Fraction(1, 2)),
    ),
    _unit("stamps", converts=Conversion(every=3, into="coffee"), taken_back_on_return_day=True),
    _unit("stars", expires=Expiry(after=Span(days=30), anchor=ExpiryAnchor.LAST_ACTIVITY)),
    _unit("moons", expires=Expiry(anchor=ExpiryAnchor.END_OF_MONTH, extended_by=Span(months=1))),
    _unit(
        "coins",
        converts=Conversion(
            every=20,
            into="cash",
            windows=(Window(first=2, last=3, issued=MonthDay(month=4, day=15)),),
            blocks_per_window=2,
        ),
    ),
    _unit("dividend"),
    _unit("km", is_counter=True),
)


def _earns(rule_id: str, on: EventKind, unit: str, amount: object, **facts: object) -> EarningRule:
    return EarningRule(id=rule_id, on=on, unit=unit, amount=amount, **facts)  # type: ignore[arg-type]  # by name


_EARNING = (
    _earns("purchase", EventKind.SALE, "points", Rate(earn=1, per=100)),
    _earns("carried", EventKind.SALE, "coins", Rate(earn=1, per=300), carries=True),
    _earns("coffee", EventKind.SALE, "stamps", PerItem(earn=1), where=Condition(tags=frozenset({"coffee"}))),
    _earns("visit", EventKind.CHECK_IN, "stars", Flat(earn=5)),
    _earns("moon", EventKind.CHECK_IN, "moons", Flat(earn=1)),
    _earns("run", EventKind.ACTIVITY, "km", PerQuantity(earn=1), kind="run"),
)
_REWARDS = (
    Reward(
        id="mug",
        name=text("Mug"),
        price=Price(unit="points", amount=30),
        gives=FreeItem(item=text("a mug")),
        stock=4,
        limits=(Limit(times=2, per=Period.MONTH),),
    ),
    Reward(id="coffee", name=text("Coffee"), price=None, gives=FreeItem(item=text("a coffee")), only_given=True),
    Reward(id="cash", name=text("Cash"), price=None, gives=FreeItem(item=text("cash")), only_given=True),
    Reward(
        id="treat",
        name=text("Treat"),
        price=None,
        gives=Units(unit="stars", amount=25),
        season=Season(occasion=Occasion.BIRTHDAY_MONTH),
        limits=(Limit(times=1, per=Period.YEAR),),
        by_itself=True,
    ),
)


def everything(scheme: str = "valid") -> Definition:
    """The club with one of the ways in which tiers are held."""
    return replace(
        club(*_REWARDS),
        units={unit.id: unit for unit in _UNITS},
        earning=_EARNING,
        tiers=SCHEMES[scheme],
        credits=(
            Credit(
                id="spring",
                unit="dividend",
                rate=Rate(earn=1, per=1_00),
                days=DayRange(first=date(2026, 3, 1), last=date(2026, 3, 31)),
                after=Span(days=10),
                minimum=50_00,
                most=400,
                counts_units=True,
            ),
            Credit(
                id="year",
                unit="dividend",
                rate=Rate(earn=1, per=10_00),
                on=MonthDay(month=2, day=1),
                rounding=Rounding.HALF_UP,
            ),
        ),
        gifts=(
            Gift(id="welcome", occasion=Occasion.JOIN, units=Units(unit="points", amount=50)),
            Gift(id="birthday", occasion=Occasion.BIRTHDAY, units=Units(unit="stars", amount=10)),
            Gift(id="lifted", occasion=Occasion.TIER, units=Units(unit="stars", amount=3), tiers=frozenset({"gold"})),
        ),
        challenges=(
            Challenge(
                id="regular",
                name=text("Regular"),
                measure="visits",
                goal=2,
                per=Period.MONTH,
                badge="regular",
                units=Units(unit="stars", amount=7),
            ),
            Challenge(id="runner", name=text("Runner"), measure="earned:km", goal=5, badge="5k"),
        ),
        plans={"monthly": Plan(id="monthly", name=text("Monthly"), fee=9_99, period=Span(months=1))},
        plan_terms=PlanTerms(trial_days=10, grace_days=3, refund_business_days=3, worth_of_shipping=2_00),
        benefits=Benefits(
            shipping=(
                Shipping(who=Audience(memberships=frozenset({"trial", "paid"})), fee=0),
                Shipping(who=Audience(), fee=5_00, free_from=80_00),
            ),
            access=(Access(who=Audience(guests=False), tags=frozenset({"event"})),),
        ),
    )


def open_everything(db: Database, clock: Clock, definition: Definition) -> Shop:
    """A shop with one location that runs these rules; nobody has joined yet."""
    with db.begin() as tx:
        version = programs.publish(
            tx, PROGRAM, "the rules are made by hand", {}, now=clock.now(), valid_from=clock.now()
        )
        location = programs.add_location(
            tx, Location(id=new_id(), program_id=PROGRAM, code="paris", name="Paris", latitude=None, longitude=None)
        )
        raw, hashed = tokens.new_api_key()
        key = access.add_key(tx, PROGRAM, name="till", key_hash=hashed, scopes=SCOPES, location_ids=[location.id])
    till = Till(key_id=key, program=PROGRAM, scopes=frozenset(SCOPES), location_id=location.id)
    return Shop(
        app=App(settings=SETTINGS, clock=clock, db=db, _definitions={(PROGRAM, version, 0): definition}),
        program=PROGRAM,
        till=till,
        other_till=till,
        till_key=raw,
        location=location,
        alice=UUID(int=0),
    )
