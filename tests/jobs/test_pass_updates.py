"""Passes follow what happens: which changes count, when devices are woken, and what they then hear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from passes.apple.development import development_certificates
from passes.apple.signing import Signer
from standins.apns import ApnsStandIn
from tests.jobs.world import World, open_world
from tests.shop import NOON, PROGRAMS, Shop
from tests.store.threads import at_once
from wallet_api.clock import FixedClock
from wallet_api.domain.definition import DayRange
from wallet_api.domain.events import Adjust
from wallet_api.jobs.deliver import Line, deliver
from wallet_api.jobs.expand import expand
from wallet_api.jobs.pass_updates import refresh_all
from wallet_api.jobs.post_due import post_all_due
from wallet_api.jobs.senders.apple import AppleSender
from wallet_api.jobs.senders.sender import Result
from wallet_api.services import load_member, show_card, wallet_service
from wallet_api.services.app import App
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.services.publish import publish
from wallet_api.services.start_promotion import start_promotion
from wallet_api.services.wallet_service import Changes
from wallet_api.store import passes, programs, sql
from wallet_api.store.deliveries import Delivery
from wallet_api.store.ids import new_id
from wallet_api.store.passes import Held
from wallet_api.store.programs import Location

TYPE = "pass.example.carnet"
TEAM = "CARNET0001"
PAUSE = timedelta(seconds=30)
SOON = timedelta(seconds=5)
LONG = 100.0


@pytest.fixture(scope="module")
def signer() -> Signer:
    made = development_certificates(pass_type_id=TYPE, team_id=TEAM, now=NOON)
    return Signer.load(cert_pem=made.cert_pem, key_pem=made.key_pem, password=None, wwdr_pem=made.wwdr_pem)


@pytest.fixture
def shop(shop: Shop, signer: Signer) -> Shop:
    return replace(shop, app=replace(shop.app, apple=signer))


@dataclass(frozen=True, kw_only=True)
class Phone:
    """A device that holds a member's pass."""

    app: App
    card_id: UUID
    id: str = "alices-phone"
    push_token: str = "ab" * 32
    type_id: str = TYPE

    def add(self) -> Phone:
        """Download the pass and register."""
        self.look()
        self.register()
        return self

    def look(self) -> Any:
        found = wallet_service.newest_pass(
            self.app, pass_type_id=self.type_id, serial=str(self.card_id), token=self.app.pass_token(self.card_id)
        )
        assert found is not None
        return found

    def register(self) -> bool | None:
        return wallet_service.register(
            self.app,
            device_id=self.id,
            pass_type_id=self.type_id,
            serial=str(self.card_id),
            token=self.app.pass_token(self.card_id),
            push_token=self.push_token,
        )

    def unregister(self) -> bool:
        return wallet_service.unregister(
            self.app,
            device_id=self.id,
            pass_type_id=self.type_id,
            serial=str(self.card_id),
            token=self.app.pass_token(self.card_id),
        )

    def ask(self, tag: str | None = None) -> Changes | None:
        return wallet_service.changes(self.app, device_id=self.id, pass_type_id=self.type_id, since=tag)

    @property
    def tag(self) -> str:
        """The tag of what there is now."""
        told = self.ask()
        assert told is not None
        return told.tag

    def fetch(self) -> None:
        wallet_service.note_fetch(self.app, self.look())


def card_of(shop: Shop, member: UUID | None = None) -> UUID:
    with shop.app.db.read() as tx:
        return show_card.card_of(tx, member or shop.alice).id


def phone_of(shop: Shop, member: UUID | None = None, **differs: str) -> Phone:
    return Phone(app=shop.app, card_id=card_of(shop, member), **differs).add()


@pytest.fixture
def phone(shop: Shop) -> Phone:
    """Alice's phone; what joining brought is behind her."""
    phone = phone_of(shop)
    expand(shop.app)
    refresh_all(shop.app, seconds=LONG)
    return phone


def pushes(shop: Shop) -> list[tuple[str, str, timedelta]]:
    """Every push that was filed: to whom, its status, and how long after noon it is due."""
    with shop.app.db.read() as tx:
        rows = sql.every(
            tx, "SELECT target, status, next_try_at FROM deliveries WHERE channel = 'apple' ORDER BY next_try_at, id"
        )
    return [(row.target, row.status, row.next_try_at - NOON) for row in rows]


