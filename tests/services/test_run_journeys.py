"""Worked examples through the real engine: each shipped program's, and what is said where one differs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.shop import PROGRAMS, SETTINGS
from wallet_api.clock import SystemClock
from wallet_api.domain import errors
from wallet_api.program_file import DefinitionFaults
from wallet_api.program_file.journeys import read_journeys
from wallet_api.services import run_journeys as run_journeys_module
from wallet_api.services.app import App
from wallet_api.services.run_journeys import Difference, StepRun, run_journeys
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store.session import Database

PAGE: Final = PROGRAMS.parent / "docs" / "program-format.md"
SHOP: Final = """
program: my-shop
name: My Shop
currency: EUR
time_zone: America/New_York
languages: [en]
units:
  points: {}
  stars: {decimals: 1, expires: {after: 30 days}}
earning:
  - {id: purchase, on: sale, earn: 1, unit: points, per: 1.00}
  - {id: star, on: sale, earn: 1.5, unit: stars, per: 1.00, tags: [coffee]}
  - {id: visit, on: check_in, earn: 3, unit: points, locations: [paris]}
tiers:
  measure: spend
  period: calendar year
  valid: rest of the year
  then: as earned in the last period
  levels: [{id: bronze, from: 0}, {id: silver, from: 500}]
rewards:
  - {id: off-10, price: 500 points, gives: {money_off: 10.00}}
  - {id: off-1, price: 10 points, gives: {money_off: 1.00}, valid: 10 days}
"""
JOIN: Final = "{at: 2026-03-10, do: join}"


def run(db: Database, *steps: str, shop: str = SHOP) -> list[StepRun]:
    """Alice's journey through the shop."""
    text = "journeys:\n  - name: alice\n    steps:\n" + "".join(f"      - {step}\n" for step in steps)
    (journey,) = run_journeys(db, SETTINGS, shop, read_journeys(text))
    return list(journey.steps)


def differences(step: StepRun) -> list[tuple[str, str, str]]:
    """What a step tells, one after the other."""
    assert step.cannot is None
    return [(each.key, each.expected, each.actual) for each in step.differences]


