"""Why, in words: each figure explains itself in the member's language."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from tests.domain.club import club
from wallet_api.domain.definition import Localised, Promotion
from wallet_api.services.explain import Explainer

DOUBLE = Promotion(
    id="double",
    unit="points",
    multiply=Fraction(3, 2),
    name=Localised(by_language={"en": "Spring days", "fr": "Jours de printemps"}),
)
WHY = {"base": 1_000, "earn": 1, "per": 100, "promotions": {"double": "3/2"}, "excluded": {"gift-card": 5_000}}


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

    assert said.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ") == words


def test_what_a_limit_cut_is_said() -> None:
    cap = {"cap": {"per": "day", "times": 1, "units": None}}

    said = Explainer(club(), "en").earning(rule="visit", unit="points", amount=0, why=cap)

    assert said.endswith("the limit of 1 per day is reached")