def push(shop: Shop) -> None:
    """The worker sends what is due, and APNs takes it."""
    now = shop.app.clock.now()
    with shop.app.db.begin() as tx:
        due = sql.every(
            tx,
            "UPDATE deliveries SET status = 'accepted' WHERE channel = 'apple' AND status = 'waiting'"
            " AND next_try_at <= :now RETURNING target",
            now=now,
        )
        passes.wake(tx, [(row.target, TYPE) for row in due], now=now)


# ── What counts as a change ──────────────────────────────────────────────────────────────────────────────────────


def test_a_sale_changes_the_pass_and_wakes_its_phone_at_once(shop: Shop, phone: Phone) -> None:
    tag = phone.tag

    shop.sell(1_000)
    expand(shop.app)

    assert phone.ask(tag) == Changes(serials=(str(phone.card_id),), tag=phone.tag)
    assert phone.tag != tag
    assert pushes(shop) == [(phone.id, "waiting", timedelta())]


def test_what_the_pass_does_not_show_changes_nothing(shop: Shop, phone: Phone) -> None:
    tag, before = phone.tag, phone.look()

    shop.visit()
    expand(shop.app)

    assert phone.ask(tag) is None
    assert phone.look().updated_at == before.updated_at
    assert pushes(shop) == []


def test_what_nobody_is_told_of_reaches_the_pass_and_fills_no_outbox_for_those_without_one(
    shop: Shop, phone: Phone, clock: FixedClock
) -> None:
    tag, bob, now = phone.tag, shop.join("bob"), clock.now()
    expand(shop.app)
    with shop.app.db.begin() as tx:
        for member_id in (shop.alice, bob):
            member = load_member.locked(shop.app, tx, member_id, at=now, now=now)
            event = Adjust(id=new_id(), occurred_at=now, unit="points", amount=7, reason="of old")
            load_member.post(tx, member, event, now=now, quiet=True)
        waiting = [(row.member_id, row.notices) for row in sql.every(tx, "SELECT member_id, notices FROM outbox")]

    expand(shop.app)

    assert waiting == [(shop.alice, [])]
    assert phone.ask(tag) is not None
    assert phone.look().face.balances[0].raw == 57


def test_what_time_brings_reaches_the_pass(shop: Shop, phone: Phone, clock: FixedClock) -> None:
    shop.sell(50_000)
    expand(shop.app)
    tag = phone.tag

    clock.set(datetime.fromisoformat("2027-12-31T23:30:00Z"))  # in Paris the next year has begun
    post_all_due(shop.app)
    expand(shop.app)

    assert phone.ask(tag) is not None
    assert phone.look().face.tier.id == "bronze"


@pytest.mark.parametrize("what", ["a new version", "a promotion", "a day", "a location"])
def test_what_all_passes_depend_on_reaches_every_phone(
    shop: Shop, clock: FixedClock, signer: Signer, what: str
) -> None:
    _publish(shop, PROMOTED)
    bob = shop.join("bob")
    phones = [phone_of(shop), phone_of(shop, bob, id="bobs-phone", push_token="cd" * 32)]
    expand(shop.app)
    refresh_all(shop.app, seconds=LONG)
    push(shop)
    tags = [phone.tag for phone in phones]
    clock.advance(PAUSE)

    match what:
        case "a new version":
            _publish(shop, PROMOTED.replace("name: Points and Tiers", "name: The Club"))
        case "a promotion":
            start_promotion(shop.app, shop.program, "started", days=DayRange(first=DAY, last=DAY))
        case "a day":
            clock.set(datetime.fromisoformat("2026-03-19T23:00:00Z"))  # midnight in Paris
        case "a location":
            with shop.app.db.begin() as tx:
                programs.add_location(
                    tx,
                    Location(
                        id=new_id(), program_id=shop.program, code="lyon", name="Lyon", latitude=45.76, longitude=4.84
                    ),
                )
    refresh_all(shop.app, seconds=LONG)

    assert all(phone.ask(tag) is not None for phone, tag in zip(phones, tags, strict=True))
    assert [(target, status) for target, status, _ in pushes(shop) if status == "waiting"] == [
        ("alices-phone", "waiting"),
        ("bobs-phone", "waiting"),
    ]


