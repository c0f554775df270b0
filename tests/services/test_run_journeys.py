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
from wallet_api.services.run_journeys import StepRun, run_journeys
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


def shipped(program: str) -> str:
    """The file of a program that Carnet ships."""
    return (PROGRAMS / f"{program}.yaml").read_text(encoding="utf-8")


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


def test_what_a_step_says_nothing_of_is_a_difference(db: Database) -> None:
    expect = "{membership: none, badges: [], charge: 0, shipping: 0, allowed: true}"

    (join,) = run(db, f"{{at: 2026-03-10, do: join, expect: {expect}}}")

    assert differences(join) == [("shipping", "0", "none"), ("allowed", "true", "none")]


def test_a_guest_and_a_member_are_quoted_different_prices(db: Database) -> None:
    steps = run(
        db,
        "{at: 2026-03-10, do: quote, amount: 60.00, expect: {pay: 60.00, shipping: 8.00, allowed: true, membership: none}}",
        JOIN,
        "{at: 2026-03-11, do: quote, amount: 60.00, expect: {pay: 60.00, shipping: 0}}",
        "{at: 2026-03-11, do: quote, guest: true, amount: 60.00, expect: {shipping: 8.00}}",
        "{at: 2026-03-11, do: quote, guest: true, amount: 60.00, pay_with: {km: 1}, expect: {refused: insufficient_balance}}",
        "{at: 2026-03-11, do: quote, guest: true, amount: 60.00, use: [run-10], expect: {refused: voucher_not_found}}",
        shop=shipped("nike"),
    )

    assert [step for step in steps if not step.is_as_expected] == []


def test_a_quote_leaves_nothing(db: Database) -> None:
    steps = run(
        db,
        JOIN,
        "{at: 2026-03-10, do: activity, kind: run, quantity: 5.2, expect: {badges: [5k], vouchers: {run-10: 1}}}",
        "{at: 2026-03-11, do: quote, amount: 100.00, use: [run-10], expect: {pay: 90.00, vouchers: {run-10: 1}}}",
        "{at: 2026-03-12, do: sale, amount: 100.00, use: [run-10], expect: {pay: 90.00, vouchers: {run-10: 0}}}",
        shop=shipped("nike"),
    )

    assert [step for step in steps if not step.is_as_expected] == []


def test_access_is_asked_for_guests_and_members(db: Database) -> None:
    access = "do: access, tag: lightning, opens_at: 2026-03-10T18:00:00"
    steps = run(
        db,
        f"{{at: 2026-03-10T17:30:00, {access}, expect: {{allowed: false}}}}",
        "{at: 2026-03-10T17:30:00, do: join, plan: annual, expect: {membership: trial, charge: 0}}",
        f"{{at: 2026-03-10T17:30:00, {access}, expect: {{allowed: true}}}}",
        f"{{at: 2026-03-10T17:30:00, {access}, guest: true, expect: {{allowed: false}}}}",
        f"{{at: 2026-03-10T18:00:00, {access}, expect: {{allowed: false}}}}",
        shop=shipped("amazon-prime"),
    )

    assert [differences(step) for step in steps] == [[], [], [], [], [("allowed", "false", "true")]]


def test_a_plan_is_charged_by_the_provider(db: Database) -> None:
    steps = run(
        db,
        JOIN,
        "{at: 2026-03-10, do: plan, action: start, plan: monthly, expect: {membership: trial, charge: 0}}",
        "{at: 2026-04-09, do: plan, action: payment_succeeded, expect: {membership: paid, charge: 14.99}}",
        "{at: 2026-04-10, do: plan, action: cancel, expect: {refund: 14.99, membership: ended}}",
        "{at: 2026-04-10, do: plan, action: start, plan: yearly, expect: {refused: not_found}}",
        "{at: 2026-04-10, do: verification, action: apply, expect: {refused: not_found}}",
        shop=shipped("amazon-prime"),
    )

    assert [step for step in steps if not step.is_as_expected] == []


def test_a_profession_is_verified_and_units_pay(db: Database) -> None:
    steps = run(
        db,
        JOIN,
        "{at: 2026-03-10, do: verification, action: apply, expect: {membership: pending}}",
        "{at: 2026-03-11, do: verification, action: approve, expect: {membership: verified}}",
        "{at: 2026-03-12, do: activity, kind: trade_in, category: daypack, expect: {balance: {credit: 30.00}}}",
        "{at: 2026-03-12, do: sale, id: s1, amount: 100.00, pay_with: {credit: 12.50},"
        " expect: {pay: 47.50, shipping: 8.00, balance: {credit: 17.50}}}",
        "{at: 2026-03-13, do: return, of: s1, expect: {refused: not_returnable}}",
        "{at: 2026-03-13, do: sale, amount: 1.00, pay_with: {credit: 0.125}}",
        "{at: 2026-03-13, do: sale, amount: 1.00, pay_with: {credits: 1}}",
        shop=shipped("patagonia-pro"),
    )

    assert [step for step in steps[:-2] if not step.is_as_expected] == []
    assert [step.cannot for step in steps[-2:]] == [
        "0.125 has too many decimals. `credit` has 2.",
        "There is no unit `credits`; did you mean `credit`?",
    ]


def test_a_friend_is_there_before_the_newcomer(db: Database) -> None:
    steps = run(
        db,
        "{at: 2026-03-10, do: join, referral: bob, expect: {balance: {points: 50}}}",
        "{at: 2026-03-11, do: sale, amount: 10.00, expect: {balance: {points: 160}}}",
        shop=shipped("points-tiers"),
    )

    assert [step for step in steps if not step.is_as_expected] == []


def test_goods_that_were_worn_come_back_where_the_program_says_so(db: Database) -> None:
    steps = run(
        db,
        JOIN,
        "{at: 2026-03-10, do: sale, id: s1, lines: [{sku: boots, amount: 100.00}]}",
        "{at: 2026-04-09, do: return, of: s1, worn: true, expect: {refund: 100.00}}",
        "{at: 2026-04-10, do: sale, id: s2, lines: [{sku: boots, amount: 100.00}]}",
        "{at: 2026-05-11, do: return, of: s2, worn: true, expect: {refused: not_returnable}}",
        shop=shipped("north-face-us"),
    )

    assert [step for step in steps if not step.is_as_expected] == []


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
