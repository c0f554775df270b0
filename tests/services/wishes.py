"""What tills ask for."""

from __future__ import annotations

from uuid import UUID

from tests.shop import Shop
from wallet_api.domain.events import Line
from wallet_api.services.identify import Till, Who, WrongCode, count_wrong_code
from wallet_api.services.present import Json
from wallet_api.services.record_sale import RecordSale, record_sale
from wallet_api.services.scan import scan_card
from wallet_api.store.ids import new_id


def wish_of(shop: Shop, amount: int, *, who: Who | None = None, receipt: str | None = None) -> RecordSale:
    """A sale of one line."""
    return RecordSale(
        who=who or Who(member_id=shop.alice),
        external_id=receipt or str(new_id()),
        occurred_at=shop.app.clock.now(),
        currency="EUR",
        lines=(Line(sku="", amount=amount),),
    )


def sell_at(shop: Shop, till: Till, wish: RecordSale) -> Json:
    """A sale in a transaction of its own."""
    with shop.app.db.begin() as tx:
        return record_sale(shop.app, tx, till, wish)


def scan_at(shop: Shop, till: Till, code: str) -> Json:
    """A scan as a call does it: a wrong code is counted although the call is rolled back."""
    try:
        with shop.app.db.begin() as tx:
            return scan_card(shop.app, tx, till, code)
    except WrongCode as wrong:
        count_wrong_code(shop.app, wrong)
        raise wrong.refusal from None


def points_of(answer: Json) -> int:
    """The points that an answer says are available."""
    balances = answer["balances"]
    assert isinstance(balances, dict)
    return int(balances["points"]["available"])


def id_of(answer: Json) -> UUID:
    """The id that an answer is about."""
    return UUID(str(answer["id"]))
