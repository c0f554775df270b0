"""Surveys: the net promoter score by hand, texts by language, where a survey stands, and what answers it takes."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest

from tests.shop import NOON
from wallet_api.domain.errors import Invalid
from wallet_api.domain.survey import (
    Given,
    Option,
    Question,
    QuestionKind,
    Status,
    answers_of,
    net_promoter_score,
    said,
    status,
)

PRICE, STAFF = (Option(id=name, text={"en": name.capitalize()}) for name in ("price", "staff"))
QUESTIONS = (
    Question(id="recommend", kind=QuestionKind.SCORE, text={"en": "Would you recommend us?"}),
    Question(id="why", kind=QuestionKind.CHOICE, text={"en": "Why?"}, options=(PRICE, STAFF), several=True),
    Question(id="best", kind=QuestionKind.CHOICE, text={"en": "Best?"}, options=(PRICE, STAFF)),
    Question(id="words", kind=QuestionKind.TEXT, text={"en": "Anything else?"}),
)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], None),
        ([10, 9], Fraction(100)),
        ([0, 6], Fraction(-100)),
        ([7, 8], Fraction(0)),
        # Five promoters, two passive, three detractors of ten.
        ([10, 10, 9, 9, 9, 8, 7, 6, 3, 0], Fraction(20)),
        ([10, 9, 2], Fraction(100, 3)),
    ],
)
def test_the_net_promoter_score_is_promoters_less_detractors(scores: list[int], expected: Fraction | None) -> None:
    assert net_promoter_score([scores.count(score) for score in range(11)]) == expected


def test_answers_are_kept_by_question_and_some_may_be_left_out() -> None:
    given = [
        Given(question="words", text="Nice tea.\nThank you!"),
        Given(question="recommend", score=0),
        Given(question="why", options=["staff", "price", "staff"]),
    ]

    assert answers_of(QUESTIONS, given) == {
        "words": "Nice tea.\nThank you!",
        "recommend": 0,
        "why": ["staff", "price"],
    }


@pytest.mark.parametrize(
    ("given", "pointer", "detail"),
    [
        (
            Given(question="taste", score=5),
            "#/answers/1/question",
            "“taste” is not one of the survey’s questions: recommend, why, best, words.",
        ),
        (Given(question="recommend", score=5), "#/answers/1/question", "“recommend” is answered twice."),
        (Given(question="why", score=5), "#/answers/1/score", "“why” is answered by options."),
        (Given(question="words", options=["price"]), "#/answers/1/options", "“words” is answered by text."),
        (
            Given(question="why", options=["price", "tea"]),
            "#/answers/1/options/1",
            "“tea” is not one of the options of “why”: price, staff.",
        ),
        (Given(question="best", options=["price", "staff"]), "#/answers/1/options", "“best” takes one option."),
    ],
)
def test_what_is_wrong_with_answers_is_said_with_its_place(given: Given, pointer: str, detail: str) -> None:
    with pytest.raises(Invalid) as refused:
        answers_of(QUESTIONS, [Given(question="recommend", score=9), given])

    assert (refused.value.pointer, refused.value.detail, refused.value.more) == (pointer, detail, ())


def test_all_that_is_wrong_is_said_at_once() -> None:
    given = [Given(question="taste", score=5), Given(question="why", text="because")]

    with pytest.raises(Invalid) as refused:
        answers_of(QUESTIONS, given)

    assert [fault.pointer for fault in refused.value.more or ()] == ["#/answers/1/text"]


def test_a_text_is_said_in_the_readers_language_else_in_the_programs_first() -> None:
    texts = {"de": "Hallo", "fr": "Bonjour", "fr-CH": "Salut"}

    spoken = [said(texts, locale=locale, first="de") for locale in ("fr-CH", "fr_FR", "fr", "it")]

    assert spoken == ["Salut", "Bonjour", "Bonjour", "Hallo"]
    assert said(texts, locale="it", first="en") in texts.values()


def test_a_survey_is_open_from_its_beginning_until_its_end() -> None:
    hour = timedelta(hours=1)
    times = [(NOON + hour, None), (NOON, None), (NOON - hour, NOON), (NOON - hour, NOON + hour), (NOON + hour, NOON)]

    stands = [status(opens_at=opens, closes_at=closes, now=NOON) for opens, closes in times]

    assert stands == [Status.PLANNED, Status.OPEN, Status.CLOSED, Status.OPEN, Status.CLOSED]
