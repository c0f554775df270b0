"""The demo's pages: where to start, what would have gone out, what the emulated iPhone shows. Only in the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import orjson
from babel.numbers import format_decimal, format_percent
from flask import Blueprint, Response, redirect, url_for

from passes.qr import qr_svg
from wallet_api.http.schemas.fields import rfc3339
from wallet_api.pages.card import remember
from wallet_api.pages.rendering import explain_refusals, page, preferred_language, the_app, words_of_request
from wallet_api.services import sign_in
from wallet_api.services.explain import Explainer
from wallet_api.services.figures import figures
from wallet_api.store import deliveries, members

MESSAGES_SHOWN = 200


def blueprint(folder: Path) -> Blueprint:
    """The demo's routes; `folder` is where `carnet demo` keeps `demo.json` and what the phone shows."""
    made = Blueprint("demo_pages", __name__)
    made.add_url_rule("/", "start", lambda: _start(folder))
    made.add_url_rule("/demo/card", "card", lambda: _card(folder))
    made.add_url_rule("/demo/wallet", "wallet", lambda: _wallet(folder))
    made.add_url_rule("/demo/outbox", "outbox", _outbox)
    made.add_url_rule("/demo/outbox.json", "outbox_json", _outbox_json)
    explain_refusals(made)
    return made


def _start(folder: Path) -> Response:
    told = _told(folder)
    if told is None:
        return _starting()
    words, name = words_of_request(), _name(told)
    return page(
        "start.html",
        language=words.language,
        name=name,
        figures=_figures(told["program"], words.language),
        steps=[
            (words("step_code", name=name), _CODE.format(**_values(told))),
            (words("step_scan"), _SCAN.format(**_values(told))),
            (words("step_sale"), _SALE.format(**_values(told))),
            (words("step_told", name=name), _OUTBOX.format(**_values(told))),
        ],
        more=[
            (words("next_join"), _JOIN.format(**_values(told))),
            (words("next_rules", program=told["program"]), _APPLY.format(**_values(told), folder=folder)),
        ],
        file=folder / "demo.json",
    )


def _card(folder: Path) -> Response:
    """Sign the visitor in as the demo's member."""
    told = _told(folder)
    if told is None:
        return _starting()
    app, program = the_app(), str(told["program"])
    with app.db.read() as tx:
        member_id = members.by_address(tx, program, told["member"]["email"])
    if member_id is None:
        return _starting()
    opened = sign_in.open_session(app, program, member_id)
    answer = cast("Response", redirect(url_for("card_page.card", program=program), 303))
    return remember(answer, opened.refresh_token, program=program)


def _wallet(folder: Path) -> Response:
    told, shown = _told(folder), _read(folder / "wallet" / "device.json")
    if told is None or not shown:
        return _starting()
    (held, *_) = shown
    barcode = held["barcode"]
    words = words_of_request()
    return page(
        "wallet.html",
        language=words.language,
        name=_name(told),
        shown=held,
        qr=qr_svg(barcode["message"], label=words("wallet_code")).decode() if barcode else None,
    )


def _outbox() -> Response:
    return page("outbox.html", language=preferred_language(), messages=_messages())


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


def _name(told: dict[str, Any]) -> str:
    return str(told["member"]["email"]).partition("@")[0].capitalize()


def _values(told: dict[str, Any]) -> dict[str, str]:
    return {
        "base": told["base_url"],
        "program": told["program"],
        "key": told["till_key"],
        "location": told["location_id"],
        "token": told["member"]["access_token"],
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
_OUTBOX = """curl -s {base}/demo/outbox.json"""
_JOIN = """curl -s {base}/v1/programs/{program}/members --json '{{"email": "bob@example.org", "given_name": "Bob",
  "locale": "fr", "consents": {{"terms": true}}}}'
curl -s {base}/demo/outbox.json"""
_APPLY = """set -a; CARNET_SECRET_KEY=$(cat {folder}/secret); CARNET_DATA_DIR={folder}; set +a
.venv/bin/carnet program apply programs/{program}.yaml"""
