"""What a card's passes show: drawn from what a member has, in the member's language."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from passes.apple.images import brand_images
from passes.apple.pass_json import pass_json
from passes.face import CardFace, FaceCurrency, FaceLink, FaceProgress
from tests.shop import PROGRAMS, Shop, open_shop
from wallet_api.clock import FixedClock
from wallet_api.domain.definition import DayRange
from wallet_api.domain.events import Line, PlanAction
from wallet_api.program_file import DefinitionFaults
from wallet_api.services import card_face, show_card
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.plan import PlanWish, change_plan
from wallet_api.services.publish import check, publish
from wallet_api.services.start_promotion import start_promotion
from wallet_api.store import programs, sql
from wallet_api.store.cards import Card
from wallet_api.store.ids import new_id
from wallet_api.store.programs import Location
from wallet_api.store.session import Database


def face_of(shop: Shop, member_id: UUID | None = None) -> CardFace:
    """What a member's passes show now; every face that comes out here can be made into a pass."""
    with shop.app.db.read() as tx:
        return made(shop, show_card.card_of(tx, member_id or shop.alice))


def made(shop: Shop, card: Card) -> CardFace:
    with shop.app.db.read() as tx:
        face = card_face.face_of(shop.app, tx, card, now=shop.app.clock.now())
    pass_json(face, pass_type_id="pass.example.carnet", team_id="CARNET0001")
    return face


def republish(shop: Shop, *, more: str, program: str = "points-tiers") -> None:
    """The program's next version: the same with something more, or with something else in its place."""
    text = (PROGRAMS / f"{program}.yaml").read_text(encoding="utf-8")
    key = more.split(":", maxsplit=1)[0]
    assert f"\n{key}:" not in text
    publish(shop.app, f"{text}\n{more}\n", now=shop.app.clock.now())


def coffees(number: int) -> tuple[Line, ...]:
    return (Line(sku="latte", amount=350 * number, quantity=number, tags=frozenset({"coffee"})),)


def test_a_member_sees_the_way_to_the_next_tier_and_to_the_next_reward(shop: Shop) -> None:
    shop.sell(12_000)

    face = face_of(shop)

    assert face.tier is not None
    assert face.tier.name == "Bronze"
    assert [balance.amount for balance in face.balances] == ["170"]
    assert face.next_tier == "€380.00 more in 2026 for Silver"
    assert face.next_reward == "30 points more for €5 off"
    assert face.progress == FaceProgress(kind="tier", done=12_000, needed=50_000, label="€380.00 more for Silver")
    assert face.rewards == ()


def test_who_is_at_the_top_sees_the_way_to_the_next_reward_or_none(shop: Shop) -> None:
    shop.sell(200_000)
    rich = face_of(shop)
    shop.redeem("off-5", quantity=10)

    poor = face_of(shop)

    assert (rich.next_tier, rich.next_reward, rich.progress) == (None, None, None)
    assert rich.rewards == ("€5 off",)
    assert poor.progress == FaceProgress(kind="reward", done=50, needed=200, label="150 points more for €5 off")
    assert poor.rewards == ("10 × €5 off",)  # the vouchers that they hold


def test_what_a_pass_says_it_says_in_the_members_language(shop: Shop) -> None:
    bob = shop.join("bob", locale="fr")

    face = face_of(shop, bob)

    assert face.next_tier == "encore 500,00\N{NO-BREAK SPACE}€ en 2026 pour Argent"
    assert face.next_reward == "encore 150 points pour 5\N{NO-BREAK SPACE}€ offerts"
    assert face.locations is not None
    assert [place.text for place in face.locations] == ["Votre carte pour Paris"]


def test_stamps_are_counted_up_to_the_reward_that_they_turn_into(db: Database, clock: FixedClock) -> None:
    shop = open_shop(db, clock, program="stamp-card")
    bob = shop.join("bob", locale="fr")
    shop.sell(lines=coffees(7), to=bob)

    seven = face_of(shop, bob)
    shop.sell(lines=coffees(3), to=bob)
    ten = face_of(shop, bob)

    assert seven.next_reward == "encore 2 tampons pour Café offert"
    assert seven.progress == FaceProgress(kind="stamps", done=7, needed=9, label=seven.next_reward)
    assert ten.progress is not None
    assert (ten.progress.done, ten.next_reward) == (1, "encore 8 tampons pour Café offert")
    assert ten.rewards == ("Café offert",)


def test_stamps_that_a_return_took_back_twice_are_still_missing(db: Database, clock: FixedClock) -> None:
    shop = open_shop(db, clock, program="stamp-card")
    nine = shop.sell(lines=coffees(9))
    shop.take_back(nine)

    face = face_of(shop)

    assert [balance.amount for balance in face.balances] == ["-9"]
    assert face.progress == FaceProgress(kind="stamps", done=-9, needed=9, label="18 stamps more for Free coffee")


