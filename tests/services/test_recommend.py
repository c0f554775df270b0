"""Recommendations: better than what is popular, only for who agreed, only from who agreed, and said with the reason."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from bench.baskets import DAYS, Basket, baskets, hit_rate
from tests.services.campaigning import agree, campaign, messages, send
from tests.shop import NOON, Shop, open_shop
from wallet_api.clock import FixedClock
from wallet_api.domain.errors import Invalid
from wallet_api.domain.events import Line
from wallet_api.services.alter_member import record_consent
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.recommend import (
    items_to_name,
    keep_for_members,
    show_recommendations,
    work_out_items,
)
from wallet_api.services.similar_items import Histories
from wallet_api.store import recommendations, sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database, Tx, json_text

TEA, CUP, CAKE, SOAP = (
    Line(sku=sku, name=name, category=category, amount=10_00)
    for sku, name, category in (
        ("tea", "Green tea", "drinks"),
        ("cup", "A cup", "table"),
        ("cake", "", ""),
        ("soap", "Soap", "bath"),
    )
)
TODAY = (NOON.date() - date(1970, 1, 1)).days


def profile(shop: Shop, *people: UUID, granted: bool = True) -> None:
    """These members agree to profiling, or withdraw it."""
    with shop.app.db.begin() as tx:
        for member in people:
            record_consent(shop.app, tx, member, kind="profiling", granted=granted)


def recommended(shop: Shop, member: UUID | None = None) -> list[dict[str, Any]]:
    """What a member sees."""
    with shop.app.db.read() as tx:
        items = show_recommendations(shop.app, tx, member or shop.alice)["items"]
    assert isinstance(items, list)
    return items


def work_out(shop: Shop) -> None:
    """What the workers do by the clock."""
    shop.count_purchases()
    work_out_items(shop.app, shop.program)
    keep_for_members(shop.app, shop.program)


def others_buy(shop: Shop, *lines: Line, people: int = 3, agreeing: bool = True) -> list[UUID]:
    """Some members buy these things at once."""
    buyers = [shop.join(f"m{new_id()}") for _ in range(people)]
    if agreeing:
        profile(shop, *buyers)
    for buyer in buyers:
        shop.sell(lines=lines, to=buyer)
    return buyers


# ── Whether it is any good ───────────────────────────────────────────────────────────────────────────────────────


def test_more_last_baskets_are_hit_than_by_what_is_popular(shop: Shop) -> None:
    lives = baskets(400, 200, seed=20_260_310)
    with shop.app.db.begin() as tx:
        members = [put_in(tx, shop.program, life[:-1], number) for number, life in enumerate(lives)]
    work_out_items(shop.app, shop.program)

    with shop.app.db.read() as tx:
        own = [show_recommendations(shop.app, tx, member)["items"] for member in members]
        popular = [int(row.sku) for row in recommendations.popular(tx, shop.program, limit=10)]

    last = [life[-1] for life in lives]
    hits = hit_rate(last, [[int(item["sku"]) for item in items] for items in own])  # type: ignore[attr-defined]  # JSON
    popular_hits = hit_rate(last, [popular] * len(last))
    assert hits > 1.5 * popular_hits > 0.5


def put_in(tx: Tx, program: str, life: Sequence[Basket], number: int) -> UUID:
    """A member who agreed and bought these things, as the worker would have counted them."""
    member = new_id()
    times = Counter(article for basket in life for article in basket.articles)
    last = {article: TODAY - DAYS + basket.day for basket in life for article in basket.articles}
    sql.run(
        tx,
        """
        WITH joined AS (
          INSERT INTO members (id, program_id, email, locale, joined_at)
          VALUES (:id, :program, :email, 'en', :now) RETURNING id),
        agreed AS (
          INSERT INTO consents (id, member_id, kind, granted, terms_version, channel, at)
          SELECT id, id, 'profiling', true, '1', 'app', :now FROM joined),
        named AS (
          INSERT INTO sold_items (program_id, sku, name, category, named_on)
          SELECT :program, key, key, '', CAST(:now AS timestamptz)::date FROM jsonb_each(CAST(:skus AS jsonb))
          ON CONFLICT DO NOTHING)
        INSERT INTO purchased_items (member_id, categories, skus, locations)
        SELECT id, '{}', CAST(:skus AS jsonb), '{}' FROM joined
        """,
        id=member,
        program=program,
        email=f"n{number}@example.org",
        now=NOON,
        skus=json_text({str(article): [last[article], times[article], 100] for article in times}),
    )
    return member


def test_scores_are_what_their_formulas_say() -> None:
    chance = random.Random(11)
    lives = [
        {
            str(item): (TODAY - chance.randrange(400), chance.choice([1, 1, 2]), 100)
            for item in chance.sample(range(30), chance.randrange(1, 12))
        }
        for _ in range(60)
    ]
    histories = Histories(today=TODAY)
    for number, life in enumerate(lives):
        histories.add(life, agreed=number % 5 > 0)

    together = {each.sku: each for some in histories.together() for each in some}
    popularity = histories.popularity()

    learnt = [life for number, life in enumerate(lives) if number % 5]
    for sku, found in together.items():
        buyers = [life for life in learnt if sku in life]
        expected = {}
        for other in popularity:
            both = sum(other in life for life in buyers)
            if other == sku:
                expected[sku] = 4 * (sum(life[sku][1] > 1 for life in buyers) + 0.2) / (len(buyers) + 2)
            elif both >= 3:
                size = len(buyers) * sum(other in life for life in learnt)
                expected[other] = both / math.sqrt(size) * both / (both + 5)
        assert dict(zip(found.others, found.scores, strict=True)) == pytest.approx(expected, abs=1e-6)
        assert all(more >= less for more, less in pairwise(found.scores))
    assert popularity["7"] == pytest.approx(sum(0.5 ** ((TODAY - life["7"][0]) / 90) for life in lives if "7" in life))


# ── Who sees what, and why ───────────────────────────────────────────────────────────────────────────────────────


def test_what_goes_with_a_purchase_is_recommended_with_the_reason(shop: Shop) -> None:
    fred = shop.join("fred", locale="fr-CH")
    others_buy(shop, TEA, CUP)
    others_buy(shop, SOAP, people=9)
    profile(shop, shop.alice, fred)
    for member in (shop.alice, fred):
        for _ in range(2):
            shop.sell(lines=(TEA,), to=member)
    work_out(shop)

    again, cup, popular = recommended(shop)
    french = recommended(shop, fred)

    assert cup == {
        "sku": "cup",
        "name": "A cup",
        "category": "table",
        # Bought twice counts 1 + ln 2; nine have bought soap, which is the most popular, and three a cup.
        "score": pytest.approx((1 + math.log(2)) * 3 / math.sqrt(3 * 5) * 3 / 8 + 0.2 * 3 / 9, abs=1e-4),
        "reason": "bought_together",
        "with": {"sku": "tea", "name": "Green tea"},
        "why": "Often goes with “Green tea”",
    }
    assert (again["sku"], again["reason"], again["with"]) == ("tea", "bought_again", None)
    assert (popular["sku"], popular["reason"], popular["score"]) == ("soap", "popular", 0.2)
    assert [item["why"] for item in french] == [
        "Vous l’avez déjà acheté",
        "Va souvent avec « Green tea »",
        "Apprécié de nos membres",
    ]


def test_who_has_bought_nothing_yet_sees_what_is_popular(shop: Shop) -> None:
    others_buy(shop, TEA, people=2, agreeing=False)
    others_buy(shop, CAKE, agreeing=False)
    profile(shop, shop.alice)
    work_out(shop)

    assert [(item["sku"], item["name"], item["reason"]) for item in recommended(shop)] == [
        ("cake", "cake", "popular"),
        ("tea", "Green tea", "popular"),
    ]


def test_without_consent_nothing_is_recommended_and_what_was_kept_is_gone_at_once(shop: Shop, db: Database) -> None:
    others_buy(shop, TEA, CUP)
    shop.sell(lines=(TEA,))
    work_out(shop)
    before = recommended(shop)
    profile(shop, shop.alice)
    keep_for_members(shop.app, shop.program)
    while_agreed = (recommended(shop)[0]["sku"], kept(db, shop.alice))

    profile(shop, shop.alice, granted=False)

    assert before == []
    assert while_agreed[0] in {"cup", "tea"}
    assert sorted(while_agreed[1]) == ["cup", "tea"]
    assert (recommended(shop), kept(db, shop.alice)) == ([], [])


def test_nothing_is_learnt_from_those_who_did_not_agree_nor_from_two(shop: Shop) -> None:
    profile(shop, shop.alice)
    shop.sell(lines=(TEA,))
    others_buy(shop, TEA, CUP, people=9, agreeing=False)
    others_buy(shop, TEA, SOAP, people=2)
    work_out(shop)

    assert {item["sku"]: item["reason"] for item in recommended(shop)} == {
        "tea": "bought_again",
        "cup": "popular",
        "soap": "popular",
    }


def test_what_is_no_longer_sold_is_not_recommended(shop: Shop, clock: FixedClock) -> None:
    others_buy(shop, TEA, CUP)
    clock.set(NOON + timedelta(days=366))
    profile(shop, shop.alice)
    others_buy(shop, TEA)
    shop.sell(lines=(TEA,))
    work_out(shop)

    assert [item["sku"] for item in recommended(shop)] == ["tea"]


def test_things_are_called_as_on_the_newest_receipt_that_names_them(shop: Shop, clock: FixedClock) -> None:
    profile(shop, shop.alice)
    shop.sell(lines=(Line(sku="tea", name="Tea", category="hot", amount=1),))
    shop.count_purchases()
    clock.set(NOON + timedelta(days=2))
    shop.sell(lines=(Line(sku="tea", name="", amount=1),), to=shop.join("bob"))
    shop.sell(lines=(Line(sku="tea", name="Best tea", amount=1),), to=shop.join("dora"), at=NOON + timedelta(days=1))
    shop.count_purchases()
    shop.sell(lines=(Line(sku="tea", name="Old tea", amount=1),), to=shop.join("erik"), at=NOON - timedelta(days=9))
    work_out(shop)

    [tea] = recommended(shop)

    assert (tea["name"], tea["category"]) == ("Best tea", "hot")


def test_each_program_has_its_own(shop: Shop) -> None:
    other = open_shop(shop.app.db, shop.app.clock, program="stamp-card", app=shop.app)
    others_buy(other, TEA, CUP)
    profile(shop, shop.alice)
    shop.sell(lines=(TEA,))
    work_out(other)
    work_out(shop)

    assert [item["sku"] for item in recommended(shop)] == ["tea"]


def test_a_merged_members_purchases_count_for_the_one_who_stays(shop: Shop) -> None:
    others_buy(shop, TEA, CUP)
    gone = shop.join("alice2")
    shop.sell(lines=(TEA,), to=gone)
    profile(shop, shop.alice)
    with shop.app.db.begin() as tx:
        merge_members(shop.app, tx, MergeWish(gone=gone, into=shop.alice, reason="one person"), program=shop.program)
    work_out(shop)

    assert {item["sku"]: item["reason"] for item in recommended(shop)} == {
        "cup": "bought_together",
        "tea": "bought_again",
    }


# ── Where it is used ─────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_kept_goes_on_where_it_stopped_and_forgets_who_withdrew(shop: Shop, db: Database) -> None:
    people = [shop.alice, *others_buy(shop, TEA, CUP, people=4)]
    profile(shop, shop.alice)
    shop.sell(lines=(TEA,))
    work_out(shop)
    with db.begin() as tx:
        sql.run(tx, "DELETE FROM recommended_items WHERE member_id = :alice", alice=shop.alice)
        sql.run(tx, "UPDATE consents SET granted = false WHERE member_id = :id", id=people[-1])

    reached, steps = None, 0
    while (reached := keep_for_members(shop.app, shop.program, after=reached, seconds=0, batch=2)) is not None:
        steps += 1

    assert steps == 2
    assert [len(kept(db, member)) for member in people] == [2, 2, 2, 2, 0]


def test_a_campaign_names_what_fits_each_member(shop: Shop) -> None:
    fred, greta = shop.join("fred", locale="fr"), shop.join("greta")
    agree(shop, shop.alice, fred, greta)
    with pytest.raises(Invalid, match="nothing is recommended yet"):
        campaign(shop, body="For you: {items}")
    others_buy(shop, TEA, CUP)
    others_buy(shop, SOAP, people=9)
    profile(shop, shop.alice, fred)
    shop.sell(lines=(CUP,), to=fred)
    work_out(shop)
    spring = campaign(shop, title="Spring", body={"en": "For you: {items}", "fr": "Pour vous : {items}"})

    send(shop, spring)

    said = {each.member_id: each.body for each in messages(shop, spring)}
    assert said[fred] == "Pour vous\u00a0: Green tea, A cup et Soap"
    # Alice has bought nothing, and of Greta nothing may be concluded: both read what is popular.
    assert said[shop.alice] == said[greta] == "For you: Soap, A cup, and Green tea"
    with shop.app.db.read() as tx:
        named = items_to_name(shop.app, tx, {greta: "en"}, program=shop.program, limit=1)
    assert named == {greta: "Soap"}


def kept(db: Database, member: UUID) -> list[str]:
    """What is kept of a member for segments."""
    with db.read() as tx:
        row = sql.first(tx, "SELECT skus FROM recommended_items WHERE member_id = :id", id=member)
    return list(row.skus) if row else []
