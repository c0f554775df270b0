"""Messages on wallet passes: from a campaign to the lock screen, once, and off the pass at their end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from passes.apple.check import check_pass
from standins.google_wallet import ISSUER
from standins.wallet_device import WalletDevice
from tests.http.trial_app import served
from tests.jobs.world import World, open_world
from tests.services.campaigning import agree, campaign, rules, send, state
from tests.shop import Shop
from wallet_api.app import web
from wallet_api.clock import FixedClock, SystemClock
from wallet_api.jobs.deliver import Line, deliver
from wallet_api.jobs.expand import expand
from wallet_api.jobs.pass_updates import take_off_ended_messages
from wallet_api.jobs.senders import Result, Sender, senders
from wallet_api.services import show_card, show_pass
from wallet_api.services.alter_member import record_consent
from wallet_api.services.notify import Wish, file_messages, recipients_of
from wallet_api.services.preview import PreviewWish, preview_message
from wallet_api.services.show_messages import messages_of
from wallet_api.store import google_wallet, sql
from wallet_api.store.deliveries import LEASE, Delivery
from wallet_api.store.session import Tx

# Not too far from the machine's own time, by which the stand-ins go; and no quiet hours of anybody's.
NOON = datetime.combine(SystemClock().now().date() + timedelta(days=1), time(12), tzinfo=UTC)
PAUSE = timedelta(seconds=60)
LONG = 100.0
NOTHING = {"key": "message", "label": "Latest message", "value": "Nothing at the moment"}


@dataclass(frozen=True, kw_only=True)
class Town:
    """The shop, and everything outside the house; Alice agreed to offers, and what joining brought is behind her."""

    world: World
    clock: FixedClock
    iphone: WalletDevice

    @property
    def shop(self) -> Shop:
        return self.world.shop

    @property
    def pushes(self) -> int:
        return len(self.world.apns.pushes)

    @property
    def told(self) -> list[dict[str, Any]]:
        """What Google has been told for Alice's pass."""
        told: Any = self.world.google.objects[f"{ISSUER}.{self.card}"].get("messages", [])
        return list(told)

    @property
    def card(self) -> str:
        with self.shop.app.db.read() as tx:
            return str(show_card.card_of(tx, self.shop.alice).id)

    def on_iphone(self) -> Town:
        """Alice puts the pass into Apple Wallet."""
        with self.shop.app.db.begin() as tx:
            shown = show_pass.shown_pass(self.shop.app, tx, show_card.card_of(tx, self.shop.alice))
        self.iphone.add(show_pass.signed(self.shop.app, shown))
        self.iphone.check_for_updates()
        return self

    def on_android(self) -> Town:
        """Alice puts the pass into Google Wallet."""
        with self.shop.app.db.begin() as tx:
            google_wallet.saved(tx, show_card.card_of(tx, self.shop.alice).id, now=self.clock.now())
        return self

    def tell(self, title: str, *, worth: timedelta = timedelta(days=2)) -> None:
        """File an offer to Alice by the wallet."""
        now = self.clock.now()
        texts = {"promotion": {"en": {"title": title, "body": "Come in!"}}}
        wish = Wish(
            member_id=self.shop.alice,
            kind="promotion",
            caused_at=now,
            expires_at=now + worth,
            channels=("wallet",),
            texts=texts,
        )
        with self.shop.app.db.begin() as tx:
            readers = recipients_of(self.shop.app, tx, [self.shop.alice], now=now, marketing=True)
            file_messages(self.shop.app, tx, [wish], readers, now=now)

    def work(self) -> None:
        """Do all that there is to do for workers, then let the iPhone ask."""
        while expand(self.shop.app) or asyncio.run(self._deliver()):
            pass
        self.iphone.check_for_updates()

    async def _deliver(self) -> int:
        made = senders(self.shop.app)
        lines = [Line(channel=name, sender=made[name]) for name in ("wallet", "google", "apple")]
        done = sum([await deliver(self.shop.app, line) for line in lines])
        for sender in made.values():
            await sender.close()
        return done

    def field(self, key: str = "message") -> dict[str, Any] | None:
        """A field of the pass that the iPhone holds."""
        return self.iphone.passes[self.card].fields.get(key)

    def fates(self) -> list[tuple[str, str | None]]:
        with self.shop.app.db.read() as tx:
            rows = sql.every(tx, "SELECT status, reason FROM deliveries WHERE channel = 'wallet' ORDER BY target, id")
        return [(row.status, row.reason) for row in rows]


@pytest.fixture
def town(tmp_path: Path, database_url: str) -> Iterator[Town]:
    clock = FixedClock(NOON)
    with (
        open_world(tmp_path, database_url, clock=clock) as world,
        served(web(world.shop.app)) as url,
        WalletDevice(through=url) as iphone,
    ):
        agree(world.shop, world.shop.alice)
        town = Town(world=world, clock=clock, iphone=iphone)
        town.work()
        yield town
        assert iphone.complaints == []


def test_a_campaign_comes_to_the_iphones_lock_screen_once_and_goes_in_silence(town: Town) -> None:
    town.on_iphone()
    end = NOON + timedelta(hours=30)

    spring = campaign(town.shop, title="Spring", channels=["wallet"], ends_at=end)
    send(town.shop, spring)
    town.work()
    held, while_on = town.iphone.passes[town.card], town.field()
    town.clock.set(end)
    take_off_ended_messages(town.shop.app, seconds=LONG)
    town.work()

    assert while_on == NOTHING | {"value": "Spring\nCome in!", "changeMessage": "%@"}
    assert check_pass(held.data, root_pem=town.world.certificates.root_pem, now=NOON) == []
    assert town.field() == NOTHING
    assert town.iphone.lock_screen == ["Spring\nCome in!"]
    assert town.pushes == 2
    assert state(town.shop, spring)["progress"]["deliveries"] == {"waiting": 0, "accepted": 1, "failed": 0}


