"""Whom a segment selects: against another evaluation, in Python, of the same rules over the same members' lives."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.surveying import ask
from tests.shop import PROGRAMS, Shop, open_shop
from wallet_api.clock import FixedClock
from wallet_api.domain.events import Line
from wallet_api.domain.segment_reading import FORMS
from wallet_api.domain.survey import Given
from wallet_api.services.answer_survey import answer_survey
from wallet_api.services.identify import Till
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.publish import publish
from wallet_api.services.register_device import Device, register_device
from wallet_api.services.segments import rule_of, select
from wallet_api.store import members, programs, segment_query, sql
from wallet_api.store.ids import new_id
from wallet_api.store.programs import Location
from wallet_api.store.session import Database, Tx, json_text

NOW = datetime(2026, 2, 28, 12, tzinfo=UTC)
TODAY = NOW.date()
MORE = """
challenges:
  - {id: regular, name: Regular, measure: visits, goal: 1, days: 2026-02-01 to 2026-03-31, badge: regular}
"""
ITEMS = {"categories": ("tea", "cake", "cups"), "skus": ("t1", "t2", "c1", "k'1"), "locations": ("paris", "lyon")}
RFM = {  # recency, then frequency and amount together: 1 is the least
    "champions": {(r, v) for r in (4, 5) for v in (4, 5)},
    "loyal": {(3, 4), (3, 5), (4, 3), (5, 3)},
    "potential": {(4, 2), (5, 2)},
    "new": {(4, 1), (5, 1)},
    "need_attention": {(3, 2), (3, 3)},
    "about_to_sleep": {(3, 1), (2, 1), (2, 2)},
    "at_risk": {(2, 3), (2, 4), (2, 5), (1, 3), (1, 4)},
    "cannot_lose": {(1, 5)},
    "hibernating": {(1, 1), (1, 2)},
}

Json = dict[str, Any]


# ── Lives ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """A sale as the test made it, without what was brought back: sku, category and price of each line."""

    day: date
    location: str
    lines: tuple[tuple[str, str, int], ...]

    @property
    def paid(self) -> int:
        return sum(price for _, _, price in self.lines)

    def items(self, what: str) -> set[str]:
        if what == "locations":
            return {self.location}
        return {sku if what == "skus" else category for sku, category, _ in self.lines}


@dataclass(kw_only=True)
class Life:
    """What the test knows of a member, because it made it so; the tier and the balance are the engine's word."""

    id: UUID
    joined: date
    locale: str
    birth_date: date | None
    purchases: list[Purchase] = field(default_factory=list)
    has_visited: bool = False
    unwanted: set[tuple[str, str]] = field(default_factory=set)
    consents: dict[str, bool] = field(default_factory=dict)
    interests: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, Any] | None = None
    has: set[str] = field(default_factory=lambda: {"email"})
    tier: str = ""
    balance: int = 0

    def bought(self, within: int | None = None) -> list[Purchase]:
        return [each for each in self.purchases if within is None or (TODAY - each.day).days < within]


@dataclass(frozen=True, kw_only=True)
class Town:
    shop: Shop
    lives: list[Life]


@pytest.fixture
def town(db: Database) -> Town:
    """Thirty members with three years of purchases and returns, two of whom turn out to be one; a guest, one erased."""
    chance = random.Random(7)
    clock = FixedClock(NOW)
    shop = open_shop(db, clock)
    publish(shop.app, (PROGRAMS / "points-tiers.yaml").read_text(encoding="utf-8") + MORE, now=NOW)
    with db.begin() as tx:
        lyon = programs.add_location(
            tx, Location(id=new_id(), program_id=shop.program, code="lyon", name="Lyon", latitude=None, longitude=None)
        )
        sql.run(tx, "UPDATE members SET status = 'erased' WHERE id = :alice", alice=shop.alice)
    tills = {"paris": shop.till, "lyon": replace(shop.till, location_id=lyon.id)}
    for survey in ("visit", "other"):
        ask(shop, survey)
    lives = [live(shop, tills, chance, number) for number in range(30)]
    gone, kept = lives.pop(), lives[0]
    shop.count_purchases(batch=7)  # what is counted before a merge is counted again after it
    with db.begin() as tx:
        wish = MergeWish(gone=gone.id, into=kept.id, reason="one person")
        merge_members(shop.app, tx, wish, program=shop.program)
        sql.run(tx, "UPDATE members SET status = 'guest' WHERE id = :id", id=lives.pop().id)
    kept.purchases += gone.purchases
    kept.answers = kept.answers or gone.answers
    kept.has |= gone.has
    kept.has_visited |= gone.has_visited
    kept.birth_date = kept.birth_date or gone.birth_date
    shop.count_purchases(batch=7)
    with db.begin() as tx:
        for life in lives:
            be_likely_to_buy(tx, life, chance)
            row = sql.one(
                tx,
                "SELECT m.tier, a.available FROM members m JOIN accounts a ON a.member_id = m.id WHERE m.id = :id",
                id=life.id,
            )
            life.tier, life.balance = row.tier, row.available
    return Town(shop=shop, lives=lives)