def test_a_unit_that_is_worth_money_is_shown_as_money(db: Database, clock: FixedClock) -> None:
    shop = open_shop(db, clock, program="cash-back")
    shop.sell(72_500)

    (balance,) = face_of(shop).balances

    assert (balance.amount, balance.raw) == ("€21.75", 2_175)
    assert balance.currency == FaceCurrency(code="EUR", digits=2)


def test_what_expires_next_is_told_with_its_last_day(shop: Shop, clock: FixedClock) -> None:
    text = (PROGRAMS / "points-tiers.yaml").read_text(encoding="utf-8")
    dated = text.replace("  points:\n", "  points:\n    expires: {after: 6 months}\n")
    publish(shop.app, dated, now=clock.now())
    shop.sell(3_000)
    clock.set(datetime(2026, 4, 20, 12, 0, tzinfo=UTC))
    shop.sell(1_000)

    face = face_of(shop)

    assert face.expiry == "30 points, until September 9, 2026"


def test_promotions_that_are_on_today_are_told_with_their_last_day(shop: Shop, clock: FixedClock) -> None:
    republish(
        shop,
        more="promotions:\n"
        "  - {id: week, multiply: 2, days: [2026-03-09 to 2026-03-15], name: {en: Double points, fr: Points doublés}}\n"
        "  - {id: day, multiply: 3, days: [2026-03-10], name: {en: Triple points, fr: Points triplés}}\n"
        "  - {id: past, multiply: 2, days: [2026-03-09], name: Yesterday}\n"
        "  - {id: gold, multiply: 2, days: [2026-03-10], tiers: [gold], name: Gold day}\n"
        "  - {id: yours, multiply: 2, days: [2026-03-10], birthday_month: yes, name: Birthday}\n"
        "  - {id: always, multiply: 2, weekdays: [Tuesday], name: Tuesdays}\n"
        "  - {id: wanted, multiply: 2, days: [], name: On demand}\n"
        "  - {id: nameless, multiply: 2, days: [2026-03-10]}",
    )

    today = face_of(shop).promotion
    start_promotion(shop.app, shop.program, "wanted", days=DayRange(first=date(2026, 3, 1), last=date(2026, 3, 12)))
    started = face_of(shop).promotion
    clock.set(datetime(2026, 3, 16, 12, 0, tzinfo=UTC))

    assert today == "Triple points, until March 10, 2026\nDouble points, until March 15, 2026"
    assert started is not None
    assert started.splitlines()[1] == "On demand, until March 12, 2026"
    assert face_of(shop).promotion is None


def test_a_brands_links_stand_on_the_pass_in_two_languages(shop: Shop) -> None:
    republish(shop, more="brand:\n  links:\n    - {name: {en: Shop, fr: Boutique}, url: 'https://shop.example'}")

    brand = face_of(shop).brand

    assert brand.links == (FaceLink(label="Shop", url="https://shop.example"),)
    assert ("Shop", "fr", "Boutique") in {(each.text, each.language, each.says) for each in brand.translations}
    assert len(brand_images(brand)) == 6


def place(shop: Shop, code: str, latitude: float, longitude: float) -> Location:
    with shop.app.db.begin() as tx:
        here = Location(
            id=new_id(), program_id=shop.program, code=code, name=code, latitude=latitude, longitude=longitude
        )
        return programs.add_location(tx, here)


def shown_places(shop: Shop) -> list[str]:
    locations = face_of(shop).locations
    assert locations is not None
    return [location.text.removeprefix("Your card for ") for location in locations]


def test_up_to_ten_shops_are_all_on_the_pass_and_one_without_a_place_is_not(shop: Shop) -> None:
    for number in range(9):
        place(shop, f"shop-{number}", 48 + number / 100, 2)
    with shop.app.db.begin() as tx:
        nowhere = Location(id=new_id(), program_id=shop.program, code="web", name="web", latitude=None, longitude=None)
        programs.add_location(tx, nowhere)

    assert shown_places(shop) == ["Paris", *(f"shop-{number}" for number in range(9))]


def test_of_many_shops_those_around_the_usual_one_are_on_the_pass(shop: Shop) -> None:
    for number in range(12):
        place(shop, f"a-{number:02}", 40 + number, 2)
    for number in range(12):
        place(shop, f"fiji-{number:02}", -17, 179.9 if number % 2 else -179.9)
    without = shown_places(shop)
    shop.sell(1_000)

    around_paris = shown_places(shop)
    with shop.app.db.begin() as tx:
        sql.run(
            tx,
            "UPDATE transactions SET location_id = (SELECT id FROM locations WHERE code = 'fiji-00') WHERE member_id = :id",
            id=shop.alice,
        )

    assert without == [f"a-{number:02}" for number in range(10)]
    assert around_paris[:4] == ["Paris", "a-09", "a-08", "a-10"]
    assert len(around_paris) == 10
    assert shown_places(shop)[0] == "fiji-00"
    assert all(name.startswith("fiji") for name in shown_places(shop))  # on both sides of the date line


