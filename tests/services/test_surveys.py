"""Surveys: each member answers once, whoever asks at the same moment; what it earns, and who is asked by a campaign."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest

from tests.services.campaigning import agree, campaign, counts, crowd, do, messages, reasons, rules, segment_of, send
from tests.services.surveying import RECOMMEND, WORDS, answer, ask, open_to, results
from tests.shop import NOON, PROGRAMS, Shop
from tests.store.laws import available, count
from tests.store.threads import at_once, wait_for_a_lock
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.domain.campaign import Act
from wallet_api.domain.survey import Given
from wallet_api.services.answer_survey import answer_survey
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.present import Json
from wallet_api.services.publish import publish
from wallet_api.services.surveys import SurveyWish, change_survey
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.services.walk_campaigns import walk_campaigns
from wallet_api.store import sql
from wallet_api.store.session import Tx

EARNS = """
earning:
  - {id: opinion, on: activity, kind: survey, fields: {survey: visit}, earn: 20, unit: points, name: Your opinion}
"""
COUNTS = """
challenges:
  - {id: critic, name: Critic, measure: {activity: survey}, goal: 1, days: 2026-03-01 to 2026-03-31, badge: critic}
"""


def rewrite(shop: Shop, tx: Tx) -> Json:
    """Maria asks something else."""
    wish = SurveyWish(title="Your visit", questions=[WORDS])
    return change_survey(shop.app, tx, "visit", wish, program=shop.program)


def score(shop: Shop, tx: Tx) -> Json:
    """Alice gives a 9."""
    given = [Given(question="recommend", score=9)]
    return answer_survey(shop.app, tx, shop.alice, "visit", given, program=shop.program)


# ── One answer a member ──────────────────────────────────────────────────────────────────────────────────────────


def test_of_two_phones_that_answer_at_once_one_wins(shop: Shop) -> None:
    ask(shop)

    outcomes = at_once([partial(answer, shop, shop.alice, score=score) for score in (0, 10)])

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyAnswered", "dict"]
    assert results(shop)["answered"] == 1
    assert open_to(shop, shop.alice) == []


@pytest.mark.parametrize(
    ("first", "second", "refusal"),
    [("score", "rewrite", errors.SurveyHasAnswers), ("rewrite", "score", errors.Invalid)],
)
def test_questions_change_before_an_answer_or_never(
    shop: Shop, first: str, second: str, refusal: type[errors.Refusal]
) -> None:
    works = {"score": partial(score, shop), "rewrite": partial(rewrite, shop)}
    ask(shop)

    with ThreadPoolExecutor(max_workers=1) as pool:
        with shop.app.db.begin() as tx:
            works[first](tx)
            other = pool.submit(shop.app.db.run, works[second])
            wait_for_a_lock(shop.app.db)

        with pytest.raises(refusal):
            other.result(timeout=10)


def test_a_survey_is_answered_from_its_beginning_to_its_end(shop: Shop, clock: FixedClock) -> None:
    bob = shop.join("bob")
    ask(shop, opens_at=NOON + timedelta(hours=1), closes_at=NOON + timedelta(hours=2))

    with pytest.raises(errors.SurveyNotOpen, match="planned"):
        answer(shop, bob)
    before = open_to(shop, bob)
    clock.set(NOON + timedelta(hours=1))
    during = open_to(shop, bob)
    answer(shop, shop.alice)
    clock.set(NOON + timedelta(hours=2))

    assert (before, during, open_to(shop, bob)) == ([], ["visit"], [])
    with pytest.raises(errors.SurveyNotOpen, match="closed"):
        answer(shop, bob)
    with pytest.raises(errors.AlreadyAnswered):
        answer(shop, shop.alice)


def test_only_whom_its_segment_selects_is_asked(shop: Shop) -> None:
    bob = shop.join("bob")
    shop.sell(600_00)  # Alice is silver now
    segment = segment_of(
        shop, {"all": [{"tier": {"any_of": ["silver"]}}, {"spend": {"at_least": 1, "within_days": 7}}]}
    )
    ask(shop, segment=UUID(str(segment["id"])))

    assert (open_to(shop, shop.alice), open_to(shop, bob)) == (["visit"], [])
    with pytest.raises(errors.NotFound):
        answer(shop, bob)
    assert answer(shop, shop.alice)["survey"] == "visit"


def test_a_segment_that_ranks_everybody_is_not_asked_of_each(shop: Shop) -> None:
    segment = segment_of(shop, {"not": {"any": [{"rfm": {"any_of": ["champions"]}}]}})

    with pytest.raises(errors.Invalid, match="rfm"):
        ask(shop, segment=UUID(str(segment["id"])))


def test_answers_go_with_a_merge_and_the_survivors_own_stay(shop: Shop) -> None:
    bob, dora = shop.join("bob"), shop.join("dora")
    for survey in ("visit", "other"):
        ask(shop, survey)
    answer(shop, shop.alice, score=10)
    answer(shop, bob, score=0)
    answer(shop, bob, "other", score=3)
    answer(shop, dora, score=7)

    with shop.app.db.begin() as tx:
        merge_members(shop.app, tx, MergeWish(gone=bob, into=shop.alice, reason="one person"), program=shop.program)

    assert [results(shop)["answered"], results(shop, "other")["answered"]] == [2, 1]
    with shop.app.db.read() as tx:
        mine = sql.every(
            tx,
            "SELECT s.id, a.answers FROM survey_answers a JOIN surveys s ON s.key = a.survey WHERE member_id = :id",
            id=shop.alice,
        )
    assert {row.id: row.answers["recommend"] for row in mine} == {"visit": 10, "other": 3}
    assert count(shop.app.db, "survey_answers") == 3


# ── What it earns ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_answer_earns_where_the_program_says_so(shop: Shop) -> None:
    ask(shop)
    ask(shop, "other", questions=[RECOMMEND])
    before = available(shop.app.db, shop.alice)

    nothing = answer(shop, shop.alice, "other")
    recorded = count(shop.app.db, "activities")
    source = (PROGRAMS / f"{shop.program}.yaml").read_text(encoding="utf-8")
    publish(shop.app, source.replace("\nearning:\n", EARNS), now=NOON)
    given = answer(shop, shop.alice)

    earned = given["earned"]
    assert (nothing["earned"], recorded) == ([], 0)
    assert isinstance(earned, list)
    assert [(each["unit"], each["amount"]) for each in earned] == [("points", 20)]
    assert available(shop.app.db, shop.alice) == before + 20
    assert list(verify_ledger(shop.app)) == []


def test_an_answer_is_counted_where_a_challenge_counts_it(shop: Shop) -> None:
    ask(shop)
    rules(shop, COUNTS)

    answer(shop, shop.alice)

    with shop.app.db.read() as tx:
        assert [row.badge for row in sql.every(tx, "SELECT badge FROM badges")] == ["critic"]


# ── Campaigns that ask ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_campaign_asks_those_who_have_not_answered(shop: Shop) -> None:
    fred = shop.join("fred", locale="fr")
    bob = shop.join("bob")
    agree(shop, shop.alice, bob, fred)
    ask(shop, title={"en": "Your visit", "fr": "Votre visite"})
    answer(shop, bob)
    asking = campaign(shop, survey="visit", title={"en": "{survey}", "fr": "{survey}"}, body="{given_name}?")

    send(shop, asking)

    said = {each.member_id: (each.title, each.body) for each in messages(shop, asking)}
    with shop.app.db.read() as tx:
        sent = sql.every(tx, "SELECT DISTINCT kind, data ->> 'survey' AS survey FROM deliveries")
    assert said == {shop.alice: ("Your visit", "Alice?"), fred: ("Votre visite", "Fred?")}
    assert [tuple(row) for row in sent] == [("survey", "visit")]
    assert (counts(shop, asking), reasons(shop, asking)) == ({"sent": 2, "withheld": 1}, {"answered": 1})


def test_who_answers_before_it_is_sent_gets_nothing_more(shop: Shop) -> None:
    crowd(shop, 2)
    ask(shop)
    asking = campaign(shop, survey="visit", channels=["push", "email"])
    send(shop, asking)

    answer(shop, shop.alice)

    with shop.app.db.read() as tx:
        left = sql.every(tx, "SELECT member_id, status, reason FROM deliveries WHERE campaign_id = :id", id=asking)
    assert {(row.status, row.reason) for row in left if row.member_id == shop.alice} == {("replaced", "answered")}
    assert {(row.status, row.reason) for row in left if row.member_id != shop.alice} == {("waiting", None)}


def test_a_campaign_waits_for_its_survey_and_ends_with_it(shop: Shop, clock: FixedClock) -> None:
    crowd(shop, 2)
    ask(shop, opens_at=NOON + timedelta(hours=1), closes_at=NOON + timedelta(hours=3))
    early, late = (campaign(shop, survey="visit") for _ in range(2))
    do(shop, early, Act.SEND)

    walk_campaigns(shop.app)
    before = counts(shop, early)
    clock.set(NOON + timedelta(hours=1))
    walk_campaigns(shop.app)
    clock.set(NOON + timedelta(hours=3))
    send(shop, late)

    assert (before, counts(shop, early), counts(shop, late)) == ({"waiting": 2}, {"sent": 2}, {"withheld": 2})
    assert reasons(shop, late) == {"survey_closed": 2}
    with shop.app.db.read() as tx:
        ends = sql.every(tx, "SELECT DISTINCT expires_at FROM deliveries WHERE campaign_id = :id", id=early)
    assert [row.expires_at for row in ends] == [NOON + timedelta(hours=3)]


def test_a_campaign_reaches_those_of_its_segment_whom_the_survey_is_for(shop: Shop) -> None:
    people = crowd(shop, 3)
    shop.sell(600_00, to=people[1])
    ask(shop, segment=UUID(str(segment_of(shop, {"tier": {"any_of": ["silver"]}})["id"])))
    asking = campaign(shop, survey="visit")

    send(shop, asking)

    assert [each.member_id for each in messages(shop, asking)] == [people[1]]
