"""What a well-written file means."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from notifications.render import check_template
from notifications.texts import PLACEHOLDERS
from wallet_api.domain.definition import (
    Amount,
    Bands,
    Brand,
    ByField,
    ByStreak,
    Cap,
    Colours,
    Condition,
    DayRange,
    EarningRule,
    EventKind,
    Expiry,
    ExpiryAnchor,
    Flat,
    FreeItem,
    Limit,
    Localised,
    MessageText,
    MoneyOff,
    PercentOff,
    Period,
    PerItem,
    PerQuantity,
    Price,
    Promotion,
    Rate,
    RateByTier,
    Reward,
    Season,
    Span,
    TierLevel,
    TierScheme,
    Unit,
    Units,
)
from wallet_api.program_file import read_definition
from wallet_api.program_file.declaration import MESSAGE_KINDS

Complete = Callable[[str], str]

PROGRAMS = Path(__file__).parents[2] / "programs"
PNG = b"\x89PNG\r\n\x1a\n and an image"


def said(**by_language: str) -> Localised:
    return Localised(by_language=by_language)


def test_the_head_is_read(complete: Complete) -> None:
    text = "name: {fr: Le Club, en: The Club}\ncurrency: BHD\ntime_zone: Asia/Bahrain\nterms_version: 2026-01"

    program = read_definition(complete(text))

    assert (program.program, program.name) == ("my-shop", said(en="The Club", fr="Le Club"))
    assert (program.currency, program.currency_decimals) == ("BHD", 3)
    assert program.time_zone == ZoneInfo("Asia/Bahrain")
    assert program.languages == ("en", "fr")
    assert program.terms_version == "2026-01"
    assert program.brand == Brand(name="The Club")


def test_a_text_without_a_language_is_in_the_first_one(complete: Complete) -> None:
    program = read_definition(complete("name: 1984\nlanguages: [fr, en]"))

    assert program.name == said(fr="1984")


def test_words_that_older_yaml_takes_for_truth_or_time_stay_words(complete: Complete) -> None:
    text = "name: {no: 12:30, en: off}\nlanguages: [no, en]\nterms_version: 2026-01-31"

    program = read_definition(complete(text))

    assert program.name == said(no="12:30", en="off")
    assert program.terms_version == "2026-01-31"


def test_quotes_make_a_word_of_what_stands_for_truth_or_nothing(complete: Complete) -> None:
    program = read_definition(complete('program: "null"\nname: "true"\nunits: {"false": {}}'))

    assert (program.program, program.name, list(program.units)) == ("null", said(en="true"), ["false"])


def test_the_first_language_is_the_one_to_fall_back_to_whatever_the_order_of_the_texts(complete: Complete) -> None:
    program = read_definition(complete("name: {fr: Le Club, en: The Club}"))

    assert program.name.text("de") == "The Club"


def test_a_label_without_a_colour_is_coloured_like_the_text(complete: Complete) -> None:
    text = "brand: {name: Shop, colours: {background: '#FFFFFF', text: '#000000'}}"

    program = read_definition(complete(text))

    assert program.brand.colours == Colours(background="#ffffff", text="#000000", label="#000000")


def test_a_logo_is_a_file_or_stands_in_the_text(complete: Complete) -> None:
    inline = f"brand: {{logo: 'data:image/png;base64,{base64.b64encode(PNG).decode()}'}}"

    from_file = read_definition(complete("brand: {logo: img/logo.png}"), files={"img/logo.png": PNG}.__getitem__)
    from_text = read_definition(complete(inline))

    assert from_file.brand.logo == from_text.brand.logo == PNG


def test_units_have_words_decimals_and_an_expiry(complete: Complete) -> None:
    text = """
units:
  points: {name: {en: {one: point, other: points}, fr: unités}, expires: {after_inactivity: 1 year}}
  cash_back: {decimals: 2, expires: {after: 2 weeks}}
