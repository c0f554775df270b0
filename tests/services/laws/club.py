"""A club with something of everything that can move units, whose laws are put to the test.

Numbers are small, so that a few steps reach a tier, a limit, a conversion or the last piece of a reward.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.shop import SCOPES, SETTINGS, Shop
from wallet_api import tokens
from wallet_api.clock import Clock
from wallet_api.services.app import App
from wallet_api.services.identify import Till
from wallet_api.services.publish import publish
from wallet_api.store import access, programs
from wallet_api.store.ids import new_id
from wallet_api.store.programs import Location
from wallet_api.store.session import Database

TIERS: Mapping[str, str] = {
    "years": "measure: spend, period: calendar year, valid: rest of the year and the next",
    "membership years": "measure: points, period: membership year, valid: rest of the year, then: one down",
    "valid": "measure: points, period: last 2 months, valid: 2 months, grace: 5 days",
    "month's end": "measure: miles, period: last 2 months,"
    " worked_out: at the end of the month, in_force_from: day 8 of the next",
    "continuous": "measure: {usable: miles}, period: last 2 months, valid: as long as it is reached",
}
LEVELS: Mapping[str, tuple[int, int]] = {
    "years": (400, 1500),
    "membership years": (300, 900),
    "valid": (150, 500),
    "month's end": (40, 150),
    "continuous": (30, 120),
}
UNITS = ("points", "miles", "stamps", "coins", "stars", "moons", "dividend")
REWARDS = ("off-5", "mug", "tenth", "night", "treat", "cake")
"""What can be asked for."""

_CLUB = """
program: {program}
name: Club
currency: EUR
time_zone: Europe/Paris
languages: [en]
units:
  points: {{expires: {{after: 40 days}}, pays: {{units: 10, money: 1.00, at_most: 50 %}}}}
  miles:
    pending: 5 days after a sale
    expires: {{after: 60 days, tiers: [bronze, silver]}}
    pays: {{units: 1, money: 1.00, multiples_of: 2}}
    returns_count: on the day of the return
  stamps: {{turns_into: {{reward: free-coffee, every: 3}}}}
  coins:
    turns_into:
      reward: cash
      every: 20
      windows:
        - {{months: February to March, issued: 15 April}}
        - {{months: April to January, issued: 15 February}}
      at_most: [2 per window, 3 per year]
  stars: {{expires: {{after_inactivity: 30 days}}}}
  moons: {{expires: {{after_end_of_month: 1 month, extended_by_activity: 1 month}}}}
  dividend: {{expires: {{on: 3 January, years_after: 2}}}}
  km: {{counter: yes}}
earning:
  - {{id: purchase, on: sale, earn: 1, unit: points, per: 1.00}}
  - {{id: coffee, on: sale, earn: 3, unit: points, per: 7.00, tags: [coffee], adds: yes, at_most: 100 points per week}}
  - {{id: hello, on: sale, earn: 7, unit: points, first_in_month: yes, minimum: 20.00}}
  - {{id: travel, on: sale, earn: {{bronze: 1, silver: 2, gold: 3, team: 3}}, unit: miles, per: 5.00}}
  - {{id: cup, on: sale, earn: 1, unit: stamps, each: item, tags: [coffee], at_most: 4 stamps per day}}
  - {{id: change, on: sale, earn: 1, unit: coins, per: 3.00, rest: carried on}}
  - {{id: visit, on: check_in, earn: 5, unit: stars, at_most: 1 per day}}
  - {{id: moon, on: check_in, earn: 1, unit: moons}}
  - {{id: run, on: activity, kind: run, earn: 1, unit: km, each: quantity, at_most: 20 km per week}}
  - {{id: sport, on: activity, kind: run, earn: 4, unit: points, quantity_from: 3, at_most: 2 per month}}
promotions:
  - {{id: coffee-days, multiply: 2, unit: points, tags: [coffee], days: [2026-03-12 to 2026-04-20]}}
  - {{id: gold-days, extra: 1, unit: points, tiers: [gold, team], weekdays: [Monday, Tuesday, Saturday]}}
