"""`carnet program settle`."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.cli.conftest import Carnet
from tests.services.partners import with_partners
from tests.shop import Shop
from wallet_api.clock import FixedClock

DAYS = ("--from", "2026-03-01", "--to", "2026-03-31")


def test_what_partners_owe_and_what_was_given_is_said_in_sentences(carnet: Carnet, shop: Shop) -> None:
    town = with_partners(shop)
    town.sell(1_000_00)
    town.sell(35_90, at=town.cinema)
    town.sell(10_00, at=town.baker, pay=300)
    town.shop.redeem("tree")

    result = carnet("program", "settle", shop.program, *DAYS)

    assert result.exit_code == 0
    # The cinema: 71 x 1.50 / 100 = 1.065. The baker: 7.00 x 3 = 21 earned; (21 - 300) x 0.80 / 100 = -2.232.
    assert result.stdout.splitlines() == [
        "points-tiers, 2026-03-01 to 2026-03-31",
        "  The Cinema: earned there 71 points, spent there 0 points; owes €1.07.",
        "  The Baker: earned there 21 points, spent there 300 points; gets €2.23.",
        "  Trees: 120 points given, worth €1.20.",
    ]


def test_one_day_is_from_itself_to_itself(carnet: Carnet, shop: Shop, clock: FixedClock) -> None:
    town = with_partners(shop)
    for _ in range(3):
        town.sell(10_00, at=town.cinema)
        clock.advance(timedelta(days=1))

    result = carnet("program", "settle", shop.program, "--from", "2026-03-11", "--to", "2026-03-11")

    assert "The Cinema: earned there 20 points, spent there 0 points; owes €0.30." in result.stdout


def test_a_program_without_partners_says_so(carnet: Carnet, shop: Shop) -> None:
    result = carnet("program", "settle", shop.program, *DAYS)

    assert (result.exit_code, result.stdout.splitlines()[1:]) == (0, ["  The program has no partners."])


@pytest.mark.parametrize(
    ("days", "fault"),
    [
        (("2026-03-31", "2026-03-01"), "--to lies before --from. Swap them."),
        (("2026-02-30", "2026-03-01"), "'2026-02-30' does not match"),
        (("March", "2026-03-01"), "'March' does not match"),
        (("0001-01-01", "2026-03-01"), "Give days of the years 1900 to 2199."),
        (("2026-03-01", "9999-12-31"), "Give days of the years 1900 to 2199."),
    ],
)
def test_days_that_cannot_be_are_refused(carnet: Carnet, shop: Shop, days: tuple[str, str], fault: str) -> None:
    result = carnet("program", "settle", shop.program, "--from", days[0], "--to", days[1])

    assert result.exit_code == 2
    assert fault in result.stderr


def test_both_days_are_needed(carnet: Carnet, shop: Shop) -> None:
    assert carnet("program", "settle", shop.program, "--from", "2026-03-01").exit_code == 2


def test_a_program_that_is_not_there_is_named(carnet: Carnet, shop: Shop) -> None:
    result = carnet("program", "settle", "nowhere", *DAYS)

    assert (result.exit_code, result.stderr) == (
        1,
        "Error: There is no program of that name. Correct it, or create it first.\n",
    )
