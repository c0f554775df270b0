"""A club with partners, good causes and contests, for tests of what is settled and awarded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from tests.shop import SCOPES, Shop
from wallet_api import tokens
from wallet_api.domain.events import Line
from wallet_api.services import check_in, record_sale, redeem, return_sale
from wallet_api.services.identify import Till, Who
from wallet_api.services.present import Json
from wallet_api.services.publish import publish
from wallet_api.services.record_sale import RecordSale
from wallet_api.services.redeem import Wish
from wallet_api.services.return_sale import ReturnSale
from wallet_api.store import access, programs
from wallet_api.store.ids import new_id
from wallet_api.store.programs import Location

CLUB = """
program: points-tiers
name: The Club
currency: EUR
time_zone: Europe/Paris
languages: [en, fr]
units:
  points:
    name: {en: {one: point, other: points}, fr: {one: point, other: points}}
    pays: {units: 100, money: 1.00}
  stamps: {turns_into: {reward: free-coffee, every: 2}}
  km: {decimals: 1, counter: yes}
partners:
  cinema: {name: {en: The Cinema, fr: Le Cinéma}, locations: [cinema-1, cinema-2], pays: 1.50, per: 100 points}
  baker: {name: The Baker, locations: [baker-1], pays: 0.80, per: 100 points}
causes:
  trees: {en: Trees, fr: Des arbres}
  turtles: Sea turtles
earning:
  - {id: purchase, on: sale, earn: 1, per: 1.00, unit: points}
  - {id: film, on: sale, earn: 2, per: 1.00, unit: points, partners: [cinema]}
  - {id: bread, on: sale, earn: 3, per: 1.00, unit: points, partners: [baker]}
  - {id: visit, on: check_in, earn: 7, unit: points}
  - {id: evening, on: check_in, earn: 5, unit: points, partners: [cinema]}
  - {id: stamp, on: sale, earn: 1, unit: stamps, partners: [cinema]}
  - {id: run, on: activity, kind: run, earn: 1, unit: km, each: quantity}
tiers:
  measure: spend
  period: calendar year
  valid: rest of the year and the next
  levels:
    - {id: bronze, from: 0}
    - {id: silver, from: 500}
    - {id: gold, from: 2000}
rewards:
  - {id: popcorn, price: 150 points, gives: {item: popcorn}}
  - {id: off-5, price: 200 points, gives: {money_off: 5.00}}
  - {id: free-coffee, gives: {item: a coffee}}
  - {id: tree, price: 120 points, gives: {donation: trees}}
  - {id: turtle, price: 50 stamps, gives: {donation: turtles}}
  - {id: shoes, gives: {item: a pair of shoes}}
contests:
  - {id: big-spender, name: {en: Big spender, fr: Grand client}, measure: spend, days: 2026-03-10 to 2026-03-12, prizes: [shoes, off-5]}
  - {id: marathon, name: Marathon, measure: km, days: 2026-03-10 to 2026-03-20}
"""


@dataclass(frozen=True, kw_only=True)
class Places:
    """The shop's own till (`shop.till`), and a till of a key that stands at a partner's locations alone."""

    shop: Shop
    cinema: Till
    baker: Till

    def sell(
        self,
        amount: int,
        *,
        at: Till | None = None,
        to: UUID | None = None,
        vouchers: tuple[str, ...] = (),
        pay: int = 0,
    ) -> Json:
        """A sale at the shop's own till, or at a partner's."""
        wish = RecordSale(
            who=Who(member_id=to or self.shop.alice),
            external_id=str(new_id()),
            occurred_at=self.shop.app.clock.now(),
            currency="EUR",
            lines=(Line(sku="", amount=amount),),
            vouchers=vouchers,
            pay_with=(("points", pay),) if pay else (),
        )
        with self.shop.app.db.begin() as tx:
            return record_sale.record_sale(self.shop.app, tx, at or self.shop.till, wish)

    def take_back(self, sale: Json, *, at: Till | None = None, amount: int | None = None) -> Json:
        """A return of all of a sale or of an amount, at the shop's own till or at a partner's."""
        wish = ReturnSale(
            sale_id=UUID(str(sale["id"])),
            external_id=str(new_id()),
            occurred_at=self.shop.app.clock.now(),
            amount=amount,
        )
        with self.shop.app.db.begin() as tx:
            return return_sale.return_sale(self.shop.app, tx, at or self.shop.till, wish)

    def visit(self, *, at: Till) -> Json:
        """A check-in of Alice's."""
        with self.shop.app.db.begin() as tx:
            who = Who(member_id=self.shop.alice)
            return check_in.check_in(self.shop.app, tx, at, who, occurred_at=self.shop.app.clock.now())

    def hold(self, reward: str, *, at: Till, quantity: int = 1) -> Json:
        """A till holds a reward for Alice."""
        wish = Wish(reward=reward, quantity=quantity)
        with self.shop.app.db.begin() as tx:
            return redeem.hold_reward(self.shop.app, tx, at, Who(member_id=self.shop.alice), wish)

    def capture(self, held: Json, *, at: Till) -> Json:
        """It hands the reward over."""
        with self.shop.app.db.begin() as tx:
            return redeem.capture_reward(self.shop.app, tx, at, UUID(str(held["id"])))


def with_partners(shop: Shop, text: str = CLUB) -> Places:
    """The shop runs the club from now on, with a location of each partner's and a till there."""
    app = shop.app
    publish(app, text, now=app.clock.now())
    return Places(shop=shop, cinema=_till_at(shop, "cinema-1", "cinema-2"), baker=_till_at(shop, "baker-1"))


def _till_at(shop: Shop, *codes: str) -> Till:
    _, hashed = tokens.new_api_key()
    with shop.app.db.begin() as tx:
        places = [
            programs.add_location(
                tx,
                Location(
                    id=new_id(), program_id=shop.program, code=code, name=code.title(), latitude=None, longitude=None
                ),
            )
            for code in codes
        ]
        key = access.add_key(
            tx, shop.program, name=codes[0], key_hash=hashed, scopes=SCOPES, location_ids=[place.id for place in places]
        )
    return replace(shop.till, key_id=key, location_id=places[0].id)