DAY = date(2026, 3, 10)
PROMOTED = (
    (PROGRAMS / "points-tiers.yaml")
    .read_text(encoding="utf-8")
    .replace(
        "\ntiers:\n",
        """
promotions:
  - id: spring
    multiply: 2
    days: [2026-03-20 to 2026-03-21]
    name: {en: Double points, fr: Points doublés}
  - id: started
    multiply: 3
    days: []
    name: {en: Triple points, fr: Points triplés}

tiers:
""",
        1,
    )
)


def _publish(shop: Shop, text: str) -> None:
    publish(shop.app, text, now=shop.app.clock.now())


def test_a_walk_that_was_cut_short_goes_on_and_one_that_is_done_rests(shop: Shop, clock: FixedClock) -> None:
    phones = [phone_of(shop)]
    for number in range(4):
        member = shop.join(f"member{number}")
        phones.append(phone_of(shop, member, id=f"phone-{number}", push_token=f"{number:02x}" * 32))
    expand(shop.app)
    refresh_all(shop.app, seconds=LONG)
    tags = [phone.tag for phone in phones]
    _publish(shop, PROMOTED.replace("name: Points and Tiers", "name: The Club"))

    done = [refresh_all(shop.app, seconds=0, batch=2) for _ in range(3)]

    assert done == [False, False, True]
    assert all(phone.ask(tag) is not None for phone, tag in zip(phones, tags, strict=True))
    filed = pushes(shop)
    assert refresh_all(shop.app, seconds=0, batch=1)  # nothing is left to be looked at
    assert pushes(shop) == filed


def test_passes_that_no_device_holds_are_not_walked_through(shop: Shop) -> None:
    held, loose = phone_of(shop), Phone(app=shop.app, card_id=card_of(shop, shop.join("bob")))
    loose.look()
    expand(shop.app)
    refresh_all(shop.app, seconds=LONG)
    before = loose.look()
    _publish(shop, PROMOTED.replace("name: Points and Tiers", "name: The Club"))

    refresh_all(shop.app, seconds=LONG)

    with shop.app.db.read() as tx:
        walked, left = passes.of_card(tx, held.card_id), passes.of_card(tx, loose.card_id)
    assert walked is not None
    assert left is not None
    assert (walked.tag > 0, left.tag) == (True, before.tag)
    assert loose.look().tag > before.tag  # whoever asks for it has the new one all the same


def test_a_pass_that_cannot_be_made_holds_up_no_other(shop: Shop, phone: Phone) -> None:
    member = shop.join("bob")
    bob = phone_of(shop, member, id="bobs-phone", push_token="cd" * 32)
    expand(shop.app)
    tag = bob.tag
    shop.sell(1_000)
    shop.sell(1_000, to=member)
    with shop.app.db.begin() as tx:  # as after a fault of ours: no code can be drawn with such a key
        sql.run(tx, "UPDATE cards SET key_version = -1 WHERE id = :id", id=phone.card_id)

    with capture_logs() as logs:
        expand(shop.app)

    assert bob.ask(tag) is not None
    assert [entry["card"] for entry in logs if entry["event"] == "pass cannot be made"] == [str(phone.card_id)]


def test_the_pass_of_a_member_who_was_merged_goes_on_as_the_others(shop: Shop, phone: Phone) -> None:
    bob = shop.join("bob")
    tag = phone.tag
    with shop.app.db.begin() as tx:
        merge_members(shop.app, tx, MergeWish(gone=shop.alice, into=bob, reason="one person"), program=shop.program)
    expand(shop.app)
    merged = phone.ask(tag)
    assert merged is not None

    shop.sell(1_000, to=bob)
    expand(shop.app)

    assert phone.ask(merged.tag) is not None
    assert phone.look().face.balances[0].raw == 50 + 50 + 10


# ── Who hears of it ──────────────────────────────────────────────────────────────────────────────────────────────


def test_changes_within_the_pause_are_one_push_at_its_end(shop: Shop, phone: Phone, clock: FixedClock) -> None:
    shop.sell(1_000)
    expand(shop.app)
    push(shop)
    for _ in range(5):
        clock.advance(SOON)
        shop.sell(1_000)
        expand(shop.app)

    assert pushes(shop) == [(phone.id, "accepted", timedelta()), (phone.id, "waiting", PAUSE)]
    clock.advance(PAUSE)
    push(shop)
    clock.advance(PAUSE)
    shop.sell(1_000)
    expand(shop.app)
    assert pushes(shop)[-1] == (phone.id, "waiting", clock.now() - NOON)


