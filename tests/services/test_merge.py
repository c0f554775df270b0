"""Merging two members: everything of one is the other's, nothing is counted twice, and it happens once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import partial
from uuid import UUID

import pytest

from tests.services.wishes import points_of, scan_at, sell_at, wish_of
from tests.shop import Shop
from tests.store.laws import available, entries_of
from tests.store.threads import at_once
from wallet_api.clock import FixedClock
from wallet_api.domain import errors
from wallet_api.domain.events import Line
from wallet_api.domain.state import MemberState
from wallet_api.services import load_member, show_member
from wallet_api.services.enrol_guest import Guest, enrol_guest
from wallet_api.services.find_member import find_member
from wallet_api.services.identify import Who
from wallet_api.services.invite import Invitation, invite
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.present import Json
from wallet_api.services.publish import publish
from wallet_api.services.referral import code_of
from wallet_api.services.verify_ledger import verify_ledger
from wallet_api.store import access, sql
from wallet_api.store.ids import new_id


@pytest.fixture
def bob(shop: Shop) -> UUID:
    """The member who turns out to be Alice."""
    return shop.join("bob")


@pytest.fixture(autouse=True)
def lawful(shop: Shop) -> Iterator[None]:
    """Whatever happened, every ledger adds up."""
    yield
    assert list(verify_ledger(shop.app)) == []


def merge(shop: Shop, gone: UUID, *, into: UUID | None = None) -> Json:
    """Maria merges a member into Alice, or into somebody else."""
    wish = MergeWish(gone=gone, into=into or shop.alice, reason="the same person")
    with shop.app.db.begin() as tx:
        return merge_members(shop.app, tx, wish, program=shop.program)


def state_of(shop: Shop, member_id: UUID) -> MemberState:
    """A member as they stand now."""
    with shop.app.db.read() as tx:
        return load_member.as_of_now(shop.app, tx, member_id, now=shop.app.clock.now()).state


def test_units_move_lot_by_lot_and_both_ledgers_tell_of_it(shop: Shop, bob: UUID) -> None:
    shop.sell(10_00)
    shop.sell(30_00, to=bob)

    answer = merge(shop, bob)

    assert points_of(answer) == 50 + 10 + 50 + 30
    assert (available(shop.app.db, shop.alice), available(shop.app.db, bob)) == (140, 0)
    moved = [entry for entry in entries_of(shop.app.db, shop.alice) if entry.kind == "adjust"]
    left = [entry for entry in entries_of(shop.app.db, bob) if entry.kind == "adjust"]
    assert [entry.amount for entry in moved] == [50, 30]
    assert [entry.amount for entry in left] == [-50, -30]
    with shop.app.db.begin() as tx:
        newest = show_member.entries(shop.app, tx, shop.alice, before=None, limit=1)
    assert newest[0]["why"] == "from another card of yours: the same person"


def test_what_is_counted_is_counted_together(shop: Shop, bob: UUID) -> None:
    shop.sell(300_00)
    shop.sell(200_00, to=bob)

    answer = merge(shop, bob)

    tier = answer["tier"]
    assert isinstance(tier, dict)
    assert tier["id"] == "silver"  # neither had reached 500
    assert state_of(shop, shop.alice).lifetime("points") == 50 + 300 + 50 + 200
    assert state_of(shop, bob).lifetime("points") == 0


def test_the_better_tier_stays(shop: Shop, bob: UUID) -> None:
    shop.sell(2_000_00, to=bob)

    merge(shop, bob)

    assert state_of(shop, shop.alice).tier == "gold"


@pytest.mark.parametrize("alice_is_invited", [True, False])
def test_the_higher_floor_stays_whoever_had_it(shop: Shop, bob: UUID, *, alice_is_invited: bool) -> None:
    invited, buyer = (shop.alice, bob) if alice_is_invited else (bob, shop.alice)
    with shop.app.db.begin() as tx:
        wish = Invitation(tier="silver", reason="a friend of the house")
        invite(shop.app, tx, invited, wish, program=shop.program)
    shop.sell(2_000_00, to=buyer)

    merge(shop, bob)

    standing = state_of(shop, shop.alice).standing
    assert standing is not None
    assert (standing.tier, standing.floor, standing.floor_until) == ("gold", "silver", None)


@pytest.mark.parametrize("alice_has_longer", [True, False])
def test_of_two_floors_of_one_tier_the_longer_stays(shop: Shop, bob: UUID, *, alice_has_longer: bool) -> None:
    longer, shorter = date(2028, 5, 31), date(2026, 5, 31)
    ends = {shop.alice: longer, bob: shorter} if alice_has_longer else {shop.alice: shorter, bob: longer}
    for member, until in ends.items():
        with shop.app.db.begin() as tx:
            wish = Invitation(tier="silver", reason="a friend of the house", until=until)
            invite(shop.app, tx, member, wish, program=shop.program)

    merge(shop, bob)

    standing = state_of(shop, shop.alice).standing
    assert standing is not None
    assert (standing.tier, standing.floor, standing.floor_until) == ("silver", "silver", longer)


def test_a_limit_holds_for_the_person(shop: Shop, bob: UUID, clock: FixedClock) -> None:
    with shop.app.db.read() as tx:
        source = str(sql.one(tx, "SELECT source FROM program_versions").source)
    limited = source.replace("gives: {money_off: 5.00}", "gives: {money_off: 5.00}\n    limit: 1 per year")
    publish(shop.app, limited, now=clock.now())
    shop.sell(200_00)
    shop.sell(200_00, to=bob)
    shop.redeem("off-5", by=bob)

    merge(shop, bob)

    with pytest.raises(errors.LimitReached):
        shop.redeem("off-5")


def test_vouchers_go_along(shop: Shop, bob: UUID) -> None:
    shop.sell(200_00, to=bob)
    voucher = shop.redeem("off-5", by=bob)

    merge(shop, bob)

    assert shop.sell(10_00, vouchers=(str(voucher["code"]),))["paid"] == 5_00


def test_a_sale_of_before_can_be_returned_in_parts(shop: Shop, bob: UUID) -> None:
    sale = shop.sell(lines=(Line(sku="tea", amount=60_00, quantity=6),), to=bob)
    shop.take_back(sale, amount=10_00)
    merge(shop, bob)

    backs = [shop.take_back(sale, amount=amount) for amount in (20_00, None)]

    assert [back["refund"] for back in backs] == [20_00, 30_00]
    assert available(shop.app.db, shop.alice) == 100  # two welcome gifts
    with pytest.raises(errors.ReturnExceedsSale):
        shop.take_back(sale)


def test_a_debt_goes_along(shop: Shop, bob: UUID) -> None:
    sale = shop.sell(200_00, to=bob)
    shop.redeem("off-5", by=bob)
    shop.take_back(sale)
    assert available(shop.app.db, bob) == -150

    answer = merge(shop, bob)

    assert points_of(answer) == -100
    assert available(shop.app.db, bob) == 0


def test_a_debt_of_the_one_who_stays_is_repaid(shop: Shop, bob: UUID) -> None:
    sale = shop.sell(200_00)
    shop.redeem("off-5")
    shop.take_back(sale)

    answer = merge(shop, bob)

    assert points_of(answer) == -150 + 50


def test_what_a_till_holds_is_given_back_first(shop: Shop, bob: UUID) -> None:
    shop.sell(200_00, to=bob)
    held = shop.hold("off-5", by=bob)

    answer = merge(shop, bob)

    assert points_of(answer) == 50 + 50 + 200
    assert shop.release(held)["status"] == "released"


def test_the_old_card_leads_to_who_stayed(shop: Shop, bob: UUID) -> None:
    code = shop.code(bob)

    merge(shop, bob)

    scan = scan_at(shop, shop.till, code)
    assert isinstance(scan["member"], dict)
    assert scan["member"]["id"] == shop.alice
    assert scan["card"] == {"number": code[1:15], "status": "merged"}
    sale = sell_at(shop, shop.till, wish_of(shop, 10_00, who=Who(scan_id=UUID(str(scan["scan_id"])))))
    assert points_of(sale) == 110


def test_a_scan_of_a_moment_ago_leads_to_who_stayed(shop: Shop, bob: UUID) -> None:
    scan = scan_at(shop, shop.till, shop.code(bob))

    merge(shop, bob)

    sale = sell_at(shop, shop.till, wish_of(shop, 10_00, who=Who(scan_id=UUID(str(scan["scan_id"])))))
    assert points_of(sale) == 110


def test_an_id_and_an_address_lead_to_who_stayed(shop: Shop, bob: UUID) -> None:
    merge(shop, bob)

    assert points_of(shop.sell(10_00, to=bob)) == 110
    with shop.app.db.read() as tx:
        assert find_member(tx, shop.program, "bob@example.org") == shop.alice


def test_a_receipt_of_before_gets_its_answer_again(shop: Shop, bob: UUID) -> None:
    first = shop.sell(10_00, to=bob, receipt="r-1")

    merge(shop, bob)

    assert shop.sell(10_00, to=bob, receipt="r-1")["id"] == str(first["id"])
    with pytest.raises(errors.DuplicateReceipt):
        shop.sell(20_00, to=bob, receipt="r-1")


def test_sessions_of_the_one_who_went_end(shop: Shop, bob: UUID) -> None:
    now = shop.app.clock.now()
    with shop.app.db.begin() as tx:
        session = access.add_session(tx, shop.program, member_id=bob, staff_id=None, now=now)
    assert shop.app.session_is_open(session)

    merge(shop, bob)

    assert not shop.app.session_is_open(session)


def test_a_guest_who_is_merged_into_keeps_the_others_address(shop: Shop, bob: UUID) -> None:
    with shop.app.db.begin() as tx:
        guest = enrol_guest(shop.app, tx, shop.till, Guest(given_name="Robert", terms=True))
    carried = UUID(str(guest["id"]))

    merge(shop, bob, into=carried)

    with shop.app.db.read() as tx:
        row = sql.one(tx, "SELECT email, given_name, status FROM members WHERE id = :id", id=carried)
    assert tuple(row) == ("bob@example.org", "Robert", "active")


def test_who_was_invited_by_the_other_is_not_invited_by_themself(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        code = code_of(tx, shop.alice)
    bob = shop.join("bob", referral_code=code)

    merge(shop, shop.alice, into=bob)

    assert state_of(shop, bob).referred_by is None


def test_merging_again_changes_nothing(shop: Shop, bob: UUID) -> None:
    first = merge(shop, bob)

    again = merge(shop, bob)

    assert again == first
    assert len(entries_of(shop.app.db, bob)) == 2


def test_a_chain_of_merges_leads_to_the_last(shop: Shop, bob: UUID) -> None:
    dora = shop.join("dora")
    sale = shop.sell(10_00, to=bob)
    merge(shop, bob, into=dora)
    shop.take_back(sale, amount=5_00)

    merge(shop, dora)

    assert points_of(shop.sell(1_00, to=bob)) == 150 + 5 + 1
    assert points_of(shop.take_back(sale)) == 150 + 1


@pytest.mark.parametrize("other_way", [False, True])
def test_two_merges_at_once_move_everything_once(shop: Shop, bob: UUID, other_way: bool) -> None:
    shop.sell(10_00, to=bob)

    calls = [
        partial(merge, shop, bob),
        partial(merge, shop, shop.alice, into=bob) if other_way else partial(merge, shop, bob),
    ]
    outcomes = at_once(calls)

    refused = [outcome for outcome in outcomes if isinstance(outcome, errors.Refusal)]
    assert [type(refusal) for refusal in refused] == ([errors.NotFound] if other_way else [])
    assert available(shop.app.db, shop.alice) + available(shop.app.db, bob) == 110


def test_sales_during_a_merge_are_all_there(shop: Shop, bob: UUID) -> None:
    calls = [partial(merge, shop, bob), *[partial(shop.sell, 10_00, to=bob)] * 4]

    outcomes = at_once(calls)

    # A sale that waited for the merge is asked to come again, and then finds Alice.
    late = [outcome for outcome in outcomes if isinstance(outcome, errors.Refusal)]
    assert {type(refusal) for refusal in late} <= {errors.Busy}
    for _ in late:
        shop.sell(10_00, to=bob)
    assert available(shop.app.db, shop.alice) == 140


def test_nobody_is_merged_into_themself_or_into_nobody(shop: Shop, bob: UUID) -> None:
    with pytest.raises(errors.Invalid):
        merge(shop, bob, into=bob)
    with pytest.raises(errors.NotFound):
        merge(shop, bob, into=new_id())
    with pytest.raises(errors.NotFound):
        merge(shop, new_id())


def test_who_has_been_merged_is_merged_into_nobody_else(shop: Shop, bob: UUID) -> None:
    dora = shop.join("dora")
    merge(shop, bob)

    with pytest.raises(errors.NotFound):
        merge(shop, bob, into=dora)
    with pytest.raises(errors.NotFound):
        merge(shop, dora, into=bob)
