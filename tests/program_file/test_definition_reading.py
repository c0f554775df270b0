"""What a well-written file means."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notifications.render import check_template
from notifications.texts import PLACEHOLDERS
from wallet_api.domain.definition import (
    Access,
    Amount,
    Audience,
    Bands,
    Benefits,
    Brand,
    ByField,
    BySize,
    ByStreak,
    Cap,
    CarryOver,
    Challenge,
    Choice,
    Colours,
    Condition,
    Contest,
    Conversion,
    Credit,
    DayRange,
    Donation,
    Downgrade,
    EarningRule,
    EventKind,
    Expiry,
    ExpiryAnchor,
    Fee,
    Flat,
    FreeItem,
    Gift,
    Limit,
    Localised,
    MemberPrice,
    MessageText,
    MoneyOff,
    MonthDay,
    NthWeekday,
    Occasion,
    Partner,
    PercentOff,
    Period,
    PerItem,
    PerQuantity,
    Plan,
    PlanTerms,
    Price,
    Promotion,
    Rate,
    RateByTier,
    ReturnTerms,
    Reward,
    Rounding,
    Season,
    Segment,
    Shipping,
    Span,
    TierLevel,
    TierScheme,
    Unit,
    Units,
    Verification,
    Window,
    Worth,
    YearKind,
)
from wallet_api.program_file import DefinitionFaults, read_definition
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


def test_a_logo_of_which_no_pass_could_be_made_is_a_fault_of_the_file(complete: Complete) -> None:
    text = complete("brand: {logo: logo.png}")
    asked: list[bytes] = []

    def too_small(logo: bytes) -> str:
        asked.append(logo)
        return "is smaller than 16 pixels on a side"

    with pytest.raises(DefinitionFaults) as refused:
        read_definition(text, files={"logo.png": PNG}.__getitem__, check_logo=too_small)

    assert asked == [PNG]
    assert [str(fault) for fault in refused.value.faults] == [
        "line 1, brand.logo: the logo is smaller than 16 pixels on a side; save it anew, or choose another"
    ]


def test_links_have_a_name_in_each_language_and_an_address(complete: Complete) -> None:
    text = "brand: {links: [{name: {en: Shop, fr: Boutique}, url: 'https://shop.example/?a=1&b=2#top'}, {name: Call, url: 'tel:+33100000000'}]}"

    shop, call = read_definition(complete(text)).brand.links

    assert (shop.name.text("fr"), shop.url) == ("Boutique", "https://shop.example/?a=1&b=2#top")
    assert (call.name.text("fr"), call.url) == ("Call", "tel:+33100000000")


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
        ("on: activity, kind: a, earn: 2, each: full_size, every: 5", PerQuantity(earn=20, field="full_size", every=5)),
        ("on: activity, kind: a, by_size: {steps: [{from: 30, earn: 10}, {from: 50.5, earn: 25}]}",
         BySize(steps=((Fraction(30), 100), (Fraction(101, 2), 250)))),
        ("on: activity, kind: a, by_size: {field: km, steps: [{from: 5, earn: 1}]}",
         BySize(steps=((Fraction(5), 10),), field="km")),
        ("on: sale, earn: 0.125, per: 1.00", Rate(earn=5, per=400)),
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
        ("end of month", Expiry(after=Span(), anchor=ExpiryAnchor.END_OF_MONTH)),
        ("end of year", Expiry(after=Span(), anchor=ExpiryAnchor.END_OF_YEAR)),
        ("{after_end_of_year: 2 years}", Expiry(after=Span(months=24), anchor=ExpiryAnchor.END_OF_YEAR)),
        ("{on: 29 February}", Expiry(anchor=ExpiryAnchor.FIXED_DAY, on=MonthDay(month=2, day=29))),
        ("{on: 3 January, years_after: 2}",
         Expiry(anchor=ExpiryAnchor.FIXED_DAY, on=MonthDay(month=1, day=3), years_after=2)),
        ("{after_end_of_month: 6 months, extended_by_activity: 1 month, tiers: [bronze]}",
         Expiry(after=Span(months=6), anchor=ExpiryAnchor.END_OF_MONTH, extended_by=Span(months=1),
                tiers=frozenset({"bronze"}))),
    ],
)  # fmt: skip
def test_units_expire_at_an_end_on_a_day_or_by_tier(expires: str, meant: Expiry, complete: Complete) -> None:
    program = read_definition(complete(f"units: {{points: {{expires: {expires}}}}}"))

    assert program.units["points"].expires == meant


def test_a_unit_says_that_it_counts_waits_pays_or_turns(complete: Complete) -> None:
    text = """
