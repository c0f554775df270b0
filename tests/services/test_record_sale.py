"""Sales: what they earn, and that each counts once."""

from __future__ import annotations

from tests.services.wishes import points_of
from tests.shop import Shop


def test_a_sale_earns_a_point_per_euro_and_says_why(shop: Shop) -> None:
    answer = shop.sell(1999)

    assert answer["earned"] == [
        {
            "unit": "points",
            "amount": 19,
            "rule": "purchase",
            "usable_at": None,
            "why": "1 point for each €1.00 of €19.99, rounded down",
        }
    ]
    assert points_of(answer) == 50 + 19


def test_a_receipt_sent_again_gets_the_first_answer(shop: Shop) -> None:
    first = shop.sell(1000, receipt="r-1")

    again = shop.sell(1000, receipt="r-1")

    assert again["id"] == str(first["id"])
    assert points_of(again) == 60