def be_likely_to_buy(tx: Tx, life: Life, chance: random.Random) -> None:
    """What a member would be recommended, kept or not, whether they still agree to it or not."""
    for granted in ([], [True], [True], [True, False])[chance.randrange(4)]:
        members.add_consent(tx, life.id, kind="profiling", granted=granted, terms_version="1", channel="app", at=NOW)
        life.consents["profiling"] = granted
    life.interests = {what: chance.sample(ITEMS[what], chance.choice([0, 1, 2])) for what in ("skus", "categories")}
    sql.run(tx, "INSERT INTO recommended_items VALUES (:id, :skus, :categories)", id=life.id, **life.interests)


def answered(shop: Shop, member: UUID, chance: random.Random) -> dict[str, Any] | None:
    """What a member has answered in the one survey, if anything; in the other one everybody says the same."""
    answers: dict[str, Any] = {"recommend": chance.choice([0, 6, 7, 9, 10]), "words": "9"}
    answers["why"] = chance.sample(["price", "staff", "tea"], chance.choice([1, 1, 2]))
    if chance.random() < 0.3:
        del answers[chance.choice(["recommend", "why"])]
    given = [Given(question="words", text="9")]
    given += [Given(question="recommend", score=answers["recommend"])] if "recommend" in answers else []
    given += [Given(question="why", options=answers["why"])] if "why" in answers else []
    is_answered = chance.random() < 0.6
    with shop.app.db.begin() as tx:
        if is_answered:
            answer_survey(shop.app, tx, member, "visit", given, program=shop.program)
        five = [Given(question="recommend", score=5)]
        answer_survey(shop.app, tx, member, "other", five, program=shop.program)
    return answers if is_answered else None


def live(shop: Shop, tills: Mapping[str, Till], chance: random.Random, number: int) -> Life:
    """One member's life, drawn by chance."""
    joined = NOW - timedelta(days=chance.choice([0, 1, 29, 30, 400, 1000]))
    births = [None, date(2008, 2, 28), date(2008, 2, 29), date(1996, 3, 1), date(1990, 12, 24), date(1960, 2, 1)]
    life = Life(
        id=UUID(int=0),
        joined=joined.date(),
        locale=chance.choice(["fr", "fr-CH", "en", "de"]),
        birth_date=births[number % len(births)],
    )
    life.id = shop.join(f"m{number}", at=joined, locale=life.locale, birth_date=life.birth_date)
    for _ in range(chance.choice([0, 0, 1, 2, 3, 6])):
        at = max(joined, NOW - timedelta(days=chance.choice([0, 1, 2, 29, 30, 31, 200, 364, 365, 900])))
        life.purchases += shopped(shop, tills, chance, life.id, at)
    with shop.app.db.begin() as tx:
        for granted in chance.choice([(), (True,), (True, False), (False, True)]):
            members.add_consent(
                tx, life.id, kind="marketing", granted=granted, terms_version="1", channel="app", at=NOW
            )
            life.consents["marketing"] = granted
        if chance.random() < 0.5:
            unwanted = {"promotion": ["push"], "survey": ["push", "email"]}
            sql.run(
                tx,
                "INSERT INTO preferences (member_id, unwanted, changed_at) VALUES (:id, CAST(:unwanted AS jsonb), :now)",
                id=life.id,
                unwanted=json_text(unwanted),
                now=NOW,
            )
            life.unwanted = {(kind, channel) for kind, channels in unwanted.items() for channel in channels}
        if chance.random() < 0.5:
            register_device(
                shop.app, tx, life.id, Device(fcm_token=f"token-{number}", platform="ios"), program=shop.program
            )
            life.has.add("app")
    if chance.random() < 0.3:
        shop.visit(by=life.id)
        life.has_visited = True
    life.answers = answered(shop, life.id, chance)
    return life