units:
  km: {counter: yes, decimals: 1, returns_count: on the day of the return}
  points: {pending: 30 days after a sale, returns_count: on the day of the sale}
  coins: {decimals: 1, pays: {units: 100, money: 1.50, at_most: 50 %, multiples_of: 10, from_balance: 5, given_back: no}}
  cash: {pays: {units: 1, money: 1}}
  stars:
    turns_into:
      reward: voucher
      every: 100
      windows: [{months: October to January, issued: 15 February}, {months: May, issued: 1 June}]
      at_most: [5 per window, 15 per year]
rewards: [{id: voucher, gives: {money_off: 10}}]
"""

    units = read_definition(complete(text)).units

    assert (units["km"].is_counter, units["km"].taken_back_on_return_day) == (True, True)
    assert (units["points"].pending, units["points"].taken_back_on_return_day) == (Span(days=30), False)
    assert units["coins"].worth == Worth(
        units=1000, money=150, multiples_of=100, share=Fraction(1, 2), from_balance=50, given_back=False
    )
    assert units["cash"].worth == Worth(units=1, money=100)
    assert units["stars"].converts == Conversion(
        every=100,
        into="voucher",
        windows=(
            Window(first=10, last=1, issued=MonthDay(month=2, day=15)),
            Window(first=5, last=5, issued=MonthDay(month=6, day=1)),
        ),
        blocks_per_window=5,
        blocks_per_year=15,
    )


def test_what_a_window_brings_cannot_be_asked_for(complete: Complete) -> None:
    text = """
units:
  stamps: {turns_into: {reward: mug, every: 9}}
  stars: {turns_into: {reward: voucher, every: 100, windows: [{months: May, issued: 1 June}]}}
rewards: [{id: mug, gives: {item: a mug}}, {id: voucher, gives: {money_off: 10}}]
"""

    rewards = read_definition(complete(text)).rewards

    assert (rewards["mug"].only_given, rewards["voucher"].only_given) == (False, True)
    assert rewards["voucher"].price == Price(unit="stars", amount=100)


def test_a_rule_says_what_else_it_looks_at(complete: Complete) -> None:
    text = """
membership: {plans: {annual: {fee: 10, every: 1 year}}}
partners: {cinema: {locations: [c-1], pays: 1, per: 100 points}}
segments: {old: {tiers: [gold]}}
rewards: [{id: mug, gives: {item: a mug}}]
earning:
  - {id: a, on: sale, earn: 1, per: 3, rest: carried on, categories: [Books], memberships: [paid, none]}
  - {id: b, on: sale, earn: 1, per: 7, rounding: half up, partners: [cinema], segments: [old], weekdays: [Monday, Sunday], first_ever: yes}
  - {id: c, on: activity, kind: pots, earn: 1, reward: mug, each: quantity, every: 5, again_after: 2 days,
     fee: {units: 2, fields: {mail: true}}}
"""

    a, b, c = read_definition(complete(text)).earning

    assert (a.rounding, a.carries, b.rounding) == (Rounding.DOWN, True, Rounding.HALF_UP)
    assert a.where == Condition(categories=frozenset({"Books"}), memberships=frozenset({"paid", "none"}))
    assert b.where == Condition(
        partners=frozenset({"cinema"}), segments=frozenset({"old"}), weekdays=frozenset({0, 6}), first_ever=True
    )
    assert (c.unit, c.reward, c.amount) == ("", "mug", PerQuantity(earn=1, every=5))
    assert (c.cooldown_hours, c.fee) == (48, Fee(units=2, fields={"mail": "true"}))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("unit: points, tags: [a]", "unit: points, not_tags: [a]"),
        ("unit: points, tags: [a]", "unit: points, tags: [b]"),
        ("unit: points, tiers: [silver]", "unit: points, tiers: [gold]"),
        ("unit: points, days: [2026-03-01 to 2026-03-31]", "unit: points, days: [2026-04-01]"),
        ("unit: points, weekdays: [Monday]", "unit: points, weekdays: [Tuesday]"),
        ("unit: points, locations: [a]", "unit: points, locations: [b]"),
        ("unit: points, categories: [a]", "unit: points, categories: [b]"),
        ("unit: points", "unit: points, partners: [cinema]"),
        ("unit: points", "unit: points, adds: yes"),
        ("unit: points", "unit: stars"),
        ("unit: points", "reward: mug"),
    ],
)
def test_two_rates_are_told_apart_or_one_adds_to_the_other(first: str, second: str, complete: Complete) -> None:
    text = f"""
