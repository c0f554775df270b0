"""Why, in words: each figure explains itself in the member's language."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any

import pytest

from tests.domain.club import club
from wallet_api.domain.definition import (
    Challenge,
    Condition,
    Conversion,
    Credit,
    Definition,
    FreeItem,
    Localised,
    Partner,
    Price,
    Promotion,
    Rate,
    Reward,
    YearKind,
)
from wallet_api.domain.errors import LimitReached, NotEligible, OutOfSeason
from wallet_api.domain.state import Standing
from wallet_api.domain.tiers import Progress
from wallet_api.services.explain import Explainer

DOUBLE = Promotion(
    id="double",
    unit="points",
    multiply=Fraction(3, 2),
    name=Localised(by_language={"en": "Spring days", "fr": "Jours de printemps"}),
)
TRIPLE = Promotion(
    id="triple",
    unit="points",
    multiply=Fraction(3),
    is_extra=True,
    name=Localised(by_language={"en": "Thanks", "fr": "Merci"}),
)
DIVIDEND = Credit(
    id="dividend",
    unit="points",
    rate=Rate(earn=1, per=10_00),
    minimum=10_00,
    name=Localised(by_language={"en": "Dividend", "fr": "Dividende"}),
)
CHALLENGE = Challenge(id="five", name=Localised(by_language={"en": "Five", "fr": "Cinq"}), measure="visits", goal=5)
COFFEE = Reward(
    id="coffee",
    name=Localised(by_language={"en": "A coffee", "fr": "Un café"}),
    price=Price(unit="points", amount=100),
    gives=FreeItem(item=Localised(by_language={"en": "a coffee", "fr": "un café"})),
)
WHY = {"base": 1_000, "earn": 1, "per": 100, "promotions": {"double": "3/2"}, "excluded": {"gift-card": 5_000}}
RATE = {"base": 1_000, "earn": 1, "per": 100}
A_YEAR = {"credit": "dividend", "period": "2025-01-01..2025-12-31", "base": 500_00, "earn": 1, "per": 10_00, "given": 0}


def rich() -> Definition:
    """The club with something of everything."""
    plain = club()
    return replace(
        plain,
        promotions=(DOUBLE, TRIPLE),
        credits=(DIVIDEND,),
        challenges=(CHALLENGE,),
        rewards={**plain.rewards, "coffee": COFFEE},
        partners={
            "cafe": Partner(
                id="cafe",
                name=Localised(by_language={"en": "Café Nord"}),
                locations=frozenset({"nord"}),
                pays=1,
                per=1,
                unit="points",
            )
        },
    )


def plain(said: str | None) -> str:
    """Without the spaces that keep numbers together."""
    assert said is not None
    return said.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        (
            "en",
            "1 point for each €1.00 of €10.00, rounded down; times 1.5 by “Spring days”; "
            "€50.00 of it does not count (gift cards)",
        ),
        (
            "fr",
            "1 point par 1,00 € sur 10,00 €, arrondi à l’inférieur; fois 1,5 par « Jours de printemps »; "
            "50,00 € n’y comptent pas (cartes cadeaux)",
        ),
    ],
)
def test_an_earning_says_rate_base_promotion_and_what_does_not_count(locale: str, words: str) -> None:
    explainer = Explainer(replace(club(), promotions=(DOUBLE,)), locale)

    said = explainer.earning(rule="purchase", unit="points", amount=15, why=WHY)

    assert plain(said) == words


@pytest.mark.parametrize(
    ("why", "en", "fr"),
    [
        (
            {**RATE, "rounding": "half_up"},
            "1 point for each €1.00 of €10.00, rounded half up",
            "1 point par 1,00 € sur 10,00 €, arrondi au plus proche",
        ),
        (
            {**RATE, "rounding": "up"},
            "1 point for each €1.00 of €10.00, rounded up",
            "1 point par 1,00 € sur 10,00 €, arrondi au supérieur",
        ),
        (
            {**RATE, "carried_on": 50},
            "1 point for each €1.00 of €10.00, what is left over counts with your next purchase",
            "1 point par 1,00 € sur 10,00 €, le reste comptera avec votre prochain achat",
        ),
        (
            {**RATE, "promotions": {"triple": "3", "double": "3/2"}, "extras": ["triple"]},
            "1 point for each €1.00 of €10.00, rounded down; times 1.5 by “Spring days”; plus 3 times as much by “Thanks”",
            "1 point par 1,00 € sur 10,00 €, arrondi à l’inférieur; fois 1,5 par « Jours de printemps »; "
            "plus 3 fois autant par « Merci »",
        ),
        ({"base": 1_000}, "15 points for a purchase of €10.00 (“odd”)", "15 points pour un achat de 10,00 € (« odd »)"),
        ({"base": 9, "items": 1}, "15 points for 1 item (“odd”)", "15 points pour 1 article (« odd »)"),
        ({"base": 9, "items": 3}, "15 points for 3 items (“odd”)", "15 points pour 3 articles (« odd »)"),
        ({"streak": 4}, "15 points for day 4 in a row (“odd”)", "15 points pour le jour 4 d’affilée (« odd »)"),
        ({"quantity": "2.5"}, "15 points for 2.5 (“odd”)", "15 points pour 2.5 (« odd »)"),
        ({"field": "category", "value": "kids"}, "15 points for kids (“odd”)", "15 points pour kids (« odd »)"),
        ({"fee": 7}, "15 points for “odd”; less 7 points", "15 points pour « odd »; moins 7 points"),
        (
            {"minimum": 20_00, "base": 10_00},
            "nothing, because it needs a purchase of €20.00",
            "rien : il faut un achat de 20,00 €",
        ),
        (
            {"cooldown_hours": 24},
            "15 points for “odd”; nothing, because 24 hours have to pass in between",
            "15 points pour « odd »; rien : il faut attendre 24 heures entre deux fois",
        ),
        (
            {"choice": "mask"},
            "15 points for “odd”; nothing, because “mask” was chosen before",
            "15 points pour « odd »; rien : « mask » a été choisi avant",
        ),
        (
            {"cap": {"per": "week", "times": 3, "units": None}},
            "15 points for “odd”; the limit of 3 per week is reached",
            "15 points pour « odd »; la limite de 3 par semaine est atteinte",
        ),
        (
            {"cap": {"per": "window", "times": None, "units": 100}},
            "15 points for “odd”; the limit of 100 points per offer is reached",
            "15 points pour « odd »; la limite de 100 points par offre est atteinte",
        ),
        ({"challenge": "five", "goal": 5}, "the goal of “Five” is reached", "l’objectif de « Cinq » est atteint"),
        ({"occasion": "birthday"}, "a gift for your birthday", "un cadeau pour votre anniversaire"),
        (
            A_YEAR,
            "“Dividend”: 1 point for each €10.00 of €500.00 from January 1, 2025 to December 31, 2025, rounded down",
            "« Dividende » : 1 point par 10,00 € sur 500,00 € du 1 janvier 2025 au 31 décembre 2025, arrondi à l’inférieur",
        ),
        (
            {**A_YEAR, "most": 40, "given": 30},
            "“Dividend”: 1 point for each €10.00 of €500.00 from January 1, 2025 to December 31, 2025, rounded down; "
            "at most 40 points; worked out again, credited before: 30 points",
            "« Dividende » : 1 point par 10,00 € sur 500,00 € du 1 janvier 2025 au 31 décembre 2025, arrondi à l’inférieur; "
            "au plus 40 points; recalculé, crédité auparavant : 30 points",
        ),
    ],
)
def test_whatever_a_rule_gives_is_explained(why: dict[str, Any], en: str, fr: str) -> None:
    said = [
        plain(Explainer(rich(), locale).earning(rule="odd", unit="points", amount=15, why=why))
        for locale in ("en", "fr")
    ]

    assert said == [en, fr]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Condition(tiers=frozenset({"gold", "silver"})), "as Silver, Gold"),
        (Condition(memberships=frozenset({"paid"})), "with your membership"),
        (Condition(segments=frozenset({"regulars"})), "for regulars"),
        (Condition(partners=frozenset({"cafe"})), "at Café Nord"),
        (Condition(birthday_month=True), "in the month of your birthday"),
        (Condition(first_in_month=True), "for the first one of the month"),
        (Condition(first_ever=True), "for your first purchase"),
    ],
)
def test_a_rule_that_is_not_for_everything_says_for_what(where: Condition, words: str) -> None:
    purchase, *others = club().earning
    definition = replace(rich(), earning=(replace(purchase, where=where), *others))

    said = Explainer(definition, "en").earning(rule=purchase.id, unit="points", amount=10, why=RATE)

    assert said == f"1 point for each €1.00 of €10.00, rounded down; {words}"


def test_what_is_pending_says_until_when() -> None:
    usable_at = datetime(2026, 4, 9, 22, tzinfo=UTC)  # the 10th in Paris

    said = Explainer(rich(), "fr").earning(rule="odd", unit="points", amount=1, why={}, usable_at=usable_at)

    assert plain(said) == "1 point pour « odd »; utilisables à partir du 10 avril 2026"


@pytest.mark.parametrize(
    ("kind", "why", "en", "fr"),
    [
        (
            "reversal",
            {"earned": 100, "rest_earns": 40},
            "taken back with the return: it had earned 100 points, what you kept earns 40 points",
            "repris avec le retour : l’achat avait rapporté 100 points, ce que vous gardez rapporte 40 points",
        ),
        (
            "reversal",
            {"carried": True},
            "taken back with the return: your other purchases earn less without it",
            "repris avec le retour : sans lui, vos autres achats rapportent moins",
        ),
        (
            "reversal",
            {"spent": 300},
            "given back with the return, of 300 points that paid for it",
            "rendus avec le retour, sur 300 points qui l’avaient payé",
        ),
        (
            "reversal",
            {**A_YEAR, "base": 9_00, "given": 1},
            "“Dividend” needs €10.00 from January 1, 2025 to December 31, 2025; it is €9.00; "
            "worked out again, credited before: 1 point",
            "« Dividende » demande 10,00 € du 1 janvier 2025 au 31 décembre 2025 ; il y a 9,00 €; "
            "recalculé, crédité auparavant : 1 point",
        ),
        ("redeem", {"paid": 12_50}, "paid €12.50 of a purchase", "ont payé 12,50 € d’un achat"),
        ("redeem", {"reward": "coffee", "quantity": 1}, "redeemed for “A coffee”", "échangés contre « Un café »"),
        (
            "redeem",
            {"reward": "coffee", "quantity": 2},
            "redeemed for 2 × “A coffee”",
            "échangés contre 2 × « Un café »",
        ),
        ("redeem", {"captured": True}, "handed over at the till", "remis en caisse"),
        (
            "hold",
            {"reward": "coffee", "quantity": 2},
            "held at the till for “A coffee”",
            "réservés en caisse pour « Un café »",
        ),
        ("release", {"captured": True}, "no longer held: handed over", "réservation terminée : remis"),
        ("release", {}, "given back", "rendus"),
        ("expire", {}, "expired", "expirés"),
        ("adjust", {"reason": "late stamp"}, "adjusted: late stamp", "ajustement : late stamp"),
        (
            "adjust",
            {"reason": "married", "merged_into": "…"},
            "moved to another card of yours: married",
            "passés sur une autre de vos cartes : married",
        ),
    ],
)
def test_whatever_else_stands_in_the_ledger_is_explained(kind: str, why: dict[str, Any], en: str, fr: str) -> None:
    said = [
        plain(Explainer(rich(), locale).entry(kind=kind, rule="odd", unit="points", amount=-10, why=why))
        for locale in ("en", "fr")
    ]

    assert said == [en, fr]


@pytest.mark.parametrize(("quantity", "words"), [(1, "turned into"), (3, "turned into 3 ×")])
def test_what_turns_into_a_reward_by_itself_says_so(quantity: int, words: str) -> None:
    definition = rich()
    points = replace(definition.units["points"], converts=Conversion(every=100, into="coffee"))
    explainer = Explainer(replace(definition, units={"points": points}), "en")

    said = explainer.entry(
        kind="redeem", rule=None, unit="points", amount=-100, why={"reward": "coffee", "quantity": quantity}
    )

    assert said == f"{words} “A coffee” by themselves"


def test_what_a_limit_cut_is_said() -> None:
    cap = {"cap": {"per": "day", "times": 1, "units": None}}

    said = Explainer(club(), "en").earning(rule="visit", unit="points", amount=0, why=cap)

    assert said.endswith("the limit of 1 per day is reached")


# ── Tiers and rewards ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ({"because": "joined"}, "the level at which everybody starts"),
        ({"because": "invited", "reason": "a friend"}, "given by us: a friend"),
        ({"because": "merged"}, "the better level of your two cards"),
        ({"because": "reached", "measure": "spend", "value": 600_00, "year": 2026}, "€600.00 in 2026"),
        (
            {"measure": "visits", "value": 12, "year": 2026, "first": "2025-03-11", "last": "2026-03-10"},
            "12 visits from March 11, 2025 to March 10, 2026",
        ),
        (
            {"measure": "usable:points", "value": 1, "year": 2026, "first": "2026-01-01", "last": "2026-12-31"},
            "1 point in 2026",
        ),
    ],
)
def test_a_tier_says_how_it_came(reason: dict[str, Any], words: str) -> None:
    held = Standing(tier="silver", since=date(2026, 3, 10), until=None)

    assert Explainer(club(), "en").standing(held, reason) == words


def progress(**changes: Any) -> Progress:
    """On the way to silver in 2026."""
    scheme = club().tiers
    assert scheme is not None
    assert scheme.years is YearKind.CALENDAR
    values: dict[str, Any] = {
        "value": 1,
        "first": date(2026, 1, 1),
        "last": date(2026, 12, 31),
        "next": scheme.levels[1],
        "missing": 3,
        "until": date(2026, 12, 31),
        "to_keep": None,
    }
    return Progress(**{**values, **changes})


@pytest.mark.parametrize(
    ("measure", "changes", "words"),
    [
        ("spend", {"missing": 3_00}, "€3.00 more in 2026 for Silver"),
        ("orders", {}, "3 purchases more in 2026 for Silver"),
        ("visits", {"missing": 1, "until": None}, "1 visit more for Silver"),
        ("activity:run", {"until": None}, "3 times run more for Silver"),
        (
            "earned:points",
            {"first": date(2025, 6, 1), "last": date(2026, 5, 31), "until": date(2026, 5, 31)},
            "3 points more by May 31, 2026 for Silver",
        ),
    ],
)
def test_the_next_tier_says_what_is_missing_and_by_when(measure: str, changes: dict[str, Any], words: str) -> None:
    assert Explainer(club(), "en").next_tier(measure, progress(**changes)) == words


def test_at_the_top_nothing_is_missing() -> None:
    assert Explainer(club(), "en").next_tier("spend", progress(next=None)) is None


@pytest.mark.parametrize(
    ("to_keep", "words"),
    [
        (5_00, "encore 5,00 € pour garder Silver après le 31 décembre 2026"),
        (0, "Silver est conservé"),
    ],
)
def test_keeping_a_tier_says_what_is_missing(to_keep: int, words: str) -> None:
    held = Standing(tier="silver", since=date(2026, 1, 1), until=date(2026, 12, 31))

    said = Explainer(club(), "fr").keeping("spend", progress(to_keep=to_keep), held)

    assert plain(said) == words


@pytest.mark.parametrize(
    ("reward", "refusal", "missing", "words"),
    [
        (COFFEE, None, 20, "20 points more for it"),
        (replace(COFFEE, tiers=frozenset({"gold"})), NotEligible(), 0, "only for Gold"),
        (COFFEE, NotEligible(), 0, "not with your level or membership"),
        (COFFEE, OutOfSeason(), 0, "not at this time of the year for you"),
        (COFFEE, LimitReached(), 0, "the limit for it is reached"),
        (COFFEE, None, 0, None),
    ],
)
def test_a_reward_says_why_not(reward: Reward, refusal: Any, missing: int, words: str | None) -> None:
    assert Explainer(club(), "en").reward_missing(reward, refusal=refusal, missing=missing) == words
