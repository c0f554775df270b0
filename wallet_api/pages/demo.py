"""The demo's pages: where to start, what would have gone out, what the emulated iPhone shows. Only in the demo."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
from babel.dates import format_datetime
from babel.numbers import format_decimal, format_percent
from flask import Blueprint, Response, abort, redirect, request, url_for

from wallet_api.domain.errors import NotFound
from wallet_api.http.schemas.fields import rfc3339
from wallet_api.pages.apple_pass import read_apple_pass
from wallet_api.pages.card import remember
from wallet_api.pages.google_pass import read_google_pass
from wallet_api.pages.rendering import explain_refusals, page, preferred_language, the_app, words_of_request
from wallet_api.pages.texts import LANGUAGES
from wallet_api.services import sign_in
from wallet_api.services.explain import Explainer
from wallet_api.services.figures import figures
from wallet_api.services.google_resources import class_and_object
from wallet_api.services.show_card import card_of
from wallet_api.services.show_pass import shown_pass, signed
from wallet_api.store import deliveries, members

MESSAGES_SHOWN = 200
THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
LANGUAGES_CALLED = (("en", "English"), ("fr", "Français"))

HTTPS_HERE = "https://carnet.example"
"""What stands for the demo's own address in what Google would be sent: it takes https only, and this goes nowhere."""


def blueprint(folder: Path) -> Blueprint:
    """The demo's routes; `folder` is where `carnet demo` keeps `demo.json` and what the phone shows."""
    made = Blueprint("demo_pages", __name__)
    made.add_url_rule("/", "start", lambda: _start(folder))
    made.add_url_rule("/demo/card", "card", lambda: _card(folder))
    made.add_url_rule("/demo/wallet", "wallet", lambda: _wallet(folder))
    made.add_url_rule("/demo/passes", "passes", lambda: _passes(folder))
    made.add_url_rule("/demo/outbox", "outbox", _outbox)
    made.add_url_rule("/demo/outbox.json", "outbox_json", _outbox_json)
    made.before_request(_refuse_strange_hosts)
    explain_refusals(made)
    return made


def _refuse_strange_hosts() -> None:
    """Keys and codes are shown to this machine only: another site's name may be made to point here (DNS rebinding)."""
    if urlsplit(f"//{request.host}").hostname not in THIS_MACHINE:
        abort(404)


def _start(folder: Path) -> Response:
    told = _told(folder)
    opened = _open_session(told) if told else None
    if told is None or opened is None:
        return _starting()
    words, name, values = words_of_request(), _name(told), _values(told)
    return page(
        "start.html",
        language=words.language,
        name=name,
        figures=_figures(told["program"], words.language),
        steps=[
            (words("step_code", name=name), _CODE.format(**values, token=opened.access_token)),
            (words("step_scan"), _SCAN.format(**values)),
            (words("step_sale"), _SALE.format(**values)),
            (words("step_told", name=name), _OUTBOX.format(**values)),
        ],
        more=[
            (words("next_join"), _JOIN.format(**values)),
            (words("next_rules", program=told["program"]), _APPLY.format(**values, folder=folder)),
        ],
        file=folder / "demo.json",
    )


def _card(folder: Path) -> Response:
    """Sign the visitor in as the demo's member."""
    told = _told(folder)
    opened = _open_session(told) if told else None
    if told is None or opened is None:
        return _starting()
    answer = cast("Response", redirect(url_for("card_page.card", program=told["program"]), 303))
    return remember(answer, opened.refresh_token, program=told["program"])


def _wallet(folder: Path) -> Response:
    told, shown = _told(folder), _read(folder / "wallet" / "device.json")
    if told is None or not shown:
        return _starting()
    (held, *_) = shown
    words = words_of_request()
    content = (folder / "wallet" / held["file"]).read_bytes()
    return page(
        "wallet.html",
        language=words.language,
        name=_name(told),
        apple=read_apple_pass(content, language=held["language"], code_label=words("wallet_code")),
        lock_screen=held["lock_screen"],
        updated=_moment(parsedate_to_datetime(held["last_modified"]), words.language)
        if held["last_modified"]
        else None,
    )


def _passes(folder: Path) -> Response:
    """Both passes of the demo's member, as a phone of the language asked for draws them."""
    told = _told(folder)
    if told is None:
        return _starting()
    words, asked = words_of_request(), request.args.get("language", "")
    language = asked if asked in LANGUAGES else words.language
    return page(
        "passes.html",
        language=words.language,
        name=_name(told),
        languages=LANGUAGES_CALLED,
        shown_in=language,
        **_drawn(told, language=language, code_label=words("wallet_code")),
    )