def test_a_push_that_the_worker_has_taken_says_nothing_of_what_comes_after(shop: Shop, phone: Phone) -> None:
    shop.sell(1_000)
    expand(shop.app)
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE deliveries SET lease_until = :until WHERE channel = 'apple'", until=NOON + PAUSE)

    shop.sell(1_000)
    expand(shop.app)

    assert len(pushes(shop)) == 2


def test_a_device_with_two_passes_is_woken_once(shop: Shop, phone: Phone) -> None:
    bob = shop.join("bob")
    phone_of(shop, bob)  # on Alice's phone too
    expand(shop.app)
    push(shop)

    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE apple_devices SET pushed_at = NULL")
    shop.sell(1_000)
    shop.sell(1_000, to=bob)
    expand(shop.app)

    assert [status for _, status, _ in pushes(shop)].count("waiting") == 1


def test_who_registers_an_old_copy_with_a_newer_tag_hears_of_it_and_is_woken(shop: Shop, clock: FixedClock) -> None:
    bob = shop.join("bob")
    alices = Phone(app=shop.app, card_id=card_of(shop))
    alices.look()  # downloaded, and put into the wallet later
    shop.sell(1_000)
    expand(shop.app)
    bobs = phone_of(shop, bob)
    shop.sell(1_000, to=bob)
    expand(shop.app)
    tag = bobs.tag
    push(shop)
    clock.advance(PAUSE)

    assert alices.register() is True

    told = alices.ask(tag)
    assert told is not None
    assert told.serials == (str(alices.card_id),)
    assert pushes(shop)[-1] == (alices.id, "waiting", PAUSE)


def test_who_registers_what_has_not_changed_is_not_woken(shop: Shop) -> None:
    phone_of(shop)

    assert pushes(shop) == []


def test_a_tag_from_before_the_database_was_restored_asks_for_everything(shop: Shop, phone: Phone) -> None:
    told = phone.ask("1000000")

    assert told is not None
    assert told.serials == (str(phone.card_id),)


def test_a_read_change_that_no_worker_has_seen_is_noted_by_the_web_service(shop: Shop, phone: Phone) -> None:
    tag, before = phone.tag, phone.look()

    shop.sell(1_000)
    shown = phone.look()

    assert shown.updated_at > before.updated_at
    assert shown.etag != before.etag
    assert phone.ask(tag) is not None
    now = phone.tag
    expand(shop.app)
    assert phone.ask(now) is None  # and the worker finds nothing more


# ── Several at once ──────────────────────────────────────────────────────────────────────────────────────────────


def test_tags_skip_nothing_when_many_note_changes_at_once(shop: Shop, signer: Signer) -> None:
    phones = []
    for number in range(4):
        member = shop.join(f"member{number}")
        phones.append((member, phone_of(shop, member, id="one-phone")))
    expand(shop.app)
    seen: set[str] = set()
    tags = [phones[0][1].tag]

    def sell(member: UUID) -> None:
        shop.sell(1_000, to=member)
        expand(shop.app)

    def ask() -> None:
        for _ in range(10):
            told = phones[0][1].ask(tags[-1])
            if told is not None:
                seen.update(told.serials)
                tags.append(told.tag)

    at_once([ask, *(lambda member=member: sell(member) for member, _ in phones)])
    expand(shop.app)
    ask()

    assert seen == {str(phone.card_id) for _, phone in phones}
    assert [int(tag) for tag in tags] == sorted(int(tag) for tag in tags)


def test_two_who_look_at_one_pass_at_once_leave_it_as_it_is_now(shop: Shop, phone: Phone) -> None:
    for _ in range(3):
        calls = [lambda: expand(shop.app), phone.look, lambda: expand(shop.app)]
        shop.sell(1_000)
        at_once(calls)
        shop.sell(1_000)
        expand(shop.app)

        with shop.app.db.read() as tx:
            followed = passes.of_card(tx, phone.card_id)
        assert followed is not None
        assert followed.fingerprint == phone.look().face.fingerprint()