units: {{points: {{}}, stars: {{}}}}
partners: {{cinema: {{locations: [c-1], pays: 1, per: 100 points}}}}
rewards: [{{id: mug, price: 5 points, gives: {{item: a mug}}}}]
earning:
  - {{id: r, on: sale, earn: 1, per: 1, {first}}}
  - {{id: s, on: sale, earn: 1, per: 2, {second}}}
"""

    program = read_definition(complete(text))

    assert [rule.id for rule in program.earning] == ["r", "s"]


def test_rates_by_tier_that_share_no_tier_are_told_apart(complete: Complete) -> None:
    text = "earning:\n  - {id: r, on: sale, earn: {gold: 2}, per: 1}\n  - {id: s, on: sale, earn: 1, per: 1, tiers: [bronze]}"

    program = read_definition(complete(text))

    assert len(program.earning) == 2


def test_a_promotion_may_add_or_multiply_what_activities_earn(complete: Complete) -> None:
    text = """
earning:
  - {id: buy, on: sale, earn: 1, per: 1.00}
  - {id: pots, on: activity, kind: pots, earn: 1, each: quantity}
promotions:
  - {id: more, extra: 0.5, locations: [paris], weekdays: [Saturday], first_ever: yes}
  - {id: pot-days, multiply: 2, on: activity, kind: pots}
"""

    more, pots = read_definition(complete(text)).promotions

    assert more == Promotion(
        id="more",
        unit="points",
        multiply=Fraction(1, 2),
        is_extra=True,
        where=Condition(locations=frozenset({"paris"}), weekdays=frozenset({5}), first_ever=True),
    )
    assert pots == Promotion(id="pot-days", unit="points", multiply=Fraction(2), on=EventKind.ACTIVITY, kind="pots")


def test_a_credit_looks_at_a_year_or_at_some_days(complete: Complete) -> None:
    text = """
units: {points: {}, dividend: {decimals: 2}}
membership: {plans: {life: {fee: 30}}}
credits:
  - {id: dividend, unit: dividend, earn: 0.1, per: 1, not_tags: [sale], memberships: [paid], period: calendar year,
     credited: first Monday of March, minimum: 10, join_year: exempt, rounding: half up, counts_units: yes, name: Dividend}
  - {id: february, unit: points, earn: 3, per: 1, days: 2020-02-01 to 2020-02-29, at_most: 3000 points, credited: 28 days after}
  - {id: birthday, unit: points, earn: 1, per: 1, period: calendar year, credited: 15 January, rounding: up}
"""

    dividend, february, birthday = read_definition(complete(text)).credits

    assert dividend == Credit(
        id="dividend",
        unit="dividend",
        rate=Rate(earn=10, per=100),
        where=Condition(not_tags=frozenset({"sale"}), memberships=frozenset({"paid"})),
        on=NthWeekday(n=1, weekday=0, month=3),
        minimum=1000,
        join_year_is_exempt=True,
        rounding=Rounding.HALF_UP,
        counts_units=True,
        name=said(en="Dividend"),
    )
    assert february == Credit(
        id="february",
        unit="points",
        rate=Rate(earn=3, per=100),
        days=DayRange(first=date(2020, 2, 1), last=date(2020, 2, 29)),
        after=Span(days=28),
        most=3000,
    )
    assert (birthday.on, birthday.rounding) == (MonthDay(month=1, day=15), Rounding.UP)


@pytest.mark.parametrize(("per", "meant"), [("", Period.DAY), (", per: week", Period.WEEK)])
def test_a_choice_has_options_and_a_time(per: str, meant: Period, complete: Complete) -> None:
    text = f"""
earning:
  - {{id: a, on: activity, kind: pots, earn: 1, fields: {{choice: credit}}}}
  - {{id: b, on: activity, kind: pots, earn: 2, fields: {{choice: mask}}}}