def _drawn(told: dict[str, Any], *, language: str, code_label: str) -> dict[str, Any]:
    app = the_app()
    now, issuer = app.clock.now(), app.google
    with app.db.begin() as tx:
        member_id = members.by_address(tx, told["program"], told["member"]["email"])
        if member_id is None:
            raise NotFound(what="member")
        card = card_of(tx, member_id)
        shown = shown_pass(app, tx, card) if app.apple else None
        resources = (
            class_and_object(app, tx, card, issuer_id=issuer.issuer_id, base_url=HTTPS_HERE, now=now)
            if issuer
            else None
        )
    apple = read_apple_pass(signed(app, shown), language=language, code_label=code_label) if shown else None
    google = read_google_pass(*resources, language=language, code_label=code_label, now=now) if resources else None
    return {
        "apple": apple,
        "google": google,
        "logo": google.logo_url.removeprefix(HTTPS_HERE) if google else None,
    }


def _outbox() -> Response:
    language = preferred_language()
    messages = [
        message | {"sent": _moment(datetime.fromisoformat(message["sent_at"]), language)} for message in _messages()
    ]
    return page("outbox.html", language=language, messages=messages)


def _outbox_json() -> Response:
    answer = Response(orjson.dumps(_messages()), content_type="application/json")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _messages() -> list[dict[str, str]]:
    with the_app().db.read() as tx:
        rows = deliveries.console_messages(tx, limit=MESSAGES_SHOWN)
    return [
        {
            "channel": row.channel,
            "to": row.recipient,
            "title": row.title,
            "body": row.body,
            **({"code": row.code} if row.code else {}),
            "sent_at": rfc3339(row.sent_at),
        }
        for row in rows
    ]


def _moment(at: datetime, language: str) -> str:
    return f"{format_datetime(at, format='medium', locale=language)} UTC"


def _starting() -> Response:
    return page("starting.html", language=preferred_language(), status=503)


def _figures(program: str, language: str) -> dict[str, Any]:
    app = the_app()
    with app.db.read() as tx:
        definition = app.current_definition(tx, program)
        counted = figures(tx, program)
    words = Explainer(definition, language)
    return {
        "members": format_decimal(counted.members, locale=language),
        "sales": format_decimal(counted.sales, locale=language),
        "revenue": words.money(counted.revenue),
        "outstanding": [
            (unit.name.text(language), words.number(unit.id, counted.outstanding.get(unit.id, 0)))
            for unit in definition.units.values()
        ],
        "tiers": [
            {
                "name": level.name.text(language),
                "members": format_decimal(held := counted.members_by_tier.get(level.id, 0), locale=language),
                "percent": round(100 * held / max(counted.members, 1), 1),
                "share": format_percent(held / max(counted.members, 1), format="#,##0.0 %", locale=language),
            }
            for level in (definition.tiers.levels if definition.tiers else ())
        ],
    }


def _told(folder: Path) -> dict[str, Any] | None:
    told = _read(folder / "demo.json")
    return told if isinstance(told, dict) else None


def _read(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None


def _open_session(told: dict[str, Any]) -> sign_in.Tokens | None:
    """A new session of the demo's member: the access token in `demo.json` is good for minutes only."""
    app, program = the_app(), str(told["program"])
    with app.db.read() as tx:
        member_id = members.by_address(tx, program, told["member"]["email"])
    return sign_in.open_session(app, program, member_id) if member_id else None


def _name(told: dict[str, Any]) -> str:
    return str(told["member"]["email"]).partition("@")[0].capitalize()


def _values(told: dict[str, Any]) -> dict[str, str]:
    return {
        "base": told["base_url"],
        "program": told["program"],
        "key": told["till_key"],
        "location": told["location_id"],
    }


_VALUE = """python3 -c 'import json, sys; print(json.load(sys.stdin){path})'"""
_CODE = (
    """CODE=$(curl -s {base}/v1/me/card -H 'Authorization: Bearer {token}' |\n  """
    + _VALUE.replace("{path}", '["barcode"]["value"]')
    + """)"""
)
_SCAN = (
    """SCAN=$(curl -s {base}/v1/scans -H 'Authorization: Bearer {key}' \\\n  --json '{{"code": "'$CODE'", "location_id": "{location}"}}' |\n  """
    + _VALUE.replace("{path}", '["scan_id"]')
    + """)"""
)
_SALE = """curl -s {base}/v1/transactions -H 'Authorization: Bearer {key}' -H "Idempotency-Key: $(date +%s)" \\
  --json '{{"scan_id": "'$SCAN'", "external_id": "receipt-'$(date +%s)'", "location_id": "{location}",
  "occurred_at": "'$(date -u +%FT%TZ)'", "currency": "USD", "amount": 12000}}'"""
_OUTBOX = """sleep 1; curl -s {base}/demo/outbox.json"""
_JOIN = """curl -s {base}/v1/programs/{program}/members --json '{{"email": "bob@example.org", "given_name": "Bob",
  "locale": "fr", "consents": {{"terms": true}}}}'
sleep 1; curl -s {base}/demo/outbox.json"""
_APPLY = """set -a; CARNET_SECRET_KEY=$(cat {folder}/secret); CARNET_DATA_DIR={folder}; set +a
.venv/bin/carnet program apply programs/{program}.yaml"""
