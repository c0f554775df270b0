"""The card page `/card/<program>`: a member signs in with a code and has the card on the screen."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

from babel.dates import format_date
from flask import Blueprint, Response, redirect, request, url_for

from passes.qr import qr_svg
from wallet_api.domain import errors
from wallet_api.domain.definition import Definition
from wallet_api.http.rate_limit import JOINS, SESSIONS, SIGN_INS, client, count
from wallet_api.pages.rendering import explain_refusals, page, preferred_language, the_app, words_of_request
from wallet_api.pages.texts import words_in
from wallet_api.services import sign_in
from wallet_api.services.addresses import canonical_email
from wallet_api.services.app import App
from wallet_api.services.explain import Explainer, locale_of
from wallet_api.services.page_session import Visitor, visitor_of
from wallet_api.services.print_cards import print_own_card
from wallet_api.services.recommend import show_recommendations
from wallet_api.services.show_card import card_of, code_now
from wallet_api.services.show_member import entries, profile, rewards, standing
from wallet_api.services.show_pass import google_link, shown_pass, signed
from wallet_api.services.sign_in import CODE_LIVES, REFRESH_ABSOLUTE
from wallet_api.store import programs
from wallet_api.store.session import Tx

COOKIE = "carnet_card"
ENTRIES_SHOWN = 8
ITEMS_SHOWN = 5
QR_EVERY_SECONDS = 20
EMAIL_CHARACTERS_MAX = 254
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]+")
_CODE = re.compile(r"[0-9]{6}", re.ASCII)


def blueprint() -> Blueprint:
    """The card page's routes."""
    made = Blueprint("card_page", __name__, url_prefix="/card")
    made.add_url_rule("", "programs", _programs)
    made.add_url_rule("/<slug:program>", "card", _card)
    made.add_url_rule("/<slug:program>/code", "code", _send_code, methods=["POST"])
    made.add_url_rule("/<slug:program>/session", "session", _sign_in, methods=["POST"])
    made.add_url_rule("/<slug:program>/sign-out", "sign_out", _sign_out, methods=["POST"])
    made.add_url_rule("/<slug:program>/qr", "qr", _qr)
    made.add_url_rule("/<slug:program>/apple.pkpass", "apple", _apple)
    made.add_url_rule("/<slug:program>/card.pdf", "printed", _printed)
    explain_refusals(made)
    return made