def shopped(shop: Shop, tills: Mapping[str, Till], chance: random.Random, member: UUID, at: datetime) -> list[Purchase]:
    """One sale of one to three lines, some of which come back: all, or a line."""
    place = chance.choice(ITEMS["locations"])
    skus = chance.sample(ITEMS["skus"], k=chance.randint(1, 3))
    lines = tuple((sku, chance.choice(ITEMS["categories"]), 100 * chance.choice([1, 10, 90, 900])) for sku in skus)
    here = replace(shop, till=tills[place])
    sale = here.sell(
        to=member, at=at, lines=tuple(Line(sku=sku, category=category, amount=price) for sku, category, price in lines)
    )
    match chance.choice(["kept", "kept", "all", "line"]):
        case "all":
            here.take_back(sale)
            return []
        case "line" if len(lines) > 1:
            here.take_back(sale, lines=(Line(sku=lines[0][0], amount=lines[0][2]),))
            lines = lines[1:]
    return [Purchase(day=at.date(), location=place, lines=lines)]


# ── The other evaluation ─────────────────────────────────────────────────────────────────────────────────────────


def holds(rule: Json, life: Life, lives: Sequence[Life]) -> bool:
    """Whether a rule selects a member, by what the test knows."""
    ((name, said),) = rule.items()
    match name:
        case "all":
            return all(holds(each, life, lives) for each in said)
        case "any":
            return any(holds(each, life, lives) for each in said)
        case "not":
            return not holds(said, life, lives)
        case "rfm":
            return rfm_of(life, lives) in said["any_of"]
        case "tier" | "language" | "birthday_month" | "has" | "badge" | "chose":
            return bool(words_of(name, life) & set(said["any_of"]))
        case "consent" | "wants" | "interest" | "answered":
            return agrees(said, life)
        case "bought":
            return any(bought(what, item, said, life) for what in ITEMS for item in said.get(what, ()))
        case "birthday":
            coming = [TODAY + timedelta(days=number) for number in range(said["within_days"] + 1)]
            return life.birth_date is not None and any(is_birthday(life.birth_date, day) for day in coming)
        case "joined":
            first, last = said.get("from", "0"), said.get("until", "9")
            return bool(first <= life.joined.isoformat() <= last)
        case _:
            value = value_of(name, said, life)
            return value is not None and said.get("at_least", value) <= value <= said.get("at_most", value)


def agrees(said: Json, life: Life) -> bool:
    if "survey" in said:
        return life.answers is not None
    if "kind" not in said:
        is_likely = any(set(said.get(what, ())) & set(items) for what, items in life.interests.items())
        return is_likely and life.consents.get("profiling", False)
    if "channel" in said:
        return (said["kind"], said["channel"]) not in life.unwanted
    return life.consents.get(said["kind"], False) is said["granted"]


def words_of(name: str, life: Life) -> set[Any]:
    words: dict[str, set[Any]] = {
        "tier": {life.tier},
        "language": {life.locale[:2]},
        "birthday_month": {life.birth_date.month} if life.birth_date else set(),
        "has": life.has,
        "badge": {"regular"} if life.has_visited else set(),
        "chose": set((life.answers or {}).get("why", ())),
    }
    return words[name]


def value_of(name: str, said: Json, life: Life) -> int | None:
    bought = life.bought(said.get("within_days"))
    spend = sum(each.paid for each in bought)
    values: dict[str, Callable[[], int | None]] = {
        "balance": lambda: life.balance,
        "spend": lambda: spend,
        "purchases": lambda: len(bought),
        "visits": lambda: int(life.has_visited),
        "average_purchase": lambda: spend // len(bought) if bought else None,
        "largest_purchase": lambda: max((each.paid for each in bought), default=None),
        "days_since_purchase": lambda: min(((TODAY - each.day).days for each in bought), default=None),
        "days_since_joining": lambda: (TODAY - life.joined).days,
        "scored": lambda: (life.answers or {}).get("recommend"),
        "age": lambda: age_of(life.birth_date) if life.birth_date else None,
    }
    return values[name]()