credits:
  - {{id: year, unit: dividend, earn: 1, per: 10.00, period: calendar year, credited: 1 February, rounding: half up}}
  - id: spring
    unit: dividend
    earn: 1
    per: 1.00
    days: 2026-03-01 to 2026-03-31
    minimum: 50.00
    at_most: 400 dividend
    credited: 10 days after
    counts_units: yes
gifts:
  welcome: {{earn: 50 points}}
  birthday: {{earn: 10 stars}}
  anniversary: {{earn: 20 miles}}
  tiers: {{gold: {{earn: 3 stars}}}}
challenges:
  - {{id: regular, measure: visits, goal: 2, per: month, badge: regular, earn: 7 stars}}
  - {{id: runner, measure: km, goal: 5, badge: runner, rewards: [free-coffee]}}
tiers:
  {tiers}
  levels: [{{id: bronze, from: 0}}, {{id: silver, from: {silver}}}, {{id: gold, from: {gold}}}, {{id: team, by: invitation}}]
rewards:
  - {{id: off-5, price: 40 points, gives: {{money_off: 5.00}}, needs_purchase_of: 10.00, valid: 20 days}}
  - {{id: mug, price: 30 points, gives: {{item: a mug}}, stock: 5, limit: [2 per month, 3 per year]}}
  - {{id: tenth, price: 6 miles, gives: {{percent_off: 10 %}}, limit: 1 per transaction, tiers: [silver, gold, team]}}
  - {{id: night, price: 5 stars, gives: {{units: 3 moons}}, limit: 3 per day}}
  - {{id: free-coffee, gives: {{item: a coffee, tags: [coffee]}}}}
  - {{id: cash, gives: {{money_off: 2.00}}, valid: 11 months}}
  - {{id: treat, gives: {{units: 25 stars}}, season: birthday month, by_itself: yes, limit: 1 per year}}
  - {{id: cake, gives: {{percent_off: 20 %}}, season: birthday month, limit: 1 per year, valid: season}}
membership:
  plans: {{monthly: {{fee: 9.99, every: 1 month}}}}
  trial: 10 days
  grace: 3 days
  refund: {{business_days: 3, worth_of_shipping: 2.00}}
benefits:
  shipping: [{{memberships: [trial, paid], fee: 0.00}}, {{fee: 5.00, free_from: 80.00}}]
  prices: [{{id: gold-price, percent_off: 5 %, tiers: [gold], not_tags: [coffee]}}]
  returns: [{{days: 100, worn: {{days: 30, at_most: 3 per year}}}}]
"""


def open_club(db: Database, clock: Clock, tiers: str, *, program: str = "club", app: App | None = None) -> Shop:
    """A shop with one location that runs the club with one of the ways in which tiers last; nobody has joined yet."""
    app = app or App(settings=SETTINGS, clock=clock, db=db)
    definition, version = publish(app, text_of(program, tiers), now=clock.now())
    app._definitions[program, version, 0] = definition  # not read a second time: each example opens a club
    raw, hashed = tokens.new_api_key()
    with db.begin() as tx:
        location = programs.add_location(
            tx, Location(id=new_id(), program_id=program, code="paris", name="Paris", latitude=None, longitude=None)
        )
        key = access.add_key(tx, program, name="till", key_hash=hashed, scopes=SCOPES, location_ids=[location.id])
    till = Till(key_id=key, program=program, scopes=frozenset(SCOPES), location_id=location.id)
    return Shop(app=app, program=program, till=till, other_till=till, till_key=raw, location=location, alice=new_id())


def text_of(program: str, tiers: str) -> str:
    """The club's definition file."""
    silver, gold = LEVELS[tiers]
    return _CLUB.format(program=program, tiers=TIERS[tiers].replace(", ", "\n  "), silver=silver, gold=gold)