@pytest.mark.parametrize(
    ("status", "is_void"), [("active", False), ("blocked", True), ("replaced", True), ("merged", False)]
)
def test_a_card_that_no_till_takes_is_void(shop: Shop, status: str, is_void: bool) -> None:
    with shop.app.db.begin() as tx:
        card = show_card.card_of(tx, shop.alice)
        sql.run(tx, "UPDATE cards SET status = :status WHERE id = :id", status=status, id=card.id)

    face = made(shop, Card(**{**card.__dict__, "status": status}))

    assert face.voided is is_void


def test_the_card_of_a_member_who_was_merged_goes_on_as_the_others(shop: Shop) -> None:
    bob = shop.join("bob")
    with shop.app.db.read() as tx:
        bobs = show_card.card_of(tx, bob)
    shop.sell(3_000)
    with shop.app.db.begin() as tx:
        merge_members(
            shop.app, tx, MergeWish(gone=bob, into=shop.alice, reason="the same person"), program=shop.program
        )
        merged = sql.one(tx, "SELECT status FROM cards WHERE id = :id", id=bobs.id)

    face = made(shop, Card(**{**bobs.__dict__, "status": merged.status}))

    assert merged.status == "merged"
    assert not face.voided
    assert (face.card_number, face.holder) == (bobs.number, "Alice")
    assert face.balances == face_of(shop).balances


def change_membership(shop: Shop, action: PlanAction, *, plan: str | None = None) -> None:
    with shop.app.db.begin() as tx:
        change_plan(shop.app, tx, shop.alice, PlanWish(action=action, plan=plan), program=shop.program)


def test_a_membership_that_was_cancelled_ends_the_card_with_it(db: Database, clock: FixedClock) -> None:
    shop = open_shop(db, clock, program="amazon-prime")
    before = face_of(shop)
    change_membership(shop, PlanAction.START, plan="monthly")
    running = face_of(shop)
    change_membership(shop, PlanAction.CANCEL)
    cancelled = face_of(shop)
    clock.set(datetime(2026, 6, 1, 12, 0, tzinfo=UTC))

    ended = face_of(shop)

    assert [(face.voided, face.expires_at) for face in (before, running)] == [(False, None)] * 2
    assert cancelled.expires_at is not None
    assert not cancelled.voided
    assert cancelled.expires_at > datetime(2026, 3, 10, tzinfo=UTC)
    assert ended.voided


def test_who_has_units_keeps_the_card_when_the_membership_ends(shop: Shop, clock: FixedClock) -> None:
    republish(shop, more="membership:\n  plans:\n    plus: {fee: 5.00, every: 1 month}\n  trial: 30 days")
    change_membership(shop, PlanAction.START, plan="plus")
    change_membership(shop, PlanAction.CANCEL)
    clock.set(datetime(2026, 6, 1, 12, 0, tzinfo=UTC))

    face = face_of(shop)

    assert (face.voided, face.expires_at) == (False, None)


def test_a_hostile_name_never_keeps_a_member_from_their_pass(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE members SET given_name = :name WHERE id = :id", name="\u202ebob\x1b" * 80, id=shop.alice)

    face = face_of(shop)

    document = pass_json(face, pass_type_id="pass.example.carnet", team_id="CARNET0001").decode()
    assert "\u202e" not in document
    assert "bob bob" in document


def test_nfc_readers_hear_the_static_code_where_their_key_is_set(shop: Shop) -> None:
    key = "MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACJSSx/wk8yJFezle8j14BEN5cso4ZvvyfJBLWLKX4Yro="
    settings = replace(shop.app.settings, apple_nfc_public_key=key)

    without, with_key = face_of(shop), face_of(replace(shop, app=replace(shop.app, settings=settings)))

    assert without.nfc is None
    assert with_key.nfc is not None
    assert (with_key.nfc.message, with_key.nfc.public_key) == (with_key.static_code, key)


@pytest.mark.parametrize(
    ("size", "why"),
    [((60_000, 60_000), "4,000,000 pixels"), ((8, 8), "smaller than 16 pixels"), ((2_000, 20), "10 times as wide")],
)
def test_a_logo_of_which_no_pass_can_be_made_is_not_published(size: tuple[int, int], why: str) -> None:
    """The first says in its head what would unpack to 14 gigabytes; nobody unpacks it."""
    head = b"IHDR" + struct.pack(">2L5B", *size, 8, 6, 0, 0, 0)
    logo = b"\x89PNG\r\n\x1a\n" + struct.pack(">L", 13) + head + struct.pack(">L", zlib.crc32(head))
    text = (PROGRAMS / "points-tiers.yaml").read_text(encoding="utf-8")
    brand = f"brand: {{logo: 'data:image/png;base64,{base64.b64encode(logo).decode()}'}}"

    with pytest.raises(DefinitionFaults, match=rf"brand\.logo: the logo .*{why}"):
        check(f"{text}\n{brand}\n")
