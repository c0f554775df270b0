"""Cards to print: the member's own, and sheets for the shop."""

from __future__ import annotations

from uuid import UUID

import zxingcpp
from flask.testing import FlaskClient
from pypdfium2 import PdfDocument  # type: ignore[import-untyped]  # it ships no types
from werkzeug.test import TestResponse

from tests.http.calls import Headers, as_key, as_member, as_staff, refused, told
from tests.shop import Shop
from wallet_api.services.merge import MergeWish, merge_members
from wallet_api.store import cards, sql
from wallet_api.store.ids import new_id


def test_the_printed_card_is_taken_by_the_till_as_a_static_code(api: FlaskClient, shop: Shop) -> None:
    response = api.get("/v1/me/card/card.pdf", headers=as_member(shop))

    assert (response.status_code, response.content_type) == (200, "application/pdf")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Disposition"] == 'attachment; filename="card.pdf"'
    (code,) = _codes(response)
    body = {"code": code, "location_id": str(shop.location.id)}
    scan = told(api.post("/v1/scans", json=body, headers=as_key(shop, "till")))
    assert (scan["member"]["id"], scan["fresh"]) == (str(shop.alice), False)


def test_nothing_that_redeems_stands_on_the_card(api: FlaskClient, shop: Shop) -> None:
    response = api.get("/v1/me/card/card.pdf", headers=as_member(shop))

    (page,) = PdfDocument(response.data)
    text = page.get_textpage().get_text_range()
    assert "Alice" in text
    assert "@" not in text
    assert [code[0] for code in _codes(response)] == ["5"]


def test_a_blocked_card_is_not_printed(api: FlaskClient, shop: Shop) -> None:
    _block(shop)

    assert refused(api.get("/v1/me/card/card.pdf", headers=as_member(shop))) == (403, "card_blocked")
    answer = _print(api, as_staff(shop, "maria", role="manager"), shop.alice)
    assert refused(answer) == (404, "not_found")
    assert str(shop.alice) in told(answer)["detail"]


def test_a_shop_prints_its_members_cards_in_its_order(api: FlaskClient, shop: Shop) -> None:
    bob, zoe = shop.join("bob"), shop.join("zoë", locale="fr")
    wanted = (zoe, shop.alice, bob, zoe)

    by_manager = _print(api, as_staff(shop, "maria", role="manager"), *wanted, layout="cards")
    by_key = _print(api, as_key(shop, "members:act"), *wanted, layout="cards")

    assert by_manager.status_code == by_key.status_code == 200
    texts = [page.get_textpage().get_text_range() for page in PdfDocument(by_manager.data)]
    names = ["Zoë", "Alice", "Bob", "Zoë"]
    assert [name in text for name, text in zip(names, texts, strict=True)] == [True] * 4
    assert ["Numéro de carte" in text for text in texts] == [True, False, False, True]
    codes = _codes(by_manager)
    assert _codes(by_key) == codes
    assert len(set(codes)) == 3
    assert codes[0] == codes[3]


def test_a_sheet_is_what_is_printed_unless_told_and_names_may_stay_away(api: FlaskClient, shop: Shop) -> None:
    manager = as_staff(shop, "maria", role="manager")

    response = _print(api, manager, shop.alice, with_names=False)

    (page,) = PdfDocument(response.data)
    assert [round(side / 72 * 25.4) for side in page.get_size()] == [210, 297]
    assert "Alice" not in page.get_textpage().get_text_range()
    assert len(_codes(response)) == 1


def test_who_was_merged_gets_the_card_of_whom_they_are_now(api: FlaskClient, shop: Shop) -> None:
    bob = shop.join("bob")
    with shop.app.db.begin() as tx:
        merge_members(shop.app, tx, MergeWish(gone=bob, into=shop.alice, reason="one person"), program=shop.program)
        card = cards.of_member(tx, shop.alice)
    assert card is not None

    response = _print(api, as_staff(shop, "maria", role="manager"), bob)

    (code,) = _codes(response)
    assert code[1:15] == card.number


def test_what_is_no_list_of_cards_is_refused(api: FlaskClient, shop: Shop) -> None:
    manager, someone = as_staff(shop, "maria", role="manager"), str(shop.alice)
    bodies: list[dict[str, object]] = [
        {},
        {"member_ids": []},
        {"member_ids": [someone] * 201},
        {"member_ids": ["alice"]},
        {"member_ids": [someone], "layout": "poster"},
        {"member_ids": [someone], "with_names": "yes"},
        {"member_ids": [someone], "bleed": 3},
    ]

    statuses = [api.post("/v1/cards/print", json=body, headers=manager).status_code for body in bodies]

    assert statuses == [422] * len(bodies)


def test_a_stranger_in_the_list_refuses_all_of_it_by_name(api: FlaskClient, shop: Shop) -> None:
    stranger = new_id()

    response = _print(api, as_staff(shop, "maria", role="manager"), shop.alice, stranger)

    assert refused(response) == (404, "not_found")
    assert str(stranger) in told(response)["detail"]


def test_only_managers_and_keys_that_act_for_members_print(api: FlaskClient, shop: Shop) -> None:
    cashier, till = as_staff(shop, "carol", role="cashier"), as_key(shop, "till")

    for by in (cashier, till, as_member(shop)):
        assert refused(_print(api, by, shop.alice)) == (403, "forbidden")
    assert api.post("/v1/cards/print", json={}).status_code == 401
    assert api.get("/v1/me/card/card.pdf").status_code == 401
    assert refused(api.get("/v1/me/card/card.pdf", headers=till)) == (403, "forbidden")


def _print(api: FlaskClient, by: Headers, *member_ids: UUID, **wish: object) -> TestResponse:
    return api.post("/v1/cards/print", json={"member_ids": [str(one) for one in member_ids], **wish}, headers=by)


def _codes(response: TestResponse) -> list[str]:
    """What a camera reads from the pages, one after the other."""
    found: list[str] = []
    for page in PdfDocument(response.data):
        image = page.render(scale=150 / 72).to_pil().convert("L")
        found += [code.text for code in zxingcpp.read_barcodes(image)]
    return found


def _block(shop: Shop) -> None:
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE cards SET status = 'blocked'")