choices: [{{kind: pots, field: choice, options: [credit, mask]{per}}}]
"""

    program = read_definition(complete(text))

    assert program.choices == (Choice(kind="pots", field="choice", options=("credit", "mask"), per=meant),)


def test_gifts_come_on_their_occasions(complete: Complete) -> None:
    text = """
gifts:
  welcome: [{earn: 50 points, name: Hello}, {id: welcome-cake, reward: cake}]
  birthday: {earn: 100 points}
  birthday_month: {reward: cake, tiers: [gold]}
  anniversary: [{earn: 1 points}, {id: again, earn: 2 points}]
  invited: {earn: 5 points}
  tiers: {gold: {reward: cake, name: Gold}}
rewards: [{id: cake, gives: {item: a cake}}]
"""

    program = read_definition(complete(text))

    assert [(rule.id, rule.on, rule.amount, rule.name) for rule in program.earning] == [
        ("welcome", EventKind.JOIN, Flat(earn=50), said(en="Hello"))
    ]
    points = [Units(unit="points", amount=amount) for amount in (100, 1, 2, 5)]
    assert program.gifts == (
        Gift(id="welcome-cake", occasion=Occasion.JOIN, reward="cake"),
        Gift(id="birthday", occasion=Occasion.BIRTHDAY, units=points[0]),
        Gift(id="birthday_month", occasion=Occasion.BIRTHDAY_MONTH, reward="cake", tiers=frozenset({"gold"})),
        Gift(id="anniversary", occasion=Occasion.ANNIVERSARY, units=points[1]),
        Gift(id="again", occasion=Occasion.ANNIVERSARY, units=points[2]),
        Gift(id="invited", occasion=Occasion.REFERRED, units=points[3]),
        Gift(id="tier-gold", occasion=Occasion.TIER, reward="cake", tiers=frozenset({"gold"}), name=said(en="Gold")),
    )
    assert program.rewards["cake"].only_given


def test_a_reward_has_a_season_a_stock_and_comes_by_itself(complete: Complete) -> None:
    text = """
units: {km: {counter: yes}}
causes: {sea: {en: The sea, fr: La mer}}
rewards:
  - {id: a, gives: {item: a drink, tags: [drink]}, season: {from: birthday, days: {silver: 7, gold: 30}}, by_itself: yes,
     limit: 1 per year, valid: season, needs_purchase_of: 5}
  - {id: b, gives: {percent_off: {bronze: 0 %, silver: 10 %, gold: 20 %}}, season: {from: anniversary, days: 3}, limit: 1 per year, stock: 9}
  - {id: c, gives: {money_off: 5}, season: birthday, limit: [2 per day, 1 per transaction, 9 per lifetime]}
"""

    a, b, c = read_definition(complete(text)).rewards.values()

    assert a == Reward(
        id="a",
        name=said(en="A"),
        price=None,
        gives=FreeItem(item=said(en="a drink"), tags=frozenset({"drink"})),
        season=Season(occasion=Occasion.BIRTHDAY, days={"silver": 7, "gold": 30}),
        by_itself=True,
        limits=(Limit(times=1, per=Period.YEAR),),
        valid_in_season=True,
        needs_purchase_of=500,
    )
    assert b.gives == PercentOff(by_tier={"bronze": Fraction(0), "silver": Fraction(1, 10), "gold": Fraction(1, 5)})
    assert (b.season, b.stock) == (Season(occasion=Occasion.ANNIVERSARY, days_for_all=3), 9)
    assert c.season == Season(occasion=Occasion.BIRTHDAY, days_for_all=1)
    assert (c.per_sale, c.limits) == (1, (Limit(times=2, per=Period.DAY), Limit(times=9, per=Period.LIFETIME)))


def test_a_donation_gives_its_price_to_a_cause(complete: Complete) -> None:
    text = "causes: {sea: The sea}\nrewards: [{id: d, price: 10 points, gives: {donation: sea}}]"

    program = read_definition(complete(text))

    assert program.causes == {"sea": said(en="The sea")}
    assert program.rewards["d"].gives == Donation(cause="sea")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("period: membership year, valid: rest of the year and the next, grace: 1 month, then: one down",
         {"years": YearKind.MEMBERSHIP, "years_after": 1, "grace": Span(months=1), "then": Downgrade.ONE_DOWN}),
        ("period: last 12 months, valid: 1 year, then: kept",
         {"years": None, "rolling": Span(months=12), "years_after": None, "valid": Span(months=12), "then": Downgrade.NONE}),
        ("period: last 90 days, valid: as long as it is reached",
         {"years": None, "rolling": Span(days=90), "years_after": None}),
        ("period: last 12 months, worked_out: at the end of the month, in_force_from: day 8 of the next, then: as earned",
         {"years": None, "rolling": Span(months=12), "years_after": None, "effective_day": 8}),
    ],
)  # fmt: skip
def test_tiers_last_in_four_ways(written: str, meant: dict[str, Any], complete: Complete) -> None:
    text = f"tiers: {{measure: orders, levels: [{{id: bronze, from: 0}}, {{id: silver, from: 5}}], {written}}}"

    program = read_definition(complete(text))

    levels = (
        TierLevel(id="bronze", name=said(en="Bronze"), threshold=0),
        TierLevel(id="silver", name=said(en="Silver"), threshold=5),
    )
    assert program.tiers == TierScheme(measure="orders", levels=levels, **meant)


@pytest.mark.parametrize(
    ("measure", "meant"),
    [
        ("visits", "visits"),
        ("{usable: points}", "usable:points"),
        ("{activity: run}", "activity:run"),
        ("spend", "spend"),
    ],
)
def test_tiers_count_many_things(measure: str, meant: str, complete: Complete) -> None:
    text = f"""