gifts: {welcome: {earn: 0.05 cash_back}}
"""

    program = read_definition(complete(text))

    assert program.units == {
        "points": Unit(
            id="points",
            name=said(en="points", fr="unités"),
            one=said(en="point", fr="unités"),
            expires=Expiry(after=Span(months=12), anchor=ExpiryAnchor.LAST_ACTIVITY),
        ),
        "cash_back": Unit(
            id="cash_back",
            name=said(en="cash back"),
            one=said(en="cash back"),
            decimals=2,
            expires=Expiry(after=Span(days=14)),
        ),
    }
    assert program.earning[0].amount == Flat(earn=5)


def test_earning_rules_become_rates_conditions_and_caps(complete: Complete) -> None:
    text = """
units: {stars: {decimals: 1}}
earning:
  - {id: buy, on: sale, earn: 1.2, per: 1.00, tags: [coffee], not_tags: [beans, gift-card], tiers: [gold, silver],
     locations: [Paris 1], minimum: 9.99, at_most: 2.5 stars per week, name: {en: Buy}}
  - {id: visit, on: check_in, earn: 5, at_most: 1 per day}
gifts:
  welcome: {earn: 50 stars, name: Hello}
"""

    program = read_definition(complete(text))

    assert program.earning == (
        EarningRule(
            id="buy",
            on=EventKind.SALE,
            unit="stars",
            amount=Rate(earn=12, per=100),
            where=Condition(
                tags=frozenset({"coffee"}),
                not_tags=frozenset({"beans", "gift-card"}),
                tiers=frozenset({"gold", "silver"}),
                locations=frozenset({"Paris 1"}),
                minimum=999,
            ),
            cap=Cap(per=Period.WEEK, units=25),
            name=said(en="Buy"),
        ),
        EarningRule(
            id="visit", on=EventKind.CHECK_IN, unit="stars", amount=Flat(earn=50), cap=Cap(per=Period.DAY, times=1)
        ),
        EarningRule(id="welcome", on=EventKind.JOIN, unit="stars", amount=Flat(earn=500), name=said(en="Hello")),
    )


@pytest.mark.parametrize(
    ("rule", "amount"),
    [
        ("on: sale, earn: {silver: 1, gold: 1.2}, per: 2.00",
         RateByTier(rates={"silver": Rate(earn=10, per=200), "gold": Rate(earn=12, per=200)})),
        ("on: sale, bands: [{up_to: 30, earn: 0}, {up_to: 60.50, earn: 2.5}, {earn: 16}]",
         Bands(bands=((3000, 0), (6050, 25), (None, 160)))),
        ("on: check_in, by_streak: [5, 10, 15]", ByStreak(steps=(50, 100, 150))),
        ("on: activity, kind: a, by: {field: category, table: {kids: 10, better sweater: 20.5}}",
         ByField(field="category", table={"kids": 100, "better sweater": 205})),
        ("on: activity, kind: a, earn: 0.5, each: full_size", PerQuantity(earn=5, field="full_size")),
        ("on: activity, kind: a, earn: 2", Flat(earn=20)),
        ("on: sale, earn: 1, each: item", PerItem(earn=10)),
    ],
)  # fmt: skip
def test_a_rule_says_in_many_ways_how_much(rule: str, amount: Amount, complete: Complete) -> None:
    text = f"units: {{stars: {{decimals: 1}}}}\nearning:\n  - {{id: r, {rule}}}"

    program = read_definition(complete(text))

    assert [read.amount for read in program.earning] == [amount]


def test_a_rule_says_when_it_applies(complete: Complete) -> None:
    text = """
earning:
  - {id: party, on: sale, earn: 1, birthday_month: yes, first_in_month: yes, days: [2020-02-01, 2020-02-03 to 2020-02-29]}
  - {id: pots, on: activity, kind: pot_return, earn: 1, quantity_from: 2.5, fields: {choice: credit},
     at_most: 3 per week, shared: bonus, beyond: refused}
  - {id: runs, on: activity, kind: run, earn: 1, at_most: 3 per week, shared: bonus}