def test_a_device_that_throws_one_pass_away_while_it_adds_another_keeps_the_other(shop: Shop) -> None:
    gone, added = phone_of(shop), Phone(app=shop.app, card_id=card_of(shop, shop.join("bob")))
    added.look()
    for _ in range(10):
        at_once([gone.unregister, added.register])

        told = added.ask()
        assert told is not None
        assert told.serials == (str(added.card_id),)
        gone.register()
        added.unregister()


# ── What APNs says ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def world(tmp_path: Path, database_url: str) -> Iterator[World]:
    with open_world(tmp_path, database_url) as world:
        yield world


class Interrupted(AppleSender):
    """Something happens between APNs' answers and their being written down."""

    def __init__(self, app: App, then: Callable[[], object]) -> None:
        super().__init__(app)
        self._then = then

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        results = await super().send(leased, now=now)
        await asyncio.to_thread(self._then)
        return results


@dataclass(frozen=True, kw_only=True)
class Woken:
    """Alice's phone in the world, and a worker that pushes when it is told to."""

    shop: Shop
    apns: ApnsStandIn
    phone: Phone

    def change(self, *, in_between: Callable[[], object] = lambda: None) -> None:
        """A sale and its push; `in_between` happens after APNs has answered, before that is written down."""
        self.shop.sell(1_000)
        expand(self.shop.app)
        with self.shop.app.db.begin() as tx:
            sql.run(tx, "UPDATE deliveries SET next_try_at = now() WHERE channel = 'apple' AND status = 'waiting'")
        asyncio.run(self._deliver(in_between))

    async def _deliver(self, in_between: Callable[[], object]) -> None:
        sender = Interrupted(self.shop.app, in_between)
        await deliver(self.shop.app, Line(channel="apple", sender=sender))
        await sender.close()

    @property
    def statuses(self) -> list[tuple[str, int]]:
        with self.shop.app.db.read() as tx:
            rows = sql.every(tx, "SELECT status, attempts FROM deliveries WHERE channel = 'apple' ORDER BY id")
        return [(row.status, row.attempts) for row in rows]

    @property
    def is_known(self) -> bool:
        with self.shop.app.db.read() as tx:
            held = Held(device_id=self.phone.id, pass_type_id=self.phone.type_id, card_id=self.phone.card_id)
            return passes.holder(tx, held) is not None


@pytest.fixture
def woken(world: World) -> Woken:
    shop = world.shop
    assert shop.app.apple is not None
    phone = phone_of(shop, type_id=shop.app.apple.pass_type_id)
    expand(shop.app)
    return Woken(shop=shop, apns=world.apns, phone=phone)


def test_a_device_that_apns_has_lost_since_it_registered_is_forgotten(woken: Woken) -> None:
    woken.apns.fault("unregistered_410", since=woken.shop.app.clock.now() + timedelta(hours=1))

    woken.change()

    assert not woken.is_known
    assert woken.statuses == [("gone", 1)]


def test_a_device_that_has_registered_since_apns_lost_it_is_kept(woken: Woken) -> None:
    woken.apns.fault("unregistered_410", since=woken.shop.app.clock.now() - timedelta(hours=1))

    woken.change()

    assert woken.is_known


@pytest.mark.parametrize(("kind", "is_known"), [("bad_token_400", False), ("internal_500", True)])
def test_a_token_that_apns_refuses_is_forgotten(woken: Woken, kind: Any, is_known: bool) -> None:
    woken.apns.fault(kind)

    woken.change()

    assert woken.is_known is is_known


def test_a_device_that_registers_anew_while_its_old_token_is_refused_is_kept(woken: Woken) -> None:
    woken.apns.fault("bad_token_400", token=woken.phone.push_token)
    moved = replace(woken.phone, push_token="cd" * 32)

    woken.change(in_between=moved.register)

    assert woken.is_known
    woken.change()
    assert woken.apns.pushes[-1].token == moved.push_token


@pytest.mark.parametrize("kind", ["too_many_429", "internal_500", "unavailable_503"])
def test_a_busy_apns_is_asked_again_and_what_changes_meanwhile_goes_with_it(woken: Woken, kind: Any) -> None:
    woken.apns.fault(kind, times=1)

    woken.change()
    refused = woken.statuses
    woken.change()

    assert refused == [("waiting", 1)]
    assert woken.statuses == [("accepted", 2)]
    assert len(woken.apns.pushes) == 1
