"""Surveys over HTTP: a manager asks, members answer, the results; who may, and what is refused and where."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.http.calls import as_key, as_member, as_staff, refused, told
from tests.shop import Shop, open_shop
from wallet_api.clock import FixedClock
from wallet_api.store.session import Database

SURVEYS, MINE, MY_ANSWERS = "/v1/surveys", "/v1/me/surveys", "/v1/me/surveys/after-visit/answers"
SURVEY: dict[str, Any] = {
    "id": "after-visit",
    "title": {"en": "Your visit", "fr": "Votre visite"},
    "questions": [
        {"id": "recommend", "kind": "score", "text": {"en": "Would you recommend us?", "fr": "Nous recommander ?"}},
        {
            "id": "why",
            "kind": "choice",
            "text": "Why?",
            "several": True,
            "options": [
                {"id": "price", "text": {"en": "The price", "fr": "Le prix"}},
                {"id": "staff", "text": "The staff"},
            ],
        },
        {"id": "words", "kind": "text", "text": "Anything else?"},
    ],
    "closes_at": "2026-04-01T00:00:00Z",
}
ANSWERS: dict[str, Any] = {
    "answers": [
        {"question": "recommend", "score": 10},
        {"question": "why", "options": ["price", "staff"]},
        {"question": "words", "text": "Nice.\nThank you!"},
    ]
}

Body = dict[str, Any]

FAULTS: list[tuple[Body, dict[str, str]]] = [
    ({"id": "After visit"}, {"#/id": "Not an id such as after-visit."}),
    ({"title": {"fr": "Bonjour"}}, {"#/title": "It is missing in the program’s first language, en."}),
    ({"questions": []}, {"#/questions": "Length must be between 1 and 20."}),
    ({"closes_at": "2026-03-10T12:00:00Z"}, {"#/closes_at": "It would close before it opens."}),
    ({"segment": "0190b5a4-0000-7000-8000-000000000000"}, {"#/segment": "The program has no such segment."}),
    (
        {
            "questions": [
                {"id": "a", "kind": "choice", "text": {"fr": "Pourquoi ?"}, "options": [{"id": "x", "text": "X"}]},
                {"id": "a", "kind": "score", "text": "?", "several": True},
                {"id": "b", "kind": "text", "text": "?", "options": [{"id": "y", "text": {"fr": "Y"}}] * 2},
            ]
        },
        {
            "#/questions/0/id": "“a” is taken.",
            "#/questions/0/text": "It is missing in the program’s first language, en.",
            "#/questions/0/options": "A choice needs at least two options.",
            "#/questions/1/id": "“a” is taken.",
            "#/questions/1/several": "Only of a choice several can be chosen.",
            "#/questions/2/options": "Only a choice has options.",
            "#/questions/2/options/0/id": "“y” is taken.",
            "#/questions/2/options/1/id": "“y” is taken.",
            "#/questions/2/options/0/text": "It is missing in the program’s first language, en.",
            "#/questions/2/options/1/text": "It is missing in the program’s first language, en.",
        },
    ),
    ({"questions": [{"id": "a", "kind": "stars", "text": "?"}]}, {"#/questions/0/kind": "Must be one of: "}),
]
"""What is changed in a survey, and how what is then wrong with it begins to be said, by its place."""

WRONG_ANSWERS: list[tuple[list[Body], dict[str, str]]] = [
    ([], {"#/answers": "Length must be between 1 and 20."}),
    ([{"question": "taste", "score": 1}], {"#/answers/0/question": "“taste” is not one of the survey’s questions: "}),
    (
        [{"question": "why", "options": ["tea"]}],
        {"#/answers/0/options/0": "“tea” is not one of the options of “why”: "},
    ),
    ([{"question": "recommend", "score": 11}], {"#/answers/0/score": "Must be greater than or equal to 0 and "}),
    ([{"question": "recommend", "text": "10"}], {"#/answers/0/text": "“recommend” is answered by score."}),
    ([{"question": "recommend"}], {"#/answers/0": "Give exactly one of score, options and text."}),
    ([{"question": "words", "text": "x" * 2_001}], {"#/answers/0/text": "Length must be between 1 and 2000."}),
    ([{"question": "words", "text": "a\0b"}], {"#/answers/0/text": "Holds a NUL or half a surrogate pair."}),
]


@pytest.fixture
def maria(shop: Shop) -> dict[str, str]:
    """Maria, who manages the shop."""
    return as_staff(shop, "maria", role="manager")


@pytest.fixture
def asked(api: FlaskClient, maria: dict[str, str]) -> Body:
    """A survey that Maria has filed."""
    survey: Body = told(api.post(SURVEYS, json=SURVEY, headers=maria))
    return survey


def test_a_manager_asks_members_answer_and_the_results_are_there(
    api: FlaskClient, shop: Shop, maria: dict[str, str]
) -> None:
    fred = shop.join("fred", locale="fr-CH")
    others = [shop.join(f"m{number}") for number in range(2)]

    filed = api.post(SURVEYS, json=SURVEY, headers=maria)
    place = filed.headers["Location"]
    seen = told(api.get(MINE, headers=as_member(shop, fred)))
    answered = api.post(MY_ANSWERS, json=ANSWERS, headers=as_member(shop))
    scores = [{"answers": [{"question": "recommend", "score": score}]} for score in (9, 7, 3)]
    for member, score in zip([fred, *others], scores, strict=True):
        api.post(MY_ANSWERS, json=score, headers=as_member(shop, member))
    results = told(api.get(place, headers=maria))
    newest = told(api.get(f"{place}/answers?limit=1", headers=maria))
    first = told(api.get(f"{place}/answers?cursor={newest['next_cursor']}", headers=maria))["items"][-1]

    assert (filed.status_code, told(filed)["status"], told(filed)["answered"]) == (201, "open", 0)
    assert [result["nps"] for result in told(filed)["results"]] == [None] * 3
    [french] = seen["items"]
    assert (french["title"], french["closes_at"]) == ("Votre visite", "2026-04-01T00:00:00Z")
    assert [question["text"] for question in french["questions"]] == ["Nous recommander ?", "Why?", "Anything else?"]
    assert french["questions"][1]["options"][0] == {"id": "price", "text": "Le prix"}
    assert answered.status_code == 201
    assert (told(answered)["survey"], told(answered)["earned"]) == ("after-visit", [])
    assert results["answered"] == 4
    score, why, words = results["results"]
    assert [each["members"] for each in score["scores"]] == [0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1]
    assert (score["answered"], score["nps"], score["options"]) == (4, 25.0, None)
    assert (why["answered"], why["nps"], why["scores"]) == (1, None, None)
    assert why["options"] == [{"option": "price", "members": 1}, {"option": "staff", "members": 1}]
    assert (words["answered"], words["scores"], words["options"]) == (1, None, None)
    assert newest["items"][0]["member"] == str(others[1])
    assert (first["member"], first["id"]) == (str(shop.alice), told(answered)["id"])
    said = {each["question"]: each for each in first["answers"]}
    assert (said["recommend"]["score"], said["why"]["options"]) == (10, ["price", "staff"])
    assert said["words"] == {"question": "words", "score": None, "options": None, "text": "Nice.\nThank you!"}


def test_a_survey_is_answered_once_and_a_resend_has_the_same_answer(api: FlaskClient, shop: Shop, asked: Body) -> None:
    alice = as_member(shop)

    answers = [api.post(MY_ANSWERS, json=ANSWERS, headers={**alice, "Idempotency-Key": "k-1"}) for _ in range(2)]
    again = api.post(MY_ANSWERS, json=ANSWERS, headers={**alice, "Idempotency-Key": "k-2"})

    assert [(answer.status_code, answer.get_data()) for answer in answers] == [(201, answers[0].get_data())] * 2
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert refused(again) == (409, "already_answered")
    assert told(api.get(MINE, headers=alice)) == {"items": [], "next_cursor": None}


def test_a_survey_that_was_closed_takes_no_more_answers(
    api: FlaskClient, shop: Shop, maria: dict[str, str], asked: Body
) -> None:
    closed = [told(api.post(f"{SURVEYS}/after-visit/close", headers=maria)) for _ in range(2)]

    assert [(each["status"], each["closes_at"]) for each in closed] == [("closed", "2026-03-10T12:00:00Z")] * 2
    assert refused(api.post(MY_ANSWERS, json=ANSWERS, headers=as_member(shop))) == (409, "survey_not_open")
    assert told(api.get(MINE, headers=as_member(shop)))["items"] == []


def test_questions_are_written_anew_until_the_first_answer(
    api: FlaskClient, shop: Shop, maria: dict[str, str], asked: Body
) -> None:
    place = f"{SURVEYS}/after-visit"
    body = {name: value for name, value in SURVEY.items() if name != "id"}
    fewer = {**body, "questions": SURVEY["questions"][:2]}

    before = api.put(place, json=fewer, headers=maria)
    again = {"answers": ANSWERS["answers"][:2]}
    answered = api.post(MY_ANSWERS, json=again, headers=as_member(shop))
    other_questions = api.put(place, json=body, headers=maria)
    other_title = api.put(place, json={**fewer, "title": "Thank you"}, headers=maria)

    assert (before.status_code, answered.status_code) == (200, 201)
    assert refused(other_questions) == (409, "survey_has_answers")
    assert told(other_title)["title"] == {"en": "Thank you"}
    assert told(other_title)["opens_at"] == asked["opens_at"]


def test_what_is_wrong_with_a_survey_is_said_with_its_place(api: FlaskClient, maria: dict[str, str]) -> None:
    answers = [api.post(SURVEYS, json={**SURVEY, **change}, headers=maria) for change, _ in FAULTS]

    assert {refused(answer) for answer in answers} == {(422, "invalid")}
    for (change, faults), answer in zip(FAULTS, answers, strict=True):
        found = {fault["pointer"]: fault["detail"] for fault in told(answer)["errors"]}
        assert found.keys() == faults.keys(), change
        assert all(found[pointer].startswith(detail) for pointer, detail in faults.items()), (change, found)


def test_what_is_wrong_with_answers_is_said_with_its_place(api: FlaskClient, shop: Shop, asked: Body) -> None:
    alice = as_member(shop)

    answers = [api.post(MY_ANSWERS, json={"answers": given}, headers=alice) for given, _ in WRONG_ANSWERS]

    assert {refused(answer) for answer in answers} == {(422, "invalid")}
    for (given, faults), answer in zip(WRONG_ANSWERS, answers, strict=True):
        found = {fault["pointer"]: fault["detail"] for fault in told(answer)["errors"]}
        assert found.keys() == faults.keys(), given
        assert all(found[pointer].startswith(detail) for pointer, detail in faults.items()), (given, found)
    assert api.post(MY_ANSWERS, json=ANSWERS, headers=alice).status_code == 201


def test_two_surveys_of_one_id_are_refused(api: FlaskClient, maria: dict[str, str], asked: Body) -> None:
    assert refused(api.post(SURVEYS, json=SURVEY, headers=maria)) == (409, "name_taken")


def test_segments_and_campaigns_name_surveys_that_there_are(
    api: FlaskClient, maria: dict[str, str], asked: Body
) -> None:
    rules = [{"scored": {"survey": name, "question": "recommend", "at_least": 9}} for name in ("after-visit", "other")]
    everybody = told(api.post("/v1/segments", json={"name": "All", "rule": {"all": []}}, headers=maria))["id"]
    body = {"name": "Ask", "segment": everybody, "title": "{survey}", "body": "Until {day}"}

    previews = [api.post("/v1/segments/preview", json={"rule": rule}, headers=maria) for rule in rules]
    campaigns = [
        api.post("/v1/campaigns", json={**body, **change}, headers=maria)
        for change in (
            {"survey": "after-visit", "ends_at": "2026-03-20T00:00:00Z"},
            {"survey": "other", "body": "Hello"},
            {"survey": "after-visit", "body": "Hello", "starts_at": "2026-04-01T00:00:00Z"},
            {"body": "Hello"},
        )
    ]

    assert told(previews[0])["size"] == 0
    assert [told(campaigns[0])[name] for name in ("survey", "status")] == ["after-visit", "draft"]
    assert [each["errors"] for each in (told(previews[1]), *map(told, campaigns[1:]))] == [
        [
            {
                "pointer": "#/rule/scored/survey",
                "detail": "“other” is not one of the program’s surveys: after-visit.",
            }
        ],
        [{"pointer": "#/survey", "detail": "“other” is not one of the program’s: after-visit."}],
        [{"pointer": "#/survey", "detail": "“after-visit” would be closed before it begins."}],
        [{"pointer": "#/title", "detail": told(campaigns[3])["errors"][0]["detail"]}],
    ]
    assert told(campaigns[3])["errors"][0]["detail"].startswith("{survey} is unknown; promotion has")


def test_only_the_programs_managers_ask_and_only_its_members_answer(
    api: FlaskClient, shop: Shop, asked: Body, db: Database, clock: FixedClock
) -> None:
    other = open_shop(db, clock, program="stamp-card", app=shop.app)
    callers = {
        "nobody": {},
        "alice": as_member(shop),
        "carol": as_staff(shop, "carol", role="cashier"),
        "till": as_key(shop, "till", "members:act"),
        "nora": as_staff(other, "nora", role="manager"),
        "dora": as_member(other),
    }
    one = f"{SURVEYS}/after-visit"
    body = {name: value for name, value in SURVEY.items() if name != "id"}
    calls: list[tuple[str, str, Body | None]] = [
        ("GET", SURVEYS, None),
        ("GET", one, None),
        ("PUT", one, body),
        ("POST", f"{one}/close", None),
        ("GET", f"{one}/answers", None),
        ("GET", MINE, None),
        ("POST", MY_ANSWERS, ANSWERS),
    ]

    statuses = {
        name: [api.open(path, method=method, json=sent, headers=by).status_code for method, path, sent in calls]
        for name, by in callers.items()
    }

    assert statuses == {
        "nobody": [401] * 7,
        "alice": [*[403] * 5, 200, 201],
        "carol": [403] * 7,
        "till": [403] * 7,
        "nora": [200, *[404] * 4, 403, 403],
        "dora": [*[403] * 5, 200, 404],
    }
    assert told(api.get(MINE, headers=callers["dora"]))["items"] == []
    assert told(api.get(SURVEYS, headers=callers["nora"]))["items"] == []