"""

    program = read_definition(complete(text))

    party, pots, runs = program.earning
    assert party.where == Condition(
        birthday_month=True,
        first_in_month=True,
        days=(
            DayRange(first=date(2020, 2, 1), last=date(2020, 2, 1)),
            DayRange(first=date(2020, 2, 3), last=date(2020, 2, 29)),
        ),
    )
    assert pots.where == Condition(quantity_from=Fraction(5, 2), fields={"choice": "credit"})
    assert pots.cap == runs.cap == Cap(per=Period.WEEK, times=3, name="bonus")
    assert (pots.on, pots.kind, pots.refuses) == (EventKind.ACTIVITY, "pot_return", True)
    assert (runs.kind, runs.refuses) == ("run", False)


def test_a_promotion_is_on_always_or_on_its_days_or_when_it_is_started(complete: Complete) -> None:
    text = """
earning: [{id: buy, on: sale, earn: 1, per: 1.00}]
promotions:
  - {id: always, multiply: 1.5, tags: [coffee], birthday_month: yes, first_in_month: yes}
  - {id: in-march, multiply: 2, unit: points, days: [2026-03-01 to 2026-03-31]}
  - {id: started, multiply: 3, tiers: [gold], days: [], name: Event}
"""

    program = read_definition(complete(text))

    assert program.promotions == (
        Promotion(
            id="always",
            unit="points",
            multiply=Fraction(3, 2),
            where=Condition(tags=frozenset({"coffee"}), birthday_month=True, first_in_month=True),
        ),
        Promotion(
            id="in-march",
            unit="points",
            multiply=Fraction(2),
            where=Condition(days=(DayRange(first=date(2026, 3, 1), last=date(2026, 3, 31)),)),
        ),
        Promotion(
            id="started",
            unit="points",
            multiply=Fraction(3),
            where=Condition(tiers=frozenset({"gold"}), days=()),
            name=said(en="Event"),
        ),
    )


@pytest.mark.parametrize(
    ("expires", "meant"),
    [
        ("same day", Expiry(after=Span())),
        ("end of year", Expiry(after=Span(), anchor=ExpiryAnchor.END_OF_YEAR)),
        ("{after_end_of_year: 2 years}", Expiry(after=Span(months=24), anchor=ExpiryAnchor.END_OF_YEAR)),
    ],
)
def test_units_expire_with_the_day_or_the_year(expires: str, meant: Expiry, complete: Complete) -> None:
    program = read_definition(complete(f"units: {{points: {{expires: {expires}}}}}"))

    assert program.units["points"].expires == meant


def test_a_reward_that_units_turn_into_costs_as_many(complete: Complete) -> None:
    text = """
units: {points: {}, stars: {decimals: 1, turns_into: {reward: mug, every: 2.5}}}
rewards: [{id: mug, gives: {item: a mug}}]
"""

    program = read_definition(complete(text))

    stars = program.units["stars"]
    assert (stars.converts_every, stars.converts_into) == (25, "mug")
    assert program.rewards["mug"].price == Price(unit="stars", amount=25)


def test_a_gift_costs_nothing_and_may_be_a_choice(complete: Complete) -> None:
    text = """
rewards:
  - {id: gift, gives: {percent_off: 12.5 %}, season: birthday month, limit: 1 per year, choose_one: birthday, per_sale: 1}
  - {id: more, gives: {units: 250 points}, limit: 1 per year, choose_one: birthday}
  - {id: once, price: 5 points, gives: {item: a mug}, limit: 2 per lifetime}
"""

    program = read_definition(complete(text))

    gift, more, once = program.rewards.values()
    assert (gift.price, gift.gives) == (Price(unit="points", amount=0), PercentOff(share=Fraction(1, 8)))
    assert (gift.season, gift.per_sale) == (Season.BIRTHDAY_MONTH, 1)
    assert gift.limit == more.limit == Limit(times=1, per=Period.YEAR, name="birthday")
    assert more.gives == Units(unit="points", amount=250)
    assert once.limit == Limit(times=2, per=Period.LIFETIME)


@pytest.mark.parametrize(
    ("measure", "valid", "meant", "threshold", "years"),
    [
        ("spend", "rest of the year", "spend", 35050, 0),
        ("stars", "rest of the year and the next", "earned:stars", 3505, 1),
    ],
)
def test_tiers_count_money_or_a_unit(
    measure: str, valid: str, meant: str, threshold: int, years: int, complete: Complete
) -> None:
    text = f"""
