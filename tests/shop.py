"""A shop to test with: a program, a location, a till, and members, all made through the use cases."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

from wallet_api import tokens
from wallet_api.clock import Clock
from wallet_api.domain.events import Line
from wallet_api.services import check_in, record_sale, redeem, return_sale, show_card
from wallet_api.services.app import App
from wallet_api.services.count_purchases import MEMBERS_A_BATCH, count_purchases
from wallet_api.services.enrol import Consents, enrol
from wallet_api.services.identify import Till, Who
from wallet_api.services.present import Json
from wallet_api.services.publish import publish
from wallet_api.services.record_sale import RecordSale
from wallet_api.services.redeem import Wish
from wallet_api.services.return_sale import ReturnSale
from wallet_api.settings import Settings
from wallet_api.store import access, programs, recipients, sql
from wallet_api.store.ids import new_id
from wallet_api.store.members import NewMember
from wallet_api.store.programs import Location
from wallet_api.store.session import Database

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
PROGRAMS = Path(__file__).parents[1] / "programs"
SETTINGS = Settings(secret_key="a secret for tests only, 32 characters and more")
SCOPES = ("till", "members:act")


@dataclass(frozen=True, kw_only=True)
class Shop:
    """The app with one program; `till` and `other_till` stand in the same location."""

    app: App
    program: str
    till: Till
    other_till: Till
    till_key: str
    location: Location
    alice: UUID

    def join(
        self,
        name: str,
        *,
        at: datetime | None = None,
        birth_date: date | None = None,
        locale: str = "en",
        referral_code: str | None = None,
    ) -> UUID:
        """Somebody becomes a member."""
        now = at or self.app.clock.now()
        newcomer = NewMember(
            program_id=self.program,
            joined_at=now,
            email=f"{name}@example.org",
            given_name=name.capitalize(),
            birth_date=birth_date,
            locale=locale,
            referral_code=referral_code,
        )
        with self.app.db.begin() as tx:
            return enrol(self.app, tx, newcomer, Consents(terms=True), now=now)

    def sell(
        self,
        amount: int = 0,
        *,
        to: UUID | None = None,
        receipt: str | None = None,
        at: datetime | None = None,
        lines: tuple[Line, ...] = (),
        vouchers: tuple[str, ...] = (),
    ) -> Json:
        """A sale at the till, recorded for a member known by id."""
        wish = RecordSale(
            who=Who(member_id=to or self.alice),
            external_id=receipt or str(new_id()),
            occurred_at=at or self.app.clock.now(),
            currency="EUR",
            lines=lines or (Line(sku="", amount=amount),),
            vouchers=vouchers,
        )
        with self.app.db.begin() as tx:
            return record_sale.record_sale(self.app, tx, self.till, wish)

    def take_back(
        self, sale: Json, *, amount: int | None = None, lines: tuple[Line, ...] = (), receipt: str | None = None
    ) -> Json:
        """A return of all, of an amount, or of lines."""
        wish = ReturnSale(
            sale_id=UUID(str(sale["id"])),
            external_id=receipt or str(new_id()),
            occurred_at=self.app.clock.now(),
            amount=amount,
            lines=lines,
        )
        with self.app.db.begin() as tx:
            return return_sale.return_sale(self.app, tx, self.till, wish)

    def visit(self, *, by: UUID | None = None) -> Json:
        """A check-in."""
        with self.app.db.begin() as tx:
            who = Who(member_id=by or self.alice)
            return check_in.check_in(self.app, tx, self.till, who, occurred_at=self.app.clock.now())

    def redeem(self, reward: str, *, by: UUID | None = None, quantity: int = 1) -> Json:
        """A member takes a reward in the app."""
        with self.app.db.begin() as tx:
            return redeem.redeem_reward(self.app, tx, by or self.alice, Wish(reward=reward, quantity=quantity))

    def hold(self, reward: str, *, by: UUID | None = None) -> Json:
        """A till holds a reward."""
        with self.app.db.begin() as tx:
            return redeem.hold_reward(self.app, tx, self.till, Who(member_id=by or self.alice), Wish(reward=reward))

    def count_purchases(self, *, batch: int = MEMBERS_A_BATCH) -> int:
        """A worker counts all that has been bought so far."""
        self.wait_for_older_transactions()
        return count_purchases(self.app, batch=batch)

    def wait_for_older_transactions(self) -> None:
        """Purchases newer than any transaction that is open on the server are not counted, and other tests have theirs open."""
        with self.app.db.begin() as tx:
            mine = sql.one(tx, "SELECT pg_current_xact_id()::text::bigint AS id").id
        while True:
            with self.app.db.read() as tx:
                oldest = sql.one(tx, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS id").id
            if oldest > mine:
                return
            time.sleep(0.01)

    def phones(self, of: UUID) -> list[str]:
        """The tokens of the phones that a member's messages go to."""
        with self.app.db.read() as tx:
            [member] = recipients.read(tx, [of], since=NOON, marketing=False).values()
        return [token for _, token in member.phones]

    def release(self, held: Json) -> Json:
        """The till gives a held reward's units back."""
        with self.app.db.begin() as tx:
            return redeem.release_reward(self.app, tx, self.till, UUID(str(held["id"])))

    def code(self, of: UUID | None = None) -> str:
        """The rotating code on a member's phone now."""
        with self.app.db.read() as tx:
            return show_card.code_now(self.app, tx, of or self.alice, now=self.app.clock.now())


def open_shop(db: Database, clock: Clock, *, program: str = "points-tiers", app: App | None = None) -> Shop:
    """Publish a program, open a location with two tills, and let Alice join."""
    app = app or App(settings=SETTINGS, clock=clock, db=db)
    now = clock.now()
    publish(app, (PROGRAMS / f"{program}.yaml").read_text(encoding="utf-8"), now=now)
    raw, hashed = tokens.new_api_key()
    _, other_hash = tokens.new_api_key()
    with db.begin() as tx:
        location = programs.add_location(
            tx, Location(id=new_id(), program_id=program, code="paris", name="Paris", latitude=48.85, longitude=2.35)
        )
        key = access.add_key(tx, program, name="till 1", key_hash=hashed, scopes=SCOPES, location_ids=[location.id])
        other = access.add_key(tx, program, name="till 2", key_hash=other_hash, scopes=SCOPES, location_ids=[])
    till = Till(key_id=key, program=program, scopes=frozenset(SCOPES), location_id=location.id)
    shop = Shop(
        app=app,
        program=program,
        till=till,
        other_till=replace(till, key_id=other),
        till_key=raw,
        location=location,
        alice=UUID(int=0),
    )
    return replace(shop, alice=shop.join("alice"))
