"""A small app on the strict API: notes that belong to members, and prices that keys with a scope may keep."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Literal
from uuid import UUID

import marshmallow as ma
import uuid_utils.compat
from flask import Flask
from flask.views import MethodView
from werkzeug.serving import make_server

from wallet_api.clock import Clock, SystemClock
from wallet_api.domain.errors import InProgress, InsufficientBalance, NotFound
from wallet_api.http.api import Api, Blueprint
from wallet_api.http.auth import anyone, by_key, by_member, by_staff, caller, guarded
from wallet_api.http.headers import LOCATION, IdempotencyHeaders
from wallet_api.http.pagination import Page, PageQuery, page, page_schema
from wallet_api.http.problems import refuses
from wallet_api.http.schemas.base import AnswerSchema, Schema
from wallet_api.http.schemas.fields import (
    Day,
    Email,
    Localised,
    MoneyAmount,
    OneOf,
    Phone,
    Text,
    UnitAmount,
    UtcDateTime,
    Uuid,
    left_out,
)
from wallet_api.settings import Settings
from wallet_api.tokens import AccessClaims, issue_access_token, token_keys

PROGRAM = "plain"
PRICES_KEY = "ck_live_prices"
OTHER_KEY = "ck_live_other"
Fault = Literal["shows another's note", "does not delete", "does not store", "answers undocumented"]


@dataclass(frozen=True, kw_only=True)
class Note:
    id: UUID
    owner: UUID
    text: str
    day: date | None
    kind: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Price:
    id: UUID
    name: Mapping[str, str]
    amount: int
    points: int


@dataclass(frozen=True, kw_only=True)
class Key:
    id: UUID
    program: str
    scopes: tuple[str, ...]
    locations: tuple[UUID, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a guard needs, beside the two shelves that stand for a database."""

    settings: Settings = field(default_factory=lambda: Settings(secret_key="0123456789abcdefghijklmnopqrstuvwxyz"))
    clock: Clock = field(default_factory=SystemClock)
    fault: Fault | None = None
    notes: dict[UUID, Note] = field(default_factory=dict)
    prices: dict[UUID, Price] = field(default_factory=dict)
    ended_sessions: set[UUID] = field(default_factory=set)

    def authenticate_key(self, raw: str) -> Key | None:
        scopes = {PRICES_KEY: ("prices",), OTHER_KEY: ("other",)}.get(raw)
        return None if scopes is None else Key(id=new_id(), program=PROGRAM, scopes=scopes)

    def session_is_open(self, session: UUID) -> bool:
        return session not in self.ended_sessions

    def member_token(self, member: UUID) -> str:
        claims = AccessClaims(subject=member, kind="member", program=PROGRAM, session=new_id())
        return issue_access_token(claims, keys=token_keys(self.settings), now=self.clock.now())

    def staff_token(self, role: str) -> str:
        claims = AccessClaims(subject=new_id(), kind="staff", program=PROGRAM, session=new_id(), role=role)
        return issue_access_token(claims, keys=token_keys(self.settings), now=self.clock.now())


def new_id() -> UUID:
    return uuid_utils.compat.uuid7()


class NoteBodySchema(Schema):
    text = Text(longest=200, required=True)
    day = Day(load_default=left_out)
    kind = OneOf("plain", "urgent", load_default="plain")
    remind_at = UtcDateTime(load_default=left_out)
    email = Email(load_default=left_out)
    phone = Phone(load_default=left_out)


class NotePatchSchema(Schema):
    text = Text(longest=200)
    day = Day(allow_none=True)


class NoteSchema(AnswerSchema):
    id = Uuid()
    text = Text(longest=200)
    day = Day(allow_none=True)
    kind = OneOf("plain", "urgent")
    created_at = UtcDateTime()


class PriceBodySchema(Schema):
    name = Localised(longest=40, required=True)
    amount = MoneyAmount(minimum=1, required=True)
    points = UnitAmount(load_default=0)
    tags = ma.fields.List(Text(longest=20), validate=ma.validate.Length(max=3), load_default=list)


class PriceSchema(AnswerSchema):
    id = Uuid()
    name = Localised(longest=40)
    amount = MoneyAmount()
    points = UnitAmount()


class HealthSchema(AnswerSchema):
    status = OneOf("ok")


def trial_app(trial: Trial) -> Flask:
    app = Flask("trial")
    app.extensions["carnet"] = trial
    api = Api(app)
    api.register_blueprint(notes_blueprint(trial))
    api.register_blueprint(prices_blueprint(trial))
    return app