def bought(what: str, item: str, said: Json, life: Life) -> bool:
    days = [each.day for each in life.purchases if item in each.items(what)]
    last = said.get("last_within_days")
    return len(days) >= said.get("at_least", 1) and (last is None or (TODAY - max(days)).days < last)


def is_birthday(born: date, day: date) -> bool:
    if (born.month, born.day) == (2, 29) and (date(day.year, 3, 1) - timedelta(days=1)).day == 28:
        born = date(born.year, 2, 28)
    return (born.month, born.day) == (day.month, day.day)


def age_of(born: date) -> int:
    day, years = born, 0
    while (day := day + timedelta(days=1)) <= TODAY:
        years += is_birthday(born, day)
    return years


def rfm_of(life: Life, lives: Sequence[Life]) -> str | None:
    """Fifths by rank: of those with equal figures, the lowest of their fifths."""
    buyers = [each for each in lives if each.bought(365)]
    if life not in buyers:
        return None

    def fifth(figure: Callable[[Life], Any]) -> int:
        ranked = sorted(buyers, key=lambda each: (figure(each), each.id))
        size, larger = divmod(len(ranked), 5)
        sizes = [size + (number < larger) for number in range(5)]
        fifths = [number for number, members in enumerate(sizes, 1) for _ in range(members)]
        return min(tile for each, tile in zip(ranked, fifths, strict=True) if figure(each) == figure(life))

    recency = fifth(lambda each: max(purchase.day for purchase in each.bought(365)))
    frequency = fifth(lambda each: len(each.bought(365)))
    amount = fifth(lambda each: sum(purchase.paid for purchase in each.bought(365)))
    place = (recency, (frequency + amount + 1) // 2)
    return next(name for name, places in RFM.items() if place in places)


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────────────


def bounded(values: Sequence[int], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """At least, at most, or between some of these values, with more fields."""
    edges = st.lists(st.sampled_from(values), min_size=2, max_size=2).map(sorted)
    both = edges.map(lambda pair: {"at_least": pair[0], "at_most": pair[1]})
    bounds = both | edges.map(lambda pair: {"at_least": pair[1]}) | edges.map(lambda pair: {"at_most": pair[0]})
    return st.builds(lambda bounds, rest: {**bounds, **rest}, bounds, st.fixed_dictionaries({}, optional=more))


def one_of(*words: Any) -> st.SearchStrategy[Json]:
    return st.lists(st.sampled_from(words), min_size=1, max_size=3).map(lambda some: {"any_of": some})


WITHIN = {"within_days": st.sampled_from([1, 2, 30, 31, 365, 366])}
MONEY, COUNTS, DAYS = (0, 100, 1_000, 1_100, 9_000, 20_000), (0, 1, 2, 3, 5), (0, 1, 29, 30, 364, 365, 400, 1_000)
SEVERAL = {"at_least": st.sampled_from([1, 2]), "last_within_days": st.sampled_from([1, 30, 31, 365])}
CONDITIONS: Mapping[str, st.SearchStrategy[Json]] = {
    "tier": one_of("bronze", "silver", "gold"),
    "balance": bounded((-1, 0, 50, 60, 150)).map(lambda said: {**said, "unit": "points"}),
    "spend": bounded(MONEY, **WITHIN),
    "purchases": bounded(COUNTS, **WITHIN),
    "visits": bounded((0, 1), **WITHIN),
    "average_purchase": bounded(MONEY, **WITHIN),
    "largest_purchase": bounded(MONEY),
    "days_since_purchase": bounded(DAYS),
    "bought": st.sampled_from(sorted(ITEMS)).flatmap(
        lambda what: st.fixed_dictionaries(
            {what: st.lists(st.sampled_from(ITEMS[what]), min_size=1, max_size=2)}, optional=SEVERAL
        )
    ),
    "interest": st.sampled_from(["skus", "categories"]).flatmap(
        lambda what: st.fixed_dictionaries({what: st.lists(st.sampled_from(ITEMS[what]), min_size=1, max_size=2)})
    ),
    "language": one_of("fr", "en", "de", "es"),
    "age": bounded((0, 17, 18, 29, 30, 66)),
    "birthday_month": one_of(*range(1, 13)),
    "birthday": st.fixed_dictionaries({"within_days": st.sampled_from([0, 1, 300, 365])}),
    "joined": st.sampled_from(
        [{"from": "2026-02-27"}, {"until": "2026-01-29"}, {"from": "2025-01-24", "until": "2026-02-28"}]
    ),
    "days_since_joining": bounded(DAYS),
    "has": one_of("app", "email", "phone", "apple_pass", "google_pass"),
    "consent": st.fixed_dictionaries({"kind": st.sampled_from(["marketing", "profiling"]), "granted": st.booleans()}),
    "wants": st.fixed_dictionaries(
        {"kind": st.sampled_from(["promotion", "survey"]), "channel": st.sampled_from(["push", "email"])}
    ),
    "badge": one_of("regular"),
    "answered": st.just({"survey": "visit"}),
    "scored": bounded((0, 6, 7, 9, 10)).map(lambda said: {**said, "survey": "visit", "question": "recommend"}),
    "chose": one_of("price", "staff", "tea").map(lambda said: {**said, "survey": "visit", "question": "why"}),
    "rfm": one_of(*RFM),
}
ANY_CONDITION = st.one_of([said.map(lambda said, name=name: {name: said}) for name, said in CONDITIONS.items()])  # type: ignore[misc]  # a default binds the name
RULES = st.recursive(
    ANY_CONDITION,
    lambda rules: (
        st.lists(rules, max_size=3).map(lambda some: {"all": some})
        | st.lists(rules, max_size=3).map(lambda some: {"any": some})
        | rules.map(lambda rule: {"not": rule})
    ),
    max_leaves=5,
)


TELLING: Json = {
    "tier": {"any_of": ["bronze"]},
    "balance": {"unit": "points", "at_least": 60},
    "spend": {"within_days": 365, "at_least": 1_000},
    "purchases": {"within_days": 30, "at_most": 0},
    "visits": {"at_least": 1},
    "average_purchase": {"within_days": 366, "at_most": 9_000},
    "largest_purchase": {"at_least": 9_000},
    "days_since_purchase": {"at_least": 30, "at_most": 364},
    "bought": {"skus": ["k'1"], "last_within_days": 31},
    "interest": {"skus": ["t1"]},
    "language": {"any_of": ["fr"]},
    "age": {"at_least": 18, "at_most": 29},
    "birthday_month": {"any_of": [2, 12]},
    "birthday": {"within_days": 1},
    "joined": {"from": "2025-01-24", "until": "2026-01-30"},
    "days_since_joining": {"at_most": 29},
    "has": {"any_of": ["app", "phone"]},
    "consent": {"kind": "marketing", "granted": True},
    "wants": {"kind": "promotion", "channel": "push"},
    "badge": {"any_of": ["regular"]},
    "answered": {"survey": "visit"},
    "scored": {"survey": "visit", "question": "recommend", "at_most": 6},
    "chose": {"survey": "visit", "question": "why", "any_of": ["price", "tea"]},
    "rfm": {"any_of": ["champions", "loyal"]},
}


def selected(shop: Shop, rule: Json) -> set[UUID]:
    """Whom Carnet selects."""
    with shop.app.db.read() as tx:
        query = select(shop.app, tx, rule_of(shop.app, tx, rule, program=shop.program), program=shop.program)
        return segment_query.ids(tx, query)


def test_a_segment_selects_whom_its_rule_says(town: Town) -> None:
    # Another program's members are of no concern, whatever they buy.
    other = open_shop(town.shop.app.db, town.shop.app.clock, program="stamp-card", app=town.shop.app)
    other.sell(1_000_00)
    town.shop.count_purchases()

    def check(rule: Json) -> int:
        expected = {life.id for life in town.lives if holds(rule, life, town.lives)}
        assert selected(town.shop, rule) == expected, rule
        return len(expected)

    # Each of these finds somebody and leaves somebody out, or the comparison would say little.
    sizes = {name: check({name: said}) for name, said in TELLING.items()}

    @settings(max_examples=80, deadline=None, database=None)
    @given(rule=RULES)
    def drawn_by_chance(rule: Json) -> None:
        check(rule)

    drawn_by_chance()

    assert TELLING.keys() == CONDITIONS.keys() == FORMS.keys() - {"activity", "earned"}  # measures as `visits` is
    assert [name for name, size in sizes.items() if not 0 < size < len(town.lives)] == []