tiers:
  measure: {measure}
  period: last 12 months
  valid: 12 months
  levels: [{{id: bronze, from: 0}}, {{id: friend, by: invitation}}]
"""

    program = read_definition(complete(text))

    assert program.tiers is not None
    assert program.tiers.measure == meant
    assert [level.threshold for level in program.tiers.levels] == [0, None]


def test_any_purchase_is_the_least_that_is_above_nothing(complete: Complete) -> None:
    text = "tiers: {measure: spend, period: last 12 months, valid: 1 year, levels: [{id: a, from: 0}, {id: b, from: any purchase}]}"

    program = read_definition(complete(text))

    assert program.tiers is not None
    assert program.tiers.levels[1].threshold == 1


def test_benefits_are_for_an_audience(complete: Complete) -> None:
    text = """
membership: {plans: {annual: {fee: 139, every: 1 year}}, trial: 30 days, grace: 7 days,
             refund: {business_days: 3, worth_of_shipping: 6.99}}
benefits:
  shipping: [{guests: yes, fee: 8, free_from: 75}, {memberships: [trial, paid], fee: 0}]
  prices:
    - {id: p, percent_off: 30 %, members: yes, tags: [a], not_tags: [b], on_top: yes, most_of_order: 1000, most_of_sku: 6, name: P}
    - {id: q, percent_off: {gold: 10 %}, tiers: [gold]}
  returns: [{tiers: [gold], worn: {days: 30, at_most: 2 per year}}, {members: yes, days: 60}, {refused: yes}]
  access: [{tags: [event], members: yes}, {tags: [sale], memberships: [paid], minutes_earlier: 30}]
  others: {early-access: Early access}
"""

    program = read_definition(complete(text))

    members, paid = Audience(guests=False), Audience(memberships=frozenset({"paid"}))
    assert program.benefits == Benefits(
        shipping=(
            Shipping(who=Audience(guests=True), fee=800, free_from=7500),
            Shipping(who=Audience(memberships=frozenset({"trial", "paid"})), fee=0),
        ),
        prices=(
            MemberPrice(
                id="p",
                who=members,
                share=PercentOff(share=Fraction(3, 10)),
                tags=frozenset({"a"}),
                not_tags=frozenset({"b"}),
                stacks=True,
                most_of_order=100_000,
                most_of_sku=6,
                name=said(en="P"),
            ),
            MemberPrice(
                id="q", who=Audience(tiers=frozenset({"gold"})), share=PercentOff(by_tier={"gold": Fraction(1, 10)})
            ),
        ),
        returns=(
            ReturnTerms(who=Audience(tiers=frozenset({"gold"})), worn_days=30, worn_items_per_year=2),
            ReturnTerms(who=members, days=60),
            ReturnTerms(who=Audience(), is_refused=True),
        ),
        access=(
            Access(who=members, tags=frozenset({"event"})),
            Access(who=paid, tags=frozenset({"sale"}), minutes_earlier=30),
        ),
        others={"early-access": said(en="Early access")},
    )
    assert program.plans == {"annual": Plan(id="annual", name=said(en="Annual"), fee=13_900, period=Span(months=12))}
    assert program.plan_terms == PlanTerms(trial_days=30, grace_days=7, refund_business_days=3, worth_of_shipping=699)


def test_a_membership_by_proof_has_an_end_and_a_reminder(complete: Complete) -> None:
    text = "membership: {verified: {id: teacher, name: Teachers, days: 365, reminder: 30 days before}}"

    program = read_definition(complete(text))

    assert program.verification == Verification(id="teacher", name=said(en="Teachers"), days=365, reminder_days=30)


def test_challenges_contests_partners_and_segments_are_read(complete: Complete) -> None:
    text = """
