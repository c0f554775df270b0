"""Contests: chosen names, the ranking, and prizes that are given once after the last day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from tests.services.partners import CLUB, Places, with_partners
from tests.shop import NOON, Shop
from tests.store.threads import at_once
from wallet_api.clock import FixedClock
from wallet_api.domain.errors import AliasTaken, Invalid, NotFound, OutOfSeason
from wallet_api.services.contest import as_seen, award_prizes, contests_of, enter_contest, leave_contest
from wallet_api.services.identify import Who
from wallet_api.services.load_member import as_of_now
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.present import Json
from wallet_api.services.publish import publish
from wallet_api.services.record_activity import RecordActivity, record_activity
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import locks, sql
from wallet_api.store.ids import new_id

SPENDER = "big-spender"
"""By spend, from 10 to 12 March, in Paris; for the first a pair of shoes, for the second five euros off."""

LAST_MOMENT = datetime(2026, 3, 12, 22, 59, 59, tzinfo=UTC)
OVER = datetime(2026, 3, 12, 23, 0, tzinfo=UTC)


@pytest.fixture
def town(shop: Shop) -> Places:
    return with_partners(shop)


@pytest.fixture(autouse=True)
def the_ledger_is_right_afterwards(town: Places) -> object:
    yield
    assert list(verify_ledger(town.shop.app)) == []


def enter(town: Places, alias: str, *, member: UUID | None = None, contest: str = SPENDER) -> Json:
    app, shop = town.shop.app, town.shop
    with app.db.begin() as tx:
        return enter_contest(app, tx, member or shop.alice, contest, alias=alias, program=shop.program)


def leave(town: Places, member: UUID | None = None) -> None:
    with town.shop.app.db.begin() as tx:
        leave_contest(town.shop.app, tx, member or town.shop.alice, SPENDER, program=town.shop.program)


def seen(town: Places, contest: str = SPENDER, *, by: UUID | None = None) -> Json:
    app, shop = town.shop.app, town.shop
    with app.db.read() as tx:
        every = contests_of(app, tx, by or shop.alice, program=shop.program)
    return next(each for each in every if each["id"] == contest)


def ranking(town: Places) -> list[tuple[int, str, int]]:
    rows = seen(town)["ranking"]
    assert isinstance(rows, list)
    return [(row["place"], row["alias"], row["value"]) for row in rows]


def prizes_of(town: Places, member: UUID) -> list[str]:
    app = town.shop.app
    with app.db.read() as tx:
        vouchers = as_of_now(app, tx, member, now=app.clock.now()).state.vouchers.values()
    return sorted(voucher.reward for voucher in vouchers)


def run(town: Places, kilometres: str) -> None:
    wish = RecordActivity(
        who=Who(member_id=town.shop.alice),
        kind="run",
        external_id=str(new_id()),
        occurred_at=NOON,
        quantity=Decimal(kilometres),
    )
    with town.shop.app.db.begin() as tx:
        record_activity(town.shop.app, tx, town.shop.till, wish)


# ── The ranking ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_has_most_stands_first_and_of_equals_who_entered_first(town: Places, clock: FixedClock) -> None:
    people = {name: town.shop.join(name) for name in ("bob", "dora", "emil", "fay")}
    for name in ("fay", "emil", "dora", "bob"):
        clock.advance(timedelta(minutes=1))
        enter(town, name.upper(), member=people[name])
    for name, amount in {"bob": 50_00, "dora": 70_00, "emil": 50_00}.items():
        town.sell(amount, to=people[name])

    assert ranking(town) == [(1, "DORA", 70_00), (2, "EMIL", 50_00), (3, "BOB", 50_00), (4, "FAY", 0)]


def test_only_the_contests_own_days_count(town: Places, clock: FixedClock) -> None:
    enter(town, "Ace")
    clock.set(LAST_MOMENT)
    town.sell(10_00)
    clock.set(OVER)
    town.sell(100_00)

    assert ranking(town) == [(1, "Ace", 10_00)]


def test_a_return_and_purchases_at_partners_are_left_out(town: Places) -> None:
    enter(town, "Ace")
    sale = town.sell(10_00)
    town.sell(500_00, at=town.cinema)

    town.take_back(sale, amount=4_00)

    assert ranking(town) == [(1, "Ace", 6_00)]


def test_nobody_appears_who_did_not_enter(town: Places) -> None:
    bob = town.shop.join("bob")
    town.sell(500_00, to=bob)
    town.sell(10_00)

    enter(town, "Ace")

    assert ranking(town) == [(1, "Ace", 10_00)]
    assert seen(town, by=bob)["mine"] is None


def test_whoever_leaves_is_seen_no_more_and_may_come_back(town: Places) -> None:
    enter(town, "Ace")
    leave(town)
    leave(town)

    assert (ranking(town), seen(town)["mine"]) == ([], None)
    assert enter(town, "Ace")["mine"] is not None


def test_mine_is_told_although_ten_others_stand_before(town: Places) -> None:
    enter(town, "Slow")
    for number in range(11):
        friend = town.shop.join(f"friend-{number}")
        enter(town, f"Fast {number}", member=friend)
        town.sell(100_00 + number, to=friend)

    answer = seen(town)

    assert len(ranking(town)) == 10
    assert answer["mine"] == {"place": 12, "alias": "Slow", "value": 0, "text": "€0.00"}


def test_figures_are_said_for_people(town: Places) -> None:
    enter(town, "Ace")
    enter(town, "Runner", contest="marathon")
    town.sell(1_234_50)
    run(town, "12.5")

    assert seen(town)["mine"] == {"place": 1, "alias": "Ace", "value": 1_234_50, "text": "€1,234.50"}
    assert seen(town, "marathon")["mine"] == {"place": 1, "alias": "Runner", "value": 125, "text": "12.5 km"}


# ── Names ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_may_be_changed_and_the_old_one_is_free_again(town: Places) -> None:
    bob = town.shop.join("bob")
    enter(town, "Ace")
    enter(town, "King")

    enter(town, "Ace", member=bob)

    assert [alias for _, alias, _ in ranking(town)] == ["King", "Ace"]


@pytest.mark.parametrize(
    "alias", ["Ace", "ACE", "  ace ", "A\u200bce", "Ａｃｅ", "Ace\ufe0f", "\u202eAce", "Ace\u2800"]
)
def test_a_name_that_looks_the_same_is_taken(town: Places, alias: str) -> None:
    bob = town.shop.join("bob")
    enter(town, "Ace")

    with pytest.raises(AliasTaken):
        enter(town, alias, member=bob)

    assert ranking(town) == [(1, "Ace", 0)]


def test_accents_and_case_of_other_letters_are_known_too(town: Places) -> None:
    bob = town.shop.join("bob")
    enter(town, "Éva")

    with pytest.raises(AliasTaken):
        enter(town, "e\u0301VA", member=bob)


@pytest.mark.parametrize("alias", ["\u200b", " \u3000 ", "\u3164", "ﷺ" * 2])
def test_a_name_that_cannot_be_seen_or_grows_too_long_is_refused(town: Places, alias: str) -> None:
    with pytest.raises(Invalid) as refusal:
        enter(town, alias)

    assert refusal.value.pointer == "#/alias"


@pytest.mark.parametrize(
    ("alias", "name"),
    [("  The   Ace ", "The Ace"), ("李", "李"), ("❤\ufe0f Zoë", "❤ Zoë"), ("O'Neil-2 :)", "O'Neil-2 :)")],
)
def test_what_people_call_themselves_stays(alias: str, name: str) -> None:
    assert as_seen(alias) == name


def test_the_same_name_is_free_in_another_contest(town: Places) -> None:
    bob = town.shop.join("bob")
    enter(town, "Ace")

    enter(town, "Ace", member=bob, contest="marathon")

    assert ranking(town) == [(1, "Ace", 0)]


def test_of_two_who_want_one_name_at_once_one_gets_it(town: Places) -> None:
    people = [town.shop.join(f"friend-{number}") for number in range(4)]

    results = at_once([lambda member=member: enter(town, "Ace", member=member) for member in people])  # type: ignore[misc]  # a default binds the loop's value

    assert sorted(type(result).__name__ for result in results) == ["AliasTaken"] * 3 + ["dict"]
    assert [alias for _, alias, _ in ranking(town)] == ["Ace"]


def test_a_contest_can_be_entered_until_its_last_moment(town: Places, clock: FixedClock) -> None:
    bob = town.shop.join("bob")
    clock.set(LAST_MOMENT)
    enter(town, "Ace")
    clock.set(OVER)

    with pytest.raises(OutOfSeason):
        enter(town, "Late", member=bob)
    with pytest.raises(OutOfSeason):
        enter(town, "King")


def test_a_contest_that_is_not_there_is_not_found(town: Places) -> None:
    with pytest.raises(NotFound):
        enter(town, "Ace", contest="nothing")


# ── Prizes ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def bob(town: Places) -> UUID:
    """Second, after Alice."""
    bob = town.shop.join("bob")
    enter(town, "Ace")
    enter(town, "Bobby", member=bob)
    town.sell(70_00)
    town.sell(50_00, to=bob)
    return bob


def test_prizes_are_given_after_the_last_local_day_and_once(town: Places, bob: UUID, clock: FixedClock) -> None:
    clock.set(LAST_MOMENT)
    too_early = award_prizes(town.shop.app)
    clock.set(OVER)

    given = [award_prizes(town.shop.app) for _ in range(3)]

    assert (too_early, given) == (0, [2, 0, 0])
    assert (prizes_of(town, town.shop.alice), prizes_of(town, bob)) == (["shoes"], ["off-5"])


def test_what_comes_after_the_award_moves_no_prize(town: Places, bob: UUID, clock: FixedClock) -> None:
    dora = town.shop.join("dora")
    enter(town, "Dora", member=dora)
    clock.set(OVER)
    award_prizes(town.shop.app)

    town.shop.sell(500_00, to=dora, at=LAST_MOMENT)
    leave(town, bob)

    assert award_prizes(town.shop.app) == 0
    assert prizes_of(town, dora) == []
    assert [alias for _, alias, _ in ranking(town)] == ["Dora", "Ace"]


def test_a_late_sale_before_the_award_counts(town: Places, bob: UUID, clock: FixedClock) -> None:
    clock.set(OVER)
    town.shop.sell(30_00, to=bob, at=LAST_MOMENT)

    award_prizes(town.shop.app)

    assert (prizes_of(town, bob), prizes_of(town, town.shop.alice)) == (["shoes"], ["off-5"])


def test_nobody_wins_with_nothing_or_without_taking_part(town: Places, clock: FixedClock) -> None:
    bob, dora = town.shop.join("bob"), town.shop.join("dora")
    enter(town, "Ace")
    enter(town, "Bobby", member=bob)
    town.sell(1_00, to=bob)
    town.sell(900_00, to=dora)
    clock.set(OVER)

    assert award_prizes(town.shop.app) == 1
    assert [prizes_of(town, each) for each in (town.shop.alice, bob, dora)] == [[], ["shoes"], []]


def test_two_runs_at_once_give_each_prize_once(town: Places, bob: UUID, clock: FixedClock) -> None:
    clock.set(OVER)

    at_once([lambda: award_prizes(town.shop.app)] * 3)

    award_prizes(town.shop.app)  # what one run left because another had the member
    assert (prizes_of(town, town.shop.alice), prizes_of(town, bob)) == (["shoes"], ["off-5"])


def test_a_run_that_was_killed_between_two_prizes_is_gone_on_with(town: Places, bob: UUID, clock: FixedClock) -> None:
    clock.set(OVER)
    award_prizes(town.shop.app)
    with town.shop.app.db.begin() as tx:  # as if the process had ended after Bob's, but before it was noted
        sql.run(tx, "UPDATE contest_prizes SET given_at = NULL WHERE member_id = :bob", bob=bob)

    award_prizes(town.shop.app)

    assert prizes_of(town, bob) == ["off-5"]
    with town.shop.app.db.read() as tx:
        assert sql.one(tx, "SELECT count(*) AS n FROM contest_prizes WHERE given_at IS NULL").n == 0


def test_a_prize_that_cannot_be_given_holds_up_no_other(town: Places, bob: UUID, clock: FixedClock) -> None:
    clock.set(OVER)
    with town.shop.app.db.begin() as tx:
        locks.member(tx, town.shop.alice)  # somebody else has her for longer than one waits

        assert award_prizes(town.shop.app) == 1
    assert (prizes_of(town, town.shop.alice), prizes_of(town, bob)) == ([], ["off-5"])

    assert award_prizes(town.shop.app) == 1
    assert prizes_of(town, town.shop.alice) == ["shoes"]


def test_two_winners_who_turn_out_to_be_one_person_have_one_prize(town: Places, bob: UUID, clock: FixedClock) -> None:
    clock.set(OVER)
    award_prizes(town.shop.app)
    with town.shop.app.db.begin() as tx:  # as if the run had ended after Alice's prize
        sql.run(tx, "UPDATE contest_prizes SET given_at = NULL WHERE member_id = :bob", bob=bob)
        sql.run(tx, "DELETE FROM rule_counts WHERE member_id = :bob AND rule LIKE 'award:%'", bob=bob)
        merge_members(
            town.shop.app, tx, MergeWish(gone=bob, into=town.shop.alice, reason="married"), program=town.shop.program
        )

    award_prizes(town.shop.app)

    assert prizes_of(town, town.shop.alice) == ["off-5", "shoes"]  # what each had been given, and no third one


def test_a_contest_that_comes_again_has_prizes_again(town: Places, bob: UUID, clock: FixedClock) -> None:
    clock.set(OVER)
    award_prizes(town.shop.app)
    publish(town.shop.app, CLUB.replace("2026-03-10 to 2026-03-12", "2026-04-01 to 2026-04-01"), now=OVER)
    clock.set(datetime(2026, 4, 1, 12, 0, tzinfo=UTC))
    town.sell(5_00)
    clock.advance(timedelta(days=1))

    assert award_prizes(town.shop.app) == 1
    assert prizes_of(town, town.shop.alice) == ["shoes", "shoes"]
