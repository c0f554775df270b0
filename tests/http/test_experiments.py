"""Experiments over HTTP: what one takes, what came of its arms, and what all marketing is worth."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_key, as_member, as_staff, refused, told
from tests.services.campaigning import agree, campaign, crowd, do, rules, send
from tests.shop import NOON, Shop
from wallet_api.clock import FixedClock
from wallet_api.domain.campaign import Act
from wallet_api.domain.experiment import Arm, arm_of, is_held_out
from wallet_api.services.segments import SegmentWish, save_segment
from wallet_api.services.walk_campaigns import walk_campaigns
from wallet_api.store.ids import new_id

POWER = "/v1/experiments/power"
HOLD_OUT = "/v1/experiments/hold-out"
RATE = {"buyers": {"base": 10, "effect": 2}}
ARMS = [Arm(name="a", share=Fraction(1, 2)), Arm(name="control", share=Fraction(1, 2))]
EXPERIMENT = {"arms": [{"name": "a", "share": 50}], "control": 50}


def maria(shop: Shop) -> dict[str, str]:
    """Maria, who manages the shop, signed in now."""
    return as_staff(shop, f"maria-{new_id()}", role="manager")


def result(api: FlaskClient, shop: Shop, campaign_id: UUID, language: str = "en") -> Any:
    return told(api.get(f"/v1/campaigns/{campaign_id}/experiment?language={language}", headers=maria(shop)))


def warned(answer: Any) -> list[str]:
    return [each["warning"] for each in answer["warnings"]]


# ── Afterwards ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_came_of_the_arms_is_told_and_marked_while_it_is_too_early(
    api: FlaskClient, shop: Shop, clock: FixedClock
) -> None:
    people = crowd(shop, 40)
    spring = campaign(shop, experiment=EXPERIMENT, purchases_within_days=2)
    drafted = result(api, shop, spring)
    do(shop, spring, Act.SEND)
    sending = result(api, shop, spring)
    walk_campaigns(shop.app)
    reached = [member for member in people if arm_of(spring, member, ARMS) == "a"]
    spared = [member for member in people if member not in reached]
    clock.set(NOON + timedelta(hours=1))
    for member in (*reached[:-2], spared[0]):
        shop.sell(20_00, to=member)

    early = result(api, shop, spring)
    clock.set(NOON + timedelta(days=2, minutes=1))
    final = result(api, shop, spring)

    assert drafted["conclusion"] == ["There is nothing to compare yet."]
    assert (warned(drafted), warned(sending), warned(early), warned(final)) == (
        [],
        ["running"],
        ["early", "few_buyers"],
        ["few_buyers"],
    )
    assert [each["is_final"] for each in (drafted, sending, early, final)] == [False, False, False, True]
    assert early["ends_at"] == final["ends_at"] == "2026-03-12T12:00:00Z"
    assert "until March 12, 2026" in early["warnings"][0]["text"]
    arm, control = final["arms"]
    assert (arm["name"], arm["members"], arm["buyers"]) == ("a", len(reached), len(reached) - 2)
    assert (control["name"], control["members"], control["buyers"]) == ("control", len(spared), 1)
    assert arm["amount_per_member"] == pytest.approx(20_00 * (len(reached) - 2) / len(reached))
    by_buyers, by_amount = final["comparisons"]
    assert (by_buyers["measure"], by_buyers["decides"], by_buyers["is_significant"]) == ("buyers", True, True)
    assert by_buyers["difference"] == pytest.approx(1 - 2 / len(reached) - 1 / len(spared))
    assert 0 < by_buyers["low"] < by_buyers["difference"] < by_buyers["high"] < 1
    assert (by_amount["measure"], by_amount["decides"]) == ("amount", False)
    assert final["conclusion"] == [by_buyers["text"]]
    assert final["conclusion"][0].startswith("“a”: ")
    assert "buyers in 100 members more than the control group, between" in final["conclusion"][0]


def test_the_goal_decides_and_sentences_are_in_french_too(api: FlaskClient, shop: Shop, clock: FixedClock) -> None:
    people = crowd(shop, 30)
    experiment = {"arms": [{"name": "a", "share": 50}, {"name": "b", "share": 50}], "control": 0, "goal": "amount"}
    spring = campaign(shop, experiment=experiment, purchases_within_days=1)
    send(shop, spring)
    clock.set(NOON + timedelta(hours=1))
    for number, member in enumerate(people):
        shop.sell(10_00 + number, to=member)

    found = result(api, shop, spring, "fr")

    assert (found["goal"], found["reference"]) == ("amount", "a")
    assert set(warned(found)) >= {"early", "no_control"}
    assert found["warnings"][0]["text"].startswith("Trop tôt : les achats comptent jusqu’au 11 mars 2026.")
    [decides] = [each for each in found["comparisons"] if each["decides"]]
    assert (decides["arm"], decides["measure"], decides["is_significant"]) == ("b", "amount", False)
    assert found["conclusion"][0].startswith("« b » : aucune différence avec « a » n’est démontrée")
    assert "€" in found["conclusion"][0]


def test_called_off_it_says_that_it_was_cut_short(api: FlaskClient, shop: Shop) -> None:
    crowd(shop, 6)
    spring = campaign(shop, experiment=EXPERIMENT)
    do(shop, spring, Act.SEND)
    do(shop, spring, Act.CANCEL)
    walk_campaigns(shop.app)

    found = result(api, shop, spring)

    assert (found["is_final"], found["ends_at"], warned(found)) == (True, None, ["cut_short"])
    assert found["conclusion"] == ["There is nothing to compare yet."]


def test_what_all_marketing_is_worth_is_read_from_those_held_out(
    api: FlaskClient, shop: Shop, clock: FixedClock
) -> None:
    rules(shop, "sending:\n  hold_out: 50%")
    people = crowd(shop, 40)
    agree(shop, people[0], granted=False)  # who has had enough still counts: those held out had no reason to
    late = shop.join("late")
    clock.set(NOON + timedelta(days=1))
    agree(shop, late)
    held = {member for member in people if is_held_out(shop.program, member, share=Fraction(1, 2))}
    for member in people:
        shop.sell(10_00 if member in held else 50_00, to=member)
    clock.set(NOON + timedelta(days=2))

    found = told(api.get(f"{HOLD_OUT}?from=2026-03-11&to=2026-03-11", headers=maria(shop)))
    before = told(api.get(f"{HOLD_OUT}?to=2026-03-10", headers=maria(shop)))
    early = told(api.get(f"{HOLD_OUT}?from=2026-03-11&to=2026-03-12&language=fr", headers=maria(shop)))

    groups = {each["name"]: (each["members"], each["buyers"], each["amount"]) for each in found["arms"]}
    assert groups == {
        "others": (40 - len(held), 40 - len(held), 50_00 * (40 - len(held))),
        "hold_out": (len(held), len(held), 10_00 * len(held)),
    }
    assert (found["from"], found["to"], found["is_final"]) == ("2026-03-11", "2026-03-11", True)
    assert sum(each["members"] for each in before["arms"]) == 0  # nobody had agreed before those days
    assert (before["from"], before["to"]) == ("2025-12-11", "2026-03-10")
    assert (early["is_final"], early["warnings"][0]["warning"]) == (False, "early")
    assert early["warnings"][0]["text"].startswith("Trop tôt : les achats comptent jusqu’au 12 mars 2026.")


def test_a_program_that_holds_nobody_out_is_told_how_it_would(api: FlaskClient, shop: Shop) -> None:
    found = told(api.get(HOLD_OUT, headers=maria(shop)))

    assert found["conclusion"][0].startswith("The program holds no members out")
    for days in ("from=2026-03-02&to=2026-03-01", "to=1999-12-31", "from=2026-03-10&to=2028-01-01"):
        assert refused(api.get(f"{HOLD_OUT}?{days}", headers=maria(shop))) == (422, "invalid")


# ── Beforehand ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_how_many_members_it_takes_and_whether_there_are_so_many(api: FlaskClient, shop: Shop) -> None:
    rules(shop, "sending:\n  hold_out: 50%")
    crowd(shop, 9)  # of whom none has the app, and all have an address
    shop.join("silent")
    with shop.app.db.begin() as tx:
        segment = save_segment(shop.app, tx, SegmentWish(name="All", rule={"all": []}), program=shop.program)["id"]

    alone = told(api.post(POWER, json=RATE, headers=maria(shop)))
    enough = told(api.post(f"{POWER}?language=fr", json={**RATE, "members": 10_000}, headers=maria(shop)))
    few = told(api.post(POWER, json={**RATE, "members": 1_000}, headers=maria(shop)))
    mailed = told(api.post(POWER, json={**RATE, "segment": str(segment), "channels": ["email"]}, headers=maria(shop)))
    pushed = told(api.post(POWER, json={**RATE, "segment": str(segment)}, headers=maria(shop)))
    money = told(api.post(POWER, json={"amount": {"deviation": 50_00, "effect": 2_00}}, headers=maria(shop)))

    assert (alone["members_needed"], alone["arms_needed"], alone["control_needed"]) == (7_682, [3_841], 3_841)
    assert (alone["audience"], alone["is_enough"], alone["smallest_effect"]) == (None, None, None)
    assert (
        alone["text"]
        == "It takes 7,682 members in all to see 2 buyers in 100 members more in 80 of 100 such experiments."
    )
    assert enough["is_enough"] is True
    assert enough["text"].replace("\u202f", " ").endswith("10 000 peuvent être atteints : c’est assez.")
    assert (few["is_enough"], round(few["smallest_effect"], 1)) == (False, 5.9)
    assert few["text"].endswith("too few. They would show 5.95 buyers in 100 members more.")
    assert (mailed["audience"], pushed["audience"]) == (4, 0)
    assert mailed["text"].endswith("4 can be reached: too few to show anything.")
    assert (money["members_needed"], "€2.00 a member more" in money["text"]) == (19_623, True)


def test_what_cannot_be_planned_is_refused_with_its_place(api: FlaskClient, shop: Shop) -> None:
    nobodys = "0190b5a4-0000-7000-8000-000000000000"
    wrong: dict[str, list[dict[str, Any]]] = {
        "#/arms": [{**RATE, "arms": [50], "control": 49}, {**RATE, "arms": [100], "control": 0}],
        "#/buyers/effect": [{"buyers": {"base": 99, "effect": 2}}, {"buyers": {"base": 10, "effect": 0}}],
        "#/buyers/base": [{"buyers": {"base": 10.0001, "effect": 1}}],
        "#/amount/effect": [{"amount": {"deviation": 10**12, "effect": 1}}],
        "#/segment": [{**RATE, "segment": nobodys}],
        "#": [{**RATE, "segment": nobodys, "members": 5}, {}],
    }
    headers = maria(shop)

    said = {place: [api.post(POWER, json=body, headers=headers) for body in bodies] for place, bodies in wrong.items()}

    for place, responses in said.items():
        assert {refused(each) for each in responses} == {(422, "invalid")}
        assert {told(each)["errors"][0]["pointer"].rstrip("/") for each in responses} == {place}


def test_experiments_are_the_managers_of_their_program(api: FlaskClient, shop: Shop) -> None:
    plain = campaign(shop)

    assert refused(api.get(f"/v1/campaigns/{plain}/experiment", headers=maria(shop))) == (404, "not_found")
    for headers in (as_member(shop), as_key(shop, "till")):
        assert refused(api.get(f"/v1/campaigns/{plain}/experiment", headers=headers))[0] == 403
        assert refused(api.get(HOLD_OUT, headers=headers))[0] == 403
        assert refused(api.post(POWER, json=RATE, headers=headers))[0] == 403