def remember(response: Response, token: str, *, program: str) -> Response:
    """Put a session's token into the cookie of one program's card page."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=REFRESH_ABSOLUTE,
        path=f"/card/{program}",
        secure=the_app().settings.base_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )
    return response


def _programs() -> Response:
    app, language = the_app(), preferred_language()
    with app.db.read() as tx:
        known = [app.current_definition(tx, each) for each in programs.program_ids(tx)]
    if len(known) == 1:
        return cast("Response", redirect(url_for("card_page.card", program=known[0].program), 303))
    return page(
        "programs.html", language=language, programs=[(each.program, each.name.text(language)) for each in known]
    )


def _card(program: str) -> Response:
    app = the_app()
    visitor = _visitor(app, program)
    if visitor is None:
        return _form(app, program)
    with app.db.begin() as tx:
        shown = _shown(app, tx, visitor.member_id)
    return page("card.html", **shown)


def _send_code(program: str) -> Response:
    app, email = the_app(), canonical_email(request.form.get("email", ""))
    if not _is_from_here(app):
        return _form(app, program, status=403, fault="not_from_here")
    if len(email) > EMAIL_CHARACTERS_MAX or not _EMAIL.fullmatch(email):
        return _form(app, program, status=422, fault="wrong_email", email=email[:EMAIL_CHARACTERS_MAX])
    count(JOINS, client())
    try:
        sign_in.request_code(app, program, email)
    except errors.TooManyRequests as wait:
        return _form(app, program, status=429, email=email, wait=wait.retry_after)
    return _form(app, program, email=email, is_sent=True)


def _sign_in(program: str) -> Response:
    app, email = the_app(), canonical_email(request.form.get("email", ""))
    code = re.sub(r"\s", "", request.form.get("code", ""))
    if not _is_from_here(app):
        return _form(app, program, status=403, fault="not_from_here")
    count(SESSIONS, client())
    count(SIGN_INS, email)
    try:
        if not _EMAIL.fullmatch(email) or not _CODE.fullmatch(code):
            raise errors.InvalidCode()
        opened = sign_in.sign_in(app, program, email, code)
    except errors.InvalidCode:
        return _form(app, program, status=422, fault="wrong_code", email=email[:EMAIL_CHARACTERS_MAX], is_sent=True)
    answer = cast("Response", redirect(url_for("card_page.card", program=program), 303))
    return remember(answer, opened.refresh_token, program=program)


def _sign_out(program: str) -> Response:
    app = the_app()
    if not _is_from_here(app):
        return _form(app, program, status=403, fault="not_from_here")
    if visitor := _visitor(app, program):
        sign_in.sign_out(app, visitor.session_id)
    answer = cast("Response", redirect(url_for("card_page.card", program=program), 303))
    answer.delete_cookie(COOKIE, path=f"/card/{program}", httponly=True, samesite="Lax")
    return answer


def _qr(program: str) -> Response:
    app = the_app()
    visitor = _visitor(app, program)
    if visitor is None:
        return Response(status=401)  # the script loads the page again, which asks to sign in
    with app.db.read() as tx:
        locale = str(profile(app, tx, visitor.member_id)["locale"])
        code = code_now(app, tx, visitor.member_id, now=app.clock.now())
    answer = Response(qr_svg(code, label=words_in(locale)("qr_label")), content_type="image/svg+xml")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _apple(program: str) -> Response:
    app = the_app()
    visitor = _visitor(app, program)
    if visitor is None:
        return cast("Response", redirect(url_for("card_page.card", program=program), 303))
    with app.db.begin() as tx:
        shown = shown_pass(app, tx, card_of(tx, visitor.member_id))
    answer = Response(signed(app, shown), content_type="application/vnd.apple.pkpass")
    answer.headers["Content-Disposition"] = f'attachment; filename="{program}.pkpass"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _printed(program: str) -> Response:
    app = the_app()
    visitor = _visitor(app, program)
    if visitor is None:
        return cast("Response", redirect(url_for("card_page.card", program=program), 303))
    try:
        content = print_own_card(app, visitor.member_id)
    except errors.CardBlocked:  # since the page was drawn, which says so
        return cast("Response", redirect(url_for("card_page.card", program=program), 303))
    answer = Response(content, content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="{program}.pdf"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _visitor(app: App, program: str) -> Visitor | None:
    token = request.cookies.get(COOKIE)
    return visitor_of(app, token, program=program) if token else None


def _is_from_here(app: App) -> bool:
    """Whether a browser sent this form from a page of ours: another site's form carries that site's origin."""
    origin = urlsplit(request.headers.get("Origin", ""))
    return bool(origin.netloc) and origin.netloc in {request.host, urlsplit(app.settings.base_url).netloc}


def _form(
    app: App,
    program: str,
    *,
    status: int = 200,
    email: str = "",
    fault: str | None = None,
    is_sent: bool = False,
    wait: int | None = None,
) -> Response:
    """The sign-in form: first the address, then the code."""
    words = words_of_request()
    with app.db.read() as tx:
        definition = app.current_definition(tx, program)
    answer = page(
        "sign_in.html",
        language=words.language,
        status=status,
        **_brand(definition, words.language),
        email=email,
        fault=words(fault) if fault else None,
        wait=wait,
        asks_for_code=is_sent or wait is not None,
        minutes=int(CODE_LIVES.total_seconds()) // 60,
        is_demo=app.settings.demo_dir is not None,
    )
    if wait is not None:
        answer.headers["Retry-After"] = str(wait)
    return answer


def _shown(app: App, tx: Tx, member_id: UUID) -> dict[str, Any]:
    """All that the page shows of a member, in their language."""
    person = profile(app, tx, member_id)
    locale, program = str(person["locale"]), str(person["program"])
    definition = app.current_definition(tx, program)
    words, card = Explainer(definition, locale), card_of(tx, member_id)
    own = words_in(locale)
    is_active = card.status == "active"
    code = code_now(app, tx, member_id, now=app.clock.now()) if is_active else None
    balances = cast("dict[str, dict[str, int]]", person["balances"])
    saving = google_link(app, tx, card) if is_active else None
    return {
        **_brand(definition, own.language),
        "language": own.language,
        "name": " ".join(str(person[part]) for part in ("given_name", "family_name") if person[part]),
        "number": " ".join(re.findall(r"\d{1,4}", card.number)),
        "qr": qr_svg(code, label=own("qr_label")).decode() if code else None,
        "qr_every": QR_EVERY_SECONDS,
        "balances": [
            {"id": unit.id, "number": words.number(unit.id, available), "noun": words.units(unit.id, available)}
            for unit in definition.units.values()
            for available in [balances[unit.id]["available"]]
        ],
        "standing": _standing(app, tx, member_id),
        "rewards": [_reward(item, words, tier=_tier_of(person)) for item in rewards(app, tx, member_id)],
        "recommended": show_recommendations(app, tx, member_id, limit=ITEMS_SHOWN)["items"],
        "entries": [
            _entry(item, words, definition, locale)
            for item in entries(app, tx, member_id, before=None, limit=ENTRIES_SHOWN)
        ],
        "has_apple": app.signer is not None and is_active,
        "google_url": str(saving["save_url"]) if saving else None,
        "is_active": is_active,
        "notes": _notes(app),
        "is_demo": app.settings.demo_dir is not None,
    }


def _notes(app: App) -> list[str]:
    """What a real phone needs, where the passes are made for development."""
    notes = []
    if app.signer is not None and app.signer.is_development:
        notes.append("apple_development")
    if app.google is not None and app.google.is_development:
        notes.append("google_development")
    return notes


def _brand(definition: Definition, language: str) -> dict[str, object]:
    return {
        "program": definition.program,
        "program_name": definition.name.text(language),
        "brand_name": definition.brand.name,
        "colours": definition.brand.colours,
    }


def _standing(app: App, tx: Tx, member_id: UUID) -> dict[str, Any] | None:
    try:
        return dict(standing(app, tx, member_id))
    except errors.NotFound:
        return None  # a program without tiers


def _tier_of(person: Any) -> str | None:
    return str(person["tier"]["id"]) if person["tier"] else None


def _reward(item: Any, words: Explainer, *, tier: str | None) -> dict[str, object]:
    missing = item["missing"]
    return {
        "name": item["name"],
        "price": words.units(item["price"]["unit"], item["price"]["amount"]),
        "available": item["available"],
        "missing": words.units(missing["unit"], missing["amount"]) if missing else None,
        "for_tier": not item["tiers"] or tier in item["tiers"],
    }


def _entry(item: Any, words: Explainer, definition: Definition, locale: str) -> dict[str, object]:
    at: datetime = item["occurred_at"].astimezone(definition.time_zone)
    amount = words.units(item["unit"], abs(item["amount"]))
    return {
        "amount": f"{'+' if item['amount'] >= 0 else '−'}{amount}",
        "is_gain": item["amount"] >= 0,
        "why": item["why"],
        "day": at.date().isoformat(),
        "date": format_date(at.date(), format="medium", locale=locale_of(locale)),
    }
