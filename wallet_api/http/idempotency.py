"""Running a till's write once: the answer is written in the transaction of the effect, and given again when asked again.

Kept are the answers of what was done, and of wishes that the state refused (403, 404, 409). What was not executed
leaves no trace: a 5xx rolls back the key together with the effect, so a retry runs again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http import HTTPStatus

import orjson
from flask import Response, request

from wallet_api.domain.errors import Busy, IdempotencyKeyReused, InProgress, Refusal
from wallet_api.http.auth import caller
from wallet_api.http.headers import IDEMPOTENCY_KEY
from wallet_api.http.problems import PROBLEM_JSON, problem_of
from wallet_api.services.app import App
from wallet_api.services.identify import WrongCode, count_wrong_code
from wallet_api.services.present import Json
from wallet_api.store import idempotency
from wallet_api.store.idempotency import Answered, Call
from wallet_api.store.session import Tx

REPLAYED = "Idempotent-Replayed"
REFUSALS = (IdempotencyKeyReused, InProgress, Busy)
_KEPT = {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}


def once(app: App, work: Callable[[Tx], Json], *, status: int = 201, location: str | None = None) -> Response:
    """Do some work in one transaction and answer with what it returns.

    Under an `Idempotency-Key` the same request gets the first answer again. `location` is a path that ends in the
    answer's id.
    """
    key = request.headers.get(IDEMPOTENCY_KEY)
    call = _call(key) if key else None

    def work_once(tx: Tx) -> Response:
        if call and (known := idempotency.claim(tx, call, now=app.clock.now())):
            return _replay(call, known)
        body = orjson.dumps(work(tx), option=orjson.OPT_UTC_Z)
        if call:
            idempotency.answer(tx, call, status=status, body=body)
        return _answer(status, body, location=location)

    try:
        return app.db.run(work_once)
    except WrongCode as wrong:
        count_wrong_code(app, wrong)
        return _refused(app, call, wrong.refusal)
    except Refusal as refusal:
        return _refused(app, call, refusal)


def attempt(app: App, work: Callable[[Tx], Json]) -> Response:
    """Do some work and undo it: a preview."""

    def undone(tx: Tx) -> bytes:
        body = orjson.dumps(work(tx), option=orjson.OPT_UTC_Z)
        tx.rollback()
        return body

    try:
        body = app.db.run(undone)
    except WrongCode as wrong:
        count_wrong_code(app, wrong)
        raise wrong.refusal from None
    return _answer(HTTPStatus.OK, body, location=None)


def _call(key: str) -> Call:
    by = caller()
    asked = b"\x00".join(
        (
            request.method.encode(),
            request.path.encode(),
            repr(sorted(request.args.items(multi=True))).encode(),
            request.get_data(cache=True),
        )
    )
    return Call(
        program_id=by.program,
        caller=by.id,
        route=f"{request.method} {request.url_rule}",
        key=key,
        fingerprint=hashlib.sha256(asked).digest(),
    )


def _replay(call: Call, known: Answered) -> Response:
    if known.fingerprint != call.fingerprint:
        raise IdempotencyKeyReused()
    answer = _answer(known.status, known.body, location=None)
    answer.headers[REPLAYED] = "true"
    return answer


def _refused(app: App, call: Call | None, refusal: Refusal) -> Response:
    """Keep the refusal of a wish that was tried; the transaction that tried it is rolled back."""
    problem = problem_of(refusal)
    if call and problem.status in _KEPT and "Retry-After" not in problem.headers:
        body = orjson.dumps(problem.body())
        with app.db.begin() as tx:
            known = idempotency.claim(tx, call, now=app.clock.now())
            if known:  # the same request came twice at once, and the other one was executed
                return _replay(call, known)
            idempotency.answer(tx, call, status=problem.status, body=body)
    return problem.response()


def _answer(status: int, body: bytes, *, location: str | None) -> Response:
    kind = PROBLEM_JSON if status >= HTTPStatus.BAD_REQUEST else "application/json"
    response = Response(body, status, content_type=kind)
    if location is not None:
        response.headers["Location"] = f"{location}/{orjson.loads(body)['id']}"
    return response