def test_google_gets_each_message_once_and_rings_for_three_of_a_day(town: Town) -> None:
    town.on_android()

    for number in range(4):
        send(town.shop, campaign(town.shop, title=f"Offer {number}", channels=["wallet"]))
        town.work()

    with town.shop.app.db.read() as tx:
        rows = sql.every(tx, "SELECT message_id, detail FROM deliveries WHERE channel = 'wallet' ORDER BY id")
    assert [(each["id"], each["header"]) for each in town.told] == [
        (str(row.message_id), f"Offer {number}") for number, row in enumerate(rows)
    ]
    assert [each["messageType"] for each in town.told] == [*["TEXT_AND_NOTIFY"] * 3, "TEXT"]
    assert {each["displayInterval"]["end"]["date"] for each in town.told} == {f"{NOON + timedelta(days=7):%FT%TZ}"}
    assert [row.detail for row in rows] == [None, None, None, "without notice"]


def test_who_has_no_pass_and_who_has_no_wallets_are_told_so(town: Town) -> None:
    rules(town.shop, "sending:\n  channels:\n    promotion: wallet")
    without = replace(town.shop, app=replace(town.shop.app, apple=None, google=None))

    said = [_said(shop) for shop in (town.shop, without)]

    assert said == [
        ("no_address", "Il n’y a ni appareil ni adresse pour l’envoyer."),
        ("channel_off", "Cette voie d’envoi n’est pas configurée."),
    ]
    assert town.fates() == []


def _said(shop: Shop) -> tuple[str, str]:
    """Why a campaign does not come to Alice by the wallet, as her list and a preview say."""
    send(shop, campaign(shop, channels=["wallet"]))
    with shop.app.db.read() as tx:
        listed: Any = messages_of(tx, shop.alice, before=None, limit=1, language="fr")
        wish = PreviewWish(kind="promotion", locale="fr")
        seen: Any = preview_message(shop.app, tx, shop.alice, wish, program=shop.program)
    assert listed[0]["channels"] == seen["channels"]
    [line] = listed[0]["channels"]
    return line["reason"], line["why"]


def test_in_quiet_hours_it_waits_for_the_morning(town: Town) -> None:
    rules(town.shop, "sending:\n  quiet_hours: 21:00 to 08:00")
    town.on_iphone().on_android()
    town.clock.set(NOON.replace(hour=22))

    town.tell("Spring")
    town.work()
    by_night = (town.pushes, len(town.told), town.fates())
    town.clock.set(NOON.replace(hour=8) + timedelta(days=1))
    town.work()

    assert by_night == (0, 0, [("waiting", None)] * 2)
    assert (town.pushes, len(town.told), town.fates()) == (1, 1, [("accepted", None)] * 2)
    assert town.iphone.lock_screen == ["Spring\nCome in!"]


class Killed(Exception):
    pass


@dataclass(frozen=True, kw_only=True)
class Dying:
    """Sends, and dies before that is written down."""

    sender: Sender

    async def send(self, leased: Sequence[Delivery], *, now: datetime) -> list[Result]:
        await self.sender.send(leased, now=now)
        raise Killed

    def forget(self, tx: Tx, delivery: Delivery, result: Result, *, now: datetime) -> None:
        self.sender.forget(tx, delivery, result, now=now)

    async def close(self) -> None:
        await self.sender.close()


def test_a_worker_that_is_killed_after_sending_shows_it_once(town: Town) -> None:
    town.on_iphone().on_android()
    town.tell("Spring")

    async def die() -> None:
        made = senders(town.shop.app)
        try:
            await deliver(town.shop.app, Line(channel="wallet", sender=Dying(sender=made["wallet"])))
        finally:
            for sender in made.values():
                await sender.close()

    with pytest.raises(Killed):
        asyncio.run(die())
    town.clock.advance(LEASE + timedelta(seconds=1))
    town.work()

    assert town.fates() == [("accepted", None)] * 2
    assert town.iphone.lock_screen == ["Spring\nCome in!"]
    assert (town.pushes, len(town.told), len(town.world.google.notices)) == (1, 1, 1)


def test_of_two_at_once_the_second_comes_after_a_pause_and_what_ends_leaves_the_other_in_silence(town: Town) -> None:
    town.on_iphone()

    town.tell("Summer", worth=timedelta(days=3))
    town.tell("Spring")
    town.work()
    at_first = town.iphone.lock_screen[:]
    town.clock.advance(2 * PAUSE)
    town.work()
    earlier = town.field("earlier-messages")
    town.clock.set(NOON + timedelta(days=2))
    town.work()  # nobody has taken it off; a phone that asks for the pass does not get it
    town.iphone.refresh(town.card)

    assert at_first == ["Summer\nCome in!"]
    assert town.iphone.lock_screen == ["Summer\nCome in!", "Spring\nCome in!"]
    assert earlier is not None
    assert earlier["value"] == "Summer\nCome in!"
    assert (town.field(), town.field("earlier-messages")) == (NOTHING, earlier)


def test_what_has_changed_while_it_waited_counts(town: Town) -> None:
    town.on_iphone()

    town.tell("Spring")
    with town.shop.app.db.begin() as tx:
        record_consent(town.shop.app, tx, town.shop.alice, kind="marketing", granted=False)
    town.work()
    agree(town.shop, town.shop.alice)
    town.tell("Summer")
    town.iphone.remove(town.card)
    town.work()

    assert town.fates() == [("withheld", "no_consent"), ("gone", "device_gone")]
    assert (town.pushes, town.iphone.lock_screen) == (0, [])
