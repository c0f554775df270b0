"""What the card page offers beside the code: both wallets, and a card to print."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from flask.testing import FlaskClient

from passes.google.development import ISSUER_ID
from passes.google.objects import wallet_id
from tests.services.test_recommend import CUP, TEA, others_buy, profile, work_out
from tests.shop import NOON, Shop
from wallet_api.app import web
from wallet_api.development_wallets import DevelopmentWallets, development_wallets
from wallet_api.pages.card import COOKIE
from wallet_api.services import sign_in
from wallet_api.services.app import GoogleIssuer
from wallet_api.services.show_card import card_of
from wallet_api.store import google_wallet, sql

SAVE = re.compile(r'<a class="button" href="(https://pay\.google\.com/gp/v/save/[^"]+)">Add to Google Wallet</a>')


@pytest.fixture(scope="module")
def wallets(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentWallets:
    return development_wallets(tmp_path_factory.mktemp("data"), now=NOON)


def test_both_wallets_are_offered_once_google_has_the_pass(shop: Shop, wallets: DevelopmentWallets) -> None:
    google = GoogleIssuer(issuer_id=ISSUER_ID, credentials=wallets.google)
    shop = replace(shop, app=replace(shop.app, apple=wallets.apple, google=google))
    pages = _signed_in(shop)
    before = pages.get(_path(shop)).text
    with shop.app.db.begin() as tx:
        object_id = wallet_id(ISSUER_ID, str(card_of(tx, shop.alice).id))
        claimed = google_wallet.claim(tx, object_id, now=NOON)
        assert claimed is not None
        google_wallet.taken(tx, claimed, {}, class_id=wallet_id(ISSUER_ID, "program"))

    after = pages.get(_path(shop)).text

    assert "Google" not in before
    assert SAVE.search(unescape(after))
    assert f'href="{_path(shop)}/apple.pkpass"' in after


def test_for_development_google_is_not_offered_but_explained(shop: Shop, wallets: DevelopmentWallets) -> None:
    google = GoogleIssuer(issuer_id=ISSUER_ID, credentials=wallets.google, is_development=True)
    shop = replace(shop, app=replace(shop.app, google=google))

    page = _signed_in(shop).get(_path(shop)).text

    assert "pay.google.com" not in page
    assert "The card for Google Wallet is made for development only" in page


def test_only_who_is_signed_in_prints_and_only_a_card_that_works(shop: Shop) -> None:
    pages, stranger = _signed_in(shop), web(shop.app).test_client()

    printed = pages.get(f"{_path(shop)}/card.pdf")
    with shop.app.db.begin() as tx:
        sql.run(tx, "UPDATE cards SET status = 'blocked'")
    blocked, refused = pages.get(f"{_path(shop)}/card.pdf"), stranger.get(f"{_path(shop)}/card.pdf")

    assert (printed.status_code, printed.content_type) == (200, "application/pdf")
    assert printed.headers["Cache-Control"] == "no-store"
    assert [(answer.status_code, answer.location) for answer in (blocked, refused)] == [(303, _path(shop))] * 2
    assert "card.pdf" not in pages.get(_path(shop)).text


def test_what_the_member_may_like_is_shown_once_they_agreed_to_profiling(shop: Shop) -> None:
    others_buy(shop, TEA, CUP)
    shop.sell(lines=(CUP,))
    work_out(shop)
    pages = _signed_in(shop)

    before = pages.get(_path(shop)).text
    profile(shop, shop.alice)
    after = unescape(pages.get(_path(shop)).text)

    assert "You may like" not in before
    assert '<h2 id="recommended">You may like</h2>' in after
    assert '<strong>Green tea</strong><br><span class="soft">Often goes with “A cup”</span>' in after


def _path(shop: Shop) -> str:
    return f"/card/{shop.program}"


def _signed_in(shop: Shop) -> FlaskClient:
    """A browser in which Alice has signed in."""
    client = web(shop.app).test_client()
    opened = sign_in.open_session(shop.app, shop.program, shop.alice)
    client.set_cookie(COOKIE, opened.refresh_token, path=_path(shop))
    return client