units: {{stars: {{decimals: 1}}}}
tiers:
  measure: {measure}
  period: calendar year
  valid: {valid}
  then: as earned in the last period
  levels: [{{id: level-1, from: 0}}, {{id: vib, from: 350.5, name: VIB}}]
"""

    program = read_definition(complete(text))

    assert program.tiers == TierScheme(
        measure=meant,
        levels=(
            TierLevel(id="level-1", name=said(en="Level 1"), threshold=0),
            TierLevel(id="vib", name=said(en="VIB"), threshold=threshold),
        ),
        years_after=years,
    )


def test_rewards_give_money_off_or_an_item(complete: Complete) -> None:
    text = """
rewards:
  - {id: off-10, price: 500 points, gives: {money_off: 10}, tiers: [gold], needs_purchase_of: 20.50, valid: 90 days}
  - {id: mug, name: {fr: Tasse}, price: 3 points, gives: {item: a mug}}
"""

    program = read_definition(complete(text))

    assert program.rewards == {
        "off-10": Reward(
            id="off-10",
            name=said(en="Off 10"),
            price=Price(unit="points", amount=500),
            gives=MoneyOff(amount=1000),
            tiers=frozenset({"gold"}),
            valid=Span(days=90),
            needs_purchase_of=2050,
        ),
        "mug": Reward(
            id="mug",
            name=said(fr="Tasse"),
            price=Price(unit="points", amount=3),
            gives=FreeItem(item=said(en="a mug")),
        ),
    }


def test_messages_have_a_body_and_perhaps_a_title_in_each_language(complete: Complete) -> None:
    text = """
messages:
  points_earned: "You earned {points}."
  welcome: {en: {title: Hello, body: "Good day"}, fr: Bonjour}
"""

    program = read_definition(complete(text))

    assert program.messages == {
        "points_earned": {"en": MessageText(title=None, body="You earned {points}.")},
        "welcome": {"en": MessageText(title="Hello", body="Good day"), "fr": MessageText(title=None, body="Bonjour")},
    }


def test_a_program_may_have_neither_units_nor_rules() -> None:
    text = "{program: prime, name: Prime, currency: USD, time_zone: UTC, languages: [en], journeys: [{do: join}]}"

    program = read_definition(text)

    assert (program.units, program.earning, program.tiers, program.rewards, program.messages) == ({}, (), None, {}, {})


def test_every_kind_of_message_that_carnet_sends_can_be_worded() -> None:
    assert set(MESSAGE_KINDS) == set(PLACEHOLDERS)


@pytest.mark.parametrize("path", sorted(PROGRAMS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_programs_that_come_with_carnet_have_no_faults(path: Path) -> None:
    program = read_definition(
        path.read_text(encoding="utf-8"),
        files=lambda name: (PROGRAMS / name).read_bytes(),
        check_template=lambda kind, text: check_template(text, kind),
    )

    assert program.program == path.stem


def test_the_cd_shop_is_the_program_that_it_says() -> None:
    program = read_definition((PROGRAMS / "cd-shop.yaml").read_text(encoding="utf-8"))

    rules = {rule.id: (rule.on, rule.amount, rule.cap) for rule in program.earning}
    assert rules == {
        "purchase": (EventKind.SALE, Rate(earn=1, per=100), None),
        "visit": (EventKind.CHECK_IN, Flat(earn=5), Cap(per=Period.DAY, times=1)),
        "welcome": (EventKind.JOIN, Flat(earn=50), None),
    }
    assert program.tiers is not None
    assert [(level.id, level.threshold) for level in program.tiers.levels] == [
        ("bronze", 0),
        ("silver", 10_000),
        ("gold", 30_000),
    ]
    assert program.tiers.years_after == 1
    off_5 = program.rewards["off-5"]
    assert (off_5.price, off_5.gives, off_5.valid) == (
        Price(unit="points", amount=100),
        MoneyOff(amount=500),
        Span(days=90),
    )
