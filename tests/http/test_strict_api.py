"""The strict API on a trial app: what is refused and how, what the document says, what schemathesis finds."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Blueprint as PlainBlueprint
from flask import Flask
from flask.testing import FlaskClient
from flask.views import MethodView
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from tests.http.trial_app import OTHER_KEY, PRICES_KEY, Fault, Trial, new_id, served, trial_app
from wallet_api.domain import errors
from wallet_api.domain.errors import Refusal
from wallet_api.http.api import Api, Blueprint, UnguardedResource
from wallet_api.http.auth import anyone, by_member, guarded
from wallet_api.http.parser import read_json
from wallet_api.http.problems import STATUS, MalformedJson, problem_of, refuses
from wallet_api.http.schemas.base import AnswerSchema
from wallet_api.http.schemas.fields import Text


@pytest.fixture
def trial() -> Trial:
    return Trial()


@pytest.fixture
def client(trial: Trial) -> FlaskClient:
    return trial_app(trial).test_client()


@pytest.fixture
def alice(trial: Trial) -> dict[str, str]:
    return bearer(trial.member_token(new_id()))


@pytest.fixture
def bob(trial: Trial) -> dict[str, str]:
    return bearer(trial.member_token(new_id()))


def bearer(credential: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {credential}"}


def told(response: TestResponse) -> dict[str, Any]:
    """What an answer says, as JSON."""
    members: dict[str, Any] = json.loads(response.data)
    return members


# ── Refusals and statuses ────────────────────────────────────────────────────────────────────────────────────────


def test_every_refusal_has_a_status() -> None:
    every = set(refusals_below(Refusal))

    assert every - STATUS.keys() == set()
    assert len(every) > 30


def refusals_below(refusal: type[Refusal]) -> list[type[Refusal]]:
    below = refusal.__subclasses__()
    return [*below, *(deeper for one in below for deeper in refusals_below(one))]


@pytest.mark.parametrize("refusal", STATUS, ids=lambda refusal: refusal.__name__)
def test_a_status_is_one_of_those_that_callers_are_told(refusal: type[Refusal]) -> None:
    assert STATUS[refusal] in {400, 401, 403, 404, 409, 413, 415, 422, 429, 503}
    asks_to_wait = "retry_after" in {fact.name for fact in fields(refusal)}
    assert not asks_to_wait or STATUS[refusal] in {409, 429, 503}


def test_a_refusal_tells_its_facts_beside_the_members_of_a_problem() -> None:
    refusal = errors.InsufficientBalance(unit="points", have=3, need=5)

    body = problem_of(refusal).body()

    assert body == {
        "type": "/docs#insufficient_balance",
        "title": "The member does not have enough units for this.",
        "status": 409,
        "detail": "The member does not have enough units for this. (unit: points, have: 3, need: 5)",
        "code": "insufficient_balance",
        "unit": "points",
        "have": 3,
        "need": 5,
    }


def test_a_time_in_a_problem_is_rfc_3339(trial: Trial) -> None:
    now = trial.clock.now().replace(microsecond=0)
    refusal = errors.InTheFuture(occurred_at=now + timedelta(hours=1), now=now)

    body = problem_of(refusal).body()

    assert body["now"] == now.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_refusal_for_a_while_says_for_how_long() -> None:
    response = problem_of(errors.TooManyRequests(retry_after=30)).response()

    assert response.status_code == 429
    assert response.headers["Retry-After"] == "30"


def test_an_endpoint_cannot_document_a_refusal_without_a_status() -> None:
    with pytest.raises(LookupError, match="Refusal"):
        refuses(Refusal)


# ── What a request must look like ────────────────────────────────────────────────────────────────────────────────

NOTE = '{"text": "milk"}'


@pytest.mark.parametrize(
    ("why", "body", "content_type", "status", "code"),
    [
        ("no body and no type", None, None, 415, "unsupported_media_type"),
        ("a form", "text=milk", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        ("JSON under another name", NOTE, "application/merge-patch+json", 415, "unsupported_media_type"),
        ("an empty body", "", "application/json", 400, "malformed_json"),
        ("half a body", '{"text": "mil', "application/json", 400, "malformed_json"),
        ("a key twice", '{"text": "milk", "text": "rum"}', "application/json", 400, "malformed_json"),
        ("a number that is none", '{"text": NaN}', "application/json", 400, "malformed_json"),
        ("a number without end", '{"text": 1e999}', "application/json", 400, "malformed_json"),
        ("a number of 5,000 digits", '{"text": 1' + "0" * 5000 + "}", "application/json", 400, "malformed_json"),
        ("bytes that are no UTF-8", b'{"text": "\xff"}', "application/json", 400, "malformed_json"),
        ("deeper than Python goes", "[" * 60_000, "application/json", 400, "malformed_json"),
        ("too deep", '{"text": ' + "[" * 40 + "]" * 40 + "}", "application/json", 422, "invalid"),
        ("a NUL", '{"text": "mi\\u0000lk"}', "application/json", 422, "invalid"),
        ("half a surrogate pair", '{"text": "mi\\ud800lk"}', "application/json", 422, "invalid"),
        ("a key with half a surrogate pair", '{"mi\\ud800lk": 1}', "application/json", 422, "invalid"),
        ("an unknown field", '{"text": "milk", "owner": "bob"}', "application/json", 422, "invalid"),
        ("a missing field", "{}", "application/json", 422, "invalid"),
        ("null instead of an object", "null", "application/json", 422, "invalid"),
        ("a list instead of an object", "[]", "application/json", 422, "invalid"),
        ("a body over 64 KiB", json.dumps({"text": "x" * 65_536}), "application/json", 413, "body_too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value and "{" not in value else "",
)
def test_a_body_is_refused_for(
    client: FlaskClient,
    alice: dict[str, str],
    trial: Trial,
    why: str,
    body: str | bytes | None,
    content_type: str | None,
    status: int,
    code: str,
) -> None:
    response = client.post("/v1/notes", data=body, content_type=content_type, headers=alice)

    assert (response.status_code, told(response)["code"]) == (status, code), why
    assert response.content_type == "application/problem+json"
    assert trial.notes == {}


def test_a_body_of_unknown_length_is_refused_once_it_is_too_long(client: FlaskClient, alice: dict[str, str]) -> None:
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    body = json.dumps({"text": "x" * 70_000})

    response = client.post(
        "/v1/notes", data=body, content_type="application/json", headers=alice, environ_overrides=chunked
    )

    assert response.status_code == 413


def test_json_is_read_to_the_letter() -> None:
    assert read_json('{"a": [1, 1.5, "é", null, true]}'.encode()) == {"a": [1, 1.5, "é", None, True]}
    with pytest.raises(MalformedJson):
        read_json(b"Infinity")


def test_every_fault_of_a_body_is_told_with_its_place(client: FlaskClient) -> None:
    body = {"name": {"en": "Tea"}, "amount": 0, "points": "5", "tags": ["ok", "far too long for a tag"]}

    response = client.post("/v1/prices", json=body, headers={**bearer(PRICES_KEY), "Idempotency-Key": "1"})

    pointers = {fault["pointer"] for fault in told(response)["errors"]}
    assert pointers == {"#/amount", "#/points", "#/tags/1"}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=1&limit=2", "query/limit"),
        ("limit=0", "query/limit"),
        ("limit=101", "query/limit"),
        ("limit=%2B5", "query/limit"),
        ("limit=5%0A", "query/limit"),
        ("cursor=no-cursor", "query/cursor"),
        ("cursor=", "query/cursor"),
        ("owner=bob", "query/owner"),
        ("cursor=%00", "query/cursor/0"),
    ],
)
def test_a_query_is_refused(client: FlaskClient, alice: dict[str, str], query: str, pointer: str) -> None:
    response = client.get(f"/v1/notes?{query}", headers=alice)

    assert response.status_code == 422
    assert told(response)["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("key", [None, "", "a b", "schlüssel", "x" * 256])
def test_an_idempotency_key_is_visible_ascii(client: FlaskClient, key: str | None) -> None:
    headers = {**bearer(PRICES_KEY), **({} if key is None else {"Idempotency-Key": key})}

    response = client.post("/v1/prices", json={"name": {"en": "Tea"}, "amount": 250}, headers=headers)

    assert response.status_code == 422
    assert told(response)["errors"][0]["pointer"] == "header/Idempotency-Key"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", "two\nlines"),
        ("text", ""),
        ("text", 5),
        ("day", "2026-02-30"),
        ("day", "20260301"),
        ("remind_at", "2026-03-01T10:00:00"),
        ("remind_at", "2026-03-01 10:00:00Z"),
        ("remind_at", "2026-02-30T10:00:00Z"),
        ("remind_at", "0001-01-01T00:00:00+14:00"),
        ("email", "alice@example.org\n"),
        ("email", "alice@localhost"),
        ("phone", "0612345678"),
        ("phone", "+33612345678\n"),
        ("kind", "other"),
        ("kind", None),
    ],
)
def test_a_value_is_refused(client: FlaskClient, alice: dict[str, str], field: str, value: object) -> None:
    response = client.post("/v1/notes", json={"text": "milk", field: value}, headers=alice)

    assert response.status_code == 422
    assert [fault["pointer"] for fault in told(response)["errors"]] == [f"#/{field}"]


@pytest.mark.parametrize(
    ("amount", "status"),
    [(250, 201), (250.0, 201), ("250", 422), (True, 422), (2.5, 422), (0, 422), (2**53, 422), (1e300, 422)],
)
def test_an_amount_is_what_json_calls_an_integer(client: FlaskClient, amount: object, status: int) -> None:
    headers = {**bearer(PRICES_KEY), "Idempotency-Key": "1"}

    response = client.post("/v1/prices", json={"name": {"en": "Tea"}, "amount": amount}, headers=headers)

    assert response.status_code == status
    assert status != 201 or told(response)["amount"] == 250


@pytest.mark.parametrize("name", [{}, {"english": "Tea"}, {"en": ""}, {"en": None}, "Tea"])
def test_a_localised_text_names_its_languages(client: FlaskClient, name: object) -> None:
    headers = {**bearer(PRICES_KEY), "Idempotency-Key": "1"}

    response = client.post("/v1/prices", json={"name": name, "amount": 250}, headers=headers)

    assert response.status_code == 422


@pytest.mark.parametrize("path", ["/v1/notes/1", "/v1/health/a%0A", "/v1/health/a%00b", "/v1/health/A", "/v1//notes"])
def test_a_path_that_names_nothing_is_not_found(client: FlaskClient, alice: dict[str, str], path: str) -> None:
    response = client.get(path, headers=alice)

    assert (response.status_code, told(response)["code"]) == (404, "not_found")


def test_a_method_that_is_not_allowed_says_which_are(client: FlaskClient, alice: dict[str, str]) -> None:
    response = client.put("/v1/notes", json={}, headers=alice)

    assert (response.status_code, told(response)["code"]) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


def test_a_slash_at_the_end_does_not_redirect(client: FlaskClient, alice: dict[str, str]) -> None:
    response = client.post("/v1/notes/", json={"text": "milk"}, headers=alice)

    assert response.status_code == 201


# ── Accidents ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_accident_tells_the_caller_the_request_and_nothing_of_the_inside(client: FlaskClient) -> None:
    with capture_logs() as logs:
        response = client.get("/v1/health/broken-on-purpose", headers={"X-Request-Id": "till-4-00017"})

    assert (response.status_code, told(response)["code"]) == (500, "internal_error")
    assert told(response)["request_id"] == response.headers["X-Request-Id"] == "till-4-00017"
    assert "alice" not in response.text
    assert "Traceback" not in response.text
    assert [entry["event"] for entry in logs] == ["unexpected"]
    assert "RuntimeError" in str(logs)
    assert "trial_app.py" in str(logs)
    assert "alice" not in str(logs)


def test_a_request_id_that_could_forge_a_log_line_is_replaced(client: FlaskClient) -> None:
    response = client.get("/v1/health/api", headers={"X-Request-Id": "x] admin logged in"})

    assert UUID(response.headers["X-Request-Id"]).version == 7


class GreetingSchema(AnswerSchema):
    text = Text(longest=20)


def test_an_answer_that_lacks_a_promised_field_is_an_accident() -> None:
    with pytest.raises(AttributeError, match="'text'"):
        GreetingSchema().dump({})


# ── Who may call ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "Bearer a.b.c",
        "Bearer ck_live_unknown",
        "Bearer schlüssel",
        "Bearer a b",
    ],
)
def test_an_unknown_caller_is_refused_before_the_body_is_read(client: FlaskClient, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    response = client.post("/v1/notes", data="no JSON", headers=headers)

    assert (response.status_code, told(response)["code"]) == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("key", ["bob's token", "another key", "carol the cashier"])
def test_a_known_caller_without_the_right_is_refused_before_the_body_is_read(
    client: FlaskClient, trial: Trial, key: str
) -> None:
    bob, carol = trial.member_token(new_id()), trial.staff_token("cashier")
    credential = {"bob's token": bob, "another key": OTHER_KEY, "carol the cashier": carol}[key]

    response = client.post("/v1/prices", data="no JSON", headers=bearer(credential))

    assert (response.status_code, told(response)["code"]) == (403, "forbidden")
    assert told(response)["needs"] == "a key with the scope prices or staff with the role manager"


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_a_role_may_do_what_lesser_roles_may(client: FlaskClient, trial: Trial, role: str) -> None:
    headers = {**bearer(trial.staff_token(role)), "Idempotency-Key": "1"}

    response = client.post("/v1/prices", json={"name": {"en": "Tea"}, "amount": 250}, headers=headers)

    assert response.status_code == 201


def test_a_method_may_have_a_guard_of_its_own(client: FlaskClient, trial: Trial) -> None:
    maria = bearer(trial.staff_token("manager"))
    headers = {**maria, "Idempotency-Key": "1"}
    price = client.post("/v1/prices", json={"name": {"en": "Tea"}, "amount": 250}, headers=headers).headers["Location"]

    by_till = client.delete(price, headers=bearer(PRICES_KEY))
    by_maria = client.delete(price, headers=maria)

    assert (by_till.status_code, by_maria.status_code) == (403, 204)


def test_head_is_guarded_like_get(client: FlaskClient) -> None:
    assert client.head("/v1/notes").status_code == 401


def test_anothers_note_is_not_found(client: FlaskClient, alice: dict[str, str], bob: dict[str, str]) -> None:
    note = client.post("/v1/notes", json={"text": "milk"}, headers=alice).headers["Location"]

    by_alice, by_bob = client.get(note, headers=alice), client.get(note, headers=bob)

    assert (by_alice.status_code, by_bob.status_code) == (200, 404)


class Unguarded(MethodView):
    def get(self) -> str:
        return "for everybody, by mistake"


class GuardedTooLate(Unguarded):
    decorators = [guarded(by_member), lambda view: view]


class GuardedTwice(Unguarded):
    decorators = [anyone, guarded(by_member)]


@pytest.mark.parametrize("view", [Unguarded, GuardedTooLate, GuardedTwice, lambda: "a function"])
def test_a_resource_without_one_outermost_guard_does_not_register(view: object) -> None:
    blueprint = Blueprint("mistakes", __name__)

    with pytest.raises(UnguardedResource):
        blueprint.add_url_rule("/mistake", view_func=view)


def test_a_blueprint_that_checks_no_guards_does_not_register() -> None:
    api = Api(Flask("plain"))

    with pytest.raises(TypeError, match="guards"):
        api.register_blueprint(PlainBlueprint("plain", __name__))  # type: ignore[arg-type]  # the mistake under test


def test_two_resources_may_share_a_path(trial: Trial) -> None:
    app = trial_app(trial)
    blueprint = Blueprint("shared", __name__)

    @blueprint.route("/v1/shared")
    class Reading(MethodView):
        decorators = [anyone]

        @blueprint.response(200, GreetingSchema)
        def get(self) -> dict[str, str]:
            """Greet."""
            return {"text": "hello"}

    @blueprint.route("/v1/shared")
    class Writing(MethodView):
        decorators = [guarded(by_member)]

        @refuses(errors.LimitReached)
        @blueprint.response(204)
        def delete(self) -> None:
            """Fall silent."""

    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(blueprint)
    client = app.test_client()

    path = told(client.get("/openapi.json"))["paths"]["/v1/shared"]
    answered = [client.get("/v1/shared").status_code, client.delete("/v1/shared").status_code]

    assert answered == [200, 401]
    assert (path["get"]["security"], path["delete"]["security"]) == ([], [{"member": []}])
    assert set(path["delete"]["responses"]) == {"204", "401", "403", "409"}
    assert client.put("/v1/shared").headers["Allow"].split(", ").count("DELETE") == 1


def test_a_guard_for_nobody_in_particular_must_say_anyone() -> None:
    with pytest.raises(ValueError, match="anyone"):
        guarded()
    with pytest.raises(ValueError, match="anyone"):
        guarded(by_member, DELETE=())


# ── Lists ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_pages_lead_through_the_whole_list_once(client: FlaskClient, alice: dict[str, str]) -> None:
    written = [told(client.post("/v1/notes", json={"text": str(n)}, headers=alice))["id"] for n in range(5)]

    seen = []
    query: str | None = "limit=2"
    while query:
        page = told(client.get(f"/v1/notes?{query}", headers=alice))
        seen.append([note["id"] for note in page["items"]])
        query = page["next_cursor"] and f"limit=2&cursor={page['next_cursor']}"

    assert seen == [written[:2], written[2:4], written[4:]]


# ── The document ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_document_says_who_may_call(client: FlaskClient) -> None:
    paths = told(client.get("/openapi.json"))["paths"]

    assert paths["/v1/notes"]["get"]["security"] == [{"member": []}]
    assert paths["/v1/prices"]["post"]["security"] == [{"key": ["prices"]}, {"staff": ["manager"]}]
    assert paths["/v1/prices/{price_id}"]["delete"]["security"] == [{"staff": ["manager"]}]
    assert paths["/v1/health/{part}"]["get"]["security"] == []


def test_the_document_says_how_a_call_refuses_with_every_code(client: FlaskClient) -> None:
    answers = told(client.get("/openapi.json"))["paths"]["/v1/prices"]["post"]["responses"]

    codes = {
        status: answer["content"]["application/problem+json"]["schema"]["allOf"][1]["properties"]["code"]["enum"]
        for status, answer in answers.items()
        if status != "201"
    }

    assert codes == {
        "400": ["malformed_json"],
        "401": ["unauthenticated"],
        "403": ["forbidden"],
        "409": ["in_progress", "insufficient_balance"],
        "413": ["body_too_large"],
        "415": ["unsupported_media_type"],
        "422": ["invalid"],
    }


def test_the_document_shows_the_headers_of_a_refusal(client: FlaskClient) -> None:
    answers = told(client.get("/openapi.json"))["paths"]["/v1/prices"]["post"]["responses"]

    assert "WWW-Authenticate" in answers["401"]["headers"]
    assert "Retry-After" in answers["409"]["headers"]
    assert "headers" not in answers["422"]


def test_the_document_shows_every_check_of_a_field(client: FlaskClient) -> None:
    schemas = told(client.get("/openapi.json"))["components"]["schemas"]

    assert schemas["NoteBody"]["additionalProperties"] is False
    assert schemas["NoteBody"]["properties"]["text"] == {
        "type": "string",
        "minLength": 1,
        "maxLength": 200,
        "pattern": r"^[^\x00-\x1f\x7f-\x9f]*$",
    }
    assert schemas["PriceBody"]["properties"]["amount"]["minimum"] == 1
    assert schemas["PriceBody"]["properties"]["name"]["propertyNames"] == {"pattern": "^[a-z]{2}(-[A-Z]{2})?$"}
    assert schemas["NotePatch"]["properties"]["day"]["type"] == ["string", "null"]
    assert schemas["Note"]["required"] == ["created_at", "day", "id", "kind", "text"]


def test_operations_have_names_of_their_own(client: FlaskClient) -> None:
    paths = told(client.get("/openapi.json"))["paths"]

    names = [call["operationId"] for path in paths.values() for method, call in path.items() if method != "parameters"]

    assert len(names) == len(set(names)) == 9


def test_the_docs_page_shows_each_call_and_problem_and_fetches_nothing(client: FlaskClient) -> None:
    response = client.get("/docs")

    page = response.text
    assert response.status_code == 200
    assert "<code>DELETE /v1/prices/{price_id}</code>" in page
    assert 'id="insufficient_balance"' in page
    assert 'id="internal_error"' in page
    assert '<html lang="en">' in page
    assert "src=" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "script" not in response.headers["Content-Security-Policy"]


# ── Schemathesis ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.timeout(120)
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    report = schemathesis(tmp_path, fault=None, phases="coverage,fuzzing,stateful", examples=12)

    assert report.returncode == 0, report.stdout
    assert "No issues found" in report.stdout
    # With no link covered, the stateful phase would have tested nothing.
    assert "API Links:" in report.stdout
    assert " 0 covered" not in report.stdout


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("fault", "phase", "found"),
    [
        ("shows another's note", "coverage", "Object-level authorization bypass"),
        ("does not delete", "stateful", "Deleted resource still available"),
        ("does not store", "stateful", "Created resource not found"),
        ("answers undocumented", "fuzzing", "Undocumented status code"),
    ],
)
def test_schemathesis_finds_a_planted_fault(tmp_path: Path, fault: Fault, phase: str, found: str) -> None:
    report = schemathesis(tmp_path, fault=fault, phases=phase, examples=10)

    assert report.returncode == 1
    assert found in report.stdout


def schemathesis(folder: Path, *, fault: Fault | None, phases: str, examples: int) -> subprocess.CompletedProcess[str]:
    """Run `st run` with all checks on a served trial app; alice and bob must not see each other's notes."""
    trial = Trial(fault=fault)
    callers = {
        "alice": trial.member_token(new_id()),
        "bob": trial.member_token(new_id()),
        "maria": trial.staff_token("manager"),
        "till": PRICES_KEY,
    }
    users = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {credential}"}]}
        for name, credential in callers.items()
    ]
    (folder / "users.json").write_text(json.dumps({"auth": users}))
    (folder / "schemathesis.toml").write_text('[auth.wfc]\npath = "users.json"\npeers = ["alice", "bob"]\n')
    options = ["--checks", "all", "--phases", phases, "--max-examples", str(examples), "--seed", "1"]
    stop_early = [] if fault is None else ["--max-failures", "1", "--no-shrink", "--include-path-regex", "notes"]
    with served(trial_app(trial)) as url:
        return subprocess.run(
            [Path(sys.executable).parent / "st", "run", f"{url}/openapi.json", *options, *stop_early],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