def notes_blueprint(trial: Trial) -> Blueprint:
    blp = Blueprint("notes", __name__, url_prefix="/v1/notes", description="A member's own notes")

    def own_note(note_id: UUID) -> Note:
        note = trial.notes.get(note_id)
        is_visible = note is not None and (note.owner == caller().id or trial.fault == "shows another's note")
        if note is None or not is_visible:
            raise NotFound(what="note")
        return note

    @blp.route("")
    class Notes(MethodView):
        decorators = [guarded(by_member)]

        @blp.arguments(PageQuery, location="query")
        @blp.response(200, page_schema(NoteSchema))
        def get(self, query: dict[str, object]) -> Page[Note]:
            """List the caller's notes."""
            limit, cursor = query["limit"], query["cursor"]
            assert isinstance(limit, int)
            own = sorted((note for note in trial.notes.values() if note.owner == caller().id), key=lambda note: note.id)
            rows = [note for note in own if not isinstance(cursor, UUID) or note.id > cursor]
            return page(rows[: limit + 1], limit=limit, id_of=lambda note: note.id)

        @blp.arguments(NoteBodySchema)
        @blp.response(201, NoteSchema, headers=LOCATION)
        def post(self, body: dict[str, object]) -> object:
            """Write a note."""
            text, day, kind = body["text"], body["day"], body["kind"]
            assert isinstance(text, str)
            assert isinstance(kind, str)
            assert day is None or isinstance(day, date)
            note = Note(id=new_id(), owner=caller().id, text=text, day=day, kind=kind, created_at=datetime.now(UTC))
            if trial.fault != "does not store":
                trial.notes[note.id] = note
            return note, 201, {"Location": f"/v1/notes/{note.id}"}

    @blp.route("/<uuid:note_id>")
    class OneNote(MethodView):
        decorators = [guarded(by_member)]

        @blp.response(200, NoteSchema)
        @refuses(NotFound)
        def get(self, note_id: UUID) -> object:
            """Read one note."""
            note = own_note(note_id)
            return (note, 203) if trial.fault == "answers undocumented" else note

        @blp.arguments(NotePatchSchema)
        @blp.response(200, NoteSchema)
        @refuses(NotFound)
        def patch(self, body: dict[str, object], note_id: UUID) -> Note:
            """Change one note."""
            trial.notes[note_id] = replace(own_note(note_id), **body)  # type: ignore[arg-type]  # checked by the schema
            return trial.notes[note_id]

        @blp.response(204)
        @refuses(NotFound)
        def delete(self, note_id: UUID) -> None:
            """Throw one note away."""
            own_note(note_id)
            if trial.fault != "does not delete":
                del trial.notes[note_id]

    return blp


def prices_blueprint(trial: Trial) -> Blueprint:
    blp = Blueprint("prices", __name__, url_prefix="/v1", description="Prices, kept by the shop's own systems")

    @blp.route("/prices")
    class Prices(MethodView):
        decorators = [guarded(by_key("prices"), by_staff("manager"))]

        @blp.arguments(IdempotencyHeaders, location="headers")
        @blp.arguments(PriceBodySchema)
        @blp.response(201, PriceSchema, headers=LOCATION)
        @refuses(InsufficientBalance, InProgress)
        def post(self, headers: dict[str, str], body: dict[str, object]) -> object:
            """Set a price."""
            del body["tags"]
            price = Price(id=new_id(), **body)  # type: ignore[arg-type]  # checked by the schema
            if price.points > price.amount:
                raise InsufficientBalance(unit="points", have=price.amount, need=price.points)
            trial.prices[price.id] = price
            return price, 201, {"Location": f"/v1/prices/{price.id}"}

    @blp.route("/prices/<uuid:price_id>")
    class OnePrice(MethodView):
        decorators = [guarded(by_key("prices"), DELETE=(by_staff("manager"),))]

        @blp.response(200, PriceSchema)
        @refuses(NotFound)
        def get(self, price_id: UUID) -> Price:
            """Read one price."""
            if (price := trial.prices.get(price_id)) is None:
                raise NotFound(what="price")
            return price

        @blp.response(204)
        @refuses(NotFound)
        def delete(self, price_id: UUID) -> None:
            """Take a price back."""
            if trial.prices.pop(price_id, None) is None:
                raise NotFound(what="price")

    @blp.route("/health/<slug:part>")
    class Health(MethodView):
        decorators = [anyone]

        @blp.response(200, HealthSchema)
        def get(self, part: str) -> dict[str, str]:
            """Say how a part is."""
            if part == "broken-on-purpose":
                raise RuntimeError("secret: alice@example.org")
            return {"status": "ok"}

    return blp


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve the app on a free port of this machine, and give its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
