"""The page behind the link in each mail: it asks, and then ends such mails.

Mail programs end them by a POST to the same address (RFC 8058); a GET changes nothing, because scanners of mail follow
every link.
"""

from __future__ import annotations

from flask import Blueprint, Response, url_for

from wallet_api.http.rate_limit import JOINS, client, count
from wallet_api.pages.rendering import explain_refusals, page, the_app
from wallet_api.services.unsubscribe import program_of, subscription_of, unsubscribe


def ask(token: str) -> Response:
    """The page that asks. Raises NotFound for a link that was not made here."""
    return _page(token, is_done=False)


def blueprint() -> Blueprint:
    """Where its button leads; the page itself stands at the address of the API, as the standard wants it."""
    made = Blueprint("unsubscribe_page", __name__)
    made.add_url_rule("/unsubscribe/<segment:token>", "stop", _stop, methods=["POST"])
    explain_refusals(made)
    return made


def _stop(token: str) -> Response:
    count(JOINS, client())
    app = the_app()
    with app.db.begin() as tx:
        unsubscribe(app, tx, token)
    return _page(token, is_done=True)


def _page(token: str, *, is_done: bool) -> Response:
    app = the_app()
    subscription = subscription_of(app.settings, token)
    with app.db.read() as tx:
        program, locale = program_of(tx, subscription)
        brand = app.current_definition(tx, program).brand
    return page(
        "unsubscribe.html",
        language=locale,
        program=brand.name,
        colours=brand.colours,
        message_class=subscription.message_class.value,
        action=url_for("unsubscribe_page.stop", token=token),
        is_done=is_done,
    )