units: {points: {}, km: {decimals: 1, counter: yes}}
challenges:
  - {id: 5k, measure: km, goal: 5, badge: 5k, rewards: [mug], name: Five}
  - {id: week, measure: {activity: run}, goal: 3, per: week, earn: 50 points}
  - {id: march, measure: spend, goal: 3, days: 2026-03-01 to 2026-03-31, badge: march}
contests: [{id: race, measure: km, days: 2026-04-01 to 2026-04-30, prizes: [mug, mug]}]
partners: {cinema: {locations: [c-1], pays: 1, per: 100 points}}
segments:
  regulars: {measure: spend, over: last 6 months, at_least: 10, at_most: 20.5}
  old: {tiers: [gold]}
rewards: [{id: mug, gives: {item: a mug}}]
carry_over: {tiers: {vip: gold}, lots: by the new rules}
"""

    program = read_definition(complete(text))

    march = DayRange(first=date(2026, 3, 1), last=date(2026, 3, 31))
    assert program.challenges == (
        Challenge(id="5k", name=said(en="Five"), measure="earned:km", goal=50, badge="5k", rewards=("mug",)),
        Challenge(
            id="week",
            name=said(en="Week"),
            measure="activity:run",
            goal=3,
            per=Period.WEEK,
            units=Units(unit="points", amount=50),
        ),
        Challenge(id="march", name=said(en="March"), measure="spend", goal=300, days=march, badge="march"),
    )
    april = DayRange(first=date(2026, 4, 1), last=date(2026, 4, 30))
    assert program.contests == (
        Contest(id="race", name=said(en="Race"), measure="earned:km", days=april, prizes=("mug", "mug")),
    )
    assert program.partners == {
        "cinema": Partner(
            id="cinema", name=said(en="Cinema"), locations=frozenset({"c-1"}), pays=100, per=100, unit="points"
        )
    }
    assert program.segments == {
        "regulars": Segment(id="regulars", measure="spend", over=Span(months=6), at_least=1000, at_most=2050),
        "old": Segment(id="old", tiers=frozenset({"gold"})),
    }
    assert program.carry_over == CarryOver(tiers={"vip": "gold"}, lots_keep_expiry=False)


def test_a_reward_that_units_turn_into_costs_as_many(complete: Complete) -> None:
    text = """
units: {points: {}, stars: {decimals: 1, turns_into: {reward: mug, every: 2.5}}}
rewards: [{id: mug, gives: {item: a mug}}]
"""

    program = read_definition(complete(text))

    assert program.units["stars"].converts == Conversion(every=25, into="mug")
    assert program.rewards["mug"].price == Price(unit="stars", amount=25)


def test_a_gift_costs_nothing_and_may_be_a_choice(complete: Complete) -> None:
    text = """
rewards:
  - {id: gift, gives: {percent_off: 12.5 %}, season: birthday month,
     limit: [1 per transaction, 1 per year], choose_one: birthday}
  - {id: more, gives: {units: 250 points}, limit: 1 per year, choose_one: birthday}
  - {id: once, price: 5 points, gives: {item: a mug}, limit: 2 per lifetime}
"""

    program = read_definition(complete(text))

    gift, more, once = program.rewards.values()
    assert (gift.price, gift.gives) == (Price(unit="points", amount=0), PercentOff(share=Fraction(1, 8)))
    assert (gift.season, gift.per_sale) == (Season(occasion=Occasion.BIRTHDAY_MONTH), 1)
    assert gift.limits == more.limits == (Limit(times=1, per=Period.YEAR, name="birthday"),)
    assert more.gives == Units(unit="points", amount=250)
    assert once.limits == (Limit(times=2, per=Period.LIFETIME),)


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
