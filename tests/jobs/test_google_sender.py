"""Google Wallet's objects follow the cards: what is sent, when it rings, and what becomes of trouble."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from google.oauth2.service_account import Credentials
from sqlalchemy import Row

from standins.google_wallet import ISSUER, Call, GoogleWalletStandIn
from tests.shop import SETTINGS, Shop, open_shop
from wallet_api.clock import FixedClock
from wallet_api.jobs.deliver import Line, deliver
from wallet_api.jobs.expand import expand
from wallet_api.jobs.senders.google import GoogleSender
from wallet_api.services import show_card
from wallet_api.services.app import App, GoogleIssuer
from wallet_api.services.pass_changes import PASS_UPDATE
from wallet_api.store import deliveries, google_wallet, sql
from wallet_api.store.cards import Card
from wallet_api.store.deliveries import NewDelivery
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database

QUICK = 1_000  # requests a second: where the pace is not what is tested
CLASS = f"{ISSUER}.program-points-tiers"


@dataclass(frozen=True, kw_only=True)
class Town:
    """The shop, and Google."""

    shop: Shop
    google: GoogleWalletStandIn
    credentials_file: Path

    @property
    def app(self) -> App:
        return self.shop.app

    def card(self, member: UUID | None = None) -> Card:
        with self.app.db.read() as tx:
            return show_card.card_of(tx, member or self.shop.alice)

    def id_of(self, member: UUID | None = None) -> str:
        return f"{ISSUER}.{self.card(member).id}"

    def object_of(self, member: UUID | None = None) -> dict[str, Any]:
        return dict(self.google.objects[self.id_of(member)])

    def work(self) -> list[Call]:
        """Expand events and deliver all that is due, as a worker does; the calls that this made."""
        before = len(self.google.calls)
        while expand(self.app):
            pass
        asyncio.run(self.deliver())
        return self.google.calls[before:]

    async def deliver(self) -> None:
        assert self.app.google is not None
        sender = GoogleSender(self.app, self.app.google, credentials_file=self.credentials_file)
        line = Line(channel="google", sender=sender)
        while await deliver(self.app, line):
            pass
        await sender.close()

    def later(self, **more: float) -> None:
        clock = self.app.clock
        assert isinstance(clock, FixedClock)
        clock.advance(timedelta(**more))

    def ask_for(self, *, kind: str = PASS_UPDATE, target: UUID | None = None) -> None:
        """File a delivery to Google."""
        card = self.card()
        now = self.app.clock.now()
        wish = NewDelivery(
            program_id=card.program_id,
            member_id=card.member_id,
            cause_id=new_id(),
            kind=kind,
            channel="google",
            target=str(target or card.id),
            locale="en",
            collapse_key=kind,
            caused_at=now,
            expires_at=now + timedelta(days=1),
            title="Double points",
            body="On Saturday all points count twice.",
        )
        with self.app.db.begin() as tx:
            deliveries.add(tx, wish, now=now)

    def deliveries(self) -> Sequence[Row[Any]]:
        with self.app.db.read() as tx:
            return sql.every(
                tx, "SELECT status, detail, next_try_at FROM deliveries WHERE channel = 'google' ORDER BY id"
            )


@pytest.fixture
def town(tmp_path: Path, db: Database, clock: FixedClock) -> Iterator[Town]:
    with GoogleWalletStandIn() as google:
        file = google.service_account_file(tmp_path / "google.json")
        settings = replace(
            SETTINGS,
            base_url="https://cards.example.org",
            google_wallet_endpoint=google.endpoint,
            google_wallet_requests_per_second=QUICK,
        )
        credentials = Credentials.from_service_account_file(str(file))  # type: ignore[no-untyped-call]  # google-auth's own
        issuer = GoogleIssuer(issuer_id=ISSUER, credentials=credentials)
        app = App(settings=settings, clock=clock, db=db, google=issuer)
        yield Town(shop=open_shop(db, clock, app=app), google=google, credentials_file=file)


def steps(calls: Sequence[Call]) -> list[tuple[str, str, int]]:
    return [(call.method, call.path.split("/")[3], call.status) for call in calls]


def test_who_joins_gets_an_object_under_the_class_of_their_tier(town: Town) -> None:
    calls = town.work()

    assert steps(calls) == [("POST", "loyaltyClass", 200), ("POST", "loyaltyObject", 200)]
    loyalty = town.google.classes[f"{CLASS}.bronze"]
    assert loyalty["rewardsTier"] == "Bronze"
    assert loyalty["callbackOptions"] == {"url": "https://cards.example.org/passes/google/callback"}
    assert town.object_of()["classId"] == f"{CLASS}.bronze"
    with town.app.db.begin() as tx:
        shown: Any = show_card.show_card(town.app, tx, town.shop.alice)["google"]
    assert len(shown["save_url"]) < 1_800


def test_only_what_has_changed_is_sent_and_the_phone_rings(town: Town) -> None:
    town.work()
    town.shop.sell(10_00)

    (call,) = town.work()

    assert call.method == "PATCH"
    assert call.body["notifyPreference"] == "NOTIFY_ON_UPDATE"
    assert not call.body.keys() & {"id", "classId", "accountName", "accountId", "rotatingBarcode", "state"}
    assert town.object_of()["loyaltyPoints"]["balance"] == {"int": 60}
    assert town.google.notices == [(town.id_of(), "loyaltyPoints")]


def test_what_google_has_already_is_not_sent(town: Town) -> None:
    town.work()
    town.ask_for()

    calls = town.work()

    assert calls == []
    assert [row.status for row in town.deliveries()] == ["accepted", "accepted"]


def test_several_updates_of_one_pass_are_one_request(town: Town) -> None:
    town.work()
    town.shop.sell(10_00)
    town.ask_for()
    town.ask_for()

    calls = town.work()

    assert len(calls) == 1
    assert {row.status for row in town.deliveries()} == {"accepted"}


def test_the_fourth_change_of_a_day_is_silent(town: Town) -> None:
    town.work()

    asked = []
    for _ in range(5):
        town.shop.sell(10_00)
        (call,) = town.work()
        asked.append("notifyPreference" in call.body)
    town.later(hours=24, seconds=1)
    town.shop.sell(10_00)
    (call,) = town.work()

    assert asked == [True, True, True, False, False]
    assert "notifyPreference" in call.body
    assert town.deliveries()[-2].detail == "without notice"


def test_messages_and_changes_share_what_may_ring(town: Town) -> None:
    town.work()
    for _ in range(2):
        town.shop.sell(10_00)
        town.work()
    for _ in range(2):
        town.ask_for(kind="promotion_started")

    calls = town.work()

    types = sorted(str(_message(call)["messageType"]) for call in calls)
    assert types == ["TEXT", "TEXT_AND_NOTIFY"]
    assert _message(calls[0])["header"] == "Double points"
    assert len(town.google.notices) == 3


def test_a_message_that_google_will_not_ring_for_goes_as_text(town: Town) -> None:
    town.work()
    for number in range(3):  # of another system, say: we do not know of them
        town.google._noticed.setdefault(town.id_of(), []).append(float(number + 10**9))
    town.ask_for(kind="promotion_started")

    calls = town.work()

    assert [(_message(call)["messageType"], call.status) for call in calls] == [("TEXT_AND_NOTIFY", 400), ("TEXT", 200)]
    assert town.deliveries()[-1].detail == "without notice"


def test_a_pass_that_was_thrown_away_stays_right_and_is_silent(town: Town) -> None:
    town.work()
    with town.app.db.begin() as tx:
        google_wallet.saved(tx, town.card().id, now=town.app.clock.now())
        google_wallet.removed(tx, town.card().id, now=town.app.clock.now())
    town.shop.sell(10_00)
    town.ask_for(kind="promotion_started")

    (call,) = town.work()

    assert "notifyPreference" not in call.body
    assert town.object_of()["loyaltyPoints"]["balance"] == {"int": 60}
    assert sorted(row.status for row in town.deliveries()) == ["accepted", "accepted", "gone"]


def test_another_tier_is_another_class_and_is_told(town: Town) -> None:
    town.work()
    town.shop.sell(500_00)

    calls = town.work()

    assert steps(calls) == [("POST", "loyaltyClass", 200), ("PATCH", "loyaltyObject", 200)]
    assert town.google.classes[f"{CLASS}.silver"]["rewardsTier"] == "Silver"
    assert town.object_of()["classId"] == f"{CLASS}.silver"
    assert len(town.google.notices) == 1


def test_what_is_remembered_of_an_object_holds_no_secret(town: Town) -> None:
    town.work()

    key = town.object_of()["rotatingBarcode"]["totpDetails"]["parameters"][0]["key"]
    with town.app.db.read() as tx:
        rows = sql.every(tx, "SELECT CAST(r AS text) AS text FROM google_resources r")
    assert len(rows) == 2
    assert not any(key in row.text or "Alice" in row.text for row in rows)


def test_a_busy_google_is_asked_again_no_sooner_than_it_says(town: Town) -> None:
    town.google.fault("too_many_429", times=1, retry_after=120)

    town.work()

    (waiting,) = town.deliveries()
    assert (waiting.status, waiting.detail) == ("waiting", "rateLimitExceeded")
    assert waiting.next_try_at >= town.app.clock.now() + timedelta(seconds=120)
    town.later(seconds=131)
    town.work()
    assert town.object_of()["state"] == "ACTIVE"


def test_an_account_without_the_permission_rests_the_channel(town: Town) -> None:
    town.google.fault("denied_403", times=1)

    town.work()

    (waiting,) = town.deliveries()
    assert (waiting.status, waiting.detail) == ("waiting", "permissionDenied")
    assert waiting.next_try_at == town.app.clock.now() + timedelta(minutes=5)


def test_an_unknown_outcome_is_tried_again_and_rings_once(town: Town) -> None:
    town.work()
    town.google.fault("unavailable_503", times=1)
    town.shop.sell(10_00)

    town.work()
    town.later(seconds=11)
    town.work()

    assert town.google.notices == [(town.id_of(), "loyaltyPoints")]
    with town.app.db.read() as tx:
        assert len(sql.one(tx, "SELECT notices FROM google_passes").notices) == 1


def test_what_google_lost_is_made_anew(town: Town) -> None:
    town.work()
    town.google.objects.clear()
    town.google.classes.clear()
    town.shop.sell(10_00)

    refused = town.work()
    town.later(seconds=12)
    made = town.work()

    assert steps(refused) == [("PATCH", "loyaltyObject", 404), ("POST", "loyaltyObject", 404)]
    assert steps(made) == [
        ("POST", "loyaltyClass", 200),
        ("PATCH", "loyaltyObject", 404),
        ("POST", "loyaltyObject", 200),
    ]


def test_one_pass_that_cannot_be_made_holds_up_no_other(town: Town) -> None:
    town.ask_for(target=new_id())  # no card has this id

    town.work()

    assert sorted((row.status, row.detail or "") for row in town.deliveries()) == [
        ("accepted", ""),
        ("waiting", "AssertionError"),
    ]


def test_while_another_worker_writes_a_pass_it_is_left_alone(town: Town) -> None:
    with town.app.db.begin() as tx:
        google_wallet.claim(tx, town.id_of(), now=town.app.clock.now())

    assert town.work() == []
    assert town.deliveries()[0].detail == "another worker writes it"
    town.later(minutes=2)
    assert len(town.work()) == 2


def test_workers_together_stay_under_googles_limit(town: Town) -> None:
    town.work()
    sharing = replace(town, shop=replace(town.shop, app=replace(town.app, settings=_at(town.app, per_second=15))))
    for number in range(28):
        town.shop.join(f"member-{number}")
    while expand(town.app):
        pass
    before = len(town.google.calls)

    with ThreadPoolExecutor(2) as workers:
        for done in [workers.submit(asyncio.run, sharing.deliver()) for _ in range(2)]:
            done.result(timeout=60)

    assert len(town.google.calls) - before == 28
    assert town.google.most_calls_in_a_second() < 20


def _at(app: App, *, per_second: int) -> Any:
    return replace(app.settings, google_wallet_requests_per_second=per_second)


def _message(call: Call) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(json.dumps(call.body))["message"]
    return message