@pytest.mark.parametrize("path", sorted(PROGRAMS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_worked_examples_of_a_shipped_program_hold(db: Database, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    journeys = read_journeys(text)

    runs = list(run_journeys(db, SETTINGS, text, journeys, files=lambda name: (path.parent / name).read_bytes()))

    assert len(runs) == len(journeys) > 0
    assert [step for each in runs for step in each.steps if not step.is_as_expected] == []
    assert list(verify_ledger(App(settings=SETTINGS, clock=SystemClock(), db=db))) == []


def test_the_first_example_of_the_documentation_holds(db: Database) -> None:
    example = re.findall(r"^```yaml example\n(journeys:.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)[0]
    journeys = read_journeys(example)

    (only,) = run_journeys(db, SETTINGS, SHOP, journeys)

    assert [step for step in only.steps if not step.is_as_expected] == []


def test_no_step_of_the_second_example_of_the_documentation_passes_unsaid(db: Database) -> None:
    example = re.findall(r"^```yaml example\n(journeys:.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)[1]

    (only,) = run_journeys(db, SETTINGS, SHOP, read_journeys(example))

    assert {step.step.do: step.cannot for step in only.steps} == {
        "quote": "Carnet cannot quote a price yet.",
        "join": "Carnet cannot sell memberships yet.",
        "activity": "Nobody has joined yet. Begin with `do: join`.",
        "campaign": None,  # it can, but this program has no such promotion
        "sale": "Carnet cannot take units as payment yet.",
        "return": "Carnet cannot tell worn goods from others yet.",
        "access": "Carnet cannot decide on access yet.",
        "verification": "Carnet cannot verify professions or groups yet.",
        "plan": "Carnet cannot sell memberships yet.",
    }
    assert not any(step.is_as_expected for step in only.steps)


def test_every_figure_that_differs_is_named_with_both_values(db: Database) -> None:
    *_, sale = run(
        db,
        JOIN,
        "{at: 2026-03-10, do: sale, id: s1, lines: [{sku: latte, amount: 21.00, tags: [coffee]}], expect: {"
        "balance: {points: 20, stars: 31.4}, pending: {points: 1}, lifetime: {stars: 31.55}, tier: silver,"
        "tier_until: 2026-12-31, vouchers: {off-1: 1}, pay: 20.99, refund: 1.00}}",
    )

    assert differences(sale) == [
        ("balance.points", "20", "21"),
        ("balance.stars", "31.4", "31.5"),
        ("pending.points", "1", "0"),
        ("lifetime.stars", "31.55", "31.5"),
        ("tier", "silver", "bronze"),
        ("tier_until", "2026-12-31", "none"),
        ("vouchers.off-1", "1", "0"),
        ("pay", "20.99", "21.00"),
        ("refund", "1.00", "none"),
    ]


def test_what_the_program_does_not_have_is_said_with_what_it_has(db: Database) -> None:
    (join,) = run(db, "{at: 2026-03-10, do: join, expect: {balance: {point: 0}, vouchers: {off-2: 0}}}")

    assert differences(join) == [
        ("balance.point", "0", "there is no unit `point`; did you mean `points`?"),
        ("vouchers.off-2", "0", "there is no reward `off-2`; did you mean `off-1`?"),
    ]


def test_what_cannot_be_looked_at_yet_is_a_difference(db: Database) -> None:
    expect = "{membership: none, badges: [], shipping: 0, charge: 0, allowed: true}"

    (join,) = run(db, f"{{at: 2026-03-10, do: join, expect: {expect}}}")

    assert [key for key, _, _ in differences(join)] == ["membership", "badges", "shipping", "charge", "allowed"]
    assert Difference(key="allowed", expected="true", actual="Carnet cannot decide on access yet") in join.differences


def test_a_refusal_must_be_the_one_that_was_expected(db: Database) -> None:
    redeem = "{at: 2026-03-10, do: redeem, reward: off-1"

    _, right, wrong, unexpected, accepted = run(
        db,
        JOIN,
        redeem + ", expect: {refused: insufficient_balance, balance: {points: 0}}}",
        redeem + ", expect: {refused: limit_reached}}",
        redeem + "}",
        "{at: 2026-03-11, do: wait, expect: {refused: limit_reached}}",
    )

    assert right.is_as_expected
    short = "insufficient_balance (The member does not have enough units for this.)"
    assert differences(wrong) == [("refused", "limit_reached", short)]
    assert differences(unexpected) == [("refused", "none", short)]
    assert differences(accepted) == [("refused", "limit_reached", "none")]


def test_a_refusal_that_changes_something_is_a_difference() -> None:
    outcome = run_journeys_module._Outcome(refusal=errors.LimitReached(), changed=True)

    (difference,) = run_journeys_module._of_refusal("limit_reached", outcome)

    assert (difference.expected, difference.actual) == ("nothing changes", "the member's account has changed")


def test_who_joins_twice_is_refused(db: Database) -> None:
    _, again = run(db, JOIN, "{at: 2026-03-11, do: join, expect: {refused: already_member}}")

    assert again.is_as_expected


def test_two_journeys_know_nothing_of_each_other(db: Database) -> None:
    steps = (
        "[{at: 2026-03-10, do: join}, {at: 2026-03-11, do: sale, id: s1, amount: 7.00, expect: {balance: {points: 7}}}]"
    )
    later = "[{at: 2031-03-10, do: join, expect: {balance: {points: 0}}}]"
    text = f"journeys: [{{name: a, steps: {later}}}, {{name: b, steps: {steps}}}, {{name: c, steps: {steps}}}]"

    runs = list(run_journeys(db, SETTINGS, SHOP, read_journeys(text)))

    assert [each.journey.name for each in runs] == ["a", "b", "c"]
    assert all(step.is_as_expected for each in runs for step in each.steps)


def test_a_day_is_the_programs_own_noon_and_time_brings_what_is_due(db: Database) -> None:
    # Stars last 30 days: they go on 9 April 2026 at 00:00 in New York, which is 04:00 in UTC.
    steps = run(
        db,
        JOIN,
        "{at: 2026-03-10T23:59:59, do: sale, id: s1, lines: [{sku: latte, amount: 2.00, tags: [coffee]}]}",
        "{at: 2026-04-08T23:59:59, do: wait, expect: {balance: {stars: 3.0}}}",
        "{at: 2026-04-09T00:00:00, do: wait, expect: {balance: {stars: 0}, lifetime: {stars: 3}}}",
    )

    assert all(step.is_as_expected for step in steps)
    with db.read() as tx:
        occurred = tx.exec_driver_sql("SELECT occurred_at FROM entries WHERE kind = 'expire'").scalar_one()
        joined = tx.exec_driver_sql("SELECT joined_at FROM members").scalar_one()
    assert occurred.isoformat() == "2026-04-09T04:00:00+00:00"
    assert joined.isoformat() == "2026-03-10T16:00:00+00:00"


def test_a_visit_happens_at_its_location(db: Database) -> None:
    steps = run(
        db,
        JOIN,
        "{at: 2026-03-10, do: check_in, location: lyon, expect: {balance: {points: 0}}}",
        "{at: 2026-03-10, do: check_in, expect: {balance: {points: 0}}}",
        "{at: 2026-03-10, do: check_in, location: paris, expect: {balance: {points: 3}}}",
    )

    assert all(step.is_as_expected for step in steps)


def test_a_reward_named_twice_uses_two_vouchers_the_one_that_ends_first_first(db: Database) -> None:
    redeem = "do: redeem, reward: off-1"

    steps = run(
        db,
        JOIN,
        "{at: 2026-03-10, do: sale, id: s1, amount: 100.00}",
        f"{{at: 2026-03-11, {redeem}}}",
        f"{{at: 2026-03-15, {redeem}}}",
        f"{{at: 2026-03-16, {redeem}, expect: {{vouchers: {{off-1: 3}}}}}}",
        "{at: 2026-03-17, do: sale, id: s2, amount: 5.00, use: [off-1], expect: {pay: 4.00, vouchers: {off-1: 2}}}",
        "{at: 2026-03-22, do: wait, expect: {vouchers: {off-1: 2}}}",
        "{at: 2026-03-23, do: sale, id: s3, amount: 5.00, use: [off-1, off-1], expect: {pay: 3.00, vouchers: {off-1: 0}}}",
    )

    assert all(step.is_as_expected for step in steps)


def test_lines_come_back_by_amount_by_pieces_or_as_a_whole(db: Database) -> None:
    steps = run(
        db,
        JOIN,
        "{at: 2026-03-10, do: sale, id: s1, lines: [{sku: mug, amount: 30.00, quantity: 3}, {sku: jar, amount: 8.00}]}",
        "{at: 2026-03-11, do: return, of: s1, lines: [{sku: mug, quantity: 1}], expect: {refund: 10.00}}",
        "{at: 2026-03-12, do: return, of: s1, lines: [{sku: jar}], expect: {refund: 8.00}}",
        "{at: 2026-03-13, do: return, of: s1, lines: [{sku: mug, amount: 5.00}], expect: {refund: 5.00}}",
        "{at: 2026-03-14, do: return, of: s1, expect: {refund: 15.00, balance: {points: 0}}}",
    )

    assert all(step.is_as_expected for step in steps)


def test_a_step_that_cannot_be_done_says_why_and_the_journey_goes_on(db: Database) -> None:
    early, join, cent, back, sale, cup = run(
        db,
        "{at: 2026-03-10, do: sale, id: s0, amount: 1.00, expect: {balance: {points: 1}}}",
        JOIN,
        "{at: 2026-03-10, do: sale, id: s1, amount: 12.905}",
        "{at: 2026-03-10, do: return, of: s1}",
        "{at: 2026-03-10, do: sale, id: s2, amount: 5.00, expect: {balance: {points: 5}}}",
        "{at: 2026-03-10, do: return, of: s2, lines: [{sku: cup}]}",
    )

    assert early.cannot == "Nobody has joined yet. Begin with `do: join`."
    assert cent.cannot == "12.905 has too many decimals. EUR has 2."
    assert back.cannot == "The sale `s1` was not made, so nothing of it can be returned."
    assert cup.cannot == "There was no `cup` in this sale, so it cannot be returned."
    assert join.is_as_expected
    assert sale.is_as_expected


def test_nothing_is_expected_of_somebody_who_has_not_joined(db: Database) -> None:
    (wait,) = run(db, "{at: 2026-03-10, do: wait, expect: {balance: {points: 0}, tier: bronze}}")

    assert differences(wait) == [
        ("balance", "{points: 0}", "nobody has joined yet"),
        ("tier", "bronze", "nobody has joined yet"),
    ]


def test_a_faulty_definition_is_not_run(db: Database) -> None:
    with pytest.raises(DefinitionFaults):
        run(db, JOIN, shop=SHOP.replace("currency: EUR", "currency: EURO"))
